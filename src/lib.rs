//! Named N-dimensional arrays shared between processes: latest value, zero-copy, never torn.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "ndsharray needs Linux: it stands on futexes, fallocate and renameat2 over a RAM-backed directory"
);

mod sync;

mod pins;
mod seqlock;
mod wake;

mod birth;
mod dtype;
mod error;
mod follow;
mod header;
mod identity;
mod layout;
mod loan;
mod locate;
mod mapping;
mod open;
mod options;
mod os;
mod process;
mod publish;
mod reader;
mod record;
mod remove;
mod segment;
mod slots;
mod snapshot;
mod stat;
mod store;
mod sweep;
mod tag;
mod wait;
mod writer;

pub use {
    dtype::{CustomDType, DType, Element},
    error::{Error, Result},
    loan::Loan,
    options::WriterOptions,
    reader::Reader,
    snapshot::{Snapshot, View},
    stat::{SlotStat, Stat, ValueStat},
    store::Store,
    sweep::GcReport,
    wait::wait_any,
    writer::Writer,
};

pub use half;
#[cfg(feature = "ndarray")]
pub use ndarray;
pub use num_complex;

/// Compiles and runs the examples of the README.
#[cfg(all(doctest, feature = "ndarray"))]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;
