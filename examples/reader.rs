//! Prints what comes under a tag: blocks in `wait` until there is something new. Until Ctrl-C, or for N values.
//!
//!     cargo run --release --example reader TAG [N]
//!
//! It may be started before its writer, and goes on with the next writer when one leaves. It writes no files.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ndsharray::{Error, Store};

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (tag, count) = match &args[..] {
        [tag] if !tag.starts_with('-') => (tag, Some(u64::MAX)),
        [tag, count] if !tag.starts_with('-') => (tag, count.parse().ok()),
        _ => (&String::new(), None),
    };
    let Some(count) = count else {
        eprintln!("usage: reader TAG [N], with N the number of values");
        return ExitCode::from(2);
    };
    match read(tag, count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reader: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read(tag: &str, count: u64) -> Result<(), Box<dyn std::error::Error>> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))?;
    let store = Store::open_default()?;
    let mut reader = loop {
        match store.reader(tag) {
            Err(Error::NotFound { .. }) if STOP.load(Ordering::Relaxed) => return Ok(()),
            Err(Error::NotFound { .. }) => std::thread::sleep(Duration::from_millis(50)),
            opened => break opened?,
        }
    };
    let mut values = 0;
    while values < count && !STOP.load(Ordering::Relaxed) {
        // With a timeout, so that Ctrl-C is seen while nothing comes.
        let Some(value) = reader.wait(Duration::from_millis(200))? else { continue };
        values += 1;
        let first = &value.bytes()[..value.bytes().len().min(8)];
        println!(
            "version {}  {} {:?}  age {} us  missed {}  first bytes {first:02x?}",
            value.version(),
            value.dtype(),
            value.shape(),
            value.age().as_micros(),
            reader.missed()
        );
    }
    Ok(())
}
