//! Forks, without an exec.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body` in a forked child, which ends without running anything else; the child's pid.
pub fn fork(body: impl FnOnce()) -> libc::pid_t {
    // Made now: a lock that another thread holds at the fork would be held for ever in the child.
    super::values::table();
    // SAFETY: the child has the one thread that goes on in it; it allocates, which glibc allows after a fork, and
    // touches no lock that another thread of the parent may have had. It never returns from here.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        super::process::alarm();
        let done = catch_unwind(AssertUnwindSafe(body));
        // SAFETY: ends the process at once, without the parent's handlers.
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
