//! The terminal: taken over at the start, and given back whatever happens.

use std::io;
use std::mem::ManuallyDrop;

use ratatui::DefaultTerminal;
use ratatui::layout::{Rect, Size};

use super::screen::{self, Screen};

/// A terminal in raw mode, on its alternate screen.
///
/// ratatui's own drop is not used. If the terminal is gone it cannot show the cursor, prints that to stderr, and panics if
/// stderr is gone too.
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
        // Errors are those of a terminal that is gone (a closed window).
        let _ = self.0.show_cursor();
        let _ = ratatui::try_restore();
    }
}
