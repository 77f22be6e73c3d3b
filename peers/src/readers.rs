//! What readers on other cores cost a writer at full speed.

use std::path::Path;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::time::{Duration, Instant};

use crate::child::{self, Child};
use crate::contenders::{self, ALL};
use crate::measure::{Output, Rounds};
use crate::shared::{Words, pin, unpin};

const WINDOW: Duration = Duration::from_millis(25);
const COUNTS: [usize; 4] = [0, 1, 2, 8];

/// The writer has the first core for itself; readers, which take the latest value again and again, share the others.
pub fn throughput(directory: &Path, size: usize, output: &mut Output) {
    let data = vec![7_u8; size];
    pin(0);
    let words = Words::open(&directory.join("words"));
    let mut contenders_ = ALL.map(|contender| {
        let mut writer = contenders::writer(contender, directory, size);
        writer.write(&data);
        let readers: Vec<_> = (0..8).map(|_| Child::start(&["busy", contender], directory)).collect();
        (contender, std::cell::RefCell::new((writer, readers)))
    });
    let mut rounds = Rounds::new("readers", size).unit("writes/s");
    for (contender, parts) in &mut contenders_ {
        for count in COUNTS {
            let (parts, words, data) = (&*parts, &words, &data);
            rounds.add(format!("{contender}, {count} readers"), move || {
                let (writer, readers) = &mut *parts.borrow_mut();
                words.wide(0).store(1, Release);
                let readers = &mut readers[..count];
                readers.iter_mut().for_each(|reader| reader.tell(b'g'));
                // They have started when each has read something.
                while words.wide(1).load(Acquire) < count as u64 {
                    std::thread::yield_now();
                }
                let (start, mut writes) = (Instant::now(), 0_u64);
                while start.elapsed() < WINDOW {
                    for _ in 0..if size > 4096 { 1 } else { 100 } {
                        writer.write(data);
                        writes += 1;
                    }
                }
                let rate = writes as f64 / start.elapsed().as_secs_f64();
                words.wide(0).store(0, Release);
                words.wide(1).store(0, Release);
                readers.iter_mut().for_each(|reader| _ = reader.answer());
                rate
            });
        }
    }
    let number = output.rounds(15);
    rounds.run(number, output);
    unpin();
}

/// A reader in another process: takes values while word 0 is not 0.
pub fn busy(contender: &str, directory: &Path) {
    if !pin(1) {
        unpin();
    }
    let words = Words::open(&directory.join("words"));
    child::serve(|_| {
        // Opened for each turn: a queue's writer also serves readers that are idle.
        let mut reader = contenders::reader(contender, directory);
        let mut taken = 0;
        reader.take();
        words.wide(1).fetch_add(1, AcqRel);
        while words.wide(0).load(Acquire) != 0 {
            taken += u64::from(reader.take().is_some());
        }
        taken
    });
}
