//! Input and output without buffers. Ctrl-C ends a read or write even while the other end of a pipe does nothing.

use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::fs::FileType;

use crate::failure::{Failure, Result};
use crate::stop::{Ready, Stop};

/// A pipe that has room at all takes this much (PIPE_BUF), so a write of it does not block.
const PIPE: usize = 4096;
/// The most that is written to anything else at once, so that a signal is noticed soon.
const CHUNK: usize = 1 << 20;

/// The error after a signal; the caller asks the `Stop` whether one came. It does not have the kind `Interrupted`, after
/// which `write_all` and `read_exact` would try again.
pub fn interrupted() -> io::Error {
    io::Error::other("interrupted")
}

/// stdin, or a file that was opened without blocking.
pub struct In<'a, F = BorrowedFd<'static>> {
    from: F,
    stop: &'a Stop,
}

impl<'a> In<'a> {
    pub fn stdin(stop: &'a Stop) -> Self {
        In { from: rustix::stdio::stdin(), stop }
    }
}

impl<'a, F: AsFd> In<'a, F> {
    pub fn new(from: F, stop: &'a Stop) -> Self {
        In { from, stop }
    }
}

impl<F: AsFd> Read for In<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.asked() {
                return Err(interrupted());
            }
            if self.stop.readable(self.from.as_fd(), None)? == Ready::NotYet {
                continue;
            }
            match rustix::io::read(&self.from, &mut *buffer) {
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                outcome => return Ok(outcome?),
            }
        }
    }
}

/// Whether bytes may go to a terminal, which they could leave unusable.
#[derive(Debug, clap::Args)]
pub struct ToTerminal {
    /// Write bytes even to a terminal
    #[arg(long)]
    force: bool,
}

impl ToTerminal {
    /// An error if stdout is a terminal, and that was not asked for.
    pub fn check(&self, tag: &str) -> Result<()> {
        if self.force || !io::stdout().is_terminal() {
            return Ok(());
        }
        Err(Failure::bad(format!(
            "the bytes of {tag:?} are not for a terminal: send them to a file (> FILE) or a program (|), look at them with \
             `ndsharray show`, or use --force"
        )))
    }
}

/// stdout.
pub struct Out<'a> {
    stop: &'a Stop,
    most: usize,
}

impl<'a> Out<'a> {
    pub fn new(stop: &'a Stop) -> Self {
        let kind =
            rustix::fs::fstat(rustix::stdio::stdout()).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let most = if matches!(kind, Ok(FileType::RegularFile)) { CHUNK } else { PIPE };
        Out { stop, most }
    }

    /// Whether somebody still reads.
    pub fn listened_to(&self) -> bool {
        self.stop.listened_to(rustix::stdio::stdout())
    }
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if self.stop.asked() {
                return Err(interrupted());
            }
            let stdout = rustix::stdio::stdout();
            match self.stop.writable(stdout, Some(Duration::from_secs(1)))? {
                Ready::NotYet => continue,
                Ready::Closed => return Err(io::ErrorKind::BrokenPipe.into()),
                Ready::Yes => {}
            }
            match rustix::io::write(stdout, &bytes[..bytes.len().min(self.most)]) {
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                outcome => return Ok(outcome?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
