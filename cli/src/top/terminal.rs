//! The terminal: taken over at the start, and given back whatever happens.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ratatui::DefaultTerminal;
use ratatui::layout::{Rect, Size};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::screen::{self, Screen};

/// A terminal in raw mode, on its alternate screen.
pub struct Terminal {
    inner: DefaultTerminal,
    /// The signal that asked to end; 0 if none did.
    signal: Arc<AtomicUsize>,
}

impl Terminal {
    pub fn open() -> io::Result<Terminal> {
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_usize(number, signal.clone(), number as usize)?;
        }
        // This also sets a panic hook that gives the terminal back before the message is printed.
        match ratatui::try_init() {
            Ok(inner) => Ok(Terminal { inner, signal }),
            Err(error) => {
                ratatui::restore();
                Err(error)
            }
        }
    }

    /// Whether a signal asked to end.
    pub fn is_to_end(&self) -> bool {
        self.signal.load(Ordering::Relaxed) != 0
    }

    pub fn area(&self) -> io::Result<Rect> {
        let Size { width, height } = self.inner.size()?;
        Ok(Rect::new(0, 0, width, height))
    }

    pub fn draw(&mut self, screen: &Screen) -> io::Result<()> {
        self.inner.draw(|frame| screen::draw(frame, screen)).map(|_| ())
    }

    /// Gives the terminal back, and then ends as the signal asked, if one did.
    pub fn close(self) {
        let signal = self.signal.load(Ordering::Relaxed);
        drop(self);
        if signal != 0 {
            let _ = signal_hook::low_level::emulate_default_handler(signal as i32);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone (a closed window) cannot be given back.
        let _ = ratatui::try_restore();
        let _ = self.inner.show_cursor();
    }
}
