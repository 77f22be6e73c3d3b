//! A value as CSV: a line for each row, with all digits of its numbers.

use std::io::{self, Write};

use ndsharray::DType;
use ndsharray::ndarray::{ArrayViewD, Axis};

use super::cell::{self, Digits};
use crate::failure::{Failure, Result};
use crate::table::visible;
use crate::units;

/// Refuses an array that is no table.
pub fn check(shape: &[usize]) -> Result<()> {
    if shape.len() <= 2 {
        return Ok(());
    }
    let text = format!(
        "an array of shape {} is no table: pick a part with one or two axes, such as --index 0{}",
        units::shape(shape),
        ",0".repeat(shape.len() - 3)
    );
    Err(Failure::bad(text))
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
    let cell = |element: ArrayViewD<'_, u8>| {
        let text = cell::text(dtype, &element.iter().copied().collect::<Vec<u8>>(), Digits::All);
        if terminal { visible(&text) } else { text }
    };
    match array.ndim() - 1 {
        0 => out.write_record([cell(array.view())])?,
        1 => {
            for element in array.axis_iter(Axis(0)) {
                out.write_record([cell(element)])?;
            }
        }
        _ => {
            for row in array.axis_iter(Axis(0)) {
                out.write_record(row.axis_iter(Axis(0)).map(cell))?;
            }
        }
    }
    Ok(out.flush()?)
}
