//! dtypes and npy headers, against what numpy makes of the same: numpy/dtypes.json, by numpy/make.py.

use std::io;

use ndsharray::serde_json::{Value, from_str};
use ndsharray::{DType, NpyHeader, RecordField};

use crate::common::random::Random;

/// The cases, with a dtype that each describes.
fn cases() -> Vec<(Value, DType)> {
    let cases: Vec<Value> = from_str(include_str!("numpy/dtypes.json")).unwrap();
    assert!(cases.len() > 150);
    let dtype = |case: &Value| case["descr"].as_str().unwrap().parse().unwrap();
    cases.into_iter().map(|case| (case.clone(), dtype(&case))).collect()
}

/// Each field that is no record: path, type string, shape, offset in bytes. As make.py has them.
fn leaves(fields: &[RecordField], path: &str, offset: usize) -> Vec<Value> {
    let mut found = Vec::new();
    for field in fields {
        let (path, offset) = (format!("{path}{}", field.name()), offset + field.offset());
        let record = !field.dtype().fields().is_empty();
        let text = if record { String::new() } else { type_string(field.dtype()) };
        found.push(ndsharray::serde_json::json!([path, text, field.shape(), offset]));
        found.extend(leaves(field.dtype().fields(), &format!("{path}."), offset));
    }
    found
}

/// numpy's type string of a plain dtype, from the npy header that holds it.
fn type_string(dtype: &DType) -> String {
    if let Ok(header) = NpyHeader::new(dtype, &[]) {
        let text = String::from_utf8_lossy(&header.to_bytes()).into_owned();
        return text.split('\'').nth(3).unwrap().to_owned();
    }
    panic!("{dtype}")
}

#[test]
fn texts_are_what_numpy_makes_of_them() {
    for (case, dtype) in cases() {
        assert_eq!(dtype.itemsize() as u64, case["itemsize"], "{case}");
        let expected = case["leaves"].as_array().unwrap();
        assert_eq!(&leaves(dtype.fields(), "", 0), expected, "{case}");
        if DType::from_name(case["name"].as_str().unwrap()).is_err() {
            let descr = case["descr"].as_str().unwrap();
            let custom = DType::custom(case["name"].as_str().unwrap(), dtype.itemsize(), descr).unwrap();
            assert_eq!(custom, dtype);
        }
        if !dtype.descr().is_empty() {
            let again: DType = dtype.descr().parse().unwrap();
            assert_eq!((&again, again.descr()), (&dtype, dtype.descr()), "its own text");
        }
    }
}

#[test]
fn npy_headers_are_those_of_numpy() {
    for (case, dtype) in cases() {
        let Some(hex) = case["npy"].as_str() else {
            NpyHeader::new(&dtype, &[2, 1]).unwrap_err();
            continue;
        };
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        let mut input = &bytes[..];
        let read = NpyHeader::read(&mut input).unwrap();
        assert!(input.is_empty());
        assert_eq!(
            (read.dtype().itemsize(), read.shape(), read.is_fortran_order()),
            (dtype.itemsize(), &[2, 1][..], false)
        );
        let loaded = case["loaded"].as_array().unwrap();
        assert_eq!(&leaves(read.dtype().fields(), "", 0), loaded, "{case}");
        if leaves(dtype.fields(), "", 0) == *loaded {
            assert_eq!(read.dtype(), &dtype, "{case}");
        }
        let ours = NpyHeader::new(&dtype, &[2, 1]).unwrap().to_bytes();
        assert_eq!(ours.len() % 64, 0);
        // numpy leaves room for a longer shape.
        let text = |bytes: &[u8]| {
            let start = if bytes[6] == 1 { 10 } else { 12 };
            let text = String::from_utf8_lossy(&bytes[start..]).trim_end_matches([' ', '\n']).to_owned();
            (bytes[..8].to_vec(), text)
        };
        assert_eq!(text(&ours), text(&bytes));
    }
}

