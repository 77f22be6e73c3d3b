//! Structs as elements: `#[derive(Element)]`.

use ndsharray::num_complex::Complex32;
use ndsharray::{DType, Element, Error};

use crate::common::sandbox::store;

#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
struct Pose {
    stamp: u64,
    position: [f32; 3],
    valid: bool,
}

/// As a person writes it who does not think of padding: three gaps.
#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
struct Loose {
    a: i8,
    b: i32,
    c: i8,
    d: f64,
    e: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
struct Nested {
    id: u16,
    points: [[Loose; 2]; 2],
    r#type: u8,
    z: Complex32,
}

#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C, packed)]
struct Packed {
    a: u8,
    b: u32,
    c: f64,
}

/// Constants and types of these names are not those of the derive.
#[allow(dead_code)]
mod names {
    use super::Element;

    pub const LAYOUT: usize = 3;
    struct ElementLayout;
    struct FieldLayout;
    struct OnceLock;
    type Option = f32;

    #[derive(Clone, Copy, Debug, PartialEq, Element)]
    #[repr(C)]
    pub struct Named {
        pub layout: [Option; LAYOUT],
        pub record: [u8; Self::LENGTH],
        #[cfg(any())]
        pub absent: &'static str,
    }

    impl Named {
        const LENGTH: usize = 4;
    }
}

#[test]
fn names_of_the_program_mean_what_they_mean_there() {
    assert_eq!(names::Named::dtype().descr(), "[('layout', '<f4', (3,)), ('record', '|u1', (4,))]");
}

const LOOSE: Loose = Loose { a: -1, b: 2, c: 3, d: 4.5, e: true };

#[test]
fn the_dtype_has_the_fields_of_the_struct() {
    assert_eq!(
        Pose::dtype().descr(),
        "{'names': ['stamp', 'position', 'valid'], 'formats': ['<u8', ('<f4', (3,)), '|b1'], \
        'offsets': [0, 8, 20], 'itemsize': 24}"
    );
    assert_eq!(Packed::dtype().descr(), "[('a', '|u1'), ('b', '<u4'), ('c', '<f8')]");
    assert_eq!(Nested::dtype().itemsize(), size_of::<Nested>());
    let fields: Vec<_> =
        Nested::dtype().fields().iter().map(|f| (f.name(), f.shape().to_vec(), f.offset())).collect();
    assert_eq!(
        fields,
        [("id", vec![], 0), ("points", vec![2, 2], 8), ("type", vec![], 136), ("z", vec![], 140)]
    );
    assert_eq!(Nested::dtype().fields()[1].dtype(), Loose::dtype());
    // What the text says is the same dtype, and is stored as it is.
    for dtype in [Pose::dtype(), Loose::dtype(), Nested::dtype(), Packed::dtype()] {
        assert_eq!(&dtype.descr().parse::<DType>().unwrap(), dtype);
        assert_eq!(&DType::custom(dtype.name(), dtype.itemsize(), dtype.descr()).unwrap(), dtype);
    }
}

#[test]
fn structs_are_written_and_read() {
    let (_dir, store) = store();
    let poses = [
        Pose { stamp: 1, position: [0.5, -1.0, 2.0], valid: true },
        Pose { stamp: u64::MAX, position: [f32::INFINITY, 0.0, -0.0], valid: false },
    ];
    let mut writer = store.writer("pose").unwrap();
    let mut reader = store.reader("pose").unwrap();
    writer.write_slice(&poses, &[2]).unwrap();
    let value = reader.read().unwrap().unwrap();
    assert_eq!(value.as_slice::<Pose>().unwrap(), poses);
    assert_eq!(reader.view().unwrap().as_slice::<Pose>().unwrap(), poses);

    let mut loan = writer.loan::<Pose>(&[2]).unwrap();
    assert_eq!(loan.as_mut_slice().len(), 2);
    loan.as_mut_slice().copy_from_slice(&[poses[1], poses[0]]);
    loan.as_mut_slice()[0].stamp = 7;
    loan.publish().unwrap();
    let value = reader.read().unwrap().unwrap();
    assert_eq!(value.as_slice::<Pose>().unwrap(), [Pose { stamp: 7, ..poses[1] }, poses[0]]);

    writer.write_slice::<Pose>(&[], &[0]).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().as_slice::<Pose>().unwrap(), []);

