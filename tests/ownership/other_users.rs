//! More about users who are not the owner of a tag: groups that are not a user's first one, what a killed writer of
//! another user left, and directories that a user may not enter. Needs root, to run children as other users by
//! `setpriv`.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use ndsharray::{Error, Store};

use crate::common::process::{Process, Watchdog, hear, in_role, place, role, say};
use crate::common::sandbox::{self, OTHER, fails, files, is_root, set_mode, skip};
use crate::common::test_name;

/// A third user, and a group of both.
const THIRD: u32 = 54323;
const GROUP: u32 = 54324;

/// Starts a role of a test as a user, with a group beside its own.
fn start(uid: u32, groups: &[u32], test: &str, role: &str, place: &Path) -> Process {
    let (user, group) = (uid.to_string(), groups.first().map(u32::to_string));
    let mut command = Command::new("sh");
    // The binary by an open descriptor: only root may be able to search the directories above it.
    let script = "exec 3<\"$1\"; shift; exec \"$@\"";
    command.args(["-c", script, "sh"]).arg(std::env::current_exe().unwrap()).current_dir("/");
    command.args(["setpriv", "--reuid", &user, "--regid", &user]);
    match &group {
        None => command.arg("--clear-groups"),
        Some(group) => command.args(["--groups", group]),
    };
    command.args(["--inh-caps=-all", "--bounding-set=-all", "--", "/proc/self/fd/3"]);
    Process::run(in_role(command, test, role, place))
}

fn directory(test: &str, mode: u32) -> Option<tempfile::TempDir> {
    if !is_root() {
        skip(test, "needs root, to run children as other users");
        return None;
    }
    let dir = sandbox::directory();
    set_mode(dir.path(), mode);
    Some(dir)
}

fn owners(dir: &Path) -> Vec<(u32, u32, u32)> {
    let look = |name: &String| dir.join(name).symlink_metadata().unwrap();
    let status = files(dir).iter().map(look).collect::<Vec<_>>();
    status.iter().map(|status| (status.uid(), status.gid(), status.mode() & 0o7777)).collect()
}

/// The files get the directory's group, in which both users are, beside their own groups.
#[test]
fn a_group_that_two_users_share() {
    let test = test_name!();
    if let Some(role) = role() {
        let store = Store::open(place()).unwrap();
        if role == "writer" {
            let mut writer = store.writer_options("a").mode(0o660).open().unwrap();
            for length in [10, 20_000] {
                writer.write_slice(&vec![1_u8; length], &[length]).unwrap();
                assert_eq!(owners(store.directory()), [(OTHER, GROUP, 0o660); 2], "{length}");
            }
            say("written");
            assert_eq!(hear(), "pinned");
            for i in 0..20 {
                writer.write_slice(&[i; 3], &[3]).unwrap();
            }
            say("written");
            hear();
            return;
        }
        let reader = store.reader("a");
        if role == "stranger" {
            let error = fails(reader, store.directory().join("a").to_str().unwrap());
            assert!(matches!(error, Error::NotOwner { found: OTHER, expected: THIRD, .. }), "{error:?}");
            assert!(error.to_string().contains(&format!("another user, uid {OTHER}")), "{error}");
            return;
        }
        let value = reader.unwrap().latest().unwrap();
        assert!(!value.is_copy());
        say("held");
        assert_eq!(hear(), "written");
        assert_eq!(value.bytes(), [1; 20_000]);
        // Reading and pinning is what the group may; writing is the owner's.
        for outcome in [store.writer("a").map(drop), store.remove("a"), store.force_remove("a")] {
            assert!(matches!(outcome, Err(Error::NotOwner { found: OTHER, expected: THIRD, .. })));
        }
        return;
    }
    let _watchdog = Watchdog::new(test);
    let Some(dir) = directory(test, 0o755) else { return };
    std::os::unix::fs::chown(dir.path(), None, Some(GROUP)).unwrap();
    set_mode(dir.path(), 0o3775);
    let mut writer = start(OTHER, &[GROUP], test, "writer", dir.path());
    writer.expect("written");
    let mut reader = start(THIRD, &[GROUP], test, "reader", dir.path());
    reader.expect("held");
    writer.tell("pinned");
    writer.expect("written");
    reader.tell("written");
    reader.end();
    start(THIRD, &[], test, "stranger", dir.path()).end();
    writer.tell("end");
    writer.end();
}

