//! Each hot path a given number of times, for callgrind to count its instructions: `ci/instructions.sh`.
//!
//! Usage: `hot_paths PATH COUNT`. The difference between two counts is the path's own, without start and end.

use std::hint::black_box;

use ndsharray::Store;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` and `cargo test` start it with words of their own.
    let [path, count] = arguments.as_slice() else { return };
    let Ok(count) = count.parse::<u32>() else { return };
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in /dev/shm");
    let store = Store::open(directory.path()).expect("a store");
    let history = if path.contains("history") { 32 } else { 0 };
    let mut writer = store.writer_options("array").history(history).open().expect("a writer");
    let mut reader = store.reader("array").expect("a reader");
    let data = [7_u8; 64];
    // As it is after a while: all slots are there, and each of them is mapped and read.
    for _ in 0..2 * history + 4 {
        writer.write_slice(&data, &[64]).expect("a write");
        reader.view().expect("a value");
        reader.read_next().expect("no error").expect("a new value");
    }
    // A reader that lags behind.
    for _ in 0..if path.contains("lag") { history - 8 } else { 0 } {
        writer.write_slice(&data, &[64]).expect("a write");
    }
    let write =
        |writer: &mut ndsharray::Writer| writer.write_slice(black_box(&data), &[64]).expect("a write");
    for _ in 0..count {
        match path.as_str() {
            "view" => _ = black_box(reader.view().expect("a value").bytes()[0]),
            "latest" => _ = black_box(reader.latest().expect("a value").bytes()[0]),
            "read-nothing-new" => assert!(reader.read().expect("no error").is_none()),
            "write" | "history-write" => _ = write(&mut writer),
            "history-write-next" | "history-write-lagging-next" => {
                write(&mut writer);
                black_box(reader.read_next().expect("no error").expect("a new value").bytes()[0]);
            }
            "write-view" => {
                write(&mut writer);
                black_box(reader.view().expect("a value").bytes()[0]);
            }
            "write-read" => {
                write(&mut writer);
                black_box(reader.read().expect("no error").expect("a new value").bytes()[0]);
            }
            "loan-publish" => {
                let mut loan = writer.loan::<u8>(&[64]).expect("a loan");
                loan.as_mut_slice()[0] = 1;
                loan.publish().expect("a publish");
            }
            other => panic!("{other:?} is no path"),
        }
    }
}
