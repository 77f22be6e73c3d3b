//! Forks in roles.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body` in a forked child, which ends without running anything else; the child's pid.
pub fn fork(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: of the two threads that a role has, the harness's and this one, the other one sleeps and holds no lock.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        super::alarm();
        let done = catch_unwind(AssertUnwindSafe(body));
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(done.is_err())) };
    }
    pid
}

/// Waits for a forked child, which must have ended well.
pub fn join(pid: libc::pid_t) {
    let mut status = 0;
    // SAFETY: plain system call.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert_eq!(status, 0, "wait status of a forked child (14: it hung)");
}
