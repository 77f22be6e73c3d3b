//! Bad input to every command gives exit code 2, one line on stderr that says what is wrong and what to do, nothing on
//! stdout, and no new file. No file makes the program panic, whatever it claims.

mod place;

use place::{Place, npy};

/// A command, its input, and words that the line must have.
type Row<'a> = (&'a [&'a str], &'a [u8], &'a [&'a str]);

#[track_caller]
fn check(place: &Place, (args, input, words): Row<'_>) {
    let before = place.names();
    let ended = place.run_with(args, input);
    let line = &ended.stderr;
    assert_eq!(ended.status.code(), Some(2), "{args:?}: {line}");
    assert_eq!((line.lines().count(), line.ends_with('\n')), (1, true), "{args:?}: {line}");
    assert!(line.starts_with("ndsharray: "), "{args:?}: {line}");
    for word in words {
        assert!(line.contains(word), "{args:?}: no {word:?} in {line}");
    }
    assert_eq!(ended.text(), "", "{args:?}");
    assert!(!line.contains("tip:") || line.contains("'ls'"), "a misleading tip: {args:?}: {line}");
    assert_eq!(place.names(), before, "{args:?}");
}

#[test]
fn every_command_refuses_it_in_one_line() {
    let place = Place::new();
    let store = place.store();
    store.writer("f64").unwrap().write_slice(&[0.5_f64; 6], &[2, 3]).unwrap();
    store.writer("deep").unwrap().write_slice(&[1_u8; 10], &[2, 1, 5]).unwrap();
    drop(store.writer("empty").unwrap());
    std::fs::write(place.directory().join("foreign"), "some text").unwrap();
    std::fs::write(place.file("text.npy"), "some text").unwrap();
    std::fs::create_dir(place.file("directory.npy")).unwrap();
    let long = "x".repeat(201);
    let long_attributes = format!("{{\"a\": \"{}\"}}", "x".repeat(2040));
    let array = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", b"a");
    let rows: &[Row<'_>] = &[
        (&[], b"", &["no command", "usage"]),
        (&["nonsense"], b"", &["nonsense", "usage"]),
        (&["lss"], b"", &["lss", "'ls'"]),
        (&["--dir", "/nowhere", "ls"], b"", &["/nowhere", "found", "existing"]),
        (&["ls", "--dir", "text.npy"], b"", &["text.npy", "not a directory", "existing"]),
        (&["ls", "more"], b"", &["more", "no file"]),
        (&["ls", "more*"], b"", &["more*", "no tag fits"]),
        (&["ls", "[a"], b"", &["[a", "unclosed", "no pattern"]),
        (&["ls", "--look", "soon"], b"", &["soon", "expected"]),
        (&["ls", "--look", "-1"], b"", &["-1", "--look", "expected 0 to 60000"]),
        (&["ls", "--look", "60001"], b"", &["60001", "expected"]),
        (&["stat"], b"", &["<TAG>", "usage"]),
        (&["stat", "nothing"], b"", &["nothing", "no file"]),
        (&["stat", "foreign"], b"", &["foreign", "some tex", "expected"]),
        (&["stat", "../f64"], b"", &["'/'", "A tag is"]),
        (&["stat", ""], b"", &["empty", "A tag is"]),
        (&["stat", "*"], b"", &["fits 3 tags, deep, empty, f64", "name one"]),
        (&["show"], b"", &["<TAG>", "usage"]),
        (&["show", "nothing"], b"", &["nothing", "no file"]),
        (&["show", "empty"], b"", &["empty", "no value yet"]),
        (&["show", "f64", "--index", "x"], b"", &["'x'", "--index", "0,:,2:5"]),
        (&["show", "f64", "--index", "2"], b"", &["found 2 for axis 0", "at most 1"]),
        (&["show", "f64", "--index", "-3,0"], b"", &["found -3 for axis 0"]),
        (&["show", "f64", "--index", ":,:,:"], b"", &["3 parts", "2 axes"]),
        (&["show", "deep", "--csv"], b"", &["2,1,5", "no table", "--index 0"]),
        (&["get", "f64"], b"", &["--output", "usage"]),
        (&["get", "nothing", "-o", "x.npy"], b"", &["nothing", "no file"]),
        (&["get", "empty", "-o", "x.npy"], b"", &["empty", "no value yet"]),
        (&["get", "f64", "-o", "x.txt"], b"", &["x.txt", "use a name", ".npy", ".png"]),
        (&["get", "f64", "-o", "npy"], b"", &["use a name", ".npy"]),
        (&["get", "f64", "-o", "x.png"], b"", &["float64", "[2, 3]", "takes uint8 or uint16", ".npy"]),
        (&["get", "deep", "-o", "x.png"], b"", &["[2, 1, 5]", "HxWx4"]),
        (
            &["get", "f64", "-o", "no/such/x.npy"],
            b"",
            &["no/such/x.npy\": No such file or directory (os error 2)\n"],
        ),
        (&["get", "f64", "-o", "directory.npy"], b"", &["directory.npy", "regular file", "- for stdout"]),
        (&["put", "new"], b"", &["<FILE>", "usage"]),
        (&["put", "new", "missing.npy"], b"", &["missing.npy", "No such file"]),
        (&["put", "new", "directory.npy"], b"", &["directory.npy", "directory"]),
        (&["put", "new", "text.npy"], b"", &["text.npy", "some tex", "expected", "NUMPY", "PNG"]),
        (&["put", "new", "-"], b"", &["is empty", "an npy or PNG file"]),
        (&["put", "new", "-"], b"PK\x03\x04 of numpy.savez", &["several arrays", "numpy.save"]),
        (&["put", &long, "-"], &array, &["200"]),
        (&["put", "foreign", "-"], &array, &["some tex"]),
        (&["put", "new", "-", "--history", "249"], b"", &["249", "--history", "0 to 248"]),
        (&["put", "new", "-", "--history", "-1"], b"", &["-1", "--history", "0 to 248"]),
        (&["put", "new", "-", "--attrs", "{unit: 1}"], b"", &["--attrs", "key must be", "a JSON object"]),
        (&["put", "new", "-", "--attrs", "[1, 2]"], b"", &["--attrs", "a list", "a JSON object"]),
        (&["put", "new", "-", "--attrs", ""], b"", &["--attrs", "a JSON object"]),
        (&["put", "new", "-", "--attrs", &long_attributes], b"", &["--attrs", "2049 bytes", "at most 2048"]),
        (&["put", "new", "-", "--acquired-at", "soon"], b"", &["soon", "Unix seconds", "nine digits"]),
        (&["put", "new", "-", "--acquired-at", "1.0000000001"], b"", &["1.0000000001", "nine digits"]),
        (&["put", "new", "-", "--acquired-at", "-5"], b"", &["'-5'", "Unix seconds"]),
        (&["put", "new", "-", "--acquired-at", "0"], b"", &["'0'", "above 0"]),
        (&["put", "new", "-", "--source", &long], &array, &["source", "201 bytes", "at most 128"]),
        (&["cat"], b"", &["<TAG>", "usage"]),
        (&["cat", "nothing"], b"", &["nothing", "no file"]),
        (&["cat", "empty"], b"", &["empty", "no value yet"]),
        (&["pipe", "new"], b"abc", &["--dtype", "--shape", "usage"]),
        (&["pipe", "new", "--dtype", "u3", "--shape", "3"], b"abc", &["u3", "use a numpy name", "uint8"]),
        (&["pipe", "new", "--dtype", ">u2", "--shape", "3"], b"abcdef", &[">u2", "byte order", "uint16"]),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "3x4"],
            b"abc",
            &["3x4", "length of each axis", "720,1280,3"],
        ),
        (&["pipe", "new", "--dtype", "u1", "--shape", "-1,4"], b"abc", &["-1,4", "length of each axis"]),
        (&["pipe", "new", "--dtype", "u1", "--shape", "0,4"], b"abc", &["[0, 4]", "at least 1"]),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "18446744073709551615,3"],
            b"abc",
            &["shape", "allowed is"],
        ),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "4"],
            b"abc",
            &["short", "found 3", "expected 4", "0 frames"],
        ),
        (&["pipe", "a/b", "--dtype", "u1", "--shape", "3"], b"abc", &["'/'", "A tag is"]),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "3", "--history", "many"],
            b"abc",
            &["many", "0 to 248"],
        ),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "3", "--attrs", "\"K\""],
            b"abc",
            &["--attrs", "a string", "a JSON object"],
        ),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "3", "--source", "a\u{1b}b"],
            b"abc",
            &["source", "control characters"],
        ),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "3", "--acquired-at", "1"],
            b"abc",
            &["--acquired-at", "usage"],
        ),
        (&["put", "new", "-", "--mode", "rw-r"], &array, &["rw-r", "--mode", "octal"]),
        (&["put", "new", "-", "--mode", "888"], &array, &["888", "octal"]),
        (&["put", "new", "-", "--mode", "-1"], &array, &["-1", "octal"]),
        (&["put", "new", "-", "--mode", "755"], &array, &["mode", "0o755", "no more than 0o666"]),
        (&["put", "new", "-", "--mode", "40"], &array, &["mode", "0o40", "owner"]),
        (&["put", "new", "-", "--capacity", "much"], &array, &["much", "--capacity", "64KiB"]),
        (&["put", "new", "-", "--capacity", "-1"], &array, &["-1", "64KiB"]),
        (&["put", "f64", "-", "--ephemeral"], &array, &["ephemeral", "f64"]),
        (&["pipe", "f64", "--dtype", "u1", "--shape", "1", "--ephemeral"], b"a", &["ephemeral"]),
        (&["put", "new", "-", "--row-stride", "4"], &array, &["--row-stride", "usage"]),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "3", "--row-stride", "4"],
            b"abcd",
            &["--row-stride", "two axes", "720,1280,3"],
        ),
        (
            &["pipe", "new", "--dtype", "u2", "--shape", "2,3", "--row-stride", "5"],
            b"abcd",
            &["found 5 bytes", "at least 6"],
        ),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "2,3", "--row-stride", "-1"],
            b"abcd",
            &["-1", "--row-stride"],
        ),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "4,3", "--row-stride", "9223372036854775807"],
            b"abcd",
            &["found 9223372036854775807 bytes", "too many"],
        ),
        (
            &["pipe", "new", "--dtype", "u1", "--shape", "2,3", "--row-stride", "4"],
            b"abc-def",
            &["found 7 bytes", "expected 8", "0 frames"],
        ),
        (&["follow"], b"", &["<TAG>", "usage"]),
        (&["follow", "nothing"], b"", &["nothing", "no file"]),
        (&["follow", "foreign", "--wait"], b"", &["foreign", "expected"]),
        (&["follow", "f64", "--count", "0"], b"", &["0", "1.."]),
        (&["follow", "f64", "--count", "-1"], b"", &["-1", "--count"]),
        (&["rm"], b"", &["<TAG>", "usage"]),
        (&["rm", "nothing"], b"", &["nothing", "no file"]),
        (&["rm", "--force", "foreign"], b"", &["foreign", "expected"]),
        (&["rm", &long], b"", &["longer than 200", "A tag is"]),
        (&["gc", "all"], b"", &["all", "usage"]),
        (&["doctor", "--fix"], b"", &["--fix", "usage"]),
        (&["demo", "--seconds", "0"], b"", &["0", "expected 1 to 60"]),
        (&["demo", "--seconds", "-1"], b"", &["-1", "expected 1 to 60"]),
        (&["demo", "--seconds", "many"], b"", &["many", "expected"]),
        (&["top", "nothing"], b"", &["nothing", "no file"]),
        (&["top", "f64", "more"], b"", &["more", "usage"]),
        (&["top", "--interval", "-1"], b"", &["-1", "expected seconds"]),
        (&["top", "--interval", "0"], b"", &["0", "expected seconds"]),
        (&["completions"], b"", &["<SHELL>", "usage"]),
        (&["completions", "cmd"], b"", &["cmd", "bash"]),
    ];
    for row in rows {
        check(&place, *row);
    }
}

