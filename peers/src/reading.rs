//! What a read costs, of a value that stays and of one that is new each time; the writer is another process.

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::child::Child;
use crate::contenders::{self, ICEORYX, IceoryxReader, MMAP_SYNC, MmapSync, OURS, sum};
use crate::measure::{Output, Rounds, clock, each, middle, once};
use crate::shared::{pin, populated, unpin};

/// View, touch, drop of the same value again and again.
pub fn unchanged(directory: &Path, size: usize, output: &mut Output) {
    let text = size.to_string();
    let mut writers =
        [OURS, MMAP_SYNC].map(|contender| Child::start(&["writer", contender, &text], directory));
    writers.iter_mut().for_each(|writer| {
        writer.step(b'w');
    });
    let count = 100_000;
    let reader = contenders::ours_reader(directory);
    let (mut unchecked, mut checked) = (MmapSync::new(directory), MmapSync::new(directory));
    let (kept, number) = (reader.latest().expect("a value"), AtomicU64::new(1));
    let mut rounds = Rounds::new("unchanged", size);
    rounds.add("mmap-sync read, unchecked", || each(count, || _ = black_box(unchecked.read(false))));
    if size <= 64 << 10 {
        rounds.add("mmap-sync read, checked", || each(count / 100, || _ = black_box(checked.read(true))));
    }
    rounds
        .add("ndsharray view", || each(count, || _ = black_box(reader.view().expect("a value").bytes()[0])));
    rounds.add("ndsharray latest", || {
        each(count, || _ = black_box(reader.latest().expect("a value").bytes()[0]))
    });
    // The hot loop that keeps its snapshot, beside the least that tells of a new value.
    rounds
        .add("bare atomic load", || each(count, || assert!(black_box(&number).load(Ordering::Acquire) == 1)));
    rounds.add("ndsharray has_changed", || each(count, || assert!(!black_box(&reader).has_changed(&kept))));
    let count = output.rounds(41);
    rounds.run(count, output);
}

/// The same when each finds a new value, which a writer on another core has just written.
pub fn new(directory: &Path, size: usize, output: &mut Output) {
    let text = size.to_string();
    // One takes the value before the writer writes again: as in lockstep.
    let steps = if size > 10 << 20 { 10 } else { 150 };
    pin(0);
    let start = |contender| Child::start(&["writer", contender, &text, "pin"], directory);
    let mut writers = [OURS, MMAP_SYNC, ICEORYX].map(start);
    for writer in &mut writers {
        writer.step(b'w');
    }
    let [ours, mmap_sync, iceoryx] = &mut writers;
    let (view, latest) = (contenders::ours_reader(directory), contenders::ours_reader(directory));
    let mut read = contenders::ours_reader(directory);
    let (mut theirs, subscriber) = (MmapSync::new(directory), IceoryxReader::new(directory));
    let ours = std::cell::RefCell::new(ours);
    let mut rounds = Rounds::new("new", size);
    rounds.add("ndsharray view", || {
        stepwise(steps, &mut ours.borrow_mut(), || view.view().expect("a value").bytes()[0])
    });
    rounds.add("ndsharray latest", || {
        stepwise(steps, &mut ours.borrow_mut(), || latest.latest().expect("a value").bytes()[0])
    });
    rounds.add("ndsharray read", || {
        stepwise(steps, &mut ours.borrow_mut(), || {
            read.read().expect("no error").expect("a new value").bytes()[0]
        })
    });
    rounds.add("mmap-sync read, unchecked", || stepwise(steps, mmap_sync, || theirs.read(false)));
    rounds
        .add("iceoryx2 receive", || stepwise(steps, iceoryx, || subscriber.receive().expect("a new value")));
    let number = output.rounds(if size > 10 << 20 { 15 } else { 31 });
    rounds.run(number, output);
    unpin();
}

/// The usual time of `take` after each write of another process, less what the clock takes.
#[inline(always)]
fn stepwise(steps: usize, writer: &mut Child, mut take: impl FnMut() -> u8) -> f64 {
    let clock = clock();
    let times = (0..steps).map(|_| {
        writer.step(b'w');
        once(|| _ = black_box(take()))
    });
    middle(times.collect()) - clock
}

/// The other process: writes when it is told to.
pub fn writer(contender: &str, directory: &Path, size: usize, pinned: bool) {
    if pinned {
        pin(1);
    }
    let mut data = vec![7_u8; size];
    let mut writer = contenders::writer(contender, directory, size);
    crate::child::serve(|_| {
        data[0] = data[0].wrapping_add(1);
        writer.write(&data);
        0
    });
}

/// A value is written, then read to its end on another core: a copy that is fast for the writer alone may cost the reader
/// more. Measures what both take together; the limit is memcpy to shared memory, and the same sum over it there.
pub fn through(directory: &Path, size: usize, output: &mut Output) {
    let steps = if size > 10 << 20 { 6 } else { 40 };
    let text = size.to_string();
    pin(0);
    let data = vec![7_u8; size];
    let mut limits = [0, 1].map(|index| populated(&limit(directory, index), size));
    let mut bare = Child::start(&["whole of", BARE, &text], directory);
    let mut rounds = Rounds::new("through", size);
    rounds.add("memcpy, sum", || {
        both(steps, &mut bare, |turn| black_box(&mut limits[turn]).copy_from_slice(black_box(&data)))
    });
    for contender in [OURS, ICEORYX] {
        let mut writer = contenders::writer(contender, directory, size);
        // There has to be something to open.
        writer.write(&data);
        let mut reader = Child::start(&["whole of", contender, &text], directory);
        let data = &data;
        rounds.add(format!("{contender} write, sum"), move || {
            both(steps, &mut reader, |_| writer.write(black_box(data)))
        });
    }
    let number = output.rounds(21);
    rounds.run(number, output);
    unpin();
}

const BARE: &str = "shared memory";

fn limit(directory: &Path, index: usize) -> std::path::PathBuf {
    directory.join(format!("limit{index}"))
}

/// The usual time of a write, and of the other process's read of it, which it measures itself.
fn both(steps: usize, reader: &mut Child, mut write: impl FnMut(usize)) -> f64 {
    let time = |turn| {
        let written = once(|| write(turn % 2));
        written + reader.step(turn as u8 % 2) as f64
    };
    // The first two find memory as the case before left it.
    middle((0..steps + 2).map(time).skip(2).collect())
}

/// The other process: reads all of the latest value when it is told to, and answers how many nanoseconds that took.
pub fn whole(contender: &str, directory: &Path, size: usize) {
    pin(1);
    let mut take: Box<dyn FnMut(u8) -> usize> = if contender == BARE {
        let memory = [0, 1].map(|index| populated(&limit(directory, index), size));
        Box::new(move |turn| sum(&memory[usize::from(turn)]))
    } else {
        let mut reader = contenders::reader(contender, directory);
        Box::new(move |_| reader.take_whole())
    };
    crate::child::serve(|turn| once(|| _ = black_box(take(turn))) as u64);
}
