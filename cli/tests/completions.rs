//! The shell completes commands, options and tags, those of the store that the line names.

mod place;

use std::process::Command;

use place::{Place, Running};

fn with_tags() -> Place {
    let place = Place::new();
    for tag in ["camera-left", "camera-right", "pose"] {
        drop(place.store().writer(tag).unwrap());
    }
    place
}

/// What a real bash completes: the words that it offers for the last word of a line.
fn bash(place: &Place, line: &str) -> Vec<String> {
    // As bash does it: words are split at COMP_WORDBREAKS, too.
    let script = r#"
        source completions
        COMP_LINE=$1; COMP_POINT=${#1}; COMP_TYPE=9
        read -ra COMP_WORDS <<< "${1//=/ = }"
        [[ $1 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        spec=$(complete -p ndsharray); function=${spec#*-F }
        ${function%% *} ndsharray "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ndsharray"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash", line]).current_dir(place.file("")).env("PATH", path);
    let ended = Running::start({
        command.env("NDSHARRAY_DIR", place.directory());
        command
    })
    .finish();
    assert_eq!(ended.stderr, "", "{line}");
    ended.text().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_tags_of_the_store() {
    let place = with_tags();
    let script = place.run(&["completions", "bash"]).good().stdout;
    std::fs::write(place.file("completions"), script).unwrap();
    for command in ["stat", "show", "get", "cat", "follow", "rm", "ls", "put", "pipe", "rm camera-right"] {
        let found = bash(&place, &format!("ndsharray {command} cam"));
        assert_eq!(found, ["camera-left", "camera-right"], "{command}");
    }
    assert!(bash(&place, "ndsharray stat ").contains(&"pose".to_owned()));
    assert_eq!(bash(&place, "ndsharray stat pose --al"), ["--all"]);
    assert!(bash(&place, "ndsharray fol").contains(&"follow".to_owned()));

    // A store that is named on the line counts, whatever the environment says.
    let other = Place::new();
    drop(other.store().writer("cam-of-other").unwrap());
    let directory = other.directory().display();
    for line in [
        format!("ndsharray --dir {directory} stat cam"),
        format!("ndsharray stat --dir {directory} cam"),
        format!("ndsharray --dir={directory} stat cam"),
    ] {
        assert_eq!(bash(&place, &line), ["cam-of-other"], "{line}");
    }
    assert_eq!(bash(&place, "ndsharray --dir /nowhere stat cam"), [""; 1]);
}

/// The scripts of the other shells ask in the same way.
#[test]
fn every_shell_has_a_script_and_an_answer() {
    let place = with_tags();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).good().text();
        assert!(script.contains("ndsharray") && script.contains("COMPLETE"), "{shell}: {script}");
        let mut ask = place.command(&["--", "ndsharray", "stat", "camera-l"]);
        ask.env("COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", "2");
        let answer = Running::start(ask).finish().good().text();
        assert!(answer.contains("camera-left") && !answer.contains("right"), "{shell}: {answer}");
    }
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = place.run(&["completions", shell]).good().stdout;
        std::fs::write(place.file("script"), script).unwrap();
        let found = Command::new(shell).arg(check).arg(place.file("script")).output();
        match found {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            Err(_) => place::skip("every_shell_has_a_script_and_an_answer", &format!("{shell} is missing")),
        }
    }
    let mut wrong = place.command(&["ls"]);
    wrong.env("COMPLETE", "nushell");
    let ended = Running::start(wrong).finish();
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
}
