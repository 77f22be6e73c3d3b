//! A store of a few MiB that gets full.

use std::path::{Path, PathBuf};

use ndsharray::{Error, Store, Writer};

use crate::common::sandbox::{fails, run};

pub const KIB: usize = 1 << 10;

/// Mounts a tmpfs of that size over the directory.
pub fn mount(dir: &Path, options: &str) -> Store {
    assert!(run("mount", &[&"-t", &"tmpfs", &"-o", &options, &"none", &dir]), "mount of {options}");
    Store::open(dir).unwrap()
}

/// A file that takes space; dropped, it is removed.
pub struct Ballast(PathBuf);

impl Ballast {
    /// Takes all the space but `left` bytes.
    pub fn all_but(dir: &Path, left: u64) -> Ballast {
        let path = dir.join("ballast");
        let file = std::fs::File::create(&path).unwrap();
        let free = fs2::available_space(dir).unwrap();
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, free - left).unwrap();
        assert_eq!(fs2::available_space(dir).unwrap(), left);
        Ballast(path)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn value(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

pub fn write(writer: &mut Writer, seed: u8, length: usize) -> ndsharray::Result<u64> {
    writer.write_slice(&value(seed, length), &[length])
}

#[track_caller]
pub fn reads(store: &Store, seed: u8, length: usize) {
    let read = store.reader("a").unwrap().latest().unwrap();
    assert!(read.bytes() == value(seed, length), "value {seed} of {length} bytes, got {read:?}");
    assert!(!read.is_copy());
}

/// Checks that it is `NoSpace`, and that its figures are those of the mount.
#[track_caller]
pub fn full<T: std::fmt::Debug>(
    outcome: ndsharray::Result<T>,
    dir: &Path,
    least: usize,
    size: usize,
) -> String {
    let error = fails(outcome, dir.to_str().unwrap());
    let text = error.to_string();
    let Error::NoSpace { path, wanted, free, total, .. } = error else { panic!("{error:?}") };
    assert_eq!((path.as_path(), total), (dir, size as u64), "{text}");
    assert!(wanted >= least as u64 && free < wanted && free < total, "at least {least} wanted: {text}");
    text
}
