//! How a command ends when it does not succeed: one line on stderr, and the exit code.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use ndsharray::{Error, ErrorKind};

use crate::units;

pub type Result<T, E = Failure> = std::result::Result<T, E>;

#[derive(Debug)]
pub enum Failure {
    /// The request or its input is wrong: exit 2.
    Bad(String),
    /// The request is right, but carrying it out failed: exit 1.
    Failed(String),
    /// A check found a problem and has printed it: exit 1.
    Found,
    /// Ctrl-C, SIGTERM or SIGHUP came before the end: exit 130.
    Interrupted,
    /// The reader of our output has gone, or everything is printed already: exit 0.
    Quiet,
}

impl Failure {
    pub fn bad(text: impl Into<String>) -> Self {
        Failure::Bad(text.into())
    }

    pub fn failed(text: impl Into<String>) -> Self {
        Failure::Failed(text.into())
    }

    /// An error of reading or writing the file at `path`; `-` is stdin.
    pub fn io(path: impl AsRef<Path>, operation: &str, error: &io::Error) -> Self {
        use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied};
        let text = format!("cannot {operation} {:?}: {error}", path.as_ref());
        match error.kind() {
            NotFound | IsADirectory | NotADirectory | PermissionDenied | InvalidInput => Failure::Bad(text),
            _ => Failure::Failed(text),
        }
    }

    /// An error of writing to stdout.
    pub fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Quiet,
            io::ErrorKind::Interrupted => Failure::Interrupted,
            _ => Failure::Failed(format!("cannot write to stdout: {error}")),
        }
    }

    /// A usage error, as one line. clap's text has several, of which the last ones show the right usage.
    pub fn usage(error: &clap::Error) -> Self {
        use clap::error::ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, InvalidUtf8};
        let text = match error.kind() {
            DisplayHelpOnMissingArgumentOrSubcommand => {
                "no command was given; usage: ndsharray [--dir DIRECTORY] COMMAND, such as ls; --help shows all".to_owned()
            }
            // clap does not say which argument it is.
            InvalidUtf8 => {
                let wrong = std::env::args_os().find(|argument| argument.to_str().is_none()).unwrap_or_default();
                format!("argument {wrong:?} is not UTF-8: only the names of files and directories may be anything else")
            }
            _ => error.render().to_string(),
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        // "To pass it as a value, use --": nobody meant that.
        let lines = lines
            .filter(|line| !line.starts_with("For more information") && !line.starts_with("tip: to pass"));
        let mut said = String::new();
        for line in lines.map(|line| line.strip_prefix("error: ").unwrap_or(line)) {
            let separator = match said.chars().last() {
                None => "",
                Some(':' | ',') => " ",
                Some(_) if line.starts_with(['<', '-']) => " ",
                Some(_) => "; ",
            };
            said += separator;
            said += &line.replace("Usage:", "usage:");
        }
        Failure::Bad(said)
    }

    /// The outcome of several tries: an error if one of them failed. All failures but the last are printed at once.
    pub fn of(mut failures: Vec<Failure>) -> Result<()> {
        let Some(last) = failures.pop() else { return Ok(()) };
        for failure in failures {
            failure.report();
        }
        Err(last)
    }

    /// Prints the failure, and returns its exit code.
    pub fn report(self) -> ExitCode {
        let (text, code) = match self {
            Failure::Bad(text) => (text, 2),
            Failure::Failed(text) => (text, 1),
            Failure::Found => return ExitCode::from(1),
            Failure::Interrupted => ("interrupted".to_owned(), 130),
            Failure::Quiet => return ExitCode::SUCCESS,
        };
        say(&text);
        ExitCode::from(code)
    }
}

/// Prints one line on stderr, whatever the text contains. It does not panic if stderr is closed.
pub fn say(text: &str) {
    use io::Write;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(io::stderr(), "ndsharray: {line}");
}

impl From<ndsharray_recording::Error> for Failure {
    fn from(error: ndsharray_recording::Error) -> Self {
        use ndsharray_recording::Error::{Exists, Io, NoSpace, NoTag, NotARecording, Store};
        match error {
            NoSpace { path, free, wanted } => Failure::Failed(format!(
                "{}: too little free space: {} are free, {} more are needed; free some space or use another disk",
                path.display(),
                units::bytes(free),
                units::bytes(wanted.saturating_sub(free))
            )),
            Io { path, operation, source } => Failure::io(path, operation, &source),
            Store(error) => error.into(),
            Exists { .. } | NoTag { .. } | NotARecording { .. } => Failure::Bad(error.to_string()),
            error => Failure::Failed(error.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use ErrorKind::{Empty, Foreign, InvalidArgument, NotFound, WrongType};
        let text = error.to_string();
        match error.kind() {
            InvalidArgument | WrongType | NotFound | Empty | Foreign => Failure::Bad(text),
            _ => Failure::Failed(text),
        }
    }
}
