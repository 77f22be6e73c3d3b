//! What `ls`, `stat` and `gc` print is what is there, in tables and as JSON; and `rm`, `demo`, completions and the choice
//! of the directory work.

mod place;

use std::io::Write;
use std::process::Command;
use std::time::Instant;

use place::{Place, Running, until};
use rustix::process::Signal;

#[test]
fn ls_says_what_is_there() {
    let place = Place::new();
    let store = place.store();
    let mut camera = store.writer_options("camera").mode(0o640).open().unwrap();
    camera.write_slice(&vec![0_u8; 720 * 1280 * 3], &[720, 1280, 3]).unwrap();
    camera.write_slice(&vec![0_u8; 720 * 1280 * 3], &[720, 1280, 3]).unwrap();
    let held = store.reader("camera").unwrap().latest().unwrap();
    store.writer("pose").unwrap().write_slice(&[0.5_f64], &[]).unwrap();
    let ephemeral = store.writer_options("new one").ephemeral(true).open().unwrap();
    std::fs::write(place.directory().join("foreign"), "NDSH, but not ours").unwrap();
    std::fs::write(place.directory().join("torn"), b"NDSHHEAD and nothing more").unwrap();

    let found = place.run(&["ls", "--json", "--look", "0"]).good().json();
    let entry =
        |tag: &str| found.as_array().unwrap().iter().find(|entry| entry["tag"] == tag).unwrap().clone();
    assert_eq!(found.as_array().unwrap().len(), 4);
    let camera_entry = entry("camera");
    let value = &camera_entry["value"];
    assert_eq!((&value["dtype"], &value["shape"]), (&"uint8".into(), &serde_json::json!([720, 1280, 3])));
    assert_eq!((&value["bytes"], &value["version"]), (&2_764_800.into(), &2.into()));
    assert_eq!((&value["slots_allocated"], &value["slots_pinned"]), (&2.into(), &1.into()));
    assert_eq!(value["data_file"], camera.data_file().unwrap());
    assert_eq!(
        (&camera_entry["writer_alive"], &camera_entry["pid"]),
        (&true.into(), &std::process::id().into())
    );
    assert_eq!((&camera_entry["mode"], &camera_entry["rate"]), (&"0640".into(), &serde_json::Value::Null));
    assert_eq!(camera_entry["uid"], rustix::process::geteuid().as_raw());
    assert!(camera_entry["storage_bytes"].as_u64().unwrap() > 2 * 2_764_800);
    assert_eq!(
        (&entry("pose")["writer_alive"], &entry("pose")["value"]["shape"]),
        (&false.into(), &serde_json::json!([]))
    );
    assert_eq!(
        (&entry("new one")["value"], &entry("new one")["ephemeral"]),
        (&serde_json::Value::Null, &true.into())
    );
    assert!(entry("torn")["damaged"].as_str().unwrap().contains("truncated"));

    let text = place.run(&["ls"]).good().text();
    let line = |tag: &str| {
        text.lines().find(|line| line.starts_with(tag)).unwrap_or_else(|| panic!("{tag}:\n{text}"))
    };
    for word in ["uint8", "720,1280,3", "2.76 MB", "alive", "0640", &std::process::id().to_string()] {
        assert!(line("camera").contains(word), "{word}: {text}");
    }
    assert!(line("pose").contains("gone") && line("pose").contains("()"), "{text}");
    assert!(line("new one").contains("(empty)") && line("new one").contains("ephemeral"), "{text}");
    assert!(
        line("torn").contains("(damaged)") && text.contains("torn: ") && !text.contains("foreign"),
        "{text}"
    );
    drop((held, ephemeral));
}

