//! A part of an array as rows and columns of text: rows of elements, or elements with their fields.

use std::collections::VecDeque;
use std::ops::Range;

use ndsharray::{DType, Kind, RecordField};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::element;
use crate::table::visible;

/// The width of a column of text, if there are others beside it, at most.
const WIDEST: usize = 32;
/// The width of a column of numbers, at least: so it does not change with each value.
const NUMBER: usize = 8;
/// What stands before each column.
const GAP: &str = "  ";

/// A row and a column of a grid, from 0 on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub row: usize,
    pub column: usize,
}

/// The part of an array that there is room for.
#[derive(Debug)]
pub struct Grid {
    /// Where it begins; not always where it was asked to.
    pub from: Position,
    /// The last place where it can begin.
    pub last: Position,
    /// How many rows it has.
    pub shown: usize,
    /// What stands over the columns; empty if there is nothing to say of them.
    pub heading: String,
    /// The rows, each after its indices.
    pub lines: Vec<String>,
    /// Which part it is, such as `rows 1-20 of 100`; empty if it is everything.
    pub part: String,
}

impl Grid {
    /// The part that begins at `at`, or before that if the array ends there, for so many columns and rows of text.
    pub fn of(dtype: &DType, shape: &[usize], bytes: &[u8], room: (u16, u16), at: Position) -> Grid {
        let all = All::of(dtype, shape, bytes);
        let (width, height) = (usize::from(room.0), usize::from(room.1));
        let (rows, columns) = (all.rows(), all.columns());
        let shown = height.saturating_sub(usize::from(all.form != Form::Elements)).min(rows);
        let row = at.row.min(rows - shown);
        // The label of the last row is the widest. What moves along does not change the columns.
        let label = if rows > 0 { all.label(rows - 1).len() } else { 0 };
        let space = width.saturating_sub(label);
        let (column, found) = fitting(&all, at.column, row..row + shown, space);
        let (last_column, _) = fitting(&all, columns, row..row + shown, space);
        let line = |first: &str, cell: &dyn Fn(&Column) -> &str| {
            let mut line = format!("{first:label$}");
            for column in &found {
                line += GAP;
                line += &column.pad(cell(column));
            }
            line.trim_end().to_owned()
        };
        let part = [part(all.names().0, row, shown, rows), part(all.names().1, column, found.len(), columns)];
        Grid {
            from: Position { row, column },
            last: Position { row: rows - shown, column: last_column },
            shown,
            heading: line("", &|column| &column.heading),
            lines: (0..shown).map(|i| line(&all.label(row + i), &|column| &column.cells[i])).collect(),
            part: part.into_iter().flatten().collect::<Vec<_>>().join("   "),
        }
    }
}

/// The columns that fit into so many columns of text, and which one is the first: the one at `at`, or one before it if the
/// array ends before the space does. There is at least one, even if there is no space.
fn fitting(all: &All, at: usize, rows: Range<usize>, space: usize) -> (usize, Vec<Column>) {
    let columns = all.columns();
    let most = if columns > 1 { WIDEST } else { space.saturating_sub(GAP.len()).max(1) };
    let mut first = at.min(columns.saturating_sub(1));
    let mut used = 0;
    let mut found = VecDeque::new();
    let mut fits = |column: &Column, alone: bool| {
        used += GAP.len() + column.width;
        alone || used <= space
    };
    for next in first..columns {
        let column = all.column(next, rows.clone(), most);
        if !fits(&column, found.is_empty()) {
            return (first, found.into());
        }
        found.push_back(column);
    }
    while first > 0 {
        let column = all.column(first - 1, rows.clone(), most);
        if !fits(&column, false) {
            break;
        }
        found.push_front(column);
        first -= 1;
    }
    (first, found.into())
}

/// Which of the rows or columns are shown; `None` for all of them.
fn part(name: &str, from: usize, shown: usize, all: usize) -> Option<String> {
    (shown < all).then(|| match shown {
        0 => format!("none of {all} {name}s"),
        1 => format!("{name} {} of {all}", from + 1),
        _ => format!("{name}s {}-{} of {all}", from + 1, from + shown),
    })
}

struct Column {
    heading: String,
    cells: Vec<String>,
    width: usize,
    right: bool,
}

