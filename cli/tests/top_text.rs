//! `top` where it shows text: tables that are scrolled, in a real terminal (tmux), and everything once where there is none.

mod terminal;

use std::process::{Command, Stdio};

use ndsharray::Store;
use terminal::{TOP, Terminal};

fn row<'a>(lines: &'a [String], start: &str) -> &'a str {
    lines.iter().find(|line| line.starts_with(start)).map_or("", |line| line)
}

#[test]
fn a_table_is_scrolled() {
    let Some(terminal) = Terminal::start("a_table_is_scrolled", (60, 20)) else { return };
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    let numbers: Vec<u16> = (0..100 * 3 * 20).collect();
    store.writer("wide").unwrap().write_slice(&numbers, &[100, 3, 20]).unwrap();
    store.writer("other").unwrap().write_slice(&[7_u16], &[]).unwrap();
    terminal.run(&format!("{TOP} top wide --dir {} --interval 0.2", dir.path().display()));
    let part = |rows: &'static str, columns: &'static str| {
        move |lines: &[String]| {
            lines.iter().any(|line| line.contains(&format!("{rows} of 300   {columns} of 20")))
        }
    };
    terminal.until("the begin", part("rows 1-10", "columns 1-5"));
    terminal.until("the keys in the last line", |lines| {
        lines[19].starts_with("arrows scroll   Esc back   ? help   q quit")
    });
    for (key, rows, columns) in [
        ("Down", "rows 2-11", "columns 1-5"),
        ("PPage", "rows 1-10", "columns 1-5"),
        ("NPage", "rows 11-20", "columns 1-5"),
        ("Right", "rows 11-20", "columns 2-6"),
        ("End", "rows 291-300", "columns 2-6"),
        ("Down", "rows 291-300", "columns 2-6"),
        ("Up", "rows 290-299", "columns 2-6"),
        ("Left", "rows 290-299", "columns 1-5"),
        ("Home", "rows 1-10", "columns 1-5"),
    ] {
        terminal.keys(key);
        terminal.until(key, part(rows, columns));
    }
    // j and k go to other tags, whose tables begin at the begin.
    terminal.keys("Right");
    terminal.keys("k");
    terminal.until("the other tag", |lines| lines.iter().any(|line| line.trim() == "7"));
    terminal.keys("j");
    terminal.until("the begin again", part("rows 1-10", "columns 1-5"));
    terminal.keys("q");
    terminal.given_back(0);
}

#[test]
fn no_color_is_respected() {
    let Some(terminal) = Terminal::start("no_color_is_respected", (60, 20)) else { return };
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    let pixels: Vec<u8> = (0..20 * 20).map(|i| if i % 20 < 10 { 0 } else { 255 }).collect();
    store.writer("camera").unwrap().write_slice(&pixels, &[20, 20]).unwrap();
    let directory = dir.path().display();
    terminal.run(&format!("NO_COLOR=1 COLORTERM=truecolor {TOP} top camera --dir {directory}"));
    terminal.until("white at the right", |lines| lines.iter().any(|line| line.trim().starts_with("█████")));
    terminal.until("the keys in the last line", |lines| lines[19].contains("q quit"));
    let screen = terminal.colours();
    // Bold and reverse are no colours (1, 7, and 0, which ends them), nor are those that the terminal has anyway (39, 49).
    let codes = screen.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m')).map(|(code, _)| code);
    let codes: Vec<&str> = codes.flat_map(|code| code.split(';')).collect();
    assert!(codes.iter().all(|code| ["0", "1", "7", "39", "49"].contains(code)), "{codes:?} {screen}");
    terminal.keys("q");
    terminal.given_back(0);
}

#[test]
fn without_a_cursor_to_move_it_is_text_once() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(TOP);
        command.args(["top", "--interval", "0.01", "--dir"]).arg(dir.path()).args(arguments);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\u{1b}'), "{text}");
        text
    };
    assert_eq!(run(&[]), "No arrays in this store.\n");
    store.writer("camera").unwrap().write_slice(&[0_u8; 48 * 64 * 3], &[48, 64, 3]).unwrap();
    let points = (0..60).map(|i| i as f32 / 4.0).collect::<Vec<_>>();
    store.writer("points").unwrap().write_slice(&points, &[20, 3]).unwrap();
    let empty = store.writer("empty").unwrap();
    let text = run(&[]);
    let words = |line: usize| text.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(words(0), ["TAG", "LAYOUT", "RATE", "MB/s", "AGE", "VERSION", "PINS", "MEMORY", "STATE"]);
    assert_eq!((words(1)[..3].to_vec(), text.lines().count()), (vec!["camera", "uint8", "48,64,3"], 4));
    assert!(text.lines().nth(2).unwrap().ends_with("no value yet"), "{text}");
    let text = run(&["points"]);
    assert!(text.contains("\nfloat32 20,3   240 B   version 1"), "{text}");
    assert!(text.contains("\nmin 0   max 14.75   mean 7.375   NaN 0\n"), "{text}");
    assert!(text.ends_with("\n[19, :]     14.25      14.5     14.75\n"), "{text}");
    assert!(run(&["empty"]).ends_with("\nNothing was written yet.\n"));
    drop(empty);
    // In a terminal too, if that has no escape sequences. A new one each time, in which nothing stands from before.
    for term in ["TERM=dumb", "TERM=", "env -u TERM"] {
        let terminal = Terminal::start("without_a_cursor_to_move_it_is_text_once", (100, 40));
        let Some(terminal) = terminal else { return };
        terminal.run(&format!("{term} {TOP} top points --interval 0.01 --dir {}", dir.path().display()));
        terminal.given_back(0);
        let lines = terminal.lines();
        let shown = row(&lines, "TAG").contains("STATE") && row(&lines, "[19, :]").contains("14.75");
        assert!(shown, "{term}: {lines:#?}");
    }
}
