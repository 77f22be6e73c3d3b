//! How long after it was published a value is in the hands of a reader in another process, asleep or spinning.

use std::path::Path;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::time::{Duration, Instant};

use iceoryx2::prelude::*;

use crate::child::{self, Child};
use crate::contenders::{self, ICEORYX, IceoryxReader, IceoryxWriter, OURS};
use crate::measure::{Output, Rounds, median, now};
use crate::shared::{Words, futex_wait, futex_wake, pin, unpin};

const LIMIT: &str = "limit";
/// Longer than any reader spins before it sleeps.
const ASLEEP: Duration = Duration::from_micros(400);
const SPINNING: Duration = Duration::from_micros(15);

/// Payloads are the times at which they were published. The reader keeps the delays, and tells their median.
pub fn one_way(directory: &Path, output: &mut Output) {
    for (topic, gap, steps) in [("wake", ASLEEP, 200), ("spin", SPINNING, 2000)] {
        let inner = tempfile::tempdir_in(directory).expect("a directory");
        let directory = inner.path();
        let cores = pin(0);
        let words = Words::open(&directory.join("words"));
        let mut writer = contenders::ours_writer(directory);
        writer.write_slice(&[0_u64; 8], &[8]).expect("a write");
        let iceoryx = IceoryxWriter::new(directory, 64);
        let events = Events::new(directory);
        let notifier = events.service.notifier_builder().create().expect("a notifier");
        let start = |contender| Child::start(&[topic, contender], directory);
        let [mut limit, mut ours, mut theirs] = [LIMIT, OURS, ICEORYX].map(start);
        let mut rounds = Rounds::new(topic, 64);
        rounds.add(if topic == "wake" { "bare futex" } else { "bare shared word" }, || {
            run(&mut limit, steps, gap, || {
                words.wide(1).store(now(), Release);
                if topic == "wake" {
                    words.futex(0).fetch_add(1, SeqCst);
                    futex_wake(words.futex(0));
                }
            })
        });
        rounds.add(if topic == "wake" { "ndsharray wait" } else { "ndsharray read" }, || {
            run(&mut ours, steps, gap, || {
                let mut loan = writer.loan::<u64>(&[8]).expect("a loan");
                loan.as_mut_slice()[0] = now();
                loan.publish().expect("a publish");
            })
        });
        rounds.add(if topic == "wake" { "iceoryx2 listener, receive" } else { "iceoryx2 receive" }, || {
            run(&mut theirs, steps, gap, || {
                let loan = iceoryx.publisher.loan_slice_uninit(8).expect("a loan");
                loan.write_from_slice(&now().to_ne_bytes()).send().expect("a send");
                if topic == "wake" {
                    notifier.notify().expect("a listener");
                }
            })
        });
        let number = if cores { output.rounds(21) } else { 3 };
        rounds.run(number, output);
        drop((limit, ours, theirs));
        contenders::sweep(directory);
        unpin();
    }
}

/// Starts the reader, publishes `steps` times, and returns the median that the reader saw.
fn run(reader: &mut Child, steps: usize, gap: Duration, mut publish: impl FnMut()) -> f64 {
    reader.tell(b'g');
    for _ in 0..steps {
        // The publisher spins: its own waking up is not what is measured.
        let start = Instant::now();
        while start.elapsed() < gap {
            std::hint::spin_loop();
        }
        publish();
    }
    reader.answer() as f64
}

/// A turn of a reader lasts until nothing has come for so long.
const SILENCE: Duration = Duration::from_millis(20);

/// The reader in the other process.
pub fn reader(topic: &str, contender: &str, directory: &Path) {
    pin(1);
    let words = Words::open(&directory.join("words"));
    match (topic, contender) {
        ("wake", LIMIT) => serve(|| {
            let word = words.futex(0);
            let before = word.load(Acquire);
            futex_wait(word, before, SILENCE);
            (word.load(Acquire) != before).then(|| words.wide(1).load(Acquire))
        }),
        ("spin", LIMIT) => {
            let mut before = words.wide(1).load(Relaxed);
            serve(|| {
                let found = spin(|| Some(words.wide(1).load(Acquire)).filter(|&time| time != before));
                before = found.unwrap_or(before);
                found
            });
        }
        ("wake", OURS) => {
            let mut reader = contenders::ours_reader(directory);
            serve(|| reader.wait(SILENCE).expect("no error").map(|value| time(value.bytes())));
        }
        ("spin", OURS) => {
            let mut reader = contenders::ours_reader(directory);
            serve(|| spin(|| reader.read().expect("no error").map(|value| time(value.bytes()))));
        }
        ("wake", ICEORYX) => {
            let reader = IceoryxReader::new(directory);
            let events = Events::new(directory);
            let listener = events.service.listener_builder().create().expect("a listener");
            serve(|| {
                listener.timed_wait(|_| {}, SILENCE).expect("no error");
                let sample = reader.subscriber.receive().expect("no error");
                sample.map(|sample| time(sample.payload()))
            });
        }
        ("spin", ICEORYX) => {
            let reader = IceoryxReader::new(directory);
            serve(|| {
                spin(|| {
                    let sample = reader.subscriber.receive().expect("no error");
                    sample.map(|sample| time(sample.payload()))
                })
            });
        }
        other => panic!("{other:?} is no reader"),
    }
}

fn time(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes[..8].try_into().expect("8 bytes"))
}

/// Asks again and again, with a look at the clock now and then.
fn spin(mut ask: impl FnMut() -> Option<u64>) -> Option<u64> {
    let start = Instant::now();
    loop {
        for _ in 0..1000 {
            if let Some(found) = ask() {
                return Some(found);
            }
        }
        if start.elapsed() > SILENCE {
            return None;
        }
    }
}

/// Takes until there is silence; the answer is the median delay.
fn serve(mut take: impl FnMut() -> Option<u64>) {
    child::serve(|_| {
        let mut delays = Vec::new();
        let start = Instant::now();
        loop {
            match take() {
                Some(published) => delays.push(now().saturating_sub(published) as f64),
                None if !delays.is_empty() || start.elapsed() > Duration::from_secs(5) => break,
                None => {}
            }
        }
        // The first was under way while the reader started.
        median(delays.split_off(1.min(delays.len()))) as u64
    });
}

/// iceoryx2's way to wake a subscriber: an event service beside the one that has the data.
struct Events {
    service: iceoryx2::service::port_factory::event::PortFactory<ipc::Service>,
    _node: Node<ipc::Service>,
}

impl Events {
    fn new(directory: &Path) -> Self {
        let node = contenders::node(directory);
        let service = node.service_builder(&"bell".try_into().expect("a name")).event();
        Events { service: service.open_or_create().expect("a service"), _node: node }
    }
}
