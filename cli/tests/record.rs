//! `record`: how it starts, what it says, and every way in which it ends.

mod place;
mod terminal;

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ndsharray_recording::Recording;
use place::{Ended, Place, Running, skip, until};
use rustix::process::Signal;
use terminal::{TOP, Terminal};

/// The versions of a tag's values.
fn versions(recording: &Recording, tag: &str) -> Vec<u64> {
    let track = recording.track(tag).unwrap();
    (0..track.len()).map(|index| track.get(index).unwrap().unwrap().version()).collect()
}

/// Starts a recording, and waits until it is ready for signals.
fn start(place: &Place, args: &[&str]) -> Running {
    let running = Running::start(place.command(&[&["record", "--min-free", "0"], args].concat()));
    until("it listens for signals", || running.catches(Signal::INT));
    running
}

/// Waits until a recording has a tag open: readers of the tag's memory are counted nowhere, but its file is mapped.
fn until_read(place: &Place, running: &Running, tag: &str) {
    let header = place.directory().join(tag);
    let maps = format!("/proc/{}/maps", running.child.id());
    until("it reads the tag", || {
        std::fs::read_to_string(&maps).is_ok_and(|maps| maps.contains(header.to_str().unwrap()))
    });
}

#[test]
fn every_value_until_ctrl_c() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        let mut cam = place.store().writer_options("cam").history(200).open().unwrap();
        let mut pose = place.store().writer_options("pose").history(200).open().unwrap();
        cam.write_slice(&[0_u8; 100], &[10, 10]).unwrap();
        let running = start(&place, &["-o", "run.mcap"]);
        for number in 1..100_u8 {
            cam.write_slice(&[number; 100], &[10, 10]).unwrap();
            pose.write_slice(&[f64::from(number)], &[1]).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        running.signal(signal);
        let ended = running.finish().good();
        assert!(ended.stdout.is_empty());
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(
            lines[..2],
            ["ndsharray: cam: 100 values, 0 missed", "ndsharray: pose: 99 values, 0 missed"]
        );
        assert!(lines[2].starts_with("ndsharray: run.mcap: ") && lines.len() == 3, "{lines:?}");
        let recording = Recording::open(place.file("run.mcap")).unwrap();
        assert!(recording.is_complete());
        assert_eq!(versions(&recording, "cam"), (1..=100).collect::<Vec<_>>());
        assert_eq!(versions(&recording, "pose"), (1..=99).collect::<Vec<_>>());
    }
}

/// `timeout` sends two signals, and so do a terminal that is closed and its shell.
#[test]
fn signals_that_come_together_are_one() {
    let place = Place::new();
    place.store().writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let running = start(&place, &["-o", "run.mcap"]);
    until("it listens for all signals", || running.catches(Signal::TERM));
    until_read(&place, &running, "a");
    for signal in [Signal::STOP, Signal::TERM, Signal::INT, Signal::CONT] {
        running.signal(signal);
    }
    running.finish().good();
    let recording = Recording::open(place.file("run.mcap")).unwrap();
    assert!(recording.is_complete());
    assert_eq!(versions(&recording, "a"), [1]);
}

#[test]
fn a_file_that_was_removed_meanwhile_is_said() {
    let place = Place::new();
    let running = start(&place, &["-o", "run.mcap"]);
    until("it listens for all signals", || running.catches(Signal::TERM));
    until("it makes the file", || place.file("run.mcap").exists());
    std::fs::remove_file(place.file("run.mcap")).unwrap();
    running.signal(Signal::INT);
    let ended = running.finish();
    assert!(ended.stderr.contains("run.mcap: it was removed or renamed"), "{}", ended.stderr);
}

#[test]
fn patterns_stand_for_tags_that_come_later() {
    let place = Place::new();
    let write = |tag: &str| {
        let mut writer = place.store().writer(tag).unwrap();
        writer.write_slice(&[1_u8], &[1]).unwrap();
    };
    write("cam0");
    write("pose");
    let running = start(&place, &["cam*", "later", "-o", "run.mcap"]);
    until_read(&place, &running, "cam0");
    for tag in ["cam1", "later", "latest"] {
        write(tag);
    }
    until_read(&place, &running, "cam1");
    until_read(&place, &running, "later");
    running.signal(Signal::INT);
    running.finish().good();
    let recording = Recording::open(place.file("run.mcap")).unwrap();
    assert_eq!(recording.tags().collect::<Vec<_>>(), ["cam0", "cam1", "later"]);
}

