//! Who may do what: the modes of files, readers of other users and groups, and the owner's rights over a tag.
//! Other users are children that changed their uid and gid, so most of it needs root.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use ndsharray::{Error, Meta, Store};

use crate::common::process::{Process, Watchdog, command, hear, place, role, say};
use crate::common::sandbox::{
    OTHER, as_user, directory, fails, files, finish, is_root, picture, set_mode, skip, store,
};
use crate::common::test_name;

/// A group that the group tests share; nobody's primary group.
const GROUP: u32 = 54322;

fn modes(dir: &Path) -> Vec<u32> {
    files(dir).iter().map(|name| dir.join(name).symlink_metadata().unwrap().mode() & 0o7777).collect()
}

/// A directory that everybody may search and read; `None` if this is not root, who alone can become others.
fn shared(test: &str, mode: u32) -> Option<(tempfile::TempDir, Store)> {
    if !is_root() {
        skip(test, "needs root, to run children as other users");
        return None;
    }
    let dir = directory();
    set_mode(dir.path(), mode);
    let store = Store::open(dir.path()).unwrap();
    Some((dir, store))
}

/// Runs the test's child part as another user to its end.
#[track_caller]
fn other(test: &str, role: &str, dir: &Path) {
    finish(as_user(OTHER, OTHER, test, role, dir));
}

/// Everything that makes files: a first value, a new segment, a layout change in place, takeover, adoption.
#[track_caller]
fn all_have(dir: &Path, mode: Option<u32>) {
    let store = Store::open(dir).unwrap();
    let options = |takeover| {
        let options = store.writer_options("a").takeover(takeover);
        mode.map_or(options.clone(), |mode| options.mode(mode))
    };
    let expected = vec![mode.unwrap_or(0o600); 2];
    let mut writer = options(false).open().unwrap();
    assert_eq!(modes(dir), expected[..1]);
    for length in [10, 100_000, 5_000] {
        writer.write_slice(&vec![1_u8; length], &[length]).unwrap();
        assert_eq!(modes(dir), expected, "{length} bytes");
    }
    let mut next = options(true).open().unwrap();
    assert_eq!(modes(dir), expected, "takeover");
    drop((writer, next.write_slice(&[1_u8; 9], &[9]).unwrap(), next));
    // Adoption without a mode keeps the mode.
    let mut writer = store.writer("a").unwrap();
    for length in [10, 1_000_000] {
        writer.write_slice(&vec![1_u8; length], &[length]).unwrap();
        assert_eq!(modes(dir), expected, "adopted, {length} bytes");
    }
    let next = store.writer_options("a").takeover(true).open().unwrap();
    assert_eq!(modes(dir), expected, "takeover of an adopted tag");
    drop((writer, next));
    store.remove("a").unwrap();
}

#[test]
fn whatever_the_umask() {
    if let Some(role) = role() {
        assert_eq!(u32::from_str_radix(&role, 8).unwrap(), umask());
        for mode in [None, Some(0o600), Some(0o640), Some(0o660), Some(0o644), Some(0o666)] {
            all_have(&place(), mode);
        }
        return;
    }
    let _watchdog = Watchdog::new(test_name!());
    let dir = directory();
    for umask in [0, 0o077, 0o777] {
        let mut command = command(test_name!(), &format!("{umask:o}"), dir.path());
        // SAFETY: umask is async-signal-safe and touches nothing of this process.
        unsafe {
            command.pre_exec(move || {
                rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
                Ok(())
            });
        }
        finish(command);
        assert_eq!(files(dir.path()), [""; 0]);
    }
}

fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap();
    u32::from_str_radix(line.trim(), 8).unwrap()
}

/// The mode holds for both files, as a reader needs both.
#[test]
fn a_mode_given_on_adoption_is_that_of_both_files() {
    let _watchdog = Watchdog::new(test_name!());
    let (dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    for mode in [0o644, 0o660, 0o600] {
        drop(store.writer_options("a").mode(mode).open().unwrap());
        assert_eq!(modes(dir.path()), [mode; 2]);
        drop(store.writer("a").unwrap());
        assert_eq!(modes(dir.path()), [mode; 2], "kept");
    }
}

#[test]
fn a_mode_holds_for_the_data_file_that_is_adopted() {
    let _watchdog = Watchdog::new(test_name!());
    let (dir, store) = store();
    let mut writer = store.writer_options("a").mode(0o644).open().unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    drop(writer);
    let _writer = store.writer_options("a").mode(0o600).open().unwrap();
    for name in files(dir.path()) {
        let mode = dir.path().join(&name).metadata().unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}: {mode:o}");
    }
}

