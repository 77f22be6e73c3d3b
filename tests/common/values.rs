//! Values that are a function of tag and version: dtype, shape, each element, the user data.
//!
//! The bytes of a value are a piece of a table of random bytes, another piece for each version. So a check is one
//! comparison, as fast as memory allows, and a single word of another version makes it fail.

use std::collections::VecDeque;
use std::sync::OnceLock;

use ndsharray::{DType, Meta, Result, Snapshot, View, Writer};

use super::random::Random;

/// The layout of this tag never changes; those of other tags do.
pub const FIXED: &str = "fixed";

const STARTS: usize = 1 << 18;
const LONGEST: usize = 8 * 20_000;

pub fn table() -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut random = Random(0x5eed);
        (0..(STARTS + LONGEST) / 8).flat_map(|_| random.below(u64::MAX).to_ne_bytes()).collect()
    })
}

fn piece(version: u64, length: usize) -> &'static [u8] {
    let start = (version.wrapping_mul(24) % STARTS as u64) as usize;
    &table()[start..start + length]
}

/// A few values of each layout; for some hundred versions they are small, then large, so that memory is recycled, grows
/// and shrinks.
pub fn layout(tag: &str, version: u64) -> (DType, Vec<usize>) {
    if tag == FIXED {
        return (DType::UInt64, vec![10, 100]);
    }
    let mix = |number: u64| {
        let mut random = Random((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.below(2);
        random.below(1 << 40)
    };
    let most = [64, 3000, 20_000][mix(version / 200) as usize % 3];
    let random = mix(version / 5 + 1000);
    let dtype = [DType::UInt8, DType::Int16, DType::Float32, DType::Complex64][random as usize % 4].clone();
    let rows = 1 + (random >> 8) as usize % 4;
    (dtype, vec![rows, (random >> 16) as usize % (most / rows)])
}

fn nbytes(dtype: &DType, shape: &[usize]) -> usize {
    shape.iter().product::<usize>() * dtype.itemsize()
}

fn user_data(version: u64) -> Vec<u8> {
    let mut data = version.to_ne_bytes().to_vec();
    data.extend_from_slice(piece(version, version as usize % 200));
    data
}

/// Publishes the next value, in one of several ways.
pub fn write_next(writer: &mut Writer) -> Result<u64> {
    let version = writer.version() + 1;
    let (dtype, shape) = layout(writer.tag(), version);
    let bytes = piece(version, nbytes(&dtype, &shape));
    if version % 11 == 0 {
        writer.loan_bytes(&dtype, &shape)?.as_mut_slice().fill(0xee);
    }
    let published = if version % 2 == 0 {
        writer.write_bytes_with(&dtype, &shape, bytes, &Meta::new().user_data(user_data(version)).unwrap())?
    } else {
        let mut loan = writer.loan_bytes(&dtype, &shape)?;
        loan.as_mut_slice().copy_from_slice(bytes);
        loan.set_meta(Meta::new().user_data(user_data(version))?);
        loan.publish()?
    };
    assert_eq!(published, version);
    Ok(published)
}

fn check(tag: &str, version: u64, dtype: &DType, shape: &[usize], bytes: &[u8], user: &[u8]) {
    assert_ne!(version, 0);
    let expected = layout(tag, version);
    assert_eq!((dtype, shape), (&expected.0, &expected.1[..]), "layout of version {version}");
    assert_eq!(user, user_data(version), "user data of version {version}");
    let expected = piece(version, nbytes(dtype, shape));
    if bytes != expected {
        let at = bytes.iter().zip(expected).position(|(found, expected)| found != expected);
        panic!("version {version}: {} bytes, not {}; first wrong at {at:?}", bytes.len(), expected.len());
    }
}

/// Checks every element of a snapshot.
pub fn check_snapshot(tag: &str, s: &Snapshot) {
    check(tag, s.version(), s.dtype(), s.shape(), s.bytes(), s.user_data());
}

/// Checks every element of a view.
pub fn check_view(tag: &str, v: &View<'_>) {
    check(tag, v.version(), v.dtype(), v.shape(), v.bytes(), v.user_data());
}

/// Snapshots that are held for a while, and checked once more when they are given up.
pub struct Held {
    tag: String,
    snapshots: VecDeque<Snapshot>,
    most: usize,
    random: Random,
}

impl Held {
    pub fn new(tag: &str, most: usize) -> Held {
        let random = Random(u64::from(std::process::id()) | 1 << 40);
        Held { tag: tag.to_owned(), snapshots: VecDeque::new(), most, random }
    }

    /// Checks a snapshot and holds it.
    pub fn hold(&mut self, snapshot: Snapshot) {
        check_snapshot(&self.tag, &snapshot);
        self.snapshots.push_back(snapshot);
        while self.snapshots.len() > self.most {
            let any = self.random.below(self.snapshots.len() as u64) as usize;
            check_snapshot(&self.tag, &self.snapshots.swap_remove_back(any).unwrap());
        }
    }

    /// Checks all that are held.
    pub fn check(&self) {
        for snapshot in &self.snapshots {
            check_snapshot(&self.tag, snapshot);
        }
    }
}
