//! User namespaces with different maps of uids, as rootless engines make them. One user, whom each side sees under
//! another uid, shares everything. Users whose maps do not overlap are other users to each other, also if they are root
//! inside.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ndsharray::{Error, Store};

use super::until_dead;
use crate::common::process::{MARK, Process, Watchdog, hear, in_role, place, role, say};
use crate::common::sandbox::{OTHER, directory, fails, files, is_root, set_mode, skip, under, works};
use crate::common::test_name;

/// The first uid outside of two containers.
const RANGES: [u32; 2] = [100_000, 200_000];
/// The uid that stands for all users who are not mapped.
const UNMAPPED: u32 = 65534;

fn permitted(test: &str, options: &[&str]) -> bool {
    let permitted = works(Command::new("unshare").args(options).arg("true"));
    if !permitted {
        skip(test, &format!("user namespaces are not permitted here (unshare {})", options.join(" ")));
    }
    permitted
}

/// Reads what the side before wrote, takes its tag over while it lives, writes, and waits for the next side's value.
fn one_after_another(uid: u32) {
    assert_eq!(rustix::process::geteuid().as_raw(), uid);
    let store = Store::open(place()).unwrap();
    let mut reader = store.reader("a").unwrap();
    let before = reader.read().unwrap().unwrap();
    assert!(!before.is_copy(), "the user's own, so it may pin");
    assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })));
    let mut writer = store.writer_options("a").takeover(true).open().unwrap();
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
    let mine = before.as_slice::<u32>().unwrap()[0] + 1;
    // In the memory of the takeover, then in a new data file.
    for length in [1, 10_000] {
        writer.write_slice(&vec![mine; length], &[length]).unwrap();
    }
    // What the takeover copied, then these.
    let mut seen = 0;
    while seen != 10_000 {
        seen = reader.wait(Duration::from_secs(60)).unwrap().expect("a value within a minute").shape()[0];
    }
    say("written");
    let next = reader.wait(Duration::from_secs(60)).unwrap().expect("the next one's value within a minute");
    assert!(!next.is_copy());
    let refused = writer.write_slice(&[0_u32], &[1]);
    assert!(matches!(refused, Err(Error::Superseded { .. })), "{refused:?}");
    assert_eq!(hear(), "end");
}

#[test]
fn one_user_under_different_uids() {
    let test = test_name!();
    if let Some(role) = role() {
        return one_after_another(role.parse().unwrap());
    }
    let _watchdog = Watchdog::new(test);
    let dir = directory();
    let store = Store::open(dir.path()).unwrap();
    // A user who is not root outside, as root has every permission.
    let outside = if is_root() { OTHER } else { rustix::process::geteuid().as_raw() };
    if is_root() {
        std::os::unix::fs::chown(dir.path(), Some(OTHER), Some(OTHER)).unwrap();
    }
    let sides: [(&[&str], u32); 4] = [
        (&["--user", "--map-root-user"], 0),
        (&["--user", "--map-user=1000", "--map-group=1000"], 1000),
        (&["--user"], UNMAPPED),
        (&["--user", "--map-current-user"], outside),
    ];
    if !permitted(test, sides[1].0) {
        return;
    }
    let mut first = store.writer("a").unwrap();
    first.write_slice(&[0_u32], &[1]).unwrap();
    if is_root() {
        for name in files(dir.path()) {
            std::os::unix::fs::chown(dir.path().join(name), Some(OTHER), Some(OTHER)).unwrap();
        }
    }
    let mut earlier: Option<Process> = None;
    for (options, uid) in sides {
        let mut command = under(options, "", test, &uid.to_string(), dir.path());
        std::os::unix::process::CommandExt::uid(&mut command, outside);
        if is_root() {
            std::os::unix::process::CommandExt::gid(&mut command, OTHER);
            // The current directory may be closed to other users.
            command.current_dir("/");
        }
        let mut side = Process::run(command);
        side.expect("written");
        if let Some(mut earlier) = earlier.replace(side) {
            earlier.tell("end");
            earlier.end();
        }
    }
    let last = store.reader("a").unwrap().latest().unwrap();
    assert_eq!(last.as_slice::<u32>().unwrap(), vec![4; 10_000]);
    assert!(matches!(first.write_slice(&[0_u32], &[1]), Err(Error::Superseded { .. })));
    store.writer_options("a").takeover(true).open().unwrap().write_slice(&[5_u32], &[1]).unwrap();
    let mut earlier = earlier.unwrap();
    earlier.tell("end");
    earlier.end();
    assert_eq!(files(dir.path()).len(), 2);
}

