//! Invalid tags, values, types and options: each gives an error of its own, which says what it is about, what was found
//! and what was expected; the value before stays.

use std::os::unix::fs::FileExt;

use ndsharray::{DType, Error, Meta, Store, Writer};

use crate::common::sandbox::{check_says, fails, files, store, text};

#[test]
fn tags() {
    let (dir, store) = store();
    let data = format!("a_{}", "0f".repeat(16));
    let long = "x".repeat(201);
    let bad = ["", ".", "..", ".a", "a/b", "/", "../a", "a\0", "a\nb", "a\u{7f}", "\u{85}", &data, &long];
    for tag in bad {
        for error in [
            fails(store.writer(tag), &format!("{tag:?}")),
            fails(store.writer_options(tag).takeover(true).open(), &format!("{tag:?}")),
            fails(store.reader(tag), &format!("{tag:?}")),
            fails(store.stat(tag), &format!("{tag:?}")),
            fails(store.remove(tag), &format!("{tag:?}")),
            fails(store.force_remove(tag), &format!("{tag:?}")),
        ] {
            assert!(matches!(&error, Error::InvalidTag { tag: found, .. } if found == tag), "{error:?}");
        }
    }
    assert_eq!(files(dir.path()), [""; 0]);
    for tag in ["absent", "a_0f", &"x".repeat(200)] {
        let path = dir.path().join(tag);
        for error in [
            fails(store.reader(tag), text(&path)),
            fails(store.stat(tag), tag),
            fails(store.remove(tag), tag),
        ] {
            assert!(
                matches!(&error, Error::NotFound { tag: t, path: p } if t == tag && *p == path),
                "{error:?}"
            );
        }
    }
}

/// Checks that it failed, and that the value before is still read.
#[track_caller]
fn kept<T: std::fmt::Debug>(store: &Store, outcome: ndsharray::Result<T>, what: &str) -> Error {
    let error = fails(outcome, what);
    let value = store.reader("a").unwrap().latest().unwrap();
    assert_eq!((value.as_slice::<f32>().unwrap(), value.user_data()), (&[1.5][..], &b"kept"[..]));
    error
}

#[test]
fn values() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer
        .write_bytes_with(
            &DType::Float32,
            &[1],
            &1.5_f32.to_ne_bytes(),
            &Meta::new().user_data(b"kept").unwrap(),
        )
        .unwrap();
    let names = files(dir.path());
    let writer = &mut writer;
    for (shape, found) in [(&[2, 2][..], 3), (&[], 0), (&[0], 1), (&[1], 2)] {
        let error = kept(&store, writer.write_slice(&vec![0.0_f32; found], shape), &format!("{shape:?}"));
        assert!(matches!(&error, Error::ShapeMismatch { shape: s, .. } if s == shape), "{error:?}");
    }
    let error = kept(&store, writer.write_bytes(&DType::Int64, &[1], &[0; 9]), "[1] of int64");
    assert!(matches!(&error, Error::ShapeMismatch { found: 9, expected: 8, .. }), "{error:?}");
    type Attempt = fn(&mut Writer, &[usize]) -> ndsharray::Result<()>;
    let attempts: [Attempt; 4] = [
        |writer, shape| writer.write_slice(&[0.0_f64], shape).map(|_| ()),
        |writer, shape| writer.write_bytes(&DType::Float64, shape, &[0; 8]).map(|_| ()),
        |writer, shape| writer.loan::<f64>(shape).map(|_| ()),
        |writer, shape| writer.loan_bytes(&DType::Float64, shape).map(|_| ()),
    ];
    for attempt in attempts {
        for shape in
            [&[1; 65][..], &[1; 1000], &[usize::MAX], &[1 << 40, 1 << 40], &[1 << 60], &[0, 1 << 62, 2]]
        {
            let error = kept(&store, attempt(writer, shape), "of float64");
            assert!(matches!(&error, Error::InvalidShape { shape: s, .. } if s == shape), "{error:?}");
        }
    }
    // Lengths that are valid, but larger than any store.
    for shape in [&[1 << 59][..], &[1 << 50], &[1 << 45]] {
        let error = kept(&store, writer.loan::<f64>(shape).map(|_| ()), text(dir.path()));
        assert!(matches!(&error, Error::NoSpace { wanted, .. } if *wanted >= 8 << 45), "{error:?}");
    }
    let many = ndsharray::ndarray::ArrayD::<f32>::zeros(vec![1; 65]);
    assert!(matches!(kept(&store, writer.write(&many), "of float32"), Error::InvalidShape { .. }));
    for byte in [2_u8, 3, 128, 255] {
        let error = kept(&store, writer.write_bytes(&DType::Bool, &[3], &[0, 1, byte]), "bool");
        assert!(matches!(error, Error::InvalidElement { .. }), "{error:?}");
    }
    let long = [7; 2049];
    let one = ndsharray::ndarray::arr1(&[1.5_f32]);
    let error = fails(Meta::new().user_data(long), "user data");
    assert!(matches!(error, Error::UserData { found: 2049, expected: 2048 }), "{error:?}");
    assert_eq!(files(dir.path()), names);
    assert_eq!(
        writer.write_with(&one, &Meta::new().user_data(&long[..2048]).unwrap()).unwrap(),
        2,
        "no version is lost"
    );
    assert_eq!(store.reader("a").unwrap().latest().unwrap().user_data(), &long[..2048]);
}

