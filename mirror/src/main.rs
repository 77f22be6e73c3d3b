//! `ndsharray-mirror`, which `ndsharray mirror` runs: tags of a store on another host.

mod args;
mod connection;
mod failure;
mod report;
mod stop;

use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::Parser;
use ndsharray::Store;
use ndsharray_mirror::zenoh::{self, Session};
use ndsharray_mirror::{Error, Offer, SessionOptions, Take};

use crate::args::{Args, Command, Mirror};
use crate::connection::Connection;
use crate::failure::{Failure, say};
use crate::report::Report;
use crate::stop::Stop;

/// How often it is looked at while the session opens.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the status is written.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How long the end may take.
const END: Duration = Duration::from_millis(800);

fn main() -> ExitCode {
    let outcome = match Args::try_parse() {
        Ok(args) => run(&args),
        Err(error) if error.use_stderr() => Err(Failure::usage(&error)),
        // Help and version go to stdout as they are.
        Err(error) => error.print().map_err(Failure::failed),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Some(Command::Status(status)) => report::show(&open(args)?, status.json),
        None => mirror(args),
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
    if std::env::var_os("RUST_LOG").is_some() {
        zenoh::try_init_log_from_env();
    }
    let stop = Stop::listen().map_err(Failure::failed)?;
    let store = open(args)?;
    let options = session(&args.mirror);
    let mut connection = Connection::new(&args.mirror.connect);
    let Some(session) = opened(&options, &stop, &mut connection)? else { return Ok(()) };
    let offering = (!offer.is_empty()).then(|| offering(&args.mirror, &store).start(&session));
    let offering = offering.transpose().map_err(failure)?;
    let taking = (!take.is_empty()).then(|| taking(&args.mirror, &store).start(&session));
    let taking = taking.transpose().map_err(failure)?;
    if !args.mirror.reaches_others() {
        return Err(Failure::bad(
            "no other host can be reached: use --listen ENDPOINT, --connect ENDPOINT, or --scout",
        ));
    }
    for endpoint in options.open_endpoints().map_err(failure)? {
        say(&format!(
            "{endpoint} is open: whoever reaches it can take what is offered, and offer; docs/hosts.md has TLS"
        ));
    }
    let mut report = Report::new(&store);
    loop {
        report.tell(offering.as_ref().map(|of| of.status()), taking.as_ref().map(|of| of.status()));
        if stop.wait(TELL_EVERY) {
            break;
        }
        connection.look(Some(&session));
    }
    let (sender, ended) = channel();
    std::thread::spawn(move || {
        drop(report);
        drop(taking);
        drop(offering);
        let _ = sender.send(());
    });
    // What still waits for a connection is not waited for.
    let _ = ended.recv_timeout(END);
    std::process::exit(0);
}

/// Opens the session; `None` if a signal came before it was open. As a client it waits for its router.
fn opened(
    options: &SessionOptions,
    stop: &Stop,
    connection: &mut Connection,
) -> Result<Option<Session>, Failure> {
    let (sender, opened) = channel();
    let options = options.clone();
    std::thread::spawn(move || sender.send(options.open()));
    loop {
        match opened.recv_timeout(LOOK_EVERY) {
            Ok(session) => return session.map(Some).map_err(failure),
            Err(_) if stop.wait(Duration::ZERO) => return Ok(None),
            Err(_) => connection.look(None),
        }
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Io { .. } => Failure::failed(error),
        error => Failure::bad(error),
    }
}

fn session(args: &Mirror) -> SessionOptions {
    let mut options = SessionOptions::new().scout(args.scout);
    for endpoint in &args.listen {
        options = options.listen(endpoint);
    }
    for endpoint in &args.connect {
        options = options.connect(endpoint);
    }
    if let Some(path) = &args.zenoh_config {
        options = options.zenoh_config(path);
    }
    options
}

fn offering(args: &Mirror, store: &Store) -> Offer {
    let mut offer = Offer::new(store.clone());
    for pattern in &args.offer {
        offer = offer.tags(pattern);
    }
    match &args.name {
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
