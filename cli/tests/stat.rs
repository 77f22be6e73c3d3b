//! `stat` says in a few lines what people want to know of a tag, and all of it with `--all`; numbers are numbers in JSON.

mod place;

use std::io::Write;

use ndsharray::Meta;
use place::{Place, Running, until};
use serde_json::{Value, json};

#[test]
fn a_few_lines_say_what_there_is() {
    let place = Place::new();
    let mut writer = place.store().writer_options("cam").mode(0o640).source("robot7").open().unwrap();
    let meta = Meta::new().attributes_json(r#"{"encoding": "rgb8"}"#).unwrap().acquired_at(1_000_000_000);
    writer.write_slice_with(&[0_u8; 12], &[2, 2, 3], &meta).unwrap();
    let held = place.store().reader("cam").unwrap().latest().unwrap();
    let text = place.run(&["stat", "cam", "--look", "10"]).good().text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert_eq!(lines[0], "value     uint8 of shape 2,2,3, 12 B");
    assert!(
        lines[1].starts_with("version   1, 0, written ") && lines[1].ends_with(" d before that"),
        "{text}"
    );
    let owner = format!("writer    alive, pid {}; owner ", std::process::id());
    assert!(lines[2].starts_with(&owner) && lines[2].ends_with(", mode 0640"), "{text}");
    assert!(
        lines[3].starts_with("memory    ") && lines[3].ends_with("1 slot of 4.10 kB, 1 held by readers"),
        "{text}"
    );
    assert_eq!(&lines[4..], [r#"attrs     {"encoding": "rgb8"}"#, "source    robot7"]);
    drop((held, writer));

    // Without a writer there is nothing to watch, and no rate.
    let text = place.run(&["stat", "cam", "--look", "60000"]).good().text();
    assert!(text.contains("version   1, written ") && text.contains("writer    gone; owner "), "{text}");
    let _empty = place.store().writer_options("new").ephemeral(true).open().unwrap();
    let text = place.run(&["stat", "n*", "--look", "0"]).good().text();
    assert!(text.starts_with("value     none yet\nwriter    alive") && text.lines().count() == 3, "{text}");
    assert!(text.contains("; the tag goes with its writer; owner "), "{text}");
}

#[test]
fn the_rate_is_that_of_the_writer() {
    let place = Place::new();
    let mut pipe = Running::start(place.command(&["pipe", "a", "--dtype", "u1", "--shape", "1"]));
    let mut stdin = pipe.child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        while stdin.write_all(b"x").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    until("it writes", || {
        place.store().stat("a").is_ok_and(|stat| stat.value.is_some_and(|value| value.version > 2))
    });
    // The machine may be too busy for a value within one look.
    until("a rate", || {
        place.run(&["stat", "a", "--json"]).good().json()["rate"].as_f64().is_some_and(|rate| rate > 0.0)
    });
    until("a rate in the text", || {
        place.run(&["stat", "a"]).good().text().lines().nth(1).unwrap().contains("/s, written ")
    });
    pipe.signal(rustix::process::Signal::INT);
    pipe.finish().good();
    feeder.join().unwrap();
}

/// Every number in JSON is one, however large.
#[test]
fn numbers_are_numbers() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice_with(&[1_u8; 7], &[7], &Meta::new().acquired_at(u64::MAX)).unwrap();
    let ended = place.run(&["stat", "a", "--json", "--look", "0"]).good();
    let found = ended.json();
    for number in [
        "/uid",
        "/pid",
        "/storage_bytes",
        "/value/bytes",
        "/value/version",
        "/value/written_at",
        "/value/age_seconds",
        "/value/slots_allocated",
        "/value/slots_pinned",
        "/value/slot_bytes",
    ] {
        assert!(found.pointer(number).unwrap().is_number(), "{number}: {found}");
    }
    assert_eq!((&found["ok"], &found["damaged"], &found["rate"]), (&json!(true), &Value::Null, &Value::Null));
    assert_eq!(found["pid"], std::process::id());
    assert_eq!((&found["mode"], &found["value"]["shape"]), (&"0600".into(), &json!([7])));
    assert!(ended.text().contains("\"acquired_at\": 18446744073.709551615,"), "{}", ended.text());
    assert!(found.get("files").is_none() && found.get("summary").is_none(), "{found}");

    let found = place.run(&["stat", "a", "--all", "--json"]).good().json();
    let field = |file: usize, name: &str| {
        let fields = found["files"][file]["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("{name}: {fields:#?}"))["value"].clone()
    };
    assert_eq!((field(0, "page size"), field(0, "writer's pid")), (json!(4096), json!(std::process::id())));
    assert_eq!((field(1, "slot 0: pins"), field(1, "slot 0: shape")), (json!([0, 0, 0, 0]), json!([7])));
    assert_eq!(field(1, "slot 0: acquisition time"), json!(u64::MAX));
    // What is no number is text.
    assert_eq!(field(0, "magic"), json!("\"NDSHHEAD\""));
    assert_eq!(field(0, "header id").as_str().unwrap().len(), 32);
    assert_eq!(field(0, "endian tag"), json!("0x01020304"));
}

#[test]
fn damage_is_said_with_and_without_all() {
    let place = Place::new();
    std::fs::write(place.directory().join("torn"), b"NDSHHEAD and nothing more").unwrap();
    let ended = place.run(&["stat", "torn"]);
    assert_eq!((ended.status.code(), ended.text().as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("truncated: found 25 bytes"), "{}", ended.stderr);
    let ended = place.run(&["stat", "torn", "--all"]);
    assert!(ended.status.code() == Some(1) && ended.text().contains("OFFSET"), "{}", ended.text());
    let found = place.run(&["stat", "torn", "--json"]).json();
    assert!(found["damaged"].as_str().unwrap().contains("truncated"), "{found}");
    assert_eq!((&found["ok"], &found["value"], &found["tag"]), (&json!(false), &Value::Null, &json!("torn")));
    assert!(found["uid"].is_number(), "{found}");
}
