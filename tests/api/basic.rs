//! What one process sees: every dtype, shape and stride, growth, recycling, holding, and the files in the directory.

use ndsharray::ndarray::{Array, ArrayD, Axis, IxDyn, array, s};
use ndsharray::{DType, Element, Error, Store};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

fn files(dir: &tempfile::TempDir) -> Vec<String> {
    let mut names: Vec<String> =
        dir.path().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn write_and_read() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    assert!(matches!(reader.latest(), Err(Error::Empty { .. })));
    assert!(reader.read().unwrap().is_none());
    assert_eq!(writer.write(&array![[1.0_f32, 2.0], [3.0, 4.0]]).unwrap(), 1);
    let first = reader.read().unwrap().unwrap();
    assert_eq!(first.version(), 1);
    assert_eq!(first.as_array::<f32>().unwrap(), array![[1.0, 2.0], [3.0, 4.0]].into_dyn());
    assert!(reader.read().unwrap().is_none());
    for i in 2..100_u64 {
        assert_eq!(writer.write(&array![[i as f32, 2.0], [3.0, 4.0]]).unwrap(), i);
        let now = reader.latest().unwrap();
        assert_eq!(now.as_slice::<f32>().unwrap()[0], i as f32);
        assert_eq!(reader.view().unwrap().as_slice::<f32>().unwrap()[0], i as f32);
    }
    assert_eq!(first.as_slice::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(reader.read().unwrap().unwrap().version(), 99);
    assert_eq!(reader.missed(), 97);
    assert_eq!(files(&dir).len(), 2);
    assert!(!first.is_copy());
    assert_eq!(store.tags().unwrap(), ["a"]);
    assert!(reader.writer_alive().unwrap());
    drop(writer);
    assert!(!reader.writer_alive().unwrap());
    store.remove("a").unwrap();
    assert!(files(&dir).is_empty());
    assert_eq!(first.as_slice::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
}

fn round_trip<T: Element + PartialEq>(values: &[T]) {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    let value = |i: usize| values[i % values.len()];
    for shape in [&[][..], &[0], &[5], &[2, 3], &[0, 3], &[3, 0, 2], &[1; 64], &[2, 3, 4, 5]] {
        let mut i = 0;
        let array: ArrayD<T> = Array::from_shape_simple_fn(IxDyn(shape), || {
            i += 1;
            value(i)
        });
        writer.write(&array).unwrap();
        let read = reader.latest().unwrap();
        assert_eq!((read.dtype(), read.shape()), (&T::DTYPE, shape));
        assert_eq!(read.as_array::<T>().unwrap(), array);
        // Any strides: transposed, reversed, every second.
        let mut turned = array.view().reversed_axes();
        for axis in 0..turned.ndim() {
            turned.invert_axis(Axis(axis));
        }
        writer.write(&turned).unwrap();
        assert_eq!(reader.latest().unwrap().as_array::<T>().unwrap(), turned);
        if shape.len() == 4 {
            let sparse = array.slice(s![.., ..;2, 1.., ..;-3]);
            writer.write(&sparse).unwrap();
            assert_eq!(reader.latest().unwrap().as_array::<T>().unwrap(), sparse.into_dyn());
        }
        let bytes = reader.latest().unwrap().bytes().to_vec();
        let shape = reader.latest().unwrap().shape().to_vec();
        writer.write_bytes(&DType::from_name(T::DTYPE.name()).unwrap(), &shape, &bytes, b"x").unwrap();
        assert_eq!(reader.latest().unwrap().bytes(), bytes);
        let mut loan = writer.loan::<T>(&shape).unwrap();
        loan.as_array_mut().fill(value(0));
        loan.publish().unwrap();
        assert!(reader.latest().unwrap().as_slice::<T>().unwrap().iter().all(|&e| e == value(0)));
    }
}

#[test]
fn every_dtype_and_shape_and_stride() {
    use ndsharray::half::f16;
    use ndsharray::num_complex::{Complex32, Complex64};
    round_trip(&[true, false, false]);
    round_trip(&[1_i8, -1, i8::MIN]);
    round_trip(&[1_i16, -1, i16::MIN]);
    round_trip(&[1_i32, -1, i32::MIN]);
    round_trip(&[1_i64, -1, i64::MIN]);
    round_trip(&[1_u8, 255]);
    round_trip(&[1_u16, u16::MAX]);
    round_trip(&[1_u32, u32::MAX]);
    round_trip(&[1_u64, u64::MAX, 3]);
    round_trip(&[f16::from_f32(0.5), f16::MAX]);
    round_trip(&[0.5_f32, f32::MIN]);
    round_trip(&[0.5_f64, f64::MIN]);
    round_trip(&[Complex32::new(1.0, 2.0), Complex32::new(0.0, -1.0)]);
    round_trip(&[Complex64::new(1.0, 2.0), Complex64::new(0.0, -1.0)]);
}

fn slots(store: &Store) -> usize {
    store.stat("a").unwrap().value.unwrap().slots.unwrap().allocated
}

#[test]
fn memory_is_what_is_needed() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write(&Array::<u8, _>::zeros(10_000)).unwrap();
    assert_eq!(slots(&store), 1, "a value written once takes one slot");
    let name = writer.data_file();
    for _ in 0..100 {
        writer.write(&Array::<u8, _>::zeros(10_000)).unwrap();
    }
    assert_eq!(slots(&store), 2, "a stream takes two");
    assert_eq!(writer.data_file(), name, "the data file keeps its name while only values change");
    writer.write(&Array::<u16, _>::zeros((7, 3))).unwrap();
    assert_ne!(writer.data_file(), name, "another layout, another name");
    assert_eq!(store.stat("a").unwrap().value.unwrap().slots.unwrap().capacity, 12288, "memory is recycled");
    writer.write(&Array::<u8, _>::zeros(1 << 20)).unwrap();
    for i in 0..40 {
        let capacity = store.stat("a").unwrap().value.unwrap().slots.unwrap().capacity;
        assert_eq!(capacity, if i <= 16 { 1 << 20 } else { 4096 }, "after {i} small writes");
        writer.write(&Array::<u8, _>::zeros(100)).unwrap();
    }
    assert_eq!(files(&dir).len(), 2);
}

#[test]
fn held_values_do_not_change_and_do_not_fill_the_store() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    let mut held = Vec::new();
    for i in 0..200_u64 {
        // Growing layouts too: each needs a new segment.
        let length = if i % 10 == 9 { 1000 + 600 * i as usize } else { 1000 };
        writer.write_slice(&vec![i; length], &[length]).unwrap();
        held.push(reader.read().unwrap().unwrap());
    }
    for (i, value) in held.iter().enumerate() {
        assert!(value.as_slice::<u64>().unwrap().iter().all(|&e| e == i as u64), "{i}: {value:?}");
    }
    assert!(held.iter().filter(|value| !value.is_copy()).count() <= 4);
    assert_eq!(files(&dir).len(), 2);
}

