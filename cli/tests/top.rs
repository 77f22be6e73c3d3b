//! `top` in a real terminal (tmux): what is on the screen while an image streams, the window changes its size, the
//! layout changes, a tag is damaged, goes and comes back; and that the terminal is given back however it ends.

mod place;
mod terminal;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ndsharray::{Meta, Result, Store, UnixTime, Writer};
use terminal::{TOP, Terminal};

/// A thread that publishes under the tag `camera`, until this is dropped or the tag is removed.
struct Stream {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    fn start(store: &Store, write: fn(&mut Writer) -> Result<u64>) -> Stream {
        let end = Arc::new(AtomicBool::new(false));
        let mut writer = store.writer("camera").unwrap();
        let ended = end.clone();
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) && write(&mut writer).is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Stream { end, thread: Some(thread) }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        // Joined, so that the next stream is the only writer.
        self.thread.take().map(JoinHandle::join);
    }
}

/// Red at the left, blue at the right.
fn image(writer: &mut Writer) -> Result<u64> {
    let row = [[255_u8, 0, 0]; 32].into_iter().chain([[0, 0, 255]; 32]).flatten();
    let pixels: Vec<u8> = row.cycle().take(48 * 64 * 3).collect();
    writer.write_slice(&pixels, &[48, 64, 3])
}

fn line(writer: &mut Writer) -> Result<u64> {
    let values: Vec<f32> = (0..300).map(|i| (i as f32 / 20.0).sin()).collect();
    writer.write_slice(&values, &[300])
}

/// The half-blocks in one line of a picture.
fn blocks(lines: &[String]) -> usize {
    lines.iter().map(|line| line.matches('▀').count()).max().unwrap_or(0)
}

fn braille(lines: &[String]) -> usize {
    lines.iter().flat_map(|line| line.chars()).filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count()
}

fn row<'a>(lines: &'a [String], tag: &str) -> &'a str {
    lines.iter().find(|line| line.starts_with(tag)).map_or("", |line| line)
}

#[test]
fn a_session_in_a_terminal() {
    let Some(terminal) = Terminal::start("a_session_in_a_terminal", (120, 30)) else { return };
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.writer("still").unwrap().write_slice(&[1.5_f64, 2.5], &[2]).unwrap();
    let stream = Stream::start(&store, image);
    terminal.run(&format!("COLORTERM=truecolor {TOP} top --dir {} --interval 0.2", dir.path().display()));

    terminal.until("the list, with a rate", |lines| {
        let camera = row(lines, "camera");
        camera.contains("uint8 48,64,3")
            && camera.contains("/s")
            && camera.contains("live")
            && row(lines, "still").contains("no writer")
    });

    terminal.keys("Enter");
    let lines = terminal.until("the picture", |lines| blocks(lines) > 0);
    assert!(lines.iter().any(|line| line.contains("min 0   max 255   mean 85   NaN 0")), "{lines:#?}");
    let wide = blocks(&lines);
    let colours = terminal.colours();
    // Red and blue, each as the upper and as the lower half of cells, and no other colour.
    for colour in ["38;2;255;0;0", "48;2;255;0;0", "38;2;0;0;255", "48;2;0;0;255"] {
        assert!(colours.contains(colour), "{colour}: {colours}");
    }
    assert_eq!(colours.matches("38;2;").count(), colours.matches("38;2;255;0;0").count() * 2, "{colours}");

    terminal.resize((60, 20));
    let lines = terminal.until("a smaller picture", |lines| (1..wide).contains(&blocks(lines)));
    let small = blocks(&lines);
    let lines = terminal.until("the keys in the last line", |lines| {
        lines.len() == 20 && lines[19].starts_with("up/down select")
    });
    assert!(!lines.iter().any(|line| line.contains("LAYOUT")), "{lines:#?}");
    terminal.resize((3, 2));
    terminal.resize((150, 50));
    terminal
        .until("a larger picture", |lines| blocks(lines) > wide.max(small) && lines[49].contains("q quit"));

    drop(stream);
    let stream = Stream::start(&store, line);
    terminal.until("another layout, as a line", |lines| {
        let camera = row(lines, "camera");
        camera.contains("float32 300")
            && camera.contains("new layout")
            && blocks(lines) == 0
            && braille(lines) > 50
    });
    terminal.until("the news is over", |lines| row(lines, "camera").contains("live"));

    terminal.keys("j");
    terminal
        .until("the other tag", |lines| lines.iter().any(|line| line.contains("min 1.5   max 2.5   mean 2")));
    // Changed in place: a file that is cut short kills every process that has it mapped.
    let header = OpenOptions::new().read(true).write(true).open(dir.path().join("still")).unwrap();
    let mut byte = [0];
    header.read_exact_at(&mut byte, 20).unwrap();
    header.write_all_at(&[byte[0] ^ 1], 20).unwrap();
    terminal.until("damage, and where", |lines| {
        row(lines, "still").contains("broken")
            && lines.iter().any(|line| line.contains("is damaged: found"))
            && row(lines, "camera").contains("live")
    });

    terminal.keys("k");
    terminal.until("the line again", |lines| braille(lines) > 50);
    store.force_remove("camera").unwrap();
    drop(stream);
    terminal.until("a tag that went", |lines| {
        row(lines, "camera").contains("gone") && lines.iter().any(|line| line.contains("The tag is gone."))
    });
    let stream = Stream::start(&store, image);
    terminal.until("the tag of another writer", |lines| {
        row(lines, "camera").contains("replaced") && blocks(lines) > 0
    });

    // Help hides the arrays and what keys do to them. Esc goes back, from there to here, and from here to the list.
    terminal.keys("?");
    terminal.until("the keys, and nothing else", |lines| {
        row(lines, "Esc").contains("go back") && blocks(lines) == 0 && row(lines, "camera").is_empty()
    });
    terminal.keys("j");
    terminal.keys("Escape");
    terminal.until("the picture as before", |lines| blocks(lines) > 0);
    terminal.keys("Escape");
    terminal.until("the list alone", |lines| blocks(lines) == 0 && lines[49].contains("Enter look inside"));
    terminal.keys("Escape");
    terminal.keys("s");
    terminal.until("another order", |lines| lines[0].contains("by rate"));
    // The whole store goes, and the program goes on.
    drop(stream);
    drop(dir);
    terminal.until("a store that went", |lines| lines[0].contains("cannot list it"));
    terminal.keys("q");
    terminal.given_back(0);
}

