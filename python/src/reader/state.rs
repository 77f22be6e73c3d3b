//! What a reader keeps under its lock: the library's reader, the dtype used last, and a value that is still to be read.
//!
//! To acquire a value is to take it from the library's reader. Its dtype may have to be made by Python code, which may do
//! anything, so no lock is held meanwhile. Until the dtype is made the value is pending, and any thread may acquire it.

use std::time::Duration;

use ndsharray::{DType, UnixTime};
use pyo3::prelude::*;

use crate::error::{is, raise};
use crate::numpy::dtype::{Cache, Custom, Described};
use crate::object::attached_lock::AttachedLock;

pub struct State {
    reader: ndsharray::Reader,
    /// A value that was acquired and not returned: it did not fit the caller's array, or its dtype is being made. The
    /// next read acquires it again.
    pending: Option<ndsharray::Snapshot>,
    /// How many values were acquired, the pending ones again included. It shows whether another thread acquired one.
    acquired: u64,
    /// How many values were acquired and never returned.
    unread: u64,
    cache: Cache,
}

/// Which of the values that are newer than the last one a read is after.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Latest,
    /// The oldest that is still there.
    Next,
}

/// A value that was acquired for a caller.
pub struct Acquired {
    pub value: ndsharray::Snapshot,
    pub dtype: Described,
    /// The count of acquired values with this one.
    pub number: u64,
}

/// The dtype of a pending value. Python code must make it first, without a lock.
pub struct UnknownDType {
    tag: String,
    dtype: DType,
    /// The number of the value, as in [`Acquired`].
    number: u64,
}

enum Found {
    Nothing,
    Value(Acquired),
    Unknown(Box<UnknownDType>),
}

impl State {
    pub fn new(reader: ndsharray::Reader) -> Self {
        State { reader, pending: None, acquired: 0, unread: 0, cache: Cache::default() }
    }

    /// Acquires a new value.
    #[inline(always)]
    pub fn new_value(&mut self, which: Which) -> ndsharray::Result<Option<ndsharray::Snapshot>> {
        let found = match which {
            Which::Latest => self.reader.read()?,
            // The pending value is older than all that the library's reader has not returned.
            Which::Next if self.pending.is_some() => None,
            Which::Next => self.reader.read_next()?,
        };
        match found {
            Some(value) => {
                self.acquired += 1;
                if self.pending.is_some() {
                    self.discard_pending();
                }
                Ok(Some(value))
            }
            None if self.pending.is_some() => {
                self.acquired += 1;
                Ok(self.pending.take())
            }
            None => Ok(None),
        }
    }

    /// The pending value is never returned.
    #[cold]
    fn discard_pending(&mut self) {
        self.pending = None;
        self.unread += 1;
    }

    /// Makes the value that was just acquired pending, until its dtype is made.
    #[cold]
    pub fn set_aside(&mut self, value: ndsharray::Snapshot) -> Box<UnknownDType> {
        let (tag, dtype) = (self.tag(), value.dtype().clone());
        self.pending = Some(value);
        // In a box, because it is large: a result that could hold it would be slower to return on the fast path too.
        Box::new(UnknownDType { tag, dtype, number: self.acquired })
    }

    /// Acquires a new value together with its dtype.
    fn acquire(&mut self, py: Python<'_>, which: Which) -> ndsharray::Result<Found> {
        let Some(value) = self.new_value(which)? else { return Ok(Found::Nothing) };
        Ok(match self.cache.described(py, value.dtype()) {
            Some(dtype) => Found::Value(Acquired { value, dtype, number: self.acquired }),
            None => Found::Unknown(self.set_aside(value)),
        })
    }

    /// Acquires the pending value, whose dtype is in the cache now. None if another thread has acquired it.
    fn acquire_pending(&mut self, py: Python<'_>, number: u64) -> Option<Acquired> {
        let value = self.pending.take_if(|_| self.acquired == number)?;
        match self.cache.described(py, value.dtype()) {
            Some(dtype) => Some(Acquired { value, dtype, number }),
            None => {
                self.pending = Some(value);
                None
            }
        }
    }

