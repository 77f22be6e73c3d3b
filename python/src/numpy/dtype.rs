//! Translation between numpy's dtypes and those of the Rust library.
//!
//! Both have the same numbers built in. Any other dtype, here called custom, is translated by Python code, in
//! `ndsharray._dtypes`: the library keeps a text that describes it.

use std::ffi::c_int;

use ndsharray::DType;
use numpy::npyffi::{NPY_TYPES, PY_ARRAY_API};
use numpy::{PyArrayDescr, PyArrayDescrMethods};
use pyo3::exceptions::{PyOverflowError, PySyntaxError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::error::{exception, raise, shown};

/// What the library stores for a numpy dtype.
pub struct Known {
    pub dtype: DType,
    /// Whether the elements have the other byte order and must be turned into this machine's.
    pub swapped: bool,
}

/// What numpy has for a dtype of the library.
pub enum Described {
    /// A built-in number, by numpy's number for it. numpy has one dtype object of each.
    BuiltIn(NPY_TYPES),
    Custom(Py<PyArrayDescr>),
}

impl Described {
    #[inline(always)]
    pub fn get<'py>(&self, py: Python<'py>) -> Bound<'py, PyArrayDescr> {
        match self {
            Described::BuiltIn(number) => singleton(py, *number),
            Described::Custom(descr) => descr.bind(py).clone(),
        }
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Described::BuiltIn(number) => Described::BuiltIn(*number),
            Described::Custom(descr) => Described::Custom(descr.clone_ref(py)),
        }
    }
}

/// A custom dtype: numpy's and the library's, side by side.
pub struct Custom {
    descr: Py<PyArrayDescr>,
    /// A second object of the same dtype, which only this struct refers to. numpy lets any code rename the fields of a
    /// dtype in place, nested ones too. A difference to this one shows that it happened.
    original: Py<PyArrayDescr>,
    dtype: DType,
}

impl Custom {
    /// From numpy's. Runs Python code.
    pub fn describe(descr: &Bound<'_, PyArrayDescr>) -> PyResult<Self> {
        let helper = helpers(descr.py())?.getattr(intern!(descr.py(), "describe"))?;
        let (name, text, original): (String, String, Bound<'_, PyAny>) = helper.call1((descr,))?.extract()?;
        let dtype = DType::custom(&name, descr.itemsize(), &text).map_err(raise)?;
        Ok(Custom { descr: descr.clone().unbind(), original: original.cast_into()?.unbind(), dtype })
    }

    /// From the library's dtype, for a value of this tag. Runs Python code.
    pub fn restore(py: Python<'_>, tag: &str, dtype: &DType) -> PyResult<Self> {
        let helper = helpers(py)?.getattr(intern!(py, "restore"))?;
        let make = || -> PyResult<Py<PyArrayDescr>> {
            let descr = helper.call1((tag, dtype.name(), dtype.descr(), dtype.itemsize()))?;
            Ok(descr.cast_into()?.unbind())
        };
        Ok(Custom { descr: make()?, original: make()?, dtype: dtype.clone() })
    }

    pub fn known(&self) -> Known {
        Known { dtype: self.dtype.clone(), swapped: false }
    }

    pub fn described(&self, py: Python<'_>) -> Described {
        Described::Custom(self.descr.clone_ref(py))
    }

    /// Whether the dtype object that others may have is still as it was made.
    fn is_unchanged(&self, py: Python<'_>) -> bool {
        self.descr.bind(py).is_equiv_to(self.original.bind(py))
    }
}

/// The custom dtype that was used last, so that a stream translates its dtype only once.
///
/// It is made for use under a lock, so its methods run no Python code. (One exception remains: numpy compares the names
/// of fields. A name that is no plain `str` may have an `__eq__` of its own.)
#[derive(Default)]
pub struct Cache(Option<Custom>);

impl Cache {
    /// What the library stores for a numpy dtype; None if the dtype must be described first.
    #[inline(always)]
    pub fn stored(&self, descr: &Bound<'_, PyArrayDescr>) -> Option<Known> {
        match built_in(descr.num()) {
            Some(dtype) => Some(Known { dtype, swapped: descr.is_native_byteorder() == Some(false) }),
            None => self.custom(descr).map(Custom::known),
        }
    }

    #[inline(never)]
    fn custom(&self, descr: &Bound<'_, PyArrayDescr>) -> Option<&Custom> {
        self.0.as_ref().filter(|custom| custom.descr.is(descr) && custom.is_unchanged(descr.py()))
    }

    /// What numpy has for a dtype of the library; None if the dtype must be restored first.
    #[inline(always)]
    pub fn described(&self, py: Python<'_>, dtype: &DType) -> Option<Described> {
        match number(dtype) {
            Some(number) => Some(Described::BuiltIn(number)),
            None => self.restored(py, dtype),
        }
    }

    #[cold]
    fn restored(&self, py: Python<'_>, dtype: &DType) -> Option<Described> {
        let custom = self.0.as_ref().filter(|custom| custom.dtype == *dtype && custom.is_unchanged(py));
        custom.map(|custom| custom.described(py))
    }

