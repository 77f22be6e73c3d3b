//! What the kernel refuses: its error number is in the error, whichever call it was.

use std::error::Error as _;
use std::io;
use std::path::Path;

use ndsharray::{Error, Result, Store};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::small_store::{Ballast, KIB, mount};
use crate::common::sandbox::{fails, files, in_child, run, text, with_mounts};
use crate::common::test_name;

/// The number in the error, which must name `what`.
#[track_caller]
fn number<T: std::fmt::Debug>(outcome: Result<T>, what: &Path) -> i32 {
    let error = fails(outcome, text(what));
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let number = source.and_then(io::Error::raw_os_error);
    number.unwrap_or_else(|| panic!("no number is in {error:?}"))
}

fn limit(resource: Resource, current: Option<u64>) {
    setrlimit(resource, Rlimit { current, ..getrlimit(resource) }).unwrap();
}

#[test]
fn no_descriptor_for_a_temporary_file() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    limit(Resource::Nofile, Some(64));
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    // With none left the temporary file cannot be made, with one left not be opened again for its lock, and so on.
    for left in 0..10_usize {
        let length = 10_000 * (left + 1);
        let outcomes = [
            store.writer("new").map(drop),
            store.writer_options("a").takeover(true).open().map(drop),
            store.reader("a").map(drop),
            store.stat("a").map(drop),
            store.tags().map(drop),
            store.remove("b").map(drop),
            writer.write_slice(&vec![1_u8; length], &[length]).map(drop),
        ];
        for outcome in outcomes {
            match outcome {
                Ok(()) => assert!(left > 0),
                // The takeover went through, or there is no such tag.
                Err(Error::Superseded { .. } | Error::NotFound { .. }) => {}
                refused => assert_eq!(number(refused, &dir), libc::EMFILE, "{left} left"),
            }
        }
        hoard.pop();
    }
}

/// Neither a new data file nor one that is there can be mapped. That one is not taken for damaged: its value stays.
#[test]
fn no_address_space_for_a_mapping() {
    const SIZE: usize = 96 << 20;
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    let mut loan = writer.loan::<u8>(&[SIZE]).unwrap();
    loan.as_mut_slice()[SIZE - 1] = 7;
    loan.publish().unwrap();
    drop(writer);
    let before = files(&dir);
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages = pages.split(' ').next().unwrap().parse::<u64>().unwrap();
    limit(Resource::As, Some(pages * rustix::param::page_size() as u64 + SIZE as u64 / 3));
    assert_eq!(number(store.writer("b").unwrap().loan::<u8>(&[SIZE]).map(|_| ()), &dir), libc::ENOMEM);
    for takeover in [false, true] {
        let opened = store.writer_options("a").takeover(takeover).open();
        assert_eq!(number(opened, &dir), libc::ENOMEM, "takeover: {takeover}");
    }
    let reader = store.reader("a").unwrap();
    assert_eq!(number(reader.latest(), &dir), libc::ENOMEM);
    limit(Resource::As, None);
    store.remove("b").unwrap();
    assert_eq!(files(&dir), before);
    assert_eq!(reader.latest().unwrap().bytes()[SIZE - 1], 7);
}

/// Beyond the limit the kernel would send SIGXFSZ, which kills; also at the first byte of a file.
#[test]
fn files_that_may_not_be_so_large() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    for bytes in [0, 1, 4096] {
        limit(Resource::Fsize, Some(bytes));
        assert_eq!(number(store.writer("a"), &dir), libc::EFBIG, "{bytes}");
    }
    limit(Resource::Fsize, Some(100 << 10));
    let mut writer = store.writer("a").unwrap();
    assert_eq!(number(writer.loan::<u8>(&[100 * KIB]).map(|_| ()), &dir), libc::EFBIG);
}

#[test]
fn a_full_store_and_a_read_only_one() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let ballast = Ballast::all_but(&dir, 4096);
    assert_eq!(number(store.writer("new"), &dir), libc::ENOSPC);
    assert_eq!(number(store.writer_options("a").takeover(true).open(), &dir), libc::ENOSPC);
    assert_eq!(number(writer.loan::<u8>(&[100 * KIB]).map(|_| ()), &dir), libc::ENOSPC);
    // More than one call of the kernel would ask for.
    assert_eq!(number(writer.loan::<u8>(&[100 << 20]).map(|_| ()), &dir), libc::ENOSPC);
    drop((ballast, writer));
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    assert!(run("mount", &[&"-o", &"remount,ro", &dir]));
    for tag in ["a", "new"] {
        assert_eq!(number(store.writer(tag), &dir), libc::EROFS, "{tag}");
    }
    assert_eq!(number(store.remove("a"), &dir), libc::EROFS);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1]);
}

/// A tmpfs without a free inode says what a full one does.
#[test]
fn no_inode_for_a_temporary_file() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m,nr_inodes=3");
    std::fs::write(dir.join("other"), "").unwrap();
    std::fs::write(dir.join("more"), "").unwrap();
    let outcome = store.writer("a");
    assert!(matches!(&outcome, Err(Error::NoSpace { .. })), "{outcome:?}");
    assert_eq!(number(outcome, &dir), libc::ENOSPC);
}
