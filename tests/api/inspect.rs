//! `inspect` shows every field of a good array's files with its value, and marks damaged ones; `gc_dry_run` says
//! exactly what `gc` then removes.

use std::os::unix::fs::FileExt;

use ndsharray::{Error, FileInspection, Meta};

use crate::common::sandbox::{files, store};

#[track_caller]
fn value<'a>(file: &'a FileInspection, name: &str) -> &'a str {
    &file.fields.iter().find(|field| field.name == name).unwrap_or_else(|| panic!("no field {name}")).value
}

#[test]
fn a_good_array_has_its_values_in_the_fields() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").mode(0o640).open().unwrap();
    writer.write_slice(&[1_u16; 6], &[2, 3]).unwrap();
    writer
        .write_bytes_with(&ndsharray::DType::Int8, &[2], &[1, 2], &Meta::new().user_data(b"hello\n").unwrap())
        .unwrap();
    let held = store.reader("a").unwrap().latest().unwrap();

    let found = store.inspect("a").unwrap();
    assert!(found.header.problem.is_none() && found.header.current);
    assert_eq!((found.header.mode, found.header.size), (0o640, 8192));
    assert_eq!(value(&found.header, "magic"), "\"NDSHHEAD\"");
    let seq: u64 = value(&found.header, "seq").parse().unwrap();
    let record = format!("record {}: ", seq & 1);
    let of = |name: &str| value(&found.header, &format!("{record}{name}"));
    assert_eq!((of("version"), of("number")), ("2", "2"), "another layout, another number");
    assert_eq!(value(&found.header, "spent"), "2");
    let pid = std::process::id().to_string();
    assert_eq!([value(&found.header, "maker's pid"), value(&found.header, "writer's pid")], [&pid; 2]);

    assert_eq!(found.data_files.len(), 1);
    let data = &found.data_files[0];
    assert!(data.current && data.problem.is_none());
    let id = value(data, "header id");
    assert_eq!(id, value(&found.header, "header id"));
    let name = format!("a_{}{:010x}", &id[..22], 2);
    assert_eq!(data.path.file_name().unwrap().to_str().unwrap(), name, "the id with the number in it");
    assert_eq!((value(data, "made as number"), value(data, "slot limit")), ("1", "8"));
    let slot = of("slot");
    let of_slot = |name: &str| value(data, &format!("slot {slot}: {name}"));
    assert_eq!((of_slot("content version"), of_slot("user data length"), of_slot("number")), ("2", "6", "2"));
    assert_eq!(of_slot("write time"), of("write time"));
    assert_eq!((of_slot("dtype"), of_slot("dtype name")), ("1", "\"int8\""));
    assert_eq!((of_slot("shape"), of_slot("length")), ("[2]", "2"));
    assert_eq!(of_slot("user data"), r#""hello\n""#);
    let pins = |data: &FileInspection| {
        let shards = value(data, &format!("slot {slot}: pins")).trim_matches(['[', ']']).to_owned();
        shards.split(", ").map(|pins| pins.parse::<u32>().unwrap()).sum::<u32>()
    };
    assert_eq!(pins(data), 1);
    drop(held);
    assert_eq!(pins(&store.inspect("a").unwrap().data_files[0]), 0);
}