#[test]
fn it_ends_by_itself_after_its_time() {
    let place = Place::new();
    place.store().writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let ended = place.run(&["record", "-o", "run.mcap", "--min-free", "0", "--duration", "0.3"]).good();
    assert!(
        ended.stderr.starts_with("ndsharray: a: 1 value, 0 missed\nndsharray: run.mcap: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_terminal_shows_how_it_goes() {
    let Some(terminal) = Terminal::start("a_terminal_shows_how_it_goes", (100, 30)) else { return };
    let place = Place::new();
    std::fs::write(place.directory().join("torn"), "NDSHHEAD and no more").unwrap();
    let mut writer = place.store().writer_options("a").history(9).open().unwrap();
    for number in 0..10_u8 {
        writer.write_slice(&[number; 100_000], &[100_000]).unwrap();
    }
    let (store, files) = (place.directory().display(), place.file(""));
    let command =
        format!("{TOP} --dir {store} record -o {}/run.mcap --min-free 0 --duration 5", files.display());
    terminal.run(&command);
    let line = |line: &String| line.contains("/s  10 values  0 missed  disk full in ");
    terminal.until("how it goes", |lines| lines.iter().any(line));
    terminal.given_back(1);
    let screen = terminal.lines();
    // The line is gone, and what was said meanwhile is there.
    assert!(!screen.iter().any(line), "{screen:?}");
    assert_eq!(screen.iter().filter(|line| line.contains("is truncated")).count(), 1, "{screen:?}");
    assert!(screen.contains(&"ndsharray: a: 10 values, 0 missed".to_owned()), "{screen:?}");
}

#[test]
fn bad_requests_are_refused_at_once() {
    let place = Place::new();
    std::fs::write(place.file("there.mcap"), "something").unwrap();
    for (args, code, text) in [
        (&["record"][..], 2, "--output"),
        (&["record", "-o", "there.mcap"], 2, "the file exists"),
        (&["record", "-o", "none/run.mcap"], 2, "none/run.mcap"),
        (&["record", "-o", "run.mcap", "cam["], 2, "no pattern"),
        (&["record", "-o", "run.mcap", "--split", "lots"], 2, "expected a number of bytes"),
        (&["record", "-o", "run.mcap", "--split", "0"], 2, "expected a size above 0"),
        (&["record", "-o", "run.mcap", "--duration", "-1"], 2, "expected seconds"),
        (&["record", "-o", "run.mcap", "--duration", "nan"], 2, "expected seconds"),
        (&["record", "-o", "run.mcap", "--compress", "zip"], 2, "none, lz4, zstd"),
        (&["record", "-o", "run.mcap", "--trigger", "USR1"], 2, "--pretrigger"),
        (&["record", "-o", "run.mcap", "--pretrigger", "1", "--trigger", "HUP"], 2, "USR1, USR2"),
        (&["record", "-o", "run.mcap", "--min-free", "1000000TB"], 1, "or leave less free (--min-free)"),
    ] {
        let ended = place.run(args);
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(text) && ended.stderr.lines().count() == 1,
            "{args:?}: {}",
            ended.stderr
        );
    }
    assert_eq!(std::fs::read(place.file("there.mcap")).unwrap(), b"something");
    assert!(!place.file("run.mcap").exists());
}

#[test]
fn a_recording_for_which_there_was_no_tag_says_so() {
    let place = Place::new();
    for (output, tags, said) in [
        ("all.mcap", &[][..], "there was no tag: nothing was recorded"),
        ("some.mcap", &["cam*"], "there was no such tag: nothing was recorded"),
    ] {
        let args = [&["record", "-o", output, "--min-free", "0", "--duration", "0.1"], tags].concat();
        let ended = place.run(&args).good();
        assert!(ended.stderr.contains(said) && ended.stderr.lines().count() == 2, "{}", ended.stderr);
        assert!(Recording::open(place.file(output)).unwrap().is_complete());
    }
}

#[test]
fn a_tag_with_an_error_is_told_and_the_others_are_recorded() {
    let place = Place::new();
    std::fs::write(place.directory().join("torn"), "NDSHHEAD and no more").unwrap();
    place.store().writer("good").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let args = ["record", "-o", "run.mcap", "--min-free", "0", "--duration", "0.3"];
    let ended = place.run(&args);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("truncated").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("good: 1 value, 0 missed"), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("1 tag had errors, which are told above\n"), "{}", ended.stderr);
    // It is not asked for.
    std::fs::remove_file(place.file("run.mcap")).unwrap();
    place.run(&[&args[..], &["g*"]].concat()).good();
}

