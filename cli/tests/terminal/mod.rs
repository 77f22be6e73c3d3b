//! A terminal for tests: a tmux server of its own, which ends with the test.

#![allow(dead_code)] // Each of its users uses a part.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The program that is tested.
pub const TOP: &str = env!("CARGO_BIN_EXE_ndsharray");
/// How long anything may take before it counts as hung.
const WATCHDOG: Duration = Duration::from_secs(120);
/// Seconds after which a server ends if its test was killed.
const LIFETIME: u32 = 600;

pub struct Terminal {
    /// Contains the socket of the server.
    directory: tempfile::TempDir,
}

impl Terminal {
    /// A terminal of so many columns and rows with a shell; `None`, with a line that says so, if there is no tmux.
    pub fn start(test: &str, size: (u16, u16)) -> Option<Terminal> {
        let found = Command::new("tmux").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            println!("\nskipped: {test}: tmux is missing");
            return None;
        }
        let terminal = Terminal { directory: tempfile::tempdir().unwrap() };
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        // No prompt and no start files, so that the screen has nothing but what is run.
        let shell = format!("PS1= PS2= ENV= exec timeout --foreground {LIFETIME} sh");
        terminal.tmux(&["new-session", "-d", "-x", &columns, "-y", &rows, &shell]);
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let socket: PathBuf = self.directory.path().join("tmux");
        let mut command = Command::new("tmux");
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(socket).args(arguments).env_remove("TMUX");
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command line, then prints its exit code and the state of the terminal.
    pub fn run(&self, command: &str) {
        // -l: the text is not the name of a key.
        self.tmux(&[
            "send-keys",
            "-l",
            &format!(
                "clear; {command}; echo left $?, $(stty -a | tr ' ' '\\n' | grep -xE -- '-?(icanon|echo)')"
            ),
        ]);
        self.keys("Enter");
    }

    pub fn keys(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    pub fn resize(&self, (columns, rows): (u16, u16)) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// The lines of the screen.
    pub fn lines(&self) -> Vec<String> {
        self.tmux(&["capture-pane", "-p"]).lines().map(str::to_owned).collect()
    }

    /// The screen with its colours, as escape sequences.
    pub fn colours(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Waits for a screen on which `seen` is true, and returns it.
    #[track_caller]
    pub fn until(&self, what: &str, seen: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + WATCHDOG;
        loop {
            let lines = self.lines();
            if seen(&lines) {
                return lines;
            }
            assert!(Instant::now() < deadline, "{what} is not on the screen:\n{}", lines.join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The pid of the program that runs in the shell.
    pub fn program(&self) -> i32 {
        let mut pid: i32 = self.tmux(&["display-message", "-p", "#{pane_pid}"]).trim().parse().unwrap();
        let child = |pid: i32| {
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
            children.split_whitespace().next().map(|child| child.parse::<i32>().unwrap())
        };
        // The children in turn: timeout, sh, the program.
        while let Some(next) = child(pid) {
            pid = next;
        }
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(name.trim(), "ndsharray");
        pid
    }

    /// Waits until the program ended with this exit code, and checks that the terminal is as it was before.
    #[track_caller]
    pub fn given_back(&self, code: i32) {
        let end = format!("left {code}, icanon echo");
        self.until(&end, |lines| lines.contains(&end));
        let state = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(state.trim(), "0 1", "alternate screen, cursor");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Not through `tmux`, which panics.
        let socket = self.directory.path().join("tmux");
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").stderr(Stdio::null()).status();
    }
}
