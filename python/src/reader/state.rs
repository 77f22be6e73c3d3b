//! What a reader of Python's knows beside the library's: the dtypes, and values that were taken and are unread all the same.
//!
//! A dtype may have to be made by Python code, which may run anything, and so is done with no lock: the value is pending
//! meanwhile, and any thread may take it.

use ndsharray::DType;
use pyo3::prelude::*;

use crate::error::raise;
use crate::numpy::dtype::{Cache, Custom, Described};
use crate::object::attached_lock::AttachedLock;

pub struct State {
    pub reader: ndsharray::Reader,
    /// A value that was taken, but did not fit the caller's array, or whose dtype is being made; it is read again.
    pending: Option<ndsharray::Snapshot>,
    /// How many values were taken, also from `pending`: says whether somebody else took one since.
    pub taken: u64,
    /// How many were taken and never returned.
    unread: u64,
    pub cache: Cache,
}

/// A value that was taken for a caller, and its place among those.
pub struct Taken {
    pub value: ndsharray::Snapshot,
    pub dtype: Described,
    pub number: u64,
}

/// A value that is pending until its dtype has been made, by Python code and so with no lock.
pub struct Unknown {
    dtype: DType,
    number: u64,
}

enum Found {
    Nothing,
    Value(Taken),
    Unknown(Box<Unknown>),
}

impl State {
    pub fn new(reader: ndsharray::Reader) -> Self {
        State { reader, pending: None, taken: 0, unread: 0, cache: Cache::default() }
    }

    /// The next new value.
    #[inline(always)]
    pub fn next(&mut self) -> ndsharray::Result<Option<ndsharray::Snapshot>> {
        match self.reader.read()? {
            Some(value) => {
                self.taken += 1;
                if self.pending.is_some() {
                    self.pass_over();
                }
                Ok(Some(value))
            }
            None if self.pending.is_some() => {
                self.taken += 1;
                Ok(self.pending.take())
            }
            None => Ok(None),
        }
    }

    /// What is pending is not the newest any more.
    #[cold]
    fn pass_over(&mut self) {
        self.pending = None;
        self.unread += 1;
    }

    /// The value just taken is of a dtype that the cache does not have: it is pending until that has been made.
    #[cold]
    pub fn set_aside(&mut self, value: ndsharray::Snapshot) -> Box<Unknown> {
        let dtype = value.dtype().clone();
        self.pending = Some(value);
        // In a box, since what fast paths hand on is as large as the largest that it may be.
        Box::new(Unknown { dtype, number: self.taken })
    }

    fn begin(&mut self, py: Python<'_>) -> ndsharray::Result<Found> {
        let Some(value) = self.next()? else { return Ok(Found::Nothing) };
        Ok(match self.cache.described(py, value.dtype()) {
            Some(dtype) => Found::Value(Taken { value, dtype, number: self.taken }),
            None => Found::Unknown(self.set_aside(value)),
        })
    }

    /// The value that waited for its dtype, which the cache has now; None if another thread has taken it.
    fn resume(&mut self, py: Python<'_>, number: u64) -> Option<Taken> {
        let value = self.pending.take_if(|_| self.taken == number)?;
        match self.cache.described(py, value.dtype()) {
            Some(dtype) => Some(Taken { value, dtype, number }),
            None => {
                self.pending = Some(value);
                None
            }
        }
    }

    /// Whether nobody has taken a later one.
    pub fn is_last(&self, taken: &Taken) -> bool {
        self.taken == taken.number
    }

    /// A value that could not be returned stays unread, unless a later one was returned meanwhile.
    pub fn put_back(&mut self, value: ndsharray::Snapshot, number: u64) {
        if self.taken == number {
            self.pending = Some(value);
        } else {
            self.unread += 1;
        }
    }

    pub fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    pub fn missed(&self) -> u64 {
        self.reader.missed() + self.unread
    }
}

/// Where a state is kept, under its lock.
pub trait Home {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> T) -> PyResult<T>;
}

impl Home for AttachedLock<State> {
    #[inline(always)]
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> T) -> PyResult<T> {
        Ok(f(&mut *self.lock(py)?))
    }
}

/// The next new value of a reader.
pub fn take(py: Python<'_>, home: &impl Home) -> PyResult<Option<Taken>> {
    match home.with(py, |state| state.begin(py))?.map_err(raise)? {
        Found::Nothing => Ok(None),
        Found::Value(taken) => Ok(Some(taken)),
        Found::Unknown(unknown) => take_unknown(py, home, *unknown),
    }
}

/// Of a dtype that is to be made first.
#[cold]
#[inline(never)]
pub fn take_unknown(py: Python<'_>, home: &impl Home, mut unknown: Unknown) -> PyResult<Option<Taken>> {
    loop {
        let pair = Custom::restore(py, &unknown.dtype)?;
        let (before, taken) =
            home.with(py, |state| (state.cache.remember(pair), state.resume(py, unknown.number)))?;
        drop(before);
        if taken.is_some() {
            return Ok(taken);
        }
        // Another thread took it, and so went on.
        match home.with(py, |state| state.begin(py))?.map_err(raise)? {
            Found::Nothing => return Ok(None),
            Found::Value(taken) => return Ok(Some(taken)),
            Found::Unknown(other) => unknown = *other,
        }
    }
}
