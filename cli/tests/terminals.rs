//! What the program does on a terminal: it writes no bytes there, says that a store is empty, and has no colours with NO_COLOR.

mod place;
mod terminal;

use std::sync::atomic::{AtomicUsize, Ordering};

use place::Place;
use terminal::{TOP, Terminal};

fn start(test: &str) -> Option<(Place, Terminal)> {
    let place = Place::new();
    place.store().writer("a").unwrap().write_slice(b"\x1b[31mred\n", &[9]).unwrap();
    Some((place, Terminal::start(test, (160, 50))?))
}

/// Runs a command in the terminal, and returns the screen at its end.
#[track_caller]
fn run(place: &Place, terminal: &Terminal, command: &str, code: i32) -> String {
    // What an earlier command left on the screen has another number.
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let command = command.replace("ndsharray", TOP);
    terminal.run(&format!("NDSHARRAY_DIR={} {command}; echo end {number} $?", place.directory().display()));
    let end = format!("end {number} {code}");
    terminal.until(&end, |lines| lines.contains(&end)).join("\n")
}

#[test]
fn bytes_do_not_go_to_a_terminal() {
    let Some((place, terminal)) = start("bytes_do_not_go_to_a_terminal") else { return };
    for command in ["ndsharray cat a", "ndsharray get a -o -", "ndsharray follow a"] {
        let screen = run(&place, &terminal, command, 2).replace('\n', "");
        for word in ["not for a terminal", "(> FILE)", "ndsharray show", "--force"] {
            assert!(screen.contains(word), "{command}: {word}: {screen}");
        }
        assert!(!screen.contains("red\n"), "{screen}");
    }
    for command in ["ndsharray cat a --force", "ndsharray get a -o - --force", "ndsharray follow a --force"] {
        let screen = run(&place, &terminal, command, 0);
        assert!(screen.contains("red\n"), "{command}: {screen}");
    }
    assert!(run(&place, &terminal, "ndsharray cat a | cat", 0).contains("red\n"));
    // Text is for a terminal, whatever is in the array.
    let dtype = "|S8".parse().unwrap();
    place.store().writer("a").unwrap().write_bytes(&dtype, &[1], b"\x1b[31mred").unwrap();
    for command in ["ndsharray show a", "ndsharray show a --csv"] {
        let screen = run(&place, &terminal, command, 0);
        assert!(screen.contains("[31mred"), "{command}: {screen}");
    }
}

#[test]
fn an_empty_store_is_said_to_be_empty() {
    let place = Place::new();
    let ended = place.run(&["ls"]).good();
    assert_eq!(ended.text(), "");
    assert_eq!(ended.stderr, format!("ndsharray: no tags in {}\n", place.directory().display()));
    let ended = place.run(&["ls", "--json"]).good();
    assert_eq!((ended.json(), ended.stderr.as_str()), (serde_json::json!([]), ""));
}

#[test]
fn no_color_is_respected() {
    let Some((place, terminal)) = start("no_color_is_respected") else { return };
    let coloured = |command: &str, code: i32| {
        run(&place, &terminal, command, code);
        terminal.colours().contains("\x1b[")
    };
    assert!(coloured("ndsharray --help", 0), "help has colours: else the rest shows nothing");
    for (arguments, code) in [
        ("--help", 0),
        ("help stat", 0),
        ("ls", 0),
        ("stat a", 0),
        ("show a", 0),
        ("nonsense", 2),
        ("demo --seconds 1", 0),
    ] {
        assert!(
            !coloured(&format!("NO_COLOR=1 ndsharray {arguments}"), code),
            "{arguments}: {}",
            terminal.colours()
        );
    }
}
