//! Every dtype, shape and stride, written and read in every way.

use ndsharray::ndarray::{Array, ArrayD, Axis, IxDyn, array, s};
use ndsharray::{DType, Element, Error, Meta};

use crate::common::sandbox::{files, store};

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
    assert_eq!(files(dir.path()).len(), 2);
    assert!(!first.is_copy());
    assert_eq!(store.tags().unwrap(), ["a"]);
    assert!(reader.writer_alive().unwrap());
    drop(writer);
    assert!(!reader.writer_alive().unwrap());
    store.remove("a").unwrap();
    assert!(files(dir.path()).is_empty());
    assert_eq!(first.as_slice::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
}

fn round_trip<T: Element + PartialEq + std::fmt::Debug>(values: &[T]) {
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
        assert_eq!((read.dtype(), read.shape()), (T::dtype(), shape));
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
        writer
            .write_bytes_with(
                &DType::from_name(T::dtype().name()).unwrap(),
                &shape,
                &bytes,
                &Meta::new().user_data("x").unwrap(),
            )
            .unwrap();
        assert_eq!(reader.latest().unwrap().as_ref(), bytes);
        assert_eq!(reader.view().unwrap().as_ref(), bytes);
        assert_eq!(reader.view().unwrap().bytes(), bytes);
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