    let packed = [Packed { a: 1, b: 2, c: 3.0 }; 5];
    writer.write_slice(&packed, &[5]).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().as_slice::<Packed>().unwrap(), packed);
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays_of_structs_of_any_strides() {
    use ndsharray::ndarray::Array2;
    let (_dir, store) = store();
    let array = Array2::from_shape_fn((2, 3), |(i, j)| Loose { b: (10 * i + j) as i32, ..LOOSE });
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    writer.write(&array.t()).unwrap();
    let value = reader.latest().unwrap();
    assert_eq!(value.as_array::<Loose>().unwrap(), array.t().into_dyn());
    assert_gaps_are_zero(value.bytes());
    let mut loan = writer.loan::<Loose>(&[2, 3]).unwrap();
    loan.as_array_mut().assign(&array);
    loan.publish().unwrap();
    assert_eq!(reader.latest().unwrap().as_array::<Loose>().unwrap(), array.into_dyn());
}

/// The bytes of `Loose` that no field has.
fn assert_gaps_are_zero(bytes: &[u8]) {
    for element in bytes.chunks_exact(size_of::<Loose>()) {
        let gaps = [&element[1..4], &element[9..16], &element[25..32]];
        assert!(gaps.iter().all(|gap| gap.iter().all(|&byte| byte == 0)), "{element:?}");
    }
}

#[test]
fn what_padding_held_is_not_published() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    // The slots hold other bytes first.
    for _ in 0..4 {
        writer.write_bytes(&DType::UInt8, &[128], &[0xff; 128]).unwrap();
    }
    // Writing all bytes of an element, then its fields, leaves the gaps as they were.
    let mut dirty = [std::mem::MaybeUninit::<Loose>::uninit(); 4];
    for element in &mut dirty {
        let start = element.as_mut_ptr();
        // SAFETY: inside the element, field by field.
        unsafe {
            start.cast::<u8>().write_bytes(0xa5, size_of::<Loose>());
            (&raw mut (*start).a).write(LOOSE.a);
            (&raw mut (*start).b).write(LOOSE.b);
            (&raw mut (*start).c).write(LOOSE.c);
            (&raw mut (*start).d).write(LOOSE.d);
            (&raw mut (*start).e).write(LOOSE.e);
        }
    }
    // SAFETY: each field was written.
    let dirty = unsafe { std::slice::from_raw_parts(dirty.as_ptr().cast::<Loose>(), 4) };
    writer.write_slice(dirty, &[4]).unwrap();
    assert_gaps_are_zero(reader.latest().unwrap().bytes());
    let mut loan = writer.loan::<Loose>(&[4]).unwrap();
    loan.as_mut_slice().fill(LOOSE);
    loan.publish().unwrap();
    assert_gaps_are_zero(reader.latest().unwrap().bytes());

    let inner = nested();
    writer.write_slice(&[inner], &[]).unwrap();
    let value = reader.latest().unwrap();
    assert_gaps_are_zero(&value.bytes()[8..136]);
    assert!(
        [&value.bytes()[2..8], &value.bytes()[137..140], &value.bytes()[148..]]
            .iter()
            .all(|gap| gap.iter().all(|&b| b == 0))
    );
    assert_eq!(value.as_slice::<Nested>().unwrap(), [inner]);
}

#[test]
fn a_bool_field_that_is_no_bool_is_an_error() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    writer.write_slice(&[nested(); 2], &[2]).unwrap();
    let good = reader.latest().unwrap().bytes().to_vec();
    for (place, wrong) in
        [(8 + 24, true), (8 + 3 * 32 + 24, true), (148 + 4 + 8 + 24, true), (8 + 25, false), (0, false)]
    {
        let mut bytes = good.clone();
        bytes[place] = 2;
        writer.write_bytes(Nested::dtype(), &[2], &bytes).unwrap();
        let value = reader.latest().unwrap();
        match value.as_slice::<Nested>() {
            Err(Error::InvalidElement { .. }) => assert!(wrong, "{place}"),
            other => assert!(other.is_ok() && !wrong, "{place}: {other:?}"),
        }
    }
    // A loan begins with values, whatever the slot held.
    let mut loan = writer.loan::<Nested>(&[2]).unwrap();
    assert!(loan.as_mut_slice().iter().all(|element| !element.points[1][1].e));
}

