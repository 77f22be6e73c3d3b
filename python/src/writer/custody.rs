//! Who has the library's writer: the Python object, a loan, or nobody any more.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use pyo3::prelude::*;

pub enum Custody {
    /// The Python object has it.
    Own(Box<ndsharray::Writer>),
    /// A loan has it, and will hand it back.
    Lent(Weak<dyn Borrower>),
    Closed,
    /// It was closed because the interpreter exits.
    Exited,
}

/// The part of the writer that a loan has while it is open.
pub trait Borrower: Send + Sync {
    /// Ends the loan because the interpreter exits, without publishing. The writer is handed back.
    fn give_back(&self, py: Python<'_>) -> PyResult<()>;
}

/// Where a loan that ends leaves the writer, for the Python object to collect.
///
/// A loan may end in a finalizer, which must not wait for the object's own lock. The lock in here is held only for a
/// moment, and no Python code runs meanwhile.
#[derive(Default)]
pub struct Handback(Mutex<State>);

#[derive(Default)]
struct State {
    writer: Option<Box<ndsharray::Writer>>,
    /// The Python object is closed and will not collect the writer.
    closed: bool,
}

impl Handback {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the writer here. Closes it if nobody will collect it.
    pub fn leave(&self, writer: Box<ndsharray::Writer>) {
        let mut state = self.state();
        if !state.closed {
            state.writer = Some(writer);
        } else {
            drop(state);
            drop(writer);
        }
    }

    /// The writer, if a loan has left it here.
    pub fn collect(&self) -> Option<Box<ndsharray::Writer>> {
        self.state().writer.take()
    }

    /// From now on a writer that is left here is closed. Returns the writer if one was left here before; the caller drops
    /// it without a lock.
    #[must_use]
    pub fn close(&self) -> Option<Box<ndsharray::Writer>> {
        let mut state = self.state();
        state.closed = true;
        state.writer.take()
    }
}