impl Column {
    fn pad(&self, text: &str) -> String {
        let space = " ".repeat(self.width.saturating_sub(text.width()));
        if self.right { space + text } else { text.to_owned() + &space }
    }
}

/// What the rows and columns of an array are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Elements, and their fields.
    Fields,
    /// Elements, and nothing but them.
    Elements,
    /// Whatever comes before the last axis, and that.
    Axes,
}

/// A whole array.
struct All<'a> {
    dtype: &'a DType,
    shape: &'a [usize],
    bytes: &'a [u8],
    form: Form,
}

impl<'a> All<'a> {
    fn of(dtype: &'a DType, shape: &'a [usize], bytes: &'a [u8]) -> Self {
        let form = match shape {
            _ if !dtype.fields().is_empty() => Form::Fields,
            [] => Form::Elements,
            [_] if !dtype.scalar().is_some_and(|scalar| is_number(scalar.kind())) => Form::Elements,
            _ => Form::Axes,
        };
        All { dtype, shape, bytes, form }
    }

    fn names(&self) -> (&'static str, &'static str) {
        match self.form {
            Form::Fields => ("record", "field"),
            Form::Elements => ("element", "column"),
            Form::Axes => ("row", "column"),
        }
    }

    fn columns(&self) -> usize {
        match self.form {
            Form::Fields => self.dtype.fields().len(),
            Form::Elements => 1,
            Form::Axes => self.shape.last().copied().unwrap_or(1),
        }
    }

    fn rows(&self) -> usize {
        let elements = self.bytes.len() / self.dtype.itemsize();
        match self.form {
            Form::Axes => elements / self.columns().max(1),
            _ => elements,
        }
    }

    /// The indices of a row, such as `[1, 0, :]`.
    fn label(&self, mut row: usize) -> String {
        let (outer, rest) = match (self.form, self.shape.split_last()) {
            (Form::Axes, Some((_, outer))) => (outer, Some(":".to_owned())),
            _ => (self.shape, None),
        };
        if outer.is_empty() && rest.is_none() {
            return String::new();
        }
        let mut indices: Vec<String> = rest.into_iter().collect();
        for &axis in outer.iter().rev() {
            indices.push((row % axis.max(1)).to_string());
            row /= axis.max(1);
        }
        indices.reverse();
        format!("[{}]", indices.join(", "))
    }

    fn column(&self, column: usize, rows: Range<usize>, most: usize) -> Column {
        let field = self.dtype.fields().get(column).filter(|_| self.form == Form::Fields);
        let heading = match (self.form, field) {
            (Form::Fields, Some(field)) => visible(field.name()),
            (Form::Axes, _) => column.to_string(),
            _ => String::new(),
        };
        let size = self.dtype.itemsize();
        let columns = if self.form == Form::Axes { self.columns() } else { 1 };
        let cell = |row: usize| {
            let index = if self.form == Form::Axes { row * columns + column } else { row };
            let bytes = &self.bytes[index * size..][..size];
            match field {
                Some(field) => element::brief_field(field, bytes),
                // One alone has room for all its digits.
                None if self.shape.is_empty() => element::text(self.dtype, bytes),
                None => element::brief(self.dtype, bytes),
            }
        };
        let right = match field {
            Some(field) => field.shape().is_empty() && holds_numbers(field),
            None => self.dtype.scalar().is_some_and(|scalar| is_number(scalar.kind())),
        };
        let cut = |text: String| if text.width() > most { cut(&text, most) } else { text };
        let (heading, cells) = (cut(heading), rows.map(cell).map(cut).collect::<Vec<_>>());
        let width = cells.iter().chain([&heading]).map(|text| text.width()).max().unwrap_or(0);
        let width = if right && !self.shape.is_empty() { width.max(NUMBER) } else { width };
        Column { heading, cells, width, right }
    }
}

fn holds_numbers(field: &RecordField) -> bool {
    field.dtype().scalar().is_some_and(|scalar| is_number(scalar.kind()))
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Bool | Kind::Int | Kind::UInt | Kind::Float | Kind::Complex)
}

