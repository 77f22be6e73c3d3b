//! What the quickstart shares, and how a reader knows that all of it is right.

use ndsharray::ndarray::Array2;
use ndsharray::{DType, Snapshot};

use super::Result;

/// Height, width, colours.
pub const FRAME: [usize; 3] = [720, 1280, 3];

/// What travels with each value, as its user data.
pub struct Note {
    /// The number of the sample or frame.
    pub number: u64,
    /// The checksum of the counters; 0 with frames.
    pub sum: u64,
    /// 1 with the last value of all.
    pub last: u64,
}

impl Note {
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.number, self.sum, self.last].map(u64::to_le_bytes).concat()
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Note> {
        let field = |i: usize| Some(u64::from_le_bytes(bytes.get(8 * i..8 * i + 8)?.try_into().ok()?));
        Some(Note { number: field(0)?, sum: field(1)?, last: field(2)? })
    }
}

/// Row y of frame n is the ramp 0, 1, 2, ... 255, 0, 1, ... from element y + n on: each frame is another one everywhere.
pub fn ramp() -> Vec<u8> {
    (0..FRAME[1] * FRAME[2] + 256).map(|i| i as u8).collect()
}

pub fn row_of(ramp: &[u8], number: u64, y: usize) -> &[u8] {
    &ramp[(number as usize + y) % 256..][..FRAME[1] * FRAME[2]]
}

pub fn checksum(counters: &[u64]) -> u64 {
    counters
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, &c| (sum ^ c).wrapping_mul(0x0100_0000_01b3).rotate_left(29))
}

/// The lines cpu0, cpu1, ... of /proc/stat.
pub fn counters() -> Result<Array2<u64>> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let cpus = text.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    let rows: Vec<Vec<u64>> =
        cpus.map(|line| line.split(' ').skip(1).filter_map(|n| n.parse().ok()).collect()).collect();
    let width = rows.iter().map(Vec::len).min().unwrap_or(0);
    Ok(Array2::from_shape_fn((rows.len(), width), |(cpu, counter)| rows[cpu][counter]))
}

/// Checks all of a value against what travels with it.
pub fn check(value: &Snapshot, ramp: &[u8]) -> Result<Note> {
    let note = Note::from_bytes(value.user_data()).ok_or("no user data")?;
    match value.dtype() {
        DType::UInt64 if checksum(value.as_slice::<u64>()?) != note.sum => Err("wrong checksum".into()),
        DType::UInt64 => Ok(note),
        DType::UInt8 if value.shape() == FRAME => {
            let mut rows = value.bytes().chunks_exact(FRAME[1] * FRAME[2]).enumerate();
            match rows.find(|(y, row)| *row != row_of(ramp, note.number, *y)) {
                Some((y, _)) => Err(format!("frame {} is wrong in row {y}", note.number).into()),
                None => Ok(note),
            }
        }
        _ => Err("not a layout that was written".into()),
    }
}
