//! What is read: a value that does not change.

use std::ffi::CStr;

use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use pyo3::{IntoPyObjectExt, intern};

use crate::error;
use crate::numpy::array;
use crate::numpy::dtype::Described;
use crate::object::heap_type::{self as object, Attribute};

/// A value that was read, for Python.
pub struct Snapshot {
    value: Value,
    dtype: Described,
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
                Ok(out) => Err(read_only(out.py())),
                Err(_) => Err(PyTypeError::new_err("out must be a numpy.ndarray")),
            },
            None if copy => Ok(Target::Copy),
            None => Ok(Target::Stay),
        }
    }

    /// Checks that the value has the layout of `out`.
    #[inline]
    pub fn check(&self, value: &ndsharray::Snapshot, dtype: &Described) -> PyResult<()> {
        match self {
            Target::Out(out) => fits(out, value, &dtype.get(out.py())),
            _ => Ok(()),
        }
    }
}

fn read_only(py: Python<'_>) -> PyErr {
    error::exception(py, "InvalidArgumentError", "out: found a read-only array, expected a writeable one")
}

fn fits(
    out: &Bound<'_, PyUntypedArray>,
    value: &ndsharray::Snapshot,
    descr: &Bound<'_, PyArrayDescr>,
) -> PyResult<()> {
    let py = out.py();
    // Looked at again, since a wait may have come between, in which it became read-only.
    if !array::is_writeable(out) {
        return Err(read_only(py));
    }
    if !out.dtype().is(descr) && !out.dtype().eq(descr)? {
        let message = format!("wrong dtype: found {descr} in the store, expected {} as in out", out.dtype());
        return Err(error::exception(py, "DTypeMismatchError", &message));
    }
    if out.shape() != value.shape() {
        let message = format!(
            "wrong shape: found {:?} in the store, expected {:?} as in out",
            value.shape(),
            out.shape()
        );
        return Err(error::exception(py, "InvalidArgumentError", &message));
    }
    Ok(())
}

impl Snapshot {
    /// Wraps a value that fits the target, and brings the elements to where they are wanted.
    #[inline(always)]
    pub fn new<'py>(
        py: Python<'py>,
        value: ndsharray::Snapshot,
        dtype: Described,
        target: Target<'py>,
    ) -> PyResult<Bound<'py, Self>> {
        let array = match target {
            Target::Stay => return object::new(py, Snapshot { value: Value::Shared(value), dtype }),
            Target::Copy => array::owned(dtype.get(py), value.shape(), value.bytes())?,
            Target::Out(out) => {
                Self::assign(&out, &value, &dtype)?;
                out
            }
        };
        Self::own(value, dtype, array)
    }

    fn assign(
        out: &Bound<'_, PyUntypedArray>,
        value: &ndsharray::Snapshot,
        dtype: &Described,
    ) -> PyResult<()> {
        let py = out.py();
        let source =
            || Self::new(py, value.clone(), dtype.clone_ref(py), Target::Stay).and_then(Self::into_array);
        array::assign(out, value.bytes(), source)
    }

    /// With an array that has the elements already.
    fn own<'py>(
        value: ndsharray::Snapshot,
        dtype: Described,
        array: Bound<'py, PyUntypedArray>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = array.py();
        let value = Value::Own {
            array: array.unbind(),
            version: value.version(),
            written_at: value.written_at().as_secs_f64(),
            user_data: value.user_data().to_vec(),
        };
        object::new(py, Snapshot { value, dtype })
    }

    /// The array of a snapshot: over the store, or its own.
    #[inline(always)]
    pub fn into_array(this: Bound<'_, Self>) -> PyResult<Bound<'_, PyUntypedArray>> {
        let py = this.py();
        let Snapshot { value, dtype } = object::get(&this);
        let value = match value {
            Value::Own { array, .. } => return Ok(array.bind(py).clone()),
            Value::Shared(value) => value,
        };
        // SAFETY: the bytes are those of the value, whose length was computed from shape and dtype, and they live,
        // unchanged, for as long as the snapshot, which the array keeps as its base.
        unsafe {
            let array = array::unowned(dtype.get(py), value.shape(), value.bytes().as_ptr(), false)?;
            Ok(array::keep(array, this.into_any()))
        }
    }

    /// Lets go of all that it holds. Of Python's objects at once, which to drop them would not do outside of pyo3's calls.
    pub fn release(self, py: Python<'_>) {
        if let Value::Own { array, .. } = self.value {
            drop(array.into_bound(py));
        }
        if let Described::Other(descr) = self.dtype {
            drop(descr.into_bound(py));
        }
    }
}

