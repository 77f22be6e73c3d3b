//! What is read: a value that does not change.

use std::sync::PoisonError;

use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::{array, error};

/// A value that was read: whole, and unchanging for as long as it is held.
///
/// Its array lies in the store, is read-only, and keeps the value there. It outlives the reader, the writer and the
/// tag. A process that holds three values of a tag gets copies from then on, by the same type. A snapshot that was
/// read with `copy=True` or `out=` has a writeable array of its own instead.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> store = ndsharray.Store(directory)
/// >>> with store.writer("pose") as writer:
/// ...     _ = writer.write(np.eye(2), b"frame 1")
/// >>> snapshot = store.reader("pose").latest()
/// >>> snapshot.version, snapshot.shape, snapshot.dtype, snapshot.user_data
/// (1, (2, 2), dtype('float64'), b'frame 1')
/// >>> np.asarray(snapshot)
/// array([[1., 0.],
///        [0., 1.]])
/// >>> snapshot.array.flags.writeable
/// False
#[pyclass(frozen, module = "ndsharray")]
pub struct Snapshot {
    value: Value,
    descr: Py<PyArrayDescr>,
}

enum Value {
    Shared(ndsharray::Snapshot),
    Own { array: Py<PyUntypedArray>, version: u64, written_at: f64, user_data: Vec<u8> },
}

/// Where the elements of what is read go.
pub enum Target<'py> {
    /// They stay in the store.
    Stay,
    /// To a new array.
    Copy,
    /// To this array.
    Out(Bound<'py, PyUntypedArray>),
}

impl<'py> Target<'py> {
    pub fn new(out: Option<Bound<'py, PyAny>>, copy: bool) -> PyResult<Self> {
        match out {
            Some(out) => match out.cast_into::<PyUntypedArray>() {
                Ok(out) if array::is_writeable(&out) => Ok(Target::Out(out)),
                Ok(_) => Err(PyValueError::new_err("out is read-only")),
                Err(_) => Err(PyTypeError::new_err("out must be a numpy.ndarray")),
            },
            None if copy => Ok(Target::Copy),
            None => Ok(Target::Stay),
        }
    }

    /// Checks that the value has the layout of `out`.
    pub fn check(&self, value: &ndsharray::Snapshot, descr: &Bound<'py, PyArrayDescr>) -> PyResult<()> {
        let Target::Out(out) = self else { return Ok(()) };
        let py = out.py();
        if !out.dtype().is(descr) && !out.dtype().eq(descr)? {
            let message =
                format!("wrong dtype: found {descr} in the store, expected {} as in out", out.dtype());
            return Err(error::named(py, "DTypeMismatchError", &message));
        }
        if out.shape() != value.shape() {
            let message = format!(
                "wrong shape: found {:?} in the store, expected {:?} as in out",
                value.shape(),
                out.shape()
            );
            return Err(error::named(py, "InvalidArgumentError", &message));
        }
        Ok(())
    }
}

impl Snapshot {
    /// Wraps a value that fits the target, and brings the elements to where they are wanted.
    pub fn new<'py>(
        py: Python<'py>,
        value: ndsharray::Snapshot,
        descr: Bound<'py, PyArrayDescr>,
        target: Target<'py>,
    ) -> PyResult<Bound<'py, Self>> {
        let own = match target {
            Target::Stay => None,
            Target::Copy => Some(array::owned(descr.clone(), value.shape(), value.bytes())?),
            Target::Out(out) => {
                let view = || {
                    let shared =
                        Snapshot { value: Value::Shared(value.clone()), descr: descr.clone().unbind() };
                    Snapshot::shared_array(&Bound::new(py, shared)?)
                };
                array::assign(&out, value.bytes(), view)?;
                Some(out)
            }
        };
        let value = match own {
            None => Value::Shared(value),
            Some(array) => Value::Own {
                array: array.unbind(),
                version: value.version(),
                written_at: value.written_at().as_secs_f64(),
                user_data: value.user_data().to_vec(),
            },
        };
        Bound::new(py, Snapshot { value, descr: descr.unbind() })
    }

    /// The array of a snapshot: over the store, or its own.
    pub fn shared_array<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyUntypedArray>> {
        let py = this.py();
        match &this.get().value {
            Value::Own { array, .. } => Ok(array.bind(py).clone()),
            Value::Shared(value) => {
                let descr = this.get().descr.bind(py).clone();
                let owner = this.clone().into_any();
                // SAFETY: the bytes are those of the value, whose length was computed from shape and dtype, and they
                // live, unchanged, for as long as the snapshot, which the array keeps as its base.
                unsafe { array::over(descr, value.shape(), value.bytes().as_ptr(), false, owner) }
            }
        }
    }

    fn written_at_seconds(&self) -> f64 {
        match &self.value {
            Value::Shared(value) => value.written_at().as_secs_f64(),
            Value::Own { written_at, .. } => *written_at,
        }
    }
}

