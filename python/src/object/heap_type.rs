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
use std::ptr::{self, NonNull};

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi::{self, PyObject};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};
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
    const METHODS: [Method<Self>; METHODS];

    /// The static that holds the class.
    fn class() -> &'static Class<Self>;

    fn repr<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>>;

    /// The object that lends its memory in place of an object of the class.
    fn lender<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>>;

    /// Drops the value, when its object ends.
    fn release(self, py: Python<'_>);
}

/// A property of the class.
pub struct Attribute<T: 'static> {
    pub name: &'static CStr,
    pub doc: &'static CStr,
    pub get: for<'py> fn(&Bound<'py, T>) -> PyResult<Bound<'py, PyAny>>,
}

/// How many methods a class has.
pub const METHODS: usize = 4;

/// A method of the class. Its docstring begins with its signature, as the interpreter wants it.
pub struct Method<T: 'static> {
    pub name: &'static CStr,
    pub doc: &'static CStr,
    pub call: MethodCall<T>,
}

type MethodCall<T> = for<'py> fn(
    &Bound<'py, T>,
    &Bound<'py, PyTuple>,
    Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>>;

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
        let calls: [ffi::PyCFunctionWithKeywords; METHODS] =
            [call_method::<T, 0>, call_method::<T, 1>, call_method::<T, 2>, call_method::<T, 3>];
        let method = |(method, call): (&Method<T>, ffi::PyCFunctionWithKeywords)| ffi::PyMethodDef {
            ml_name: method.name.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunctionWithKeywords: call },
            ml_flags: ffi::METH_VARARGS | ffi::METH_KEYWORDS,
            ml_doc: method.doc.as_ptr(),
        };
        let methods: Vec<_> =
            T::METHODS.iter().zip(calls).map(method).chain([ffi::PyMethodDef::zeroed()]).collect();
        let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
        // The lists belong to the class, which is never freed.
        let mut slots = [
            slot(ffi::Py_tp_dealloc, dealloc::<T> as *mut c_void),
            slot(ffi::Py_tp_repr, repr::<T> as *mut c_void),
            slot(ffi::Py_tp_getset, getset.leak().as_mut_ptr().cast()),
            slot(ffi::Py_tp_methods, methods.leak().as_mut_ptr().cast()),
            slot(ffi::Py_bf_getbuffer, get_buffer::<T> as *mut c_void),
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

/// Calls method number `N` of the list.
unsafe extern "C" fn call_method<T: HeapType, const N: usize>(
    object: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls this for objects of the class, with a tuple, and with a dict or null. Both live as long
    // as the call takes.
    unsafe {
        answer(object, |this: &Bound<'_, T>| {
            let py = this.py();
            let arguments = Borrowed::from_ptr(py, arguments).cast_unchecked::<PyTuple>();
            let keywords =
                Bound::from_borrowed_ptr_or_opt(py, keywords).map(|dict| dict.cast_into_unchecked());
            (T::METHODS[N].call)(this, &arguments, keywords.as_ref())
        })
    }
}

/// Lets another object lend its memory instead. The view keeps that object alive.
unsafe extern "C" fn get_buffer<T: HeapType>(
    object: *mut PyObject,
    view: *mut BufferHead,
    flags: c_int,
) -> c_int {
    let Some(view) = NonNull::new(view) else { return -1 };
    // SAFETY: the interpreter calls this for objects of the class, with a view that is to be filled in. A view that is not
    // filled in has no object.
    unsafe {
        (*view.as_ptr()).object = ptr::null_mut();
        let lender = answer(object, T::lender);
        if lender.is_null() {
            return -1;
        }
        let outcome = PyObject_GetBuffer(lender, view.as_ptr(), flags);
        ffi::Py_DECREF(lender);
        outcome
    }
}

/// The first fields of `Py_buffer`. The object that lends its memory writes the rest.
#[repr(C)]
struct BufferHead {
    memory: *mut c_void,
    object: *mut PyObject,
}

// In the stable interface since Python 3.11. Python 3.10 has both the function and the slot, which its headers declare only
// for modules of that one version.
unsafe extern "C" {
    fn PyObject_GetBuffer(object: *mut PyObject, view: *mut BufferHead, flags: c_int) -> c_int;
}
