//! Writes the load of a small robot into the default store for some seconds: two gray cameras of 1080p at 30 Hz, and 64 bytes at
//! 1 kHz. `ci/record_load.sh` records it.
//!
//!     cargo run --release --example load -- SECONDS

use std::time::{Duration, Instant};

use ndsharray::Store;

const STREAMS: [(&str, u32, &[usize], usize); 3] = [
    ("load-left", 30, &[1080, 1920], 32),
    ("load-right", 30, &[1080, 1920], 32),
    ("load-imu", 1000, &[64], 248),
];

fn main() -> ndsharray::Result<()> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10);
    let store = Store::open_default()?;
    std::thread::scope(|scope| {
        let threads = STREAMS.map(|stream| {
            let store = &store;
            scope.spawn(move || produce(store, stream, Duration::from_secs(seconds)))
        });
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}

/// A writer that is so late goes on from there: it makes up for less.
const MADE_UP_FOR: Duration = Duration::from_millis(50);

/// Writes one stream, and says how many values it had and whether it kept the pace.
fn produce(
    store: &Store,
    (tag, rate, shape, history): (&str, u32, &[usize], usize),
    time: Duration,
) -> ndsharray::Result<()> {
    let mut writer = store.writer_options(tag).history(history).open()?;
    let mut data = vec![0_u8; shape.iter().product()];
    let start = Instant::now();
    let (mut due, mut late, mut pauses) = (start, Duration::ZERO, 0);
    while start.elapsed() < time {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        late = late.max(due.elapsed());
        if due.elapsed() > MADE_UP_FOR {
            pauses += 1;
            due = Instant::now();
        }
        due += Duration::from_secs(1) / rate;
        data[..8].copy_from_slice(&writer.version().to_le_bytes());
        writer.write_slice(&data, shape)?;
    }
    println!("{tag} {} written, at most {late:?} late, {pauses} pauses", writer.version());
    Ok(())
}
