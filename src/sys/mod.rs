//! The one door to the operating system: files and their names, locks, users, the clock, forks.

pub(crate) mod clock;
pub(crate) mod file;
pub(crate) mod fork;
pub(crate) mod lock;
pub(crate) mod name;
pub(crate) mod owner;
pub(crate) mod space;

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
