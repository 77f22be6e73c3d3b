//! Steps of a writer, counted: each atomic store and each system call. Only under `--cfg ndsharray_steps`, for the test
//! that kills a writer before each of them (`tests/crash/steps.rs`); the product has no trace of it.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{self, Ordering};

thread_local! {
    /// How many steps until this thread's process is killed; 0: nothing is counted.
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static TAKEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// What a store is called; a system call has the kernel's name.
pub const STORE: &str = "store";

/// Counts the steps of this thread from here, and kills the process before step `kill_at` (the first one is 1).
pub fn begin(kill_at: u64) {
    TAKEN.take();
    LEFT.set(kill_at);
}

/// The steps since [`begin`], which are counted no longer.
pub fn end() -> Vec<&'static str> {
    LEFT.set(0);
    TAKEN.take()
}

/// A step that follows.
pub(crate) fn step(name: &'static str) {
    match LEFT.get() {
        0 => return,
        1 => {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // Not reached: the signal comes before the call returns.
            std::process::abort();
        }
        left => LEFT.set(left - 1),
    }
    TAKEN.with_borrow_mut(|taken| taken.push(name));
}

/// An atomic of the standard library whose stores are steps. A kind of store that is missing here does not compile.
macro_rules! counted {
    ($name:ident, $plain:ty, $value:ty) => {
        #[repr(transparent)]
        pub(crate) struct $name($plain);

        impl $name {
            pub fn load(&self, order: Ordering) -> $value {
                self.0.load(order)
            }

            pub fn store(&self, value: $value, order: Ordering) {
                step(STORE);
                self.0.store(value, order);
            }
        }
    };
}

counted!(AtomicU32, atomic::AtomicU32, u32);
counted!(AtomicU64, atomic::AtomicU64, u64);

impl AtomicU32 {
    pub fn fetch_add(&self, value: u32, order: Ordering) -> u32 {
        step(STORE);
        self.0.fetch_add(value, order)
    }

    pub fn fetch_sub(&self, value: u32, order: Ordering) -> u32 {
        step(STORE);
        self.0.fetch_sub(value, order)
    }
}

impl AtomicU64 {
    pub fn new(value: u64) -> Self {
        AtomicU64(atomic::AtomicU64::new(value))
    }

    pub fn compare_exchange(&self, old: u64, new: u64, good: Ordering, bad: Ordering) -> Result<u64, u64> {
        step(STORE);
        self.0.compare_exchange(old, new, good, bad)
    }

    pub fn fetch_or(&self, value: u64, order: Ordering) -> u64 {
        step(STORE);
        self.0.fetch_or(value, order)
    }

    pub fn fetch_and(&self, value: u64, order: Ordering) -> u64 {
        step(STORE);
        self.0.fetch_and(value, order)
    }

    pub fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        step(STORE);
        self.0.fetch_add(value, order)
    }

    pub fn swap(&self, value: u64, order: Ordering) -> u64 {
        step(STORE);
        self.0.swap(value, order)
    }
}
