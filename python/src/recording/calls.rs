//! Calls that are under way, for children that are forked in the middle of one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use crate::error::exception;

/// How many calls into the library are under way in a process. Such a call may hold one of the library's locks, and in a child that
/// is forked meanwhile nobody frees it.
pub struct Calls(Mutex<Count>);

struct Count {
    pid: u32,
    under_way: usize,
}

impl Calls {
    pub fn new() -> Self {
        Calls(Mutex::new(Count { pid: std::process::id(), under_way: 0 }))
    }

    /// Makes a call while other threads use the interpreter.
    ///
    /// # Errors
    /// ForkedError, if another thread of the parent was in a call at the fork.
    pub fn make<T: Send>(&self, py: Python<'_>, call: impl FnOnce() -> T + Send) -> PyResult<T> {
        let _ends = self.begin(py)?;
        Ok(py.detach(call))
    }

    fn begin(&self, py: Python<'_>) -> PyResult<Ends<'_>> {
        let mut count = self.lock();
        let pid = std::process::id();
        if count.pid != pid {
            if count.under_way > 0 {
                drop(count);
                let message = "this recording was opened by the parent process, and another thread of the parent was reading it \
                               at the fork: open it anew in this process";
                return Err(exception(py, "ForkedError", message));
            }
            count.pid = pid;
        }
        count.under_way += 1;
        Ok(Ends(self))
    }

    /// Who holds the lock is attached to the interpreter and runs no Python code, as is the thread that forks.
    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a call, also of one that panics.
struct Ends<'a>(&'a Calls);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
    }
}