    /// The number of the value that was acquired last.
    #[inline(always)]
    pub fn number(&self) -> u64 {
        self.acquired
    }

    /// Makes a value pending that could not be returned. If another thread acquired a later one, it stays unread.
    pub fn put_back(&mut self, value: ndsharray::Snapshot, number: u64) {
        if self.acquired == number {
            self.pending = Some(value);
        } else {
            self.unread += 1;
        }
    }

    /// Skips the pending value: numpy cannot make its dtype here, and the later values must still be read in order.
    #[cold]
    fn pass_over(&mut self, number: u64) {
        if self.acquired == number && self.pending.is_some() {
            self.discard_pending();
        }
    }

    pub fn tag(&self) -> String {
        self.reader.tag().to_owned()
    }

    pub fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    pub fn missed(&self) -> u64 {
        self.reader.missed() + self.unread
    }

    #[inline(always)]
    pub fn latest(&self) -> ndsharray::Result<ndsharray::Snapshot> {
        self.reader.latest()
    }

    pub fn nearest(
        &self,
        time: UnixTime,
        within: Option<Duration>,
    ) -> ndsharray::Result<Option<ndsharray::Snapshot>> {
        self.reader.nearest(time, within)
    }

    #[inline(always)]
    pub fn is_latest(&self, id: ndsharray::ValueId) -> bool {
        self.reader.is_latest(id)
    }

    pub fn writer_alive(&self) -> ndsharray::Result<bool> {
        self.reader.writer_alive()
    }

    /// A reader to wait on. It knows which value this one returned last.
    pub fn probe(&self) -> ndsharray::Reader {
        self.reader.clone()
    }

    /// numpy's dtype for one of the library's; None if it must be made first.
    #[inline(always)]
    pub fn described(&self, py: Python<'_>, dtype: &DType) -> Option<Described> {
        self.cache.described(py, dtype)
    }

    /// As [`Cache::remember`].
    #[must_use]
    pub fn remember(&mut self, custom: Custom) -> Option<Custom> {
        self.cache.remember(custom)
    }
}

/// What has a state under its lock.
pub trait Locked {
    /// Calls `f` with the state, while the lock is held.
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> T) -> PyResult<T>;
}

impl Locked for AttachedLock<State> {
    #[inline(always)]
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> T) -> PyResult<T> {
        Ok(f(&mut *self.lock(py)?))
    }
}

/// Acquires a new value of a reader. Makes its dtype if that is necessary.
pub fn acquire(py: Python<'_>, locked: &impl Locked, which: Which) -> PyResult<Option<Acquired>> {
    match locked.with(py, |state| state.acquire(py, which))?.map_err(raise)? {
        Found::Nothing => Ok(None),
        Found::Value(acquired) => Ok(Some(acquired)),
        Found::Unknown(unknown) => acquire_unknown(py, locked, which, *unknown),
    }
}

/// Makes the dtype of the pending value, and acquires the value. If another thread was faster, acquires another new one.
#[cold]
#[inline(never)]
pub fn acquire_unknown(
    py: Python<'_>,
    locked: &impl Locked,
    which: Which,
    mut unknown: UnknownDType,
) -> PyResult<Option<Acquired>> {
    loop {
        let custom = match Custom::restore(py, &unknown.tag, &unknown.dtype) {
            Ok(custom) => custom,
            Err(error) => {
                // A reader that reads each value in order would get this value, and the error, for ever. Other errors,
                // such as that of a signal handler, say nothing about the dtype.
                if which == Which::Next && is(py, &error, "UnsupportedDTypeError") {
                    locked.with(py, |state| state.pass_over(unknown.number))?;
                }
                return Err(error);
            }
        };
        let (before, acquired) = locked
            .with(py, |state| (state.cache.remember(custom), state.acquire_pending(py, unknown.number)))?;
        drop(before);
        if acquired.is_some() {
            return Ok(acquired);
        }
        match locked.with(py, |state| state.acquire(py, which))?.map_err(raise)? {
            Found::Nothing => return Ok(None),
            Found::Value(acquired) => return Ok(Some(acquired)),
            Found::Unknown(other) => unknown = *other,
        }
    }
}
