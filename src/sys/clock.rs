//! Clocks: when something happened, by a clock that processes share or do not.

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::ClockId;

use crate::time::UnixTime;

/// CLOCK_MONOTONIC in nanoseconds; the same in all processes of a machine that are in one time namespace.
#[inline(always)]
pub(crate) fn now() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// The same to a few milliseconds, for a fraction of the cost.
#[inline(always)]
pub(crate) fn now_coarse() -> u64 {
    nanoseconds(ClockId::MonotonicCoarse)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// Which CLOCK_MONOTONIC a time is of, and how far it is behind CLOCK_REALTIME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    /// CLOCK_REALTIME less CLOCK_MONOTONIC in nanoseconds, when somebody looked.
    offset: i64,
    domain: u64,
}

impl Clock {
    pub fn new(offset: i64, domain: u64) -> Self {
        Clock { offset, domain }
    }

    /// The clock of this process, as it is now.
    pub fn here() -> Self {
        Clock { offset: nanoseconds(ClockId::Realtime).wrapping_sub(now()) as i64, domain: domain() }
    }

    pub fn offset(self) -> i64 {
        self.offset
    }

    pub fn domain(self) -> u64 {
        self.domain
    }

    /// A time of this clock as Unix time.
    pub fn unix(self, time: u64) -> UnixTime {
        time.saturating_add_signed(self.offset).into()
    }

    /// How long ago a time of this clock was; never negative. By this process's clock if that is the same one: then nobody
    /// can have set it. Else by Unix time.
    pub fn age(self, time: u64) -> Duration {
        if self.domain != 0 && self.domain == domain() {
            return Duration::from_nanos(now().saturating_sub(time));
        }
        Duration::from_nanos(nanoseconds(ClockId::Realtime).saturating_sub(self.unix(time).as_nanos()))
    }
}

/// What `domain` found; 0: not known yet. No `OnceLock`: in the child of a fork it would wait for a thread that the child has not
/// got. All who ask find the same, so it does not matter who stores it (relaxed: it stands for itself).
static DOMAIN: AtomicU64 = AtomicU64::new(0);

/// In the child of a fork, which may have another time namespace.
pub(crate) fn forget_domain() {
    DOMAIN.store(0, Ordering::Relaxed);
}

/// Which CLOCK_MONOTONIC this process has: a hash of the boot and of the time namespace; 0 if that is not to be found out.
fn domain() -> u64 {
    let known = DOMAIN.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let Ok(boot) = std::fs::read("/proc/sys/kernel/random/boot_id") else { return 0 };
    // A kernel without time namespaces has no such file, and one clock.
    let namespace = std::fs::metadata("/proc/self/ns/time").map_or(0, |file| file.ino());
    let found = hash(&[&boot, &namespace.to_ne_bytes()]).max(1);
    DOMAIN.store(found, Ordering::Relaxed);
    found
}

/// FNV-1a, 64 bits: the same in every version and on every machine (http://www.isthe.com/chongo/tech/comp/fnv).
fn hash(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_right_by_either_clock() {
        let here = Clock::here();
        let second_ago = now() - 1_000_000_000;
        for clock in [here, Clock::new(here.offset(), here.domain() ^ 1), Clock::new(here.offset(), 0)] {
            let age = clock.age(second_ago).as_secs_f64();
            assert!((1.0..60.0).contains(&age), "{clock:?}: {age}");
        }
        assert_eq!(here.age(now() + 1_000_000_000_000), Duration::ZERO);
        // A clock that was behind by a day when the machine ran that wrote.
        let day = 86_400_000_000_000;
        let other = Clock::new(here.offset() + day, here.domain() ^ 1);
        let apart = other.unix(second_ago).abs_diff(here.unix(second_ago));
        assert_eq!(apart, Duration::from_nanos(day as u64));
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // Test vectors of its authors.
        assert_eq!(hash(&[b""]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(&[b"foo", b"bar"]), 0x8594_4171_f739_67e8);
    }
}
