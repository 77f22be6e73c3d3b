//! The class `Snapshot`: a value that was read, which does not change while it is held.

use std::ffi::CStr;

use ndsharray::UnixTime;
use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use pyo3::{IntoPyObjectExt, PyTypeInfo, ffi};

use crate::attributes;
use crate::numpy::array;
use crate::numpy::dtype::Described;
use crate::object::heap_type::{self, Attribute, Class, HeapType, METHODS, Method};
use crate::reader::export;
use crate::reader::sent::{Sent, has_attributes};
use crate::reader::target::Target;

/// The value, and its dtype as numpy has it.
pub struct Snapshot {
    value: Value,
    dtype: Described,
}

enum Value {
    /// As the library read it: in the store, or copied by the library to memory of this process.
    Shared(ndsharray::Snapshot),
    /// In an array of the caller's, or in one made for the caller. `age_zero`: when the value was published, on the clock of
    /// `monotonic`.
    Own {
        array: Py<PyUntypedArray>,
        id: ndsharray::ValueId,
        written_at: UnixTime,
        age_zero: f64,
        sent: Option<Box<Sent>>,
    },
}

impl Snapshot {
    /// Makes the object of a value, and puts the elements where the target says. The value must fit the target.
    #[inline(always)]
    pub fn new<'py>(
        py: Python<'py>,
        value: ndsharray::Snapshot,
        dtype: Described,
        target: Target<'py>,
    ) -> PyResult<Bound<'py, Self>> {
        let array = match target {
            Target::Stay => return heap_type::new(py, Snapshot { value: Value::Shared(value), dtype }),
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

    /// Makes the object of a value whose elements are in `array` already.
    fn own<'py>(
        value: ndsharray::Snapshot,
        dtype: Described,
        array: Bound<'py, PyUntypedArray>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = array.py();
        let value = Value::Own {
            array: array.unbind(),
            id: value.id(),
            written_at: value.written_at(),
            age_zero: monotonic() - value.age().as_secs_f64(),
            sent: Sent::with(&value),
        };
        heap_type::new(py, Snapshot { value, dtype })
    }

    /// The array of a snapshot. It lies in the store, or is the snapshot's own.
    #[inline(always)]
    pub fn into_array(this: Bound<'_, Self>) -> PyResult<Bound<'_, PyUntypedArray>> {
        let py = this.py();
        let Snapshot { value, dtype } = heap_type::get(&this);
        let value = match value {
            Value::Own { array, .. } => return Ok(array.bind(py).clone()),
            Value::Shared(value) => value,
        };
        // SAFETY: the bytes are the value's, and their length follows from its shape and dtype. They stay unchanged as
        // long as the snapshot lives. The array keeps the snapshot alive, as its base.
        unsafe {
            let array = array::unowned(dtype.get(py), value.shape(), value.bytes().as_ptr(), false)?;
            Ok(array::keep(array, this.into_any()))
        }
    }

    /// Which value it is.
    #[inline(always)]
    pub fn id(&self) -> ndsharray::ValueId {
        match &self.value {
            Value::Shared(value) => value.id(),
            Value::Own { id, .. } => *id,
        }
    }

    fn version(&self) -> u64 {
        self.id().version()
    }

    fn written_at(&self) -> UnixTime {
        match &self.value {
            Value::Shared(value) => value.written_at(),
            Value::Own { written_at, .. } => *written_at,
        }
    }

    fn age(&self) -> f64 {
        match &self.value {
            Value::Shared(value) => value.age().as_secs_f64(),
            Value::Own { age_zero, .. } => (monotonic() - age_zero).max(0.0),
        }
    }

    fn acquired_at(&self) -> Option<UnixTime> {
        match &self.value {
            Value::Shared(value) => value.acquired_at(),
            Value::Own { sent, .. } => sent.as_ref().and_then(|sent| sent.acquired_at),
        }
    }

    /// The attributes, made anew; None if there are none. Runs Python code.
    fn attrs<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let has_attributes = match &self.value {
            Value::Shared(value) => has_attributes(value),
            Value::Own { sent, .. } => sent.as_ref().is_some_and(|sent| sent.has_attributes),
        };
        has_attributes.then(|| attributes::parsed(py, self.user_data())).transpose()
    }

    fn user_data(&self) -> &[u8] {
        match &self.value {
            Value::Shared(value) => value.user_data(),
            Value::Own { sent, .. } => sent.as_ref().map_or(&[], |sent| &sent.user_data),
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

static CLASS: Class<Snapshot> = Class::new();

// SAFETY: `Class::of` always returns the one class of this type.
unsafe impl PyTypeInfo for Snapshot {
    #[inline]
    fn type_object_raw(py: Python<'_>) -> *mut ffi::PyTypeObject {
        Class::<Self>::of(py)
    }
}

// SAFETY: `type_object_raw` is `Class::of` this type, and `class` returns one static.
unsafe impl HeapType for Snapshot {
    const QUALIFIED_NAME: &'static CStr = c"ndsharray.Snapshot";

    const DOC: &'static CStr = c"A value that was read. It is whole, and it does not change while it is held.

Its array lies in the store and is read-only. The value stays in the store as long as the array is held, also
after the reader, the writer and the tag are gone. A process that holds three values of a tag gets copies from
then on, as objects of this class too. A snapshot that was read with `copy=True` or `out=` has a writeable array
of its own instead.

Functions of numpy and ``from_dlpack`` of other libraries take a snapshot as it is, and so does ``memoryview``, if the
elements are numbers. What they return keeps the value in the store, too.

Examples
--------
>>> import numpy as np, ndsharray
>>> store = ndsharray.Store()
>>> with store.writer(\"matrix\", ephemeral=True) as writer:
...     _ = writer.write(np.eye(2), b\"frame 1\")
...     snapshot = store.reader(\"matrix\").latest()
>>> snapshot.version, snapshot.shape, snapshot.dtype, snapshot.user_data
(1, (2, 2), dtype('float64'), b'frame 1')
>>> np.asarray(snapshot)
array([[1., 0.],
       [0., 1.]])
>>> snapshot.array.flags.writeable
False";

    const ATTRIBUTES: &'static [Attribute<Self>] = &[
        Attribute {
            name: c"array",
            doc: c"numpy.ndarray: the elements; read-only and not copied, unless read with ``copy=True`` or ``out=``.",
            get: |this| Self::into_array(this.clone()).map(Bound::into_any),
        },
        Attribute {
            name: c"version",
            doc: c"int: the number of the value: 1 for the first one of the tag, and one more at each write.",
            get: |this| heap_type::get(this).version().into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"written_at",
            doc: c"float: when the value was published, as Unix time: in seconds since 1970, as ``time.time()``. It is the time on
the writer's clock, which somebody may set; `age` does not depend on that.",
            get: |this| heap_type::get(this).written_at().as_secs_f64().into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"written_at_ns",
            doc: c"int: the same in nanoseconds, as ``time.time_ns()``.",
            get: |this| heap_type::get(this).written_at().as_nanos().into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"acquired_at",
            doc: c"float or None: when the value was acquired, such as when the shutter opened, as Unix time in seconds. None if
the writer did not say.",
            get: |this| {
                let time = heap_type::get(this).acquired_at();
                time.map(UnixTime::as_secs_f64).into_bound_py_any(this.py())
            },
        },
        Attribute {
            name: c"acquired_at_ns",
            doc: c"int or None: the same in nanoseconds, which is exact.",
            get: |this| {
                let time = heap_type::get(this).acquired_at();
                time.map(UnixTime::as_nanos).into_bound_py_any(this.py())
            },
        },
        Attribute {
            name: c"age",
            doc: c"float: how long ago the value was published, in seconds; never negative.",
            get: |this| heap_type::get(this).age().into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"user_data",
            doc: c"bytes: what the writer sent with the value, at most 2048 bytes. If these are attributes, their JSON text.",
            get: |this| Ok(PyBytes::new(this.py(), heap_type::get(this).user_data()).into_any()),
        },
        Attribute {
            name: c"attrs",
            doc: c"dict or None: the attributes that the writer sent with the value; None if it sent none. Each
access makes a new dict.",
            get: |this| heap_type::get(this).attrs(this.py())?.into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"shape",
            doc: c"tuple of int: the length of each axis.",
            get: |this| heap_type::get(this).shape(this.py()).map(Bound::into_any),
        },
        Attribute {
            name: c"dtype",
            doc: c"numpy.dtype: the type of the elements.",
            get: |this| Ok(heap_type::get(this).dtype.get(this.py()).into_any()),
        },
        Attribute {
            name: c"is_copy",
            doc: c"bool: whether the elements are in this process's own memory, not in the store.",
            get: |this| heap_type::get(this).is_copy().into_bound_py_any(this.py()),
        },
    ];

    const METHODS: [Method<Self>; METHODS] = [
        Method {
            name: c"__array__",
            doc: c"__array__($self, dtype=None, *, copy=None)
--

Returns the array to numpy's functions. Another dtype or ``copy=True`` makes a copy.",
            call: |this, arguments, keywords| {
                export::to_array(Self::into_array(this.clone())?, arguments, keywords)
            },
        },
        Method {
            name: c"__dlpack__",
            doc: c"__dlpack__($self, *, stream=None, max_version=None, dl_device=None, copy=None)
--

Returns the array to other libraries, as a DLPack capsule. The value stays in the store as long as the capsule's consumer
holds it. The arguments are those of ``numpy.ndarray.__dlpack__``.

Raises
------
BufferError
    If the array is read-only, and the consumer does not know DLPack 1.0 (`max_version`), which can say so. Read with
    ``copy=True`` then.",
            call: |this, arguments, keywords| {
                export::to_dlpack(
                    Self::into_array(this.clone())?,
                    arguments,
                    keywords,
                    "A snapshot that was read with copy=True can be exported.",
                )
            },
        },
        Method {
            name: c"__dlpack_device__",
            doc: c"__dlpack_device__($self, /)
--

Returns DLPack's name for the main memory: ``(1, 0)``.",
            call: |this, _, _| export::dlpack_device(&Self::into_array(this.clone())?),
        },
        Method {
            name: c"__reduce__",
            doc: c"__reduce__($self, /)
--

Helper for pickle.",
            call: |_, _, _| {
                Err(PyTypeError::new_err(
                    "a snapshot refers to the store and cannot be pickled: pickle its array, which copies the elements, or \
                     send the reader, which is opened anew in the other process",
                ))
            },
        },
    ];

    #[inline(always)]
    fn class() -> &'static Class<Self> {
        &CLASS
    }

    fn repr<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let snapshot = heap_type::get(this);
        let (version, descr, shape) = (snapshot.version(), snapshot.dtype.get(py), snapshot.shape(py)?);
        format!("<ndsharray.Snapshot version {version} of {descr} {shape}>").into_bound_py_any(py)
    }

    fn lender<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        // numpy prefers this to `__array__`. But a buffer cannot describe other dtypes completely: it does not say that a
        // struct is aligned, or that it is a record.
        if let Described::Custom(descr) = &heap_type::get(this).dtype {
            let descr = descr.bind(this.py());
            return Err(PyBufferError::new_err(format!(
                "a buffer cannot say all of {descr}: use the snapshot's array"
            )));
        }
        Self::into_array(this.clone()).map(Bound::into_any)
    }

    /// Outside of pyo3's calls, a plain drop of Python references would be put off. So they are released one by one.
    #[inline]
    fn release(self, py: Python<'_>) {
        if let Value::Own { array, .. } = self.value {
            drop(array.into_bound(py));
        }
        if let Described::Custom(descr) = self.dtype {
            drop(descr.into_bound(py));
        }
    }
}

/// The time in seconds, on a clock that nobody sets.
fn monotonic() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to the struct that it is given. This clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
