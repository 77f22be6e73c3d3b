//! numpy's dtypes and the library's.

use std::ffi::c_int;

use ndsharray::DType;
use numpy::npyffi::{NPY_TYPES, PY_ARRAY_API};
use numpy::{PyArrayDescr, PyArrayDescrMethods};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::error::raise;

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

/// The last dtype beyond the built-in ones, so that a stream describes it once.
#[derive(Default)]
pub struct Cache(Option<(Py<PyArrayDescr>, DType)>);

impl Cache {
    /// The library's dtype of a numpy one.
    pub fn stored(&mut self, descr: &Bound<'_, PyArrayDescr>) -> PyResult<Known> {
        if let Some(dtype) = built_in(descr.num()) {
            return Ok(Known { dtype, swapped: descr.is_native_byteorder() == Some(false) });
        }
        match &self.0 {
            Some((cached, dtype)) if cached.is(descr) => {
                return Ok(Known { dtype: dtype.clone(), swapped: false });
            }
            _ => {}
        }
        let helper = helpers(descr.py())?.getattr(intern!(descr.py(), "describe"))?;
        let (name, text): (String, String) = helper.call1((descr,))?.extract()?;
        let dtype = DType::custom(&name, descr.itemsize(), &text).map_err(raise)?;
        self.0 = Some((descr.clone().unbind(), dtype.clone()));
        Ok(Known { dtype, swapped: false })
    }

    /// The numpy dtype of one of the library's.
    pub fn numpy<'py>(&mut self, py: Python<'py>, dtype: &DType) -> PyResult<Bound<'py, PyArrayDescr>> {
        self.described(py, dtype).map(|described| described.get(py))
    }

    /// The same, without making sure that there is an object of it.
    #[inline(always)]
    pub fn described(&mut self, py: Python<'_>, dtype: &DType) -> PyResult<Described> {
        match number(dtype) {
            Some(number) => Ok(Described::BuiltIn(number)),
            None => self.restored(py, dtype).map(|descr| Described::Other(descr.unbind())),
        }
    }

    #[cold]
    fn restored<'py>(&mut self, py: Python<'py>, dtype: &DType) -> PyResult<Bound<'py, PyArrayDescr>> {
        match &self.0 {
            Some((descr, cached)) if cached == dtype => return Ok(descr.bind(py).clone()),
            _ => {}
        }
        let helper = helpers(py)?.getattr(intern!(py, "restore"))?;
        let descr = helper.call1((dtype.name(), dtype.descr(), dtype.itemsize()))?;
        let descr: Bound<'py, PyArrayDescr> = descr.cast_into()?;
        self.0 = Some((descr.clone().unbind(), dtype.clone()));
        Ok(descr)
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
