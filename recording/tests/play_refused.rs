//! What cannot be played: nothing is written, and no tag stays.

mod play_common;

use std::time::Duration;

use ndsharray::Error as StoreError;
use ndsharray_recording::{Error, PlayerOptions, Step};
use play_common::Place;

fn place() -> Place {
    let place = Place::new();
    place.record("run.mcap", &[("a", 0), ("b", 10), ("c", 20)]);
    place
}

#[track_caller]
fn refused(place: &Place, options: PlayerOptions) -> Error {
    let before = place.names();
    let refused = options.open(&place.open("run.mcap"), &place.store()).unwrap_err();
    assert_eq!(place.names(), before, "nothing is left of it");
    refused
}

#[track_caller]
fn invalid(options: PlayerOptions, named: &str, said: &str) {
    let error = refused(&place(), options);
    let text = error.to_string();
    assert!(
        matches!(error, Error::Store(StoreError::InvalidOption { option, .. }) if option == named),
        "{error:?}"
    );
    assert!(text.contains(said), "{text}");
}

#[test]
fn options_that_cannot_be() {
    let options = PlayerOptions::new;
    for speed in [0.0, -1.0, 0.0001, 1001.0, f64::NAN, f64::NEG_INFINITY] {
        invalid(options().speed(speed), "speed", "0.001 to 1000");
    }
    let seconds = Duration::from_secs;
    invalid(options().from(seconds(3)), "from", "found 3 s in a recording of 0.02 s");
    invalid(
        options().from(Duration::from_millis(10)).to(Duration::from_millis(5)),
        "to",
        "found 0.005 s, which is before from, 0.01 s",
    );
    invalid(options().history(249), "history", "0 to 248");
}

#[test]
fn names_that_cannot_be() {
    let options = PlayerOptions::new;
    for unknown in [options().tags(["a", "x"]), options().rename("x", "y")] {
        let error = refused(&place(), unknown);
        assert!(
            matches!(&error, Error::NoTag { tag, tags, .. } if tag == "x" && tags.len() == 3),
            "{error:?}"
        );
    }
    invalid(options().rename("a", "b"), "rename", r#"tags "a" and "b" both as "b""#);
    invalid(options().rename("a", "x").rename("c", "x"), "rename", r#"tags "a" and "c" both as "x""#);
    invalid(options().rename("a", "x").rename("a", "y"), "rename", r#"several names for tag "a""#);
    invalid(options().tags(["a"]).rename("b", "x"), "rename", r#"tag "b", which is not played"#);
    let error = refused(&place(), options().rename("c", "../x"));
    assert!(matches!(error, Error::Store(StoreError::InvalidTag { .. })), "{error:?}");
}

#[test]
fn names_are_exchanged() {
    let place = place();
    let options =
        PlayerOptions::new().speed(f64::INFINITY).rename("a", "b").rename("b", "a").tags(["a", "b"]);
    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = options.open(&recording, &store).unwrap();
    while player.step(Duration::from_secs(60)).unwrap() != Step::Ended {}
    assert_eq!(store.tags().unwrap(), ["a", "b"]);
    let number = |tag| store.reader(tag).unwrap().latest().unwrap().bytes()[0];
    assert_eq!((number("a"), number("b")), (1, 0));
}

#[test]
fn tags_of_others_are_left_alone() {
    let place = place();
    let mut writer = place.store().writer("c").unwrap();
    let error = refused(&place, PlayerOptions::new());
    assert!(matches!(&error, Error::Store(StoreError::WriterExists { tag, .. }) if tag == "c"), "{error:?}");
    // Nor is a value that is to stay replaced.
    writer.write_slice(&[1_u8], &[1]).unwrap();
    drop(writer);
    let error = refused(&place, PlayerOptions::new());
    assert!(
        matches!(error, Error::Store(StoreError::InvalidOption { option: "ephemeral", .. })),
        "{error:?}"
    );
    assert_eq!(place.store().reader("c").unwrap().latest().unwrap().bytes(), [1]);
}

#[test]
fn a_recording_without_values_is_played_at_once() {
    let place = Place::new();
    place.record("run.mcap", &[]);
    for repeats in [false, true] {
        let options = PlayerOptions::new().repeat(repeats);
        let mut player = options.open(&place.open("run.mcap"), &place.store()).unwrap();
        assert_eq!(player.step(Duration::from_secs(60)).unwrap(), Step::Ended);
        assert_eq!((player.played().values, player.played().timing), (0, None));
    }
}
