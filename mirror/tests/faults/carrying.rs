//! What arrives is a tag like any other.

use ndsharray::{DType, ErrorKind, Meta, Snapshot, Store};

use super::pair;
use crate::common::host::Hosts;
use crate::common::{begin, until};

/// Bytes that are another value for each `number`.
fn bytes(dtype: &DType, shape: &[usize], number: u8) -> Vec<u8> {
    let count = shape.iter().product::<usize>() * dtype.itemsize();
    // A bool has a byte that is 0 or 1.
    (0..count)
        .map(|i| {
            (i as u8).wrapping_mul(7).wrapping_add(number) & if dtype.name() == "bool" { 1 } else { 255 }
        })
        .collect()
}

fn at(store: &Store, tag: &str) -> Option<Snapshot> {
    match store.reader(tag).and_then(|reader| reader.latest()) {
        Ok(value) => Some(value),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Empty) => None,
        Err(error) => panic!("{tag}: {error}"),
    }
}

/// Waits for a value to arrive, and compares all that belongs to it.
#[track_caller]
fn compare(source: &Store, taken: &Store, tag: &str) {
    let sent = at(source, tag).unwrap();
    // A copy in the source's own store keeps the time of its own source.
    let written_at = sent.source_written_at().unwrap_or(sent.written_at());
    until(30, tag, || at(taken, tag).is_some_and(|value| value.source_written_at() == Some(written_at)));
    let value = at(taken, tag).unwrap();
    assert_eq!((value.dtype(), value.shape()), (sent.dtype(), sent.shape()), "{tag}");
    assert_eq!(value.dtype().descr(), sent.dtype().descr(), "{tag}");
    assert_eq!(value.bytes(), sent.bytes(), "{tag}");
    assert_eq!(value.user_data(), sent.user_data(), "{tag}");
    assert_eq!(value.attributes_json().unwrap(), sent.attributes_json().unwrap(), "{tag}");
    assert_eq!(value.acquired_at(), sent.acquired_at(), "{tag}");
}

#[test]
fn values_of_all_kinds_arrive_as_they_are() {
    let Some(_watchdog) = begin("values_of_all_kinds_arrive_as_they_are", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let (source, taken) = (hosts[0].store(), hosts[1].store());
    let mirrors = pair(&hosts, "");
    let more = ["M8[25s]", "m8[us]", "[('x', '<f4'), ('y', '<i2', (3,))]"];
    let dtypes: Vec<DType> = DType::built_in().chain(more.map(|text| text.parse().unwrap())).collect();
    assert_eq!(dtypes.len(), 17);
    let mut writers: Vec<_> = dtypes
        .iter()
        .map(|dtype| {
            let tag = format!("of {}", dtype.name().replace('/', "-"));
            let tag = if ndsharray::check_tag(&tag).is_ok() { tag } else { "of a record".to_owned() };
            (source.writer_options(&tag).ephemeral(true).open().unwrap(), tag)
        })
        .collect();
    // Layout after layout, with no elements and no axes among them.
    for (number, shape) in [&[2, 3][..], &[], &[0, 3], &[1000], &[4, 1, 2, 2]].into_iter().enumerate() {
        for ((writer, _), dtype) in writers.iter_mut().zip(&dtypes) {
            writer.write_bytes(dtype, shape, &bytes(dtype, shape, number as u8)).unwrap();
        }
        for (_, tag) in &writers {
            compare(&source, &taken, tag);
        }
    }
    // Another dtype, too.
    writers[0].0.write_slice(&[1.5_f64], &[1]).unwrap();
    compare(&source, &taken, &writers[0].1);
    for (_, tag) in &writers {
        let stat = taken.stat(tag).unwrap();
        assert!(
            stat.writer_alive && stat.ephemeral && stat.source.starts_with("mirror://robot/of%20"),
            "{stat:?}"
        );
    }
    drop(writers);
    until(30, "they go with their writers", || {
        taken.tags().unwrap().iter().all(|tag| !tag.starts_with("of "))
    });
    drop(mirrors);
}

#[test]
fn what_belongs_to_a_value_arrives_with_it() {
    let Some(_watchdog) = begin("what_belongs_to_a_value_arrives_with_it", 120) else { return };
    let hosts = Hosts::new(["left/robot", "desk"]);
    let (source, taken) = (hosts[0].store(), hosts[1].store());
    let mirrors = pair(&hosts, "--keep");
    let attributes = Meta::new().attributes_json(r#"{"units":"m","é":[1,null]}"#).unwrap();
    let metas = [
        ("plain", Meta::new()),
        ("user data", Meta::new().user_data([0, 255, 7]).unwrap()),
        ("most user data", Meta::new().user_data(vec![9; 2048]).unwrap()),
        ("attributes", attributes.acquired_at(5_000_000_000)),
        ("a copy", Meta::new().source_written_at(7_000_000_000).acquired_at(6_000_000_000)),
        ("left cam", Meta::new()),
        ("кам%25", Meta::new()),
        ("@x$*?#", Meta::new()),
    ];
    let metas: Vec<_> = metas.into_iter().filter(|(tag, _)| ndsharray::check_tag(tag).is_ok()).collect();
    assert!(metas.len() >= 7, "{metas:?}");
    for (tag, meta) in &metas {
        let mut writer =
            source.writer_options(tag).source(if *tag == "a copy" { "run.mcap" } else { "" }).open().unwrap();
        writer.write_slice_with(&[1_u8, 2], &[2], meta).unwrap();
    }
    for (tag, _) in &metas {
        compare(&source, &taken, tag);
        let stat = taken.stat(tag).unwrap();
        assert!(stat.source.starts_with("mirror://left%2Frobot/") && !stat.ephemeral, "{stat:?}");
    }
    drop(mirrors);
    assert_eq!(taken.stat("left cam").unwrap().source, "mirror://left%2Frobot/left%20cam");
    assert!(!taken.stat("left cam").unwrap().writer_alive);
    // After a restart the tags are taken up again.
    let mut writer = source.writer("left cam").unwrap();
    let _mirrors = pair(&hosts, "--keep");
    writer.write_slice(&[3_u8], &[1]).unwrap();
    compare(&source, &taken, "left cam");
}

/// The clock of a source may be set back: what is newer is known by its version.
#[test]
fn the_clock_of_the_source_is_set_back() {
    let Some(_watchdog) = begin("the_clock_of_the_source_is_set_back", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let (source, taken) = (hosts[0].store(), hosts[1].store());
    let _mirrors = pair(&hosts, "--every every --keep");
    let mut writers = ["latest", "every"].map(|tag| source.writer_options(tag).history(8).open().unwrap());
    // The times of the source's own clock cannot be set here; these stand for them, and are treated alike.
    for (number, time) in
        [(1_u8, 9_000_000_000_u64), (2, 5_000_000_000), (3, 5_000_000_000), (4, 20_000_000_000), (5, 1)]
    {
        for writer in &mut writers {
            let meta = Meta::new().source_written_at(time);
            writer.write_slice_with(&[number], &[1], &meta).unwrap();
        }
        for tag in ["latest", "every"] {
            until(30, "the value", || at(&taken, tag).is_some_and(|value| value.bytes() == [number]));
            assert_eq!(at(&taken, tag).unwrap().source_written_at(), Some(time.into()));
        }
    }
    let mut reader = taken.reader("every").unwrap();
    let mut numbers = Vec::new();
    while let Some(value) = reader.read_next().unwrap() {
        numbers.push(value.bytes()[0]);
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}
