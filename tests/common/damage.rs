//! A tag's files with chosen damage, and everything that can be done to them.

use std::path::{Path, PathBuf};

use ndsharray::{DType, Error, Meta, Store};

use super::sandbox::{Picture, check_says, files, picture};

pub const VALUE: [f32; 5] = [1.5, -2.5, 3.5, 4.5, 1e9];
/// What a writer publishes after the damage, if it can be opened.
pub const NEXT: [f32; 5] = [9.5; 5];

// Places in a data file of pages of 4 KiB and 8 slots, as docs/design.md has them.
/// The line of a slot: its content version first.
pub const fn line(slot: usize) -> usize {
    256 + 64 * slot
}
/// The length of the user data, in a line.
pub const USER_LENGTH: usize = 44;
/// The pins of slot 0: a count in every 128 bytes, four of them for a slot.
pub const PINS: usize = 4096;
/// Where a slot of [`Tag`] begins, with its entry.
pub const fn slot(slot: usize) -> usize {
    8192 + 8192 * slot
}
/// In an entry: the checksum of all before it, and where the user data begin.
pub const ENTRY_CHECKSUM: usize = 1632;
pub const USER_DATA: usize = 2048;
/// The slot limit, in a data file's identity.
pub const LIMIT: usize = 72;

/// Makes the checksum of an identity block right.
pub fn seal_identity(file: &mut [u8]) {
    let checksum = crc32fast::hash(&file[..120]);
    set(file, 120, u64::from(checksum));
}

/// Makes the checksum of an entry right, which begins there.
pub fn seal_entry(data: &mut [u8], start: usize) {
    let checksum = crc32fast::hash(&data[start..start + ENTRY_CHECKSUM]);
    set(data, start + ENTRY_CHECKSUM, u64::from(checksum));
}

/// The bytes of a healthy tag: two slots, the value in the second, user data.
pub struct Tag {
    pub header: Vec<u8>,
    pub data: Vec<u8>,
    pub name: String,
}

impl Tag {
    pub fn make(dir: &Path) -> Tag {
        let store = Store::open(dir).unwrap();
        let mut writer = store.writer("a").unwrap();
        writer.write_slice(&[0.0_f32; 5], &[5]).unwrap();
        writer
            .write_bytes_with(
                &DType::Float32,
                &[5],
                bytemuck::cast_slice(&VALUE),
                &Meta::new().user_data(b"user data").unwrap(),
            )
            .unwrap();
        let name = writer.data_file().unwrap();
        drop(writer);
        let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
        let tag = Tag { header: read("a"), data: read(&name), name };
        store.remove("a").unwrap();
        tag
    }

    /// Puts the files into a new directory, damaged by `damage`.
    pub fn put(&self, dir: &Path, damage: &dyn Fn(&mut Vec<u8>, &mut Vec<u8>)) -> Place {
        let (mut header, mut data) = (self.header.clone(), self.data.clone());
        damage(&mut header, &mut data);
        let place = Place(dir.join("store"));
        std::fs::create_dir(&place.0).unwrap();
        std::fs::write(place.0.join("a"), header).unwrap();
        std::fs::write(place.0.join(&self.name), data).unwrap();
        place
    }
}