/// Starts a role as `uid` of a user namespace in which 0 to 65533 are those from `RANGES[range]` on outside.
fn mapped(range: usize, uid: u32, test: &str, role: &str, place: &Path) -> Process {
    let script = format!(
        "echo '{MARK}unshared'; read _; exec setpriv --reuid {uid} --regid {uid} --clear-groups \
         --inh-caps=-all --ambient-caps=-all \"$@\""
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--keep-caps", "sh", "-c", &script, "sh"]);
    command.arg(std::env::current_exe().unwrap()).current_dir("/");
    let mut process = Process::run(in_role(command, test, role, place));
    process.expect("unshared");
    for map in ["uid_map", "gid_map"] {
        let path = format!("/proc/{}/{map}", process.pid());
        std::fs::write(path, format!("0 {} {UNMAPPED}\n", RANGES[range])).unwrap();
    }
    process.tell("");
    process
}

fn refuses_all(store: &Store, tag: &str, owner: u32) {
    let (path, uid) = (store.directory().join(tag), rustix::process::geteuid().as_raw());
    for error in [
        fails(store.writer(tag), path.to_str().unwrap()),
        fails(store.writer_options(tag).takeover(true).open(), path.to_str().unwrap()),
        fails(store.remove(tag), path.to_str().unwrap()),
        fails(store.force_remove(tag), path.to_str().unwrap()),
    ] {
        assert!(
            matches!(error, Error::NotOwner { found, expected, .. } if (found, expected) == (owner, uid)),
            "{tag}: {error:?}"
        );
        assert!(error.to_string().contains(&format!("uid {owner}")), "{error}");
        assert_eq!(error.to_string().contains("user namespace"), owner == UNMAPPED, "{error}");
    }
}

fn of_the_other_container() {
    let store = Store::open(place()).unwrap();
    // The modes say who may read and pin, as for any other user; only the owner writes.
    for (tag, readable, pins) in [("private", false, false), ("readable", true, false), ("open", true, true)]
    {
        match store.reader(tag).and_then(|reader| reader.latest()) {
            Ok(value) => {
                assert_eq!((true, !value.is_copy(), value.bytes()), (readable, pins, tag.as_bytes()))
            }
            Err(Error::NotOwner { found: UNMAPPED, .. }) => assert!(!readable, "{tag}"),
            Err(error) => panic!("{tag}: {error:?}"),
        }
        refuses_all(&store, tag, UNMAPPED);
    }
    assert_eq!(store.tags().unwrap(), ["gone", "open", "readable"]);
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
    // It can have tags of its own.
    let own = format!("own {}", rustix::process::geteuid().as_raw());
    store.writer(&own).unwrap().write_slice(&[1_u8], &[1]).unwrap();
    store.remove(&own).unwrap();
}

fn apart(role: &str) {
    let store = Store::open(place()).unwrap();
    match role {
        "owner" => {
            let mut writers = Vec::new();
            for (tag, mode) in [("private", 0o600), ("readable", 0o644), ("open", 0o666)] {
                let mut writer = store.writer_options(tag).mode(mode).open().unwrap();
                writer.write_slice(tag.as_bytes(), &[tag.len()]).unwrap();
                writers.push(writer);
            }
            let mut unfinished = store.writer_options("gone").mode(0o666).ephemeral(true).open().unwrap();
            unfinished.write_slice(&[1_u8], &[1]).unwrap();
            let loan = unfinished.loan::<u8>(&[10_000]);
            say("ready");
            if hear() == "leave" {
                drop(loan);
            }
        }
        "other" => of_the_other_container(),
        // Another user in the owner's own container: root there is mapped, so it is known by its uid.
        "neighbour" => {
            assert!(store.reader("private").is_err());
            refuses_all(&store, "private", 0);
            refuses_all(&store, "open", 0);
        }
        "user" => store.writer("users").unwrap().write_slice(b"user", &[4]).map(drop).unwrap(),
        // Root over a user whom its own namespace maps.
        "root of the user" => {
            let mut writer = store.writer("users").unwrap();
            writer.write_slice(&[b'r'; 9000], &[9000]).unwrap();
        }
        "user again" => {
            let mut writer = store.writer("users").unwrap();
            assert_eq!(store.reader("users").unwrap().latest().unwrap().bytes(), [b'r'; 9000]);
            writer.write_slice(b"again", &[5]).unwrap();
            drop(writer);
            store.remove("users").unwrap();
        }
        "sweeper" => {
            let removed = store.gc().unwrap().removed;
            assert!(removed.contains(&"gone".to_owned()), "{removed:?}");
        }
        other => panic!("{other}?"),
    }
}

#[test]
fn users_who_are_mapped_apart() {
    let test = test_name!();
    if let Some(role) = role() {
        return apart(&role);
    }
    let _watchdog = Watchdog::new(test);
    if !is_root() {
        return skip(test, "needs root, to write the maps of user namespaces");
    }
    if !permitted(test, &["--user", "--keep-caps"]) {
        return;
    }
    for mode in [0o1777, 0o777] {
        let dir = directory();
        set_mode(dir.path(), mode);
        let side = |range, uid, role| mapped(range, uid, test, role, dir.path());
        let mut owner = side(0, 0, "owner");
        owner.expect("ready");
        let host = Store::open(dir.path()).unwrap();
        assert_eq!(host.stat("private").unwrap().uid, RANGES[0]);
        let look_on = || {
            let before = files(dir.path());
            side(1, 0, "other").end();
            side(1, 1000, "other").end();
            side(0, 1000, "neighbour").end();
            assert_eq!(files(dir.path()), before);
        };
        look_on();
        let _input = owner.kill();
        until_dead(&host, "gone");
        // What a killed writer left is for its own user to tidy away.
        look_on();
        side(0, 0, "sweeper").end();
        assert_eq!(files(dir.path()).len(), 6, "{:?}", files(dir.path()));
        side(0, 1000, "user").end();
        assert_eq!(host.stat("users").unwrap().uid, RANGES[0] + 1000);
        side(0, 0, "root of the user").end();
        assert_eq!(host.stat("users").unwrap().uid, RANGES[0] + 1000);
        side(0, 1000, "user again").end();
        // Root outside may do everything to all of them.
        for tag in ["private", "readable", "open"] {
            let mut writer = host.writer(tag).unwrap();
            assert_eq!(writer.write_slice(&[9_u8; 5000], &[5000]).unwrap(), 2);
            drop(writer);
            assert_eq!(host.stat(tag).unwrap().uid, RANGES[0]);
            host.remove(tag).unwrap();
        }
        assert_eq!(files(dir.path()), [""; 0]);
    }
}
