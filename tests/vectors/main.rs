//! Test vectors: stores as files, and what a reader must find in them, for readers in other languages (README.md here). They
//! are made by hand from docs/design.md (build.rs), not by the library, which is checked against them as any other reader.
//!
//!     cargo test --test vectors -- --ignored make    writes them anew

use std::path::{Path, PathBuf};
use std::time::Duration;

use ndsharray::{Error, Store, UnixTime};
use serde_json::{Map, Value as Json, json};

mod build;
mod cases;
#[path = "../common/mod.rs"]
mod common;

use build::OFFSET;
use cases::{Case, Found};
use common::sandbox::{directory, picture, skip};

/// Runs of more zeros than this are left out of a vector.
const HOLE: usize = 32;

fn path(case: &Case) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(case.name).with_extension("json")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A file: its size, and by offset what is not zero.
fn file(bytes: &[u8]) -> Json {
    let mut parts = Map::new();
    let mut at = 0;
    while let Some(first) = bytes[at..].iter().position(|&byte| byte != 0) {
        let start = at + first;
        let zeros = bytes[start..].windows(HOLE).position(|window| window.iter().all(|&byte| byte == 0));
        let end = zeros.map_or(bytes.len(), |zeros| start + zeros);
        let end = start + bytes[start..end].iter().rposition(|&byte| byte != 0).unwrap() + 1;
        parts.insert(start.to_string(), hex(&bytes[start..end]).into());
        at = end;
    }
    json!({ "size": bytes.len(), "parts": parts })
}

/// The whole file again.
fn unpacked(file: &Json) -> Vec<u8> {
    let mut bytes = vec![0; file["size"].as_u64().unwrap() as usize];
    for (at, part) in file["parts"].as_object().unwrap() {
        build::put(&mut bytes, at.parse().unwrap(), &unhex(part.as_str().unwrap()));
    }
    bytes
}

/// What a case is as a vector. Numbers that may not fit a double are strings.
fn vector(case: &Case) -> Json {
    let header = &case.header;
    let files: Map<String, Json> =
        case.files.iter().map(|(name, bytes)| (name.clone(), file(bytes))).collect();
    let (mut value, mut error) = (Json::Null, Json::Null);
    match &case.found {
        Found::Nothing => {}
        Found::Error(kind, field, file) => error = json!({ "kind": kind, "field": field, "file": file }),
        Found::Value(found, number) => {
            value = json!({
                "data_file": build::data_file(header.id, *number),
                "version": found.version,
                "written_at_unix_ns": (OFFSET + found.written_at).to_string(),
                "acquired_at_unix_ns": found.acquired_at.to_string(),
                "source_written_at_unix_ns": found.source_written_at.to_string(),
                "dtype": found.dtype,
                "descr": found.descr,
                "itemsize": found.itemsize,
                "shape": found.shape,
                "bytes": hex(&found.bytes),
                "encoding": found.encoding,
                "user_data": hex(&found.user_data),
            });
        }
    }
    json!({
        "about": case.about,
        "tag": "a",
        "files": files,
        "header": {
            "id": format!("{:032x}", header.id),
            "page_size": header.page,
            "ephemeral": header.ephemeral,
            "origin": header.origin.to_string(),
            "writers_pid": header.pid,
            "spent": header.spent,
            "seq": header.seq.to_string(),
            "source": header.source,
            "has_stood": header.stood,
        },
        "value": value,
        "every": case.every,
        "error": error,
    })
}

fn text(case: &Case) -> String {
    serde_json::to_string_pretty(&vector(case)).unwrap() + "\n"
}

#[test]
#[ignore = "writes the vectors; see the head of this file"]
fn make() {
    for case in cases::all() {
        std::fs::write(path(&case), text(&case)).unwrap();
    }
}

#[test]
fn the_vectors_are_what_is_made() {
    let mut expected = Vec::new();
    for case in cases::all() {
        let found = std::fs::read_to_string(path(&case)).unwrap();
        assert!(found == text(&case), "{}: `--ignored make` writes them anew", case.name);
        let vector: Json = serde_json::from_str(&found).unwrap();
        for (name, bytes) in &case.files {
            assert_eq!(unpacked(&vector["files"][name]), *bytes, "{}: {name}", case.name);
        }
        expected.push(path(&case));
    }
    let entries = path(&cases::all()[0]).parent().unwrap().read_dir().unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let size: u64 = found.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(size < 200 << 10, "{size} bytes");
}

