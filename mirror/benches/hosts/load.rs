//! What is written: arrays of a size, at a rate.

use std::time::{Duration, Instant};

use ndsharray::Store;

use crate::Result;

/// What is written, to how many tags.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub name: &'static str,
    pub title: &'static str,
    pub nbytes: usize,
    pub rate: f64,
    pub tags: usize,
}

pub const LOADS: [Load; 5] = [
    Load { name: "small", title: "64 B, 1 kHz", nbytes: 64, rate: 1000.0, tags: 1 },
    Load { name: "frame", title: "1080p gray, 30 Hz", nbytes: 1920 * 1080, rate: 30.0, tags: 1 },
    Load { name: "frames", title: "four of these", nbytes: 1920 * 1080, rate: 30.0, tags: 4 },
    Load { name: "tags", title: "100 tags of 200 B, 10 Hz", nbytes: 200, rate: 10.0, tags: 100 },
    Load { name: "large", title: "50 MiB, 1 Hz", nbytes: 50 << 20, rate: 1.0, tags: 1 },
];

impl Load {
    pub fn named(name: &str) -> Result<Load> {
        LOADS.into_iter().find(|load| load.name == name).ok_or_else(|| format!("no load {name:?}").into())
    }

    pub fn tags(&self) -> impl Iterator<Item = String> + use<> {
        (0..self.tags).map(|number| format!("cam{number}"))
    }
}

/// Writes until the time is over; prints how many values were written.
pub fn write(dir: &str, load: &str, seconds: f64) -> Result<()> {
    let load = Load::named(load)?;
    let store = Store::open(dir)?;
    let mut writers = Vec::new();
    for tag in load.tags() {
        writers.push(store.writer_options(&tag).ephemeral(true).open()?);
    }
    let (begun, mut count) = (Instant::now(), 0_u64);
    while begun.elapsed().as_secs_f64() < seconds {
        for writer in &mut writers {
            let mut loan = writer.loan::<u8>(&[load.nbytes])?;
            let memory = loan.as_mut_slice();
            memory.fill(count as u8);
            memory[..8].copy_from_slice(&count.to_le_bytes());
            loan.publish()?;
        }
        count += 1;
        let due = begun + Duration::from_secs_f64(count as f64 / load.rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    println!("{}", serde_json::json!({ "written": count }));
    Ok(())
}
