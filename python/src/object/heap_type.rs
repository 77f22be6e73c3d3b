//! A Python class written against the C interface, for objects that must be cheap to make.
//!
//! Each read makes an object and soon throws it away. An object of a pyo3 class takes longer to make than a small value
//! takes to read: pyo3 lets all its classes take part in garbage collection, and calls `object.__new__`. A class of this
//! file does neither. Its objects are plain, like those of `float`. They hold references only to objects that take no
//! part in garbage collection either, so no cycle can form.
//!
//! All `unsafe` code about the layout of such objects is in this file.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi::{self, PyObject};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use pyo3::{Borrowed, PyTypeInfo};

use crate::object::attached_lock::TURNS;

/// A value whose objects are of a class made here.
///
/// # Safety
/// - `PyTypeInfo::type_object_raw` returns [`Class::of`] this type.
/// - `class` always returns the same static.
pub unsafe trait HeapType: PyTypeInfo + 'static {
    /// The name of the class, with its module.
    const QUALIFIED_NAME: &'static CStr;
    const DOC: &'static CStr;
    const ATTRIBUTES: &'static [Attribute<Self>];
    /// The docstring of `__array__`.
    const ARRAY_DOC: &'static CStr;

    /// The static that holds the class.
    fn class() -> &'static Class<Self>;

    fn repr<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>>;

    /// `__array__`, with the arguments that it was called with.
    fn to_array<'py>(
        this: &Bound<'py, Self>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>>;

    /// Drops the value, when its object ends.
    fn release(self, py: Python<'_>);
}

/// A property of the class.
pub struct Attribute<T: 'static> {
    pub name: &'static CStr,
    pub doc: &'static CStr,
    pub get: for<'py> fn(&Bound<'py, T>) -> PyResult<Bound<'py, PyAny>>,
}

#[repr(C)]
struct Object<T> {
    head: PyObject,
    value: T,
}

/// Makes an object with a value in it.
#[inline(always)]
pub fn new<T: HeapType>(py: Python<'_>, value: T) -> PyResult<Bound<'_, T>> {
    let class = T::type_object_raw(py);
    // SAFETY: the memory has the size and the alignment of an object (`PyObject_Malloc` aligns to 16 bytes, which
    // `Class::make` checks to be enough). `PyObject_Init` fills in the head, with a reference to the class. The value
    // is put in here.
    unsafe {
        let object = T::class()
            .spare
            .take(py)
            .unwrap_or_else(|| ffi::PyObject_Malloc(size_of::<Object<T>>()).cast::<Object<T>>());
        if object.is_null() {
            return Err(no_memory(value));
        }
        ptr::write(&raw mut (*object).value, value);
        Ok(Bound::from_owned_ptr(py, ffi::PyObject_Init(object.cast(), class)).cast_into_unchecked())
    }
}

/// Takes the value by itself, so that the common path need not store it on the stack.
#[cold]
#[inline(never)]
fn no_memory<T>(_: T) -> PyErr {
    PyMemoryError::new_err(())
}

/// The value in an object.
#[inline]
pub fn get<'a, T: HeapType>(object: &'a Bound<'_, T>) -> &'a T {
    // SAFETY: the class has no subclasses, and only `new` makes objects of it. The value in an object does not change,
    // and lives as long as the object, which the reference keeps alive.
    unsafe { &(*object.as_ptr().cast::<Object<T>>()).value }
}

/// The class of a type, and the spare memory of its objects.
pub struct Class<T> {
    made: PyOnceLock<Py<PyType>>,
    spare: Spare<T>,
}

impl<T: HeapType> Class<T> {
    pub const fn new() -> Self {
        Class { made: PyOnceLock::new(), spare: Spare(UnsafeCell::new((0, [ptr::null_mut(); 8]))) }
    }

    /// The class, which the first call makes.
    #[inline]
    pub fn of(py: Python<'_>) -> *mut ffi::PyTypeObject {
        let made = T::class().made.get_or_init(py, || Self::make(py).expect("a class cannot be made"));
        made.as_ptr().cast()
    }

    fn make(py: Python<'_>) -> PyResult<Py<PyType>> {
        const { assert!(align_of::<Object<T>>() <= 16) };
        let property = |attribute: &'static Attribute<T>| ffi::PyGetSetDef {
            name: attribute.name.as_ptr(),
            get: Some(get_attribute::<T>),
            set: None,
            doc: attribute.doc.as_ptr(),
            closure: ptr::from_ref(attribute).cast_mut().cast(),
        };
        let getset: Vec<_> =
            T::ATTRIBUTES.iter().map(property).chain([ffi::PyGetSetDef::default()]).collect();
        let array = ffi::PyMethodDef {
            ml_name: c"__array__".as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunctionWithKeywords: to_array::<T> },
            ml_flags: ffi::METH_VARARGS | ffi::METH_KEYWORDS,
            ml_doc: T::ARRAY_DOC.as_ptr(),
        };
        let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
        // The lists belong to the class, which is never freed.
        let mut slots = [
            slot(ffi::Py_tp_dealloc, dealloc::<T> as *mut c_void),
            slot(ffi::Py_tp_repr, repr::<T> as *mut c_void),
            slot(ffi::Py_tp_getset, getset.leak().as_mut_ptr().cast()),
            slot(ffi::Py_tp_methods, vec![array, ffi::PyMethodDef::zeroed()].leak().as_mut_ptr().cast()),
            slot(ffi::Py_tp_doc, T::DOC.as_ptr().cast_mut().cast()),
            slot(0, ptr::null_mut()),
        ];
        let kind = ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION | ffi::Py_TPFLAGS_IMMUTABLETYPE;
        let mut spec = ffi::PyType_Spec {
            name: T::QUALIFIED_NAME.as_ptr(),
            basicsize: size_of::<Object<T>>() as c_int,
            itemsize: 0,
            flags: (ffi::Py_TPFLAGS_DEFAULT | kind) as c_uint,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the call reads `spec` and `slots` at once. All else that they point to is static or was leaked. Each
        // function has the signature of its slot. The flag that allows subclasses is missing, so there are none.
        let class = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec))? };
        Ok(class.cast_into::<PyType>()?.unbind())
    }
}

