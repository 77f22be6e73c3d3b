//! What a write costs: small, large with sources of any alignment, and in place.

use std::hint::black_box;
use std::path::Path;

use crate::child::Child;
use crate::contenders::{self, ICEORYX, IceoryxWriter, MMAP_SYNC, MmapSync, OURS, archive};
use crate::measure::{Output, Rounds, each};
use crate::shared::populated;

/// Writes of 64 bytes, alone and beside a reader of each in another process that has read once and holds nothing.
pub fn small(directory: &Path, output: &mut Output) {
    for topic in ["write alone", "write, one idle reader"] {
        let inner = tempfile::tempdir_in(directory).expect("a directory");
        let directory = inner.path();
        let data = [7_u8; 64];
        let mut writer = contenders::ours_writer(directory);
        let (mut theirs, serialized) = (MmapSync::new(directory), archive(&data));
        let iceoryx = IceoryxWriter::new(directory, data.len());
        writer.write_slice(&data, &[data.len()]).expect("a write");
        theirs.write_raw(&serialized);
        let idle = topic != "write alone";
        let readers = [OURS, MMAP_SYNC, ICEORYX].map(|contender| {
            idle.then(|| {
                let mut child = Child::start(&["reader", contender], directory);
                child.step(b'r');
                child
            })
        });
        let mut warm = populated(&directory.join("limit"), 4096);
        let count = 10_000;
        let mut rounds = Rounds::new(topic, data.len());
        rounds.add("memcpy", || each(count, || black_box(&mut warm)[..64].copy_from_slice(black_box(&data))));
        rounds.add("ndsharray write_slice", || {
            each(count, || _ = writer.write_slice(black_box(&data), &[data.len()]).expect("a write"))
        });
        rounds.add("mmap-sync write_raw", || each(count, || theirs.write_raw(black_box(&serialized))));
        rounds.add("iceoryx2 loan, copy, send", || each(count, || iceoryx.send(black_box(&data))));
        let number = output.rounds(61);
        rounds.run(number, output);
        drop(readers);
        contenders::sweep(directory);
    }
}

/// How far a source is from a 64-byte boundary.
const OFFSETS: [usize; 4] = [0, 1, 8, 32];

/// Writes that a copy bounds. Each turn is long and starts with a few writes that do not count, so that its memory
/// is as warm as a stream's. The limit has two targets in turn, as a stream has: the last value stays whole meanwhile.
pub fn large(directory: &Path, size: usize, output: &mut Output) {
    let count = (48 << 20) / size;
    let count = count.clamp(if size < GIANT { 4 } else { 2 }, 400) & !1;
    let memory = vec![7_u8; size + 128];
    let start = memory.as_ptr().align_offset(64);
    let mut writer = contenders::ours_writer(directory);
    if size == GIANT {
        return giant(directory, &memory[start..][..size], count, &mut writer, output);
    }
    let (mut theirs, serialized) = (MmapSync::new(directory), archive(&memory[..size]));
    let iceoryx = IceoryxWriter::new(directory, size);
    // Without one it keeps no value, and fills one buffer again and again.
    let mut subscriber = Child::start(&["reader", ICEORYX], directory);
    subscriber.step(b'r');
    let path = |index: usize| directory.join(format!("limit{size}_{index}"));
    let mut targets = [0, 1].map(|index| populated(&path(index), size));
    let targets = std::cell::RefCell::new(&mut targets);
    let writer = std::cell::RefCell::new(&mut writer);
    let mut rounds = Rounds::new("large write", size);
    for offset in OFFSETS {
        let source = &memory[start + offset..][..size];
        let targets = &targets;
        rounds.add(format!("memcpy, source + {offset}"), move || {
            let mut targets = targets.borrow_mut();
            warm(count, |turn| black_box(&mut targets[turn % 2]).copy_from_slice(black_box(source)))
        });
        let writer = &writer;
        rounds.add(format!("ndsharray write_slice, source + {offset}"), move || {
            let mut writer = writer.borrow_mut();
            warm(count, |_| _ = writer.write_slice(black_box(source), &[size]).expect("a write"))
        });
    }
    let source = &memory[start..][..size];
    // What every publish needs beside the copy: a locked instruction, which waits until all stores before it are done.
    rounds.add("memcpy and a fence, source + 0", || {
        let mut targets = targets.borrow_mut();
        warm(count, |turn| {
            black_box(&mut targets[turn % 2]).copy_from_slice(black_box(source));
            std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        })
    });
    rounds.add("mmap-sync write_raw", || warm(count, |_| theirs.write_raw(black_box(&serialized))));
    rounds.add("iceoryx2 loan, copy, send", || warm(count, |_| iceoryx.send(black_box(source))));
    let number = output.rounds(if size > 10 << 20 { 15 } else { 31 });
    rounds.run(number, output);
}

/// So large that two of each contender's would not fit the memory of a small machine: only the limit beside ours.
const GIANT: usize = 1 << 30;

fn giant(directory: &Path, source: &[u8], count: usize, writer: &mut ndsharray::Writer, output: &mut Output) {
    let size = source.len();
    let mut targets = [0, 1].map(|index| populated(&directory.join(format!("limit{size}_{index}")), size));
    let mut rounds = Rounds::new("large write", size);
    rounds.add("memcpy, source + 0", || {
        warm(count, |turn| black_box(&mut targets[turn % 2]).copy_from_slice(black_box(source)))
    });
    rounds.add("ndsharray write_slice, source + 0", || {
        warm(count, |_| _ = writer.write_slice(black_box(source), &[size]).expect("a write"))
    });
    rounds.run(output.rounds(9), output);
}

fn warm(count: usize, mut call: impl FnMut(usize)) -> f64 {
    call(0);
    call(1);
    let mut turn = 0;
    each(count, || {
        call(turn);
        turn += 1;
    })
}

/// A loan and its publishing, with one byte written: what is left is independent of the size.
pub fn loan(directory: &Path, size: usize, output: &mut Output) {
    let count = 2_000;
    let mut writer = contenders::ours_writer(directory);
    let iceoryx = IceoryxWriter::new(directory, size);
    let mut rounds = Rounds::new("loan", size);
    rounds.add("ndsharray loan, publish", || {
        each(count, || {
            let mut loan = writer.loan::<u8>(&[size]).expect("a loan");
            loan.as_mut_slice()[0] = 1;
            loan.publish().expect("a publish");
        })
    });
    rounds.add("iceoryx2 loan, send", || {
        each(count, || {
            let mut loan = iceoryx.publisher.loan_slice_uninit(size).expect("a loan");
            loan.payload_mut()[0].write(1);
            // SAFETY: the memory is of a shared mapping, whose bytes are all initialised: zero, or an earlier value's.
            unsafe { loan.assume_init() }.send().expect("a send");
        })
    });
    let number = output.rounds(31);
    rounds.run(number, output);
}

/// The other process: takes a value when it is told to.
pub fn reader(contender: &str, directory: &Path) {
    let mut reader = contenders::reader(contender, directory);
    crate::child::serve(|_| reader.take().map_or(0, u64::from));
}
