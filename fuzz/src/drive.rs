//! Everything that is done with the files of one input, and what must hold whatever they are.

use std::time::Duration;

use ndsharray::{DType, Error, Meta, Snapshot, Store, Writer};

use super::Target;
use super::base::{DATA, TAG};
use super::patch::Files;
use super::place::Place;

/// What a writer that opens publishes.
const NEXT: [f32; 5] = [9.5; 5];
/// Longer than what the damaged tag had.
const LONG: usize = 9000;

/// Puts the files there, looks at them in every way, then writes, takes over or removes as `ending` says.
pub fn drive(place: &Place, files: &Files, target: Target, ending: u8) {
    place.put(files);
    let store = Store::open(&place.dir).unwrap();
    let value = look(place, &store);
    if let Some(readonly) = &place.readonly {
        let copied = read(&Store::open(readonly).unwrap());
        if let (Ok(value), Ok(copied)) = (&value, &copied) {
            assert_eq!((&value.bytes, value.version), (&copied.bytes, copied.version), "read-only");
        }
    }
    match ending & 7 {
        0 | 1 => write(place, &store, &value, target),
        2 => {
            // A reader that has the old value goes on while the tag gets a new header.
            let reader = store.reader(TAG);
            change(place, &store, store.writer_options(TAG).takeover(true).open());
            if let Ok(reader) = reader {
                let _ = reader.latest().map(|value| check_value(&value));
            }
        }
        3 => change(place, &store, store.writer_options(TAG).ephemeral(true).history(2).open()),
        4 => removed(place, store.remove(TAG)),
        5 => removed(place, store.force_remove(TAG)),
        6 => {
            // Collected with the header gone: the data file is nobody's, if it is one.
            std::fs::remove_file(place.dir.join(TAG)).unwrap();
            let _ = store.gc().unwrap();
            assert!(store.tags().unwrap().is_empty());
        }
        _ => collect(place, &store, value.is_ok()),
    }
    place.clear();
}

/// What can be compared of a value.
struct Read {
    bytes: Vec<u8>,
    version: u64,
}

/// Reading and looking from outside: nothing changes.
fn look(place: &Place, store: &Store) -> Result<Read, Error> {
    let before = place.picture();
    let value = read(store);
    match store.stat(TAG) {
        Ok(stat) => {
            assert!(!stat.writer_alive);
            let _ = format!("{stat:?}");
        }
        Err(error) => says(store, &error),
    }
    let tags = store.tags().unwrap();
    let listed = tags.iter().any(|tag| tag == TAG);
    assert_eq!(listed, store.reader(TAG).is_ok(), "{tags:?}");
    assert!(place.picture() == before, "reading changed a file");
    value
}

fn read(store: &Store) -> Result<Read, Error> {
    let mut reader = store.reader(TAG).inspect_err(|error| says(store, error))?;
    assert!(!reader.writer_alive().unwrap());
    let first = reader.latest().inspect_err(|error| says(store, error))?;
    check_value(&first);
    let view = reader.view().unwrap();
    assert_eq!(
        (view.bytes(), view.shape(), view.user_data()),
        (first.bytes(), first.shape(), first.user_data())
    );
    drop(view);
    let waited = reader.wait(Duration::ZERO).unwrap().expect("the first value is new");
    assert_eq!(waited.version(), first.version());
    assert!(reader.read().unwrap().is_none());
    Ok(Read { bytes: first.bytes().to_vec(), version: first.version() })
}

fn check_value(value: &Snapshot) {
    let count = value.shape().iter().product::<usize>();
    assert_eq!(value.bytes().len(), count * value.dtype().itemsize());
    assert!(value.user_data().len() <= 2048 && value.version() > 0);
    let _ = (value.age(), value.written_at(), format!("{value:?} {}", value.dtype()));
    if *value.dtype() == DType::Bool {
        let _ = value.as_slice::<bool>();
    }
    match value.as_array::<f32>() {
        Ok(array) => assert_eq!(array.len(), count),
        Err(error) => {
            assert!(matches!(error, Error::DTypeMismatch { .. } | Error::InvalidShape { .. }), "{error:?}")
        }
    }
}