#[test]
fn damage_is_said_and_what_is_no_header_is_an_error() {
    let (dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8; 4], &[4]).unwrap();
    let path = dir.path().join("a");
    let good = std::fs::read(&path).unwrap();
    // Offsets from the byte table in docs/design.md: the format, the byte order, the id, the record after one publish.
    for (offset, name) in
        [(8, "format version"), (12, "endian tag"), (24, "checksum"), (224, "check"), (232, "check")]
    {
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[good[offset as usize] ^ 0x40], offset).unwrap();
        let found = store.inspect("a").unwrap();
        let problem = found.header.problem.expect(name);
        let right = match &problem {
            Error::FormatVersion { .. } => name == "format version",
            Error::Endianness { .. } => name == "endian tag",
            Error::Checksum { .. } => name == "checksum",
            Error::Corrupt { field, .. } => *field == name,
            _ => false,
        };
        assert!(right, "{name}: {problem}");
        let wrong = found.header.fields.iter().filter(|field| field.note.contains("WRONG"));
        // Damage under a checksum shows at the checksum, beside where it is.
        let names: Vec<&str> = wrong.map(|field| field.name.rsplit(": ").next().unwrap()).collect();
        let expected: &[&str] = match name {
            "format version" => &["checksum"],
            "endian tag" => &["endian tag", "checksum"],
            name => &[name],
        };
        assert_eq!(names, expected, "{name}");
        file.write_all_at(&good, 0).unwrap();
    }
    assert!(store.inspect("a").unwrap().header.problem.is_none());

    let data_file = store.stat("a").unwrap().value.unwrap().data_file;
    let path_of_data = dir.path().join(&data_file);
    // The number of the entry, its dtype, and its checksum.
    for at in [8192, 8192 + 8, 8192 + 1632] {
        let good = std::fs::read(&path_of_data).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path_of_data).unwrap();
        file.write_all_at(&[good[at as usize] ^ 0x40], at).unwrap();
        let found = store.inspect("a").unwrap();
        assert!(matches!(found.data_files[0].problem, Some(Error::Checksum { .. })), "{at}");
        let wrong = found.data_files[0].fields.iter().filter(|field| field.note.contains("WRONG"));
        assert_eq!(wrong.map(|field| &field.name[..]).collect::<Vec<_>>(), ["slot 0: checksum"]);
        file.write_all_at(&good, 0).unwrap();
    }
    assert!(store.inspect("a").unwrap().data_files[0].problem.is_none());
    std::fs::write(dir.path().join(&data_file), b"NDSH").unwrap();
    let found = store.inspect("a").unwrap();
    assert!(found.data_files[0].problem.is_some());
    assert_eq!(found.data_files[0].fields.len(), 1, "only the start is there");
    std::fs::remove_file(dir.path().join(&data_file)).unwrap();
    let found = store.inspect("a").unwrap();
    assert!(matches!(found.header.problem, Some(Error::DataMissing { .. })), "{:?}", found.header.problem);

    std::fs::write(&path, &good[..200]).unwrap();
    let found = store.inspect("a").unwrap();
    assert!(matches!(found.header.problem, Some(Error::Truncated { .. })));
    assert!(found.header.fields.iter().all(|field| field.offset < 200));
    std::fs::write(&path, b"something").unwrap();
    assert!(matches!(store.inspect("a"), Err(Error::NotAHeader { .. })));
    assert!(matches!(store.inspect("b"), Err(Error::NotFound { .. })));
    assert!(matches!(store.inspect("../a"), Err(Error::InvalidTag { .. })));
}

#[test]
fn a_dry_run_says_what_the_clean_up_removes() {
    let (dir, store) = store();
    let put = |tag: &str| {
        store.writer(tag).unwrap().write_slice(&[7_u8; 5000], &[5000]).unwrap();
        store.stat(tag).unwrap().value.unwrap().data_file
    };
    // A data file without its header, a temporary file, an ephemeral tag whose writer's lock is free; and two that
    // stay.
    let orphan = put("orphan");
    std::fs::remove_file(dir.path().join("orphan")).unwrap();
    std::fs::write(dir.path().join(".t_0123456789abcdef.ndsharray-tmp"), b"").unwrap();
    let kept = put("kept");
    let mut gone = store.writer_options("gone").ephemeral(true).open().unwrap();
    gone.write_slice(&[1_u8; 9000], &[9000]).unwrap();
    let ephemeral = store.stat("gone").unwrap().value.unwrap().data_file;
    let living = store.writer_options("living").ephemeral(true).open().unwrap();
    // The same files without a lock, as a kill of its writer leaves them.
    for name in ["gone", &ephemeral] {
        let contents = std::fs::read(dir.path().join(name)).unwrap();
        std::fs::remove_file(dir.path().join(name)).unwrap();
        std::fs::write(dir.path().join(name), contents).unwrap();
    }

    let names = || files(dir.path());
    let before = names();
    let planned = store.gc_dry_run().unwrap();
    assert_eq!(names(), before, "a dry run removes nothing");
    assert_eq!(planned, store.gc_dry_run().unwrap());
    let done = store.gc().unwrap();
    assert_eq!(planned, done);
    let mut removed = done.removed.clone();
    removed.sort();
    let mut expected =
        vec![".t_0123456789abcdef.ndsharray-tmp".to_owned(), "gone".to_owned(), ephemeral, orphan];
    expected.sort();
    assert_eq!(removed, expected);
    assert!(done.bytes > 14_000, "{done:?}");
    assert_eq!(names(), ["kept".to_owned(), kept, "living".to_owned()]);
    assert!(store.gc_dry_run().unwrap().removed.is_empty());
    drop((living, gone));
}
