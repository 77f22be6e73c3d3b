//! What a value is, in lines with a name: `stat` and `show` say the same.

use ndsharray::{DType, UnixTime};

use crate::table::{json_line, visible};
use crate::units;

/// A name, and what is said of it.
pub type Line = (&'static str, String);

/// The lines as text, below each other.
pub fn text(lines: &[Line]) -> String {
    lines.iter().map(|(name, said)| format!("{name:<10}{}\n", visible(said))).collect()
}

pub fn layout(dtype: &DType, shape: &[usize], nbytes: usize) -> Line {
    let bytes = units::bytes(nbytes as u64);
    ("value", format!("{dtype} of shape {}, {bytes}", units::shape(shape)))
}

/// The times of a value, exact.
pub fn times(written: UnixTime, acquired: Option<UnixTime>, original: Option<UnixTime>) -> Vec<Line> {
    let mut lines = vec![("written", format!("{written} Unix time"))];
    if let Some(time) = acquired {
        lines.push(("acquired", format!("{time} Unix time, {} it was written", apart(time, written))));
    }
    if let Some(time) = original {
        lines.push(("original", format!("written {time} Unix time, where it comes from")));
    }
    lines
}

/// How long a time is from that of writing, such as `32 ms before`.
pub fn apart(time: UnixTime, written: UnixTime) -> String {
    let order = if time <= written { "before" } else { "after" };
    format!("{} {order}", units::age(time.abs_diff(written)))
}

pub fn attributes(json: Option<&str>) -> Option<Line> {
    json.map(|json| ("attrs", json_line(json)))
}
