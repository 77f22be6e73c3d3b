//! Sparse copies of a tag's files on a store that is full: there is no storage for what is zero.

use std::time::Duration;

use ndsharray::{Error, Store};

use super::small_store::{Ballast, KIB, mount};
use crate::common::reading::give_up_permission;
use crate::common::sandbox::{files, is_root, run, set_mode, skip, with_mounts};
use crate::common::test_name;

/// A reader that may not write copies the value, or is told why not. To touch a page without storage would be a SIGBUS.
#[test]
fn a_copying_reader_of_a_sparse_copy() {
    let test = test_name!();
    let Some(dir) = with_mounts(test, "") else { return };
    if !is_root() {
        return skip(test, "needs root, to read as another user");
    }
    let store = mount(&dir, "size=16m");
    let copy = dir.join("copy");
    std::fs::create_dir(&copy).unwrap();
    [&dir, &copy].into_iter().for_each(|path| set_mode(path, 0o755));
    let lengths = [100, 30 * KIB, 300 * KIB, 3000 * KIB];
    let value = |length: usize| {
        // Zeros but for the ends, so that most of it is left out of the copy.
        let mut value = vec![0_u8; length];
        (value[0], value[length - 1]) = (5, 7);
        value
    };
    for (i, &length) in lengths.iter().enumerate() {
        let tag = format!("t{i}");
        let mut writer = store.writer_options(&tag).mode(0o644).open().unwrap();
        writer.write_slice(&value(length), &[length]).unwrap();
    }
    for name in files(&dir).iter().filter(|name| *name != "copy") {
        assert!(run("cp", &[&"--sparse=always", &dir.join(name), &copy.join(name)]));
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    let _ballast = Ballast::all_but(&dir, 0);
    give_up_permission(&store, "uid").unwrap();
    let store = Store::open(&copy).unwrap();
    let mut whole = 0;
    for (i, &length) in lengths.iter().enumerate() {
        let mut reader = store.reader(&format!("t{i}")).unwrap();
        for wait in [false, true, false] {
            let found = if wait {
                reader.wait(Duration::ZERO).map(|found| found.expect("a value that was not returned yet"))
            } else {
                reader.latest()
            };
            match found {
                Ok(found) => {
                    assert!(found.is_copy());
                    assert!(found.bytes() == value(length), "{length} bytes");
                    whole += 1;
                }
                Err(Error::NoSpace { .. } | Error::Io { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(store.stat(&format!("t{i}")).unwrap().value.unwrap().nbytes, length);
    }
    println!("\nfigures: sparse copies on a full store: {whole} of {} values copied", 3 * lengths.len());
    assert!(whole > 0);
}
