//! Named N-dimensional arrays shared between processes: the latest value, without a copy, whole and never torn.
//!
//! A process writes an array under a tag; any number of other processes read the latest value. What a reader gets is a
//! snapshot: it does not change for as long as it is held. Shape and dtype may change at any write. The writer never waits: a
//! reader that is slower misses values (and is told how many), unless the writer keeps a [history](WriterOptions::history) and
//! the reader asks for [each value](Reader::read_next).
//!
//! The store is a directory, `/dev/shm` by default. A tag is a small header file, which refers to a data file:
//!
//! ```text
//! $ ls -l /dev/shm
//! -rw------- 1 me me     8192 camera
//! -rw------- 1 me me  8314880 camera_7f0c9f0e5b5e4c0f8f3a7e0000000001
//! ```
//!
//! # Example
//!
//! ```
//! use ndsharray::{Store, ndarray::array};
//!
//! # fn main() -> ndsharray::Result<()> {
//! # let dir = tempfile::tempdir().unwrap();
//! let store = Store::open(dir.path())?; // or Store::open_default(), for /dev/shm
//! let mut writer = store.writer("pose")?;
//! writer.write(&array![[1.0, 0.0], [0.0, 1.0]])?;
//!
//! // In any other process that has the directory:
//! let mut reader = store.reader("pose")?;
//! let snapshot = reader.read()?.expect("a first value is always new");
//! assert_eq!(snapshot.as_array::<f64>()?, array![[1.0, 0.0], [0.0, 1.0]].into_dyn());
//!
//! writer.write(&array![1_u8, 2, 3])?; // another shape and dtype: the snapshot stays as it is
//! assert_eq!(snapshot.shape(), [2, 2]);
//! assert_eq!(reader.latest()?.as_slice::<u8>()?, [1, 2, 3]);
//! # Ok(())
//! # }
//! ```
//!
//! # Trust
//!
//! Opening is safe Rust on the assumption that processes *with write permission* to the store's files follow the
//! protocol. Defended against: processes that die at any instruction; corrupted, foreign or old files, which are
//! validated before use; symlinks and FIFOs; several writers; full stores. Not defended against: a malicious process
//! with write permission (it can cut a mapped file short); one with read permission that sits on a header's locks (an
//! `flock` keeps new writers out, and [takeover](WriterOptions::takeover) passes it; a record lock also keeps out
//! takeovers and removals); being killed by a memory limit.
//!
//! # Words
//!
//! | word | what it is |
//! |---|---|
//! | store, tag | a directory; the name of an array in it |
//! | header | the small file of a tag: its *record* says which value is current and where it lies |
//! | data file, segment | the file that holds values; mapped, it is a segment |
//! | slot | the room for one value in a segment; a stream goes through them in turn |
//! | pin | a reader's count on a slot: while it is not 0, the slot is not written |
//! | latch | the sequence number with two records: publishing is one compare-exchange on it |
//! | staged | a file that is complete before it has its name |
//! | adopt, take over | go on with the files of a writer that has left; replace one that has not |
//! | retire | mark a header as used no more |
//!
//! # Features
//!
//! Both are on by default.
//!
//! - `ndarray`: `Writer::write`, `as_array` and similar functions; without it slices and bytes remain
//! - `derive`: `#[derive(Element)]`, which makes structs elements of arrays
//!
//! # Modules
//!
//! All are private: this is for who reads the source. The lowest first; each uses only those listed before it.
//!
//! - `error`, `dtype`, `npy`, `time`: plain values
//! - `sync`: the protocol without files (latch, pins, event count), checked with loom
//! - `sys`: the one door to the kernel (files, names, locks, users, the clock, forks)
//! - `format`: the bytes of the files, as tables of fields
//! - `shm`: the mapped files, and the values in them
//! - `files`: names, opening, looking from outside, making, removing
//! - `wait`: threads that wait for many tags
//! - `writer`, `reader`, and on top `store`
//!
//! `unsafe` is in `sys`, `shm` and `dtype::element` only.
//!
//! The file format and the protocol, with the reason for each memory order, are in `docs/design.md`.