#[test]
fn the_rate_is_that_of_the_writer() {
    let place = Place::new();
    // A writer in a process of its own, whose pid must be shown. It writes about 50 values per second.
    let mut shell = Command::new("bash");
    let script = "while sleep 0.02; do echo -n x; done | \"$0\" pipe a --dtype u1 --shape 1";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_ndsharray")]).env("NDSHARRAY_DIR", place.directory());
    let running = Running::start(shell);
    until("it writes", || {
        place.store().stat("a").is_ok_and(|stat| stat.value.is_some_and(|value| value.version > 2))
    });
    let mut still = place.store().writer("still").unwrap();
    still.write_slice(&[1_u8], &[1]).unwrap();
    // By a clock that nobody sets.
    let look = || (place.store().stat("a").unwrap().value.unwrap(), Instant::now());
    let (before, start) = look();
    let found = place.run(&["ls", "--json", "--look", "1000"]).good().json();
    let (after, end) = look();
    let rate = found[0]["rate"].as_f64().unwrap();
    // What the rate should be, taken over a somewhat longer time; the machine may be busy.
    let about = (after.version - before.version) as f64 / (end - start).as_secs_f64();
    assert!(rate > about / 3.0 && rate < about * 3.0, "{rate} of about {about}");
    assert_eq!((&found[1]["tag"], &found[1]["rate"]), (&"still".into(), &0.0.into()));
    let pid = found[0]["pid"].as_u64().unwrap();
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(name.trim(), "ndsharray");
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    let ended = running.finish();
    assert!(!ended.status.success());
    let found = place.run(&["ls", "--json"]).good().json();
    assert_eq!((&found[0]["writer_alive"], &found[0]["pid"]), (&false.into(), &serde_json::Value::Null));
}

#[test]
fn the_process_is_the_one_that_has_the_tag_now() {
    let place = Place::new();
    let pid = |place: &Place| place.run(&["ls", "--json", "--look", "0"]).good().json()[0]["pid"].clone();
    place.store().writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    assert_eq!(pid(&place), serde_json::Value::Null, "its maker has left");
    let stat = place.run(&["stat", "a"]).good().text();
    assert!(stat.contains("writer    gone"), "{stat}");
    // The next writer is another process than the one that made the tag.
    let mut pipe = Running::start(place.command(&["pipe", "a", "--dtype", "u1", "--shape", "1"]));
    pipe.child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    until("it writes", || place.store().stat("a").unwrap().value.unwrap().version == 2);
    assert_eq!(pid(&place), pipe.child.id());
    let stat = place.run(&["stat", "a"]).good().text();
    assert!(stat.contains(&format!("writer    alive, pid {};", pipe.child.id())), "{stat}");
    pipe.finish().good();
    assert_eq!(pid(&place), serde_json::Value::Null);
}

#[test]
fn a_writer_in_another_pid_namespace_is_named_as_it_sees_itself() {
    let test = "a_writer_in_another_pid_namespace_is_named_as_it_sees_itself";
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let inside = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", env!("CARGO_BIN_EXE_ndsharray")]).args(args);
        command.env("NDSHARRAY_DIR", place.directory());
        Running::start(command).finish()
    };
    let ended = inside(&["stat", "a"]);
    if ended.stderr.contains("unshare") {
        place::skip(test, ended.stderr.trim());
        return;
    }
    let me = std::process::id();
    let stat = ended.good().text();
    assert!(stat.contains(&format!("alive, pid {me} in another PID namespace;")), "{stat}");
    assert_eq!(inside(&["ls", "--json", "--look", "0"]).good().json()[0]["pid"], me);
}