#[test]
fn asked_for_as_what_it_is_not() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1.5_f32], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    let (snapshot, view) = (reader.latest().unwrap(), reader.view().unwrap());
    for error in [
        snapshot.as_slice::<f64>().map(|_| ()).unwrap_err(),
        snapshot.as_array::<f64>().map(|_| ()).unwrap_err(),
        view.as_slice::<f64>().map(|_| ()).unwrap_err(),
    ] {
        check_says(&error, "dtype");
        assert!(
            matches!(&error, Error::DTypeMismatch { found, expected } if found == "float32" && expected == "float64")
        );
    }
    drop((view, snapshot));
    // A byte that is neither 0 nor 1 is refused as a bool, in bytes and in a loan of bytes.
    let refused = writer.write_bytes(&DType::Bool, &[3], &[0, 1, 2]);
    assert!(matches!(fails(refused, "bool"), Error::InvalidElement { .. }));
    let mut loan = writer.loan_bytes(&DType::Bool, &[3]).unwrap();
    loan.as_mut_slice().copy_from_slice(&[0, 1, 2]);
    assert!(matches!(fails(loan.publish(), "bool"), Error::InvalidElement { .. }));
    // Readers refuse one that is in the file all the same. The second value is in the second slot.
    writer.write_slice(&[false, true, true], &[3]).unwrap();
    let data_file = dir.path().join(writer.data_file().unwrap());
    let file = std::fs::OpenOptions::new().write(true).open(data_file).unwrap();
    // Two pages of regions; a slot is an entry page and a page of elements.
    file.write_all_at(&[2], 8192 + 8192 + 4096 + 2).unwrap();
    let value = reader.latest().unwrap();
    assert!(matches!(fails(value.as_slice::<bool>(), "bool"), Error::InvalidElement { .. }));
    assert!(matches!(fails(value.as_array::<bool>(), "bool"), Error::InvalidElement { .. }));
    assert_eq!(value.bytes(), [0, 1, 2]);
}

#[test]
fn options_and_dtypes() {
    let (dir, store) = store();
    for mode in [0, 0o400, 0o200, 0o700, 0o4600, 0o1600, 0o601, 0o10600, u32::MAX] {
        let error = fails(store.writer_options("a").mode(mode).open(), "mode");
        assert!(matches!(error, Error::InvalidOption { option: "mode", .. }), "{error:?}");
    }
    for values in [249, usize::MAX] {
        let error = fails(store.writer_options("a").history(values).open(), "history");
        assert!(matches!(error, Error::InvalidOption { option: "history", .. }), "{error:?}");
    }
    for source in [&"x".repeat(129), "one\nline", "\0"] {
        let error = fails(store.writer_options("a").source(source).open(), "source");
        assert!(matches!(error, Error::InvalidOption { option: "source", .. }), "{error:?}");
    }
    assert_eq!(files(dir.path()), [""; 0]);
    for (name, size, descr) in [("", 1, "x"), ("int8", 1, "|i1"), ("x", 0, "x"), ("x", 1, "")] {
        let error = fails(DType::custom(name, size, descr), &format!("{name:?}"));
        assert!(matches!(error, Error::InvalidDType { .. }), "{error:?}");
    }
    assert!(matches!(fails(DType::from_name("float128"), "float128"), Error::InvalidDType { .. }));
}

/// Sentences that hold together, with the value that was given and with what to do.
#[test]
fn what_the_errors_of_arguments_say() {
    let (_dir, store) = store();
    let _writer = store.writer("a").unwrap();
    let own = std::process::id();
    let holder = format!("(pid {own}: this process, or one of another container)");
    let texts = [
        (
            fails("<f9".parse::<DType>(), "<f9"),
            "invalid dtype \"<f9\": \"<f9\" is not a dtype that numpy knows; allowed is a dtype as numpy writes it",
        ),
        (fails("[('x', '<f4'".parse::<DType>(), "x"), "found the end, expected"),
        (fails(DType::from_name("f9"), "f9"), "invalid dtype \"f9\": it has an unknown name; allowed is"),
        (fails(Meta::new().attributes_json("{a"), "attributes"), "found text that is no JSON: key must be"),
        (fails(store.writer_options("a").mode(640).open(), "mode"), "allowed is octal, such as 0o640"),
        (fails(store.writer("a"), "a"), &holder),
    ];
    for (error, said) in texts {
        check_says(&error, said);
    }
}

/// More room than there is address space: an error at the write that needs new memory, not a panic at any.
#[test]
fn a_capacity_beyond_memory() {
    let (dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    for capacity in [usize::MAX, usize::MAX - 4096, isize::MAX as usize, 1 << 50] {
        let open = |tag| store.writer_options(tag).capacity(capacity).open().unwrap();
        let error = fails(open("new").write_slice(&[1_u8], &[1]), text(dir.path()));
        check_says(&error, "capacity");
        assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
        let mut writer = open("a");
        let version = writer.version();
        assert_eq!(writer.write_slice(&[2_u8], &[1]).unwrap(), version + 1);
        let error = fails(writer.write_slice(&[2_u8; 5000], &[5000]), text(dir.path()));
        assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [2]);
    }
}

#[test]
fn a_capacity_beyond_all_memory_is_an_error() {
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let mut writer = store.writer_options("a").capacity(usize::MAX).open().unwrap();
    // The segment that is there has room.
    assert_eq!(writer.write_slice(&[2_u8], &[1]).unwrap(), 2);
    assert!(matches!(writer.write_slice(&[2_u8; 5000], &[5000]), Err(Error::NoSpace { .. })));
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [2]);
}
