//! A process that is stopped at its system calls, with ptrace, and left there or let go on.

use std::mem::MaybeUninit;

use crate::common::forking::fork;
use crate::common::process::die_with_parent;
use crate::common::sandbox::skip;

/// What the process says at its end if it may not be traced.
const NOT_PERMITTED: i32 = 77;

/// A forked process of this thread. Dropped, it is killed.
pub struct Traced {
    pid: libc::pid_t,
    /// The call that it is in.
    call: Option<(u64, [u64; 6])>,
    ended: bool,
}

/// A stop before a system call, or after it.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    pub call: u64,
    pub arguments: [u64; 6],
    pub is_before: bool,
}

#[derive(Debug, PartialEq)]
enum Status {
    Stopped(i32),
    Exited(i32),
    Killed(i32),
}

impl Traced {
    /// Forks a process that prepares something, and stops it before its operation; `None`, with a word, if that is not
    /// permitted.
    pub fn start<T>(test: &str, prepare: impl FnOnce() -> T, operation: impl FnOnce(T)) -> Option<Traced> {
        let pid = fork(|| {
            die_with_parent();
            let prepared = prepare();
            // SAFETY: no memory is involved; the process ends here, or stops itself.
            unsafe {
                if libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) != 0 {
                    libc::_exit(NOT_PERMITTED);
                }
                libc::raise(libc::SIGSTOP);
            }
            operation(prepared);
        });
        let mut traced = Traced { pid, call: None, ended: false };
        match traced.wait() {
            Status::Exited(NOT_PERMITTED) => {
                skip(test, "ptrace is not permitted here");
                return None;
            }
            status => assert_eq!(status, Status::Stopped(libc::SIGSTOP), "before the operation"),
        }
        // Stops at system calls are told from others; the process dies with this one.
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
        // SAFETY: writes to no memory of this process; a child that is stopped.
        assert_eq!(unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, pid, 0, options) }, 0);
        Some(traced)
    }

    fn wait(&mut self) -> Status {
        let mut status = 0;
        // SAFETY: a child of this process, and a place for its status.
        let pid = unsafe { libc::waitpid(self.pid, &mut status, libc::__WALL) };
        assert_eq!(pid, self.pid, "waitpid: {}", std::io::Error::last_os_error());
        if libc::WIFSTOPPED(status) {
            return Status::Stopped(libc::WSTOPSIG(status));
        }
        self.ended = true;
        match libc::WIFSIGNALED(status) {
            true => Status::Killed(libc::WTERMSIG(status)),
            false => Status::Exited(libc::WEXITSTATUS(status)),
        }
    }

    /// Lets it run until it stops before its next system call or after the present one; `None` at its end, which must be good.
    #[track_caller]
    pub fn next(&mut self) -> Option<Stop> {
        // SAFETY: writes to no memory of this process; a child that is stopped.
        let resumed = unsafe { libc::ptrace(libc::PTRACE_SYSCALL, self.pid, 0, 0) };
        assert_eq!(resumed, 0, "ptrace: {}", std::io::Error::last_os_error());
        match self.wait() {
            Status::Stopped(signal) => assert_eq!(signal, libc::SIGTRAP | 0x80, "a system call"),
            status => {
                assert_eq!(status, Status::Exited(0), "the end of a traced process");
                return None;
            }
        }
        let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
        let size = size_of::<libc::ptrace_syscall_info>();
        // SAFETY: the kernel writes at most so many bytes there, which are numbers.
        let info = unsafe {
            let length = libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, self.pid, size, info.as_mut_ptr());
            assert!(length > 0, "ptrace: {}", std::io::Error::last_os_error());
            info.assume_init()
        };
        let is_before = info.op == libc::PTRACE_SYSCALL_INFO_ENTRY;
        if is_before {
            // SAFETY: it is what the kernel wrote for such a stop.
            let entry = unsafe { info.u.entry };
            self.call = Some((entry.nr, entry.args));
        }
        let (call, arguments) = self.call.expect("it is in a call");
        Some(Stop { call, arguments, is_before })
    }

    /// Lets it run to its stop of that kind with this number, which counts from 0; false at its end, which must be good.
    #[track_caller]
    pub fn run_to(&mut self, number: usize, is_meant: impl Fn(&Stop) -> bool) -> bool {
        for _ in 0..=number {
            loop {
                match self.next() {
                    None => return false,
                    Some(stop) if is_meant(&stop) => break,
                    Some(_) => {}
                }
            }
        }
        true
    }

    /// Lets it go on to its end, which must be good.
    #[track_caller]
    pub fn go_on(mut self) {
        while !self.ended && self.next().is_some() {}
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: no memory is involved; a child of this process.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            while !self.ended {
                self.wait();
            }
        }
    }
}

impl Stop {
    /// Whether it is after a call about a lock or a name. (Before the next one nothing is different for others.)
    pub fn is_after_lock_or_name(&self) -> bool {
        if self.is_before {
            return false;
        }
        #[cfg(target_arch = "x86_64")]
        if [libc::SYS_unlink, libc::SYS_link, libc::SYS_rename].contains(&(self.call as i64)) {
            return true;
        }
        let calls =
            [libc::SYS_flock, libc::SYS_fcntl, libc::SYS_renameat2, libc::SYS_unlinkat, libc::SYS_linkat];
        calls.contains(&(self.call as i64))
    }
}
