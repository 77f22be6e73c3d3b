//! The whole screen: a title, the list, the selected array from inside, the keys.

use std::path::Path;
use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Stylize};
use ratatui::text::Line;

use crate::units;

use super::inside::{self, Colours};
use super::keys;
use super::list;
use super::model::Model;
use super::preview::Preview;

/// All that is drawn.
pub struct Screen<'a> {
    pub directory: &'a Path,
    pub model: &'a Model,
    /// The value of the selected tag, or why there is none.
    pub seen: Result<&'a Preview, &'a str>,
    /// Whether the keys are shown instead of the arrays.
    pub help: bool,
    /// Why the store could not be looked at.
    pub trouble: Option<&'a str>,
    pub interval: Duration,
    pub colours: Colours,
    pub now: Instant,
}

/// Title, list, inside and keys; the third is empty unless the selected array is open.
fn areas(area: Rect, model: &Model) -> [Rect; 4] {
    let heading_and_rows = u16::try_from(model.rows.len().max(1) + 1).unwrap_or(u16::MAX);
    // With an array shown from inside, the list has at most a third of the screen; of a low one, the selected tag only.
    let most = if area.height < 16 { 2 } else { area.height / 3 };
    let list = match model.open {
        true => Constraint::Length(heading_and_rows.min(most)),
        false => Constraint::Min(0),
    };
    let inside = if model.open { Constraint::Min(0) } else { Constraint::Length(0) };
    Layout::vertical([Constraint::Length(1), list, inside, Constraint::Length(1)]).areas(area)
}

/// The columns and rows that a drawing of the selected array has, beside attributes or without.
pub fn room(area: Rect, model: &Model, attributes: bool) -> (u16, u16) {
    inside::room(areas(area, model)[2], attributes)
}

pub fn draw(frame: &mut Frame, screen: &Screen) {
    let model = screen.model;
    let [title, list, inside, last] = areas(frame.area(), model);
    let count = model.rows.iter().filter(|row| row.trouble.is_none()).count();
    let memory: u64 = model.rows.iter().map(|row| row.memory()).sum();
    let mut line = vec![
        "ndsharray top".bold(),
        format!("   {}", screen.directory.display()).into(),
        format!("   {count} tag{}, {}", if count == 1 { "" } else { "s" }, units::bytes(memory)).into(),
        format!("   every {}", units::age(screen.interval)).into(),
        format!("   by {}", model.order.name()).into(),
    ];
    if let Some(trouble) = screen.trouble {
        line = vec![trouble.fg(Color::Red)];
    }
    frame.render_widget(Line::from(line), title);
    let table = screen.seen.is_ok_and(|preview| preview.scrolls());
    let hints = keys::hints(model.open, table, screen.help, last.width);
    frame.render_widget(hints.fg(Color::DarkGray), last);
    if screen.help {
        return keys::draw_help(frame, list.union(inside));
    }
    list::draw(frame, list, model, screen.now);
    if let Some(row) = model.selected().filter(|_| model.open) {
        inside::draw(frame, inside, row, screen.seen, screen.colours);
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
