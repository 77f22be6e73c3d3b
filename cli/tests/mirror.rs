//! `ndsharray mirror` finds its program as git finds its own: beside itself, then in the PATH.

mod place;

use std::path::Path;

use place::{Place, Running};

/// A program that says what it was run with.
fn pretend(path: &Path, who: &str) {
    let script = format!("#!/bin/sh\necho \"{who} $NDSHARRAY_DIR\"\nfor a; do echo \"<$a>\"; done\nexit 7\n");
    let made = std::process::Command::new("sh")
        .args(["-c", "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\"", "sh", &script])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

/// Copies the program. Another process writes the file, as with the scripts: while this one had it open, a child of another test might
/// inherit that, and nobody can run a file that somebody has open to write.
fn copy(to: &Path) {
    let copied = std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_ndsharray")).arg(to).status();
    assert!(copied.unwrap().success());
}

#[test]
fn all_arguments_are_passed_on() {
    let place = Place::new();
    pretend(&place.file("ndsharray-mirror"), "path");
    let run = |args: &[&str]| {
        let mut command = place.command(args);
        command.env("PATH", format!("{}:/usr/bin:/bin", place.file("").display()));
        let ended = Running::start(command).finish();
        assert_eq!(ended.status.code(), Some(7), "its exit code is that of the program: {}", ended.stderr);
        let text = ended.text();
        let (who, args) = text.split_once('\n').unwrap();
        (who.to_owned(), args.lines().map(str::to_owned).collect::<Vec<_>>().join(" "))
    };
    let store = place.directory().display().to_string();
    assert_eq!(run(&["mirror"]), (format!("path {store}"), String::new()));
    let (_, args) = run(&["mirror", "--take", "cam*", "--connect", "tcp/robot:7447", "--keep", "--help"]);
    assert_eq!(args, "<--take> <cam*> <--connect> <tcp/robot:7447> <--keep> <--help>");
    assert_eq!(run(&["mirror", "--help"]).1, "<--help>");
    assert_eq!(run(&["mirror", "--version"]).1, "<--version>");
    assert_eq!(run(&["mirror", "status", "--json"]).1, "<status> <--json>");
    assert_eq!(run(&["--dir", "/a b", "mirror", "--take", "x"]).1, "<--dir> </a b> <--take> <x>");
    assert_eq!(run(&["mirror", "--dir", "/a b", "--take", "x"]).1, "<--dir> </a b> <--take> <x>");
    assert_eq!(run(&["mirror", "--take", "x", "--dir", "/a"]).1, "<--take> <x> <--dir> </a>");
}

#[test]
fn the_one_beside_it_comes_first() {
    let place = Place::new();
    let beside = place.file("bin");
    std::fs::create_dir(&beside).unwrap();
    std::fs::create_dir(place.file("path")).unwrap();
    copy(&beside.join("ndsharray"));
    pretend(&beside.join("ndsharray-mirror"), "beside");
    pretend(&place.file("path").join("ndsharray-mirror"), "path");
    let mut command = std::process::Command::new(beside.join("ndsharray"));
    command.args(["mirror", "--take", "x"]).env("PATH", place.file("path"));
    let ended = Running::start(command).finish();
    assert!(ended.text().starts_with("beside"), "{}", ended.text());
}

#[test]
fn without_it_one_sentence_says_what_to_install() {
    let place = Place::new();
    let beside = place.file("bin");
    std::fs::create_dir(&beside).unwrap();
    // Where nothing stands beside it.
    copy(&beside.join("ndsharray"));
    let mut command = std::process::Command::new(beside.join("ndsharray"));
    command.args(["mirror", "--take", "x"]).env("PATH", "/nowhere");
    let ended = Running::start(command).finish();
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("cargo install ndsharray-mirror"), "{}", ended.stderr);
}

#[test]
fn help_knows_it() {
    let place = Place::new();
    let all = place.run(&["--help"]).good().text();
    assert!(all.contains("  mirror "), "{all}");
    let help = place.run(&["help", "mirror"]).good().text();
    assert!(help.contains("--offer 'cam*'") && help.contains("--connect tcp/robot:7447"), "{help}");
    assert!(place.run(&["man", "--out", "pages"]).good().text().is_empty());
    let page = std::fs::read_to_string(place.file("pages/ndsharray-mirror.1")).unwrap();
    assert!(page.contains("cam*") && page.contains("status"), "{page}");
}

#[test]
fn a_shell_completes_its_options() {
    let place = Place::new();
    place.store().writer("camera").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let complete = |words: &[&str]| {
        let line = [&["--", "ndsharray", "mirror"], words].concat();
        let mut command = place.command(&line);
        command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len() + 1).to_string());
        Running::start(command).finish().text()
    };
    let options = complete(&["--"]);
    for option in ["--offer", "--take", "--zenoh-config", "--keep", "--dir"] {
        assert!(options.contains(option), "{options}");
    }
    assert!(complete(&["--offer", "cam*", "--li"]).contains("--listen"));
    assert!(complete(&["--offer", "ca"]).contains("camera"));
    assert!(complete(&["sta"]).contains("status"));
}
