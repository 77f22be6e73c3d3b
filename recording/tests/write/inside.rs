//! Tests that run in a process of their own, with limits or mounts that are theirs alone.

use std::path::PathBuf;
use std::process::{Command, Stdio};

const PLACE: &str = "NDSHARRAY_RECORDING_TEST";

/// Runs the calling test, `test`, once more in a child, after a script of `sh` that may change limits, or mount something at `$1`. Inside: the
/// directory. Outside: `None`, when that is done.
#[track_caller]
pub fn inside(test: &str, setup: &str) -> Option<PathBuf> {
    if let Some(place) = std::env::var_os(PLACE) {
        return Some(place.into());
    }
    run(Command::new("sh"), test, setup);
    None
}

/// The same with a tmpfs of that size at the directory, which nobody else sees.
#[track_caller]
pub fn inside_tmpfs(test: &str, size: &str) -> Option<PathBuf> {
    if let Some(place) = std::env::var_os(PLACE) {
        return Some(place.into());
    }
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let is_permitted = |options: &&&[&str]| {
        let mut command = Command::new("unshare");
        command.args(**options).args(["mount", "-t", "tmpfs", "none", "/mnt"]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let Some(options) = ways.iter().find(is_permitted) else {
        println!("\nskipped: {test}: no mount namespaces here; needs root or user namespaces");
        return None;
    };
    let mut command = Command::new("unshare");
    command.args(*options).args(["--fork", "--kill-child", "sh"]);
    run(command, test, &format!("mount -t tmpfs -o size={size} none \"$1\""));
    None
}

#[track_caller]
fn run(mut shell: Command, test: &str, setup: &str) {
    let directory = tempfile::tempdir().unwrap();
    let script = format!("set -e\n{setup}\nshift\nexec \"$@\"");
    shell.args(["-c", &script, "sh"]).arg(directory.path()).arg(std::env::current_exe().unwrap());
    shell.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(PLACE, directory.path());
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{}\n{said}\n{failed}", output.status);
}
