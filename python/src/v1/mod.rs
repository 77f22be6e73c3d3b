//! The class `NdShArray`, as users of ndsharray 1 know it: the same names and the same results.
//!
//! From the bottom up: `result_tuple` (what `read` returns), `state` (what is under the lock), and the class here.

use std::path::PathBuf;

use ndsharray::Meta;
use numpy::PyUntypedArrayMethods;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyTuple};

use crate::argument;
use crate::error::{exception, raise};
use crate::numpy::{array, dtype};
use crate::object::attached_lock::AttachedLock;
use crate::reader::state::{UnknownDType, Which, acquire_unknown};
use crate::v1::state::{Shown, State};
use crate::writer::state::write;
use crate::{reader, writer};

mod result_tuple;
mod state;

/// Shares numpy arrays between processes. This is the class of ndsharray 1.
///
/// Parameters
/// ----------
/// name : str
///     The tag, which is the same for the readers and the writer.
/// array : numpy.ndarray, optional
///     A writer publishes it at once. A reader returns it as long as there is nothing to read. The default is an
///     empty array of uint8.
/// r_w : str
///     ``'r'`` or ``'w'``, upper or lower case.
///
/// Raises
/// ------
/// ValueError
///     If `r_w` is something else.
/// FileNotFoundError
///     If there is nothing to read under that name.
/// TypeError, NotImplementedError
///     If `array` is not an array, or its dtype cannot be shared.
///
/// Notes
/// -----
/// Opening for writing replaces another writer of the same user. The store is the directory that the environment
/// variable ``NDSHARRAY_DIR`` names, else ``/dev/shm``. New files have the permissions ``0600``, or those that
/// ``NDSHARRAY_MODE`` gives as octal digits.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> writer = ndsharray.NdShArray("my_tag", np.arange(3), r_w="w")
/// >>> reader = ndsharray.NdShArray("my_tag", r_w="r")
/// >>> reader.read()
/// (True, array([0, 1, 2]))
/// >>> writer.write(np.ones((2, 2)))
/// >>> reader.read()
/// (True, array([[1., 1.],
///        [1., 1.]]))
/// >>> reader.read()[0]
/// False
/// >>> del writer
/// >>> ndsharray.Store().remove("my_tag")  # else the value stays in the store
#[pyclass(frozen, subclass, dict, weakref, module = "ndsharray")]
pub struct NdShArray {
    /// None until `__init__` has run. Subclasses may have an `__init__` with other arguments, so `__new__` takes any.
    state: AttachedLock<Option<State>>,
    pid: u32,
}

impl reader::state::Locked for NdShArray {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut reader::state::State) -> T) -> PyResult<T> {
        self.with(py, |state| state.as_reader().map(f))
    }
}

impl writer::state::Locked for NdShArray {
    #[inline(always)]
    fn with<T>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&mut writer::state::State) -> PyResult<T>,
    ) -> PyResult<T> {
        self.with(py, |state| state.as_writer().and_then(f))
    }
}

impl NdShArray {
    /// What `read` returns for a value whose dtype must be made first. Python code does that, so no lock is held
    /// meanwhile.
    #[cold]
    fn read_unknown<'py>(&self, py: Python<'py>, unknown: UnknownDType) -> PyResult<Shown<'py>> {
        let acquired = acquire_unknown(py, self, Which::Latest, unknown)?;
        self.with(py, |state| state.read_acquired(py, acquired))
    }

    /// Calls `f` with the state, while the lock is held. An error if `__init__` has not run.
    #[inline(always)]
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T> {
        match &mut *self.state.lock_in_process(py, self.pid)? {
            Some(state) => f(state),
            None => Err(PyRuntimeError::new_err(
                "NdShArray.__init__ was not called: call super().__init__(...) in the __init__ of the subclass",
            )),
        }
    }
}

