//! Sleeping on the low half of a word that processes share, and waking who sleeps there.

#![allow(unsafe_code)]

use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex;

use crate::sync::AtomicU64;
use crate::sys::clock::now;
use crate::sys::step;

/// On how many words a thread can sleep at once.
pub(crate) const MOST_FUTEXES: usize = 128;

/// The low half of a word, in the form that futexes take. Only its address counts: no code here loads it or stores to it by
/// itself. What the kernel loads is part of an aligned word, which never tears.
fn low_half(word: &AtomicU64) -> &std::sync::atomic::AtomicU32 {
    let halves = std::ptr::from_ref(word).cast::<std::sync::atomic::AtomicU32>();
    // SAFETY: inside the word, aligned for four bytes, and alive as long; both types may change under a shared reference.
    unsafe { &*halves.add(usize::from(cfg!(target_endian = "big"))) }
}

/// Sleeps until `word` is woken, its low half is found different from `expected`, or `timeout` has passed.
pub(crate) fn wait(word: &AtomicU64, expected: u32, timeout: Duration) {
    let timeout = futex::Timespec::try_from(timeout).ok();
    // Whatever it returns (woken, changed, timed out, interrupted), the caller looks again.
    step("futex");
    let _ = futex::wait(low_half(word), futex::Flags::empty(), expected, timeout.as_ref());
}

/// Sleeps until one of the words is woken or differs; false if the kernel cannot wait for these.
pub(crate) fn wait_any(words: &[(&AtomicU64, u32)], timeout: Duration) -> bool {
    let waits: Vec<futex::Wait> = words
        .iter()
        .map(|(word, expected)| {
            let mut wait = futex::Wait::new();
            let word = low_half(word);
            wait.val = u64::from(*expected);
            wait.uaddr = futex::WaitPtr::new(word.as_ptr().cast());
            wait.flags = futex::WaitFlags::SIZE_U32;
            wait
        })
        .collect();
    let deadline = now().saturating_add(timeout.as_nanos() as u64);
    let deadline =
        futex::Timespec { tv_sec: (deadline / 1_000_000_000) as _, tv_nsec: (deadline % 1_000_000_000) as _ };
    let clock = rustix::time::ClockId::Monotonic;
    step("waitv");
    let outcome = futex::waitv(&waits, futex::WaitvFlags::empty(), Some(&deadline), clock);
    !matches!(outcome, Err(Errno::NOSYS | Errno::INVAL | Errno::PERM))
}

/// Wakes everybody who sleeps on `word`, in any process.
pub(crate) fn wake_all(word: &AtomicU64) {
    step("futex");
    let _ = futex::wake(low_half(word), futex::Flags::empty(), i32::MAX as u32);
}