#[test]
fn attributes_and_times_stand_over_the_picture() {
    let Some(terminal) = Terminal::start("attributes_and_times_stand_over_the_picture", (120, 30)) else {
        return;
    };
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer_options("camera").source("robot7").open().unwrap();
    let mut publish = |attributes: &str, time: u64| {
        let meta = Meta::new().acquired_at(UnixTime::from(time)).attributes_json(attributes).unwrap();
        writer.write_slice_with(&[250_u8, 0, 0].repeat(20 * 20), &[20, 20, 3], &meta).unwrap();
    };
    publish(r#"{"encoding": "bgr8", "gain": 2}"#, 1_700_000_000_500_000_000);
    terminal
        .run(&format!("COLORTERM=truecolor {TOP} top camera --dir {} --interval 0.2", dir.path().display()));
    let lines = terminal.until("the picture", |lines| blocks(lines) > 0);
    let has = |lines: &[String], text: &str| lines.iter().any(|line| line.contains(text));
    assert!(has(&lines, "   acquired 1700000000.500000000   from robot7"), "{lines:#?}");
    assert!(has(&lines, r#"{"encoding": "bgr8", "gain": 2}"#), "{lines:#?}");
    assert!(terminal.colours().contains("38;2;0;0;250"), "{}", terminal.colours());
    // The next value is shown by what travels with it.
    publish(r#"{"encoding": "rgb8", "gain": 3}"#, 1_700_000_001_000_000_000);
    let lines = terminal.until("the next value", |lines| has(lines, r#"{"encoding": "rgb8", "gain": 3}"#));
    assert!(has(&lines, "acquired 1700000001.000000000"), "{lines:#?}");
    assert!(terminal.colours().contains("38;2;250;0;0"), "{}", terminal.colours());
    terminal.keys("q");
    terminal.given_back(0);
}

#[test]
fn the_terminal_is_given_back_after_ctrl_c_and_signals() {
    let Some(terminal) = Terminal::start("the_terminal_is_given_back_after_ctrl_c_and_signals", (80, 24))
    else {
        return;
    };
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    image(&mut store.writer("camera").unwrap()).unwrap();
    // The tag is shown at once; a terminal that does not say that it has all colours gets 256.
    let command = format!("COLORTERM= {TOP} top camera --dir {}", dir.path().display());
    for (key, code) in [("C-c", 0), ("q", 0), ("-TERM", 130), ("-HUP", 130)] {
        terminal.run(&command);
        terminal.until("the picture", |lines| blocks(lines) > 0);
        assert!(terminal.colours().contains("38;5;196"), "{}", terminal.colours());
        match key {
            "-TERM" | "-HUP" => {
                let pid = terminal.program().to_string();
                assert!(Command::new("kill").args([key, &pid]).status().unwrap().success());
            }
            key => terminal.keys(key),
        }
        terminal.given_back(code);
    }
}

/// A process without a terminal that could end it; killed if the test fails.
struct Program(i32);

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = Command::new("kill").args(["-KILL", &self.0.to_string()]).stderr(Stdio::null()).status();
        }
    }
}

#[test]
fn a_terminal_that_went_ends_the_program() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    image(&mut store.writer("camera").unwrap()).unwrap();
    // With SIGHUP, and without it, as under nohup or a shell that does not pass it on.
    for trap in ["trap : HUP", "trap '' HUP"] {
        let Some(terminal) = Terminal::start("a_terminal_that_went_ends_the_program", (80, 24)) else {
            return;
        };
        let script = format!("{trap}; {TOP} top camera --dir . && exit; echo $? > code");
        std::fs::write(dir.path().join("script"), script).unwrap();
        terminal.run(&format!("cd {}; sh script", dir.path().display()));
        terminal.until("the picture", |lines| blocks(lines) > 0);
        let program = Program(terminal.program());
        drop(terminal);
        let code = dir.path().join("code");
        // The shell itself writes it: another program could be ended by the SIGHUP first.
        place::until("its end", || std::fs::read_to_string(&code).is_ok_and(|code| code.ends_with('\n')));
        assert!(!Path::new(&format!("/proc/{}", program.0)).exists());
        assert_eq!(std::fs::read_to_string(&code).unwrap(), "130\n", "{trap}");
        std::fs::remove_file(code).unwrap();
    }
}

#[test]
fn a_bad_call_is_answered_in_one_line() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let fails = |arguments: &[&str], says: &str| {
        let mut command = Command::new(TOP);
        command.arg("top").args(arguments).arg("--dir").arg(dir.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(says) && text.lines().count() == 1, "{text}");
        assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    };
    fails(&["--interval", "0"], "from 0.01");
    fails(&["--interval", "NaN"], "from 0.01");
    if let Some(terminal) = Terminal::start("a_bad_call_is_answered_in_one_line", (100, 10)) {
        terminal.run(&format!("{TOP} top missing --dir {}", dir.path().display()));
        terminal.given_back(2);
        terminal.until("the reason", |lines| lines.iter().any(|line| line.contains("no array \"missing\"")));
    }
}
