//! History: the last values in order, the one nearest to a time, and what ends it.

use std::time::Duration;

use ndsharray::{Meta, Reader, Store, UnixTime};

use crate::common::sandbox::{files, store};

fn number(reader: &mut Reader) -> Option<u64> {
    reader.read_next().unwrap().map(|value| value.as_slice::<u64>().unwrap()[0])
}

fn numbers(reader: &mut Reader) -> Vec<u64> {
    std::iter::from_fn(|| number(reader)).collect()
}

/// A reader that stalls while fewer values are written than the history has loses none.
#[test]
fn a_short_stall_loses_nothing_and_a_long_one_is_counted_exactly() {
    let (_dir, store) = store();
    for history in [1, 2, 5, 20, 248_u64] {
        let tag = format!("a{history}");
        let mut writer = store.writer_options(&tag).history(history as usize).open().unwrap();
        let mut reader = store.reader(&tag).unwrap();
        let mut written = 0;
        let mut write = |count: u64| {
            for _ in 0..count {
                writer.write_slice(&[written; 100], &[100]).unwrap();
                written += 1;
            }
            written
        };
        write(1);
        assert_eq!(numbers(&mut reader), [0]);
        let mut next = 1;
        for stall in (0..history).chain([history / 2; 40]) {
            let end = write(stall);
            assert_eq!(
                numbers(&mut reader),
                (next..end).collect::<Vec<_>>(),
                "a stall of {stall} of {history}"
            );
            next = end;
        }
        assert_eq!(reader.missed(), 0);
        // One slot more than the history may have an old value still.
        let end = write(3 * history + 7);
        let found = numbers(&mut reader);
        assert!(found.len() as u64 >= history, "{found:?}");
        assert_eq!(found, (end - found.len() as u64..end).collect::<Vec<_>>());
        assert_eq!(reader.missed(), end - next - found.len() as u64);
    }
}

#[test]
fn a_first_read_has_the_oldest_value_and_the_latest_passes_over_the_rest() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").history(10).open().unwrap();
    let mut reader = store.reader("a").unwrap();
    assert_eq!(number(&mut reader), None, "nothing is written yet");
    for i in 0..30_u64 {
        writer.write_slice(&[i], &[1]).unwrap();
    }
    assert_eq!(number(&mut reader), Some(19), "ten, and the one before in the slot to be written next");
    assert_eq!(reader.missed(), 0, "what was there before it came is not missed");
    assert_eq!(number(&mut reader), Some(20));
    assert_eq!(reader.read().unwrap().unwrap().version(), 30);
    assert_eq!((reader.missed(), number(&mut reader)), (8, None));
    assert_eq!(reader.latest().unwrap().version(), 30);
    let clone = &mut reader.clone();
    writer.write_slice(&[30_u64], &[1]).unwrap();
    assert_eq!((number(clone), number(&mut reader)), (Some(30), Some(30)));
}

/// Values keep their layouts, each its own, also those before a change.
#[test]
fn layouts_change_within_a_history() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").history(12).capacity(4000).open().unwrap();
    let mut reader = store.reader("a").unwrap();
    for i in 0..12_usize {
        let meta = Meta::new().user_data(vec![i as u8; i]).unwrap();
        match i % 3 {
            0 => writer.write_slice_with(&vec![i as f32; i + 1], &[i + 1], &meta),
            1 => writer.write_slice_with(&vec![i as u8; 2 * i], &[2, i], &meta),
            _ => writer.write_slice_with(&[i as u8; 4], &[2, 2], &meta),
        }
        .unwrap();
    }
    for i in 0..12_usize {
        let value = reader.read_next().unwrap().unwrap();
        let (dtype, shape) = match i % 3 {
            0 => ("float32", vec![i + 1]),
            1 => ("uint8", vec![2, i]),
            _ => ("uint8", vec![2, 2]),
        };
        assert_eq!((value.dtype().name(), value.shape()), (dtype, &shape[..]), "value {i}");
        assert_eq!(value.user_data(), vec![i as u8; i]);
        match i % 3 {
            0 => assert_eq!(value.as_slice::<f32>().unwrap(), vec![i as f32; i + 1]),
            _ => assert!(value.bytes().iter().all(|&byte| byte == i as u8)),
        }
    }
    assert_eq!(reader.missed(), 0);
}

