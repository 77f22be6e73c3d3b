//! What strace saw between two marks, as the names of the system calls that other processes may notice.

use std::path::Path;
use std::process::{Command, Stdio};

/// Paths that do not exist: a look at one is a mark in strace's output.
pub const BEGIN: &str = "/nowhere/begin";
pub const END: &str = "/nowhere/end";

pub fn mark(path: &str) {
    assert!(std::fs::symlink_metadata(path).is_err());
}

/// Why strace cannot be used here, if so.
pub fn missing() -> Option<String> {
    let probe = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::piped()).output();
    match probe {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            Some(format!("strace cannot trace here: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Err(error) => Some(format!("strace: {error}")),
    }
}

/// This program under strace, which writes to `output`.
pub fn command(output: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-s", "200", "-o"]).arg(output).arg(std::env::current_exe().unwrap());
    command
}

/// The calls of one thread between the marks.
pub fn calls(output: &str) -> Vec<&str> {
    let begin = output.lines().find(|line| line.contains(BEGIN)).expect("the first mark");
    let thread = begin.split_whitespace().next().unwrap();
    let of_thread = output.lines().filter_map(|line| {
        let (id, call) = line.split_once(char::is_whitespace)?;
        (id == thread).then(|| call.trim_start())
    });
    let mut between = of_thread.skip_while(|call| !call.contains(BEGIN)).skip(1);
    let mut calls = Vec::new();
    let mut busy = None;
    loop {
        let call = between.next().expect("the second mark");
        if call.contains(END) {
            return calls;
        }
        // Ends of calls that were listed before, and signals.
        let Some((name, rest)) = call.split_once('(').filter(|_| !call.starts_with(['<', '-', '+'])) else {
            continue;
        };
        if private(name, rest) {
            continue;
        }
        // A lock that is tried again counts once.
        let arguments = rest.split(')').next().unwrap_or_default();
        let again = name == "flock" && busy == Some(arguments);
        busy = Some(arguments).filter(|_| name == "flock" && rest.contains("EAGAIN"));
        if !again {
            calls.push(usual(name, rest));
        }
    }
}

/// Calls that no other process notices: those about memory and time of the process itself, and those that close
/// descriptors (locks are given back by calls of their own) and remove mappings. A listing has as many `getdents64` as
/// the directory is long.
fn private(name: &str, rest: &str) -> bool {
    match name {
        "brk" | "mprotect" | "mremap" | "munmap" | "close" | "getrandom" | "getdents64" | "sched_yield" => {
            true
        }
        "clock_nanosleep" | "nanosleep" => true,
        "mmap" => rest.contains("MAP_ANONYMOUS"),
        "fcntl" => rest.contains("F_GETFD"),
        // The page size, asked for once.
        "prctl" => rest.contains("AUXV") || rest.starts_with("0x41555856"),
        "madvise" => !rest.contains("MADV_POPULATE") && !rest.contains("MADV_DONTDUMP"),
        "futex" => rest.contains("_PRIVATE"),
        _ => false,
    }
}

/// One name for what has several, by architecture and C library.
fn usual<'a>(name: &'a str, rest: &str) -> &'a str {
    match name {
        "newfstatat" if rest.contains("AT_EMPTY_PATH") => "fstat",
        "statx" if rest.contains("AT_EMPTY_PATH") => "fstat",
        "lstat" | "statx" => "newfstatat",
        "open" => "openat",
        "unlinkat" => "unlink",
        name => name,
    }
}
