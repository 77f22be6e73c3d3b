//! A process that prepares a scenario, does it when it is told to, and may be killed in the middle.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ndsharray::Store;

use super::Scenario;

/// Seconds after which a process hangs.
const PATIENCE: u32 = 120;

/// A forked process. It must be waited for by who started it.
pub struct Doomed {
    pub pid: libc::pid_t,
    line: UnixStream,
}

impl Doomed {
    /// Forks a process, and waits until it has prepared the scenario. Once it [`go`](Self::go)es, it runs `around` with
    /// the operation, and sends what that returns.
    pub fn start(
        scenario: &Scenario,
        store: &Store,
        around: impl FnOnce(&mut dyn FnMut()) -> Vec<u8>,
    ) -> Doomed {
        let (mut line, mut its_end) = UnixStream::pair().unwrap();
        // SAFETY: the child has the one thread that goes on in it; it allocates, which glibc allows after a fork, and
        // touches no lock that another thread of the parent may have had. It never returns from here.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
        if pid == 0 {
            drop(line);
            let done = catch_unwind(AssertUnwindSafe(|| {
                rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
                    .unwrap();
                // SAFETY: changes nothing but this process's alarm clock.
                unsafe { libc::alarm(PATIENCE) };
                let mut writer = (scenario.prepare)(store);
                let value = scenario.value();
                its_end.write_all(b"r").unwrap();
                its_end.read_exact(&mut [0]).unwrap();
                let said = around(&mut || (scenario.operate)(store, &mut writer, &value));
                // Its end by a drop, of an ephemeral writer for one, is not what is looked at.
                std::mem::forget(writer);
                its_end.write_all(&said).unwrap();
            }));
            // SAFETY: ends the process at once, without the parent's handlers.
            unsafe { libc::_exit(if done.is_ok() { 0 } else { 101 }) };
        }
        drop(its_end);
        let ready = line.read_exact(&mut [0]);
        assert!(ready.is_ok(), "{}: it could not be prepared", scenario.name);
        Doomed { pid, line }
    }

    pub fn go(&mut self) {
        self.line.write_all(b"g").unwrap();
    }

    /// What it said, after its end.
    pub fn said(mut self) -> Vec<u8> {
        let mut said = Vec::new();
        self.line.read_to_end(&mut said).unwrap();
        said
    }

    /// Waits for a change of its state.
    pub fn wait(&self) -> Status {
        let mut status = 0;
        // SAFETY: a child of this process, and a place for its status.
        let pid = unsafe { libc::waitpid(self.pid, &mut status, libc::__WALL) };
        assert_eq!(pid, self.pid, "waitpid: {}", std::io::Error::last_os_error());
        if libc::WIFSTOPPED(status) {
            Status::Stopped(libc::WSTOPSIG(status))
        } else if libc::WIFSIGNALED(status) {
            Status::Killed(libc::WTERMSIG(status))
        } else {
            Status::Exited(libc::WEXITSTATUS(status))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Stopped(i32),
    Killed(i32),
    Exited(i32),
}
