//! What a conversion leaves that is cut short, by a full disk, Ctrl-C or damage; and what it takes.

mod place;

use std::process::Command;

use ndsharray_recording::Recording;
use place::{Place, Running, names, record_frames, until};
use rustix::process::Signal;

#[test]
fn recover_makes_a_whole_recording_of_a_cut_one() {
    let place = Place::new();
    record_frames(&place.file("run.mcap"), 40);
    let whole = std::fs::read(place.file("run.mcap")).unwrap();
    std::fs::write(place.file("cut.mcap"), &whole[..whole.len() - (3 << 20)]).unwrap();
    let said = place.run(&["convert", "--recover", "cut.mcap", "new.mcap"]).good();
    let recording = Recording::open(place.file("new.mcap")).unwrap();
    let kept = recording.track("cam").unwrap().len();
    // What is lost is no more than the chunk that was cut.
    assert!(recording.is_complete() && (20..40).contains(&kept), "{kept}");
    assert!(said.text().starts_with(&format!("new.mcap: {kept} values, ")), "{}", said.text());
    // No other file is left.
    assert_eq!(names(&place.file("")), ["cut.mcap", "new.mcap", "run.mcap"]);
    // Nothing is overwritten, nor made of nothing.
    let whole = std::fs::read(place.file("new.mcap")).unwrap();
    for (args, said) in [
        (["cut.mcap", "new.mcap"], "exists"),
        (["none.mcap", "other.mcap"], "none.mcap"),
        (["cut.mcap", "no/such.mcap"], "no/such.mcap"),
    ] {
        let ended = place.run(&[&["convert", "--recover"], &args[..]].concat());
        assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert!(std::fs::read(place.file("new.mcap")).unwrap() == whole);
    assert_eq!(names(&place.file("")), ["cut.mcap", "new.mcap", "run.mcap"]);
    let ended = place.run(&["convert", "--recover", "--png", "cut.mcap", "other.mcap"]);
    assert_eq!(ended.status.code(), Some(2));
}

#[test]
fn damage_is_an_error_that_says_how_to_keep_the_rest() {
    let place = Place::new();
    record_frames(&place.file("run.mcap"), 40);
    let mut bytes = std::fs::read(place.file("run.mcap")).unwrap();
    bytes[5 << 20] ^= 1;
    std::fs::write(place.file("run.mcap"), bytes).unwrap();
    let ended = place.run(&["convert", "run.mcap", "out"]);
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("damaged at byte") && ended.stderr.contains("--recover"),
        "{}",
        ended.stderr
    );
    assert!(!place.file("out").exists());
    let ended = place.run(&["convert", "--recover", "run.mcap", "new.mcap"]).good();
    assert!(
        ended.stderr.contains("passed over: ") && ended.text().ends_with(" lost\n"),
        "{}{}",
        ended.stderr,
        ended.text()
    );
    assert!(ended.stderr.contains("run.mcap: damaged at byte"), "{}", ended.stderr);
    place.run(&["convert", "new.mcap", "out"]).good();
}

/// Ctrl-C for a conversion, as soon as `begun`. Returns false if it came too late, and everything was done.
fn is_ended_by_ctrl_c(place: &Place, args: &[&str], begun: impl Fn() -> bool) -> bool {
    let running = Running::start(place.command(args));
    until("it has begun", begun);
    running.signal(Signal::INT);
    let ended = running.finish();
    if ended.status.success() {
        return false;
    }
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(130), "ndsharray: interrupted\n"));
    true
}

#[test]
fn ctrl_c_leaves_no_half_recovered_file() {
    let place = Place::new();
    record_frames(&place.file("run.mcap"), 400);
    let begun = || names(&place.file("")) != ["run.mcap"];
    if is_ended_by_ctrl_c(&place, &["convert", "--recover", "run.mcap", "new.mcap"], begun) {
        assert_eq!(names(&place.file("")), ["run.mcap"]);
    } else {
        assert!(Recording::open(place.file("new.mcap")).unwrap().is_complete());
    }
}

#[test]
fn a_full_disk_is_an_error_and_what_was_written_is_removed() {
    let place = Place::new();
    record_frames(&place.file("run.mcap"), 40);
    std::fs::create_dir(place.file("small")).unwrap();
    let script = "mount -t tmpfs -o size=20m tmpfs small && mkdir small/empty || exit 9\n\
                  for to in small/new small/empty; do \"$0\" convert run.mcap $to; echo $? $(ls small); done; ls small/empty";
    let mounted = |options: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(options).args(["sh", "-c", script, env!("CARGO_BIN_EXE_ndsharray")]);
        command.current_dir(place.file(""));
        Running::start(command).finish()
    };
    let mut ended = mounted(&["--mount"]);
    if ended.stdout.is_empty() {
        ended = mounted(&["--user", "--map-root-user", "--mount"]);
    }
    if ended.stdout.is_empty() {
        place::skip(
            "a_full_disk_is_an_error_and_what_was_written_is_removed",
            "no mount namespaces here; needs root or user namespaces",
        );
        return;
    }
    assert_eq!(ended.text(), "1 empty\n1 empty\n", "{}", ended.stderr);
    assert!(ended.stderr.contains("cam/values.npy\": No space left on device"), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
}

#[test]
fn ctrl_c_removes_what_was_written() {
    let place = Place::new();
    record_frames(&place.file("run.mcap"), 100);
    let begun = || place.file("out/cam/000000.png").exists();
    if is_ended_by_ctrl_c(&place, &["convert", "--png", "run.mcap", "out"], begun) {
        assert!(!place.file("out").exists());
    } else {
        assert_eq!(names(&place.file("out/cam")).len(), 102);
    }
    // A directory that was there stays.
    std::fs::create_dir(place.file("empty")).unwrap();
    let begun = || place.file("empty/cam/000000.png").exists();
    if is_ended_by_ctrl_c(&place, &["convert", "--png", "run.mcap", "empty"], begun) {
        assert_eq!(names(&place.file("empty")), [""; 0]);
    }
}

#[test]
fn memory_does_not_grow_with_the_recording() {
    let place = Place::new();
    record_frames(&place.file("run.mcap"), 200);
    // 200 MB of elements, of which none is in memory of its own: the file is mapped. 64 MB are enough for everything else.
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "ulimit -d 65536 && exec \"$0\" convert run.mcap out",
        env!("CARGO_BIN_EXE_ndsharray"),
    ]);
    shell.current_dir(place.file(""));
    Running::start(shell).finish().good();
    assert_eq!(std::fs::metadata(place.file("out/cam/values.npy")).unwrap().len(), (200 << 20) + 128);
}
