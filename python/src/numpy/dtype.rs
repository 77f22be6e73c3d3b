//! numpy's dtypes and the library's.

use std::ffi::c_int;

use ndsharray::DType;
use numpy::npyffi::{NPY_TYPES, PY_ARRAY_API};
use numpy::{PyArrayDescr, PyArrayDescrMethods};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::error::{exception, raise};

/// A dtype as both sides know it.
pub struct Known {
    pub dtype: DType,
    /// Elements must be brought into this machine's byte order.
    pub swapped: bool,
}

/// A dtype of numpy's.
pub enum Described {
    /// By its number. numpy has one object of each.
    BuiltIn(NPY_TYPES),
    Other(Py<PyArrayDescr>),
}

impl Described {
    #[inline(always)]
    pub fn get<'py>(&self, py: Python<'py>) -> Bound<'py, PyArrayDescr> {
        match self {
            Described::BuiltIn(number) => singleton(py, *number),
            Described::Other(descr) => descr.bind(py).clone(),
        }
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Described::BuiltIn(number) => Described::BuiltIn(*number),
            Described::Other(descr) => Described::Other(descr.clone_ref(py)),
        }
    }
}

/// A dtype beyond the built-in ones, as both sides know it.
pub struct Custom {
    descr: Py<PyArrayDescr>,
    /// One that nobody else has. numpy lets anybody rename the fields of a dtype in place, also of one within another.
    original: Py<PyArrayDescr>,
    dtype: DType,
}

impl Custom {
    /// Of one of numpy's. Runs Python code.
    pub fn describe(descr: &Bound<'_, PyArrayDescr>) -> PyResult<Self> {
        let helper = helpers(descr.py())?.getattr(intern!(descr.py(), "describe"))?;
        let (name, text, original): (String, String, Bound<'_, PyAny>) = helper.call1((descr,))?.extract()?;
        let dtype = DType::custom(&name, descr.itemsize(), &text).map_err(raise)?;
        Ok(Custom { descr: descr.clone().unbind(), original: original.cast_into()?.unbind(), dtype })
    }

    /// Of one of the library's. Runs Python code.
    pub fn restore(py: Python<'_>, dtype: &DType) -> PyResult<Self> {
        let helper = helpers(py)?.getattr(intern!(py, "restore"))?;
        let make = || -> PyResult<Py<PyArrayDescr>> {
            let descr = helper.call1((dtype.name(), dtype.descr(), dtype.itemsize()))?;
            Ok(descr.cast_into()?.unbind())
        };
        Ok(Custom { descr: make()?, original: make()?, dtype: dtype.clone() })
    }

    pub fn known(&self) -> Known {
        Known { dtype: self.dtype.clone(), swapped: false }
    }

    pub fn described(&self, py: Python<'_>) -> Described {
        Described::Other(self.descr.clone_ref(py))
    }

    /// Whether nobody has changed the one that others have.
    fn is_unchanged(&self, py: Python<'_>) -> bool {
        self.descr.bind(py).is_equiv_to(self.original.bind(py))
    }
}

/// The last of them, so that a stream describes its dtype once. It is for use under a lock: nothing here runs Python code
/// (but numpy compares names of fields, and if these are no plain `str` their `__eq__`).
#[derive(Default)]
pub struct Cache(Option<Custom>);

impl Cache {
    /// The library's dtype of a numpy one, if it is known.
    #[inline(always)]
    pub fn stored(&self, descr: &Bound<'_, PyArrayDescr>) -> Option<Known> {
        match built_in(descr.num()) {
            Some(dtype) => Some(Known { dtype, swapped: descr.is_native_byteorder() == Some(false) }),
            None => self.pair(descr).map(Custom::known),
        }
    }

    /// What a numpy dtype beyond the built-in ones is known as.
    #[inline(never)]
    fn pair(&self, descr: &Bound<'_, PyArrayDescr>) -> Option<&Custom> {
        self.0.as_ref().filter(|pair| pair.descr.is(descr) && pair.is_unchanged(descr.py()))
    }

    /// numpy's dtype of one of the library's, if it is known.
    #[inline(always)]
    pub fn described(&self, py: Python<'_>, dtype: &DType) -> Option<Described> {
        match number(dtype) {
            Some(number) => Some(Described::BuiltIn(number)),
            None => self.restored(py, dtype),
        }
    }

    #[cold]
    fn restored(&self, py: Python<'_>, dtype: &DType) -> Option<Described> {
        let pair = self.0.as_ref().filter(|pair| pair.dtype == *dtype && pair.is_unchanged(py));
        pair.map(|pair| pair.described(py))
    }

    /// Keeps a dtype, and gives back the one before: to be dropped when no lock is held, since it may end objects of others.
    #[must_use]
    pub fn remember(&mut self, pair: Custom) -> Option<Custom> {
        self.0.replace(pair)
    }
}

/// numpy's dtype of what a caller calls one, of a shape to which the axes of a dtype of subarrays are added.
pub fn of<'py>(dtype: &Bound<'py, PyAny>, shape: &mut Vec<usize>) -> PyResult<Bound<'py, PyArrayDescr>> {
    let py = dtype.py();
    // numpy takes None for its default; the conversion does not.
    let mut descr =
        if dtype.is_none() { singleton(py, NPY_TYPES::NPY_DOUBLE) } else { PyArrayDescr::new(py, dtype)? };
    while descr.has_subarray() {
        shape.extend(descr.shape());
        descr = descr.base();
    }
    Ok(descr)
}

/// What a caller calls a shape: a length, or some.
pub fn shape(shape: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let py = shape.py();
    let wrong = |error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(py) {
            let found = shape.repr().map_or_else(|_| "a number".to_owned(), |text| text.to_string());
            return exception(
                py,
                "InvalidArgumentError",
                &format!("shape: found {found}, expected lengths from 0 on"),
            );
        }
        PyTypeError::new_err("shape: expected an int or a sequence of ints")
    };
    match shape.extract::<usize>() {
        Ok(length) => Ok(vec![length]),
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => Err(wrong(error)),
        Err(_) => shape.extract::<Vec<usize>>().map_err(wrong),
    }
}

/// In this machine's byte order: the dtype whose elements are stored for those of `descr`.
pub fn native<'py>(descr: &Bound<'py, PyArrayDescr>, known: &DType) -> Bound<'py, PyArrayDescr> {
    match number(known) {
        Some(number) => singleton(descr.py(), number),
        None => descr.clone(),
    }
}

/// numpy's dtype of one of the library's. May run Python code.
pub fn restored<'py>(py: Python<'py>, dtype: &DType) -> PyResult<Bound<'py, PyArrayDescr>> {
    match number(dtype) {
        Some(number) => Ok(singleton(py, number)),
        None => Custom::restore(py, dtype).map(|pair| pair.descr.into_bound(py)),
    }
}

/// The library's dtype of a numpy one. May run Python code.
pub fn known(descr: &Bound<'_, PyArrayDescr>) -> PyResult<DType> {
    match built_in(descr.num()) {
        Some(dtype) => Ok(dtype),
        None => Custom::describe(descr).map(|pair| pair.dtype),
    }
}

fn helpers(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    PyModule::import(py, intern!(py, "ndsharray._dtypes"))
}

/// numpy's dtype object of a built-in number, of which there is one.
fn singleton(py: Python<'_>, number: NPY_TYPES) -> Bound<'_, PyArrayDescr> {
    // SAFETY: a number that numpy knows gives a new reference to a dtype.
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
compile_error!("the Python module needs a 64-bit system: numpy's C names of integers differ on others");