/// In a directory for all users, only the user of a killed writer can remove what it left, with the sticky bit or
/// without.
#[test]
fn what_another_user_left() {
    let test = test_name!();
    if let Some(role) = role() {
        let store = Store::open(place()).unwrap();
        match role.as_str() {
            "victim" => {
                let mut writer = store.writer_options("e").mode(0o666).ephemeral(true).open().unwrap();
                writer.write_slice(&[1_u8], &[1]).unwrap();
                let _loan = writer.loan::<u8>(&[100_000]).unwrap();
                say("filling");
                hear();
            }
            "stranger" => {
                assert_eq!(store.gc().unwrap().removed, [""; 0]);
                // An ephemeral open looks for what killed ephemeral writers left, too.
                let mut own = store.writer_options("own").ephemeral(true).open().unwrap();
                own.write_slice(&[1_u8], &[1]).unwrap();
                let error = fails(store.writer("e"), store.directory().join("e").to_str().unwrap());
                assert!(matches!(error, Error::NotOwner { found: OTHER, expected: THIRD, .. }), "{error:?}");
                assert_eq!(store.reader("e").unwrap().latest().unwrap().bytes(), [1]);
            }
            _ => assert_eq!(
                store.gc().unwrap().removed.len(),
                3,
                "the tag, its data file, and the temporary file"
            ),
        }
        return;
    }
    let _watchdog = Watchdog::new(test);
    for mode in [0o1777, 0o777] {
        let Some(dir) = directory(test, mode) else { return };
        let mut victim = start(OTHER, &[], test, "victim", dir.path());
        victim.expect("filling");
        let left = files(dir.path());
        assert_eq!(left.len(), 3, "{left:?}");
        drop(victim.kill());
        start(THIRD, &[], test, "stranger", dir.path()).end();
        assert_eq!(files(dir.path()), left);
        start(OTHER, &[], test, "owner", dir.path()).end();
        assert_eq!(files(dir.path()), [""; 0]);
    }
}

/// Directories that a user may not search, not list, or not write to.
#[test]
fn directories_that_do_not_let_one_in() {
    let test = test_name!();
    if let Some(role) = role() {
        let store = Store::open(place().join("store")).unwrap();
        let path = store.directory().to_str().unwrap().to_owned();
        let denied = |text: String| assert!(text.contains(&path) && text.contains("denied"), "{text}");
        match role.as_str() {
            "700" => {
                denied(store.reader("a").unwrap_err().to_string());
                denied(store.writer("a").unwrap_err().to_string());
                denied(store.tags().unwrap_err().to_string());
                denied(store.gc().unwrap_err().to_string());
            }
            // A user who knows the name can read.
            "711" => {
                assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1]);
                denied(store.tags().unwrap_err().to_string());
                denied(store.writer("b").unwrap_err().to_string());
            }
            _ => {
                assert_eq!(store.tags().unwrap(), ["a"]);
                assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1]);
                denied(store.writer("b").unwrap_err().to_string());
            }
        }
        return;
    }
    let _watchdog = Watchdog::new(test);
    let Some(dir) = directory(test, 0o755) else { return };
    std::fs::create_dir(dir.path().join("store")).unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    store.writer_options("a").mode(0o644).open().unwrap().write_slice(&[1_u8], &[1]).unwrap();
    for mode in [0o700, 0o711, 0o755] {
        set_mode(store.directory(), mode);
        start(THIRD, &[], test, &format!("{mode:o}"), dir.path()).end();
        assert_eq!(files(store.directory()).len(), 2);
    }
}