#[test]
fn a_tag_without_its_data_file_keeps_its_line() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").mode(0o640).open().unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    std::fs::remove_file(place.directory().join(writer.data_file().unwrap())).unwrap();
    let found = place.run(&["ls", "--json"]).good().json();
    let line = &found[0];
    assert!(line["damaged"].as_str().unwrap().contains("its data file"), "{line}");
    assert_eq!((&line["value"], &line["rate"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!((&line["mode"], &line["pid"]), (&"0640".into(), &std::process::id().into()));
    assert_eq!(line["writer_alive"], true);
    let text = place.run(&["ls", "--look", "0"]).good().text();
    assert!(text.contains("(damaged)") && text.contains("a: array \"a\": its data file"), "{text}");
    // The writer notices it within a second, and makes another one.
    until("it is whole again", || {
        writer.write_slice(&[2_u8], &[1]).unwrap();
        place.run(&["ls", "--json", "--look", "0"]).good().json()[0]["damaged"].is_null()
    });
}

#[test]
fn a_thousand_tags() {
    let place = Place::new();
    let store = place.store();
    for number in 0..1000 {
        store.writer(&format!("tag{number:03}")).unwrap().write_slice(&[number], &[1]).unwrap();
    }
    let start = std::time::Instant::now();
    let text = place.run(&["ls", "--look", "0"]).good().text();
    println!("ls of 1000 tags: {:?}", start.elapsed());
    assert_eq!(text.lines().count(), 1001);
    assert!(text.lines().nth(1000).unwrap().starts_with("tag999"));
    let start = std::time::Instant::now();
    assert_eq!(place.run(&["ls", "--json"]).good().json().as_array().unwrap().len(), 1000);
    println!("ls --json of 1000 tags with a look of 200 ms: {:?}", start.elapsed());
}

/// The checksum of the files: CRC-32 as of zlib.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}

#[test]
fn stat_says_all_and_what_is_wrong() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer
        .write_bytes_with(
            &ndsharray::DType::Float32,
            &[2],
            &[0; 8],
            &ndsharray::Meta::new().user_data(b"frame 7").unwrap(),
        )
        .unwrap();
    let text = place.run(&["stat", "--all", "a"]).good().text();
    for word in
        ["float32 of shape 2", "alive, pid", "NDSHHEAD", "NDSHDATA", "\"frame 7\"", "slot 0: pins", "waiting"]
    {
        assert!(text.contains(word), "{word}:\n{text}");
    }
    let found = place.run(&["stat", "--all", "a", "--json"]).good().json();
    assert_eq!((&found["ok"], found["files"].as_array().unwrap().len()), (&true.into(), 2));
    drop(writer);

    // Each damage is shown at its field on stdout, and in one line on stderr with what was found and expected.
    let path = place.directory().join("a");
    let good = std::fs::read(&path).unwrap();
    let data_path = place.directory().join(place.store().stat("a").unwrap().value.unwrap().data_file);
    let data = std::fs::read(&data_path).unwrap();
    let damaged = |at: usize, bytes: &[u8]| {
        let mut damaged = good.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        damaged
    };
    let mut later = damaged(40, &[4]);
    let check = u64::from(crc32(&later[..120])).to_ne_bytes();
    later[120..128].copy_from_slice(&check);
    // The versions of both records.
    let mut both = damaged(208, &[0xff; 8]);
    both[232..240].fill(0xff);
    let cases: &[(Vec<u8>, &str, &str)] = &[
        (damaged(8, &[9]), "format version", "found 9, expected 1"),
        (damaged(12, &[1, 2, 3, 4]), "endian tag", "byte order"),
        (damaged(30, &[1, 2, 3]), "checksum", "damaged"),
        (later, "incompatible features", "features that this library does not know, 0x4"),
        (both, ": check", "a record that has its check"),
        (good[..5000].to_vec(), "magic", "truncated: found 5000 bytes, expected 8192"),
        (good[..10].to_vec(), "magic", "truncated"),
    ];
    for (bytes, field, word) in cases {
        std::fs::write(&path, bytes).unwrap();
        let ended = place.run(&["stat", "--all", "a"]);
        assert_eq!(
            (ended.status.code(), ended.stderr.lines().count()),
            (Some(1), 1),
            "{field}: {}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains(word) && ended.text().contains("WRONG"),
            "{}\n{}",
            ended.stderr,
            ended.text()
        );
        let line = ended.text().lines().find(|line| line.contains(field)).map(str::to_owned);
        let line = line.unwrap_or_else(|| panic!("no {field}:\n{}", ended.text()));
        assert!(line.contains("WRONG") || word.contains("truncated"), "{line}");
        let json = place.run(&["stat", "--all", "a", "--json"]).json();
        assert!(
            !json["ok"].as_bool().unwrap() && json["files"][0]["problem"].as_str().unwrap().contains(word)
        );
    }
    std::fs::write(&path, &good).unwrap();
    std::fs::write(&data_path, &data[..100]).unwrap();
    let ended = place.run(&["stat", "--all", "a"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("truncated: found 100 bytes"), "{}", ended.stderr);
    std::fs::remove_file(&data_path).unwrap();
    let ended = place.run(&["stat", "--all", "a"]);
    assert!(ended.stderr.contains("its data file") && ended.text().contains("WRONG"), "{}", ended.stderr);
}

#[test]
fn gc_removes_what_its_dry_run_names_and_rm_what_one_names() {
    let place = Place::new();
    let store = place.store();
    store.writer("kept").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let orphan = {
        let mut writer = store.writer("orphan").unwrap();
        writer.write_slice(&[1_u8; 9000], &[9000]).unwrap();
        writer.data_file().unwrap()
    };
    std::fs::remove_file(place.directory().join("orphan")).unwrap();
    let dry = place.run(&["gc", "--dry-run"]).good().text();
    assert!(dry.starts_with(&format!("{orphan}\n1 file, ")) && dry.ends_with("would be removed\n"), "{dry}");
    let dry = place.run(&["gc", "--dry-run", "--json"]).good().json();
    assert_eq!((&dry["removed"], &dry["dry_run"]), (&serde_json::json!([orphan]), &true.into()));
    assert!(place.directory().join(&orphan).exists());
    let doctor = place.run(&["doctor"]).good().text();
    assert!(doctor.contains("1 file from killed processes") && doctor.contains("ndsharray gc"), "{doctor}");
    let done = place.run(&["gc"]).good().text();
    assert!(done.starts_with(&format!("{orphan}\n1 file, ")) && done.ends_with(" removed\n"), "{done}");
    assert!(!place.directory().join(&orphan).exists());

    let mut writer = store.writer("busy").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let ended = place.run(&["rm", "busy"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("rm --force"), "{}", ended.stderr);
    assert_eq!(store.tags().unwrap(), ["busy", "kept"]);
    assert_eq!(place.run(&["rm", "--force", "busy", "kept"]).good().text(), "");
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn demo_to_its_end_and_interrupted() {
    let place = Place::new();
    let ended = place.run(&["demo", "--seconds", "1"]).good();
    let text = ended.text();
    assert!(text.contains("waits  float64") && text.contains("polls  uint8"), "{text}");
    assert!(text.ends_with(&format!("is left in {}\n", place.directory().display())), "{text}");
    assert_eq!(place.names(), [""; 0]);

    let demo = Running::start(place.command(&["demo", "--seconds", "60"]));
    until("it shares", || place.store().tags().is_ok_and(|tags| !tags.is_empty()));
    demo.signal(Signal::INT);
    let ended = demo.finish();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
    until("all is gone", || place.names().is_empty());
    // If it is killed, the processes that it started end by themselves.
    let mut demo = Running::start(place.command(&["demo", "--seconds", "60"]));
    until("it shares", || place.store().tags().is_ok_and(|tags| !tags.is_empty()));
    demo.child.kill().unwrap();
    demo.child.wait().unwrap();
    until("all is gone", || place.names().is_empty());
}

#[test]
fn the_directory_and_what_clap_brings() {
    let place = Place::new();
    let other = Place::new();
    other.store().writer("there").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let there = other.directory().to_str().unwrap();
    assert!(
        place.run(&["--dir", there, "ls"]).good().text().contains("there"),
        "--dir wins over NDSHARRAY_DIR"
    );
    assert!(place.run(&["ls", "--dir", there]).good().text().contains("there"));
    assert!(!place.run(&["ls"]).good().text().contains("there"));
    assert!(place.run(&["--version"]).good().text().contains("2.0.0"));
    assert!(place.run(&["help", "pipe"]).good().text().contains("--shape"));
    assert!(place.run(&["--help"]).good().text().contains("Exit codes"));
}
