//! Ctrl-C, SIGTERM and SIGHUP (a closed terminal). A command checks for them between two steps, so that it can undo what
//! is half done. Another one, half a second or more after the first, ends the program at once.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{Failure, Result};

/// What comes sooner after the first signal belongs to it: `timeout` sends two, and so do a terminal that is closed and its shell.
const AGAIN: Duration = Duration::from_millis(500);

/// Whether a signal asked the program to stop, and a socket that becomes readable when one does.
pub struct Stop {
    asked: Arc<AtomicBool>,
    wake: UnixStream,
}

/// The outcome of waiting for a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// It can be read or written.
    Yes,
    /// The other side is gone.
    Closed,
    /// The time is over, or a signal came.
    NotYet,
}

impl Stop {
    pub fn listen() -> Result<Self> {
        let failed = |error: io::Error| Failure::failed(format!("cannot listen for signals: {error}"));
        let (asked, again) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (wake, write) = UnixStream::pair().map_err(failed)?;
        // Under `nohup`, SIGHUP is ignored and stays so.
        let signals =
            [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal != SIGHUP || !is_ignored(signal));
        for signal in signals {
            signal_hook::flag::register_conditional_default(signal, again.clone()).map_err(failed)?;
            signal_hook::flag::register(signal, asked.clone()).map_err(failed)?;
            let write = write.try_clone().map_err(failed)?;
            signal_hook::low_level::pipe::register(signal, write).map_err(failed)?;
        }
        let stop = Stop { asked, wake };
        let first = Stop { asked: stop.asked.clone(), wake: stop.wake.try_clone().map_err(failed)? };
        let arm = move || {
            first.wait_for_signal();
            std::thread::sleep(AGAIN);
            again.store(true, Ordering::Relaxed);
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(arm).map_err(failed)?;
        Ok(stop)
    }

    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// An error if a signal came.
    pub fn check(&self) -> Result<()> {
        if self.asked() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// Waits for a signal.
    pub fn wait_for_signal(&self) {
        while !self.asked() {
            // Whatever ends it, the flag says whether it was a signal.
            let _ = poll(&mut [PollFd::new(&self.wake, PollFlags::IN)], None);
        }
    }

    /// Waits for a signal, but no longer than that.
    pub fn wait_at_most(&self, timeout: Duration) {
        let start = Instant::now();
        while !self.asked() {
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            let left = Timespec::try_from(left).ok();
            // Whatever ends it, the flag and the time say what is next.
            let _ = poll(&mut [PollFd::new(&self.wake, PollFlags::IN)], left.as_ref());
        }
    }

    /// The failure behind an I/O error: an interruption if a signal came, else what `otherwise` makes of the error.
    pub fn failure(&self, error: &io::Error, otherwise: impl Fn(&io::Error) -> Failure) -> Failure {
        self.check().err().unwrap_or_else(|| otherwise(error))
    }

    /// Waits until `fd` can be read, a signal comes, or the time is over.
    pub fn readable(&self, fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<Ready> {
        self.wait(fd, PollFlags::IN, timeout)
    }

    /// Waits until `fd` can be written, a signal comes, or the time is over.
    pub fn writable(&self, fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<Ready> {
        self.wait(fd, PollFlags::OUT, timeout)
    }

    /// Waits until something is typed at a terminal, a signal comes, or the time is over.
    pub fn typed(&self, terminal: BorrowedFd<'_>, timeout: Duration) -> io::Result<Ready> {
        let found = self.poll(terminal, PollFlags::IN, Some(timeout))?;
        // Unlike a pipe, a terminal that hung up has nothing left to read.
        Ok(if found.intersects(PollFlags::HUP | PollFlags::ERR) {
            Ready::Closed
        } else if found.contains(PollFlags::IN) {
            Ready::Yes
        } else {
            Ready::NotYet
        })
    }

    /// Whether what is written to `fd` still has a reader.
    pub fn listened_to(&self, fd: BorrowedFd<'_>) -> bool {
        // No event is asked for: poll always reports that the other side is gone.
        !matches!(self.wait(fd, PollFlags::empty(), Some(Duration::ZERO)), Ok(Ready::Closed))
    }

    fn wait(&self, fd: BorrowedFd<'_>, for_what: PollFlags, timeout: Option<Duration>) -> io::Result<Ready> {
        let found = self.poll(fd, for_what, timeout)?;
        Ok(if found.contains(PollFlags::ERR) {
            Ready::Closed
        } else if found.intersects(for_what | PollFlags::HUP) {
            Ready::Yes
        } else {
            Ready::NotYet
        })
    }

    fn poll(
        &self,
        fd: BorrowedFd<'_>,
        for_what: PollFlags,
        timeout: Option<Duration>,
    ) -> io::Result<PollFlags> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = [PollFd::from_borrowed_fd(fd, for_what), PollFd::new(&self.wake, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(fds[0].revents()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether this process was started with a signal ignored. /proc says so; `signal` says so only by changing it.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
