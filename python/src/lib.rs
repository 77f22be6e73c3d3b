//! The native half of the Python module `ndsharray`: Python classes over the Rust library and numpy's C interface.
//!
//! The rooms, from the bottom up; each uses only those before it:
//!
//! - `error`: exceptions.
//! - `argument`, `time`, `attributes`: numbers, texts, times and attributes, as Python code gives them.
//! - `numpy`: arrays and dtypes.
//! - `object`: the lock for the state of an object, and a class that is cheap to make objects of.
//! - `reader`, `writer`: the classes `Reader` and `Writer`, and what they return.
//! - `recording`: the class `Recording`, and what it returns.
//! - `stat`, `store`: the class `Store`, and what it says about its tags.
//! - `v1`: the class `NdShArray`, which users of ndsharray 1 know.
//!
//! One rule holds in all of them: code that holds an `AttachedLock` runs no Python code, because Python code may do
//! anything. A thread may hold one while it is detached from the interpreter: whoever waits for the lock lets go of the
//! interpreter first, so the holder can always go on.

mod argument;
mod attributes;
mod error;
mod numpy;
mod object;
mod reader;
mod recording;
mod stat;
mod store;
mod time;
mod v1;
mod writer;

#[pyo3::pymodule]
mod _native {
    use pyo3::prelude::*;

    use crate::reader::snapshot::Snapshot;
    use crate::recording::message::Message;

    #[pymodule_export]
    use crate::reader::changed::{Alarm, Wait};
    #[pymodule_export]
    use crate::reader::every::Every;
    #[pymodule_export]
    use crate::reader::wait_any::wait_any;
    #[pymodule_export]
    use crate::reader::{_reopen_reader, Reader};
    #[pymodule_export]
    use crate::recording::Recording;
    #[pymodule_export]
    use crate::recording::track::Track;
    #[pymodule_export]
    use crate::stat::{GcReport, Stat};
    #[pymodule_export]
    use crate::store::Store;
    #[pymodule_export]
    use crate::v1::{_reopen_v1, NdShArray};
    #[pymodule_export]
    use crate::writer::Writer;
    #[pymodule_export]
    use crate::writer::loan::Loan;
    #[pymodule_export]
    use crate::writer::options::{_restore_options, WriterOptions};

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name in Python")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("Message", module.py().get_type::<Message>())?;
        module.add("Snapshot", module.py().get_type::<Snapshot>())
    }
}
