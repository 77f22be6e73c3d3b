//! What one process sees of the library. No test here starts a process: until its exec, that would have the locks of
//! the writers that other tests have just closed.

mod ages;
#[cfg(feature = "ndarray")]
mod bad_input;
#[path = "../common/mod.rs"]
mod common;
mod dtypes;
mod history;
mod hot_loops;
mod inspect;
mod loans;
mod slots;
#[cfg(feature = "derive")]
mod structs;
mod succession;
#[cfg(feature = "ndarray")]
mod values;
mod waiting;
