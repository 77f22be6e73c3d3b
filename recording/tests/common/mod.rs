//! Recordings that tests damage, and what must hold of all that is read of them.

#![allow(dead_code)] // Each test uses a part.

use std::path::Path;

use ndsharray::{DType, UnixTime};
use ndsharray_recording::{Compression, Error, Message, Recording, RecordingOptions, Value};

/// A value that is owned.
#[derive(Clone, Debug)]
pub struct Owned {
    pub tag: &'static str,
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
    pub user_data: Vec<u8>,
    pub attributes: Option<String>,
    pub version: u64,
}

impl Owned {
    pub fn value(&self) -> Value<'_> {
        Value {
            tag: self.tag,
            dtype: &self.dtype,
            shape: &self.shape,
            bytes: &self.bytes,
            user_data: &self.user_data,
            attributes: self.attributes.as_deref(),
            version: self.version,
            written_at: UnixTime::from(self.version * 1000),
            acquired_at: (self.version % 2 == 0).then(|| UnixTime::from(self.version * 1000 - 7)),
            source_written_at: (self.version % 3 == 0).then(|| UnixTime::from(self.version * 1000 - 9)),
        }
    }

    /// Checks that a value which was read is this one.
    pub fn assert_is(&self, read: &Message) {
        assert_eq!(format!("{:?}", read.as_value(self.tag)), format!("{:?}", self.value()));
    }
}

/// The value number `version`, which differs from all others: an image, a vector or a record in turns.
pub fn value(version: u64) -> Owned {
    let byte = |index: usize| (version as usize * 31 + index * 7) as u8;
    let vector = Owned {
        tag: "pose",
        dtype: DType::Float64,
        shape: vec![3],
        bytes: (0..24).map(byte).collect(),
        user_data: Vec::new(),
        attributes: None,
        version,
    };
    let attributes = format!("{{\"exposure\":{version}}}");
    match version % 3 {
        0 => Owned {
            tag: "cam",
            dtype: DType::UInt8,
            shape: vec![16, 16],
            bytes: (0..256).map(byte).collect(),
            // As a store has it.
            user_data: attributes.clone().into_bytes(),
            attributes: Some(attributes),
            ..vector
        },
        1 => vector,
        _ => Owned {
            tag: "records",
            dtype: DType::custom("void96", 12, "[('x', '<f4'), ('y', '<i8')]").unwrap(),
            shape: vec![2, 1],
            user_data: vec![byte(0); 5],
            ..vector
        },
    }
}

pub fn values(count: u64) -> Vec<Owned> {
    (1..=count).map(value).collect()
}

/// A finished recording of some values, with metadata, in chunks of `in_chunk` values each. The writer closes its chunks by time and
/// size; these are small.
pub fn chunked(values: &[Owned], in_chunk: usize, compression: Compression) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    for value in values {
        writer.append(&value.value()).unwrap();
    }
    writer.finish().unwrap();
    let compression = match compression {
        Compression::None => None,
        Compression::Lz4 => Some(mcap::Compression::Lz4),
        Compression::Zstd => Some(mcap::Compression::Zstd),
    };
    let options = mcap::WriteOptions::new().compression(compression).chunk_size(None);
    let mut out = std::io::Cursor::new(Vec::new());
    let mut writer = options.calculate_data_section_crc(false).create(&mut out).unwrap();
    for (index, message) in mcap::MessageStream::new(&std::fs::read(&path).unwrap()).unwrap().enumerate() {
        if index > 0 && index % in_chunk == 0 {
            writer.flush().unwrap();
        }
        writer.write(&message.unwrap()).unwrap();
    }
    let missed = [("cam".to_owned(), "7".to_owned())].into();
    writer
        .write_metadata(&mcap::records::Metadata { name: "ndsharray.missed".to_owned(), metadata: missed })
        .unwrap();
    writer.finish().unwrap();
    drop(writer);
    out.into_inner()
}

/// What was read of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Values that are right.
    pub right: usize,
    /// Values that are errors.
    pub damaged: usize,
}

/// Reads everything that a recording has. Every value must be one of `values`, or an error.
pub fn read(recording: &Recording, values: &[Owned]) -> Read {
    let mut outcome = Read::default();
    for tag in recording.tags() {
        let track = recording.track(tag).unwrap();
        let acquired_at = track.acquired_at().collect::<Vec<_>>();
        for (index, message) in track.iter().enumerate() {
            match message {
                Ok(message) => {
                    let original = &values[usize::try_from(message.version()).unwrap() - 1];
                    assert_eq!(original.tag, tag);
                    original.assert_is(&message);
                    let acquired = message.acquired_at().unwrap_or(message.written_at());
                    assert_eq!(acquired_at[index], acquired);
                    outcome.right += 1;
                }
                Err(error) => {
                    assert!(matches!(error, Error::Damaged { .. }), "{error}");
                    outcome.damaged += 1;
                }
            }
        }
        let _ = (track.layouts(), track.nbytes(), track.nearest(5000));
    }
    let tags = recording.tags().collect::<Vec<_>>();
    assert_eq!(recording.in_order(&tags, Default::default()).count(), outcome.right + outcome.damaged);
    outcome
}

/// Writes bytes to a file of a directory, and opens it.
pub fn open(directory: &Path, bytes: &[u8]) -> ndsharray_recording::Result<Recording> {
    let path = directory.join("opened.mcap");
    // A new file each time: an open one must not be written over.
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, bytes).unwrap();
    Recording::open(&path)
}

/// Numbers that look like chance, the same in each run.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }
}
