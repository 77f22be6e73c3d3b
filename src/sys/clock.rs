//! The clock.

use rustix::time::ClockId;

/// CLOCK_MONOTONIC in nanoseconds; the same in all processes of a machine (outside time namespaces).
#[inline]
pub(crate) fn now() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// The same to a few milliseconds, for a fraction of the cost.
#[inline]
pub(crate) fn now_coarse() -> u64 {
    nanoseconds(ClockId::MonotonicCoarse)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}
