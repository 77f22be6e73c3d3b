//! The class that users of ndsharray 1 know: same names, same results.

use std::path::PathBuf;
use std::time::Duration;

use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyTuple};

use crate::error::{exception, raise};
use crate::numpy::dtype::{self, Described};
use crate::object::attached_lock::AttachedLock;
use crate::reader::snapshot::Snapshot;
use crate::reader::state as read_state;
use crate::reader::state::{Taken, Unknown};
use crate::reader::target::Target;
use crate::v1::result_tuple::Pair;
use crate::writer::state as write_state;

pub mod result_tuple;

/// Sharing numpy arrays between processes: the class of ndsharray 1.
///
/// Parameters
/// ----------
/// name : str
///     The tag, which readers and writer have in common.
/// array : numpy.ndarray, optional
///     A writer publishes it at once; a reader returns it as long as there is nothing to read. By default empty,
///     of uint8.
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
///     If `array` is no array, or its dtype cannot be shared.
///
/// Notes
/// -----
/// Opening for writing replaces another writer of the same user. The store is the directory that the environment
/// variable ``NDSHARRAY_DIR`` names, else ``/dev/shm``; new files have the permissions ``0600``, or what
/// ``NDSHARRAY_MODE`` says in octal.
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
#[pyclass(frozen, subclass, dict, weakref, module = "ndsharray")]
pub struct NdShArray {
    /// None until `__init__`, so that subclasses may have an `__init__` of their own.
    state: AttachedLock<Option<Classic>>,
    pid: u32,
}

struct Classic {
    name: String,
    directory: PathBuf,
    role: Role,
    /// What `read` returned last; at first the constructor's array.
    array: Py<PyAny>,
    /// The array is in it, too.
    result: Pair,
    data_file: Option<String>,
    /// How old the value was when `read` returned it.
    read_time: Duration,
    is_valid: bool,
}

enum Role {
    Reader(Box<read_state::State>),
    Writer(write_state::State),
}

impl Classic {
    fn reader(store: &ndsharray::Store, name: String, array: Bound<'_, PyAny>) -> PyResult<Self> {
        let reader = store.reader(&name).map_err(raise)?;
        let role = Role::Reader(Box::new(read_state::State::new(reader)));
        Ok(Self::new(store, name, array, role))
    }

    fn writer(
        store: &ndsharray::Store,
        name: String,
        array: Bound<'_, PyUntypedArray>,
        mode: Option<u32>,
    ) -> PyResult<Self> {
        let options = store.writer_options(&name).takeover(true);
        let options = if let Some(mode) = mode { options.mode(mode) } else { options };
        let writer = array.py().detach(|| options.open()).map_err(raise)?;
        let state = AttachedLock::new(write_state::State::new(writer));
        write_state::write(&state, &array, &[])?;
        Ok(Self::new(store, name, array.into_any(), Role::Writer(state.into_inner())))
    }

    fn new(store: &ndsharray::Store, name: String, array: Bound<'_, PyAny>, role: Role) -> Self {
        let directory = store.directory().to_owned();
        let array = array.unbind();
        Classic {
            name,
            directory,
            role,
            array,
            result: Pair::default(),
            data_file: None,
            read_time: Duration::ZERO,
            is_valid: false,
        }
    }

