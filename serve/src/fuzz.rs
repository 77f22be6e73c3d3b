//! Hostile questions: an input is a question of the socket, or the query of a picture, about one of some values.
//!
//! What must hold is checked by panics: a view has as many bytes as it says, and a picture is one.

use std::cell::RefCell;
use std::path::Path;

use axum::extract::Query;
use axum::http::Uri;
use ndsharray::{DType, Meta, Snapshot, Store};
use serde_json::json;

use crate::socket::question::Question;
use crate::view::picture::{self, Format, Look};
use crate::view::{MOST_BYTES, View};

/// Dtype, shape and encoding of the values.
const VALUES: [(&str, &[usize], &str); 24] = [
    ("uint8", &[40, 30], ""),
    ("uint8", &[16, 12, 3], "bgr8"),
    ("uint8", &[9, 10, 4], "rgba8"),
    ("uint8", &[2, 8, 8, 1], ""),
    ("uint8", &[3, 0, 5], ""),
    ("uint16", &[17, 11, 3], "bgr16"),
    ("uint16", &[3, 2, 9, 9], "mono16"),
    ("int8", &[64, 1], ""),
    ("int64", &[5, 7], ""),
    ("uint64", &[300], ""),
    ("float16", &[12, 13], ""),
    ("float32", &[33, 21], ""),
    ("float32", &[0, 8, 8], ""),
    ("float64", &[2, 2, 2, 2, 3], ""),
    ("float64", &[], ""),
    ("complex64", &[9, 9], ""),
    ("complex128", &[10, 3], ""),
    ("bool", &[8, 9], ""),
    ("M8[us]", &[6], ""),
    ("[('x', '>i4')]", &[4, 4], ""),
    ("S5", &[3, 3], ""),
    ("[('x', '<f4'), ('m', '|u1', (2, 3))]", &[4, 2], ""),
    ("[('x', '<f4')]", &[0, 3], ""),
    ("int32", &[0], ""),
];

thread_local! {
    static SHOWN: RefCell<Vec<Snapshot>> = const { RefCell::new(Vec::new()) };
}

/// Runs one input. The first byte says which value is asked for; the rest is text: a JSON object, or a query.
pub fn run(input: &[u8], directory: &Path) {
    let Some((&which, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    SHOWN.with_borrow_mut(|values| {
        if values.is_empty() {
            *values = made(directory);
        }
        let value = &values[usize::from(which) % values.len()];
        if text.starts_with('{') { ask(text, value) } else { picture(text, value) }
    });
}

/// The values, of bytes that are the same each time. They stay after their store is gone.
fn made(directory: &Path) -> Vec<Snapshot> {
    let directory = directory.join(format!("serve-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let store = Store::open(&directory).unwrap();
    let value = |(number, &(dtype, shape, encoding)): (usize, &(&str, &[usize], &str))| {
        let tag = format!("tag {number}");
        let dtype: DType = dtype.parse().unwrap();
        // A bool is 0 or 1.
        let mask = if dtype == DType::Bool { 1 } else { 255 };
        let length = shape.iter().product::<usize>() * dtype.itemsize();
        let bytes: Vec<u8> = (0..length).map(|at| (at * 151 + at / 7) as u8 & mask).collect();
        let meta = match encoding {
            "" => Meta::default(),
            encoding => Meta::default().attributes(&json!({ "encoding": encoding })).unwrap(),
        };
        store.writer(&tag).unwrap().write_bytes_with(&dtype, shape, &bytes, &meta).unwrap();
        store.reader(&tag).unwrap().latest().unwrap()
    };
    let values = VALUES.iter().enumerate().map(value).collect();
    std::fs::remove_dir_all(&directory).unwrap();
    values
}

fn ask(text: &str, value: &Snapshot) {
    let Ok(Question::View { wanted, .. }) = serde_json::from_str(text) else { return };
    wanted.most_bytes(value.bytes().len(), value.dtype().itemsize());
    let Ok(view) = View::of(value, &wanted) else { return };
    let of = view.dtype.parse::<DType>();
    let itemsize = of.map_or(value.dtype().itemsize(), |dtype| dtype.itemsize());
    assert_eq!(view.body.len(), view.shape.iter().product::<usize>() * itemsize, "{view:?}");
    assert!(view.body.len() <= MOST_BYTES, "{view:?}");
    assert!(serde_json::to_vec(&view).is_ok());
    if let Some(jpeg) = view.to_jpeg() {
        assert!(jpeg.starts_with(&[0xff, 0xd8]));
    }
}

fn picture(query: &str, value: &Snapshot) {
    let Ok(uri) = format!("/latest.png?{query}").parse::<Uri>() else { return };
    let Ok(Query(look)) = Query::<Look>::try_from_uri(&uri) else { return };
    for (format, start) in [(Format::Png, b"\x89P"), (Format::Jpeg, b"\xff\xd8")] {
        if let Ok(picture) = picture::encode(value, &look, format) {
            assert!(picture.starts_with(start));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_inputs() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/serve");
        let mut inputs: Vec<_> = corpus.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(inputs.len() > 10, "{} inputs", inputs.len());
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        for input in inputs {
            println!("{}", input.display());
            run(&std::fs::read(&input).unwrap(), directory.path());
        }
    }
}