/// A writer goes on with what is there, twice.
fn write(place: &Place, store: &Store, value: &Result<Read, Error>, target: Target) {
    let before = place.picture();
    let reader = store.reader(TAG);
    let mut writer = match store.writer(TAG) {
        Ok(writer) => writer,
        Err(error) => {
            says(store, &error);
            // Of a data file only features keep a writer out.
            let unknown = matches!(error, Error::UnknownFeatures { .. });
            assert!(target != Target::Segment || unknown, "a data file keeps a writer out: {error:?}");
            assert!(place.picture() == before, "a writer that did not open changed a file");
            // Takeover is the way out, if there is one.
            return change(place, store, store.writer_options(TAG).takeover(true).open());
        }
    };
    if let Ok(value) = value {
        let now = store.reader(TAG).and_then(|reader| reader.latest());
        // An ephemeral tag goes when nobody has it.
        if let Ok(now) = now {
            assert_eq!(
                (now.bytes(), now.version()),
                (&value.bytes[..], value.version),
                "a writer only opened"
            );
        } else {
            assert_eq!(writer.version(), 0, "{now:?}");
        }
    }
    works(store, &mut writer);
    drop(writer);
    let mut again = store.writer(TAG).unwrap();
    works(store, &mut again);
    if let Ok(mut reader) = reader {
        for value in [reader.latest().ok(), reader.wait(Duration::ZERO).ok().flatten()].into_iter().flatten()
        {
            check_value(&value);
        }
    }
}

/// A writer that was opened in another way: it works, or nothing was changed.
fn change(place: &Place, store: &Store, opened: ndsharray::Result<Writer>) {
    match opened {
        Ok(mut writer) => works(store, &mut writer),
        Err(error) => {
            says(store, &error);
            assert!(place.dir.join(TAG).exists(), "{error:?}");
        }
    }
}

/// What a writer writes is what is read, in its old memory and in new.
fn works(store: &Store, writer: &mut Writer) {
    let reader = store.reader(TAG).unwrap();
    let mut held = Vec::new();
    for round in 0..10_u8 {
        let version = writer.version();
        let written = match round {
            0..3 => writer.write_slice(&NEXT, &[5]),
            3 => writer.write_slice(&[round; LONG], &[LONG]),
            _ => writer.loan::<u8>(&[LONG]).and_then(|mut loan| {
                loan.as_mut_slice().fill(round);
                loan.set_meta(Meta::new().user_data([round; 2048])?);
                loan.publish()
            }),
        };
        match written {
            Err(error @ Error::Corrupt { field: "spent", .. }) => {
                // Every number is given away: the value before stays.
                says(store, &error);
                assert_eq!(writer.version(), version);
                return;
            }
            written => assert_eq!(written.unwrap(), version + 1),
        }
        assert_eq!(writer.version(), version + 1);
        let value = reader.latest().unwrap();
        assert_eq!(value.version(), version + 1);
        check_value(&value);
        match round {
            0..3 => assert_eq!(value.as_slice::<f32>().unwrap(), NEXT),
            _ => assert_eq!(value.as_slice::<u8>().unwrap(), [round; LONG]),
        }
        if round % 2 == 1 {
            held.push((round, value));
        }
    }
    for (round, value) in held.iter().filter(|(round, _)| *round >= 3) {
        assert_eq!(value.bytes(), [*round; LONG]);
    }
}

fn removed(place: &Place, outcome: ndsharray::Result<()>) {
    match outcome {
        Ok(()) => assert!(!place.dir.join(TAG).exists()),
        Err(error) => {
            says(&Store::open(&place.dir).unwrap(), &error);
            assert!(place.dir.join(TAG).exists(), "{error:?}");
        }
    }
}

/// The sweep takes nothing that a header may name, and nothing that can be read.
fn collect(place: &Place, store: &Store, readable: bool) {
    let report = store.gc().unwrap();
    assert!(report.removed.iter().all(|name| name == TAG || name == DATA), "{report:?}");
    let ephemeral = report.removed.iter().any(|name| name == TAG);
    assert!(ephemeral || place.dir.join(TAG).exists());
    if readable && !ephemeral {
        assert!(report.removed.is_empty(), "{report:?}");
        read(store).unwrap();
    }
    assert_eq!(store.gc().unwrap().removed, [""; 0], "the second sweep");
}

/// An error says what it is about, and one of damage what was found and expected.
fn says(store: &Store, error: &Error) {
    let text = error.to_string();
    let dir = store.directory().to_str().unwrap();
    assert!(text.contains("\"a\"") || text.contains(dir), "{text}");
    let is_damage = matches!(
        error,
        Error::NotAHeader { .. }
            | Error::Truncated { .. }
            | Error::FormatVersion { .. }
            | Error::Endianness { .. }
            | Error::Checksum { .. }
            | Error::Corrupt { .. }
    );
    assert!(!is_damage || text.contains("found ") && text.contains("expected"), "{text}");
}