fn nested() -> Nested {
    Nested { id: 1, points: [[LOOSE; 2]; 2], r#type: 2, z: Complex32::new(1.0, 2.0) }
}

#[test]
fn dtypes_are_compared_by_layout() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    let bytes = [0; 17];
    for spelled in [
        "[('a', 'u1'), ('b', 'u4'), ('c', 'f8')]",
        "{'names': ('a', 'b', 'c'), 'formats': ['uint8', '=u4', 'float64'], 'offsets': [0, 1, 5], 'itemsize': 13}",
        "[(('first', 'a'), '|u1'), ('b', '<u4'), ('c', '<f8')]",
    ] {
        let dtype = DType::custom("record104", 13, spelled).unwrap();
        assert_eq!(&dtype, Packed::dtype(), "{spelled}");
        writer.write_bytes(&dtype, &[1], &bytes[..13]).unwrap();
        let value = reader.latest().unwrap();
        assert_eq!(value.dtype().descr(), spelled, "it is stored as it was spelled");
        value.as_slice::<Packed>().unwrap();
    }
    for (other, found, expected) in [
        (
            "[('a', 'u1'), ('b', 'i4'), ('c', 'f8')]",
            r#"field "b" as int32 at byte 1"#,
            r#"field "b" as uint32 at byte 1"#,
        ),
        (
            "[('a', 'u1'), ('b', '>u4'), ('c', 'f8')]",
            r#"field "b" as >u4 at byte 1"#,
            r#"field "b" as uint32 at byte 1"#,
        ),
        (
            "[('a', 'u1'), ('x', 'u4'), ('c', 'f8')]",
            r#"field "x" as uint32 at byte 1"#,
            r#"field "b" as uint32 at byte 1"#,
        ),
        (
            "[('a', 'u1'), ('b', 'u4', (1,)), ('c', 'f8')]",
            r#"field "b" as uint32[1] at byte 1"#,
            r#"field "b" as uint32 at byte 1"#,
        ),
        ("[('a', 'u1'), ('b', 'u4')]", r#"no field "c""#, r#"field "c""#),
        ("[('a', 'u1'), ('b', 'u4'), ('c', 'f8'), ('d', 'u1')]", r#"field "d""#, r#"no field "d""#),
        (
            "{'names': ['a', 'b', 'c'], 'formats': ['u1', 'u4', 'f8'], 'offsets': [0, 1, 5], 'itemsize': 17}",
            "records of 17 bytes",
            "records of 13 bytes",
        ),
        ("f4", "float32", "{a: uint8, b: uint32, c: float64}"),
    ] {
        let dtype: DType = other.parse().unwrap();
        writer.write_bytes(&dtype, &[1], &bytes[..dtype.itemsize()]).unwrap();
        match reader.latest().unwrap().as_slice::<Packed>().unwrap_err() {
            Error::DTypeMismatch { found: f, expected: e } => assert_eq!((&*f, &*e), (found, expected)),
            error => panic!("{error}"),
        }
    }
}

#[test]
fn a_mismatch_inside_a_nested_record_is_named_by_its_path() {
    #[derive(Clone, Copy, Debug, Element)]
    #[repr(C)]
    struct Inner {
        x: f32,
        y: f64,
    }
    #[derive(Clone, Copy, Debug, Element)]
    #[repr(C)]
    struct Outer {
        id: u64,
        inner: [Inner; 2],
    }
    let (_dir, store) = store();
    let text = Outer::dtype().descr().replace("<f4", "<i4");
    store.writer("a").unwrap().write_bytes(&text.parse().unwrap(), &[], &[0; 40]).unwrap();
    let error = store.reader("a").unwrap().latest().unwrap().as_slice::<Outer>().unwrap_err();
    assert!(error.to_string().contains(r#"field "inner.x" as int32 at byte 0"#), "{error}");
}

#[test]
fn a_descr_that_is_too_long_is_refused_by_the_writer() {
    #[derive(Clone, Copy, Element)]
    #[repr(C)]
    struct Long {
        a: [Nested; 1],
        b: [Nested; 2],
        c: [Nested; 3],
        d: [Nested; 4],
        e: [Nested; 5],
    }
    let (_dir, store) = store();
    let inner = nested();
    let long = Long { a: [inner; 1], b: [inner; 2], c: [inner; 3], d: [inner; 4], e: [inner; 5] };
    let mut writer = store.writer("a").unwrap();
    assert!(matches!(writer.write_slice(&[long], &[]), Err(Error::InvalidDType { .. })));
    assert!(matches!(writer.loan::<Long>(&[2]), Err(Error::InvalidDType { .. })));
    writer.write_slice(&[inner], &[]).unwrap();
}
