//! A store and a directory for recordings, for each test; and values as they are compared.
#![allow(dead_code)] // Each test file uses a part.

use std::path::PathBuf;
use std::time::Duration;

use ndsharray::{DType, Store, UnixTime};
use ndsharray_recording::{Player, Recording, RecordingOptions, RecordingWriter, Step, Value};

pub struct Place {
    store: tempfile::TempDir,
    files: tempfile::TempDir,
}

/// Far longer than any step takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// When recordings of tests begin, in nanoseconds.
pub fn start_time() -> u64 {
    1_700_000_000_000_000_000
}

impl Place {
    pub fn new() -> Self {
        Place { store: tempfile::tempdir_in("/dev/shm").unwrap(), files: tempfile::tempdir().unwrap() }
    }

    pub fn store(&self) -> Store {
        Store::open(self.store.path()).unwrap()
    }

    /// The names in the store.
    pub fn names(&self) -> Vec<String> {
        let names = self.store.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    pub fn open(&self, name: &str) -> Recording {
        Recording::open(self.path(name)).unwrap()
    }

    pub fn writer(&self, name: &str) -> RecordingWriter {
        RecordingOptions::new().min_free(0).create(self.path(name)).unwrap()
    }

    /// A value that was written so many milliseconds after the start.
    pub fn value<'a>(&self, tag: &'a str, bytes: &'a [u8], millis: u64) -> Value<'a> {
        Value {
            tag,
            dtype: &DType::UInt8,
            shape: match bytes.len() {
                1 => &[1],
                2 => &[2],
                _ => &[5, 1 << 20],
            },
            bytes,
            user_data: b"",
            attributes: None,
            version: 1,
            written_at: UnixTime::from(start_time() + millis * 1_000_000),
            acquired_at: None,
            source_written_at: None,
        }
    }

    /// Records values, each one byte: its number.
    pub fn record(&self, name: &str, values: &[(&str, u64)]) {
        let mut writer = self.writer(name);
        for (number, (tag, millis)) in values.iter().enumerate() {
            writer.append(&self.value(tag, &[number as u8], *millis)).unwrap();
        }
        writer.finish().unwrap();
    }
}

/// What is the same in a recording and in a store.
#[derive(Debug, PartialEq)]
pub struct Played {
    pub tag: String,
    pub dtype: DType,
    pub descr: String,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
    pub user_data: Vec<u8>,
    pub attributes: Option<String>,
    pub acquired_at: Option<UnixTime>,
    pub source_written_at: Option<UnixTime>,
}

impl Played {
    pub fn of(value: &Value<'_>) -> Self {
        Played {
            tag: value.tag.to_owned(),
            dtype: value.dtype.clone(),
            descr: value.dtype.descr().to_owned(),
            shape: value.shape.to_vec(),
            bytes: value.bytes.to_vec(),
            // Attributes are user data that are text.
            user_data: value.attributes.map_or(value.user_data, str::as_bytes).to_vec(),
            attributes: value.attributes.map(str::to_owned),
            acquired_at: value.acquired_at,
            source_written_at: value.source_written_at,
        }
    }
}

/// Plays to the end, and reads each value when it was written.
pub fn play(player: &mut Player, store: &Store) -> Vec<Played> {
    let tags = store.tags().unwrap();
    let mut readers: Vec<_> = tags.iter().map(|tag| store.reader(tag).unwrap()).collect();
    let mut found = Vec::new();
    loop {
        match player.step(PATIENCE).unwrap() {
            Step::Ended => return found,
            Step::NotYet => {}
            Step::Played => {
                let before = found.len();
                for (tag, reader) in tags.iter().zip(&mut readers) {
                    while let Some(value) = reader.read_next().unwrap() {
                        found.push(Played::of(&Value::of(tag, &value).unwrap()));
                    }
                }
                assert_eq!(found.len(), before + 1, "a step writes one value");
            }
        }
    }
}

/// The first byte of each value.
pub fn numbers(values: &[Played]) -> Vec<u8> {
    values.iter().map(|value| value.bytes[0]).collect()
}
