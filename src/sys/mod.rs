//! The calls of the kernel, but for mapping memory and sleeping on it (`shm`): files and their names,
//! changes of directories, locks, users, clocks, threads, forks.
//!
//! Each call says its name to [`step`] before, so that a test can kill a process before any of them.

pub(crate) mod clock;
pub(crate) mod file;
pub(crate) mod fork;
pub(crate) mod lock;
pub(crate) mod name;
pub(crate) mod of_process;
pub(crate) mod owner;
pub(crate) mod space;
pub(crate) mod thread;
pub(crate) mod watch;

/// Says that a system call follows, where the tests count them.
#[cfg(not(ndsharray_steps))]
#[inline(always)]
pub(crate) fn step(_call: &'static str) {}

#[cfg(ndsharray_steps)]
pub(crate) use crate::sync::steps::step;

/// The size of a memory page in bytes.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}