#[test]
fn a_private_tag_is_closed_to_other_users() {
    let test = test_name!();
    if role().is_some() {
        let store = Store::open(place()).unwrap();
        let path = place().join("a");
        let (path, uids) = (path.to_str().unwrap(), format!("uid 0; this process has uid {OTHER}"));
        for error in [
            fails(store.reader("a"), path),
            fails(store.stat("a"), path),
            fails(store.writer("a"), path),
            fails(store.writer_options("a").takeover(true).open(), path),
            fails(store.remove("a"), path),
            fails(store.force_remove("a"), path),
        ] {
            assert!(matches!(error, Error::NotOwner { found: 0, expected: OTHER, .. }), "{error:?}");
            assert!(error.to_string().contains(&uids), "{error}");
        }
        assert_eq!(store.tags().unwrap(), [""; 0]);
        assert_eq!(store.gc().unwrap().removed, [""; 0]);
        return;
    }
    let _watchdog = Watchdog::new(test);
    for mode in [0o755, 0o1777, 0o777] {
        let Some((dir, store)) = shared(test, mode) else { return };
        let mut writer = store.writer("a").unwrap();
        writer.write_slice(&[1_u8], &[1]).unwrap();
        let before = picture(dir.path());
        other(test, "", dir.path());
        assert_eq!(picture(dir.path()), before);
        drop(writer);
        let before = picture(dir.path());
        other(test, "", dir.path());
        assert_eq!(picture(dir.path()), before);
    }
}

#[test]
fn a_readable_tag_is_still_its_owners() {
    let test = test_name!();
    if role().is_some() {
        let store = Store::open(place()).unwrap();
        let path = place().join("a");
        let path = path.to_str().unwrap();
        for error in [
            fails(store.writer("a"), path),
            fails(store.writer_options("a").takeover(true).open(), path),
            fails(store.writer_options("a").ephemeral(true).open(), path),
            fails(store.remove("a"), path),
            fails(store.force_remove("a"), path),
        ] {
            assert!(matches!(error, Error::NotOwner { found: 0, expected: OTHER, .. }), "{error:?}");
        }
        assert_eq!(store.gc().unwrap().removed, [""; 0]);
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1]);
        return;
    }
    let _watchdog = Watchdog::new(test);
    // 0o666 too: that others may write to the files does not make them writers of the tag.
    for (directory, mode) in
        [(0o755, 0o644), (0o1777, 0o644), (0o777, 0o644), (0o1777, 0o666), (0o777, 0o666)]
    {
        let Some((dir, store)) = shared(test, directory) else { return };
        let mut writer = store.writer_options("a").mode(mode).open().unwrap();
        writer.write_slice(&[1_u8], &[1]).unwrap();
        let names = files(dir.path());
        other(test, "", dir.path());
        drop(writer);
        other(test, "", dir.path());
        assert_eq!(files(dir.path()), names);
    }
}