/// What the library finds in the files, in the form of a vector.
fn read(store: &Store, expected: &Json) -> (Json, Json) {
    let value = store.reader("a").and_then(|reader| reader.latest());
    match value {
        Err(Error::Empty { .. }) => (Json::Null, Json::Null),
        Err(error) => {
            let text = format!("{error:?}");
            let kind = text.split([' ', '{']).next().unwrap();
            let field = if let Error::Corrupt { field, .. } = &error { field } else { "" };
            // Errors name the file by its path, but for what is found out by the slot alone.
            let file = expected["error"]["file"].as_str().unwrap_or_default();
            let path = store.directory().join(file);
            let names = error.to_string().contains(path.to_str().unwrap());
            assert!(names || matches!(error, Error::Contended { .. }), "{error} is not about {path:?}");
            (Json::Null, json!({ "kind": kind, "field": field, "file": file }))
        }
        Ok(value) => {
            let stat = store.stat("a").unwrap().value.unwrap();
            assert_eq!(
                (stat.version, &stat.shape[..], &stat.dtype),
                (value.version(), value.shape(), value.dtype())
            );
            let nanoseconds = |time: Option<UnixTime>| time.map_or(0, UnixTime::as_nanos).to_string();
            let attributes = value.attributes().unwrap();
            assert_eq!(attributes.is_some(), value.attributes_json().unwrap().is_some());
            let found = json!({
                "data_file": stat.data_file,
                "version": value.version(),
                "written_at_unix_ns": value.written_at().as_nanos().to_string(),
                "acquired_at_unix_ns": nanoseconds(value.acquired_at()),
                "source_written_at_unix_ns": nanoseconds(value.source_written_at()),
                "encoding": u32::from(attributes.is_some()),
                "dtype": value.dtype().name(),
                "descr": value.dtype().descr(),
                "itemsize": value.dtype().itemsize(),
                "shape": value.shape(),
                "bytes": hex(value.bytes()),
                "user_data": hex(value.user_data()),
            });
            (found, Json::Null)
        }
    }
}

/// The versions that a reader of every value gets.
fn every(store: &Store) -> Json {
    let Ok(mut reader) = store.reader("a") else { return json!([]) };
    reader.every(Duration::ZERO).map_while(Result::ok).map(|value| value.version()).collect()
}

#[test]
fn the_library_reads_them() {
    if cfg!(target_endian = "big") || rustix::param::page_size() > 16384 {
        return skip(
            "the_library_reads_them",
            "the vectors are for a machine of the other byte order or smaller pages",
        );
    }
    for case in cases::all() {
        println!("{}", case.name);
        let vector: Json = serde_json::from_str(&std::fs::read_to_string(path(&case)).unwrap()).unwrap();
        let pages_fit = vector["header"]["page_size"].as_u64().unwrap() >= rustix::param::page_size() as u64;
        if !pages_fit {
            continue;
        }
        let dir = directory();
        for (name, file) in vector["files"].as_object().unwrap() {
            std::fs::write(dir.path().join(name), unpacked(file)).unwrap();
        }
        let store = Store::open(dir.path()).unwrap();
        let before = picture(dir.path());
        let (value, error) = read(&store, &vector);
        assert_eq!(error, vector["error"]);
        assert_eq!(value, vector["value"]);
        if error.is_null() {
            assert_eq!(every(&store), vector["every"]);
        }
        inspect(&store, &vector);
        assert_eq!(picture(dir.path()), before, "reading changes nothing");
        go_on(&store, &vector);
    }
}

/// The fields of the files, which say more than a reader gives.
fn inspect(store: &Store, vector: &Json) {
    let found = store.inspect("a").unwrap();
    if vector["error"]["kind"] == "Endianness" || vector["error"]["kind"] == "Checksum" {
        return;
    }
    let field = |name: &str| {
        let field = found.header.fields.iter().find(|field| field.name == name).unwrap();
        field.value.clone()
    };
    let header = &vector["header"];
    assert_eq!(field("header id"), header["id"].as_str().unwrap());
    assert_eq!(field("page size"), header["page_size"].to_string());
    assert_eq!(field("flags"), if header["ephemeral"] == true { "1" } else { "0" });
    assert_eq!(field("origin"), header["origin"].as_str().unwrap());
    assert_eq!(field("writer's pid"), header["writers_pid"].to_string());
    assert_eq!(field("spent"), header["spent"].to_string());
    assert_eq!(field("has stood"), if header["has_stood"] == true { "1" } else { "0" });
    assert_eq!(field("seq"), header["seq"].as_str().unwrap());
    assert_eq!(field("source"), format!("{}", header["source"]));
    let value = &vector["value"];
    if !value.is_null() {
        let slot = field(&format!("record {}: slot", field("seq").parse::<u64>().unwrap() & 1));
        let of_slot = |name: &str| {
            let name = format!("slot {slot}: {name}");
            found.data_files[0].fields.iter().find(|field| field.name == name).unwrap().value.clone()
        };
        assert!(found.header.problem.is_none() && found.data_files[0].problem.is_none());
        assert_eq!(of_slot("acquisition time"), value["acquired_at_unix_ns"].as_str().unwrap());
        assert_eq!(of_slot("encoding"), value["encoding"].to_string());
    }
}

/// A writer goes on from each that it can, and what it writes is read.
fn go_on(store: &Store, vector: &Json) {
    let Ok(mut writer) = store.writer("a") else {
        let kind = vector["error"]["kind"].as_str().unwrap();
        let of_header = vector["error"]["file"] == "a";
        assert!(of_header && kind != "Truncated", "{kind} keeps a writer out");
        return;
    };
    // An ephemeral tag went with its writer; a header without a value names no data file.
    let gone =
        vector["header"]["ephemeral"] == true || vector["error"].is_null() && vector["value"].is_null();
    let version = vector["value"]["version"].as_u64().filter(|_| !gone);
    if vector["error"].is_null() {
        assert_eq!(writer.version(), version.unwrap_or(0));
    }
    for value in [[5_u8; 2], [6; 2]] {
        match writer.write_slice(&value, &[2]) {
            Ok(_) => assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), value),
            Err(Error::Corrupt { field: "spent", .. }) => {
                assert_eq!(vector["header"]["spent"], (1_u64 << 40) - 1, "no number is left");
            }
            Err(error) => panic!("{error}"),
        }
    }
}
