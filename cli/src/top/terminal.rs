//! The terminal: taken over at the start, and given back whatever happens.

use std::io;
use std::mem::ManuallyDrop;

use ratatui::DefaultTerminal;
use ratatui::layout::{Rect, Size};

use super::screen::{self, Screen};

/// A terminal in raw mode, on its alternate screen.
///
/// Not dropped as ratatui does it, which panics if neither the cursor can be shown nor stderr be written to that it could
/// not: as when the terminal is gone.
pub struct Terminal(ManuallyDrop<DefaultTerminal>);

impl Terminal {
    pub fn open() -> io::Result<Terminal> {
        // This also sets a panic hook that gives the terminal back before the message is printed.
        ratatui::try_init().map(ManuallyDrop::new).map(Terminal).inspect_err(|_| ratatui::restore())
    }

    pub fn area(&self) -> io::Result<Rect> {
        let Size { width, height } = self.0.size()?;
        Ok(Rect::new(0, 0, width, height))
    }

    pub fn draw(&mut self, screen: &Screen) -> io::Result<()> {
        self.0.draw(|frame| screen::draw(frame, screen)).map(|_| ())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone (a closed window) cannot be given back.
        let _ = self.0.show_cursor();
        let _ = ratatui::try_restore();
    }
}
