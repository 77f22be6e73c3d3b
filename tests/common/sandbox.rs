//! Stores and directories for tests, pictures of them, what an error must say, and sandboxes: children, mount and user
//! namespaces, other users.
//!
//! A test that calls [`in_child`] or [`with_mounts`] runs twice: outside it starts itself in a child, and inside it
//! does its work. Whatever is mounted inside goes with the child, however that ends.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ndsharray::{Error, Store};

use super::process::{Process, command, in_role, place, role};

/// A user and group that is nobody in particular.
pub const OTHER: u32 = 54321;

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says why a test, or a part of one, does not run here. ci/test.sh counts these lines.
pub fn skip(test: &str, reason: &str) {
    println!("\nskipped: {test}: {reason}");
}

/// A new directory in memory, removed at the end.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

/// A store of its own in memory, which everybody may read; removed at the end.
pub fn store() -> (tempfile::TempDir, Store) {
    let directory = directory();
    set_mode(directory.path(), 0o755);
    let store = Store::open(directory.path()).unwrap();
    (directory, store)
}

pub fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The names in a directory, in order.
pub fn files(directory: impl AsRef<Path>) -> Vec<String> {
    let entries = directory.as_ref().read_dir().unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Everything about a directory that a failing operation must leave alone: names, inodes, kinds, sizes, contents.
pub type Picture = BTreeMap<String, (u64, u32, u64, Vec<u8>)>;

pub fn picture(path: &Path) -> Picture {
    let of_file = |name: String| {
        let path = path.join(&name);
        let status = path.symlink_metadata().unwrap();
        let kind = status.file_type();
        let contents = if kind.is_symlink() {
            path.read_link().unwrap().into_os_string().into_encoded_bytes()
        } else if kind.is_file() && status.len() < 1 << 20 {
            std::fs::read(&path).unwrap()
        } else {
            assert!(!kind.is_block_device());
            Vec::new()
        };
        (name, (status.ino(), status.mode(), status.len(), contents))
    };
    files(path).into_iter().map(of_file).collect()
}

/// Checks that an error names `what` (a path or tag, or the value that was given); one that is about damage of a file also what
/// was found and expected.
#[track_caller]
pub fn check_says(error: &Error, what: &str) {
    let text = error.to_string();
    let is_damage = matches!(
        error,
        Error::NotAHeader { .. }
            | Error::Truncated { .. }
            | Error::FormatVersion { .. }
            | Error::Endianness { .. }
            | Error::Checksum { .. }
            | Error::Corrupt { .. }
    );
    let found_and_expected: &[&str] = if is_damage { &["found ", "expected"] } else { &[] };
    for part in found_and_expected.iter().chain([&what]) {
        assert!(text.contains(part), "{part:?} is not in: {text}\n({error:?})");
    }
}

/// The error of an operation that must fail, which must name `what`.
#[track_caller]
pub fn fails<T: std::fmt::Debug>(outcome: ndsharray::Result<T>, what: &str) -> Error {
    let error = outcome.unwrap_err();
    check_says(&error, what);
    error
}

/// A path, as errors name it.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The command that runs a test in a role as another user and group, with no further groups.
pub fn as_user(uid: u32, gid: u32, test: &str, role: &str, place: &Path) -> Command {
    let mut command = command(test, role, place);
    command.uid(uid).gid(gid).current_dir("/");
    command
}

/// The command that runs a test in a role under `unshare` with these options, after `sh` has run `setup` (in which `$1`
/// is the place).
pub fn under(options: &[&str], setup: &str, test: &str, role: &str, place: &Path) -> Command {
    let mut command = Command::new("unshare");
    let script = format!("set -e\n{setup}\nshift\nexec \"$@\"");
    command.args(options).args(["sh", "-c", &script, "sh"]).arg(place);
    command.arg(std::env::current_exe().unwrap());
    in_role(command, test, role, place)
}

/// Whether a program of the system can be run here in this way; its output is nobody's concern.
pub fn works(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The options of `unshare` that allow mounts here; `None` if nothing does.
pub fn mounting() -> Option<Vec<&'static str>> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let mount = "mount -t tmpfs none /mnt || mount -t tmpfs none /tmp";
    let permitted =
        |options: &&[&'static str]| works(Command::new("unshare").args(*options).args(["sh", "-c", mount]));
    ways.into_iter().find(permitted).map(<[_]>::to_vec)
}

/// Runs the calling test in a child with a mount namespace of its own, after `setup`. Inside: the directory. Outside:
/// `None`, when that is done.
#[track_caller]
pub fn with_mounts(test: &str, setup: &str) -> Option<PathBuf> {
    if role().is_some() {
        return Some(place());
    }
    let Some(mut options) = mounting() else {
        skip(test, "no mount namespaces here; needs root or user namespaces");
        return None;
    };
    options.extend(["--fork", "--kill-child"]);
    let dir = directory();
    finish(under(&options, setup, test, "inside", dir.path()));
    assert_eq!(files(dir.path()), [""; 0], "what is mounted inside stays inside");
    None
}

/// Runs the calling test in a child, so that a signal is a failure with a message, and what belongs to a process as a
/// whole (limits, descriptors, locks) is the test's alone. As [`with_mounts`].
#[track_caller]
pub fn in_child(test: &str) -> Option<PathBuf> {
    if role().is_some() {
        return Some(place());
    }
    let dir = directory();
    finish(command(test, "inside", dir.path()));
    None
}

/// Runs a role to its end, which must be good.
#[track_caller]
pub fn finish(command: Command) {
    Process::run(command).end();
}

/// Runs a program of the system; `false` if it is missing or fails.
pub fn run(program: &str, arguments: &[&dyn AsRef<OsStr>]) -> bool {
    let arguments = arguments.iter().map(|argument| OsString::from(argument.as_ref()));
    Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
}
