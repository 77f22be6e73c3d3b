//! Processes that tests start. Each ends with the thread that started it, or before.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A process, killed when it is dropped. If the test fails, what it said is shown.
pub struct Program {
    name: String,
    child: Child,
    said: File,
}

impl Program {
    pub fn start(name: &str, mut command: Command) -> Self {
        let said = tempfile::tempfile().unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said.try_clone().unwrap());
        Program { name: name.to_owned(), child: command.spawn().unwrap(), said }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub fn kill(mut self) {
        self.end();
    }

    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// What it wrote to standard output and error.
    pub fn said(&self) -> String {
        // Where it writes is the end all the same, since it moves on with each write of either: this waits for no write.
        let mut file =
            File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&self.said))).unwrap();
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}---", self.name, self.said());
        }
    }
}
