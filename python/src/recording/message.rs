//! The class `Message`: a value of a recording.

use std::ffi::CStr;

use ndsharray::UnixTime;
use numpy::{PyArrayDescrMethods, PyUntypedArray};
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple};
use pyo3::{IntoPyObjectExt, PyTypeInfo, ffi};

use crate::attributes;
use crate::numpy::array;
use crate::numpy::dtype::Described;
use crate::object::heap_type::{self, Attribute, Class, HeapType, METHODS, Method};
use crate::reader::export;

/// The value, and its dtype as numpy has it.
pub struct Message {
    value: ndsharray_recording::Message,
    dtype: Described,
    /// A copy of the elements, if numpy cannot use them where they lie. Nobody else has it.
    aligned: PyOnceLock<Py<PyUntypedArray>>,
}

impl Message {
    pub fn new(
        py: Python<'_>,
        value: ndsharray_recording::Message,
        dtype: Described,
    ) -> PyResult<Bound<'_, Self>> {
        heap_type::new(py, Message { value, dtype, aligned: PyOnceLock::new() })
    }

    /// The array of a message. It lies where the message does: in the mapped file, or in a chunk that was decompressed.
    pub fn into_array(this: Bound<'_, Self>) -> PyResult<Bound<'_, PyUntypedArray>> {
        let py = this.py();
        let Message { value, dtype, aligned } = heap_type::get(&this);
        let (descr, mut bytes) = (dtype.get(py), value.bytes());
        if bytes.as_ptr().addr() % descr.alignment() != 0 {
            // In a file of another program, or in a compressed chunk.
            let copied = aligned.get_or_try_init(py, || {
                array::owned(dtype.get(py), value.shape(), bytes).map(Bound::unbind)
            })?;
            bytes = array::contiguous(copied.bind(py)).unwrap_or_default();
        }
        // SAFETY: the bytes are the value's or their copy, and their length follows from its shape and dtype, as the library checks.
        // They stay unchanged as long as the message lives: it alone has the copy. The array keeps the message alive, as its base.
        unsafe {
            let array = array::unowned(descr, value.shape(), bytes.as_ptr(), false)?;
            Ok(array::keep(array, this.into_any()))
        }
    }

    fn attrs<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.value.attributes_json().map(|text| attributes::parsed(py, text.as_bytes())).transpose()
    }
}

static CLASS: Class<Message> = Class::new();

// SAFETY: `Class::of` always returns the one class of this type.
unsafe impl PyTypeInfo for Message {
    #[inline]
    fn type_object_raw(py: Python<'_>) -> *mut ffi::PyTypeObject {
        Class::<Self>::of(py)
    }
}

