//! What the tests of files and processes share: directories and their listings, what an error must say, and running
//! a test once more elsewhere: in a child process, in namespaces of its own, as another user.
//!
//! A test that calls one of the `again` functions runs twice: outside it starts itself in a child, with a watchdog,
//! and inside it does its work. Whatever is mounted inside goes with the child, however that ends.
#![allow(dead_code)] // Each test file uses a part.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ndsharray::Error;

/// How long anything may take before it counts as hung.
pub const WATCHDOG: Duration = Duration::from_secs(180);
/// A user and group that is nobody in particular.
pub const OTHER: u32 = 54321;
const ROLE: &str = "NDSHARRAY_TEST_ROLE";
const PLACE: &str = "NDSHARRAY_TEST_PLACE";

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn skip(test: &str, reason: &str) {
    println!("\nskipped: {test}: {reason}");
}

/// A new directory in memory.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

/// The names in a directory, in order.
pub fn files(path: &Path) -> Vec<String> {
    let entries = path.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

/// Everything about a directory that a failing operation must leave alone: names, inodes, kinds, sizes, contents.
pub fn picture(path: &Path) -> BTreeMap<String, (u64, u32, u64, Vec<u8>)> {
    let look = |name: String| {
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
    files(path).into_iter().map(look).collect()
}

/// Checks that an error names `what` (a path or tag, or the value that was given), what was found and expected.
#[track_caller]
pub fn check_says(error: &Error, what: &str) {
    let text = error.to_string();
    for part in [what, "found ", "expected"] {
        assert!(text.contains(part), "{part:?} is not in: {text}\n({error:?})");
    }
}

/// Takes the error of an operation that must fail, and checks that it names `what`, found and expected.
#[track_caller]
pub fn fails<T: std::fmt::Debug>(outcome: ndsharray::Result<T>, what: &str) -> Error {
    let error = outcome.unwrap_err();
    check_says(&error, what);
    error
}

/// What this child is to do; `None` in the process that libtest started.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// The directory that the parent made for this child.
pub fn place() -> PathBuf {
    std::env::var_os(PLACE).unwrap().into()
}

/// The command that runs one test of this binary again. `/proc/self/exe` works whoever may search the way to it.
pub fn again(test: &str, role: &str, place: &Path) -> Command {
    wrapped(Command::new("/proc/self/exe"), test, role, place)
}

/// The same as another user and group, with no further groups.
pub fn again_as(uid: u32, gid: u32, test: &str, role: &str, place: &Path) -> Command {
    let mut command = again(test, role, place);
    command.uid(uid).gid(gid).current_dir("/");
    command
}

/// The same under `unshare` with these options, after `sh` has run `setup` (in which `$1` is the place).
pub fn again_under(options: &[&str], setup: &str, test: &str, role: &str, place: &Path) -> Command {
    let mut command = Command::new("unshare");
    let script = format!("set -e\n{setup}\nshift\nexec \"$@\"");
    command.args(options).args(["sh", "-c", &script, "sh"]).arg(place);
    command.arg(std::env::current_exe().unwrap());
    wrapped(command, test, role, place)
}

fn wrapped(mut command: Command, test: &str, role: &str, place: &Path) -> Command {
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(PLACE, place).env_remove("NDSHARRAY_DIR");
    command
}

/// The options of `unshare` that allow mounts here; `None` if nothing does.
pub fn mounting() -> Option<Vec<&'static str>> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let works = |options: &&[&'static str]| {
        let mut probe = Command::new("unshare");
        probe.args(*options).args(["sh", "-c", "mount -t tmpfs none /mnt || mount -t tmpfs none /tmp"]);
        probe.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    ways.into_iter().find(works).map(<[_]>::to_vec)
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
    finish(again_under(&options, setup, test, "inside", dir.path()));
    assert_eq!(files(dir.path()), [""; 0], "what is mounted inside stays inside");
    None
}

/// Runs the calling test in a child, so that a signal is a failure with a message. As [`with_mounts`].
#[track_caller]
pub fn in_child(test: &str) -> Option<PathBuf> {
    if role().is_some() {
        return Some(place());
    }
    let dir = directory();
    finish(again(test, "inside", dir.path()));
    None
}

/// Runs a child to its end, and checks that it ran one test, which passed. Returns what it printed.
#[track_caller]
pub fn finish(command: Command) -> String {
    let mut peer = Peer::start(command);
    let deadline = Instant::now() + WATCHDOG;
    while peer.take(deadline).is_some() {}
    peer.end()
}

/// A child process that talks in lines. Dropped, it is killed.
pub struct Peer {
    child: Child,
    lines: Receiver<String>,
    seen: String,
    errors: Option<std::thread::JoinHandle<String>>,
}

impl Peer {
    #[track_caller]
    pub fn start(mut command: Command) -> Peer {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Peer { child, lines, seen: String::new(), errors: Some(errors) }
    }

    /// The next line, or `None` when the child has closed its output.
    #[track_caller]
    fn take(&mut self, deadline: Instant) -> Option<String> {
        match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.seen.push_str(&line);
                self.seen.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                panic!("a child hung; it said:\n{}", self.seen)
            }
        }
    }

    /// Waits until the child has [`say`]n `word`.
    #[track_caller]
    pub fn expect(&mut self, word: &str) {
        let deadline = Instant::now() + WATCHDOG;
        while let Some(line) = self.take(deadline) {
            if line.strip_prefix("say: ") == Some(word) {
                return;
            }
        }
        let errors = self.stderr();
        panic!("a child ended before it said {word:?}:\n{}\n{errors}", self.seen);
    }

    /// Sends a line that the child [`hear`]s.
    #[track_caller]
    pub fn tell(&mut self, word: &str) {
        if writeln!(self.child.stdin.as_mut().unwrap(), "{word}").is_err() {
            let errors = self.stderr();
            panic!("a child ended before it was told {word:?}:\n{}\n{errors}", self.seen);
        }
    }

    /// Waits until it is gone, which it is to be by itself.
    #[track_caller]
    pub fn dies(&mut self) -> std::process::ExitStatus {
        let (input, deadline) = (self.child.stdin.take(), Instant::now() + WATCHDOG);
        while self.take(deadline).is_some() {}
        let status = self.child.wait().unwrap();
        drop(input);
        status
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn stderr(&mut self) -> String {
        let _ = self.child.kill();
        self.errors.take().map_or(String::new(), |errors| errors.join().unwrap())
    }

    /// Waits for the end, and checks that one test ran and passed. Returns what was printed.
    #[track_caller]
    pub fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + WATCHDOG;
        while self.take(deadline).is_some() {}
        let status = self.child.wait().unwrap();
        let errors = self.errors.take().unwrap().join().unwrap();
        let said = std::mem::take(&mut self.seen);
        assert!(
            status.success() && said.contains("1 passed"),
            "a child failed ({status}, signal {:?}):\n{said}\n{errors}",
            status.signal()
        );
        for line in said.lines().filter(|line| line.starts_with("skipped: ") || line.starts_with("figures: "))
        {
            println!("\n{line}");
        }
        said
    }

    /// Has it gone, however it ends. As for [`kill`](Self::kill).
    pub fn reap(mut self) -> Option<ChildStdin> {
        let input = self.child.stdin.take();
        let _ = self.child.kill();
        self.child.wait().unwrap();
        input
    }

    /// Kills it with SIGKILL. Its input ends when what is returned is dropped: what runs below it and is killed a little
    /// later does not see the end before.
    pub fn kill(mut self) -> Option<ChildStdin> {
        let input = self.child.stdin.take();
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
        input
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a child: tells the parent.
pub fn say(word: &str) {
    println!("\nsay: {word}");
}

/// In a child: waits for a line of the parent; its end ends this child.
pub fn hear() -> String {
    let mut line = String::new();
    if std::io::stdin().read_line(&mut line).unwrap() == 0 {
        panic!("the parent is gone");
    }
    line.trim_end().to_owned()
}

/// Runs a program of the system; `false` if it is missing or fails.
pub fn run(program: &str, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> bool {
    let arguments = arguments.iter().map(|argument| OsString::from(argument.as_ref()));
    Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
}
