//! Long transfers: they show a progress bar on a terminal, and end at Ctrl-C.

use std::io::{self, IsTerminal, Read, Write};
use std::rc::Rc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::stdio::interrupted;
use crate::stop::Stop;

/// A transfer of at least this many bytes has a bar.
const LONG: u64 = 16 << 20;
/// How many bytes are moved between two checks for a signal.
const CHUNK: usize = 1 << 20;

/// How much of a number of bytes has been moved, through one or several transfers.
pub struct Progress<'a> {
    stop: &'a Stop,
    bar: Option<ProgressBar>,
}

impl<'a> Progress<'a> {
    pub fn new(total: u64, stop: &'a Stop) -> Self {
        let bar = (total >= LONG && io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template(
                "{bar:40} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
            );
            ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { stop, bar }
    }

    pub fn stop(&self) -> &'a Stop {
        self.stop
    }

    fn passed(&self, count: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(count as u64);
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A reader or writer that counts what goes through it.
pub struct Transfer<'a, T> {
    inner: T,
    progress: Rc<Progress<'a>>,
}

impl<'a, T> Transfer<'a, T> {
    pub fn new(inner: T, total: u64, stop: &'a Stop) -> Self {
        Transfer::part(inner, Rc::new(Progress::new(total, stop)))
    }

    /// One of the transfers that make progress together.
    pub fn part(inner: T, progress: Rc<Progress<'a>>) -> Self {
        Transfer { inner, progress }
    }
}

impl<T: Read> Read for Transfer<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.stop.asked() {
            return Err(interrupted());
        }
        let most = buffer.len().min(CHUNK);
        let count = self.inner.read(&mut buffer[..most])?;
        self.progress.passed(count);
        Ok(count)
    }
}

impl<T: Write> Write for Transfer<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.progress.stop.asked() {
            return Err(interrupted());
        }
        let count = self.inner.write(&bytes[..bytes.len().min(CHUNK)])?;
        self.progress.passed(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
