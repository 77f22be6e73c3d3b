//! The shell completes commands, options and tags, those of the store that the line names; and man pages are made.

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

/// A PATH on which the program is found by its name.
fn path() -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ndsharray"));
    format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap())
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
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash", line]).current_dir(place.file("")).env("PATH", path());
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
    for command in
        ["stat", "show", "get", "cat", "follow", "rm", "ls", "top", "put", "pipe", "rm camera-right"]
    {
        let found = bash(&place, &format!("ndsharray {command} cam"));
        assert_eq!(found, ["camera-left", "camera-right"], "{command}");
    }
    assert!(bash(&place, "ndsharray stat ").contains(&"pose".to_owned()));
    assert_eq!(bash(&place, "ndsharray stat pose --al"), ["--all"]);
    std::fs::write(place.file("run.mcap"), "").unwrap();
    assert_eq!(bash(&place, "ndsharray play ru"), ["run.mcap"]);
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
    // fish says by itself what it would offer.
    let script = place.run(&["completions", "fish"]).good().text();
    std::fs::write(place.file("script.fish"), script).unwrap();
    let mut fish = Command::new("fish");
    fish.args(["--no-config", "-c", "source script.fish; complete -C 'ndsharray stat cam'"]);
    fish.current_dir(place.file("")).env("PATH", path()).env("NDSHARRAY_DIR", place.directory());
    match fish.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(text.lines().collect::<Vec<_>>(), ["camera-left", "camera-right"], "{output:?}");
        }
        Err(_) => place::skip("every_shell_has_a_script_and_an_answer", "fish is missing"),
    }
    let mut wrong = place.command(&["ls"]);
    wrong.env("COMPLETE", "nushell");
    let ended = Running::start(wrong).finish();
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    place.run(&["man", "--out", "share/man1"]).good();
    let page = |name: &str| std::fs::read_to_string(place.file("share/man1").join(name)).unwrap();
    let help = place.run(&["--help"]).good().text();
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(commands.contains(&"show") && commands.contains(&"man"), "{help}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        let page = page(&format!("ndsharray-{command}.1"));
        assert!(page.contains(".TH") && page.contains(command), "{command}: {page}");
    }
    assert!(
        page("ndsharray.1").contains("ndsharray\\-stat(1)")
            && page("ndsharray-pipe.1").contains("row\\-stride")
    );
    // A real man reads them.
    let mut man = Command::new("man");
    man.args(["-l", "-P", "cat"])
        .arg(place.file("share/man1/ndsharray-stat.1"))
        .env("MANPAGER", "cat")
        .env("MANWIDTH", "100");
    match man.output() {
        Ok(read) if read.status.success() => {
            let text = String::from_utf8_lossy(&read.stdout).into_owned();
            assert!(text.contains("SYNOPSIS") && text.contains("--all"), "{text}");
        }
        other => place::skip("every_command_has_a_manual_page", &format!("no man here: {other:?}")),
    }
    std::fs::write(place.file("file"), "").unwrap();
    let ended = place.run(&["man", "--out", "file"]);
    assert!(
        ended.status.code().is_some_and(|code| code > 0) && ended.stderr.lines().count() == 1,
        "{}",
        ended.stderr
    );
}
