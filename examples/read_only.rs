//! A consumer that only reads, as in a container that mounts the store read-only. Needs no permission to write.
//!
//!     cargo run --release --example writer demo                        (in another terminal)
//!     cargo run --release --example read_only demo [DIRECTORY]
//!
//! Where this process may write to the tag's files, a snapshot is the shared memory itself; where it may not, it is a
//! copy, made and checked by the reader: `is_copy` says which. All else is the same. DIRECTORY is the store as this
//! process sees it; by default NDSHARRAY_DIR, else /dev/shm. Reads five values, and writes no files.

use std::process::ExitCode;
use std::time::Duration;

use ndsharray::Store;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (tag, store) = match &args[..] {
        [tag] if !tag.starts_with('-') => (tag, Store::open_default()),
        [tag, directory] if !tag.starts_with('-') => (tag, Store::open(directory)),
        _ => {
            eprintln!("usage: read_only TAG [DIRECTORY]");
            return ExitCode::from(2);
        }
    };
    match store.and_then(|store| read(&store, tag)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("read_only: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read(store: &Store, tag: &str) -> ndsharray::Result<()> {
    let mut reader = store.reader(tag)?;
    for _ in 0..5 {
        let Some(value) = reader.wait(Duration::from_secs(2))? else {
            println!("nothing new for two seconds; is there a writer? {}", reader.writer_alive()?);
            break;
        };
        println!(
            "version {}  {} {:?}  age {} us  is_copy {}",
            value.version(),
            value.dtype(),
            value.shape(),
            value.age().as_micros(),
            value.is_copy()
        );
    }
    Ok(())
}
