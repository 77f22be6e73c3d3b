//! The list of tags, as wide as the terminal allows.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row as Cells, Table, TableState};

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

pub fn draw(frame: &mut Frame, area: Rect, model: &Model, now: Instant) {
    if model.rows.is_empty() {
        frame.render_widget("\n  No arrays in this store.", area);
        return;
    }
    let shown: Vec<&Column> = COLUMNS.iter().filter(|column| area.width >= column.from).collect();
    let more = area.width >= MORE_BARS.0;
    let mut widths = vec![Constraint::Min(8)];
    widths.extend(shown.iter().map(|column| match column.heading {
        "" if more => Constraint::Length(MORE_BARS.1),
        _ => Constraint::Length(column.width),
    }));
    widths.push(Constraint::Length(STATE));

    let right = |text: String| Cell::new(Text::from(Line::from(text).right_aligned()));
    let cell = |column: &Column, text: String| match column.heading {
        "LAYOUT" => Cell::new(text),
        "" => Cell::new(text).style(Style::new().fg(Color::Cyan)),
        _ => right(text),
    };
    let heading = std::iter::once(Cell::new("TAG"))
        .chain(shown.iter().map(|column| cell(column, column.heading.to_owned())))
        .chain([Cell::new("STATE")]);
    let selected = model.position();
    let rows = model.rows.iter().enumerate().map(|(i, row)| {
        let (word, colour) = state(row, now);
        let text = |column: &Column| match column.heading {
            "" if more => words::bars(row.rates.iter().copied(), MORE_BARS.1.into()),
            _ => (column.text)(row),
        };
        // Only the tag is highlighted: bars and colours would look different from those of other rows.
        let tag = Style::new().add_modifier(if selected == Some(i) {
            Modifier::REVERSED
        } else {
            Modifier::empty()
        });
        let cells = std::iter::once(Cell::new(row.tag.clone()).style(tag))
            .chain(shown.iter().map(|column| cell(column, text(column))))
            .chain([Cell::new(word).style(Style::new().fg(colour))]);
        let style = if row.trouble.is_some() { Style::new().fg(Color::DarkGray) } else { Style::new() };
        Cells::new(cells).style(style)
    });
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let table = Table::new(rows, widths).header(Cells::new(heading).style(bold)).row_highlight_style(bold);
    let mut state = TableState::new().with_selected(selected);
    frame.render_stateful_widget(table, area, &mut state);
}
