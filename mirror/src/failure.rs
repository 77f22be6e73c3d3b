//! How the program ends when it does not succeed: one line on stderr, and the exit code, as with the other commands.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// Why the program ends, and with which code.
#[derive(Debug)]
pub struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    /// The request is wrong: exit 2.
    pub fn bad(text: impl Display) -> Self {
        Failure { text: text.to_string(), code: 2 }
    }

    /// The request is right, but carrying it out failed: exit 1.
    pub fn failed(text: impl Display) -> Self {
        Failure { text: text.to_string(), code: 1 }
    }

    /// A usage error, as one line. clap's text has several, of which the last ones show the right usage.
    pub fn usage(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines = lines
            .filter(|line| !line.starts_with("For more information") && !line.starts_with("tip: to pass"));
        let mut said = String::new();
        for line in lines.map(|line| line.strip_prefix("error: ").unwrap_or(line)) {
            said += match said.chars().last() {
                None => "",
                Some(':' | ',') => " ",
                Some(_) if line.starts_with(['<', '-']) => " ",
                Some(_) => "; ",
            };
            said += &line.replace("Usage:", "usage:");
        }
        Failure::bad(said)
    }

    /// Prints the failure, and returns its exit code.
    pub fn report(&self) -> ExitCode {
        say(&self.text);
        ExitCode::from(self.code)
    }
}

/// Prints one line on stderr, whatever the text contains. It does not panic if stderr is closed.
pub fn say(text: &str) {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(std::io::stderr(), "ndsharray: {line}");
}