/// What readers hold takes spare slots first, then the oldest of the history; the writer goes on.
#[test]
fn held_values_take_the_oldest_of_the_history() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").history(6).open().unwrap();
    let mut write = |i: u64| writer.write_slice(&[i; 100], &[100]).map(|_| writer.data_file()).unwrap();
    let name = write(0);
    let mut readers: Vec<Reader> = (0..3).map(|_| store.reader("a").unwrap()).collect();
    let mut held = Vec::new();
    for i in 1..100_u64 {
        for reader in &mut readers {
            held.extend(reader.read_next().unwrap());
        }
        assert_eq!(write(i), name, "the same file");
        held.iter()
            .for_each(|value| assert_eq!(value.as_slice::<u64>().unwrap(), [value.version() - 1; 100]));
    }
    assert_eq!(numbers(&mut store.reader("a").unwrap()), (93..100).collect::<Vec<_>>());
}

/// The end of a history: a value that needs more room, a takeover, files that somebody removed. A writer that just closes
/// does not end it, and the next one goes on.
#[test]
fn what_ends_a_history() {
    let (dir, store) = store();
    let open = |history| store.writer_options("a").history(history).open().unwrap();
    let mut writer = open(10);
    let mut reader = store.reader("a").unwrap();
    let write = |writer: &mut ndsharray::Writer, i: u64| writer.write_slice(&[i], &[1]).unwrap();
    (0..5).for_each(|i| _ = write(&mut writer, i));
    drop(writer);
    let mut writer = open(10);
    (5..8).for_each(|i| _ = write(&mut writer, i));
    assert_eq!(numbers(&mut reader), (0..8).collect::<Vec<_>>(), "the history of two writers");

    writer.write_slice(&vec![8_u64; 100_000], &[100_000]).unwrap();
    (9..12).for_each(|i| _ = write(&mut writer, i));
    assert_eq!(numbers(&mut store.reader("a").unwrap()), [8, 9, 10, 11], "in a larger file");
    for i in 12..40 {
        write(&mut writer, i);
    }
    assert_eq!(store.stat("a").unwrap().value.unwrap().slots.capacity, 802_816, "small values do not end it");
    assert_eq!(numbers(&mut reader), (29..40).collect::<Vec<_>>());
    assert_eq!(reader.missed(), 21);

    let mut taker = store.writer_options("a").history(10).takeover(true).open().unwrap();
    (40..42).for_each(|i| _ = write(&mut taker, i));
    assert_eq!(numbers(&mut store.reader("a").unwrap()), [39, 40, 41], "the last value comes along");
    assert_eq!(numbers(&mut reader), [40, 41]);
    drop(taker);

    let mut writer = open(20);
    write(&mut writer, 42);
    assert_eq!(numbers(&mut store.reader("a").unwrap()), [42], "there was no room for so much");
    drop(writer);
    let mut writer = open(3);
    (43..50).for_each(|i| _ = write(&mut writer, i));
    assert_eq!(numbers(&mut store.reader("a").unwrap()), [46, 47, 48, 49], "room for more is no harm");
    assert_eq!(numbers(&mut reader), [46, 47, 48, 49]);
    assert_eq!(reader.missed(), 25);

    std::fs::remove_file(dir.path().join("a")).unwrap();
    std::fs::remove_file(dir.path().join(writer.data_file().unwrap())).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    (50..52).for_each(|i| _ = write(&mut writer, i));
    assert_eq!(reader.wait_next(Duration::from_secs(10)).unwrap().unwrap().as_slice::<u64>().unwrap(), [50]);
    assert_eq!(numbers(&mut reader), [51]);
}

/// An ephemeral tag goes with its writer, but who reads it has the rest of the history.
#[test]
fn the_rest_of_a_history_is_read_after_its_writer_has_gone() {
    for length in [1, 40_000] {
        let (dir, store) = store();
        let mut writer = store.writer_options("a").ephemeral(true).history(30).open().unwrap();
        let mut write = |i: u64| writer.write_slice(&vec![i; length], &[length]).unwrap();
        write(0);
        let mut readers = [(); 2].map(|()| store.reader("a").unwrap());
        assert_eq!(numbers(&mut readers[0]), [0]);
        (1..30).for_each(|i| _ = write(i));
        assert_eq!(number(&mut readers[1]), Some(0));
        drop(writer);
        assert_eq!(files(dir.path()), [""; 0]);
        for reader in &mut readers {
            assert_eq!(numbers(reader), (1..30).collect::<Vec<_>>());
            assert_eq!(reader.missed(), 0);
        }
    }
}

