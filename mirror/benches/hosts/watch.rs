//! What arrives: how many values, and how old they are then.

use std::time::{Duration, Instant};

use ndsharray::{Store, UnixTime};

use crate::Result;
use crate::load::Load;

/// The ages of values when they were there.
#[derive(Debug, Default)]
pub struct Ages(Vec<f64>);

impl Ages {
    pub fn add(&mut self, written_at: UnixTime) {
        self.0.push(UnixTime::now().as_nanos().saturating_sub(written_at.as_nanos()) as f64 / 1e6);
    }

    /// Prints them, and how many values each tag got.
    pub fn tell(mut self, tags: usize) {
        self.0.sort_by(f64::total_cmp);
        let at = |share: f64| self.0.get((self.0.len() as f64 * share) as usize).copied();
        let delivered = self.0.len() as f64 / tags as f64;
        println!(
            "{}",
            serde_json::json!({ "delivered": delivered, "median_ms": at(0.5), "p99_ms": at(0.99) })
        );
    }
}

/// A tag's reader in the receiving store, as any program has it.
pub fn store(dir: &str, load: &str, seconds: f64) -> Result<()> {
    let load = Load::named(load)?;
    let store = Store::open(dir)?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let watch = |tag: String| {
        let store = store.clone();
        std::thread::spawn(move || -> Result<Ages> {
            let mut ages = Ages::default();
            let patience = end.saturating_duration_since(Instant::now());
            let Ok(mut reader) = store.reader_options(&tag).wait(patience).open() else { return Ok(ages) };
            loop {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(ages);
                }
                if let Some(value) = reader.wait(left)? {
                    ages.add(value.source_written_at().unwrap_or(value.written_at()));
                    check(value.bytes())?;
                }
            }
        })
    };
    let threads: Vec<_> = load.tags().map(watch).collect();
    let mut all = Ages::default();
    for thread in threads {
        all.0.extend(thread.join().map_err(|_| "a reader panicked")??.0);
    }
    all.tell(load.tags);
    Ok(())
}

/// Whether a value is whole: one byte of each page is that of the first.
pub fn check(bytes: &[u8]) -> Result<()> {
    let count = u64::from_le_bytes(bytes[..8].try_into()?);
    let torn = bytes.iter().skip(8).step_by(4096).any(|&byte| byte != count as u8);
    if torn { Err(format!("value {count} is torn").into()) } else { Ok(()) }
}
