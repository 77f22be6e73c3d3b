//! `show` prints values, times and attributes as text, and tables as CSV.

mod place;

use ndsharray::{DType, Meta};
use place::Place;

/// What comes behind the empty line.
fn array(text: &str) -> &str {
    text.split_once("\n\n").unwrap_or_else(|| panic!("{text}")).1
}

#[test]
fn values_times_and_attributes_as_text() {
    let place = Place::new();
    let mut writer = place.store().writer("pose").unwrap();
    let meta =
        Meta::new().attributes_json(r#"{"unit": "m"}"#).unwrap().acquired_at(1_700_000_000_250_000_000);
    writer.write_slice_with(&[1.0_f64, 0.25, -3.5, 1e-9, f64::NAN, 100.0], &[2, 3], &meta).unwrap();
    let text = place.run(&["show", "pose"]).good().text();
    let head: Vec<&str> = text.lines().take(5).collect();
    assert_eq!((head[0], head[4]), ("value     float64 of shape 2,3, 48 B", "attrs     {\"unit\": \"m\"}"));
    assert!(head[1].starts_with("version   1, written ") && head[2].ends_with(" Unix time"), "{text}");
    assert!(head[3].starts_with("acquired  1700000000.250000000 Unix time, "), "{text}");
    assert_eq!(array(&text), "[[   1 0.25 -3.5]\n [1e-9  NaN  100]]\n");

    let part = place.run(&["show", "pose", "--index", "-1,::2"]).good().text();
    assert!(part.contains("\npart      shape 2\n"), "{part}");
    assert_eq!(array(&part), "[1e-9  100]\n");
    assert_eq!(array(&place.run(&["show", "po*", "--index=0,1"]).good().text()), "0.25\n");
    writer.write_slice(&vec![7_u8; 720 * 1280 * 3], &[720, 1280, 3]).unwrap();
    let text = place.run(&["show", "pose"]).good().text();
    assert!(array(&text).contains("...") && text.lines().count() < 60, "{text}");
    writer.write_slice(&[0_u8; 0], &[0, 4]).unwrap();
    assert_eq!(array(&place.run(&["show", "pose"]).good().text()), "[]\n");
}

#[test]
fn tables_as_csv() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    let csv = |args: &[&str]| place.run(&[&["show", "a", "--csv"], args].concat()).good().text();
    writer.write_slice(&[0.1_f64, 1.0 / 3.0, -1e300, f64::INFINITY], &[2, 2]).unwrap();
    assert_eq!(csv(&[]), "0.1,0.3333333333333333\n-1e300,inf\n");
    assert_eq!(csv(&["--index", ":,1"]), "0.3333333333333333\ninf\n");
    assert_eq!(csv(&["--index", "0,0"]), "0.1\n");
    writer.write_slice(&[u64::MAX, 1], &[2]).unwrap();
    assert_eq!(csv(&[]), format!("{}\n1\n", u64::MAX));
    writer.write_slice(&[true, false], &[2]).unwrap();
    assert_eq!(csv(&[]), "true\nfalse\n");
    writer.write_slice(&(0..24_i8).collect::<Vec<_>>(), &[2, 3, 4]).unwrap();
    assert_eq!(csv(&["--index", "1,:,0"]), "12\n16\n20\n");
    let refused = place.run(&["show", "a", "--csv"]);
    assert_eq!((refused.status.code(), refused.text().as_str()), (Some(2), ""));
    assert!(
        refused.stderr.contains("shape 2,3,4 is no table") && refused.stderr.contains("--index 0"),
        "{}",
        refused.stderr
    );
    // All of a large one.
    writer.write_slice(&vec![5_u16; 300_000], &[1000, 300]).unwrap();
    let all = csv(&[]);
    assert_eq!((all.lines().count(), all.len()), (1000, 600_000));
    // Strings are quoted where they must be.
    let dtype = DType::custom("bytes64", 8, "|S8").unwrap();
    writer.write_bytes(&dtype, &[4], b"plain\0\0\0a,b\0\0\0\0\0say \"x\"\0two\nline").unwrap();
    assert_eq!(csv(&[]), "plain\n\"a,b\"\n\"say \"\"x\"\"\"\n\"two\nline\"\n");
}