/// What Python sees of it.
impl Snapshot {
    pub const DOC: &CStr = c"A value that was read: whole, and unchanging for as long as it is held.

Its array lies in the store, is read-only, and keeps the value there. It outlives the reader, the writer and the
tag. A process that holds three values of a tag gets copies from then on, by the same type. A snapshot that was
read with `copy=True` or `out=` has a writeable array of its own instead.

Examples
--------
>>> import numpy as np, ndsharray
>>> store = ndsharray.Store(directory)
>>> with store.writer(\"pose\") as writer:
...     _ = writer.write(np.eye(2), b\"frame 1\")
>>> snapshot = store.reader(\"pose\").latest()
>>> snapshot.version, snapshot.shape, snapshot.dtype, snapshot.user_data
(1, (2, 2), dtype('float64'), b'frame 1')
>>> np.asarray(snapshot)
array([[1., 0.],
       [0., 1.]])
>>> snapshot.array.flags.writeable
False";

    pub const ATTRIBUTES: &[Attribute] = &[
        Attribute {
            name: c"array",
            doc: c"numpy.ndarray: the elements; read-only and zero-copy, unless read with ``copy=True`` or ``out=``.",
            get: |this| Self::into_array(this.clone()).map(Bound::into_any),
        },
        Attribute {
            name: c"version",
            doc: c"int: the number of the value: 1 for the first under the tag, one more at each write.",
            get: |this| object::get(this).version().into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"written_at",
            doc: c"float: when the value was published, in seconds, on the clock of ``time.monotonic()``.",
            get: |this| object::get(this).written_at().into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"age",
            doc: c"float: how long ago the value was published, in seconds.",
            get: |this| object::get(this).age().into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"user_data",
            doc: c"bytes: what the writer sent along, at most 240 bytes.",
            get: |this| Ok(PyBytes::new(this.py(), object::get(this).user_data()).into_any()),
        },
        Attribute {
            name: c"shape",
            doc: c"tuple of int: the length of each axis.",
            get: |this| object::get(this).shape(this.py()).map(Bound::into_any),
        },
        Attribute {
            name: c"dtype",
            doc: c"numpy.dtype: the type of the elements.",
            get: |this| Ok(object::get(this).dtype.get(this.py()).into_any()),
        },
        Attribute {
            name: c"is_copy",
            doc: c"bool: whether the elements are in this process's own memory, not in the store.",
            get: |this| object::get(this).is_copy().into_bound_py_any(this.py()),
        },
    ];

    pub const AS_ARRAY: &CStr = c"__array__($self, dtype=None, *, copy=None)
--

The array, for numpy's functions; another dtype or ``copy=True`` gives a copy.";

    pub fn as_array<'py>(
        this: &Bound<'py, Self>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let array = Self::into_array(this.clone())?.into_any();
        let dtype = dtype.map(|dtype| PyArrayDescr::new(py, dtype)).transpose()?;
        match dtype {
            Some(dtype) if !object::get(this).dtype.get(py).eq(&dtype)? => {
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

    pub fn repr<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let snapshot = object::get(this);
        let (version, descr, shape) = (snapshot.version(), snapshot.dtype.get(py), snapshot.shape(py)?);
        format!("<ndsharray.Snapshot version {version} of {descr} {shape}>").into_bound_py_any(py)
    }

    fn version(&self) -> u64 {
        match &self.value {
            Value::Shared(value) => value.version(),
            Value::Own { version, .. } => *version,
        }
    }

    fn written_at(&self) -> f64 {
        match &self.value {
            Value::Shared(value) => value.written_at().as_secs_f64(),
            Value::Own { written_at, .. } => *written_at,
        }
    }

    fn age(&self) -> f64 {
        match &self.value {
            Value::Shared(value) => value.age().as_secs_f64(),
            Value::Own { written_at, .. } => (monotonic() - written_at).max(0.0),
        }
    }

    fn user_data(&self) -> &[u8] {
        match &self.value {
            Value::Shared(value) => value.user_data(),
            Value::Own { user_data, .. } => user_data,
        }
    }

    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match &self.value {
            Value::Shared(value) => PyTuple::new(py, value.shape()),
            Value::Own { array, .. } => PyTuple::new(py, array.bind(py).shape()),
        }
    }

    fn is_copy(&self) -> bool {
        match &self.value {
            Value::Shared(value) => value.is_copy(),
            Value::Own { .. } => true,
        }
    }
}

/// The clock of `written_at` and of Python's `time.monotonic()`, in seconds.
fn monotonic() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to the struct it is given; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