#[test]
fn the_trigger_brings_what_was_kept() {
    for (option, signal) in [(&["--trigger", "USR2"][..], Signal::USR2), (&[], Signal::USR1)] {
        let place = Place::new();
        let mut writer = place.store().writer_options("a").history(200).open().unwrap();
        let args = [&["-o", "run.mcap", "--pretrigger", "60", "--pretrigger-memory", "8MB"], option].concat();
        let running = start(&place, &args);
        until("it waits for the trigger", || running.catches(signal));
        for number in 0..20_u64 {
            writer.write_slice(&[number], &[1]).unwrap();
        }
        until_read(&place, &running, "a");
        // Nothing is recorded yet, but the file is there.
        let size = || place.file("run.mcap").metadata().unwrap().len();
        until("the file begins", || size() > 0);
        let begun = size();
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(size(), begun);
        running.signal(signal);
        for number in 20..60_u64 {
            writer.write_slice(&[number], &[1]).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        running.signal(signal);
        until("the kept values are in the file", || size() > begun);
        writer.write_slice(&[60_u64], &[1]).unwrap();
        running.signal(Signal::INT);
        let ended = running.finish().good();
        assert!(
            ended.stderr.starts_with("ndsharray: triggered\nndsharray: a: 61 values, 0 missed\n"),
            "{}",
            ended.stderr
        );
        let recording = Recording::open(place.file("run.mcap")).unwrap();
        assert_eq!(versions(&recording, "a"), (1..=61).collect::<Vec<_>>());
    }
}

#[test]
fn without_its_trigger_it_says_so() {
    let place = Place::new();
    place.store().writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let args = ["record", "-o", "run.mcap", "--min-free", "0", "--pretrigger", "5", "--duration", "0.3"];
    let ended = place.run(&args).good();
    assert!(ended.stderr.contains("a: 0 values, 0 missed"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the trigger did not come"), "{}", ended.stderr);
    assert_eq!(Recording::open(place.file("run.mcap")).unwrap().tags().len(), 0);
}

#[test]
fn a_recording_is_split() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(60).open().unwrap();
    for number in 0..50_u8 {
        writer.write_slice(&vec![number; 1 << 20], &[1 << 20]).unwrap();
    }
    let args = ["record", "-o", "run.mcap", "--min-free", "0", "--split", "17MB", "--duration", "0.5"];
    let ended = place.run(&args).good();
    let mut found = Vec::new();
    for number in 1..=3 {
        let name = format!("run-{number:04}.mcap");
        let recording = Recording::open(place.file(&name)).unwrap();
        assert!(recording.is_complete());
        found.extend(versions(&recording, "a"));
        assert!(ended.stderr.contains(&format!("{name}: ")), "{}", ended.stderr);
    }
    assert!(!place.file("run.mcap").exists());
    let last = *found.last().unwrap();
    assert!(found.is_sorted_by(|one, next| one + 1 == *next) && last == 50, "{found:?}");
}

#[test]
fn chunks_are_compressed() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(30).open().unwrap();
    for number in 0..20_u8 {
        writer.write_slice(&vec![number; 100_000], &[100_000]).unwrap();
    }
    for how in ["lz4", "zstd"] {
        let file = format!("{how}.mcap");
        let args = ["record", "-o", &file, "--min-free", "0", "--compress", how, "--duration", "0.3"];
        place.run(&args).good();
        assert!(place.file(&file).metadata().unwrap().len() < 500_000);
        let recording = Recording::open(place.file(&file)).unwrap();
        assert_eq!(versions(&recording, "a"), (1..=20).collect::<Vec<_>>());
    }
}

/// Starts a recording whose files are on a small filesystem of memory, and are copied out before that goes. `beside` is run
/// meanwhile. The free space at the end comes on stdout.
fn on_a_small_disk(place: &Place, size: &str, args: &str, beside: &str) -> Running {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c"]);
    command.arg(format!(
        "mkdir small && mount -t tmpfs -o size={size} tmpfs small || exit 77\n\
         {{ {beside}; }} >&2 &\n\
         \"$0\" record -o small/run.mcap {args}\n\
         code=$?; wait; df --output=avail -B1 small | tail -n 1; cp small/run*.mcap .; exit $code"
    ));
    command.arg(env!("CARGO_BIN_EXE_ndsharray"));
    command.env("NDSHARRAY_DIR", place.directory()).current_dir(place.file(""));
    Running::start(command)
}

/// How that ended: with an error, and whole values from the first one on. `None` if nothing can be mounted here.
fn ended_with_a_full_disk(place: &Place, running: Running) -> Option<(Ended, Recording)> {
    let ended = running.finish();
    if ended.status.code() == Some(77) || ended.stderr.contains("unshare") {
        return None;
    }
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let is_told =
        ["run.mcap: too little free space", "the file is cut"].iter().any(|text| ended.stderr.contains(text));
    assert!(is_told, "{}", ended.stderr);
    assert!(ended.stderr.contains("ndsharray: small/run.mcap: "), "{}", ended.stderr);
    let recording = Recording::open(place.file("run.mcap")).unwrap();
    let track = recording.track("a").unwrap();
    assert!(ended.stderr.contains(&format!("a: {} values, ", track.len())), "{}", ended.stderr);
    let first = track.get(0).unwrap().unwrap().version();
    for index in 0..track.len() {
        let value = track.get(index).unwrap().unwrap();
        assert_eq!(value.version(), first + index as u64);
        assert!(value.bytes().iter().all(|&byte| byte == value.version() as u8));
    }
    Some((ended, recording))
}

#[test]
fn it_ends_before_the_disk_is_full() {
    for (args, free) in [("--min-free 0", 0), ("--min-free 50MB", 50_000_000)] {
        let place = Place::new();
        let mut writer = place.store().writer_options("a").history(100).open().unwrap();
        // More than the disk takes.
        for number in 1..=100_u8 {
            writer.write_slice(&vec![number; 1 << 20], &[1 << 20]).unwrap();
        }
        let running = on_a_small_disk(&place, "140m", args, "true");
        let Some((ended, recording)) = ended_with_a_full_disk(&place, running) else {
            return skip("it_ends_before_the_disk_is_full", "unshare cannot mount here");
        };
        // There was room to complete it.
        assert!(recording.is_complete());
        assert!(recording.track("a").unwrap().len() >= 10);
        let left: u64 = ended.text().trim().parse().unwrap();
        assert!(left >= free, "{left} bytes are left");
    }
}

/// Another program takes all of the disk.
#[test]
fn a_disk_that_others_fill_leaves_what_was_written() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(100).open().unwrap();
    let beside = "until [ $(stat -c %s small/run.mcap 2>&- || echo 0) -gt 4000000 ]; do sleep 0.01; done; cat /dev/zero >small/ballast";
    let running = on_a_small_disk(&place, "200m", "--min-free 0", beside);
    let done = AtomicBool::new(false);
    let ended = std::thread::scope(|scope| {
        let done = &done;
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let version = writer.version() + 1;
                writer.write_slice(&vec![version as u8; 100_000], &[100_000]).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        // Set also if that fails.
        let _done = Done(done);
        ended_with_a_full_disk(&place, running)
    });
    match ended {
        Some((_, recording)) => assert!(recording.track("a").unwrap().len() >= 10),
        None => skip("a_disk_that_others_fill_leaves_what_was_written", "unshare cannot mount here"),
    }
}

/// Ends a thread of a scope, also after a panic.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
