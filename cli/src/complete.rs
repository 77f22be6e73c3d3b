//! Completion in the shell: of commands and options, and of the tags in the store that the line names.

use std::ffi::{OsStr, OsString};
use std::io;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};
use ndsharray::Store;

use crate::failure::{Failure, Result};

/// The variable with which a completion script asks this program for completions.
const ASKED: &str = "COMPLETE";

/// Answers a completion script; false if this is a run of the program for its own sake.
pub fn answer(command: fn() -> clap::Command) -> Result<bool> {
    let directory = std::env::current_dir().ok();
    let answered =
        CompleteEnv::with_factory(command).var(ASKED).try_complete(std::env::args_os(), directory.as_deref());
    answered.map_err(|error| Failure::usage(&error))
}

/// The script that has a shell ask this program.
pub fn script(shell: Shell) -> Result<Vec<u8>> {
    let name = shell.to_string();
    let mut script = Vec::new();
    let shell = Shells::builtins();
    let written = match shell.completer(&name) {
        Some(shell) => shell.write_registration(ASKED, "ndsharray", "ndsharray", "ndsharray", &mut script),
        None => Err(io::Error::other("no such shell")),
    };
    written
        .map_err(|error| Failure::failed(format!("cannot make a completion script for {name}: {error}")))?;
    Ok(script)
}

/// Completes an argument with the tags of the store.
pub fn tags() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let Some(current) = current.to_str() else { return Vec::new() };
        let store = match directory(std::env::args_os().collect()) {
            Some(directory) => Store::open(directory),
            None => Store::open_default(),
        };
        let entries = store.and_then(|store| store.entries()).unwrap_or_default();
        let tags = entries.into_iter().map(|entry| entry.tag).filter(|tag| tag.starts_with(current));
        tags.map(CompletionCandidate::new).collect()
    })
}

/// The directory that the line names with --dir; the words of the line follow after `--`.
fn directory(arguments: Vec<OsString>) -> Option<OsString> {
    let mut words = arguments.into_iter().skip_while(|word| word != "--").skip(1);
    let mut found = None;
    while let Some(word) = words.next() {
        if word == "--dir" {
            // In bash, `--dir=x` is three words.
            found = words.next().and_then(|word| if word == "=" { words.next() } else { Some(word) });
        } else if let Some(directory) = word.to_str().and_then(|word| word.strip_prefix("--dir=")) {
            found = Some(directory.into());
        }
    }
    found.filter(|directory| !directory.is_empty()).map(home)
}

/// The shell hands its words on as they are typed.
fn home(directory: OsString) -> OsString {
    let below = directory.to_str().and_then(|directory| directory.strip_prefix("~/"));
    match (below, std::env::var_os("HOME")) {
        (Some(below), Some(home)) => std::path::Path::new(&home).join(below).into(),
        _ => directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_that_of_the_line() {
        let of = |line: &str| {
            let words = line.split(' ').map(OsString::from).collect();
            directory(words).map(|found| found.into_string().unwrap())
        };
        assert_eq!(of("/bin/x -- ndsharray stat --dir /a "), Some("/a".to_owned()));
        assert_eq!(of("/bin/x -- ndsharray --dir=/a stat"), Some("/a".to_owned()));
        assert_eq!(of("/bin/x -- ndsharray --dir = /a stat"), Some("/a".to_owned()));
        assert_eq!(of("/bin/x -- ndsharray stat --dir"), None);
        assert_eq!(of("/bin/x --dir /a -- ndsharray stat"), None);
        let home = std::env::var("HOME").unwrap_or_default();
        assert_eq!(of("x -- ndsharray --dir ~/a stat"), Some(format!("{home}/a")));
    }
}
