//! A process that prepares a scenario, runs its operation when it is told to, and may be killed in the middle.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use ndsharray::Store;

use crate::common::forking::fork;
use crate::common::process::die_with_parent;

use super::Scenario;

/// A forked process. Whoever starts it must wait for it.
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
        let pid = fork(|| {
            die_with_parent();
            let mut writer = (scenario.prepare)(store);
            let value = scenario.value();
            its_end.write_all(b"r").unwrap();
            its_end.read_exact(&mut [0]).unwrap();
            let said = around(&mut || (scenario.operate)(store, &mut writer, &value));
            // The operation is over: a drop of the writer, which may be ephemeral, is no part of it.
            std::mem::forget(writer);
            its_end.write_all(&said).unwrap();
        });
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