#[test]
fn an_argument_that_is_not_utf_8_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let wrong = std::ffi::OsStr::from_bytes(b"x\xff");
    let run = |args: &[&str]| {
        place::Running::start({
            let mut command = place.command(args);
            command.arg(wrong);
            command
        })
        .finish()
    };
    for (args, words) in
        [(&["stat"][..], ["\"x\\xFF\"", "UTF-8"]), (&["ls", "--dir"], ["x\\xFF", "an existing directory"])]
    {
        let ended = run(args);
        assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{}", ended.stderr);
    }
    // The name of a file may be so.
    let input = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", b"a");
    std::fs::write(place.file("").join(wrong), input).unwrap();
    run(&["put", "a"]).good();
}

#[test]
fn nothing_that_an_npy_file_claims_makes_it_panic() {
    let place = Place::new();
    let of = |descr: &str, fortran: &str, shape: &str| {
        npy(&format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"), b"12345678")
    };
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (of("'<f8'", "False", "(2,)"), &["ends too early"]),
        (of("'<f8'", "True", "(2, 3)"), &["ends too early"]),
        (of("'<f8'", "False", "(-1,)"), &["negative"]),
        (of("'<f8'", "False", "(9223372036854775807, 4)"), &["shape", "allowed is"]),
        (of("'<f8'", "False", "(18446744073709551616,)"), &["not a valid npy"]),
        (of("'<f8'", "False", "(4294967296, 4294967296, 2)"), &["shape", "allowed is"]),
        (of("'<f8'", "False", &format!("({})", "1,".repeat(65))), &["65", "64"]),
        (of("'|O'", "False", "(1,)"), &["objects"]),
        (of("'<f16'", "False", "(1,)"), &["f16", "long double"]),
        (of("'nonsense'", "False", "(1,)"), &["not a valid npy"]),
        (of("'<f8'", "2", "(1,)"), &["fortran_order"]),
        (of("[]", "False", "(1,)"), &["not a valid npy"]),
        (npy("{'descr': '<f8', 'shape': (1,)}", b"12345678"), &["fortran_order"]),
        (npy("[1, 2]", b""), &["not a valid npy"]),
        (npy(&"[".repeat(60_000), b""), &["brackets"]),
        (npy(&"((((".repeat(200), b""), &["not a valid npy"]),
        (npy("", b""), &["not a valid npy"]),
        (npy("\u{fc}", b""), &["not a valid npy"]),
        (b"\x93NUMPY".to_vec(), &["ends too early"]),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), &["4294967295"]),
        (b"\x93NUMPY\x09\x00\x10\x00{               ".to_vec(), &["version 9", "expected 1.0 to 3.0"]),
        (b"\x93NUMPY\x01\x00\x00\x00".to_vec(), &["not a valid npy"]),
    ];
    for (bytes, words) in &cases {
        check(&place, (&["put", "new", "-"], bytes, words));
        std::fs::write(place.file("bad.npy"), bytes).unwrap();
        check(&place, (&["put", "new", "bad.npy"], b"", words));
    }
}

