//! What the tests with real processes share: other processes, which are the test binary itself in a role, and watchdogs.
//!
//! A role is run by the test `child` of the binary. It ends when its standard input does; an alarm kills it if it
//! hangs, and the kernel if the process that started it dies.

// Each test binary uses a part of it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ndsharray::Store;

pub mod board;
pub mod forking;
pub mod reading;
pub mod values;

/// After so many seconds a process hangs.
pub const PATIENCE: u32 = 120;
const ROLE: &str = "NDSHARRAY_TEST_ROLE";
const DIRECTORY: &str = "NDSHARRAY_TEST_STORE";
/// What lines of a role start with, to tell them from those of the test harness.
const MARK: &str = "@ ";

/// A store of its own in memory, readable for all, removed at the end.
pub fn store() -> (tempfile::TempDir, Store) {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = Store::open(directory.path()).unwrap();
    (directory, store)
}

/// The names in a store, in order.
pub fn files(store: &Store) -> Vec<String> {
    let entries = store.directory().read_dir().unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Another process. Dropped, it is killed.
pub struct Child {
    process: std::process::Child,
    output: BufReader<ChildStdout>,
    role: String,
}

impl Child {
    /// Starts the test binary in a role, which is words with spaces between.
    pub fn start(role: &str, store: &Store) -> Child {
        Child::start_with(Command::new(std::env::current_exe().unwrap()), role, store)
    }

    /// The same by another command, to which the arguments of the test binary are added.
    pub fn start_with(mut command: Command, role: &str, store: &Store) -> Child {
        let mut process = command
            .args(["--ignored", "--exact", "child", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DIRECTORY, store.directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Its forked children can be told by its group, also when it is dead.
            .process_group(0)
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Child { process, output, role: role.to_owned() }
    }

    /// Starts it and waits for its first line, "ready".
    pub fn ready(role: &str, store: &Store) -> Child {
        let mut child = Child::start(role, store);
        assert_eq!(child.line(), "ready", "{role}");
        child
    }

    /// Its process id.
    pub fn pid(&self) -> libc::pid_t {
        self.process.id().try_into().unwrap()
    }

    /// The next line that it says.
    pub fn line(&mut self) -> String {
        match self.next_line() {
            Some(line) => line,
            None => {
                let status = self.process.wait().unwrap();
                panic!("{:?} ended without a word: {}", self.role, explain(status));
            }
        }
    }

    fn next_line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness ends no line before it runs a test, so the mark may stand behind its words.
            if let Some((_, said)) = line.trim_end().split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    /// Fails if it ended.
    pub fn check_lives(&mut self) {
        if let Some(status) = self.process.try_wait().unwrap() {
            panic!("{:?} ended: {}", self.role, explain(status));
        }
    }

    /// Says a line to it.
    pub fn tell(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Has it end, and well; what it said since.
    pub fn stop(mut self) -> Vec<String> {
        drop(self.process.stdin.take());
        let mut lines = Vec::new();
        while let Some(line) = self.next_line() {
            lines.push(line);
        }
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{:?}: {}; it said {lines:?}", self.role, explain(status));
        lines
    }

    /// Kills it with SIGKILL, which it must not have been ahead of.
    pub fn kill(mut self) {
        self.kill_and_listen();
    }

    /// The same; but children that it forked may go on talking.
    pub fn kill_and_listen(&mut self) {
        // Waiting would close its input, for the children too.
        let input = self.process.stdin.take();
        self.process.kill().unwrap();
        let status = self.process.wait().unwrap();
        self.process.stdin = input;
        assert_eq!(status.signal(), Some(libc::SIGKILL), "{:?}: {}", self.role, explain(status));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn explain(status: std::process::ExitStatus) -> String {
    match status.signal() {
        Some(libc::SIGALRM) => format!("it hung, and was killed after {PATIENCE} seconds"),
        _ => status.to_string(),
    }
}

/// In a process that was started with a role: the words of the role, and the store.
pub fn role() -> Option<(Vec<String>, Store)> {
    let role = std::env::var(ROLE).ok()?;
    alarm();
    // Before any fork: a lock that another thread holds at that time would be held for ever in the child.
    values::table();
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
    let store = Store::open(Path::new(&std::env::var_os(DIRECTORY).unwrap())).unwrap();
    Some((role.split(' ').map(str::to_owned).collect(), store))
}

/// Has this process killed after a time. Forked children do not inherit it.
pub fn alarm() {
    // SAFETY: changes nothing but this process's alarm clock.
    unsafe { libc::alarm(PATIENCE) };
}

/// In a role: says a line to the process that started it.
pub fn say(line: impl std::fmt::Display) {
    let mut output = std::io::stdout().lock();
    // In one write, so that lines of two processes do not mix.
    output.write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

/// In a role: the next line that it was told; `None` at the end.
pub fn told() -> Option<String> {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).unwrap();
    (length > 0).then(|| line.trim_end().to_owned())
}

/// In a role that is told nothing: whether it is time to end.
pub fn stopping() -> bool {
    let mut input = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, alive for the call.
    unsafe { libc::poll(&mut input, 1, 0) > 0 }
}

/// Kills the whole test if it is not dropped in time, and keeps the other tests of this process from running.
///
/// They must not start a process while this one closes a writer: until its exec, the new process has a copy of every
/// descriptor, and so keeps the lock of the writer that was just closed.
pub struct Watchdog {
    alive: std::sync::mpsc::Sender<()>,
    _alone: MutexGuard<'static, ()>,
}

impl Watchdog {
    pub fn new(test: &'static str) -> Watchdog {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (alive, gone) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let patience = Duration::from_secs(u64::from(PATIENCE) + 30);
            loop {
                match gone.recv_timeout(patience) {
                    Ok(()) => {}
                    Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return,
                    Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                        eprintln!("{test} hangs");
                        std::process::abort();
                    }
                }
            }
        });
        Watchdog { alive, _alone: alone }
    }

    /// Something happened: the time starts again.
    pub fn feed(&self) {
        self.alive.send(()).unwrap();
    }
}

/// Whether the long forms are to be run.
pub fn soak() -> bool {
    std::env::var_os("NDSHARRAY_SOAK").is_some()
}

/// A seed: the one that NDSHARRAY_SEED names, to repeat what failed, else any.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    match std::env::var("NDSHARRAY_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => RandomState::new().hash_one(0) | 1,
    }
}

/// Tells how to repeat what follows if it fails.
pub struct Seeded(pub u64);

impl Drop for Seeded {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("NDSHARRAY_SEED={} repeats it", self.0);
        }
    }
}

/// Numbers that look random, the same ones in every run with the same seed.
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}
