//! The arrays of a store once, as text alone: for pipes, and for terminals without a cursor to move.

use std::time::{Duration, Instant};

use ndsharray::Store;

use crate::failure::Result;
use crate::table::{self, Align, Table, visible};

use super::inside::{self, Colours};
use super::list;
use super::model::Model;
use super::preview::{self, Drawing};
use super::row::Row;
use super::sample;

/// The columns and rows that the elements of an array get.
const ROOM: (u16, u16) = (120, 21);

/// Prints the list after two looks at the store, which tell the rates, and then one array from inside if one is named.
pub fn print(store: &Store, tag: Option<&str>, interval: Duration) -> Result<()> {
    let mut model = Model::new(tag);
    model.update(sample::looks(store, tag.into_iter())?, Instant::now());
    std::thread::sleep(interval);
    let before: Vec<String> = model.rows.iter().map(|row| row.tag.clone()).collect();
    model.update(sample::looks(store, before.iter().map(String::as_str))?, Instant::now());
    let mut text = listed(&model);
    if let Some(row) = model.selected().filter(|_| model.open) {
        text += &format!("\n{}\n", inside_text(store, row)?);
    }
    table::print(&text)
}

fn listed(model: &Model) -> String {
    if model.rows.is_empty() {
        return "No arrays in this store.\n".to_owned();
    }
    let mut columns = vec![("TAG", Align::Left)];
    columns.extend(list::texts().map(|(heading, _)| match heading {
        "LAYOUT" => (heading, Align::Left),
        _ => (heading, Align::Right),
    }));
    columns.push(("STATE", Align::Left));
    let mut table = Table::new(&columns);
    let now = Instant::now();
    for row in &model.rows {
        let texts = list::texts().map(|(_, text)| text(row));
        let (state, _) = list::state(row, now);
        table.row([row.tag.clone()].into_iter().chain(texts).chain([state.to_owned()]).collect());
    }
    table.text()
}

fn inside_text(store: &Store, row: &Row) -> Result<String> {
    let preview = match preview::as_text(&store.reader(&row.tag)?, ROOM) {
        Err(ndsharray::Error::Empty { .. }) => return Ok("Nothing was written yet.".to_owned()),
        preview => preview?,
    };
    let above = inside::lines(row, &preview, Colours::None);
    let mut lines: Vec<String> = above.iter().map(|line| visible(&line.to_string())).collect();
    if let Drawing::Table(grid) = &preview.drawing {
        let heading = Some(grid.heading.clone()).filter(|heading| !heading.is_empty());
        lines.push(String::new());
        lines.extend(heading.into_iter().chain(grid.lines.iter().cloned()));
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    Ok(lines.join("\n"))
}
