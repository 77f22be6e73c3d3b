//! A new store and a new directory for files for each test, and the program, which is run in them with a watchdog.
#![allow(dead_code)] // Each test file uses a part.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ndsharray::{DType, Store, UnixTime};
use ndsharray_recording::{RecordingOptions, Value};

/// Far more than any step takes: what takes longer hangs.
pub const WATCHDOG: Duration = Duration::from_secs(60);

pub struct Place {
    store: tempfile::TempDir,
    files: tempfile::TempDir,
}

/// How a run ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    #[track_caller]
    pub fn good(self) -> Self {
        assert_eq!(self.status.code(), Some(0), "{}\n{}", self.stderr, String::from_utf8_lossy(&self.stdout));
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Place {
    pub fn new() -> Place {
        Place {
            store: tempfile::tempdir_in("/dev/shm").unwrap(),
            files: tempfile::tempdir_in("/dev/shm").unwrap(),
        }
    }

    pub fn store(&self) -> Store {
        Store::open(self.store.path()).unwrap()
    }

    pub fn directory(&self) -> &Path {
        self.store.path()
    }

    /// The path of a file that is not in the store; also the working directory of the program.
    pub fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// The names in both directories.
    pub fn names(&self) -> Vec<String> {
        let list =
            |path: &Path| path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
        let paths = [list(self.store.path()), list(self.files.path())].concat();
        let mut names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        names.sort();
        names
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndsharray"));
        command.args(args).env("NDSHARRAY_DIR", self.store.path()).current_dir(self.files.path());
        command
    }

    /// Runs to its end, with these bytes on stdin.
    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Ended {
        let mut running = Running::start(self.command(args));
        let mut stdin = running.child.stdin.take().unwrap();
        // The program may end before it has read everything; the test judges by the exit code.
        let _ = stdin.write_all(input);
        drop(stdin);
        running.finish()
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, b"")
    }
}

/// A process with pipes, whose output is read all the time; killed if the test gives up.
pub struct Running {
    pub child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    pub fn start(mut command: Command) -> Running {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().map(collect), child.stderr.take().map(collect));
        Running { child, stdout, stderr }
    }

    /// Starts a process whose stdout is that of the caller.
    pub fn start_with_stdout(mut command: Command, stdout: Stdio) -> Running {
        let mut child = command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().map(collect);
        Running { child, stdout: None, stderr }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether the process handles a signal.
    pub fn catches(&self, signal: rustix::process::Signal) -> bool {
        is_in_mask(&self.child.id().to_string(), "SigCgt:", signal)
    }

    #[track_caller]
    pub fn finish(mut self) -> Ended {
        self.child.stdin.take();
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < WATCHDOG, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        let stdout = self.stdout.take().map_or_else(Vec::new, |thread| thread.join().unwrap());
        let stderr = self.stderr.take().map_or_else(Vec::new, |thread| thread.join().unwrap());
        Ended { status, stdout, stderr: String::from_utf8(stderr).unwrap() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// A follower whose frames are taken one by one.
pub struct Follower {
    pub running: Running,
    frames: Receiver<Vec<u8>>,
}

impl Follower {
    pub fn start(place: &Place, args: &[&str], frame: usize) -> Follower {
        Self::start_command(place.command(args), frame)
    }

    pub fn start_command(command: Command, frame: usize) -> Follower {
        let (reader, writer) = unshared_pipe();
        let running = Running::start_with_stdout(command, writer.into());
        let mut reader = std::fs::File::from(reader);
        let (sender, frames) = channel();
        std::thread::spawn(move || {
            let mut bytes = vec![0; frame];
            while reader.read_exact(&mut bytes).is_ok() && sender.send(bytes.clone()).is_ok() {}
        });
        Follower { running, frames }
    }

    #[track_caller]
    pub fn next(&self) -> Vec<u8> {
        self.frames.recv_timeout(WATCHDOG).expect("a frame")
    }
}

/// Waits until `so` is true; fails if that takes too long.
#[track_caller]
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < WATCHDOG, "waited for nothing: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_in_mask(process: &str, mask: &str, signal: rustix::process::Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix(mask)).unwrap().trim();
    u64::from_str_radix(mask, 16).unwrap() & 1 << (signal.as_raw() - 1) != 0
}

/// Whether a test that sends SIGHUP must be skipped: under nohup, processes ignore that signal.
pub fn skip_if_hangups_are_ignored(test: &str) -> bool {
    let ignored = is_in_mask("self", "SigIgn:", rustix::process::Signal::HUP);
    if ignored {
        skip(test, "SIGHUP is ignored here, as under nohup");
    }
    ignored
}

/// When the first value of most recordings was written.
pub const START: u64 = 1_700_000_000_000_000_000;

/// A value of a recording, of bytes, with nothing attached: its version, and the nanosecond at which it was written.
pub fn recorded<'a>(
    tag: &'a str,
    shape: &'a [usize],
    bytes: &'a [u8],
    version: u64,
    written_at: u64,
) -> Value<'a> {
    Value {
        tag,
        dtype: &DType::UInt8,
        shape,
        bytes,
        user_data: b"",
        attributes: None,
        version,
        written_at: UnixTime::from(written_at),
        acquired_at: None,
        source_written_at: None,
    }
}

/// Makes a recording of these values.
pub fn record(path: &Path, options: RecordingOptions, values: &[Value<'_>]) {
    let mut writer = options.min_free(0).create(path).unwrap();
    for value in values {
        writer.append(value).unwrap();
    }
    writer.finish().unwrap();
}

/// Makes a recording of so many frames of a MiB.
pub fn record_frames(path: &Path, count: u64) {
    let frame = vec![7_u8; 1 << 20];
    let mut writer = RecordingOptions::new().min_free(0).create(path).unwrap();
    for version in 1..=count {
        writer.append(&recorded("cam", &[1024, 1024], &frame, version, START + version)).unwrap();
    }
    writer.finish().unwrap();
}

/// The names in a directory.
pub fn names(directory: &Path) -> Vec<String> {
    let entries =
        directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

/// An npy file, made without a library. `header`: what it says of the array, as a dict of Python.
pub fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len() + 1).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), b"\n", data].concat()
}

/// Says that a test is left out, past the capture of output, so that ci/test.sh counts it.
pub fn skip(test: &str, reason: &str) {
    let _ = writeln!(std::io::stdout(), "\nskipped: {test}: {reason}");
}

/// A pipe whose ends no other process inherits.
pub fn unshared_pipe() -> (std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap()
}