    /// What `read` returns, if no dtype has to be made for it.
    #[inline(always)]
    fn read<'py>(&mut self, py: Python<'py>) -> PyResult<Result<Shown<'py>, Box<Unknown>>> {
        // On a writer there is never anything new.
        let Role::Reader(state) = &mut self.role else { return self.show_again(py).map(Ok) };
        let Some(value) = state.next().map_err(raise)? else { return self.show_again(py).map(Ok) };
        match state.cache.described(py, value.dtype()) {
            Some(dtype) => self.show(py, value, dtype).map(Ok),
            None => Ok(Err(state.set_aside(value))),
        }
    }

    /// What `read` returns of a new value; and the array before it, to be let go of when nobody has the lock, since what
    /// runs then may read, too.
    #[inline(always)]
    fn show<'py>(
        &mut self,
        py: Python<'py>,
        value: ndsharray::Snapshot,
        dtype: Described,
    ) -> PyResult<Shown<'py>> {
        let age = value.age();
        let array = Snapshot::into_array(Snapshot::new(py, value, dtype, Target::Stay)?)?.into_any();
        let result = self.result.with(py, array.clone())?;
        self.read_time = age;
        self.is_valid = true;
        Ok((result, Some(std::mem::replace(&mut self.array, array.unbind()).into_bound(py))))
    }

    fn is_last(&self, taken: &Taken) -> bool {
        matches!(&self.role, Role::Reader(state) if state.is_last(taken))
    }

    fn show_again<'py>(&self, py: Python<'py>) -> PyResult<Shown<'py>> {
        Ok(((false, self.array.bind(py)).into_pyobject(py)?, None))
    }
}

/// What `read` returns, and what is to be let go of after that.
type Shown<'py> = (Bound<'py, PyTuple>, Option<Bound<'py, PyAny>>);

impl read_state::Home for NdShArray {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut read_state::State) -> T) -> PyResult<T> {
        self.with(py, |classic| match &mut classic.role {
            Role::Reader(state) => Ok(f(state)),
            Role::Writer(_) => {
                Err(PyRuntimeError::new_err("this NdShArray was opened for writing meanwhile"))
            }
        })
    }
}

impl write_state::Home for NdShArray {
    #[inline(always)]
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut write_state::State) -> PyResult<T>) -> PyResult<T> {
        self.with(py, |classic| match &mut classic.role {
            Role::Writer(state) => f(state),
            Role::Reader(_) => {
                Err(PyTypeError::new_err("this NdShArray was opened for reading ('r'), not writing"))
            }
        })
    }
}

