//! Recordings that are cut or damaged: what is read of them is right, or an error.

mod common;

use common::{Numbers, Read, chunked, open, read, values};
use ndsharray_recording::{Compression, Error};

const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Lz4, Compression::Zstd];

#[test]
fn a_file_that_is_cut_anywhere_has_the_values_of_its_whole_chunks() {
    let directory = tempfile::tempdir().unwrap();
    for compression in COMPRESSIONS {
        let values = values(10);
        let whole = chunked(&values, 3, compression);
        let mut ends = mcap::Summary::read(&whole).unwrap().unwrap().chunk_indexes;
        ends.sort_by_key(|chunk| chunk.chunk_start_offset);
        assert_eq!(ends.len(), 4);
        for length in 0..=whole.len() {
            let outcome = open(directory.path(), &whole[..length]);
            if length < 8 {
                assert!(matches!(outcome, Err(Error::NotARecording { .. })));
                continue;
            }
            let recording = outcome.unwrap();
            let chunks =
                ends.iter().filter(|chunk| chunk.chunk_start_offset + chunk.chunk_length <= length as u64);
            let right = (chunks.count() * 3).min(values.len());
            assert_eq!(
                read(&recording, &values),
                Read { right, damaged: 0 },
                "{compression:?} cut at {length}"
            );
            assert_eq!(recording.is_complete(), length == whole.len(), "{compression:?} cut at {length}");
            assert!(recording.left_out().is_empty(), "{compression:?} cut at {length}");
        }
    }
}

#[test]
fn a_byte_that_changed_is_an_error_or_without_effect() {
    let directory = tempfile::tempdir().unwrap();
    for compression in COMPRESSIONS {
        let values = values(8);
        let mut bytes = chunked(&values, 3, compression);
        let mut harmed = 0;
        for position in 0..bytes.len() {
            let mask = if position % 2 == 0 { 0xff } else { 1 << (position / 2 % 8) };
            bytes[position] ^= mask;
            match open(directory.path(), &bytes) {
                Ok(recording) => {
                    let Read { right, damaged } = read(&recording, &values);
                    let told = damaged > 0 || !recording.left_out().is_empty() || !recording.is_complete();
                    let place = format!("{compression:?}, byte {position}, {mask:02x}");
                    assert!(right == values.len() || told, "{place}: {right} values");
                    // A chunk has three values. The summary finds the others.
                    assert!(right >= values.len() - 3, "{place}: {right} values, {:?}", recording.left_out());
                    harmed += usize::from(right < values.len());
                }
                Err(error) => {
                    assert!(position < 8 && matches!(error, Error::NotARecording { .. }), "{error}");
                }
            }
            bytes[position] ^= mask;
        }
        assert!(harmed > 100, "{harmed}");
    }
}

#[test]
fn parts_that_are_moved_removed_or_zeroed_are_errors_or_without_effect() {
    let directory = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(7);
    for compression in COMPRESSIONS {
        let values = values(10);
        let whole = chunked(&values, 3, compression);
        for _ in 0..500 {
            let mut bytes = whole.clone();
            for _ in 0..1 + numbers.below(3) {
                let start = numbers.below(bytes.len());
                let most = (bytes.len() - start).min(1 << numbers.below(13));
                let end = start + numbers.below(most + 1);
                match numbers.below(3) {
                    0 => bytes[start..end].fill(0),
                    1 => drop(bytes.drain(start..end)),
                    _ => {
                        let part = bytes[start..end].to_vec();
                        let to = numbers.below(bytes.len());
                        bytes.splice(to..to, part);
                    }
                }
                if bytes.is_empty() {
                    break;
                }
            }
            if let Ok(recording) = open(directory.path(), &bytes) {
                read(&recording, &values);
            }
        }
    }
}

#[test]
fn a_damaged_chunk_is_an_error_and_the_others_are_read() {
    let directory = tempfile::tempdir().unwrap();
    for compression in COMPRESSIONS {
        let values = values(12);
        let mut bytes = chunked(&values, 3, compression);
        let mut chunks = mcap::Summary::read(&bytes).unwrap().unwrap().chunk_indexes;
        chunks.sort_by_key(|chunk| chunk.chunk_start_offset);
        let second = &chunks[1];
        let middle = (second.chunk_start_offset + second.chunk_length / 2) as usize;
        bytes[middle] ^= 1;
        let recording = open(directory.path(), &bytes).unwrap();
        assert!(recording.is_complete());
        // Nothing is read at opening.
        assert!(recording.left_out().is_empty());
        assert_eq!(read(&recording, &values), Read { right: 9, damaged: 3 });
        let error = recording.track("cam").unwrap().get(1).unwrap_err();
        let Error::Damaged { path, offset, .. } = &error else { panic!("{error}") };
        assert_eq!((path.as_path(), *offset), (recording.path(), second.chunk_start_offset));

        // Without the summary it is found when the file is scanned, if it must be decompressed.
        let cut = open(directory.path(), &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(read(&cut, &values).right, 9);
        assert_eq!(cut.left_out().len(), usize::from(compression != Compression::None));
    }
}