    /// Keeps a dtype, and returns the one before it. The caller drops that one when it holds no lock: the drop may end
    /// objects of Python, and so run code.
    #[must_use]
    pub fn remember(&mut self, custom: Custom) -> Option<Custom> {
        self.0.replace(custom)
    }
}

/// The dtype that an argument stands for. If its elements are arrays (a subarray dtype), the dtype of their elements is
/// returned, and their axes are added to `shape`, as numpy does.
pub fn of<'py>(dtype: &Bound<'py, PyAny>, shape: &mut Vec<usize>) -> PyResult<Bound<'py, PyArrayDescr>> {
    let py = dtype.py();
    // For numpy None means its default dtype. `PyArrayDescr::new` does not take None.
    let mut descr = if dtype.is_none() {
        singleton(py, NPY_TYPES::NPY_DOUBLE)
    } else {
        PyArrayDescr::new(py, dtype).map_err(|error| refused(dtype, error))?
    };
    while descr.has_subarray() {
        shape.extend(descr.shape());
        descr = descr.base();
    }
    Ok(descr)
}

/// The error about a dtype that numpy refuses, with the name of the argument.
#[cold]
fn refused(dtype: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = dtype.py();
    let message = format!("dtype is {}, which numpy does not take: {}", shown(dtype), error.value(py));
    if error.is_instance_of::<PyTypeError>(py) {
        PyTypeError::new_err(message)
    } else if error.is_instance_of::<PyValueError>(py) || error.is_instance_of::<PySyntaxError>(py) {
        exception(py, "InvalidArgumentError", &message)
    } else {
        error
    }
}

/// The shape that an argument stands for: one length, or a sequence of lengths.
pub fn shape(shape: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let py = shape.py();
    let wrong = |error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(py) {
            let found = shape.repr().map_or_else(|_| "a number".to_owned(), |text| text.to_string());
            return exception(
                py,
                "InvalidArgumentError",
                &format!("shape {found} has a length that is below 0 or too large: pass lengths from 0 on"),
            );
        }
        PyTypeError::new_err("shape must be an int or a sequence of ints")
    };
    match shape.extract::<usize>() {
        Ok(length) => Ok(vec![length]),
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => Err(wrong(error)),
        Err(_) => shape.extract::<Vec<usize>>().map_err(wrong),
    }
}

/// The numpy dtype of the elements that the store gets for those of `descr`: in this machine's byte order.
pub fn native<'py>(descr: &Bound<'py, PyArrayDescr>, known: &DType) -> Bound<'py, PyArrayDescr> {
    match number(known) {
        Some(number) => singleton(descr.py(), number),
        None => descr.clone(),
    }
}

/// numpy's dtype for one of the library's, for a value of this tag. May run Python code.
pub fn restored<'py>(py: Python<'py>, tag: &str, dtype: &DType) -> PyResult<Bound<'py, PyArrayDescr>> {
    match number(dtype) {
        Some(number) => Ok(singleton(py, number)),
        None => Custom::restore(py, tag, dtype).map(|custom| custom.descr.into_bound(py)),
    }
}

/// The library's dtype for one of numpy's. May run Python code.
pub fn known(descr: &Bound<'_, PyArrayDescr>) -> PyResult<DType> {
    match built_in(descr.num()) {
        Some(dtype) => Ok(dtype),
        None => Custom::describe(descr).map(|custom| custom.dtype),
    }
}

fn helpers(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    PyModule::import(py, intern!(py, "ndsharray._dtypes"))
}

/// The one dtype object that numpy has for a built-in number.
fn singleton(py: Python<'_>, number: NPY_TYPES) -> Bound<'_, PyArrayDescr> {
    // SAFETY: numpy knows the number, and returns a new reference to a dtype.
    unsafe {
        let descr = PY_ARRAY_API.PyArray_DescrFromType(py, number as c_int);
        Bound::from_owned_ptr(py, descr.cast()).cast_into_unchecked()
    }
}

macro_rules! numbers {
    ($($dtype:ident $first:ident $($other:ident)?),* $(,)?) => {
        fn number(dtype: &DType) -> Option<NPY_TYPES> {
            Some(match dtype {
                $(DType::$dtype => NPY_TYPES::$first,)*
                _ => return None,
            })
        }

        fn built_in(number: c_int) -> Option<DType> {
            $(
                if number == NPY_TYPES::$first as c_int $(|| number == NPY_TYPES::$other as c_int)? {
                    return Some(DType::$dtype);
                }
            )*
            None
        }
    };
}

// By numpy's C names on 64-bit Linux, where long and long long are the same.
numbers! {
    UInt8 NPY_UBYTE, Float32 NPY_FLOAT, Float64 NPY_DOUBLE, UInt16 NPY_USHORT, Int8 NPY_BYTE, Int16 NPY_SHORT,
    Int32 NPY_INT, Int64 NPY_LONG NPY_LONGLONG, UInt32 NPY_UINT, UInt64 NPY_ULONG NPY_ULONGLONG,
    Float16 NPY_HALF, Complex64 NPY_CFLOAT, Complex128 NPY_CDOUBLE, Bool NPY_BOOL,
}

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the Python module needs a 64-bit system: elsewhere numpy's C names stand for other integers");
