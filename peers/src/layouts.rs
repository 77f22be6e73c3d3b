//! What a change of layout costs: one that fits the memory there is, and one that needs more.

use std::hint::black_box;
use std::path::Path;

use crate::contenders;
use crate::measure::{Output, Rounds, each, once};
use crate::shared::populated;

/// Another shape at each write, beside writes of the same shape.
pub fn fits(directory: &Path, size: usize, output: &mut Output) {
    let data = vec![7_u8; size];
    let shapes: [&[usize]; 2] = [&[size], &[size / 64, 64]];
    let count = ((48 << 20) / size).clamp(4, 200) & !1;
    let mut plain = contenders::ours_writer(directory);
    let store = ndsharray::Store::open(directory).expect("a store");
    let mut changing = store.writer("changing").expect("a writer");
    let mut turn = 0;
    let mut rounds = Rounds::new("layout fits", size);
    rounds.add("plain write", || {
        warm(count, || _ = plain.write_slice(black_box(&data), &[size]).expect("a write"))
    });
    rounds.add("another layout", || {
        warm(count, || {
            turn += 1;
            changing.write_slice(black_box(&data), shapes[turn % 2]).expect("a write");
        })
    });
    let number = output.rounds(if size < 1 << 30 { 31 } else { 5 });
    rounds.run(number, output);
}

/// The first two calls of a turn do not count: the memory is to be as warm as a stream's.
fn warm(count: usize, mut call: impl FnMut()) -> f64 {
    call();
    call();
    each(count, call)
}

/// The first large value after a small one, beside a new file that is allocated, mapped, populated and copied into.
pub fn grows(directory: &Path, size: usize, output: &mut Output) {
    let data = vec![7_u8; size];
    let path = directory.join("limit");
    let store = ndsharray::Store::open(directory).expect("a store");
    let mut rounds = Rounds::new("layout grows", size);
    rounds.add("allocate, populate, copy", || {
        let mut made = None;
        let time = once(|| {
            let mut map = populated(&path, size);
            map.copy_from_slice(black_box(&data));
            made = Some(map);
        });
        drop(made);
        std::fs::remove_file(&path).expect("the file to be there");
        time
    });
    rounds.add("ndsharray write_slice", || {
        let mut writer = store.writer_options("growing").ephemeral(true).open().expect("a writer");
        writer.write_slice(&[1_u8; 64], &[64]).expect("a write");
        once(|| _ = writer.write_slice(black_box(&data), &[size]).expect("a write"))
    });
    let number = output.rounds(if size < 1 << 30 { 41 } else { 7 });
    rounds.run(number, output);
}
