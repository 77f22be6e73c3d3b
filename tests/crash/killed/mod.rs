//! Scenarios: what a process does to a tag when it is killed, and who else is there; and values that say which one they
//! are.
#![allow(dead_code)] // Each test binary uses a part of it.

use ndsharray::{DType, Meta, Result, Snapshot, Store, Writer};

pub mod aftermath;
pub mod doomed;
pub mod histories;
pub mod order;
pub mod scenarios;
pub mod strace;
#[cfg(target_arch = "x86_64")]
pub mod tracer;

/// The tag of all scenarios.
pub const TAG: &str = "t";
const PAGE: usize = 4096;

/// Kinds of values: each has a layout of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// 64 bytes.
    Small,
    /// Another layout of 64 bytes.
    Cast,
    /// More than a page.
    Big,
    /// More than four slots of what is small. Its slots are large enough to be punched out.
    Large,
    /// More than a slot of what is large.
    Huge,
    /// Written by a writer that lived on while its tag was taken over.
    Victims,
    /// Written by the next writer.
    Next,
}

use Kind::*;

impl Kind {
    fn layout(self) -> (DType, Vec<usize>) {
        match self {
            Small => (DType::UInt8, vec![64]),
            Cast => (DType::UInt16, vec![8, 4]),
            Big => (DType::UInt8, vec![3, PAGE / 2]),
            Large => (DType::UInt8, vec![16, PAGE]),
            Huge => (DType::UInt8, vec![20, PAGE]),
            Victims => (DType::Int8, vec![64]),
            Next => (DType::Int32, vec![5, 5]),
        }
    }
}

/// Every byte of a value depends on its version and kind, so that a mixture of two values is seen.
fn bytes(version: u64, kind: Kind, length: usize) -> impl Iterator<Item = u8> {
    let start = version.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((kind as u64 + 1) << 7);
    (0..length as u64).map(move |i| ((start ^ i.wrapping_mul(0x0101_6b43_a9b5_5aed)) >> 24) as u8)
}

fn user_data(version: u64, kind: Kind) -> String {
    format!("{kind:?} {version}")
}

/// A value that is ready to be written, so that making it takes no steps of the writer.
pub struct Value {
    version: u64,
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
    user_data: String,
}

impl Value {
    pub fn new(version: u64, kind: Kind) -> Value {
        let (dtype, shape) = kind.layout();
        let length = shape.iter().product::<usize>() * dtype.itemsize();
        let bytes = bytes(version, kind, length).collect();
        Value { version, dtype, shape, bytes, user_data: user_data(version, kind) }
    }

    pub fn write(&self, writer: &mut Writer) -> Result<u64> {
        writer.write_bytes_with(
            &self.dtype,
            &self.shape,
            &self.bytes,
            &Meta::new().user_data(self.user_data.as_bytes()).unwrap(),
        )
    }
}

/// Publishes the next value.
pub fn write(writer: &mut Writer, kind: Kind) -> Result<u64> {
    let value = Value::new(writer.version() + 1, kind);
    let published = value.write(writer)?;
    assert_eq!(published, value.version);
    Ok(published)
}

/// Checks that a value is whole, and says which one it is.
#[track_caller]
pub fn check(value: &Snapshot) -> (u64, Kind) {
    let kinds = [Small, Cast, Big, Large, Huge, Victims, Next];
    let version = value.version();
    let said = String::from_utf8_lossy(value.user_data());
    let kind = kinds.into_iter().find(|&kind| user_data(version, kind) == said);
    let kind = kind.unwrap_or_else(|| panic!("version {version} has the user data {said:?}"));
    assert_eq!((value.dtype(), value.shape()), (&kind.layout().0, &kind.layout().1[..]), "version {version}");
    assert!(
        value.bytes().iter().copied().eq(bytes(version, kind, value.bytes().len())),
        "torn: version {version}"
    );
    (version, kind)
}

/// Who else is there while it happens, beside a reader that holds a value (if there is one to hold).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// No reader either: there is no tag yet.
    Nobody,
    Reader,
    /// A reader that sleeps until something is published.
    Sleeper,
    /// The tag's writer, which lives.
    Victim,
}

/// Something that is done to the tag by a process that is killed in the middle of it.
pub struct Scenario {
    pub name: &'static str,
    /// What that process does before.
    pub prepare: fn(&Store) -> Option<Writer>,
    pub company: Company,
    /// What it is killed in.
    pub operate: fn(&Store, &mut Option<Writer>, &Value),
    /// The values that may be found afterwards; the last one is what is written, if anything is. No others; none at
    /// all only if `absent`.
    pub values: &'static [(u64, Kind)],
    /// Whether the tag may be missing, or empty, afterwards.
    pub absent: bool,
    /// Whether the next writer takes the tag over, rather than wait until its writer is gone.
    pub takeover: bool,
    /// Whether the next writer cannot tidy up alone, as there are other tags, or a writer with files of its own lives
    /// longer.
    pub sweeps: bool,
    /// How much history the writers keep; 0: none.
    pub history: usize,
    /// How many of the last values must be there afterwards.
    pub kept: usize,
}

impl Scenario {
    /// What it writes, if it writes.
    pub fn value(&self) -> Value {
        let (version, kind) = self.values[self.values.len() - 1];
        Value::new(version, kind)
    }
}
