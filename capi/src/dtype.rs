//! Dtypes: as numpy's texts, and the built-in ones as numbers.

use std::ffi::{CStr, CString, c_char, c_int};

use ndsharray::DType;

use crate::argument::{Out, text};
use crate::call::call;
use crate::failure::{self, Outcome, nds_error};
use crate::status::nds_status;

/// The built-in dtypes as numbers, to compare the dtype of a value with. Functions take a dtype as text: nds_dtype_name gives the
/// text of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum nds_dtype {
    /// int8_t
    NDS_INT8 = 1,
    /// int16_t
    NDS_INT16 = 2,
    /// int32_t
    NDS_INT32 = 3,
    /// int64_t
    NDS_INT64 = 4,
    /// uint8_t
    NDS_UINT8 = 5,
    /// uint16_t
    NDS_UINT16 = 6,
    /// uint32_t
    NDS_UINT32 = 7,
    /// uint64_t
    NDS_UINT64 = 8,
    /// IEEE 754 half precision
    NDS_FLOAT16 = 9,
    /// float
    NDS_FLOAT32 = 10,
    /// double
    NDS_FLOAT64 = 11,
    /// float _Complex
    NDS_COMPLEX64 = 12,
    /// double _Complex
    NDS_COMPLEX128 = 13,
    /// One byte, 0 or 1.
    NDS_BOOL = 14,
    /// Any other dtype: its text says which.
    NDS_OTHER_DTYPE = 255,
}

use nds_dtype::*;

/// Each built-in one, in the order of the codes.
const BUILT_IN: [(nds_dtype, DType, &CStr); 14] = [
    (NDS_INT8, DType::Int8, c"int8"),
    (NDS_INT16, DType::Int16, c"int16"),
    (NDS_INT32, DType::Int32, c"int32"),
    (NDS_INT64, DType::Int64, c"int64"),
    (NDS_UINT8, DType::UInt8, c"uint8"),
    (NDS_UINT16, DType::UInt16, c"uint16"),
    (NDS_UINT32, DType::UInt32, c"uint32"),
    (NDS_UINT64, DType::UInt64, c"uint64"),
    (NDS_FLOAT16, DType::Float16, c"float16"),
    (NDS_FLOAT32, DType::Float32, c"float32"),
    (NDS_FLOAT64, DType::Float64, c"float64"),
    (NDS_COMPLEX64, DType::Complex64, c"complex64"),
    (NDS_COMPLEX128, DType::Complex128, c"complex128"),
    (NDS_BOOL, DType::Bool, c"bool"),
];

/// The code of a dtype.
pub fn code(dtype: &DType) -> nds_dtype {
    if let DType::Custom(_) = dtype {
        return NDS_OTHER_DTYPE;
    }
    let found = BUILT_IN.iter().find(|(_, built_in, _)| built_in == dtype);
    found.map_or(NDS_OTHER_DTYPE, |&(code, ..)| code)
}

/// The text of a dtype that a write takes. Types that numpy does not know by text alone, such as those of ml_dtypes, have their name.
pub fn spelled(dtype: &DType) -> CString {
    let is_known = dtype.descr().parse::<DType>().is_ok_and(|parsed| parsed == *dtype);
    failure::text(if is_known { dtype.descr() } else { dtype.name() })
}

/// The text of a built-in dtype.
pub fn built_in(dtype: &DType) -> Option<&'static CStr> {
    let code = code(dtype);
    BUILT_IN.iter().find(|&&(built_in, ..)| built_in == code).map(|&(_, _, name)| name)
}

/// The last dtype that a writer was given, so that each text is parsed once.
pub struct LastDType {
    text: CString,
    dtype: DType,
}

impl Default for LastDType {
    fn default() -> Self {
        LastDType { text: c"uint8".to_owned(), dtype: DType::UInt8 }
    }
}

impl LastDType {
    /// The dtype of a text.
    ///
    /// # Safety
    /// The pointer is NULL, or points to a NUL-terminated text.
    #[inline]
    pub unsafe fn get(&mut self, pointer: *const c_char) -> Outcome<&DType> {
        // SAFETY: two texts that end with a NUL, as the caller says.
        let is_last = !pointer.is_null() && unsafe { libc::strcmp(pointer, self.text.as_ptr()) } == 0;
        if !is_last {
            // SAFETY: as the caller says.
            unsafe { self.parse(pointer) }?;
        }
        Ok(&self.dtype)
    }

    /// # Safety
    /// As for [`get`](Self::get).
    #[cold]
    unsafe fn parse(&mut self, pointer: *const c_char) -> Outcome<()> {
        // SAFETY: as the caller says.
        let given = unsafe { text(pointer, "dtype") }?;
        self.dtype = given.parse()?;
        self.text = failure::text(given);
        Ok(())
    }
}

/// The text of a built-in dtype, such as "float32" for NDS_FLOAT32; NULL for any other number. It is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn nds_dtype_name(code: c_int) -> *const c_char {
    let found = BUILT_IN.iter().find(|&&(built_in, ..)| built_in as c_int == code);
    found.map_or(std::ptr::null(), |(_, _, name)| name.as_ptr())
}

/// The size in bytes of an element of a dtype, given as numpy writes it: 8 for "[('x', '<f4'), ('y', '<f4')]".
///
/// NDS_INVALID_ARGUMENT for a dtype that numpy has not.
///
/// # Safety
/// `dtype` is a text. `itemsize` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_dtype_itemsize(
    dtype: *const c_char,
    itemsize: *mut usize,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let (out, given) = unsafe { (Out::new(itemsize, "itemsize", 0)?, text(dtype, "dtype")?) };
        out.set(given.parse::<DType>()?.itemsize());
        Ok(nds_status::NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}
