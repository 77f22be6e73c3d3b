//! Values in plain memory, and the ways to write them.

use ndsharray::half::f16;
use ndsharray::ndarray::{Array, ArrayD, ArrayViewD, Axis, IxDyn, Slice};
use ndsharray::num_complex::{Complex32, Complex64};
use ndsharray::{DType, Element, Meta, Result, Snapshot, UnixTime, Writer};

use super::ops::Extra;

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
    /// User data, or attributes as their text.
    pub user: Vec<u8>,
    pub has_attributes: bool,
    /// Times, 0 for none.
    pub acquired_at: u64,
    pub source_written_at: u64,
    pub version: u64,
    /// When it was published, if it was looked at then.
    pub written_at: Option<UnixTime>,
}

impl Value {
    /// A value for writing, of bytes that look random; its version comes when it is written.
    pub fn new(dtype: usize, shape: &[usize], extra: &Extra, seed: u64) -> Value {
        let mut dtypes: Vec<DType> = DType::built_in().collect();
        dtypes.push(DType::custom("datetime64[ns]", 8, "<M8[ns]").unwrap());
        let dtype = dtypes[dtype % dtypes.len()].clone();
        let length = shape.iter().product::<usize>() * dtype.itemsize();
        let mut random = (0..).scan(seed | 1, |state, _: u64| {
            *state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            Some((*state >> 56) as u8)
        });
        let mut bytes: Vec<u8> = random.by_ref().take(length).collect();
        if dtype == DType::Bool {
            bytes.iter_mut().for_each(|byte| *byte &= 1);
        }
        let user = match extra.attributes {
            true => format!(r#"{{"seed": {seed}, "text": "{}"}}"#, "x".repeat(extra.user.min(2000))).into(),
            false => random.take(extra.user).collect(),
        };
        let Extra { attributes: has_attributes, acquired_at, source_written_at, .. } = *extra;
        let (shape, version, written_at) = (shape.to_vec(), 0, None);
        Value {
            dtype,
            shape,
            bytes,
            user,
            has_attributes,
            acquired_at,
            source_written_at,
            version,
            written_at,
        }
    }

    /// What travels with it.
    pub fn meta(&self) -> Meta {
        let meta = match self.has_attributes {
            true => Meta::new().attributes_json(std::str::from_utf8(&self.user).unwrap()),
            false => Meta::new().user_data(&self.user),
        };
        meta.unwrap().acquired_at(self.acquired_at).source_written_at(self.source_written_at)
    }

    pub fn write_bytes(&self, writer: &mut Writer) -> Result<u64> {
        writer.write_bytes_with(&self.dtype, &self.shape, &self.bytes, &self.meta())
    }

    /// Its attributes as text, if it has some.
    pub fn attributes(&self) -> Option<&str> {
        self.has_attributes.then(|| std::str::from_utf8(&self.user).unwrap())
    }

    /// What is wrong with a snapshot of it.
    pub fn check(&self, snapshot: &Snapshot) -> std::result::Result<(), String> {
        let whole = snapshot.dtype() == &self.dtype
            && snapshot.shape() == self.shape
            && snapshot.version() == self.version
            && snapshot.bytes() == self.bytes
            && snapshot.user_data() == self.user
            && snapshot.attributes_json().map_err(|error| error.to_string())? == self.attributes()
            && snapshot.acquired_at() == time(self.acquired_at)
            && snapshot.source_written_at() == time(self.source_written_at)
            && self.written_at.is_none_or(|written_at| snapshot.written_at() == written_at);
        if whole { Ok(()) } else { Err(format!("{snapshot:?}, not {self:?}")) }
    }

    /// Writes it as an array of some strides. Custom dtypes have no arrays, and are written as bytes.
    pub fn write_strided(&self, writer: &mut Writer, stride: u8) -> Result<u64> {
        match self.dtype {
            DType::Bool => self.strided::<bool>(writer, stride, |bytes| bytes[0] == 1),
            DType::Int8 => self.strided(writer, stride, |bytes| bytes[0] as i8),
            DType::Int16 => self.strided(writer, stride, |b| i16::from_ne_bytes(array(b))),
            DType::Int32 => self.strided(writer, stride, |b| i32::from_ne_bytes(array(b))),
            DType::Int64 => self.strided(writer, stride, |b| i64::from_ne_bytes(array(b))),
            DType::UInt8 => self.strided(writer, stride, |bytes| bytes[0]),
            DType::UInt16 => self.strided(writer, stride, |b| u16::from_ne_bytes(array(b))),
            DType::UInt32 => self.strided(writer, stride, |b| u32::from_ne_bytes(array(b))),
            DType::UInt64 => self.strided(writer, stride, |b| u64::from_ne_bytes(array(b))),
            DType::Float16 => self.strided(writer, stride, |b| f16::from_ne_bytes(array(b))),
            DType::Float32 => self.strided(writer, stride, |b| f32::from_ne_bytes(array(b))),
            DType::Float64 => self.strided(writer, stride, |b| f64::from_ne_bytes(array(b))),
            DType::Complex64 => self.strided(writer, stride, |b| {
                Complex32::new(f32::from_ne_bytes(array(b)), f32::from_ne_bytes(array(&b[4..])))
            }),
            DType::Complex128 => self.strided(writer, stride, |b| {
                Complex64::new(f64::from_ne_bytes(array(b)), f64::from_ne_bytes(array(&b[8..])))
            }),
            _ => self.write_bytes(writer),
        }
    }

    /// Puts the elements where a view with other strides sees them in this value's order.
    fn strided<T: Element>(
        &self,
        writer: &mut Writer,
        stride: u8,
        element: impl Fn(&[u8]) -> T,
    ) -> Result<u64> {
        let elements: Vec<T> = self.bytes.chunks_exact(size_of::<T>()).map(element).collect();
        let plain = ArrayD::from_shape_vec(IxDyn(&self.shape), elements).unwrap();
        match stride % 4 {
            0 => writer.write_with(&plain, &self.meta()),
            1 => {
                // The axes reversed in memory.
                let stored = plain.t().as_standard_layout().into_owned();
                self.write_view(writer, &stored.t(), &plain)
            }
            2 => {
                // Each axis backwards in memory.
                let mut stored = plain.clone();
                (0..plain.ndim()).for_each(|axis| stored.invert_axis(Axis(axis)));
                let mut view: ArrayD<T> = stored.as_standard_layout().into_owned();
                (0..plain.ndim()).for_each(|axis| view.invert_axis(Axis(axis)));
                self.write_view(writer, &view.view(), &plain)
            }
            _ => {
                // Every second element along each axis (the first few) of something larger.
                let step = |axis: usize| if axis < 4 { 2 } else { 1 };
                let larger: Vec<usize> = (0..plain.ndim()).map(|i| plain.shape()[i] * step(i)).collect();
                let index = |at: IxDyn| (0..plain.ndim()).map(|i| at[i] / step(i)).collect::<Vec<_>>();
                let stored = Array::from_shape_fn(IxDyn(&larger), |at| plain[&index(at)[..]]);
                let mut view = stored.view();
                view.slice_each_axis_inplace(|axis| Slice::new(0, None, step(axis.axis.index()) as isize));
                self.write_view(writer, &view, &plain)
            }
        }
    }

    fn write_view<T: Element>(
        &self,
        writer: &mut Writer,
        view: &ArrayViewD<'_, T>,
        plain: &ArrayD<T>,
    ) -> Result<u64> {
        assert_eq!(view.shape(), plain.shape(), "the test's own arithmetic");
        writer.write_with(view, &self.meta())
    }
}

/// A time of a value, of which 0 is none.
pub fn time(nanoseconds: u64) -> Option<UnixTime> {
    (nanoseconds != 0).then(|| nanoseconds.into())
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().unwrap()
}
