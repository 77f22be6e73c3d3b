//! Several tags in one asynchronous program (here with tokio, but any runtime will do): two writers at different rates, and a task
//! for each that reads what it writes.
//!
//! `cargo run --example async_reader [SECONDS]`

use std::time::Duration;

use ndsharray::{Error, Reader, Result, Store};
use tokio::time::{interval, sleep, timeout};

/// Reads each value in order until none comes for a while. Returns how many there were, and how many were missed.
async fn count(name: &'static str, mut reader: Reader) -> Result<(&'static str, u64, u64)> {
    let mut values = 0;
    loop {
        while let Some(value) = reader.read_next()? {
            values += 1;
            if value.version() % 50 == 1 {
                println!("{name}: value {}, {:?} old", value.version(), value.age());
            }
        }
        match timeout(Duration::from_secs(1), reader.changed()).await {
            Ok(changed) => changed?,
            Err(_) => return Ok((name, values, reader.missed())),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    let store = Store::open_default()?;
    let mut tasks = Vec::new();
    for (name, pause) in [("fast", 5), ("slow", 100)] {
        let tag = format!("async-{name}-{}", std::process::id());
        let mut writer = store.writer_options(&tag).ephemeral(true).history(100).open()?;
        tasks.push(tokio::spawn(count(name, store.reader(&tag)?)));
        tokio::spawn(async move {
            let mut ticks = interval(Duration::from_millis(pause));
            loop {
                let now = ticks.tick().await.elapsed().as_nanos() as u64;
                writer.write_slice(&[now], &[1])?;
                if writer.version() * pause >= seconds * 1000 {
                    // Give the readers time: the tag is removed when its writer ends.
                    sleep(Duration::from_secs(2)).await;
                    return Ok::<(), Error>(());
                }
            }
        });
    }
    for task in tasks {
        let (name, values, missed) = task.await.expect("a task that panicked")?;
        println!("{name}: {values} values, missed {missed}");
    }
    // Let the writers remove their tags.
    sleep(Duration::from_secs(2)).await;
    Ok(())
}