#[pymethods]
impl Snapshot {
    /// numpy.ndarray: the elements; read-only and zero-copy, unless read with ``copy=True`` or ``out=``.
    #[getter]
    fn array<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyUntypedArray>> {
        Self::shared_array(slf)
    }

    /// int: the number of the value: 1 for the first under the tag, one more at each write.
    #[getter]
    fn version(&self) -> u64 {
        match &self.value {
            Value::Shared(value) => value.version(),
            Value::Own { version, .. } => *version,
        }
    }

    /// float: when the value was published, in seconds, on the clock of ``time.monotonic()``.
    #[getter]
    fn written_at(&self) -> f64 {
        self.written_at_seconds()
    }

    /// float: how long ago the value was published, in seconds.
    #[getter]
    pub fn age(&self) -> f64 {
        match &self.value {
            Value::Shared(value) => value.age().as_secs_f64(),
            Value::Own { written_at, .. } => (monotonic() - written_at).max(0.0),
        }
    }

    /// bytes: what the writer sent along, at most 240 bytes.
    #[getter]
    fn user_data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        match &self.value {
            Value::Shared(value) => PyBytes::new(py, value.user_data()),
            Value::Own { user_data, .. } => PyBytes::new(py, user_data),
        }
    }

    /// tuple of int: the length of each axis.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match &self.value {
            Value::Shared(value) => PyTuple::new(py, value.shape()),
            Value::Own { array, .. } => PyTuple::new(py, array.bind(py).shape()),
        }
    }

    /// numpy.dtype: the type of the elements.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> Bound<'py, PyArrayDescr> {
        self.descr.bind(py).clone()
    }

    /// bool: whether the elements are in this process's own memory, not in the store.
    #[getter]
    fn is_copy(&self) -> bool {
        match &self.value {
            Value::Shared(value) => value.is_copy(),
            Value::Own { .. } => true,
        }
    }

    /// The array, for numpy's functions; another dtype or ``copy=True`` gives a copy.
    #[pyo3(signature = (dtype=None, *, copy=None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let array = Self::shared_array(slf)?.into_any();
        let dtype = dtype.map(|dtype| PyArrayDescr::new(py, dtype)).transpose()?;
        match dtype {
            Some(dtype) if !slf.get().dtype(py).eq(&dtype)? => {
                if copy == Some(false) {
                    return Err(PyValueError::new_err(
                        "another dtype needs a copy, which copy=False forbids",
                    ));
                }
                array.call_method1(intern!(py, "astype"), (dtype,))
            }
            _ if copy == Some(true) => array.call_method0(intern!(py, "copy")),
            _ => Ok(array),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.get();
        let shape = this.shape(slf.py())?;
        Ok(format!(
            "<ndsharray.Snapshot version {} of {} {}>",
            this.version(),
            this.descr.bind(slf.py()),
            shape
        ))
    }
}

/// The clock of `written_at` and of Python's `time.monotonic()`, in seconds.
fn monotonic() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to the struct it is given; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// What a panic on another thread left in a lock: as good as any other state, since each is checked when used.
pub fn unpoisoned<T>(lock: Result<T, PoisonError<T>>) -> T {
    lock.unwrap_or_else(PoisonError::into_inner)
}
