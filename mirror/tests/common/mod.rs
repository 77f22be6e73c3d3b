//! What tests of mirrors share: hosts with networks of their own (`host`), processes in them (`program`), writers and other
//! roles (`role`), and values that say which one they are (`values`).

pub mod host;
pub mod program;
pub mod role;
pub mod values;

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Ends the whole binary if a test hangs. What it started ends with it.
pub struct Watchdog(Option<Sender<()>>);

impl Watchdog {
    pub fn new(test: &'static str, seconds: u64) -> Self {
        let (sender, receiver) = channel::<()>();
        std::thread::spawn(move || {
            if receiver.recv_timeout(Duration::from_secs(seconds)) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs: it takes more than {seconds} s");
                std::process::abort();
            }
        });
        Watchdog(Some(sender))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// Says that a test is skipped, and why; `None` if it has what it needs, its watchdog.
pub fn begin(test: &'static str, seconds: u64) -> Option<Watchdog> {
    let skipped = |reason: &str| {
        println!("skipped: {test}: {reason}");
        None
    };
    if std::fs::metadata("/proc/self").map_or(u32::MAX, |own| own.uid()) != 0 {
        return skipped("needs root, for networks of its own");
    }
    for (program, args) in [
        ("unshare", &["--net", "--mount", "true"][..]),
        ("setpriv", &["--version"]),
        ("ip", &["-V"]),
        ("tc", &["-V"]),
    ] {
        if !Command::new(program).args(args).output().is_ok_and(|output| output.status.success()) {
            return skipped(&format!("{program} {} fails here", args.join(" ")));
        }
    }
    if Command::new("nft").arg("--version").output().is_err() {
        return skipped("nft is not installed");
    }
    Some(Watchdog::new(test, seconds))
}

/// Waits until something is so; says how long that took.
#[track_caller]
pub fn until(seconds: u64, what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(seconds), "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
    began.elapsed()
}

pub fn rest(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
