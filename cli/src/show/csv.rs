//! A value as CSV: a line for each row, with all digits of its numbers; of records a line for each, under the names of the fields.

use std::io::{self, Write};

use ndsharray::DType;
use ndsharray::ndarray::{ArrayViewD, Axis};

use super::cell;
use crate::failure::{Failure, Result};
use crate::table::visible;
use crate::units;

/// Refuses an array that is no table.
pub fn check(dtype: &DType, shape: &[usize]) -> Result<()> {
    let (axes, what) = if dtype.fields().is_empty() { (2, "an array") } else { (1, "an array of records") };
    if shape.len() <= axes {
        return Ok(());
    }
    let text = format!(
        "{what} of shape {} is no table: pick a part with at most {}, such as --index 0{}",
        units::shape(shape),
        if axes == 1 { "one axis" } else { "two axes" },
        ",0".repeat(shape.len() - axes - 1)
    );
    Err(Failure::bad(text))
}

/// A value within an element.
struct Column {
    name: String,
    dtype: DType,
    offset: usize,
}

impl Column {
    /// The values within this one: each field of a record, and each element of a field that is an array.
    fn spread(self, columns: &mut Vec<Column>) {
        if self.dtype.fields().is_empty() {
            columns.push(self);
            return;
        }
        for field in self.dtype.fields() {
            let dot = if self.name.is_empty() { "" } else { "." };
            let name = format!("{}{dot}{}", self.name, field.name());
            let (dtype, shape) = (field.dtype(), field.shape());
            if !shape.is_empty() && dtype.itemsize() == 0 {
                // Of elements without a byte there may be any number.
                continue;
            }
            for element in 0..shape.iter().product() {
                let name = if shape.is_empty() {
                    name.clone()
                } else {
                    format!("{name}[{}]", place(shape, element))
                };
                let offset = self.offset + field.offset() + element * dtype.itemsize();
                Column { name, dtype: dtype.clone(), offset }.spread(columns);
            }
        }
    }
}

/// Where the `n`th element of an array lies, such as `0,1`.
fn place(shape: &[usize], mut n: usize) -> String {
    let mut place: Vec<usize> = Vec::new();
    for axis in shape.iter().rev() {
        place.push(n % axis);
        n /= axis;
    }
    place.reverse();
    units::shape(&place)
}

/// Writes an array whose last axis is the bytes of one element. Control characters in strings must not reach a terminal.
pub fn write(dtype: &DType, array: &ArrayViewD<'_, u8>, out: impl Write, terminal: bool) -> io::Result<()> {
    rows(dtype, array, out, terminal).map_err(|error| match error.into_kind() {
        // Its kind says whether the reader has gone.
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    })
}

fn rows(dtype: &DType, array: &ArrayViewD<'_, u8>, out: impl Write, terminal: bool) -> csv::Result<()> {
    let mut out = csv::WriterBuilder::new().flexible(true).from_writer(out);
    let clean = |text: String| if terminal { visible(&text) } else { text };
    let mut columns = Vec::new();
    Column { name: String::new(), dtype: dtype.clone(), offset: 0 }.spread(&mut columns);
    let cells = |element: ArrayViewD<'_, u8>| {
        let bytes: Vec<u8> = element.iter().copied().collect();
        let cell = |column: &Column| {
            let end = column.offset + column.dtype.itemsize();
            clean(cell::exact(&column.dtype, &bytes[column.offset..end]))
        };
        columns.iter().map(cell).collect::<Vec<String>>()
    };
    if !dtype.fields().is_empty() {
        out.write_record(columns.iter().map(|column| clean(column.name.clone())))?;
    }
    match array.ndim() - 1 {
        0 => out.write_record(cells(array.view()))?,
        1 => array.axis_iter(Axis(0)).try_for_each(|element| out.write_record(cells(element)))?,
        _ => {
            for row in array.axis_iter(Axis(0)) {
                out.write_record(row.axis_iter(Axis(0)).flat_map(cells))?;
            }
        }
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_without_a_byte_have_no_columns() {
        for descr in [
            "[('a', '|V0', (2000000000,)), ('b', '<i4')]",
            "[('a', '|S0', (1000000000000, 1000000000000)), ('b', '<i4')]",
            "[('a', [('c', [], (2000000000,))], (2,)), ('b', '<i4')]",
            "[('a', '<i4', (1000000000000, 0)), ('b', '<i4')]",
        ] {
            let mut columns = Vec::new();
            Column { name: String::new(), dtype: descr.parse().unwrap(), offset: 0 }.spread(&mut columns);
            assert_eq!(columns.iter().map(|column| &column.name[..]).collect::<Vec<_>>(), ["b"], "{descr}");
        }
    }
}