// Only the files that talk to the kernel or hand out mapped memory allow it again.
#![deny(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!(
    "ndsharray needs Linux: it stands on futexes, fallocate and renameat2 over a RAM-backed directory"
);

mod dtype;
mod error;
mod files;
mod format;
mod npy;
mod reader;
mod shm;
mod store;
mod sync;
mod sys;
mod time;
mod wait;
mod writer;

pub use crate::dtype::element::Element;
pub use crate::dtype::scalar::{Kind, Scalar};
pub use crate::dtype::types::{CustomDType, DType, RecordField};
pub use crate::error::kind::ErrorKind;
pub use crate::error::{Error, Result};
pub use crate::files::gc::{GcReport, OthersFile};
/// For those who read tags from files.
#[doc(hidden)]
pub use crate::files::tag::check as check_tag;
pub use crate::npy::NpyHeader;
pub use crate::reader::Reader;
pub use crate::reader::changed::Changed;
pub use crate::reader::every::Every;
pub use crate::reader::options::ReaderOptions;
pub use crate::reader::snapshot::{Snapshot, View};
#[doc(hidden)]
pub use crate::reader::value_id::ValueId;
pub use crate::reader::wait_any::wait_any;
pub use crate::store::Store;
pub use crate::store::entries::{Entry, EntryKind};
pub use crate::store::fields::Field;
pub use crate::store::inspect::{FileInspection, Inspection};
pub use crate::store::stat::{SlotStat, Stat, ValueStat};
#[cfg(ndsharray_steps)]
#[doc(hidden)]
pub use crate::sync::steps;
pub use crate::sys::space::Space;
pub use crate::time::UnixTime;
pub use crate::writer::Writer;
pub use crate::writer::loan::Loan;
pub use crate::writer::meta::Meta;
pub use crate::writer::options::WriterOptions;

/// Makes a plain struct an [`Element`](trait@Element) of arrays.
///
/// The struct must have named fields and `#[repr(C)]` (or `#[repr(C, packed)]`), be `Copy`, have no generic parameters, and
/// be aligned to at most 8 bytes. Its fields may be numbers, `bool`, complex numbers, structs with this derive, or arrays
/// of these.
///
/// ```
/// #[derive(Clone, Copy, ndsharray::Element)]
/// #[repr(C)]
/// struct Sample {
///     id: u32,
///     values: [[f64; 3]; 2],
/// }
/// ```
///
/// Whatever is not as plain as that is refused by the compiler: no fixed places of the fields,
///
/// ```compile_fail
/// #[derive(Clone, Copy, ndsharray::Element)]
/// struct Sample {
///     id: u32,
/// }
/// ```
///
/// or a field that means nothing to other processes.
///
/// ```compile_fail,E0277
/// #[derive(Clone, Copy, ndsharray::Element)]
/// #[repr(C)]
/// struct Sample {
///     id: &'static u32,
/// }
/// ```
#[cfg(feature = "derive")]
pub use ndsharray_derive::Element;
/// What the code that the derive writes uses.
#[doc(hidden)]
pub mod derived {
    pub use crate::dtype::element::{ElementLayout, FieldLayout};
}

/// The crate of [`f16`](half::f16), as it appears in this crate's interface.
pub use half;
/// The crate of the array types, as it appears in this crate's interface.
#[cfg(feature = "ndarray")]
pub use ndarray;
/// The crate of the complex types, as it appears in this crate's interface.
pub use num_complex;
/// The crate of JSON values, as it appears in this crate's interface.
pub use serde_json;

/// Compiles and runs the examples of the README.
#[cfg(all(doctest, feature = "ndarray"))]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;

/// Compiles the examples of the guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide.md")]
pub struct GuideDoctests;
