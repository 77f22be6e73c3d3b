//! The line that shows on a terminal how a recording goes.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ndsharray_recording::Progress;

use crate::failure::say;
use crate::units;

/// Bytes a second are told from so much of the time that passed last.
const WINDOW: Duration = Duration::from_secs(5);

/// Shows a line on stderr, if that is a terminal.
pub struct Gauge<'a> {
    bar: Option<ProgressBar>,
    file: &'a Path,
    min_free: u64,
    /// How many bytes there were at some moments, the latest last.
    seen: VecDeque<(Instant, u64)>,
}

impl<'a> Gauge<'a> {
    /// For a recording to that file, which ends when the disk has fewer free bytes.
    pub fn new(file: &'a Path, min_free: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::new_spinner().with_style(style)
        });
        Gauge { bar, file, min_free, seen: VecDeque::new() }
    }

    pub fn show(&mut self, progress: &Progress) {
        let Some(bar) = &self.bar else { return };
        self.seen.push_back((Instant::now(), progress.bytes));
        while self.seen.len() > 2 && self.seen[1].0.elapsed() >= WINDOW {
            self.seen.pop_front();
        }
        bar.set_message(line(
            progress,
            rate(&self.seen),
            free(self.file).map(|free| free.saturating_sub(self.min_free)),
        ));
        bar.tick();
    }

    /// Says something that stays, above the line.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Bytes a second, from the first and the last moment; `None` if no time lies between them.
fn rate(seen: &VecDeque<(Instant, u64)>) -> Option<f64> {
    let (&(first, before), &(last, now)) = (seen.front()?, seen.back()?);
    let time = last.duration_since(first).as_secs_f64();
    (time > 0.0).then(|| now.saturating_sub(before) as f64 / time)
}

/// The free bytes of the disk that a file is on; `None` if it does not say.
fn free(file: &Path) -> Option<u64> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(directory).ok().filter(|found| found.f_blocks > 0)?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// `left`: so many bytes can still be recorded.
fn line(progress: &Progress, rate: Option<f64>, left: Option<u64>) -> String {
    let seconds = progress.time.as_secs();
    let clock = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if !progress.is_triggered {
        let held = units::count(progress.waiting as u64, "value");
        return format!("{clock}  waiting for the trigger, {held} in memory");
    }
    let rate = rate.unwrap_or(0.0);
    let mut line = format!(
        "{clock}  {}/s  {}  {} missed",
        units::bytes(rate as u64),
        units::count(progress.values, "value"),
        progress.missed
    );
    if let Some(left) = left.filter(|_| rate >= 1.0) {
        let time = Duration::from_secs_f64((left as f64 / rate).min(1e9));
        line += &format!("  disk full in {}", units::age(time));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_window() {
        let start = Instant::now();
        let at = |seconds, bytes| (start + Duration::from_secs(seconds), bytes);
        assert_eq!(rate(&VecDeque::new()), None);
        assert_eq!(rate(&VecDeque::from([at(0, 7)])), None);
        assert_eq!(rate(&VecDeque::from([at(0, 1_000), at(1, 9_000), at(4, 401_000)])), Some(100_000.0));
    }
}
