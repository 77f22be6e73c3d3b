//! The native half of the Python module `ndsharray`: classes over the Rust library, on numpy's C interface.
//!
//! From the bottom up: `error` (exceptions), `object::attached_lock`, `numpy` (all that is unsafe about it, and dtypes), `reader::snapshot` with
//! `object::heap_type` (how one lies in memory), `reader::state` and `writer::state` (what is under the locks of readers and writers),
//! `reader` with `wait_any`, `writer` with `loan` and `options`, `store` with `stat`, and on top `v1`, the
//! class that users of ndsharray 1 know.
//!
//! Locks are of `attached_lock`, which lets go of the interpreter before it blocks; so a lock may be held while detached from the
//! interpreter, by one who needs the interpreter to go on. No Python code is run under one: it may run anything.

mod error;
mod numpy;
mod object;
mod reader;
mod stat;
mod store;
mod v1;
mod writer;

#[pyo3::pymodule]
mod _native {
    use pyo3::prelude::*;

    use crate::reader::snapshot::Snapshot;

    #[pymodule_export]
    use crate::reader::wait_any::wait_any;
    #[pymodule_export]
    use crate::reader::{_reopen_reader, Reader};
    #[pymodule_export]
    use crate::stat::{GcReport, Stat};
    #[pymodule_export]
    use crate::store::Store;
    #[pymodule_export]
    use crate::v1::{_reopen_classic, NdShArray};
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
        module.add("Snapshot", module.py().get_type::<Snapshot>())
    }
}
