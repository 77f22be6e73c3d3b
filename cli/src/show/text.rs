//! An array as numpy prints it: rows in brackets, and of a large one the ends of each axis only.

use ndsharray::DType;
use ndsharray::ndarray::{ArrayViewD, Axis};
use unicode_width::UnicodeWidthStr;

use super::cell;

/// An array of more elements is abbreviated.
const MOST: usize = 1000;
/// So wide is a line, unless one element is wider.
const WIDTH: usize = 75;

/// The text of an array whose last axis is the bytes of one element.
pub fn text(dtype: &DType, array: &ArrayViewD<'_, u8>) -> String {
    let shape = &array.shape()[..array.ndim() - 1];
    if shape.contains(&0) {
        return "[]\n".to_owned();
    }
    let edge = edge(shape);
    let mut cells = Vec::new();
    collect(dtype, array, edge, &mut cells);
    let is_record = !dtype.fields().is_empty();
    let width = cells.iter().map(|cell| cell.width()).max().filter(|_| !is_record).unwrap_or(0);
    for cell in &mut cells {
        let space = " ".repeat(width.saturating_sub(cell.width()));
        *cell = if cell::is_number(dtype) { space + cell } else { cell.to_owned() + &space };
    }
    let mut text = String::new();
    // A record has a line of its own.
    let line = if is_record { 0 } else { WIDTH };
    write(array, (edge, line), 1, &mut cells.into_iter(), &mut text);
    text + "\n"
}

/// How many elements are shown at each end of each axis; `None`: all of them.
fn edge(shape: &[usize]) -> Option<usize> {
    let count =
        |edge: usize| shape.iter().map(|&axis| axis.min(2 * edge)).try_fold(1_usize, usize::checked_mul);
    let all = shape.iter().copied().try_fold(1_usize, usize::checked_mul);
    if all.is_some_and(|all| all <= MOST) {
        return None;
    }
    Some([3, 2].into_iter().find(|&edge| count(edge).is_some_and(|count| count <= MOST)).unwrap_or(1))
}

/// The positions of an axis that are shown; `None` stands for those that are not.
fn shown(length: usize, edge: Option<usize>) -> impl Iterator<Item = Option<usize>> {
    let (start, end) = match edge {
        Some(edge) if length > 2 * edge => (edge, length - edge),
        _ => (length, length),
    };
    (0..start).map(Some).chain((start < end).then_some(None)).chain((end..length).map(Some))
}

fn collect(dtype: &DType, array: &ArrayViewD<'_, u8>, edge: Option<usize>, cells: &mut Vec<String>) {
    if array.ndim() == 1 {
        cells.push(cell::brief(dtype, &array.iter().copied().collect::<Vec<u8>>()));
        return;
    }
    for at in shown(array.len_of(Axis(0)), edge).flatten() {
        collect(dtype, &array.index_axis(Axis(0), at).into_dyn(), edge, cells);
    }
}

fn write(
    array: &ArrayViewD<'_, u8>,
    (edge, line): (Option<usize>, usize),
    depth: usize,
    cells: &mut impl Iterator<Item = String>,
    text: &mut String,
) {
    let axes = array.ndim() - 1;
    if axes == 0 {
        *text += &cells.next().unwrap_or_default();
        return;
    }
    text.push('[');
    for (n, at) in shown(array.len_of(Axis(0)), edge).enumerate() {
        let mut part = String::new();
        match at {
            Some(at) => {
                write(&array.index_axis(Axis(0), at).into_dyn(), (edge, line), depth + 1, cells, &mut part)
            }
            None => part += "...",
        }
        let last = text.rsplit('\n').next().unwrap_or_default();
        // The bracket at the end needs room, too.
        if axes == 1 && (n == 0 || last.width() + part.width() + 2 <= line) {
            *text += if n == 0 { "" } else { " " };
        } else if n > 0 {
            text.truncate(text.trim_end_matches(' ').len());
            *text += &"\n".repeat(1.max(axes - 1));
            *text += &" ".repeat(depth);
        }
        *text += &part;
    }
    text.push(']');
}

#[cfg(test)]
mod tests {
    use super::super::select::elements;
    use super::*;

    fn numbers(shape: &[usize]) -> String {
        let bytes: Vec<u8> = (0..shape.iter().product::<usize>() as u16).flat_map(u16::to_ne_bytes).collect();
        text(&DType::UInt16, &elements(&bytes, shape, 2).unwrap())
    }

    /// All of these are numpy's own.
    #[test]
    fn small_arrays_are_whole() {
        assert_eq!(numbers(&[]), "0\n");
        assert_eq!(numbers(&[0, 3]), "[]\n");
        assert_eq!(numbers(&[3]), "[0 1 2]\n");
        assert_eq!(numbers(&[2, 6]), "[[ 0  1  2  3  4  5]\n [ 6  7  8  9 10 11]]\n");
        assert_eq!(numbers(&[2, 1, 2]), "[[[0 1]]\n\n [[2 3]]]\n");
        let lines =
            "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n 24 25 26 27 28 29]\n";
        assert_eq!(numbers(&[30]), lines);
    }

    #[test]
    fn large_arrays_are_abbreviated() {
        assert_eq!(numbers(&[1001]), "[   0    1    2 ...  998  999 1000]\n");
        let text = numbers(&[50, 50]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "[[   0    1    2 ...   47   48   49]");
        assert_eq!((lines[3], lines.len()), (" ...", 7));
        assert_eq!(lines[6], " [2450 2451 2452 ... 2497 2498 2499]]");
        assert_eq!(
            numbers(&[7, 7, 7, 7]).split_whitespace().filter(|word| word.contains(char::is_numeric)).count(),
            256
        );
    }

    #[test]
    fn text_is_aligned_to_the_left() {
        let dtype = DType::custom("bytes24", 3, "|S3").unwrap();
        assert_eq!(text(&dtype, &elements(b"a\0\0bcd", &[2], 3).unwrap()), "[b'a'   b'bcd']\n");
        let long: Vec<u8> = [b'x'; 400].to_vec();
        let dtype = DType::custom("bytes800", 100, "|S100").unwrap();
        assert_eq!(text(&dtype, &elements(&long, &[4], 100).unwrap()).lines().count(), 4);
    }
}