impl NdShArray {
    /// A value of a dtype that is to be made first: by Python code, so with no lock.
    #[cold]
    fn read_unknown<'py>(&self, py: Python<'py>, unknown: Unknown) -> PyResult<Shown<'py>> {
        let taken = read_state::take_unknown(py, self, unknown)?;
        self.with(py, |classic| match taken {
            // Unless a thread that took a later one is here already: what is not new must not be older.
            Some(taken) if classic.is_last(&taken) => classic.show(py, taken.value, taken.dtype),
            _ => classic.show_again(py),
        })
    }

    /// The state, and that there is one.
    #[inline(always)]
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut Classic) -> PyResult<T>) -> PyResult<T> {
        match &mut *self.state.lock_in_process(py, self.pid)? {
            Some(classic) => f(classic),
            None => Err(PyRuntimeError::new_err("NdShArray.__init__ was not called")),
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
        name: String,
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
        let array = array.cast_into::<PyUntypedArray>().map_err(|_| not_an_array())?;
        // Before anything is opened.
        dtype::known(&array.dtype())?;
        let store = ndsharray::Store::open_default().map_err(raise)?;
        let classic = if writes {
            Classic::writer(&store, name, array, mode()?)?
        } else {
            Classic::reader(&store, name, array.into_any())?
        };
        let before = self.state.lock_in_process(py, self.pid)?.replace(classic);
        drop(before);
        Ok(())
    }

    /// str: the tag.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |classic| Ok(classic.name.clone()))
    }

    /// str: ``'r'`` or ``'w'``.
    #[getter]
    fn access(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.with(py, |classic| Ok(if matches!(classic.role, Role::Reader(_)) { "r" } else { "w" }))
    }

    /// bool: whether there is a value under the name.
    #[getter]
    fn is_valid(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |classic| {
            Ok(match &classic.role {
                Role::Reader(state) => classic.is_valid || state.reader.latest().is_ok(),
                Role::Writer(_) => true,
            })
        })
    }

    /// str: the name of the file that the present value is in, the tag and 32 hexadecimal digits.
    #[getter]
    fn ndarray_mmap_name(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |classic| {
            let now = match &mut classic.role {
                Role::Writer(state) => state.data_file(),
                Role::Reader(_) => {
                    let store = ndsharray::Store::open(&classic.directory).map_err(raise)?;
                    store.stat(&classic.name).ok().and_then(|stat| stat.value).map(|value| value.data_file)
                }
            };
            if now.is_some() {
                classic.data_file = now;
            }
            // Of a tag without a value there is only the header.
            Ok(classic.data_file.clone().unwrap_or_else(|| classic.name.clone()))
        })
    }

    /// float: how old the value was when `read` returned it, in milliseconds; 0.0 before the first.
    #[getter]
    fn read_time_ms(&self, py: Python<'_>) -> PyResult<f64> {
        self.with(py, |classic| Ok(classic.read_time.as_secs_f64() * 1e3))
    }

    /// Publishes an array: any shape, any strides, any supported dtype.
    ///
    /// Parameters
    /// ----------
    /// array : numpy.ndarray
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     If it is no array, or this was opened for reading.
    /// NotImplementedError
    ///     If its dtype cannot be shared.
    /// OSError
    ///     With errno ``ENOSPC`` if the store is full.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> writer = ndsharray.NdShArray("my_tag", r_w="w")
    /// >>> writer.write(np.arange(6).reshape(2, 3))
    fn write(&self, array: &Bound<'_, PyAny>) -> PyResult<()> {
        let array = array.cast::<PyUntypedArray>().map_err(|_| not_an_array())?;
        write_state::write(self, array, &[]).map(drop)
    }

    /// The latest value, without a copy. Never blocks.
    ///
    /// Returns
    /// -------
    /// status : bool
    ///     Whether it is new.
    /// array : numpy.ndarray
    ///     Read-only, and unchanging for as long as it is held; if nothing is new, the same object as last time.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> writer = ndsharray.NdShArray("my_tag", np.arange(3), "w")
    /// >>> reader = ndsharray.NdShArray("my_tag", r_w="r")
    /// >>> status, array = reader.read()
    /// >>> status, array
    /// (True, array([0, 1, 2]))
    /// >>> status, same = reader.read()
    /// >>> status, same is array
    /// (False, True)
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let (result, before) = match self.with(py, |classic| classic.read(py))? {
            Ok(shown) => shown,
            Err(unknown) => self.read_unknown(py, *unknown)?,
        };
        drop(before);
        Ok(result)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let (directory, name) = slf.get().with(py, |classic| match &classic.role {
            Role::Reader(_) => Ok((classic.directory.clone(), classic.name.clone())),
            Role::Writer(_) => Err(PyTypeError::new_err(
                "a writer belongs to the process that opened it and cannot be pickled: open it in the other process",
            )),
        })?;
        let function = PyModule::import(py, "ndsharray._native")?.getattr("_reopen_classic")?;
        let arguments = (slf.get_type(), directory, name).into_pyobject(py)?;
        // What a subclass has put there.
        let state = PyModule::import(py, "ndsharray._pickling")?.call_method1("state_of", (slf,))?;
        (function, arguments, state).into_pyobject(py)
    }
}

/// Opens a reader that was pickled.
#[pyfunction]
pub fn _reopen_classic<'py>(
    class: Bound<'py, PyAny>,
    directory: PathBuf,
    name: String,
) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let store = ndsharray::Store::open(directory).map_err(raise)?;
    let classic = Classic::reader(&store, name, default_array(py)?)?;
    let object = class.call_method1(intern!(py, "__new__"), (&class,))?;
    let shell = object.cast::<NdShArray>()?.get();
    let before = shell.state.lock(py)?.replace(classic);
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
        let message = format!("NDSHARRAY_MODE: found {text:?}, expected octal digits such as 640");
        Python::attach(|py| exception(py, "InvalidArgumentError", &message))
    })
}
