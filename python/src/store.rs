//! The class `Store`: a directory of named arrays.

use std::path::PathBuf;

use pyo3::intern;
use pyo3::prelude::*;

use crate::argument;
use crate::error::raise;
use crate::reader::Reader;
use crate::stat::{GcReport, Stat};
use crate::writer::Writer;
use crate::writer::options::{Settings, WriterOptions};

/// A directory of named arrays.
///
/// Parameters
/// ----------
/// directory : path, optional
///     An existing directory. To be fast it must lie in RAM. The default is the directory that the environment
///     variable ``NDSHARRAY_DIR`` names, else ``/dev/shm``.
///
/// Raises
/// ------
/// NotFoundError
///     If there is no such directory.
///
/// Examples
/// --------
/// >>> import ndsharray
/// >>> store = ndsharray.Store()
/// >>> with store.writer("pose") as writer:
/// ...     version = writer.write([1, 2, 3])
/// >>> "pose" in store.tags()
/// True
/// >>> store.stat("pose").shape
/// (3,)
/// >>> store.remove("pose")
#[pyclass(frozen, module = "ndsharray", eq)]
#[derive(PartialEq)]
pub struct Store {
    store: ndsharray::Store,
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (directory=None))]
    fn new(directory: Option<PathBuf>) -> PyResult<Self> {
        let store = match directory {
            Some(directory) => ndsharray::Store::open(directory),
            None => ndsharray::Store::open_default(),
        };
        Ok(Store { store: store.map_err(raise)? })
    }

    /// pathlib.Path: the absolute path of the directory.
    #[getter]
    fn directory(&self) -> PathBuf {
        self.store.directory().to_owned()
    }

    /// Opens the one writer of a tag. It continues where an earlier writer stopped.
    ///
    /// Parameters
    /// ----------
    /// tag : str
    ///     1 to 200 bytes of UTF-8, without ``/`` and control characters, and without a ``.`` at the start.
    /// mode : int, optional
    ///     The permissions of the files. The default for a new tag is ``0o600``.
    /// ephemeral : bool
    ///     Whether the tag is removed when the writer is closed, at the latest when the process exits. (A process that a
    ///     signal kills does not exit: `Store.gc` removes the tag then.) If an earlier writer left a value that is to stay,
    ///     opening it as ephemeral raises InvalidArgumentError, unless `takeover` is true.
    /// takeover : bool
    ///     Whether to replace a living writer of the same user. The next write of that one raises SupersededError.
    /// capacity : int
    ///     The least number of bytes that each slot has room for. (A slot is the place of one value in the data file.) A
    ///     value can grow to this size without a new file.
    /// history : int
    ///     How many of the last values stay in place, 0 to 248, the latest among them. A reader that goes through them with
    ///     `Reader.read_next` and stalls while fewer are written loses none, and readers that copy have more time. Each
    ///     takes the memory of a value and a page. The writer never waits: when readers hold so many values that no slot is
    ///     left, or the store is full, fewer stay. All go at a value that is larger than any before (see `capacity`), at a
    ///     takeover, and when somebody removes the files.
    /// source : str
    ///     Where the values come from, up to 128 bytes, for programs that bring those of another host. `Store.stat` shows
    ///     it. The default stands for a writer of this machine.
    ///
    /// Returns
    /// -------
    /// Writer
    ///
    /// Raises
    /// ------
    /// WriterExistsError
    ///     If another writer lives and `takeover` is false.
    /// NotOwnerError, FormatError, InvalidTagError, InvalidArgumentError, NoSpaceError, NotWritableError
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> with store.writer("growing", ephemeral=True, capacity=1 << 20) as writer:
    /// ...     version = writer.write([1, 2])
    /// ...     "growing" in store.tags()
    /// True
    /// >>> "growing" in store.tags()
    /// False
    #[pyo3(signature = (tag, *, mode=None, ephemeral=false, takeover=false, capacity=0, history=0, source=""))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn writer<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = argument::tag)] tag: String,
        #[pyo3(from_py_with = argument::mode)] mode: Option<u32>,
        #[pyo3(from_py_with = argument::ephemeral)] ephemeral: bool,
        #[pyo3(from_py_with = argument::takeover)] takeover: bool,
        #[pyo3(from_py_with = argument::capacity)] capacity: usize,
        #[pyo3(from_py_with = argument::history)] history: usize,
        #[pyo3(from_py_with = argument::source)] source: &str,
    ) -> PyResult<Bound<'py, Writer>> {
        self.writer_options(tag, mode, ephemeral, takeover, capacity, history, source).open(py)
    }

    /// Returns the options of a writer. They can be pickled, and opened in another process. The parameters are those of
    /// `writer`.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> with store.writer_options("shown", mode=0o640, ephemeral=True).open() as writer:
    /// ...     writer.tag
    /// 'shown'
    #[pyo3(signature = (tag, *, mode=None, ephemeral=false, takeover=false, capacity=0, history=0, source=""))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn writer_options(
        &self,
        #[pyo3(from_py_with = argument::tag)] tag: String,
        #[pyo3(from_py_with = argument::mode)] mode: Option<u32>,
        #[pyo3(from_py_with = argument::ephemeral)] ephemeral: bool,
        #[pyo3(from_py_with = argument::takeover)] takeover: bool,
        #[pyo3(from_py_with = argument::capacity)] capacity: usize,
        #[pyo3(from_py_with = argument::history)] history: usize,
        #[pyo3(from_py_with = argument::source)] source: &str,
    ) -> WriterOptions {
        let (directory, source) = (self.store.directory().to_owned(), source.to_owned());
        WriterOptions::new(directory, tag, Settings { mode, ephemeral, takeover, capacity, history, source })
    }

    /// Opens a reader of a tag.
    ///
    /// Parameters
    /// ----------
    /// tag : str
    /// wait : float, optional
    ///     How many seconds to wait until the tag exists; None waits for ever. A tag exists as soon as its first writer is
    ///     opened; it may not have a value yet. Ctrl-C ends the wait.
    ///
    /// Returns
    /// -------
    /// Reader
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     If the tag does not exist after the wait: no writer was ever opened, or the tag was removed. This is a
    ///     FileNotFoundError too.
    /// FormatError, InvalidTagError, InvalidArgumentError
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> store.reader("nothing")
    /// Traceback (most recent call last):
    ///     ...
    /// ndsharray.NotFoundError: no array "nothing": ...
    #[pyo3(signature = (tag, *, wait=0.0))]
    fn reader(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = argument::tag)] tag: String,
        wait: Option<f64>,
    ) -> PyResult<Reader> {
        Reader::wait_and_open(py, &self.store, tag, wait)
    }

    /// Lists the tags of the store, in alphabetical order.
    ///
    /// Returns
    /// -------
    /// list of str
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writers = [store.writer(tag, ephemeral=True) for tag in ["second", "first"]]
    /// >>> [tag for tag in store.tags() if tag in ("first", "second")]
    /// ['first', 'second']
    fn tags(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        py.detach(|| self.store.tags()).map_err(raise)
    }

    /// Returns all there is to know about a tag.
    ///
    /// Returns
    /// -------
    /// Stat
    ///
    /// Raises
    /// ------
    /// NotFoundError, FormatError, InvalidTagError
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("row", ephemeral=True)
    /// >>> version = writer.write([[1.5, 2.5]])
    /// >>> stat = store.stat("row")
    /// >>> stat.dtype, stat.shape, stat.nbytes, stat.writer_alive
    /// (dtype('float64'), (1, 2), 16, True)
    fn stat(&self, py: Python<'_>, #[pyo3(from_py_with = argument::tag)] tag: String) -> PyResult<Stat> {
        Stat::new(py, self.store.stat(&tag).map_err(raise)?)
    }

    /// Removes a tag with its value. Arrays that were read before stay as they are.
    ///
    /// Parameters
    /// ----------
    /// tag : str
    /// force : bool
    ///     Whether to remove the tag even if it has a writer (whose next write raises RemovedError), or if its header is
    ///     damaged.
    ///
    /// Raises
    /// ------
    /// WriterExistsError, NotOwnerError, NotFoundError, FormatError, InvalidTagError
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("old")
    /// >>> store.remove("old")
    /// Traceback (most recent call last):
    ///     ...
    /// ndsharray.WriterExistsError: array "old" has a writer already ...
    /// >>> store.remove("old", force=True)
    #[pyo3(signature = (tag, *, force=false))]
    fn remove(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = argument::tag)] tag: String,
        #[pyo3(from_py_with = argument::force)] force: bool,
    ) -> PyResult<()> {
        let remove = || if force { self.store.force_remove(&tag) } else { self.store.remove(&tag) };
        py.detach(remove).map_err(raise)
    }

    /// Removes files that killed processes of this user left behind. Files in use stay.
    ///
    /// Returns
    /// -------
    /// GcReport
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> report = store.gc()
    /// >>> len(report.removed), report.bytes
    /// (0, 0)
    fn gc(&self, py: Python<'_>) -> PyResult<GcReport> {
        py.detach(|| self.store.gc()).map(GcReport::new).map_err(raise)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (PathBuf,))> {
        let class = slf.getattr(intern!(slf.py(), "__class__"))?;
        Ok((class, (slf.get().directory(),)))
    }

    fn __repr__(&self) -> String {
        format!("ndsharray.Store({:?})", self.store.directory())
    }
}
