//! Other processes. Each is a test of this binary that is run once more, in a role: the environment says which role,
//! and in which directory. Both sides talk in lines, over the process's standard input and output.
//!
//! A test with roles of its own asks for [`role`] first and does its part if it has one. Roles that several tests share
//! are in an ignored test called `child`.
//!
//! Three things end a process that hangs. Whoever waits for a line of it gives up after [`PATIENCE`]. A [`Watchdog`]
//! ends the whole test binary. The kernel kills a role when the thread that started it ends.

use std::fs::File;
use std::io::{BufRead, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a process may be silent before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(180);
const ROLE: &str = "NDSHARRAY_TEST_ROLE";
const PLACE: &str = "NDSHARRAY_TEST_PLACE";
/// The lines that a role says begin with this, to tell them from those of libtest.
pub const MARK: &str = "@ ";

/// The command that runs a test of this binary in a role, in a directory. A user who may not search the directories
/// above the binary can still run `/proc/self/exe`.
pub fn command(test: &str, role: &str, place: &Path) -> Command {
    in_role(Command::new("/proc/self/exe"), test, role, place)
}

/// The same by another command, to which the arguments of the test binary are added.
pub fn in_role(mut command: Command, test: &str, role: &str, place: &Path) -> Command {
    command.args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(PLACE, place).env_remove("NDSHARRAY_DIR");
    command
}

/// What this process is to do, if it was started in a role; `None` in the process that cargo started.
pub fn role() -> Option<String> {
    let role = std::env::var(ROLE).ok()?;
    die_with_parent();
    Some(role)
}

/// In a role: the directory that it is to work in.
pub fn place() -> PathBuf {
    std::env::var_os(PLACE).unwrap().into()
}

/// Has the kernel kill this process when the thread that started it ends.
pub fn die_with_parent() {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
}

/// Has this process killed after [`PATIENCE`]: for forked processes, whose parents wait without a limit.
pub fn alarm() {
    // SAFETY: changes nothing but this process's alarm clock.
    unsafe { libc::alarm(PATIENCE.as_secs() as u32) };
}

/// In a role: says a line to the process that started it.
pub fn say(line: impl std::fmt::Display) {
    let mut output = std::io::stdout().lock();
    // In one write, so that lines of two processes do not mix.
    output.write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

/// In a role: the next line that it is told. It panics if the process that started it has ended.
pub fn hear() -> String {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).unwrap();
    assert!(length > 0, "the process that started this one has ended");
    line.trim_end().to_owned()
}

/// In a role that is told nothing: waits until it is time to end.
pub fn wait_for_end() {
    while !stopping() {
        wait_for_input(std::io::stdin().as_raw_fd(), -1);
    }
}

/// In a role that is told nothing: whether it is time to end.
pub fn stopping() -> bool {
    wait_for_input(std::io::stdin().as_raw_fd(), 0)
}

/// Waits for input, or its end, for so many milliseconds; true if there is some.
fn wait_for_input(descriptor: i32, milliseconds: i32) -> bool {
    let mut input = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, alive for the call.
    unsafe { libc::poll(&mut input, 1, milliseconds) > 0 }
}

/// Another process. Dropped, it is killed.
pub struct Process {
    child: Child,
    output: ChildStdout,
    /// What came after the last line that was taken.
    rest: Vec<u8>,
    /// Every line that it printed.
    printed: String,
    /// What it writes to standard error: a file without a name, which cannot be full.
    errors: File,
    role: String,
}

impl Process {
    /// Starts a test of this binary in a role, in a directory.
    pub fn start(test: &str, role: &str, place: &Path) -> Process {
        Process::run(command(test, role, place))
    }

    /// Starts it and waits for its first line, "ready".
    #[track_caller]
    pub fn ready(test: &str, role: &str, place: &Path) -> Process {
        let mut process = Process::start(test, role, place);
        process.expect("ready");
        process
    }

    /// Runs a command that was made by [`command`], or around one.
    pub fn run(mut command: Command) -> Process {
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let errors = File::from(rustix::fs::memfd_create("standard error", flags).unwrap());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors.try_clone().unwrap());
        // Its forked children can be told by its group, also when it is dead.
        let mut child = command.process_group(0).spawn().unwrap();
        let role = command.get_envs().find(|(name, _)| *name == ROLE).and_then(|(_, role)| role);
        let role = role.unwrap_or_default().to_string_lossy().into_owned();
        let output = child.stdout.take().unwrap();
        Process { child, output, rest: Vec::new(), printed: String::new(), errors, role }
    }

    /// Its process id.
    pub fn pid(&self) -> libc::pid_t {
        self.child.id().try_into().unwrap()
    }

    /// Says a line to it, which it [`hear`]s.
    #[track_caller]
    pub fn tell(&mut self, line: &str) {
        let written = self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes());
        assert!(written.is_ok(), "it ended before it was told {line:?}: {}", self.report());
    }

    /// The next line that it says.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.next_line() {
            Some(line) => line,
            None => panic!("it ended without a word: {}", self.report()),
        }
    }

    /// Waits for the next line that it says, which must be this one.
    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        let said = self.next_line();
        assert!(said.as_deref() == Some(line), "it said {said:?}, not {line:?}: {}", self.report());
    }

    /// Fails if it ended.
    #[track_caller]
    pub fn check_lives(&mut self) {
        let status = self.child.try_wait().unwrap();
        assert!(status.is_none(), "it ended: {}", self.report());
    }

    /// The next line that it says, or `None` if it ended, and all that it forked.
    #[track_caller]
    fn next_line(&mut self) -> Option<String> {
        loop {
            let line = self.printed_line()?;
            // libtest ends no line before it runs a test, so the mark may stand behind its words.
            if let Some((_, said)) = line.split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    #[track_caller]
    fn printed_line(&mut self) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let line = String::from_utf8_lossy(&self.rest[..end]).trim_end().to_owned();
                self.rest.drain(..=end);
                self.printed += &line;
                self.printed.push('\n');
                return Some(line);
            }
            let left = deadline.saturating_duration_since(Instant::now()).as_millis();
            if !wait_for_input(self.output.as_raw_fd(), left as i32) {
                assert!(Instant::now() < deadline, "it hung: {}", self.report());
                continue;
            }
            let mut buffer = [0; 4096];
            match self.output.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.rest.extend_from_slice(&buffer[..length]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "{error}"),
            }
        }
    }

    /// Ends its input, on which it ends. It must have run one test, which passed. Returns what it said since.
    #[track_caller]
    pub fn end(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let mut said = Vec::new();
        while let Some(line) = self.next_line() {
            said.push(line);
        }
        let status = self.child.wait().unwrap();
        assert!(status.success() && self.printed.contains("1 passed"), "it failed: {}", self.report());
        for line in self.printed.lines() {
            if line.starts_with("skipped: ") || line.starts_with("figures: ") {
                println!("\n{line}");
            }
        }
        said
    }

    /// Waits until it ends, by itself or by a signal of somebody else; how it ended.
    #[track_caller]
    pub fn dies(&mut self) -> ExitStatus {
        while self.next_line().is_some() {}
        self.wait()
    }

    /// Kills it with SIGKILL; it must not have ended before. Its input ends when what is returned is dropped, so that
    /// processes below it, which are killed a little later, do not see the end before.
    #[track_caller]
    pub fn kill(mut self) -> Option<ChildStdin> {
        self.kill_and_listen();
        self.child.stdin.take()
    }

    /// The same, but goes on listening to children that it forked.
    #[track_caller]
    pub fn kill_and_listen(&mut self) {
        self.child.kill().unwrap();
        let status = self.wait();
        assert_eq!(status.signal(), Some(libc::SIGKILL), "it was not killed: {}", self.report());
    }

    /// Kills it if it has not ended, and waits for it. Returns what [`kill`](Self::kill) does.
    pub fn reap(mut self) -> Option<ChildStdin> {
        let _ = self.child.kill();
        self.wait();
        self.child.stdin.take()
    }

    /// Waits for its end; its input stays open, for its children too.
    fn wait(&mut self) -> ExitStatus {
        let input = self.child.stdin.take();
        let status = self.child.wait().unwrap();
        self.child.stdin = input;
        status
    }

    /// What it was, how it ended, and what it printed. It is killed if it still runs.
    fn report(&mut self) -> String {
        let _ = self.child.kill();
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let Process { role, printed, .. } = &*self;
        format!("role {role:?}, {status}; it printed:\n{printed}{}", self.standard_error())
    }

    fn standard_error(&self) -> String {
        let mut text = vec![0; self.errors.metadata().map_or(0, |file| file.len() as usize)];
        let length = self.errors.read_at(&mut text, 0).unwrap_or(0);
        String::from_utf8_lossy(&text[..length]).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            print!("{}", self.standard_error());
        }
    }
}

/// Kills the whole test binary if it is not dropped in time, and keeps the other tests of this process from running.
///
/// No other test may start a process while this one closes a writer. Until its exec, the new process has a copy of
/// every descriptor, and so keeps the lock of the writer that was just closed. If it is started as another user, it is
/// forked by the C library, and leaves a pin behind for every value that this process holds.
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
            // Longer than for a line of a process, which gives the better message.
            let patience = PATIENCE + Duration::from_secs(30);
            loop {
                match gone.recv_timeout(patience) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
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