#[test]
fn several_holders_make_more_slots_and_then_a_new_segment() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[0_u64], &[1]).unwrap();
    let name = writer.data_file();
    // Views are not limited by what other processes hold; here the limit of one process is reached at 3.
    let readers: Vec<_> = (0..6).map(|_| store.reader("a").unwrap()).collect();
    let mut held = Vec::new();
    for (i, reader) in readers.iter().enumerate() {
        held.push(reader.latest().unwrap());
        writer.write_slice(&[i as u64 + 1], &[1]).unwrap();
    }
    assert_eq!(slots(&store), 5, "three held, the current one, and one to write");
    assert_eq!(writer.data_file(), name);
    for (i, value) in held.iter().enumerate() {
        assert_eq!(value.as_slice::<u64>().unwrap(), [i as u64]);
    }
    assert_eq!(files(&dir).len(), 2);
}

#[test]
fn loans_that_are_dropped_did_not_happen() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    drop(writer.loan::<f32>(&[10]).unwrap());
    assert!(matches!(store.reader("a").unwrap().latest(), Err(Error::Empty { .. })));
    assert_eq!(files(&dir), ["a"]);
    writer.write_slice(&[1_u8; 3], &[3]).unwrap();
    for _ in 0..5 {
        let mut loan = writer.loan::<u8>(&[3]).unwrap();
        loan.as_mut_slice().fill(9);
        drop(loan);
        drop(writer.loan::<f64>(&[10_000]).unwrap());
    }
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1; 3]);
    assert_eq!(slots(&store), 2);
    assert_eq!(files(&dir).len(), 2);
}

#[test]
fn adoption_goes_on_with_the_version() {
    let (dir, store) = store();
    for i in 1..10_u64 {
        let mut writer = store.writer("a").unwrap();
        assert_eq!(writer.write_slice(&[i], &[1]).unwrap(), i);
        assert_eq!(files(&dir).len(), 2);
    }
    assert_eq!(slots(&store), 2);
}

#[test]
fn takeover_and_removal() {
    let (dir, store) = store();
    let mut one = store.writer("a").unwrap();
    one.write_slice(&[1_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [1]);
    assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })));
    let mut two = store.writer_options("a").takeover(true).open().unwrap();
    assert_eq!(reader.latest().unwrap().bytes(), [1], "the value is kept");
    assert!(matches!(one.write_slice(&[9_u8], &[1]), Err(Error::Superseded { .. })));
    assert_eq!(two.write_slice(&[2_u8], &[1]).unwrap(), 2);
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [2]);
    assert_eq!(files(&dir).len(), 2);
    assert!(matches!(store.remove("a"), Err(Error::WriterExists { .. })));
    store.force_remove("a").unwrap();
    assert!(matches!(two.write_slice(&[3_u8], &[1]), Err(Error::Removed { .. })));
    assert!(files(&dir).is_empty());
    assert!(reader.read().unwrap().is_none());
    store.writer("a").unwrap().write_slice(&[4_u8], &[1]).unwrap();
    assert_eq!(reader.wait(std::time::Duration::from_secs(5)).unwrap().unwrap().bytes(), [4]);
    let mut short = store.writer_options("b").ephemeral(true).open().unwrap();
    short.write_slice(&[4_u8], &[1]).unwrap();
    assert_eq!(store.tags().unwrap(), ["a", "b"]);
    drop(short);
    assert_eq!(store.tags().unwrap(), ["a"]);
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
}

#[test]
fn removed_by_hand_is_published_anew() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    reader.read().unwrap();
    for what in ["header", "data", "both"] {
        for name in files(&dir) {
            if what == "both" || (name == "a") == (what == "header") {
                std::fs::remove_file(dir.path().join(name)).unwrap();
            }
        }
        let mut i = 0_u64;
        let start = std::time::Instant::now();
        while start.elapsed() < std::time::Duration::from_millis(1300) {
            i += 1;
            writer.write_slice(&[i], &[1]).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(files(&dir).len(), 2, "{what}");
        assert_eq!(reader.wait(None).unwrap().unwrap().as_slice::<u64>().unwrap(), [i], "{what}");
        assert_eq!(store.reader("a").unwrap().latest().unwrap().as_slice::<u64>().unwrap(), [i], "{what}");
    }
}
