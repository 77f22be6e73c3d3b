//! The directory in which an input is tried, with files in it that are nobody's business.

use std::cell::Cell;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use super::base::{self, DATA, TAG};
use super::patch::Files;

/// Names that a store must leave alone: a stranger's, those of a tag's data files (one of them that of number 3, which is given
/// to another file then) and temporary files, and no UTF-8 at all.
const FOREIGN: [&[u8]; 8] = [
    b"foreign",
    b"a_99999999999999999999999999999999",
    b"a_44444444444444443333330000000003",
    b"b_44444444444444443333330000000001",
    b".a_0123456789abcdef.tmp",
    b".a_0123456789abcdef.ndsharray-tmp",
    b"a\n",
    b"\xff\xfe",
];

/// A directory that belongs to the fuzzer alone. Dropped, it is removed.
pub struct Place {
    pub dir: PathBuf,
    /// The same directory, where it is mounted read-only.
    pub readonly: Option<PathBuf>,
    bases: Vec<Files>,
    foreign: Vec<Foreign>,
    /// Inputs tried.
    tried: Cell<u32>,
}

struct Foreign {
    path: PathBuf,
    stamp: [i64; 8],
    contents: Vec<u8>,
}

impl Place {
    /// Makes a directory in `parent`; `parent-ro`, if it is there, is the same one read-only.
    pub fn new(parent: &Path) -> Place {
        let name = std::process::id().to_string();
        let dir = parent.join(&name);
        fs::create_dir(&dir).unwrap();
        let bases = base::make(&dir);
        for name in FOREIGN {
            let path = dir.join(std::ffi::OsStr::from_bytes(name));
            fs::write(path, [b"not yours: ", name].concat()).unwrap();
        }
        symlink("foreign", dir.join("link")).unwrap();
        fs::hard_link(dir.join("foreign"), dir.join("a_88888888888888888888888888888888")).unwrap();
        let entries = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
        let foreign =
            entries.map(|path| Foreign { stamp: stamp(&path), contents: contents(&path), path }).collect();
        let mut readonly = parent.as_os_str().to_owned();
        readonly.push("-ro");
        let readonly = Some(Path::new(&readonly).join(name)).filter(|path| path.join("foreign").exists());
        Place { dir, readonly, bases, foreign, tried: Cell::new(0) }
    }

    /// A valid tag.
    pub fn base(&self, choice: u8) -> Files {
        self.bases[usize::from(choice) % self.bases.len()].clone()
    }

    /// Puts the tag's files there.
    pub fn put(&self, files: &Files) {
        fs::write(self.dir.join(TAG), &files.header).unwrap();
        fs::write(self.dir.join(DATA), &files.data).unwrap();
    }

    /// Removes what was made, and checks that the rest is as it was.
    pub fn clear(&self) {
        self.tried.set(self.tried.get() + 1);
        let mut foreign = 0;
        for entry in fs::read_dir(&self.dir).unwrap() {
            let path = entry.unwrap().path();
            match self.foreign.iter().find(|known| known.path == path) {
                Some(known) => {
                    assert_eq!(known.stamp, stamp(&path), "{path:?} was changed");
                    foreign += 1;
                }
                None => fs::remove_file(&path).unwrap(),
            }
        }
        assert_eq!(foreign, self.foreign.len(), "a foreign file is gone");
        // A change through a mapping may leave no stamp; looked at less often, as it takes long.
        if self.tried.get() % 64 == 0 {
            for known in &self.foreign {
                assert_eq!(known.contents, contents(&known.path), "{:?} was changed", known.path);
            }
        }
    }

    /// The bytes of our two files, if they are there.
    pub fn picture(&self) -> [Option<Vec<u8>>; 2] {
        [TAG, DATA].map(|name| fs::read(self.dir.join(name)).ok())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn stamp(path: &Path) -> [i64; 8] {
    let status = path.symlink_metadata().unwrap();
    [
        status.ino() as i64,
        status.nlink() as i64,
        status.size() as i64,
        i64::from(status.mode()),
        status.mtime(),
        status.mtime_nsec(),
        status.ctime(),
        status.ctime_nsec(),
    ]
}

fn contents(path: &Path) -> Vec<u8> {
    if path.is_symlink() { Vec::new() } else { fs::read(path).unwrap() }
}
