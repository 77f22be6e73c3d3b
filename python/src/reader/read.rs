//! The steps of a read: acquire a value, find its dtype, and put the elements where the caller wants them.

use std::time::Duration;

use ndsharray::{DType, UnixTime};
use pyo3::prelude::*;

use crate::error::raise;
use crate::numpy::dtype::{Custom, Described};
use crate::reader::open::{Open, OpenState};
use crate::reader::snapshot::Snapshot;
use crate::reader::state::{Acquired, UnknownDType, Which, acquire_unknown};
use crate::reader::target::Target;

/// A new value, or None.
#[inline(always)]
pub fn new_value<'py>(
    py: Python<'py>,
    state: &OpenState,
    which: Which,
    target: Target<'py>,
) -> PyResult<Option<Bound<'py, Snapshot>>> {
    let mut locked = state.lock(py)?;
    let value = match locked.new_value(which) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(None),
        Err(error) => {
            drop(locked);
            return Err(raise(error));
        }
    };
    let Some(dtype) = locked.described(py, value.dtype()) else {
        let unknown = locked.set_aside(value);
        drop(locked);
        return of_unknown_dtype(py, state, which, *unknown, target);
    };
    let number = locked.number();
    drop(locked);
    deliver(py, state, Acquired { value, dtype, number }, target).map(Some)
}

/// The same for values that do not stay in the store. It is a function of its own so that the compiler can leave out of
/// the common one what only these need.
#[inline(never)]
pub fn new_value_elsewhere<'py>(
    py: Python<'py>,
    state: &OpenState,
    which: Which,
    target: Target<'py>,
) -> PyResult<Option<Bound<'py, Snapshot>>> {
    new_value(py, state, which, target)
}

#[cold]
#[inline(never)]
fn of_unknown_dtype<'py>(
    py: Python<'py>,
    state: &OpenState,
    which: Which,
    unknown: UnknownDType,
    target: Target<'py>,
) -> PyResult<Option<Bound<'py, Snapshot>>> {
    let acquired = acquire_unknown(py, state, which, unknown)?;
    acquired.map(|acquired| deliver(py, state, acquired, target)).transpose()
}

/// Puts a value that was acquired where the caller wants it. If that fails, the value stays unread.
#[inline(always)]
pub fn deliver<'py>(
    py: Python<'py>,
    state: &OpenState,
    acquired: Acquired,
    target: Target<'py>,
) -> PyResult<Bound<'py, Snapshot>> {
    let Acquired { value, dtype, number } = acquired;
    if matches!(target, Target::Stay) {
        return Snapshot::new(py, value, dtype, target);
    }
    let spare = value.clone();
    let delivered = target.check(&value, &dtype).and_then(|()| Snapshot::new(py, value, dtype, target));
    if delivered.is_err() {
        state.lock(py)?.put_back(spare, number);
    }
    delivered
}

/// The latest value, whether it was returned before or not.
#[inline(always)]
pub fn latest_value<'py>(
    py: Python<'py>,
    state: &OpenState,
    target: Target<'py>,
) -> PyResult<Bound<'py, Snapshot>> {
    let locked = state.lock(py)?;
    match locked.latest() {
        Ok(value) => show(py, state, locked, value, target),
        Err(error) => {
            drop(locked);
            Err(raise(error))
        }
    }
}

/// The value nearest to a time, whether it was returned before or not.
pub fn nearest_value<'py>(
    py: Python<'py>,
    state: &OpenState,
    time: UnixTime,
    within: Option<Duration>,
    target: Target<'py>,
) -> PyResult<Option<Bound<'py, Snapshot>>> {
    let locked = state.lock(py)?;
    match locked.nearest(time, within) {
        Ok(Some(value)) => show(py, state, locked, value, target).map(Some),
        Ok(None) => Ok(None),
        Err(error) => {
            drop(locked);
            Err(raise(error))
        }
    }
}

/// Puts a value where the caller wants it. What counts as returned stays as it is.
#[inline(always)]
fn show<'py>(
    py: Python<'py>,
    state: &OpenState,
    locked: Open<'_>,
    value: ndsharray::Snapshot,
    target: Target<'py>,
) -> PyResult<Bound<'py, Snapshot>> {
    let known = locked.described(py, value.dtype());
    drop(locked);
    let dtype = match known {
        Some(dtype) => dtype,
        None => make_dtype(py, state, value.dtype())?,
    };
    target.check(&value, &dtype)?;
    Snapshot::new(py, value, dtype, target)
}

/// Makes a dtype that the cache does not have.
#[cold]
fn make_dtype(py: Python<'_>, state: &OpenState, dtype: &DType) -> PyResult<Described> {
    let tag = state.lock(py)?.tag();
    let custom = Custom::restore(py, &tag, dtype)?;
    let described = custom.described(py);
    let before = state.lock(py)?.remember(custom);
    drop(before);
    Ok(described)
}
