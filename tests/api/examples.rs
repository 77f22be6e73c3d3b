//! The quickstart as its user runs it: to its end, and interrupted in the middle. Either way it leaves no file and no
//! process. The example must have been built, as `cargo test` does; `cargo test --test examples` alone does not.
//!
//! A binary of its own: its tests start processes, which those of `api` must not.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Far beyond what any step takes: what is not done by then hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

/// A quickstart in a process group and a store of its own.
struct Quickstart {
    child: Child,
    lines: Receiver<String>,
    store: tempfile::TempDir,
}

impl Quickstart {
    fn start(seconds: &str) -> Quickstart {
        let path = example("quickstart");
        let store = tempfile::tempdir_in("/dev/shm").unwrap();
        let mut child = Command::new(path)
            .arg(seconds)
            .env("NDSHARRAY_DIR", store.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Quickstart { child, lines, store }
    }

    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.group(), signal);
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until it is over; returns its exit status and the lines that were not taken before.
    fn finish(&mut self) -> (ExitStatus, Vec<String>) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < WATCHDOG, "the quickstart does not end");
            thread::sleep(Duration::from_millis(10));
        };
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(WATCHDOG) {
            lines.push(line);
        }
        (status, lines)
    }

    fn assert_nothing_is_left(&self) {
        let files: Vec<_> = self.store.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(files.is_empty(), "{files:?}");
        let start = Instant::now();
        while !alive(self.group()).is_empty() {
            assert!(start.elapsed() < WATCHDOG, "processes that go on: {:?}", alive(self.group()));
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        // Also when a test fails half-way. After a good end the group is empty.
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// target/PROFILE/deps/examples-HASH is this test, target/PROFILE/examples/NAME the example.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "{path:?} is not built: run `cargo build --examples`, in the profile of this test"
    );
    path
}

fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(|line| line.ok()) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The processes of a group, but for those that ended and were not waited for.
fn alive(group: Pid) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok());
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    let of_group = |stat: &String| {
        // pid (name) state ppid pgrp ...; the name may contain anything.
        let mut fields = stat.rsplit_once(')').unwrap_or_default().1.split_whitespace();
        let (state, pgrp) = (fields.next(), fields.nth(1).and_then(|pgrp| pgrp.parse().ok()));
        pgrp == Some(group.as_raw_pid()) && !matches!(state, Some("Z" | "X"))
    };
    stats.filter(of_group).collect()
}

#[test]
fn quickstart_runs_and_cleans_up() {
    let mut quickstart = Quickstart::start("2");
    let (status, lines) = quickstart.finish();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    let last = lines.last().unwrap();
    assert!(last.starts_with("shared ") && last.ends_with("; mismatches 0"), "{last}");
    // Both readers saw both layouts, and `ls` showed two files each time.
    for reader in ["wait", "poll"] {
        for dtype in ["uint64", "uint8"] {
            let seen = |line: &&String| line.trim_start().starts_with(reader) && line.contains(dtype);
            assert!(lines.iter().any(|line| seen(&line)), "{reader} {dtype}: {lines:#?}");
        }
    }
    assert_eq!(lines.iter().filter(|line| line.starts_with("-rw-------")).count(), 4, "{lines:#?}");
    quickstart.assert_nothing_is_left();
}

#[test]
fn quickstart_interrupted_cleans_up() {
    let mut quickstart = Quickstart::start("4");
    // About two seconds after its start: the layout has changed, and both readers hold frames.
    loop {
        let line = quickstart.lines.recv_timeout(WATCHDOG).expect("a line with a frame");
        if line.contains("uint8") {
            break;
        }
    }
    // The parent, one writer, two readers; perhaps `ls`.
    assert!(alive(quickstart.group()).len() >= 4);
    quickstart.signal(Signal::INT);
    let (status, lines) = quickstart.finish();
    assert_eq!(status.code(), Some(130), "{lines:#?}");
    quickstart.assert_nothing_is_left();
}

/// One camera that cannot send any more ends the program; it waited for that camera's last frame.
#[test]
fn cameras_on_a_full_store_end() {
    let place = tempfile::tempdir_in("/dev/shm").unwrap();
    let mount = "mount -t tmpfs -o size=1m none \"$1\"";
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(example("cameras")).arg(place.path());
        command
    };
    if !unshare(mount).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return println!("\nskipped: cameras_on_a_full_store_end: needs root, to mount a small filesystem");
    }
    let mut command = unshare(&format!("{mount} && exec timeout -s KILL {} \"$0\" 16", WATCHDOG.as_secs()));
    let ended = command.env("NDSHARRAY_DIR", place.path()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("is full"), "{said}");
}

/// Runs an example to its end in a store of its own, which it leaves empty; what it printed.
fn run(name: &str, argument: &str) -> String {
    let store = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", &WATCHDOG.as_secs().to_string()]).arg(example(name)).arg(argument);
    let ended = command.env("NDSHARRAY_DIR", store.path()).output().unwrap();
    let (said, printed) = (String::from_utf8_lossy(&ended.stderr), String::from_utf8_lossy(&ended.stdout));
    assert!(ended.status.success(), "{name}: {said}\n{printed}");
    assert_eq!(store.path().read_dir().unwrap().count(), 0, "{name} leaves files");
    printed.into_owned()
}

/// The figures behind a word of the last line.
fn figures(printed: &str, word: &str) -> u64 {
    let last = printed.lines().last().unwrap();
    let number = last.split(word).nth(1).unwrap().trim_start();
    number.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[test]
fn stereo_finds_partners() {
    let printed = run("stereo", "2");
    let pairs = printed.lines().filter(|line| line.starts_with("left ")).count();
    assert!(
        pairs >= 5 && printed.lines().last().unwrap().starts_with(&format!("{pairs} pairs")),
        "{printed}"
    );
}

/// On a busy machine a stall may become longer than the history; what is missed is counted then.
#[test]
fn every_counts_what_it_reads() {
    let store = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", &WATCHDOG.as_secs().to_string()]).arg(example("every")).arg("3");
    let ended = command.env("NDSHARRAY_DIR", store.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&ended.stdout);
    let missed: Vec<u64> = printed.lines().map(|line| figures(line, "missed ")).collect();
    assert_eq!(missed.len(), 2, "{printed}{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.success(), missed == [0, 0], "{printed}");
    assert_eq!(store.path().read_dir().unwrap().count(), 0);
}

#[test]
fn the_guide_shows_the_example_as_it_is() {
    let (_, program) = include_str!("../../examples/spectrum.rs").split_once("\n\n").unwrap();
    assert!(include_str!("../../docs/guide.md").contains(program));
}

#[test]
fn async_readers_get_each_value() {
    let printed = run("async_reader", "2");
    for name in ["fast", "slow"] {
        let line = printed.lines().find(|line| line.starts_with(name) && line.contains(" values, missed "));
        assert!(line.is_some(), "{printed}");
    }
    // A busy machine may stall longer than the history; all values of a tag that is written every 100 ms are there.
    assert!(printed.contains("slow: 20 values, missed 0"), "{printed}");
}
