//! One look at every tag of a store: a few system calls for each, no mapping, and nothing that a writer could notice.

use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use ndsharray::{DType, EntryKind, Error, Stat, Store};

use crate::failure::Result;
use crate::units;

use super::row::{Look, State, Trouble, Value};

/// Looks at the tags of the store that this user may read, and at those that it had before.
pub fn looks<'a>(store: &Store, before: impl Iterator<Item = &'a str>) -> Result<Vec<Look>> {
    let readable =
        store.entries()?.into_iter().filter(|entry| !matches!(entry.kind, EntryKind::Unreadable(_)));
    let mut tags: Vec<String> = readable.map(|entry| entry.tag).collect();
    tags.extend(before.map(str::to_owned));
    tags.sort_unstable();
    tags.dedup();
    Ok(tags.into_iter().map(|tag| look_at(store, tag)).collect())
}

fn look_at(store: &Store, tag: String) -> Look {
    let found = store.stat(&tag);
    let at = Instant::now();
    // Read after the look: a file that is replaced between the two is noticed at the next look.
    let file = std::fs::metadata(store.directory().join(&tag)).map_or(0, |file| file.ino());
    let found = match found {
        Ok(stat) => Ok(state(stat, file)),
        Err(Error::NotFound { .. }) => Err(Trouble::Gone),
        Err(error @ Error::DataMissing { .. }) => Err(Trouble::DataMissing(error.to_string())),
        Err(error) => Err(Trouble::Broken(error.to_string())),
    };
    Look { tag, at, found }
}

fn state(stat: Stat, file: u64) -> State {
    let value = stat.value.map(|value| Value {
        layout: layout(&value.dtype, &value.shape, SHORT),
        nbytes: value.nbytes,
        version: value.version,
        age: value.age,
        slots: (value.slots.pinned, value.slots.allocated),
    });
    State { file, writer_alive: stat.writer_alive, memory: stat.bytes, source: stat.source, value }
}

/// How much of a dtype has room in the list.
const SHORT: usize = 18;

/// A layout as text, such as `uint8 480,640,3`, with at most so many characters for the dtype. Of records it has the fields.
pub fn layout(dtype: &DType, shape: &[usize], most: usize) -> String {
    format!("{} {}", units::shorten(&dtype.to_string(), most), units::shape(shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_of_records_has_their_fields() {
        let dtype: DType = "[('x', '<f4'), ('position', '<f8', (3,))]".parse().unwrap();
        assert_eq!(layout(&dtype, &[5], 40), "{x: float32, position: float64[3]} 5");
        assert_eq!(layout(&dtype, &[5], SHORT), "{x: float32, posi… 5");
        assert_eq!(layout(&DType::UInt8, &[480, 640], SHORT), "uint8 480,640");
    }

    #[test]
    fn every_state_of_a_tag_is_told() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut writer = store.writer("a").unwrap();
        let one = |tag: &str| {
            let found = looks(&store, ["a", "b"].into_iter()).unwrap();
            assert_eq!(found.len(), 2);
            found.into_iter().find(|look| look.tag == tag).unwrap().found
        };
        assert_eq!(one("b"), Err(Trouble::Gone));
        let empty = one("a").unwrap();
        assert!(empty.value.is_none() && empty.writer_alive && empty.memory >= 8192 && empty.file != 0);
        writer.write_slice(&[1_u8; 6], &[2, 3]).unwrap();
        let held = store.reader("a").unwrap().latest().unwrap();
        let value = one("a").unwrap().value.unwrap();
        assert_eq!((&value.layout[..], value.nbytes, value.version), ("uint8 2,3", 6, 1));
        assert_eq!(value.slots, (1, 1));
        let data_file = dir.path().join(writer.data_file().unwrap());
        drop((held, writer));
        let found = one("a").unwrap();
        assert!(!found.writer_alive && found.value.unwrap().slots == (0, 1));

        std::fs::remove_file(data_file).unwrap();
        assert!(matches!(one("a"), Err(Trouble::DataMissing(reason)) if reason.contains("its data file")));

        let path = dir.path().join("a");
        let mut header = std::fs::read(&path).unwrap();
        header[20] ^= 1;
        std::fs::write(&path, header).unwrap();
        assert!(matches!(one("a"), Err(Trouble::Broken(reason)) if reason.contains("found")));
    }
}