fn seconds(py: Python<'_>, time: Option<UnixTime>) -> PyResult<Bound<'_, PyAny>> {
    time.map(UnixTime::as_secs_f64).into_bound_py_any(py)
}

fn nanoseconds(py: Python<'_>, time: Option<UnixTime>) -> PyResult<Bound<'_, PyAny>> {
    time.map(UnixTime::as_nanos).into_bound_py_any(py)
}

// SAFETY: `type_object_raw` is `Class::of` this type, and `class` returns one static.
unsafe impl HeapType for Message {
    const QUALIFIED_NAME: &'static CStr = c"ndsharray.Message";

    const DOC: &'static CStr = c"A value of a recording, from a `Track`. It has what a `Snapshot` has, except its age.

Its array is read-only. It lies in the mapped file, unless the file is compressed. The file stays open as long as the
message or its array is held, even after the recording was closed.

Examples
--------
>>> import numpy as np, ndsharray
>>> message = ndsharray.Recording(\"run.mcap\")[\"pose\"][0]
>>> message.shape, message.dtype, message.attrs
((3,), dtype('float64'), None)
>>> np.asarray(message).flags.writeable
False";

    const ATTRIBUTES: &'static [Attribute<Self>] = &[
        Attribute {
            name: c"array",
            doc: c"numpy.ndarray: the elements; read-only, and not copied if the file is not compressed.",
            get: |this| Self::into_array(this.clone()).map(Bound::into_any),
        },
        Attribute {
            name: c"version",
            doc: c"int: the number of the value in its store: 1 for the first one of the tag, and one more at each write.",
            get: |this| heap_type::get(this).value.version().into_bound_py_any(this.py()),
        },
        Attribute {
            name: c"written_at",
            doc: c"float: when the value was written to its store, as Unix time: in seconds since 1970.",
            get: |this| seconds(this.py(), Some(heap_type::get(this).value.written_at())),
        },
        Attribute {
            name: c"written_at_ns",
            doc: c"int: the same in nanoseconds, which is exact.",
            get: |this| nanoseconds(this.py(), Some(heap_type::get(this).value.written_at())),
        },
        Attribute {
            name: c"acquired_at",
            doc: c"float or None: when the value was acquired, as Unix time in seconds. None if the writer did not say.",
            get: |this| seconds(this.py(), heap_type::get(this).value.acquired_at()),
        },
        Attribute {
            name: c"acquired_at_ns",
            doc: c"int or None: the same in nanoseconds, which is exact.",
            get: |this| nanoseconds(this.py(), heap_type::get(this).value.acquired_at()),
        },
        Attribute {
            name: c"source_written_at",
            doc: c"float or None: when the value was written where it comes from, as Unix time in seconds, if it was brought
from another store. None if not.",
            get: |this| seconds(this.py(), heap_type::get(this).value.source_written_at()),
        },
        Attribute {
            name: c"source_written_at_ns",
            doc: c"int or None: the same in nanoseconds, which is exact.",
            get: |this| nanoseconds(this.py(), heap_type::get(this).value.source_written_at()),
        },
        Attribute {
            name: c"user_data",
            doc: c"bytes: what the writer sent with the value. If these are attributes, their JSON text.",
            get: |this| Ok(PyBytes::new(this.py(), heap_type::get(this).value.user_data()).into_any()),
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
            get: |this| PyTuple::new(this.py(), heap_type::get(this).value.shape()).map(Bound::into_any),
        },
        Attribute {
            name: c"dtype",
            doc: c"numpy.dtype: the type of the elements.",
            get: |this| Ok(heap_type::get(this).dtype.get(this.py()).into_any()),
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

Returns the array to other libraries, as a DLPack capsule. The file stays open as long as the capsule's consumer holds
it. The arguments are those of ``numpy.ndarray.__dlpack__``.

Raises
------
BufferError
    If the consumer does not know DLPack 1.0 (`max_version`), which can say that an array is read-only. Pass it a copy
    then: ``message.array.copy()``.",
            call: |this, arguments, keywords| {
                export::to_dlpack(
                    Self::into_array(this.clone())?,
                    arguments,
                    keywords,
                    "A copy can be exported: array.copy().",
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
                    "a message refers to its file and cannot be pickled: pickle its array, which copies the elements, or send \
                     the recording, which is opened anew in the other process",
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
        let Message { value, dtype, .. } = heap_type::get(this);
        let (version, descr, shape) = (value.version(), dtype.get(py), PyTuple::new(py, value.shape())?);
        format!("<ndsharray.Message version {version} of {descr} {shape}>").into_bound_py_any(py)
    }

    fn lender<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        if let Described::Custom(descr) = &heap_type::get(this).dtype {
            // As of a snapshot: a buffer does not say that a struct is aligned, or that it is a record.
            let descr = descr.bind(this.py());
            return Err(PyBufferError::new_err(format!(
                "a buffer cannot say all of {descr}: use the message's array"
            )));
        }
        Self::into_array(this.clone()).map(Bound::into_any)
    }

    /// As for a snapshot: references are released one by one.
    fn release(self, py: Python<'_>) {
        if let Some(array) = self.aligned.into_inner() {
            drop(array.into_bound(py));
        }
        if let Described::Custom(descr) = self.dtype {
            drop(descr.into_bound(py));
        }
    }
}
