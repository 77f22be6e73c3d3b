//! Threads of the library's own.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use rustix::time::ClockId;

/// Starts a thread that no signal is delivered to: handlers run on the program's own threads, which may be waiting for one.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let _blocked = AllBlocked::new();
    // The new thread has the mask of the one that starts it.
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
}

/// The processor time that this thread has taken so far.
pub(crate) fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Keeps signals from this thread until it is dropped.
struct AllBlocked {
    before: libc::sigset_t,
}

impl AllBlocked {
    fn new() -> Self {
        let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: `sigfillset` fills the first set. `pthread_sigmask` reads it and fills the second one, unless it fails; it does
        // so only for another first argument than the three that there are.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            AllBlocked { before: before.assume_init() }
        }
    }
}

impl Drop for AllBlocked {
    fn drop(&mut self) {
        // SAFETY: sets this thread's mask to what it was.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut()) };
    }
}
