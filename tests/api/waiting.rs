//! How soon readers notice what happens to their tag, and waits that have nothing to wait for.

use std::time::Duration;

use ndsharray::Reader;

use crate::common::sandbox::{files, store};

/// Found by removing files again and again. Nobody notifies a reader that waits on a retired header. It looked for the
/// tag every 100 ms, and for minutes it did not find one that was removed again each time.
#[test]
fn a_tag_that_is_there_for_moments_is_found() {
    const ROUNDS: usize = 100;
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[0_u64], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    let end = std::sync::atomic::AtomicBool::new(false);
    let found = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut found = 0;
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                found += usize::from(reader.wait(Duration::from_millis(500)).unwrap().is_some());
            }
            found
        });
        for round in 0..ROUNDS {
            store.remove("a").unwrap();
            std::thread::sleep(Duration::from_millis(20));
            store.writer("a").unwrap().write_slice(&[round as u64], &[1]).unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
        end.store(true, std::sync::atomic::Ordering::Relaxed);
        waiting.join().unwrap()
    });
    // One in thirty would be chance; on a quiet machine it is nearly all.
    assert!(found > ROUNDS / 10, "{found} of {ROUNDS}");
}

/// Found by review: a reader that asked every 90 ms looked at the clock only at every 32nd call.
#[test]
fn a_slow_poller_follows_within_a_few_calls() {
    let (dir, store) = store();
    let mut one = store.writer("a").unwrap();
    one.write_slice(&[1_u64], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    let poll = || {
        std::thread::sleep(Duration::from_millis(40));
        reader.view().unwrap().as_slice::<u64>().unwrap()[0]
    };
    for _ in 0..40 {
        assert_eq!(poll(), 1);
        // And it keeps nothing from one call to the next.
        assert_eq!(store.stat("a").unwrap().value.unwrap().slots.pinned, 0);
    }
    drop(one);
    files(dir.path()).iter().for_each(|name| std::fs::remove_file(dir.path().join(name)).unwrap());
    store.writer("a").unwrap().write_slice(&[2_u64], &[1]).unwrap();
    let calls = (1..100).find(|_| poll() == 2).expect("it does not follow");
    assert!(calls <= 8, "{calls} calls");
}

#[test]
fn waiting_for_nobody_ends() {
    let none: &mut [&mut Reader] = &mut [];
    let (done, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(ndsharray::wait_any(&mut [], None).unwrap()));
    assert_eq!(end.recv_timeout(Duration::from_secs(20)).expect("wait_any spins for ever"), None);
    assert_eq!(ndsharray::wait_any(none, Duration::ZERO).unwrap(), None);
}

/// How often this thread went to sleep so far.
fn sleeps() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// As many as the kernel can wait for in one call.
#[test]
fn a_wait_for_128_readers_sleeps_until_it_is_woken() {
    let (_dir, store) = store();
    let mut readers: Vec<Reader> = Vec::new();
    for number in 0..128 {
        let tag = format!("t{number}");
        drop(store.writer(&tag).unwrap());
        readers.push(store.reader(&tag).unwrap());
    }
    let mut all: Vec<&mut Reader> = readers.iter_mut().collect();
    let before = sleeps();
    assert_eq!(ndsharray::wait_any(&mut all, Duration::from_secs(1)).unwrap(), None);
    // 10, and what a busy machine adds; in slices of 2 ms it would be 500.
    assert!(sleeps() - before < 250, "{}", sleeps() - before);
}