/// A reader that goes away, and Ctrl-C, end it as they end `cat`.
#[test]
fn csv_ends_with_its_reader() {
    let place = Place::new();
    place.store().writer("a").unwrap().write_slice(&vec![5_u16; 3_000_000], &[3_000_000]).unwrap();
    let (reader, writer) = place::unshared_pipe();
    let running = place::Running::start_with_stdout(place.command(&["show", "a", "--csv"]), writer.into());
    drop(reader);
    running.finish().good();
    let (reader, writer) = place::unshared_pipe();
    let running = place::Running::start_with_stdout(place.command(&["show", "a", "--csv"]), writer.into());
    place::until("it listens for signals", || running.catches(rustix::process::Signal::INT));
    running.signal(rustix::process::Signal::INT);
    assert_eq!(running.finish().status.code(), Some(130));
    drop(reader);
}

#[test]
fn records_have_names() {
    let place = Place::new();
    let dtype: DType =
        "[('t', '<M8[ms]'), ('pos', '<f4', (2,)), ('tag', '|S4'), ('q', [('n', '>u2'), ('ok', '?')])]"
            .parse()
            .unwrap();
    let record = |time: i64, x: f32, tag: &[u8; 4], n: u16| {
        let parts =
            [&time.to_le_bytes()[..], &x.to_le_bytes(), &(-x).to_le_bytes(), tag, &n.to_be_bytes(), &[1]];
        parts.concat()
    };
    let bytes = [record(1_700_000_000_250, 0.1, b"a,b\0", 258), record(0, 3.0, b"c\0\0\0", 7)].concat();
    let mut writer = place.store().writer("poses").unwrap();
    writer.write_bytes(&dtype, &[2], &bytes).unwrap();
    let text = place.run(&["show", "poses"]).good().text();
    let fields = "{t: datetime64[ms], pos: float32[2], tag: bytes32, q: {n: >u2, ok: bool}}";
    assert!(text.starts_with(&format!("value     {fields} of shape 2, ")), "{text}");
    let first = "[{t: 2023-11-14T22:13:20.250, pos: [0.1, -0.1], tag: b'a,b', q: {n: 258, ok: true}}\n {t: 1970-01-01T00:00:00.000,";
    assert!(array(&text).starts_with(first), "{text}");
    let csv = place.run(&["show", "poses", "--csv"]).good().text();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "t,pos[0],pos[1],tag,q.n,q.ok");
    assert_eq!(lines[1], "2023-11-14T22:13:20.250,0.1,-0.1,\"a,b\",258,true");
    assert_eq!((lines[2].ends_with(",3.0,-3.0,c,7,true"), lines.len()), (true, 3));
    let one = place.run(&["show", "poses", "--csv", "--index", "-1"]).good().text();
    assert_eq!(one.lines().count(), 2, "{one}");

    // The fields are seen wherever the dtype is.
    assert!(
        place.run(&["stat", "poses"]).good().text().starts_with(&format!("value     {fields} of shape 2, "))
    );
    let line = place.run(&["ls"]).good().text();
    assert!(line.contains("{t: datetime64[ms], pos: float32[2], ta…  2 "), "{line}");
    let value = place.run(&["ls", "--json"]).good().json()[0]["value"].clone();
    assert_eq!(value["dtype"], fields);
    let field = &value["fields"][1];
    assert_eq!(
        (&field["name"], &field["dtype"], &field["offset"]),
        (&"pos".into(), &"float32".into(), &8.into())
    );
    assert_eq!(
        (&field["shape"], &value["fields"][3]["fields"][0]["dtype"]),
        (&serde_json::json!([2]), &">u2".into())
    );

    writer.write_bytes(&dtype, &[1, 2], &bytes).unwrap();
    let refused = place.run(&["show", "poses", "--csv"]);
    assert!(refused.stderr.contains("an array of records of shape 1,2 is no table"), "{}", refused.stderr);
    assert!(place.run(&["show", "poses", "--csv", "--index", "0"]).good().text().starts_with("t,pos[0]"));
}