/// A whole stream as a reader of another user sees it, who gets copies and follows each change of layout.
#[test]
fn a_reader_without_write_permission_copies_and_follows() {
    let test = test_name!();
    if role().is_some() {
        let store = Store::open(place()).unwrap();
        let mut reader = store.reader("a").unwrap();
        assert_eq!(reader.latest().unwrap().as_slice::<u32>().unwrap(), [0; 10]);
        reader.read().unwrap();
        say("ready");
        let (mut last, mut count) = (0, 0);
        while last < 300 {
            let value = reader.wait(Duration::from_secs(60)).unwrap().expect("a value within a minute");
            assert!(value.is_copy());
            // The dtype says what the shape and the elements must be.
            let i = match value.dtype().name() {
                "uint32" => value.as_slice::<u32>().unwrap()[0],
                _ => value.as_slice::<f64>().unwrap()[0] as u32,
            };
            assert_eq!(value.shape(), [10 + i as usize / 50 * 1000]);
            assert_eq!(value.dtype().name(), if i / 50 % 2 == 0 { "uint32" } else { "float64" });
            match value.as_slice::<u32>() {
                Ok(all) => assert!(all.iter().all(|&e| e == i)),
                Err(_) => assert!(value.as_slice::<f64>().unwrap().iter().all(|&e| e == f64::from(i))),
            }
            assert_eq!(value.user_data(), i.to_ne_bytes());
            assert!(value.version() > u64::from(last));
            (last, count) = (i, count + 1);
        }
        assert!(count > 10, "only {count} of 300 values seen");
        assert!(reader.writer_alive().unwrap());
        assert!(reader.wait(Duration::from_millis(20)).unwrap().is_none());
        say("over");
        assert_eq!(hear(), "taken over");
        let value = reader.wait(Duration::from_secs(60)).unwrap().expect("the new header's value");
        assert_eq!((value.bytes(), value.is_copy()), (&[7_u8][..], true));
        return;
    }
    let _watchdog = Watchdog::new(test);
    let Some((dir, store)) = shared(test, 0o755) else { return };
    let mut writer = store.writer_options("a").mode(0o644).open().unwrap();
    writer.write_slice(&[0_u32; 10], &[10]).unwrap();
    let mut child = Process::run(as_user(OTHER, OTHER, test, "reader", dir.path()));
    child.expect("ready");
    for i in 1..=300_u32 {
        let length = 10 + i as usize / 50 * 1000;
        if i / 50 % 2 == 0 {
            let array = ndsharray::ndarray::Array1::from_elem(length, i);
            writer.write_with(&array, &Meta::new().user_data(i.to_ne_bytes()).unwrap()).unwrap();
        } else {
            let array = ndsharray::ndarray::Array1::from_elem(length, f64::from(i));
            writer.write_with(&array, &Meta::new().user_data(i.to_ne_bytes()).unwrap()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.expect("over");
    assert_eq!(store.stat("a").unwrap().value.unwrap().slots.pinned, 0, "copying leaves no pins");
    let mut next = store.writer_options("a").takeover(true).open().unwrap();
    next.write_slice(&[7_u8], &[1]).unwrap();
    child.tell("taken over");
    child.end();
}

/// A group that may write to the files pins; one that may only read them copies.
#[test]
fn a_group_that_may_write_pins() {
    let test = test_name!();
    if let Some(role) = role() {
        let store = Store::open(place()).unwrap();
        let value = store.reader("a").unwrap().latest().unwrap();
        assert_eq!(value.bytes(), [1, 2, 3]);
        assert_eq!(value.is_copy(), role == "copies");
        say("held");
        assert_eq!(hear(), "written");
        assert_eq!(value.bytes(), [1, 2, 3]);
        return;
    }
    let _watchdog = Watchdog::new(test);
    for (mode, role) in [(0o660, "pins"), (0o640, "copies")] {
        let Some((dir, store)) = shared(test, 0o2755) else { return };
        // A directory with the setgid bit gives its group to what is made in it.
        std::os::unix::fs::chown(dir.path(), None, Some(GROUP)).unwrap();
        set_mode(dir.path(), 0o2755);
        let mut writer = store.writer_options("a").mode(mode).open().unwrap();
        writer.write_slice(&[1_u8, 2, 3], &[3]).unwrap();
        let pinned = || store.stat("a").unwrap().value.unwrap().slots.pinned;
        assert_eq!(pinned(), 0);
        let mut child = Process::run(as_user(OTHER, GROUP, test, role, dir.path()));
        child.expect("held");
        assert_eq!(pinned(), usize::from(role == "pins"));
        for i in 0..20 {
            writer.write_slice(&[i; 3], &[3]).unwrap();
        }
        child.tell("written");
        child.end();
        assert_eq!(pinned(), 0);
        assert_eq!(files(dir.path()).len(), 2);
    }
}

/// Root writes to, takes over and removes another user's tag, and the tag stays that user's.
#[test]
fn root_may() {
    let test = test_name!();
    if let Some(role) = role() {
        let store = Store::open(place()).unwrap();
        let mut writer = match role.as_str() {
            "first" => store.writer("a").unwrap(),
            _ => {
                assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), role.as_bytes());
                store.writer("a").unwrap()
            }
        };
        writer.write_slice(b"user", &[4]).unwrap();
        return;
    }
    let _watchdog = Watchdog::new(test);
    let Some((dir, store)) = shared(test, 0o1777) else { return };
    let owners = || -> Vec<(u32, u32)> {
        let status = |name: &String| dir.path().join(name).symlink_metadata().unwrap();
        files(dir.path()).iter().map(status).map(|status| (status.uid(), status.gid())).collect()
    };
    other(test, "first", dir.path());
    assert_eq!(owners(), [(OTHER, OTHER); 2]);
    let mut writer = store.writer("a").unwrap();
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), b"user");
    let long = "root".repeat(3000);
    writer.write_slice(long.as_bytes(), &[12_000]).unwrap();
    assert_eq!(owners(), [(OTHER, OTHER); 2], "root wrote a new data file");
    drop(writer);
    other(test, &long, dir.path());
    let mut writer = store.writer_options("a").takeover(true).open().unwrap();
    let mut writer = {
        writer.write_slice(b"one", &[3]).unwrap();
        store.writer_options("a").takeover(true).open().unwrap()
    };
    assert_eq!(owners(), [(OTHER, OTHER); 2], "root took a living writer's tag over");
    writer.write_slice(b"two", &[3]).unwrap();
    drop(writer);
    other(test, "two", dir.path());
    store.remove("a").unwrap();
    assert_eq!(files(dir.path()), [""; 0]);
}