/// The begin of a text that is too wide.
fn cut(text: &str, most: usize) -> String {
    let mut width = 1; // of the mark at the end
    let begin = text.chars().take_while(|c| {
        width += c.width().unwrap_or(0);
        width <= most
    });
    begin.collect::<String>() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Position = Position { row: 0, column: 0 };

    #[test]
    fn rows_stand_after_their_indices() {
        let bytes: Vec<u8> = (0..12_u16).flat_map(u16::to_ne_bytes).collect();
        let of = |shape: &[usize], room, row, column| {
            Grid::of(&DType::UInt16, shape, &bytes, room, Position { row, column })
        };
        let grid = of(&[2, 3, 2], (80, 6), 0, 0);
        assert_eq!(grid.lines.len(), 5, "as many rows as fit");
        assert_eq!(grid.heading, "                  0         1");
        assert_eq!(grid.lines[4], "[1, 1, :]         8         9");
        assert_eq!(grid.part, "rows 1-5 of 6");
        let grid = of(&[12], (35, 5), 0, 0);
        assert_eq!((grid.lines.len(), &grid.lines[0][..]), (1, "[:]         0         1         2"));
        assert_eq!(grid.part, "columns 1-3 of 12");
        // Not beyond the end.
        let grid = of(&[12], (35, 5), 7, 11);
        assert_eq!(
            (grid.from, &grid.lines[0][..]),
            (Position { row: 0, column: 9 }, "[:]         9        10        11")
        );
        let grid = of(&[4, 3], (80, 3), 9, 0);
        assert_eq!((grid.from.row, &grid.lines[1][..]), (2, "[3, :]         9        10        11"));
        let one = Grid::of(&DType::UInt16, &[], &bytes[6..8], (80, 5), BEGIN);
        assert_eq!((one.lines, one.part), (vec!["  3".to_owned()], String::new()));
        // No room, and nothing to see.
        for room in [(0, 0), (1, 1), (3, 2)] {
            of(&[2, 3, 2], room, 1, 1);
            Grid::of(&DType::UInt16, &[3, 0], &[], room, BEGIN);
            Grid::of(&DType::UInt16, &[0, 3], &[], room, BEGIN);
        }
    }

    #[test]
    fn records_are_rows_and_fields_are_columns() {
        let dtype: DType =
            "[('id', '<u4'), ('name', '<U3'), ('at', '<M8[s]'), ('box', '<i2', (2,))]".parse().unwrap();
        let record = |id: u32| {
            let name = ['日', 'b', '\0'].map(|c| u32::from(c).to_le_bytes()).concat();
            [&id.to_le_bytes()[..], &name, &i64::from(id).to_le_bytes(), &[1, 0, 2, 0]].concat()
        };
        let bytes: Vec<u8> = (0..6).flat_map(record).collect();
        let grid = Grid::of(&dtype, &[3, 2], &bytes, (80, 4), Position { row: 3, column: 0 });
        assert_eq!(grid.heading, "              id  name   at                   box");
        assert_eq!(grid.lines[0], "[1, 1]         3  '日b'  1970-01-01T00:00:03  [1, 2]");
        assert_eq!((grid.lines.len(), &grid.part[..]), (3, "records 4-6 of 6"));
        let grid = Grid::of(&dtype, &[6], &bytes, (24, 3), Position { row: 0, column: 2 });
        assert_eq!(grid.lines[0], "[0]  1970-01-01T00:00:00");
        assert_eq!(grid.part, "records 1-2 of 6   field 3 of 4");
        let one = Grid::of(&dtype, &[], &bytes[..28], (80, 9), BEGIN);
        assert_eq!(one.lines, ["   0  '日b'  1970-01-01T00:00:00  [1, 2]"]);
    }

    #[test]
    fn what_is_too_wide_is_cut() {
        let dtype: DType = "[('a', '|S50'), ('b', '|S2')]".parse().unwrap();
        let grid = Grid::of(&dtype, &[1], &[b'x'; 52], (80, 9), BEGIN);
        assert_eq!(grid.lines, [format!("[0]  b'{}…  b'xx'", "x".repeat(WIDEST - 3))]);
        let alone: DType = "|S50".parse().unwrap();
        assert_eq!(Grid::of(&alone, &[1], &[b'x'; 50], (20, 9), BEGIN).lines, ["[0]  b'xxxxxxxxxxxx…"]);
        assert_eq!(cut("日本日本", 6), "日本…");
    }
}