#[test]
fn nothing_that_a_png_file_claims_makes_it_panic() {
    let place = Place::new();
    let mut good = Vec::new();
    let mut encoder = png::Encoder::new(&mut good, 20, 10);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&[7; 600]).unwrap();
    assert_eq!(place.run_with(&["put", "good", "-"], &good).status.code(), Some(0));
    let mut refused = 0;
    // Cut anywhere, it is refused. With one byte changed it may still be good (in a chunk that is not needed).
    for length in 8..good.len() - 12 {
        let ended = place.run_with(&["put", "new", "-"], &good[..length]);
        assert_eq!(ended.status.code(), Some(2), "{length}: {}", ended.stderr);
        refused += 1;
    }
    for at in 8..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        let ended = place.run_with(&["put", "new", "-"], &bytes);
        assert!(matches!(ended.status.code(), Some(0 | 2)), "{at}: {}", ended.stderr);
        if ended.status.code() == Some(2) {
            assert_eq!(ended.stderr.lines().count(), 1, "{at}: {}", ended.stderr);
            refused += 1;
        } else {
            assert_eq!(place.store().stat("new").unwrap().value.unwrap().nbytes, 600);
            place.store().remove("new").unwrap();
        }
        assert!(place.names().iter().all(|name| !name.contains("new")), "{at}");
    }
    assert!(refused > good.len(), "{refused} of {}", good.len());
}
