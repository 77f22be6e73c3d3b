//! What travels with a value: attributes and times that `put` and `pipe` set, and where it comes from, as `stat` and `ls`
//! show it.

mod place;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use ndsharray::{Meta, UnixTime};
use place::{Place, npy};
use serde_json::{Value, json};

fn array() -> Vec<u8> {
    npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", &[1, 2])
}

/// The value of a tag as `ls` and `stat` say it; they say the same. With the text of `stat`.
#[track_caller]
fn shown(place: &Place, tag: &str) -> (Value, Value, String) {
    let list = place.run(&["ls", "--json", "--look", "0"]).good().json();
    let mut line = list.as_array().unwrap().iter().find(|line| line["tag"] == tag).unwrap().clone();
    let mut stat = place.run(&["stat", tag, "--json"]).good().json();
    for value in [&mut line["value"], &mut stat["value"]] {
        assert!(value.as_object_mut().unwrap().remove("age_seconds").unwrap().is_f64());
    }
    assert_eq!((&line["value"], &line["source"]), (&stat["value"], &stat["source"]));
    (line["value"].clone(), line["source"].clone(), place.run(&["stat", "--all", tag]).good().text())
}

#[test]
fn put_sets_them_and_all_show_them() {
    let place = Place::new();
    let attributes = r#"{"unit": "°C", "scale": 0.5, "axes": ["y", "x"]}"#;
    let before = UnixTime::now();
    let put = ["put", "a", "-", "--attrs", attributes, "--acquired-at", "1700000000.123456789"];
    place.run_with(&[&put[..], &["--source", "robot7"]].concat(), &array()).good();

    let value = place.store().reader("a").unwrap().latest().unwrap();
    assert_eq!(value.acquired_at(), Some(UnixTime::from(1_700_000_000_123_456_789)));
    assert_eq!(value.attributes_json().unwrap(), Some(attributes), "the text as it was given");
    assert_eq!(place.store().stat("a").unwrap().source, "robot7");

    let (found, source, text) = shown(&place, "a");
    assert_eq!(found["attributes"], json!({"unit": "°C", "scale": 0.5, "axes": ["y", "x"]}));
    assert_eq!((&found["version"], &found["metadata_known"]), (&1.into(), &true.into()));
    assert_eq!((source, &found["source_written_at"]), ("robot7".into(), &Value::Null));
    let written = value.written_at();
    assert!(before <= written && written <= UnixTime::now());
    let list = place.run(&["ls", "--json", "--look", "0"]).good().text();
    let json = place.run(&["stat", "a", "--json"]).good().text();
    for text in [list, json] {
        for field in
            [format!("\"written_at\": {written},\n"), "\"acquired_at\": 1700000000.123456789,\n".into()]
        {
            assert!(text.contains(&field), "{field}: {text}");
        }
    }
    let lines = [
        format!("written   {written} Unix time\n"),
        "acquired  1700000000.123456789 Unix time, ".to_owned(),
        format!("attrs     {attributes}\n"),
        "source    robot7\n".to_owned(),
    ];
    for line in lines {
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert!(text.contains(" d before it was written\n"), "{text}");

    // The next value has its own, or none.
    place.run_with(&["put", "a", "-"], &array()).good();
    let (found, source, text) = shown(&place, "a");
    assert_eq!((&found["attributes"], &found["acquired_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&found["version"], source), (&2.into(), "".into()));
    assert!(
        ["acquired", "attrs", "source"].iter().all(|name| !text.contains(&format!("\n{name}  "))),
        "{text}"
    );
}

/// `ls` has a column of sources if there is one.
#[test]
fn ls_shows_sources() {
    let place = Place::new();
    place.run_with(&["put", "near", "-"], &array()).good();
    let listed = || place.run(&["ls", "--look", "0"]).good().text();
    assert!(!listed().contains("SOURCE"), "{}", listed());
    place.run_with(&["put", "far", "-", "--source", "robot7"], &array()).good();
    let lines: Vec<String> = listed().lines().map(str::to_owned).collect();
    assert!(lines[0].ends_with("  SOURCE") && lines[1].starts_with("far ") && lines[1].ends_with("  robot7"));
    assert!(lines[2].starts_with("near ") && lines[2].ends_with("  -"), "{lines:#?}");
}

#[test]
fn pipe_sets_them_for_every_frame() {
    let place = Place::new();
    let pipe = ["pipe", "a", "--dtype", "u1", "--shape", "1", "--history", "5", "--source", "cam 2"];
    place.run_with(&[&pipe[..], &["--attrs", r#"{"encoding":"mono8"}"#]].concat(), b"12345").good();
    let mut reader = place.store().reader("a").unwrap();
    let values: Vec<_> = reader.every(Duration::ZERO).map(Result::unwrap).collect();
    assert_eq!(values.len(), 5);
    for value in values {
        assert_eq!(value.attributes().unwrap().unwrap()["encoding"], "mono8");
        assert_eq!(value.acquired_at(), None);
    }
    let (found, source, _) = shown(&place, "a");
    assert_eq!((&found["attributes"]["encoding"], source), (&"mono8".into(), "cam 2".into()));
}

#[test]
fn what_there_is_not_is_null() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    // User data are not attributes, whatever they look like.
    let meta = Meta::new().user_data(b"{\"unit\": \"K\"}").unwrap().source_written_at(2_000_000_001);
    writer.write_slice_with(&[1_u8], &[1], &meta).unwrap();
    let (found, source, text) = shown(&place, "a");
    assert_eq!((&found["attributes"], &found["acquired_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&found["source_written_at"], source), (&json!(2.000000001), "".into()));
    assert_eq!(found["metadata_known"], true);
    assert!(text.contains("original  written 2.000000001 Unix time") && !text.contains("attrs"), "{text}");

    // Nothing is known of a damaged tag.
    std::fs::write(place.directory().join("torn"), b"NDSHHEAD and nothing more").unwrap();
    let found = place.run(&["ls", "--json", "--look", "0"]).good().json();
    assert_eq!((&found[1]["tag"], &found[1]["source"]), (&"torn".into(), &Value::Null));
}

/// Changes a file in place, as no program of the library would.
fn forge(place: &Place, name: &str, at: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(place.directory().join(name)).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

#[test]
fn nothing_in_a_file_steers_the_terminal() {
    let place = Place::new();
    let attributes = "{\"a\": \"\u{9b}31m\u{7f}\\u001b[31m\",\n\t\"b\": \"°\"}";
    place.run_with(&["put", "a", "-", "--attrs", attributes, "--source", "robot"], &array()).good();
    forge(&place, "a", 264, b"r\x1b[2J");
    let (found, source, text) = shown(&place, "a");
    assert_eq!(found["attributes"], json!({"a": "\u{9b}31m\u{7f}\u{1b}[31m", "b": "°"}));
    assert_eq!(source, "r\u{1b}[2J");
    assert!(text.contains("source    r\\u001b[2J\n"), "{text}");
    let line = "attrs     {\"a\": \"\\u009b31m\\u007f\\u001b[31m\",  \"b\": \"°\"}\n";
    assert!(text.contains(line), "{text}");
    let list = place.run(&["ls", "--json", "--look", "0"]).good().text();
    let json = place.run(&["stat", "a", "--json"]).good().text();
    for text in [text, list, json] {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn bytes_that_are_no_attributes_are_shown_and_no_object() {
    let place = Place::new();
    place.run_with(&["put", "a", "-", "--attrs", r#"{"unit": "K"}"#], &array()).good();
    let stat = place.store().stat("a").unwrap();
    let offset = place.run(&["stat", "--all", "a"]).good().text();
    let offset = offset.lines().find(|line| line.contains("slot 0: user data  ")).unwrap().trim().to_owned();
    let offset = offset.split(' ').next().unwrap().parse().unwrap();
    forge(&place, &stat.value.unwrap().data_file, offset, b"[");
    let (found, _, text) = shown(&place, "a");
    assert_eq!((&found["attributes"], &found["metadata_known"]), (&Value::Null, &true.into()));
    assert!(text.contains("attrs     [\"unit\": \"K\"}\n"), "{text}");
}

#[test]
fn it_says_so_if_values_come_too_fast() {
    let place = Place::new();
    let put = ["put", "a", "-", "--attrs", r#"{"unit": "K"}"#, "--acquired-at", "1.5"];
    place.run_with(&put, &array()).good();
    let data_file = place.store().stat("a").unwrap().value.unwrap().data_file;
    // The slot has another version than the header names, as while the next value is written.
    forge(&place, &data_file, 256, &2_u64.to_ne_bytes());
    let (found, _, text) = shown(&place, "a");
    assert_eq!((&found["attributes"], &found["acquired_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&found["metadata_known"], &found["version"]), (&false.into(), &1.into()));
    assert!(text.contains("attrs     not known: values come faster than they can be looked at\n"), "{text}");
}
