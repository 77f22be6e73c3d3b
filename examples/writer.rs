//! Writes a matrix that grows by a row ten times a second, until Ctrl-C or for N values.
//!
//!     cargo run --release --example writer TAG [N]
//!
//! Watch it with the example `reader` in other terminals, and with `ls -l /dev/shm` (or NDSHARRAY_DIR, if that is set).
//! The tag is removed when the writer leaves: without `ephemeral(true)` its last value would stay.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ndsharray::Store;
use ndsharray::ndarray::Array2;

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (tag, count) = match &args[..] {
        [tag] if !tag.starts_with('-') => (tag, Some(u64::MAX)),
        [tag, count] if !tag.starts_with('-') => (tag, count.parse().ok()),
        _ => (&String::new(), None),
    };
    let Some(count) = count else {
        eprintln!("usage: writer TAG [N], with N the number of values");
        return ExitCode::from(2);
    };
    match write(tag, count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("writer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(tag: &str, count: u64) -> Result<(), Box<dyn std::error::Error>> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))?;
    let store = Store::open_default()?;
    // An ephemeral writer goes with its tag: not one that somebody else meant to stay.
    if store.stat(tag).is_ok_and(|stat| !stat.ephemeral) {
        return Err(format!("the array {tag:?} exists already in {}", store.directory().display()).into());
    }
    let mut writer = store.writer_options(tag).ephemeral(true).open()?;
    for n in 1..=count {
        if STOP.load(Ordering::Relaxed) {
            break;
        }
        // 1 to 100 rows, and again from 1.
        let rows = (n as usize - 1) % 100 + 1;
        let matrix =
            Array2::from_shape_fn((rows, 3), |(row, column)| n as f64 + (3 * row + column) as f64 / 1000.0);
        let version = writer.write(&matrix)?;
        println!(
            "wrote version {version}, shape {:?}, to {}",
            matrix.shape(),
            writer.data_file().unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