fn read(version: u8, text: &[u8], elements: &[u8]) -> io::Result<(NpyHeader, Vec<u8>)> {
    let length = (text.len() as u32).to_le_bytes();
    let length = if version == 1 { &length[..2] } else { &length[..] };
    let file = [b"\x93NUMPY", &[version, 0][..], length, text, elements].concat();
    let mut input = &file[..];
    let header = NpyHeader::read(&mut input)?;
    let mut elements = input.to_vec();
    header.convert(&mut elements);
    Ok((header, elements))
}

/// One element of this descr.
fn element(descr: &str) -> io::Result<(NpyHeader, Vec<u8>)> {
    let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (), }}");
    read(3, text.as_bytes(), &[1, 2, 3, 4, 5, 6, 7, 8])
}

#[test]
fn headers_that_others_wrote() {
    // Python 2, and an order of its own.
    let (header, _) = read(1, b"{'shape': (2L, 3L), 'fortran_order': True, 'descr': '<f8'}", b"").unwrap();
    assert_eq!(
        (header.dtype(), header.shape(), header.is_fortran_order()),
        (&DType::Float64, &[2, 3][..], true)
    );
    // Latin-1 in versions 1 and 2, UTF-8 in 3.
    for (version, name) in
        [(1, &b"gr\xf6\xdfe"[..]), (2, b"gr\xf6\xdfe"), (3, "größe".as_bytes()), (1, b"\xb5")]
    {
        let text =
            [b"{'descr': [('", name, b"', '<f4')], 'fortran_order': False, 'shape': (1,), }\n"].concat();
        let (header, _) = read(version, &text, b"").unwrap();
        let expected = if name.len() == 1 { "µ" } else { "größe" };
        assert_eq!(header.dtype().fields()[0].name(), expected);
    }
    assert!(read(3, b"{'descr': [('\xb5', '<f4')], 'fortran_order': False, 'shape': (1,), }", b"").is_err());
    for code in ["'=f8'", "'f8'", "'float64'", "'<f8'", "'d'"] {
        let (header, bytes) = element(code).unwrap();
        assert_eq!((header.dtype(), bytes), (&DType::Float64, vec![1, 2, 3, 4, 5, 6, 7, 8]), "{code}");
    }
    assert_eq!(element("'>f8'").unwrap().1, [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(element("'>c8'").unwrap().1, [4, 3, 2, 1, 8, 7, 6, 5]);
    assert_eq!(element("'>M8[s]'").unwrap(), (element("'>M8[s]'").unwrap().0, vec![1, 2, 3, 4, 5, 6, 7, 8]));
    for code in ["'|?'", "'?'", "'|b1'", "'bool'"] {
        let (header, bytes) = element(code).unwrap();
        assert_eq!(
            (header.dtype(), &bytes[..3]),
            (&DType::Bool, &[1, 1, 1][..]),
            "{code}: what is not 0 is true"
        );
    }
    for (code, name) in
        [("'M8[25s]'", "datetime64[25s]"), ("'<M8'", "datetime64"), ("'m8[us]'", "timedelta64[us]")]
    {
        assert_eq!(element(code).unwrap().0.dtype().name(), name);
    }
}

#[test]
fn headers_that_are_refused() {
    for (text, says) in [
        ("{'descr': '|O', 'fortran_order': False, 'shape': ()}", "Python objects"),
        ("{'descr': '|O8', 'fortran_order': False, 'shape': ()}", "Python objects"),
        ("{'descr': [('a', '|O8')], 'fortran_order': False, 'shape': ()}", "Python objects"),
        ("{'descr': '<f16', 'fortran_order': False, 'shape': ()}", "long double"),
        ("{'descr': '<f4', 'fortran_order': False}", "without"),
        ("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "fortran_order"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': 3}", "shape"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "negative"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "too large"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'more': 1}", "more"),
        ("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': ()}", "arrays"),
        (
            "{'descr': {'names': ['a'], 'formats': ['f4']}, 'fortran_order': False, 'shape': ()}",
            "list of fields",
        ),
        ("{'descr': [], 'fortran_order': False, 'shape': ()}", "a size of 0 bytes"),
        ("{'descr': [('a', '<f4'), ('a', '<f4')], 'fortran_order': False, 'shape': ()}", "twice"),
        ("{'descr': [('a', '|V2147483647', (2147483647,))], 'fortran_order': False, 'shape': ()}", "2 GiB"),
        ("[]", "not a dict"),
        ("", "expected a value"),
    ] {
        let error = read(1, text.as_bytes(), b"").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    for (file, kind) in [
        (&b""[..], io::ErrorKind::UnexpectedEof),
        (b"\x93NUMPY\x01\x00\xff\x00{", io::ErrorKind::UnexpectedEof),
        (b"\x93NUMPY\x04\x00\x01\x00{", io::ErrorKind::InvalidData),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", io::ErrorKind::InvalidData),
        (b"not npy at all", io::ErrorKind::InvalidData),
    ] {
        assert_eq!(NpyHeader::read(&mut &file[..]).unwrap_err().kind(), kind);
    }
}

#[test]
fn descrs_that_numpy_refuses_are_not_stored() {
    for (size, descr) in [
        (8, "void64"),
        (8, "<f9"),
        (4, "|O4"),
        (8, "[('x', '<f4')"),
        (8, "[('x', '<f4')]"),
        (4, "('<f4', ())x"),
        (8, "('<f4', (2,))"),
        (4, "[('x', '<f4', -1)]"),
        (4, "[(b'x', '<f4')]"),
        (4, "[('x', '<f4'), ('x', '<f4')]"),
        (4, "{'names': ['x'], 'formats': ['<f4'], 'offsets': [1], 'itemsize': 4}"),
        (8, "{'names': ['x'], 'formats': ['<f4', '<f4']}"),
        (8, "{'names': ['x']}"),
        (4, "__import__('os')"),
    ] {
        let error = DType::custom("mine", size, descr).unwrap_err();
        assert!(matches!(error, ndsharray::Error::InvalidDType { .. }), "{descr}: {error}");
    }
    // As ml_dtypes describes its types.
    for (name, size, descr) in [("bfloat16", 2, "<V2"), ("float8_e5m2", 1, "<f1"), ("int4", 1, "|V1")] {
        let dtype = DType::custom(name, size, descr).unwrap();
        assert_eq!((dtype.scalar(), dtype.fields().len()), (None, 0));
        assert_ne!(dtype, DType::custom("other", size, descr).unwrap(), "their names tell them apart");
    }
}

/// Whatever stands in a file is a dtype or an error, and a dtype has the text that it is parsed from again.
#[test]
fn damaged_texts_are_parsed_or_refused() {
    let mut random = Random(11);
    let texts: Vec<String> =
        cases().iter().map(|(case, _)| case["descr"].as_str().unwrap().to_owned()).collect();
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..8_000 {
        let mut text: Vec<char> = texts[random.below(texts.len() as u64) as usize].chars().collect();
        for _ in 0..random.below(3) + 1 {
            let other: Vec<char> = texts[random.below(texts.len() as u64) as usize].chars().collect();
            let (place, from) =
                (random.below(text.len() as u64) as usize, random.below(other.len() as u64) as usize);
            match random.below(3) {
                0 => drop(text.remove(place)),
                1 => text[place] = other[from],
                _ => text.insert(place, other[from]),
            }
            if text.is_empty() {
                break;
            }
        }
        let text: String = text.into_iter().collect();
        let Ok(dtype) = text.parse::<DType>() else {
            refused += 1;
            continue;
        };
        taken += 1;
        assert!(dtype.itemsize() > 0);
        let inside = |field: &RecordField| field.offset() + field.nbytes() <= dtype.itemsize();
        assert!(dtype.fields().iter().all(inside), "{text}");
        if !dtype.descr().is_empty() {
            assert_eq!(dtype.descr().parse::<DType>().unwrap(), dtype, "{text}");
        }
        if let Ok(header) = NpyHeader::new(&dtype, &[1]) {
            let read = NpyHeader::read(&mut &header.to_bytes()[..]).unwrap();
            assert_eq!(read.dtype().itemsize(), dtype.itemsize(), "{text}");
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} {refused}");
}
