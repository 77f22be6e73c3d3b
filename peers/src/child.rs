//! Other processes: this program in a role, told by single bytes what to do, and answering with single bytes.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Another process; dropped, it ends by itself and is waited for.
pub struct Child {
    process: std::process::Child,
}

impl Child {
    /// Starts it and waits until it is ready.
    pub fn start(role: &[&str], directory: &Path) -> Self {
        let process = Command::new(std::env::current_exe().expect("this program"))
            .arg("role")
            .arg(directory)
            .args(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process");
        let mut child = Child { process };
        child.answer();
        child
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn tell(&mut self, byte: u8) {
        self.process.stdin.as_mut().expect("a pipe").write_all(&[byte]).expect("it to listen");
    }

    /// Waits for the answer, 8 bytes.
    pub fn answer(&mut self) -> u64 {
        let mut answer = [0; 8];
        let output = self.process.stdout.as_mut().expect("a pipe");
        output.read_exact(&mut answer).expect("an answer of another process of this run");
        u64::from_ne_bytes(answer)
    }

    /// Tells it something and waits until it is done.
    pub fn step(&mut self, byte: u8) -> u64 {
        self.tell(byte);
        self.answer()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// In the other process: says that it is ready, then does what it is told until its input ends.
pub fn serve(mut what: impl FnMut(u8) -> u64) {
    answer(0);
    let mut byte = [0];
    while std::io::stdin().read_exact(&mut byte).is_ok() {
        answer(what(byte[0]));
    }
}

fn answer(value: u64) {
    let mut output = std::io::stdout();
    output.write_all(&value.to_ne_bytes()).and_then(|()| output.flush()).expect("the other side to listen");
}

/// In the other process: the kernel kills it when the one that started it dies.
pub fn die_with_parent() {
    // SAFETY: changes nothing but what signal this process gets.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}
