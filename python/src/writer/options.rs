//! The class `WriterOptions`: how a writer is opened.

use std::path::PathBuf;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyTuple};

use crate::error::raise;
use crate::writer::Writer;

/// How a writer is opened, from `Store.writer_options`. Send it to the process that will write.
///
/// When it is pickled, so are the directory, the tag and the options.
///
/// Examples
/// --------
/// >>> import pickle, ndsharray
/// >>> options = ndsharray.Store().writer_options("sent", capacity=4096, ephemeral=True)
/// >>> with pickle.loads(pickle.dumps(options)).open() as writer:
/// ...     writer.tag
/// 'sent'
#[pyclass(frozen, module = "ndsharray", eq)]
#[derive(PartialEq)]
pub struct WriterOptions {
    directory: PathBuf,
    tag: String,
    settings: Settings,
}

/// What was set; a dict when it is pickled.
#[derive(Clone, PartialEq, FromPyObject, IntoPyObject)]
#[pyo3(from_item_all)]
pub struct Settings {
    pub mode: Option<u32>,
    pub ephemeral: bool,
    pub takeover: bool,
    pub capacity: usize,
    pub history: usize,
    pub source: String,
}

impl WriterOptions {
    pub fn new(directory: PathBuf, tag: String, settings: Settings) -> Self {
        WriterOptions { directory, tag, settings }
    }
}

#[pymethods]
impl WriterOptions {
    /// Opens the writer.
    ///
    /// Returns
    /// -------
    /// Writer
    ///
    /// Raises
    /// ------
    /// WriterExistsError, NotOwnerError, FormatError, InvalidTagError, InvalidArgumentError, NoSpaceError
    ///     As for `Store.writer`.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> options = store.writer_options("taken", takeover=True, ephemeral=True)
    /// >>> with options.open() as writer:
    /// ...     writer.write([1])
    /// 1
    pub fn open<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Writer>> {
        let Settings { mode, ephemeral, takeover, capacity, history, source } = &self.settings;
        let store = ndsharray::Store::open(&self.directory).map_err(raise)?;
        let mut options = store
            .writer_options(&self.tag)
            .ephemeral(*ephemeral)
            .takeover(*takeover)
            .capacity(*capacity)
            .history(*history)
            .source(source);
        if let Some(mode) = mode {
            options = options.mode(*mode);
        }
        // Takes up to 50 ms while another writer lives.
        let writer = py.detach(|| options.open()).map_err(raise)?;
        let writer = Bound::new(py, Writer::new(self.directory.clone(), self.tag.clone(), writer))?;
        if *ephemeral {
            let at_exit = PyModule::import(py, intern!(py, "ndsharray._ephemeral"))?;
            at_exit.getattr(intern!(py, "close_at_exit"))?.call1((&writer,))?;
        }
        Ok(writer)
    }

    /// str: the tag.
    #[getter]
    fn tag(&self) -> &str {
        &self.tag
    }

    /// pathlib.Path: the store's directory.
    #[getter]
    fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let restore = PyModule::import(py, "ndsharray._native")?.getattr("_restore_options")?;
        let this = slf.get();
        Ok((restore, (this.directory.clone(), &this.tag, this.settings.clone()).into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let Settings { mode, ephemeral, takeover, capacity, history, source } = &self.settings;
        let mode = mode.map_or("None".to_owned(), |mode| format!("{mode:#o}"));
        let [ephemeral, takeover] = [ephemeral, takeover].map(|&set| if set { "True" } else { "False" });
        format!(
            "<ndsharray.WriterOptions of {:?} in {:?}: mode={mode}, ephemeral={ephemeral}, takeover={takeover}, \
             capacity={capacity}, history={history}, source={source:?}>",
            self.tag, self.directory
        )
    }
}

/// Unpickles options.
#[pyfunction]
pub fn _restore_options(directory: PathBuf, tag: String, settings: Settings) -> WriterOptions {
    WriterOptions::new(directory, tag, settings)
}
