//! `ndsharray-mirror`, which `ndsharray mirror` runs: tags of a store on another host.

mod args;
mod report;
mod stop;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ndsharray::Store;
use ndsharray_mirror::{Offer, SessionOptions, Take};

use crate::args::{Args, Command, Mirror};
use crate::report::Report;
use crate::stop::Stop;

/// How often the status is written.
const TELL_EVERY: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match &args.command {
        Some(Command::Status(status)) => open(&args).and_then(|store| report::show(&store, status.json)),
        None => mirror(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("ndsharray: {}", failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// Why the program ends, and with which code: 2 if the request is wrong, 1 if it failed.
struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    fn bad(text: impl ToString) -> Self {
        Failure { text: text.to_string(), code: 2 }
    }

    fn failed(text: impl ToString) -> Self {
        Failure { text: text.to_string(), code: 1 }
    }
}

fn open(args: &Args) -> Result<Store, Failure> {
    match &args.dir {
        Some(dir) => Store::open(dir),
        None => Store::open_default(),
    }
    .map_err(Failure::bad)
}

fn mirror(args: &Args) -> Result<(), Failure> {
    let Mirror { offer, take, .. } = &args.mirror;
    if offer.is_empty() && take.is_empty() {
        return Err(Failure::bad(
            "nothing to do: use --offer PATTERN on the host that has the tags, --take PATTERN on the other",
        ));
    }
    let stop = Stop::listen().map_err(Failure::failed)?;
    let store = open(args)?;
    let session = session(&args.mirror)?;
    let offering = if offer.is_empty() {
        None
    } else {
        Some(offering(args, &store).start(&session).map_err(Failure::bad)?)
    };
    let taking = if take.is_empty() {
        None
    } else {
        Some(taking(&args.mirror, &store).start(&session).map_err(Failure::bad)?)
    };
    args.mirror.announce();
    let mut report = Report::new(&store, taking.is_some());
    while !stop.wait(TELL_EVERY) {
        report.tell(offering.as_ref().map(|of| of.status()), taking.as_ref().map(|of| of.status()));
    }
    drop((offering, taking, report));
    // What still waits for a connection is not waited for.
    std::process::exit(0);
}

fn session(args: &Mirror) -> Result<ndsharray_mirror::zenoh::Session, Failure> {
    let mut options = SessionOptions::new().scout(args.scout).max_size(args.max_size.0 as usize);
    for endpoint in &args.listen {
        options = options.listen(endpoint);
    }
    for endpoint in &args.connect {
        options = options.connect(endpoint);
    }
    if let Some(path) = &args.zenoh_config {
        options = options.zenoh_config(path);
    }
    options.open().map_err(Failure::bad)
}

fn offering(args: &Args, store: &Store) -> Offer {
    let mut offer = Offer::new(store.clone());
    for pattern in &args.mirror.offer {
        offer = offer.tags(pattern);
    }
    match &args.mirror.name {
        Some(name) => offer.host(name),
        None => offer,
    }
}

fn taking(args: &Mirror, store: &Store) -> Take {
    let mut take = Take::new(store.clone()).prefix(&args.prefix).keep(args.keep);
    take = take.max_size(args.max_size.0 as usize).max_tags(args.max_tags).max_total(args.max_total.0);
    for pattern in &args.take {
        take = take.tags(pattern);
    }
    for pattern in &args.every {
        take = take.every(pattern);
    }
    for rate in &args.max_rate {
        take = take.max_rate(&rate.pattern, rate.most);
    }
    take
}
