//! What stands under each tag of a store: an array, a damaged header, or a header that this user may not read.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::open::open_header;
use crate::files::tag;
use crate::sys::name::list;

/// What [`Store::entries`](crate::Store::entries) says of one tag.
#[derive(Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The tag.
    pub tag: String,
    /// What stands under it.
    pub kind: EntryKind,
}

/// What stands under a tag's name.
#[derive(Debug)]
#[non_exhaustive]
pub enum EntryKind {
    /// A header whose first bytes are good. [`Store::stat`](crate::Store::stat) reads the rest of it.
    Array,
    /// A file that starts like a header, but is none that this library can use: the error says why.
    Damaged(Error),
    /// A file that this user may not read, with data files beside it that have its name: an array of another user. The
    /// error says whose it is.
    Unreadable(Error),
}

/// Looks at every file that has the name of a tag, in order of name.
pub(crate) fn entries(directory: &Path) -> Result<Vec<Entry>> {
    let names = list(directory)?;
    // Only a file that cannot be read makes it necessary to know these.
    let with_data_files = LazyCell::new(|| {
        let tags = names.iter().filter_map(|name| tag::of_data_file(name));
        tags.map(|(tag, _)| tag).collect::<HashSet<_>>()
    });
    let entry = |name: &String| {
        tag::check(name).ok()?;
        let kind = look(&directory.join(name))?;
        let ours = !matches!(kind, EntryKind::Unreadable(_)) || with_data_files.contains(name.as_str());
        ours.then(|| Entry { tag: name.clone(), kind })
    };
    Ok(names.iter().filter_map(entry).collect())
}

/// The tags of a store: the entries that are arrays.
pub(crate) fn tags(directory: &Path) -> Result<Vec<String>> {
    let mut entries = entries(directory)?;
    entries.retain(|entry| matches!(entry.kind, EntryKind::Array));
    Ok(entries.into_iter().map(|entry| entry.tag).collect())
}

/// What stands at `path`; `None` if that is nothing, or nothing of ours as far as one can tell.
fn look(path: &Path) -> Option<EntryKind> {
    match open_header(path) {
        Ok(found) => found.map(|_| EntryKind::Array),
        Err(
            error @ (Error::Truncated { .. }
            | Error::FormatVersion { .. }
            | Error::UnknownFeatures { .. }
            | Error::Endianness { .. }
            | Error::Checksum { .. }
            | Error::Corrupt { .. }),
        ) => Some(EntryKind::Damaged(error)),
        Err(error @ Error::NotOwner { .. }) => Some(EntryKind::Unreadable(error)),
        // A file of this user's own that has no permission to be read.
        Err(error @ Error::Io { .. }) if is_refused(&error) => Some(EntryKind::Unreadable(error)),
        // A foreign file, or one that cannot be opened now, which says nothing of the file.
        Err(_) => None,
    }
}

fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::PathBuf;

    use rustix::fs::{CWD, FileType, mknodat};
    use rustix::process::{Uid, geteuid};
    use rustix::thread::set_thread_res_uid;

    use super::*;
    use crate::Store;
    use crate::format::identity::{CHECKSUM, INCOMPATIBLE};
    use crate::format::words::checksum;

    /// An unprivileged user.
    const OTHER: u32 = 65534;

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        (directory, store)
    }

    /// Makes an array; returns the paths of its header and its data file.
    fn array(store: &Store, tag: &str) -> [PathBuf; 2] {
        let mut writer = store.writer(tag).unwrap();
        writer.write_slice(&[1_u8, 2, 3], &[3]).unwrap();
        [tag.to_owned(), writer.data_file().unwrap()].map(|name| store.directory().join(name))
    }

    fn kinds(store: &Store) -> Vec<(String, &'static str)> {
        let kind = |entry: Entry| {
            let kind = match entry.kind {
                EntryKind::Array => "array",
                EntryKind::Damaged(_) => "damaged",
                EntryKind::Unreadable(_) => "unreadable",
            };
            (entry.tag, kind)
        };
        store.entries().unwrap().into_iter().map(kind).collect()
    }

    #[test]
    fn arrays_are_entries_in_order_of_name() {
        let (_directory, store) = store();
        assert_eq!(kinds(&store), []);
        array(&store, "pose");
        array(&store, "camera");
        drop(store.writer("camera left").unwrap());
        let expected = ["camera", "camera left", "pose"];
        assert_eq!(kinds(&store), expected.map(|tag| (tag.to_owned(), "array")));
        assert_eq!(store.tags().unwrap(), expected);
    }

    /// A damaged header, and whether an error is the right one for it.
    type Damage = (Vec<u8>, fn(&Error) -> bool);

    #[test]
    fn each_damage_of_a_header_is_an_entry_with_its_error() {
        let (_directory, store) = store();
        let [path, _] = array(&store, "a");
        array(&store, "b");
        let good = std::fs::read(&path).unwrap();
        let flip = |at: usize| {
            let mut bytes = good.clone();
            bytes[at] ^= 0xff;
            bytes
        };
        let unknown = {
            let mut words = vec![0_u64; good.len() / 8];
            bytemuck::cast_slice_mut(&mut words).copy_from_slice(&good);
            words[INCOMPATIBLE.word()] = 4;
            words[CHECKSUM.word()] = u64::from(checksum(&words[..CHECKSUM.word()]));
            bytemuck::cast_slice(&words).to_vec()
        };
        let cases: [Damage; 7] = [
            (unknown, |error| matches!(error, Error::UnknownFeatures { found: 4, .. })),
            (flip(8), |error| matches!(error, Error::FormatVersion { expected: 1, .. })),
            (flip(12), |error| matches!(error, Error::Endianness { .. })),
            (flip(30), |error| matches!(error, Error::Checksum { .. })),
            (good[..8].to_vec(), |error| matches!(error, Error::Truncated { found: 8, .. })),
            (good[..100].to_vec(), |error| matches!(error, Error::Truncated { found: 100, .. })),
            (good[..5000].to_vec(), |error| matches!(error, Error::Truncated { found: 5000, .. })),
        ];
        for (bytes, is_the_error) in cases {
            std::fs::write(&path, &bytes).unwrap();
            let entries = store.entries().unwrap();
            assert_eq!((entries.len(), &entries[0].tag[..], &entries[1].tag[..]), (2, "a", "b"));
            match &entries[0].kind {
                EntryKind::Damaged(error) if is_the_error(error) => {
                    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
                }
                kind => panic!("{kind:?}"),
            }
            assert_eq!(store.tags().unwrap(), ["b"]);
        }
        std::fs::write(&path, &good).unwrap();
        assert_eq!(store.tags().unwrap(), ["a", "b"]);
    }

    #[test]
    fn what_is_not_ours_is_no_entry() {
        let (directory, store) = store();
        let [header, data_file] = array(&store, "a");
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("foreign"), "some text").unwrap();
        std::fs::write(at("empty"), "").unwrap();
        // The start of the magic, and the magic of a data file.
        std::fs::write(at("short"), "NDSHHEA").unwrap();
        std::fs::copy(&data_file, at("data")).unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        symlink(&header, at("link")).unwrap();
        symlink(at("nothing"), at("broken link")).unwrap();
        mknodat(CWD, at("fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
        // Headers under names that are no tags: hidden, with a control character, and like a data file's.
        for name in [".hidden", "a\nb", &format!("b_{}", "0f".repeat(16))] {
            std::fs::copy(&header, at(name)).unwrap();
        }
        assert_eq!(kinds(&store), [("a".to_owned(), "array")]);
        assert_eq!(store.tags().unwrap(), ["a"]);
        // Only the header makes an entry: a data file without one is left over.
        std::fs::remove_file(header).unwrap();
        assert_eq!(kinds(&store), []);
    }

    /// Runs `look` as a user who is not root: on a thread of its own, whose user is changed. `None` if that is not allowed
    /// here.
    fn as_a_plain_user<T: Send>(look: impl FnOnce() -> T + Send) -> Option<T> {
        if !geteuid().is_root() {
            return Some(look());
        }
        let other = Uid::from_raw(OTHER);
        let thread = || set_thread_res_uid(other, other, other).is_ok().then(look);
        std::thread::scope(|scope| scope.spawn(thread).join().unwrap())
    }

    #[test]
    fn what_this_user_may_not_read_is_an_entry_if_it_has_data_files() {
        let (directory, store) = store();
        let [header, _] = array(&store, "private");
        array(&store, "public");
        std::fs::write(directory.path().join("foreign"), "some text").unwrap();
        let mode = |name: &str, mode| {
            let path = directory.path().join(name);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("", 0o755);
        mode("private", 0o200);
        mode("public", 0o644);
        // Without data files of its name, nothing says that it is an array.
        mode("foreign", 0o200);
        let owner = header.metadata().unwrap().uid();
        let Some(entries) = as_a_plain_user(|| store.entries().unwrap()) else {
            println!(
                "\nskipped: what_this_user_may_not_read_is_an_entry_if_it_has_data_files: uid {OTHER} is not to be had"
            );
            return;
        };
        let found: Vec<&str> = entries.iter().map(|entry| &entry.tag[..]).collect();
        assert_eq!(found, ["private", "public"]);
        assert!(matches!(entries[1].kind, EntryKind::Array), "{entries:?}");
        let EntryKind::Unreadable(error) = &entries[0].kind else { panic!("{entries:?}") };
        match error {
            Error::NotOwner { path, found, expected: OTHER } => assert_eq!((path, *found), (&header, owner)),
            error => assert!(owner != 0 && is_refused(error), "{error}"),
        }
        assert_eq!(as_a_plain_user(|| store.tags().unwrap()).unwrap(), ["public"]);
    }
}