/// A directory that goes when it is dropped.
pub struct Place(pub PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What reading gives: nothing but the right value, or an error that says where and what.
#[track_caller]
pub fn read(store: &Store, expected: &[f32]) -> Result<(), Error> {
    let reader = store.reader("a").inspect_err(|error| says(store, error))?;
    assert!(reader.writer_alive().is_ok_and(|alive| !alive));
    let view = reader.view().map(|view| view.bytes().to_vec());
    let value = reader.latest().inspect_err(|error| says(store, error));
    match (&value, view) {
        (Ok(value), Ok(bytes)) => assert_eq!(value.bytes(), bytes),
        (Err(error), Err(other)) => assert_eq!(error.to_string(), other.to_string()),
        (value, view) => panic!("latest {value:?}, view {view:?}"),
    }
    let value = value?;
    assert_eq!((value.as_slice::<f32>().unwrap(), value.shape()), (expected, &[5][..]));
    assert!(value.user_data().len() <= 2048);
    Ok(())
}

#[track_caller]
pub fn says(store: &Store, error: &Error) {
    let tagged = matches!(error, Error::Empty { .. } | Error::Contended { .. } | Error::DataMissing { .. });
    check_says(error, if tagged { "\"a\"" } else { store.directory().to_str().unwrap() });
}

/// What came of reading a damaged tag, and of opening a writer.
pub struct Outcome {
    pub read: Result<(), Error>,
    pub opened: Result<(), Error>,
}

/// Does everything that can be done to a damaged tag, each to a fresh copy.
#[track_caller]
pub fn try_all(dir: &Path, tag: &Tag, what: &str, damage: &dyn Fn(&mut Vec<u8>, &mut Vec<u8>)) -> Outcome {
    // If this ends in a signal, the parent shows the last line.
    println!("{what}");
    let place = tag.put(dir, damage);
    let store = Store::open(&place.0).unwrap();
    let before = picture(&place.0);
    // Looking changes nothing but pins, and these are given back.
    let outcome = read(&store, &VALUE);
    if let Err(error) = store.stat("a") {
        says(&store, &error);
    }
    let listed = store.tags().unwrap();
    assert_eq!(listed.is_empty(), store.reader("a").is_err(), "{what}: {listed:?}");
    assert_eq!(picture(&place.0), before, "{what}: reading");
    // `gc` leaves what a header may name. (A header that says it is empty names nothing.)
    let removed = store.gc().unwrap().removed;
    let empty = matches!(outcome, Err(Error::Empty { .. }));
    assert!(removed.is_empty() || empty && removed == [&tag.name[..]], "{what}: gc removed {removed:?}");
    drop((store, place));

    let place = tag.put(dir, damage);
    let store = Store::open(&place.0).unwrap();
    let before = picture(&place.0);
    let opened = store.writer("a").map(|mut writer| {
        if outcome.is_ok() {
            // Opening a writer does not change the value.
            assert!(matches!(read_live(&store), Ok(found) if found == VALUE), "{what}: opened");
        }
        writer.write_slice(&NEXT, &[5]).unwrap();
        assert!(matches!(read_live(&store), Ok(found) if found == NEXT), "{what}: written");
    });
    match &opened {
        Ok(()) => at_most_one_more(&place.0, tag, what),
        Err(error) => {
            says(&store, error);
            assert_eq!(picture(&place.0), before, "{what}: a writer that could not open");
        }
    }
    drop((store, place));

    // A takeover repairs a damaged record. It does not repair a damaged identity, as nobody knows whose file that is.
    let place = tag.put(dir, damage);
    let store = Store::open(&place.0).unwrap();
    match store.writer_options("a").takeover(true).open() {
        Ok(mut writer) => {
            writer.write_slice(&NEXT, &[5]).unwrap();
            assert!(matches!(read_live(&store), Ok(found) if found == NEXT), "{what}: taken over");
            at_most_one_more(&place.0, tag, what);
        }
        Err(error) => {
            says(&store, &error);
            assert_eq!(picture(&place.0), before_of(&before, &place.0), "{what}: takeover");
        }
    }
    drop((store, place));

    let place = tag.put(dir, damage);
    let store = Store::open(&place.0).unwrap();
    match store.remove("a") {
        Ok(()) => assert!(!place.0.join("a").exists(), "{what}: removed"),
        Err(error) => {
            says(&store, &error);
            assert_eq!(picture(&place.0), before_of(&before, &place.0), "{what}: remove");
        }
    }
    Outcome { read: outcome, opened }
}

/// A picture as it would be of another copy of the files, whose inodes are others.
pub fn before_of(before: &Picture, dir: &Path) -> Picture {
    let mut before = before.clone();
    for (name, now) in picture(dir) {
        before.entry(name).and_modify(|was| was.0 = now.0);
    }
    before
}

pub fn read_live(store: &Store) -> Result<Vec<f32>, Error> {
    Ok(store.reader("a")?.latest()?.as_slice::<f32>()?.to_vec())
}

/// Header, data file, and the damaged data file if it was not ours to remove.
#[track_caller]
pub fn at_most_one_more(dir: &Path, tag: &Tag, what: &str) {
    let rest: Vec<_> = files(dir).into_iter().filter(|name| name != "a" && *name != tag.name).collect();
    assert!(rest.len() <= 1 && rest.iter().all(|name| name.starts_with("a_")), "{what}: {rest:?}");
}

/// The values that a damaged word gets, a pseudo-random one among them.
pub fn damages(word: u64, at: usize) -> [u64; 6] {
    let random = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31) ^ word;
    [word ^ 1, word ^ 1 << 63, word ^ 0xff << 24, 0, u64::MAX, random]
}

pub fn word_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

pub fn set(bytes: &mut [u8], at: usize, word: u64) {
    bytes[at..at + 8].copy_from_slice(&word.to_ne_bytes());
}