fn at(time: u64) -> Meta {
    Meta::new().acquired_at(time)
}

#[test]
fn the_value_nearest_to_a_time() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").history(5).open().unwrap();
    let mut reader = store.reader("a").unwrap();
    assert!(reader.nearest(5, None).unwrap().is_none(), "nothing is written yet");
    for time in [100, 200, 300, 400, 400, 500_u64] {
        writer.write_slice_with(&[time], &[1], &at(time)).unwrap();
    }
    let found = |time: u64, within: Option<u64>| {
        let found = reader.nearest(time, within.map(Duration::from_nanos)).unwrap()?;
        assert_eq!(found.acquired_at(), Some(found.as_slice::<u64>().unwrap()[0].into()));
        Some((found.acquired_at().unwrap().as_nanos(), found.version()))
    };
    assert_eq!(found(1, None), Some((100, 1)));
    assert_eq!(found(249, None), Some((200, 2)));
    assert_eq!(found(250, None), Some((300, 3)), "of two the newer");
    assert_eq!(found(400, Some(0)), Some((400, 5)));
    assert_eq!(found(430, Some(30)), Some((400, 5)));
    assert_eq!(found(431, Some(30)), None);
    assert_eq!(found(u64::MAX, None), Some((500, 6)));
    assert_eq!(reader.read_next().unwrap().unwrap().version(), 1, "it changes nothing for `read_next`");
}

/// Values for which the writer gave no time count by when they were written.
#[test]
fn the_nearest_of_values_without_a_time() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").history(5).open().unwrap();
    let mut times = Vec::new();
    for i in 0..5_u64 {
        times.push(UnixTime::now());
        writer.write_slice(&[i], &[1]).unwrap();
        std::thread::sleep(Duration::from_millis(40));
    }
    let reader = store.reader("a").unwrap();
    for (i, &time) in times.iter().enumerate() {
        let found = reader.nearest(time, Duration::from_millis(30)).unwrap().unwrap();
        assert_eq!(found.as_slice::<u64>().unwrap(), [i as u64]);
        assert_eq!(found.acquired_at(), None);
    }
}

/// Readers that must copy read a history, too.
#[test]
fn a_history_is_read_from_copies() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").history(30).open().unwrap();
    for i in 0..30_u64 {
        let length = 1 + i as usize % 4;
        let meta = Meta::new().acquired_at(i + 1).user_data([i as u8]).unwrap();
        writer.write_slice_with(&vec![i; length], &[length], &meta).unwrap();
    }
    let mut reader = store.reader("a").unwrap();
    let mut held = Vec::new();
    while let Some(value) = reader.read_next().unwrap() {
        held.push(value);
    }
    assert_eq!(held.len(), 30);
    for (i, value) in held.iter().enumerate() {
        assert_eq!(value.as_slice::<u64>().unwrap(), vec![i as u64; 1 + i % 4]);
        assert_eq!(
            (value.user_data(), value.is_copy()),
            (&[i as u8][..], i >= 3),
            "a process holds three in place"
        );
        assert_eq!(value.acquired_at(), Some((i as u64 + 1).into()));
        assert!(value.written_at() > UnixTime::from(1_700_000_000_000_000_000));
    }
}

/// Another thread writes while this one reads: in order, whole, and with an exact count of what is missing.
#[test]
fn a_reader_beside_its_writer() {
    let (_dir, store) = store();
    for history in [0, 2, 31] {
        let mut writer = store.writer_options("a").history(history).takeover(true).open().unwrap();
        let first = writer.write_slice(&[0_u64; 200], &[200]).unwrap();
        let mut reader = Store::reader(&store, "a").unwrap();
        let last = first + 20_000;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for version in first + 1..=last {
                    assert_eq!(writer.write_slice(&[version; 200], &[200]).unwrap(), version);
                }
            });
            let (mut before, mut seen) = (None, 0_u64);
            while before != Some(last) {
                let value = reader.wait_next(Duration::from_secs(60)).unwrap().expect("a value");
                let version = value.version();
                assert!(before.is_none_or(|before| version > before));
                let expected = if version == first { 0 } else { version };
                assert_eq!(value.as_slice::<u64>().unwrap(), [expected; 200]);
                (before, seen) = (Some(version), seen + 1);
                if seen == 1 {
                    assert!(version >= first);
                    seen += version - first;
                }
            }
            assert_eq!(seen + reader.missed(), last - first + 1, "history {history}");
        });
    }
}