#[pymethods]
impl NdShArray {
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(name, array=None, r_w=None)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        NdShArray { state: AttachedLock::new(None), pid: std::process::id() }
    }

    #[pyo3(signature = (name, array=None, r_w=None))]
    fn __init__(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = argument::name)] name: String,
        array: Option<Bound<'_, PyAny>>,
        r_w: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let r_w = r_w.and_then(|r_w| r_w.extract::<String>().ok());
        let writes = match r_w.as_deref() {
            Some("r" | "R") => false,
            Some("w" | "W") => true,
            _ => return Err(PyValueError::new_err("'r' or 'w' must be specified for input argument 'r_w'.")),
        };
        let array = match array {
            Some(array) => array,
            None => default_array(py)?,
        };
        // The array that a reader begins with is not written: it may have a mask.
        let array = match if writes { array::given(&array)? } else { array.cast().ok() } {
            Some(array) => array.clone(),
            None => return Err(not_an_array()),
        };
        // An error about the dtype comes before anything is opened.
        dtype::known(&array.dtype())?;
        let store = ndsharray::Store::open_default().map_err(raise)?;
        let state = if writes {
            State::writer(&store, name, array, mode()?)?
        } else {
            State::reader(&store, name, array.into_any())?
        };
        let before = self.state.lock_in_process(py, self.pid)?.replace(state);
        drop(before);
        Ok(())
    }

    /// str: the tag.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |state| Ok(state.name().to_owned()))
    }

    /// str: ``'r'`` or ``'w'``.
    #[getter]
    fn access(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.with(py, |state| Ok(if state.is_reader() { "r" } else { "w" }))
    }

    /// bool: whether there is a value under the name.
    #[getter]
    fn is_valid(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |state| Ok(state.is_valid()))
    }

    /// str: the name of the file that the present value is in: the tag, ``_`` and 32 hexadecimal digits.
    #[getter]
    fn ndarray_mmap_name(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, State::data_file)
    }

    /// float: how old the value was when `read` returned it, in milliseconds; 0.0 before the first value.
    #[getter]
    fn read_time_ms(&self, py: Python<'_>) -> PyResult<f64> {
        self.with(py, |state| Ok(state.read_time().as_secs_f64() * 1e3))
    }

    /// Publishes an array, of any shape, any strides and any supported dtype.
    ///
    /// Parameters
    /// ----------
    /// array : numpy.ndarray
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     If `array` is not an array, or this object was opened for reading.
    /// NotImplementedError
    ///     If its dtype cannot be shared.
    /// OSError
    ///     With errno ``ENOSPC`` if the store is full.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> writer = ndsharray.NdShArray("table", r_w="w")
    /// >>> writer.write(np.arange(6).reshape(2, 3))
    /// >>> del writer
    /// >>> ndsharray.Store().remove("table")  # else the value stays in the store
    fn write(&self, array: &Bound<'_, PyAny>) -> PyResult<()> {
        let array = array::given(array)?.ok_or_else(not_an_array)?;
        write(self, array, &Meta::new()).map(drop)
    }

    /// Returns the latest value, without a copy. Never waits.
    ///
    /// Returns
    /// -------
    /// status : bool
    ///     Whether the value is new.
    /// array : numpy.ndarray
    ///     Read-only. It does not change while it is held. If nothing is new, it is the same object as last time.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> writer = ndsharray.NdShArray("vector", np.arange(3), "w")
    /// >>> reader = ndsharray.NdShArray("vector", r_w="r")
    /// >>> status, array = reader.read()
    /// >>> status, array
    /// (True, array([0, 1, 2]))
    /// >>> status, same = reader.read()
    /// >>> status, same is array
    /// (False, True)
    /// >>> del writer
    /// >>> ndsharray.Store().remove("vector")
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        // The array before this one is dropped after the lock is free.
        let (result, before) = match self.with(py, |state| state.read(py))? {
            Ok(shown) => shown,
            Err(unknown) => self.read_unknown(py, *unknown)?,
        };
        drop(before);
        Ok(result)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let (directory, name) = slf.get().with(py, |state| {
            if state.is_reader() {
                return Ok((state.directory().clone(), state.name().to_owned()));
            }
            Err(PyTypeError::new_err(
                "a writer belongs to the process that opened it and cannot be pickled: open it in the other process",
            ))
        })?;
        let reopen = PyModule::import(py, "ndsharray._native")?.getattr("_reopen_v1")?;
        let arguments = (slf.get_type(), directory, name).into_pyobject(py)?;
        // The attributes that a subclass has added.
        let attributes = PyModule::import(py, "ndsharray._pickling")?.call_method1("state_of", (slf,))?;
        (reopen, arguments, attributes).into_pyobject(py)
    }
}

/// Unpickles a reader: opens it anew.
#[pyfunction]
pub fn _reopen_v1<'py>(
    class: Bound<'py, PyAny>,
    directory: PathBuf,
    name: String,
) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let store = ndsharray::Store::open(directory).map_err(raise)?;
    let state = State::reader(&store, name, default_array(py)?)?;
    let object = class.call_method1(intern!(py, "__new__"), (&class,))?;
    let empty = object.cast::<NdShArray>()?.get();
    let before = empty.state.lock(py)?.replace(state);
    drop(before);
    Ok(object)
}

fn not_an_array() -> PyErr {
    PyTypeError::new_err("array must be from type np.ndarray.")
}

fn default_array(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let numpy = PyModule::import(py, "numpy")?;
    numpy.call_method1("empty", (0, numpy.getattr("uint8")?))
}

/// The permissions that the environment asks for.
fn mode() -> PyResult<Option<u32>> {
    let Some(text) = std::env::var_os("NDSHARRAY_MODE").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let parsed = text.to_str().and_then(|text| u32::from_str_radix(text.trim_start_matches("0o"), 8).ok());
    parsed.map(Some).ok_or_else(|| {
        let message = format!("NDSHARRAY_MODE is {text:?}: set it to octal digits such as 640, or unset it");
        Python::attach(|py| exception(py, "InvalidArgumentError", &message))
    })
}
