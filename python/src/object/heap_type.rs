//! Objects of the class `Snapshot` as they lie in memory: all that is unsafe about them.
//!
//! One of them is made and thrown away at each read, and to make one of a pyo3 class takes longer than to read a small
//! value: pyo3 lets all its classes take part in garbage collection, and goes through `object.__new__`. So this class is
//! made by hand. Its objects are plain ones, as those of `float` are; they have no references that could be a cycle but
//! to arrays, which take no part in garbage collection either.

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
use crate::reader::snapshot::Snapshot;

#[repr(C)]
struct Object {
    head: PyObject,
    snapshot: Snapshot,
}

/// A property of the class.
pub struct Attribute {
    pub name: &'static CStr,
    pub doc: &'static CStr,
    pub get: for<'py> fn(&Bound<'py, Snapshot>) -> PyResult<Bound<'py, PyAny>>,
}

/// An object with a snapshot in it.
#[inline(always)]
pub fn new(py: Python<'_>, snapshot: Snapshot) -> PyResult<Bound<'_, Snapshot>> {
    let class = Snapshot::type_object_raw(py);
    // SAFETY: the memory has the size and the alignment of an object (`PyObject_Malloc` aligns to 16 bytes). It becomes
    // one by `PyObject_Init`, which takes the object's reference to its class, and by the snapshot that is put into it.
    unsafe {
        let object =
            SPARE.take(py).unwrap_or_else(|| ffi::PyObject_Malloc(size_of::<Object>()).cast::<Object>());
        if object.is_null() {
            return Err(no_memory(snapshot));
        }
        ptr::write(&raw mut (*object).snapshot, snapshot);
        Ok(Bound::from_owned_ptr(py, ffi::PyObject_Init(object.cast(), class)).cast_into_unchecked())
    }
}

/// Takes the snapshot, so that it need not be in memory where there is some.
#[cold]
#[inline(never)]
fn no_memory(_: Snapshot) -> PyErr {
    PyMemoryError::new_err(())
}

/// The snapshot in an object.
#[inline]
pub fn get<'a>(object: &'a Bound<'_, Snapshot>) -> &'a Snapshot {
    // SAFETY: the class has no subclasses and only `new` makes objects of it; what is in one does not change, and lives
    // as long as the object, which the reference keeps.
    unsafe { &(*object.as_ptr().cast::<Object>()).snapshot }
}

/// Memory of objects that ended, for the next ones.
struct Spare(UnsafeCell<(usize, [*mut Object; 8])>);

// SAFETY: it is touched by threads that are attached to the interpreter, if these take turns.
unsafe impl Sync for Spare {}

static SPARE: Spare = Spare(UnsafeCell::new((0, [ptr::null_mut(); 8])));

impl Spare {
    #[inline(always)]
    fn take(&self, _: Python<'_>) -> Option<*mut Object> {
        if !TURNS {
            return None;
        }
        // SAFETY: this thread is attached and does not let go of the interpreter meanwhile.
        let (count, list) = unsafe { &mut *self.0.get() };
        *count = count.checked_sub(1)?;
        list.get(*count).copied()
    }

    /// Whether there was room for it.
    #[inline(always)]
    fn put(&self, _: Python<'_>, memory: *mut Object) -> bool {
        if !TURNS {
            return false;
        }
        // SAFETY: as above.
        let (count, list) = unsafe { &mut *self.0.get() };
        let Some(place) = list.get_mut(*count) else { return false };
        *place = memory;
        *count += 1;
        true
    }
}

/// Ends an object to which nothing refers any more.
unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: the interpreter calls this once for each object that `new` made, and nobody has it any more.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let snapshot = ptr::read(&raw const (*object.cast::<Object>()).snapshot);
        let py = Python::assume_attached();
        snapshot.release(py);
        if !SPARE.put(py, object.cast()) {
            ffi::PyObject_Free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// What the interpreter wants to know from an object: a new reference, or null with an exception.
///
/// # Safety
/// Attached to the interpreter; `object` is one of the class.
unsafe fn answer(
    object: *mut PyObject,
    f: impl for<'py> FnOnce(&Bound<'py, Snapshot>) -> PyResult<Bound<'py, PyAny>>,
) -> *mut PyObject {
    // SAFETY: as the caller says; the caller's caller keeps the object meanwhile.
    let (py, snapshot) = unsafe {
        let py = Python::assume_attached();
        (py, Borrowed::from_ptr(py, object).cast_unchecked::<Snapshot>())
    };
    let caught = catch_unwind(AssertUnwindSafe(|| f(&snapshot)));
    match caught.unwrap_or_else(|_| Err(PanicException::new_err("panic from Rust code"))) {
        Ok(value) => value.into_ptr(),
        Err(error) => {
            error.restore(py);
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn get_attribute(object: *mut PyObject, attribute: *mut c_void) -> *mut PyObject {
    // SAFETY: the interpreter calls this as getter of the class, with the address that `getset` gave it.
    unsafe { answer(object, (*attribute.cast::<Attribute>()).get) }
}

unsafe extern "C" fn repr(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter calls this for objects of the class.
    unsafe { answer(object, Snapshot::repr) }
}

unsafe extern "C" fn as_array(
    object: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls this for objects of the class, with a tuple, and a dict or null.
    unsafe {
        answer(object, |snapshot| {
            let (dtype, copy) = parse(snapshot.py(), arguments, keywords)?;
            Snapshot::as_array(snapshot, dtype, copy)
        })
    }
}

/// The arguments of `__array__`.
///
/// # Safety
/// `arguments` is a tuple and `keywords` a dict or null, both for as long as the call takes.
unsafe fn parse(
    py: Python<'_>,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> PyResult<(Option<Bound<'_, PyAny>>, Option<bool>)> {
    let (mut dtype, mut copy) = (ptr::null_mut::<PyObject>(), ptr::null_mut::<PyObject>());
    let names = [c"dtype".as_ptr(), c"copy".as_ptr(), ptr::null()];
    // SAFETY: as many names and places for objects as the format says. What it finds is borrowed from the arguments.
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

// SAFETY: the class is made once, and only objects that `new` made are of it.
unsafe impl PyTypeInfo for Snapshot {
    #[inline]
    fn type_object_raw(py: Python<'_>) -> *mut ffi::PyTypeObject {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let class = CLASS.get_or_init(py, || class(py).expect("the class Snapshot could not be made"));
        class.as_ptr().cast()
    }
}

fn class(py: Python<'_>) -> PyResult<Py<PyType>> {
    let property = |attribute: &'static Attribute| ffi::PyGetSetDef {
        name: attribute.name.as_ptr(),
        get: Some(get_attribute),
        set: None,
        doc: attribute.doc.as_ptr(),
        closure: ptr::from_ref(attribute).cast_mut().cast(),
    };
    let getset: Vec<_> =
        Snapshot::ATTRIBUTES.iter().map(property).chain([ffi::PyGetSetDef::default()]).collect();
    let array = ffi::PyMethodDef {
        ml_name: c"__array__".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionWithKeywords: as_array },
        ml_flags: ffi::METH_VARARGS | ffi::METH_KEYWORDS,
        ml_doc: Snapshot::AS_ARRAY.as_ptr(),
    };
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    // The lists stay with the class, which stays for ever.
    let mut slots = [
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
        slot(ffi::Py_tp_getset, getset.leak().as_mut_ptr().cast()),
        slot(ffi::Py_tp_methods, vec![array, ffi::PyMethodDef::zeroed()].leak().as_mut_ptr().cast()),
        slot(ffi::Py_tp_doc, Snapshot::DOC.as_ptr().cast_mut().cast()),
        slot(0, ptr::null_mut()),
    ];
    let kind = ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION | ffi::Py_TPFLAGS_IMMUTABLETYPE;
    let mut spec = ffi::PyType_Spec {
        name: c"ndsharray.Snapshot".as_ptr(),
        basicsize: size_of::<Object>() as c_int,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | kind) as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: all that the description points to is static or was leaked, but for the slots, which are read at once; the
    // functions are what their slots want. Without the flag that allows it nobody can derive from the class.
    let class = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec))? };
    Ok(class.cast_into::<PyType>()?.unbind())
}
