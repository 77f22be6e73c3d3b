//! What a history costs its writer, and what a reader of every value pays for each, beside a queue.

use std::hint::black_box;
use std::path::Path;

use crate::child::Child;
use crate::contenders::{
    self, HISTORY, ICEORYX_QUEUE, IceoryxReader, OURS, OURS_HISTORY, QUEUED, ours_history_writer,
};
use crate::measure::{Output, Rounds, clock, each, middle, once};
use crate::shared::{pin, populated, unpin};

/// Writes with a history and without, and the limit: memcpy to as many targets in turn as each has slots.
pub fn write(directory: &Path, size: usize, output: &mut Output) {
    let count = ((256 << 20) / size).clamp(2 * HISTORY, 10_000);
    let data = vec![7_u8; size];
    let within = |name: &str| {
        let inner = directory.join(name);
        std::fs::create_dir(&inner).expect("a directory");
        inner
    };
    let mut plain = contenders::ours_writer(&within("plain"));
    let mut history = ours_history_writer(&within("history"));
    let mut targets: Vec<_> =
        (0..=HISTORY).map(|index| populated(&directory.join(format!("limit{index}")), size)).collect();
    let targets = std::cell::RefCell::new(&mut targets);
    let data = &data[..];
    let mut rounds = Rounds::new("history write", size);
    for slots in [2, HISTORY + 1] {
        let (targets, mut turn) = (&targets, 0);
        rounds.add(format!("memcpy, {slots} targets"), move || {
            let mut targets = targets.borrow_mut();
            each(count, || {
                turn = (turn + 1) % slots;
                black_box(&mut targets[turn]).copy_from_slice(black_box(data));
            })
        });
    }
    rounds.add("ndsharray write_slice", move || {
        each(count, || _ = plain.write_slice(black_box(data), &[size]).expect("a write"))
    });
    rounds.add("ndsharray write_slice, history 32", move || {
        each(count, || _ = history.write_slice(black_box(data), &[size]).expect("a write"))
    });
    let number = output.rounds(31);
    rounds.run(number, output);
}

/// Each of 16 values that another process has written, taken in their order; and the latest, after each write.
pub fn next(directory: &Path, size: usize, output: &mut Output) {
    let text = size.to_string();
    pin(0);
    let start = |contender| Child::start(&["writer", contender, &text, "pin"], directory);
    let mut writers = [OURS, OURS_HISTORY, ICEORYX_QUEUE].map(start);
    for writer in &mut writers {
        writer.step(b'w');
    }
    let [ours, history, queue] = &mut writers;
    let mut latest = contenders::ours_reader(directory);
    let mut every = contenders::ours_history_reader(directory);
    let subscriber = IceoryxReader::queue(directory);
    latest.read().expect("no error");
    every.read().expect("no error");
    let mut rounds = Rounds::new("every value", size);
    rounds.add("ndsharray read", || {
        batches(1, ours, || latest.read().expect("no error").expect("a new value").bytes()[0])
    });
    rounds.add("ndsharray read_next", || {
        batches(QUEUED, history, || every.read_next().expect("no error").expect("a new value").bytes()[0])
    });
    rounds.add("iceoryx2 receive", || batches(QUEUED, queue, || subscriber.receive().expect("a new value")));
    let number = output.rounds(31);
    rounds.run(number, output);
    unpin();
}

/// The usual time of `take`, when so many values wait for it, less what the clock takes.
fn batches(waiting: usize, writer: &mut Child, mut take: impl FnMut() -> u8) -> f64 {
    let clock = clock();
    let mut times = Vec::new();
    while times.len() < 160 {
        for _ in 0..waiting {
            writer.step(b'w');
        }
        times.extend((0..waiting).map(|_| once(|| _ = black_box(take()))));
    }
    middle(times) - clock
}
