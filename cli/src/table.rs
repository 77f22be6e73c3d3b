//! Output: tables for people, JSON for scripts.

use std::io::{self, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::failure::{Failure, Result};

/// How the cells of a column are aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Lines of cells under a line of titles. A column is as wide as its widest cell.
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        // A file name may have control characters; they must not reach the terminal.
        let clean = |cell: String| cell.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        self.rows.push(cells.into_iter().map(clean).collect());
    }

    /// The table as text, with two spaces between columns and none at the ends of lines.
    pub fn text(&self) -> String {
        let titles: Vec<String> = self.columns.iter().map(|column| column.0.to_owned()).collect();
        let lines = || std::iter::once(&titles).chain(&self.rows);
        let width = |i: usize| lines().filter_map(|line| line.get(i)).map(|cell| cell.width()).max();
        let widths: Vec<usize> = (0..self.columns.len()).map(|i| width(i).unwrap_or(0)).collect();
        let mut text = String::new();
        for line in lines() {
            let mut out = String::new();
            for ((cell, width), (_, align)) in line.iter().zip(&widths).zip(&self.columns) {
                let space = " ".repeat(width - cell.width());
                out += &match align {
                    Align::Left => format!("{cell}{space}  "),
                    Align::Right => format!("{space}{cell}  "),
                };
            }
            text += out.trim_end();
            text.push('\n');
        }
        text
    }
}

/// Prints text as it is.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::stdout(&error))
}

/// A text with its control characters as escapes of JSON: they must not reach the terminal.
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            visible += &format!("\\u{:04x}", u32::from(c));
        } else {
            visible.push(c);
        }
    }
    visible
}

/// JSON text on one line, such as attributes.
pub fn json_line(json: &str) -> String {
    // In JSON these stand between strings only, for a space.
    visible(&json.replace(['\n', '\r', '\t'], " "))
}

/// Prints a value as JSON, indented so that people can read it too.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
    // serde_json leaves some control characters in strings as they are (DEL, and those from U+0080 on). Between strings there
    // are none but the ends of lines.
    let lines: Vec<String> = text.lines().map(visible).collect();
    print(&(lines.join("\n") + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(visible("\u{1b}[31m °C\n\u{9b}2J\u{7f}"), "\\u001b[31m °C\\u000a\\u009b2J\\u007f");
        assert_eq!(json_line("{\n\t\"a\": \"\u{85}\"\r\n}"), "{  \"a\": \"\\u0085\"  }");
    }

    #[test]
    fn columns_are_as_wide_as_they_look() {
        let mut table = Table::new(&[("TAG", Align::Left), ("N", Align::Right)]);
        for tag in ["plain", "日本", "e\u{301}", "tab\t"] {
            table.row(vec![tag.to_owned(), "12".to_owned()]);
        }
        assert_eq!(table.text(), "TAG     N\nplain  12\n日本   12\ne\u{301}      12\ntab?   12\n");
    }
}
