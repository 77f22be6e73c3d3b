//! Structs that may grow: the first field is the size that the caller was compiled with.

use crate::failure::{Failure, Outcome};

/// A struct of options. All its fields are plain numbers and pointers, so all zeros are a valid value: the defaults.
///
/// # Safety
/// It is `#[repr(C)]` and begins with its size as a `usize`; any bytes are a valid value.
pub unsafe trait Grown: Copy {
    /// Its size in the first version of the interface.
    const FIRST_SIZE: usize;
}

/// No struct of options will be larger.
const LARGEST: usize = 4096;

/// Reads such a struct. Fields that the caller does not know get their defaults; fields that this library does not know must be
/// 0. (The kernel has the same rule for clone3 and openat2.)
///
/// # Safety
/// The pointer is valid for a struct that is as long as its first field says.
pub unsafe fn read<T: Grown>(pointer: *const T, name: &str) -> Outcome<T> {
    // SAFETY: it begins with its size.
    let size = unsafe { pointer.cast::<usize>().read() };
    if !(T::FIRST_SIZE..=LARGEST).contains(&size) {
        let advice = format!("{name}.size is {size}; set it to sizeof(nds_{name})");
        return Err(Failure::argument(advice));
    }
    // SAFETY: any bytes are a `T`, zeros among them.
    let mut found: T = unsafe { std::mem::zeroed() };
    let known = size.min(size_of::<T>());
    // SAFETY: both have at least this many bytes, and do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), (&raw mut found).cast::<u8>(), known) };
    // SAFETY: the struct is `size` bytes long, and `known` is not more.
    let rest = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>().add(known), size - known) };
    if rest.iter().any(|&byte| byte != 0) {
        let advice = format!("{name} has fields that this version of ndsharray does not know: set them to 0");
        return Err(Failure::argument(advice));
    }
    Ok(found)
}
