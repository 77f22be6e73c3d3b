//! `ndsharray top`: the arrays of a store, live, and one of them from inside.
//!
//! It does not slow writers measurably: tags are looked at without a mapping, and the selected value is held only while a
//! sample of bounded size is taken. It uses at most a small part of one core: it looks at a large store less often.

mod grid;
mod inside;
mod keys;
mod list;
mod model;
mod picture;
mod plain;
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
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::layout::Rect;
use rustix::stdio::stdin;

use crate::failure::{Failure, Result};
use crate::stop::{Ready, Stop};

use self::grid::Position;
use self::inside::Colours;
use self::keys::Action;
use self::model::Model;
use self::preview::{Drawing, Preview};
use self::screen::Screen;
use self::terminal::Terminal;

/// Looking at the store takes at most one part in `SHARE` of the time.
const SHARE: u32 = 20;
/// How soon a new size of the terminal is noticed.
const SLICE: Duration = Duration::from_millis(100);
/// How many tags Page Up and Page Down move by.
const PAGE: isize = 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The array to show from inside at once
    #[arg(add = crate::complete::tags())]
    tag: Option<String>,
    /// Seconds from one look at the store to the next
    #[arg(long, default_value = "0.5", value_name = "SECONDS", value_parser = interval, allow_negative_numbers = true)]
    interval: Duration,
}

fn interval(text: &str) -> std::result::Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok().filter(|seconds| (0.01..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or("expected seconds, from 0.01 to 3600".to_owned())
}

/// Shows the store until a key or a signal ends it; with a tag, that array from inside. Without a terminal that can move its
/// cursor it is shown once, as text.
pub fn run(store: &Store, args: &Args) -> Result<()> {
    if let Some(tag) = &args.tag {
        // A tag that cannot be shown at the start is an error, as in every command. Later problems are shown on the screen.
        store.stat(tag)?;
    }
    if !has_screen() {
        return plain::print(store, args.tag.as_deref(), args.interval);
    }
    let colours = match std::env::var("COLORTERM").as_deref() {
        _ if std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()) => Colours::None,
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
        at: Position::default(),
        help: false,
        trouble: None,
    };
    let stop = Stop::listen()?;
    // The terminal is restored when this returns, before an error is printed.
    let mut terminal = Terminal::open().map_err(broken)?;
    top.show(&mut terminal, &stop)
}

/// Whether input and output are a terminal that does what escape sequences say.
fn has_screen() -> bool {
    let able = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    able && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
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
    /// Where the table of the selected tag is to begin.
    at: Position,
    /// Whether the keys are shown instead of the arrays.
    help: bool,
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
                        Event::Key(key)
                            if key.kind != KeyEventKind::Release
                                && !Action::of(key).is_none_or(|action| self.act(action)) =>
                        {
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
    fn act(&mut self, action: Action) -> bool {
        match action {
            Action::Quit => return false,
            Action::Help => self.help = !self.help,
            Action::Back if self.help => self.help = false,
            // What is not seen does not change.
            _ if self.help => {}
            Action::Back => self.model.open = false,
            Action::Toggle => self.model.open = !self.model.open,
            Action::Tag(by) => self.model.select(by),
            Action::Lines(by) => match self.table() {
                Some(_) => self.scroll(by, 0),
                None => self.model.select(by),
            },
            Action::Pages(by) => match self.table() {
                Some(rows) => self.scroll(by * rows, 0),
                None => self.model.select(by * PAGE),
            },
            Action::Columns(by) => self.scroll(0, by),
            Action::Sort => self.model.next_order(),
        }
        true
    }

    /// Scrolls the table, at most to its end: several keys may come before it is drawn again.
    fn scroll(&mut self, rows: isize, columns: isize) {
        if let Ok(Preview { drawing: Drawing::Table(grid), .. }) = &self.seen {
            self.at.row = self.at.row.saturating_add_signed(rows).min(grid.last.row);
            self.at.column = self.at.column.saturating_add_signed(columns).min(grid.last.column);
        }
    }

    /// How many rows of a table are on the screen; `None` if there is no table to scroll.
    fn table(&self) -> Option<isize> {
        let preview = self.seen.as_ref().ok().filter(|preview| preview.scrolls())?;
        match &preview.drawing {
            Drawing::Table(grid) => Some(isize::try_from(grid.shown).unwrap_or(1).max(1)),
            _ => None,
        }
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
            self.at = Position::default();
            return;
        };
        let reader = match self.reader.take().filter(|reader| reader.tag() == tag) {
            Some(reader) => Ok(reader),
            None => {
                self.seen = Err(String::new());
                self.at = Position::default();
                self.store.reader(&tag)
            }
        };
        let room = |attributes| screen::room(area, &self.model, attributes);
        let looked = reader.and_then(|reader| {
            let preview = preview::refresh(&reader, self.seen.as_ref().ok(), self.at, room)?;
            Ok((reader, preview))
        });
        match looked {
            Ok((reader, preview)) => {
                self.reader = Some(reader);
                if let Some(preview) = preview {
                    self.at = preview.at;
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
            help: self.help,
            trouble: self.trouble.as_deref(),
            interval: self.interval,
            colours: self.colours,
            now: Instant::now(),
        };
        terminal.draw(&screen)
    }
}
