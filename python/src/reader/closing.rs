//! Closing a reader: the methods of `Reader` for that.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::reader::Reader;

#[pymethods]
impl Reader {
    /// bool: whether the reader was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        self.state.is_closed(py)
    }

    /// Closes the reader, which lets go of its memory. Snapshots that it returned stay as they are. What is called
    /// afterwards raises ReaderClosedError; so does what waits in other threads, or in coroutines. `missed` stays readable.
    /// Closing it again does nothing.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("kept", ephemeral=True)
    /// >>> version = writer.write([1, 2])
    /// >>> with store.reader("kept") as reader:
    /// ...     snapshot = reader.read()
    /// >>> reader.closed, snapshot.array
    /// (True, array([1, 2]))
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.state.close(py)?;
        // Behind the lock: a wait that began before the reader was closed is in the list.
        self.waits.end();
        drop(state);
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }
}
