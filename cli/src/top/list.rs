//! The list of tags, as wide as the terminal allows.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row as Cells, Table, TableState};
use unicode_width::UnicodeWidthStr;

use crate::units;

use super::model::Model;
use super::row::{Row, Trouble, Value};
use super::words;

/// A column: its heading, its width, the least width of a terminal that shows it, and its text.
struct Column {
    heading: &'static str,
    width: u16,
    from: u16,
    text: fn(&Row) -> String,
}

/// The columns between the tag, which takes the width that is left, and the state.
const COLUMNS: [Column; 8] = [
    Column { heading: "LAYOUT", width: 25, from: 112, text: |row| value(row, |value| value.layout.clone()) },
    Column { heading: "RATE", width: 7, from: 30, text: |row| units::rate(row.rate()) },
    Column { heading: "MB/s", width: 7, from: 40, text: |row| words::megabytes(row.throughput()) },
    Column { heading: "AGE", width: 7, from: 50, text: |row| value(row, |value| units::age(value.age)) },
    Column { heading: "VERSION", width: 9, from: 62, text: |row| value(row, version) },
    Column { heading: "PINS", width: 4, from: 56, text: |row| value(row, pins) },
    Column { heading: "MEMORY", width: 7, from: 70, text: |row| units::bytes(row.memory()) },
    Column { heading: "", width: 10, from: 80, text: |row| words::bars(row.rates.iter().copied(), 10) },
];
/// The least width of a terminal that shows more bars, and how many these are.
const MORE_BARS: (u16, u16) = (132, 30);
const STATE: u16 = 11;
/// The least width of the tags.
const TAG: u16 = 8;

fn value(row: &Row, text: impl Fn(&Value) -> String) -> String {
    row.value().map_or("-".to_owned(), text)
}

fn version(value: &Value) -> String {
    words::version(value.version)
}

fn pins(value: &Value) -> String {
    value.slots.0.to_string()
}

/// Heading and text of each column between the tag and the state, without the bars.
pub fn texts() -> impl Iterator<Item = (&'static str, fn(&Row) -> String)> {
    COLUMNS.iter().filter(|column| !column.heading.is_empty()).map(|column| (column.heading, column.text))
}

/// The state of a tag in a word or two, and the colour of these.
pub fn state(row: &Row, now: Instant) -> (&'static str, Color) {
    match (&row.trouble, row.news(now), &row.state) {
        (Some(Trouble::Gone), ..) => ("gone", Color::Red),
        (Some(Trouble::DataMissing(_)), ..) => ("data missing", Color::Red),
        (Some(Trouble::Broken(_)), ..) => ("broken", Color::Red),
        (None, Some(news), _) => (news, Color::Yellow),
        (None, None, None) => ("", Color::Reset),
        (None, None, Some(state)) => match &state.value {
            None if state.writer_alive => ("no value yet", Color::Blue),
            _ if !state.writer_alive => ("no writer", Color::DarkGray),
            _ => ("live", Color::Green),
        },
    }
}

/// The columns that a terminal of this width shows, and their widths; and the width that is left for tags.
///
/// Bars make room for tags that would be cut.
fn columns(width: u16, longest: usize) -> (Vec<(&'static Column, u16)>, u16) {
    let shown = |bars: u16| {
        let columns =
            COLUMNS.iter().filter(|column| width >= column.from).map(|column| match column.heading {
                "" => (column, bars),
                _ => (column, column.width),
            });
        let columns: Vec<_> = columns.filter(|(_, width)| *width > 0).collect();
        // One space behind each.
        let used: u16 = columns.iter().map(|(_, width)| width + 1).sum::<u16>() + 1 + STATE;
        (columns, width.saturating_sub(used).max(TAG))
    };
    let bars = [if width >= MORE_BARS.0 { MORE_BARS.1 } else { 10 }, 10, 0];
    let fits = |bars: &u16| usize::from(shown(*bars).1) >= longest;
    shown(bars.into_iter().find(fits).unwrap_or(0))
}

pub fn draw(frame: &mut Frame, area: Rect, model: &Model, now: Instant) {
    if model.rows.is_empty() {
        frame.render_widget("\n  No arrays in this store.", area);
        return;
    }
    let longest = model.rows.iter().map(|row| row.tag.width()).max().unwrap_or(0);
    let (shown, tag) = columns(area.width, longest);
    let mut widths = vec![Constraint::Length(tag)];
    widths.extend(shown.iter().map(|(_, width)| Constraint::Length(*width)));
    widths.push(Constraint::Length(STATE));

    let right = |text: String| Cell::new(Text::from(Line::from(text).right_aligned()));
    let cell = |column: &Column, text: String| match column.heading {
        "LAYOUT" => Cell::new(text),
        "" => Cell::new(text).style(Style::new().fg(Color::Cyan)),
        _ => right(text),
    };
    let heading = std::iter::once(Cell::new("TAG"))
        .chain(shown.iter().map(|(column, _)| cell(column, column.heading.to_owned())))
        .chain([Cell::new("STATE")]);
    let selected = model.position();
    let rows = model.rows.iter().enumerate().map(|(i, row)| {
        let (word, colour) = state(row, now);
        let text = |column: &Column, width: u16| match column.heading {
            "" => words::bars(row.rates.iter().copied(), width.into()),
            _ => (column.text)(row),
        };
        // Only the tag is highlighted: bars and colours would look different from those of other rows.
        let style = Style::new().add_modifier(if selected == Some(i) {
            Modifier::REVERSED
        } else {
            Modifier::empty()
        });
        let cells = std::iter::once(Cell::new(words::shorten(&row.tag, tag.into())).style(style))
            .chain(shown.iter().map(|(column, width)| cell(column, text(column, *width))))
            .chain([Cell::new(word).style(Style::new().fg(colour))]);
        let style = if row.trouble.is_some() { Style::new().fg(Color::DarkGray) } else { Style::new() };
        Cells::new(cells).style(style)
    });
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let table = Table::new(rows, widths).header(Cells::new(heading).style(bold)).row_highlight_style(bold);
    let mut state = TableState::new().with_selected(selected);
    frame.render_stateful_widget(table, area, &mut state);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_make_room_for_long_tags() {
        let bars = |width, longest| {
            let (shown, tag) = columns(width, longest);
            let used: u16 = shown.iter().map(|(_, width)| width + 1).sum();
            assert!(tag >= TAG && (used + tag + 1 + STATE <= width || tag == TAG), "{width} {longest}");
            shown.iter().find(|(column, _)| column.heading.is_empty()).map_or(0, |(_, width)| *width)
        };
        assert_eq!((bars(79, 5), bars(80, 5), bars(80, 10), bars(80, 11)), (0, 10, 10, 0));
        assert_eq!((bars(132, 5), bars(132, 30), bars(132, 200)), (30, 10, 0));
        (1..300).for_each(|width| assert!(bars(width, 20) <= 30));
    }
}
