//! `ndsharray top`: the arrays of a store, live, and one of them from inside.
//!
//! It does not slow writers measurably: tags are looked at without a mapping, and the selected value is held only while a
//! sample of bounded size is taken. It uses at most a small part of one core: it looks at a large store less often.

mod inside;
mod list;
mod model;
mod picture;
mod preview;
mod row;
mod sample;
mod screen;
mod statistics;
mod terminal;
mod words;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use ndsharray::{Error, Reader, Store};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use rustix::stdio::stdin;

use crate::failure::{Failure, Result};
use crate::stop::{Ready, Stop};

use self::inside::Colours;
use self::model::Model;
use self::preview::Preview;
use self::screen::Screen;
use self::terminal::Terminal;

/// Looking at the store takes at most one part in `SHARE` of the time.
const SHARE: u32 = 20;
/// How soon a new size of the terminal is noticed.
const SLICE: Duration = Duration::from_millis(100);
/// How many rows Page Up and Page Down move by.
const PAGE: isize = 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The array to show from inside at once
    tag: Option<String>,
    /// Seconds from one look at the store to the next
    #[arg(long, default_value = "0.5", value_name = "SECONDS", value_parser = interval)]
    interval: Duration,
}

fn interval(text: &str) -> std::result::Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok().filter(|seconds| (0.01..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or("expected seconds, from 0.01 to 3600".to_owned())
}

/// Shows the store until a key or a signal ends it; with a tag, that array from inside.
pub fn run(store: &Store, args: &Args) -> Result<()> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(Failure::bad("top needs a terminal: run it with neither input nor output redirected"));
    }
    if let Some(tag) = &args.tag {
        // A tag that cannot be shown at the start is an error, as in every command. Later problems are shown on the screen.
        store.stat(tag)?;
    }
    let colours = match std::env::var("COLORTERM").as_deref() {
        Ok("truecolor" | "24bit") => Colours::True,
        _ => Colours::Of256,
    };
    let mut top = Top {
        store,
        interval: args.interval,
        colours,
        model: Model::new(args.tag.as_deref()),
        reader: None,
        seen: Err(String::new()),
        trouble: None,
    };
    let stop = Stop::listen()?;
    // The terminal is restored when this returns, before an error is printed.
    let mut terminal = Terminal::open().map_err(broken)?;
    top.show(&mut terminal, &stop)
}

fn broken(error: std::io::Error) -> Failure {
    Failure::failed(format!("top: cannot use the terminal: {error}"))
}

struct Top<'a> {
    store: &'a Store,
    interval: Duration,
    colours: Colours,
    model: Model,
    /// The reader of the selected tag, while that is shown from inside.
    reader: Option<Reader>,
    seen: std::result::Result<Preview, String>,
    trouble: Option<String>,
}

impl Top<'_> {
    fn show(&mut self, terminal: &mut Terminal, stop: &Stop) -> Result<()> {
        let mut next = Instant::now();
        loop {
            let now = Instant::now();
            if now >= next {
                self.refresh()?;
            }
            self.refresh_preview(terminal.area().map_err(broken)?);
            self.draw(terminal).map_err(broken)?;
            if now >= next {
                next = Instant::now() + self.interval.max(now.elapsed() * SHARE);
            }
            if !self.wait(terminal, stop, next)? {
                return Ok(());
            }
        }
    }

    /// Waits for the time of the next look, or for something to draw before that; false if a key says to quit.
    fn wait(&mut self, terminal: &Terminal, stop: &Stop, next: Instant) -> Result<bool> {
        let size = terminal.area().map_err(broken)?;
        loop {
            stop.check()?;
            let left = next.saturating_duration_since(Instant::now());
            let ready = stop.typed(stdin(), left.min(SLICE)).map_err(broken)?;
            // crossterm never stops reading from a terminal that is gone: it is called only if there is something to read.
            if ready == Ready::Closed {
                return Err(Failure::Interrupted);
            }
            let mut changed = terminal.area().map_err(broken)? != size;
            if changed || ready == Ready::Yes {
                while event::poll(Duration::ZERO).map_err(broken)? {
                    changed = true;
                    match event::read().map_err(broken)? {
                        Event::Key(key) if key.kind != KeyEventKind::Release && !self.key(key) => {
                            return Ok(false);
                        }
                        _ => {}
                    }
                }
                if !changed {
                    // crossterm overlooks a key that comes together with a new size, until the next key. Until then the
                    // terminal stays readable: sleep rather than spin.
                    std::thread::sleep(left.min(SLICE));
                }
            }
            if changed || left.is_zero() {
                return Ok(true);
            }
        }
    }

    /// Does what a key says; false if it says to quit.
    fn key(&mut self, key: KeyEvent) -> bool {
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Up | KeyCode::Char('k') => self.model.select(-1),
            KeyCode::Down | KeyCode::Char('j') => self.model.select(1),
            KeyCode::PageUp => self.model.select(-PAGE),
            KeyCode::PageDown => self.model.select(PAGE),
            KeyCode::Home => self.model.select(isize::MIN),
            KeyCode::End => self.model.select(isize::MAX),
            KeyCode::Enter => self.model.open = !self.model.open,
            KeyCode::Char('s') => self.model.next_order(),
            _ => {}
        }
        true
    }

    fn refresh(&mut self) -> Result<()> {
        let before = self.model.rows.iter().map(|row| &row.tag[..]);
        match sample::looks(self.store, before) {
            Ok(looks) => {
                self.trouble = None;
                self.model.update(looks, Instant::now());
            }
            // A store that is gone may come back.
            Err(Failure::Bad(text) | Failure::Failed(text)) => self.trouble = Some(text),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Looks at the value of the selected tag if that is shown from inside; else drops its reader, and so its memory.
    fn refresh_preview(&mut self, area: Rect) {
        let shown = self.model.selected().filter(|row| self.model.open && row.trouble.is_none());
        let Some(tag) = shown.map(|row| row.tag.clone()) else {
            self.reader = None;
            self.seen = Err(String::new());
            return;
        };
        let reader = match self.reader.take().filter(|reader| reader.tag() == tag) {
            Some(reader) => Ok(reader),
            None => {
                self.seen = Err(String::new());
                self.store.reader(&tag)
            }
        };
        let room = |attributes| screen::room(area, &self.model, attributes);
        let looked = reader.and_then(|reader| {
            let preview = preview::refresh(&reader, self.seen.as_ref().ok(), room)?;
            Ok((reader, preview))
        });
        match looked {
            Ok((reader, preview)) => {
                self.reader = Some(reader);
                if let Some(preview) = preview {
                    self.seen = Ok(preview);
                }
            }
            Err(Error::Empty { .. }) => self.seen = Err("Nothing was written yet.".to_owned()),
            Err(error) => self.seen = Err(error.to_string()),
        }
    }

    fn draw(&self, terminal: &mut Terminal) -> std::io::Result<()> {
        let screen = Screen {
            directory: self.store.directory(),
            model: &self.model,
            seen: self.seen.as_ref().map_err(String::as_str),
            trouble: self.trouble.as_deref(),
            interval: self.interval,
            colours: self.colours,
            now: Instant::now(),
        };
        terminal.draw(&screen)
    }
}