/// Memory of objects that ended, for the next ones: how many, and where.
struct Spare<T>(UnsafeCell<(usize, [*mut Object<T>; 8])>);

// SAFETY: only threads that are attached to the interpreter touch it, and only where these take turns. The memory holds
// no value.
unsafe impl<T> Sync for Spare<T> {}

impl<T> Spare<T> {
    #[inline(always)]
    fn take(&self, _: Python<'_>) -> Option<*mut Object<T>> {
        if !TURNS {
            return None;
        }
        // SAFETY: this thread is attached, and does not let go of the interpreter in this function.
        let (count, list) = unsafe { &mut *self.0.get() };
        *count = count.checked_sub(1)?;
        list.get(*count).copied()
    }

    /// Keeps the memory, if there is room for it. Returns whether there was.
    #[inline(always)]
    fn put(&self, _: Python<'_>, memory: *mut Object<T>) -> bool {
        if !TURNS {
            return false;
        }
        // SAFETY: as in `take`.
        let (count, list) = unsafe { &mut *self.0.get() };
        let Some(place) = list.get_mut(*count) else { return false };
        *place = memory;
        *count += 1;
        true
    }
}

/// Ends an object to which no reference is left.
unsafe extern "C" fn dealloc<T: HeapType>(object: *mut PyObject) {
    // SAFETY: the interpreter calls this once for each object that `new` made, when nobody refers to it any more.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let value = ptr::read(&raw const (*object.cast::<Object<T>>()).value);
        let py = Python::assume_attached();
        value.release(py);
        if !T::class().spare.put(py, object.cast()) {
            ffi::PyObject_Free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// Calls `f` for the interpreter. Returns a new reference, or null with an exception set.
///
/// # Safety
/// The thread is attached to the interpreter, and `object` is an object of the class of `T`.
unsafe fn answer<T: HeapType>(
    object: *mut PyObject,
    f: impl for<'py> FnOnce(&Bound<'py, T>) -> PyResult<Bound<'py, PyAny>>,
) -> *mut PyObject {
    // SAFETY: as the caller says. The interpreter keeps the object alive during the call.
    let (py, object) = unsafe {
        let py = Python::assume_attached();
        (py, Borrowed::from_ptr(py, object).cast_unchecked::<T>())
    };
    let caught = catch_unwind(AssertUnwindSafe(|| f(&object)));
    match caught.unwrap_or_else(|_| Err(PanicException::new_err("panic from Rust code"))) {
        Ok(value) => value.into_ptr(),
        Err(error) => {
            error.restore(py);
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn get_attribute<T: HeapType>(
    object: *mut PyObject,
    attribute: *mut c_void,
) -> *mut PyObject {
    // SAFETY: the interpreter calls this as a getter of the class, with the address that `Class::make` gave it.
    unsafe { answer(object, (*attribute.cast::<Attribute<T>>()).get) }
}

unsafe extern "C" fn repr<T: HeapType>(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter calls this for objects of the class.
    unsafe { answer(object, T::repr) }
}

unsafe extern "C" fn to_array<T: HeapType>(
    object: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls this for objects of the class, with a tuple, and with a dict or null.
    unsafe {
        answer(object, |this: &Bound<'_, T>| {
            let (dtype, copy) = parse(this.py(), arguments, keywords)?;
            T::to_array(this, dtype, copy)
        })
    }
}

/// The arguments of `__array__`.
///
/// # Safety
/// `arguments` is a tuple, and `keywords` is a dict or null. Both live as long as the call takes.
unsafe fn parse(
    py: Python<'_>,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> PyResult<(Option<Bound<'_, PyAny>>, Option<bool>)> {
    let (mut dtype, mut copy) = (ptr::null_mut::<PyObject>(), ptr::null_mut::<PyObject>());
    let names = [c"dtype".as_ptr(), c"copy".as_ptr(), ptr::null()];
    // SAFETY: there are as many names and places as the format says. The objects that the call finds are borrowed from
    // the arguments.
    let (dtype, copy) = unsafe {
        let format = c"|O$O:__array__".as_ptr();
        let names = names.as_ptr().cast_mut().cast();
        if ffi::PyArg_ParseTupleAndKeywords(arguments, keywords, format, names, &mut dtype, &mut copy) == 0 {
            return Err(PyErr::fetch(py));
        }
        (Bound::from_borrowed_ptr_or_opt(py, dtype), Bound::from_borrowed_ptr_or_opt(py, copy))
    };
    let copy = copy.map(|copy| copy.extract::<Option<bool>>()).transpose()?.flatten();
    Ok((dtype.filter(|dtype| !dtype.is_none()), copy))
}
