//! The elements of an array as numbers, of those types that browsers have arrays for.

use std::borrow::Cow;

use bytemuck::Pod;
use ndsharray::DType;
use ndsharray::half::f16;
use ndsharray::num_complex::Complex;

use crate::view::wanted::Part;

/// The numbers of a part of an array.
pub(super) enum Samples<'a> {
    U8(Cow<'a, [u8]>),
    U16(Cow<'a, [u16]>),
    U32(Cow<'a, [u32]>),
    U64(Cow<'a, [u64]>),
    I8(Cow<'a, [i8]>),
    I16(Cow<'a, [i16]>),
    I32(Cow<'a, [i32]>),
    I64(Cow<'a, [i64]>),
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
}

impl<'a> Samples<'a> {
    /// The numbers in these bytes; `None` if elements are none.
    pub fn of(dtype: &DType, bytes: &'a [u8], part: Part) -> Option<Self> {
        Some(match dtype {
            DType::Bool => Samples::U8(bytes.iter().map(|&byte| u8::from(byte != 0)).collect()),
            DType::UInt8 => Samples::U8(bytes.into()),
            DType::UInt16 => Samples::U16(elements(bytes)),
            DType::UInt32 => Samples::U32(elements(bytes)),
            DType::UInt64 => Samples::U64(elements(bytes)),
            DType::Int8 => Samples::I8(elements(bytes)),
            DType::Int16 => Samples::I16(elements(bytes)),
            DType::Int32 => Samples::I32(elements(bytes)),
            DType::Int64 => Samples::I64(elements(bytes)),
            DType::Float16 => {
                Samples::F32(elements::<f16>(bytes).iter().map(|number| number.to_f32()).collect())
            }
            DType::Float32 => Samples::F32(elements(bytes)),
            DType::Float64 => Samples::F64(elements(bytes)),
            DType::Complex64 => {
                let numbers = elements::<[f32; 2]>(bytes);
                Samples::F32(
                    numbers.iter().map(|&[re, im]| part.of(f64::from(re), f64::from(im)) as f32).collect(),
                )
            }
            DType::Complex128 => {
                let numbers = elements::<[f64; 2]>(bytes);
                Samples::F64(numbers.iter().map(|&[re, im]| part.of(re, im)).collect())
            }
            _ => return None,
        })
    }
}

/// Elements where they lie, or copied if they lie askew.
fn elements<T: Pod>(bytes: &[u8]) -> Cow<'_, [T]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(elements) => Cow::Borrowed(elements),
        Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
    }
}

impl Part {
    fn of(self, re: f64, im: f64) -> f64 {
        match self {
            // Infinity beside NaN would be infinite: a NaN is to be seen.
            Part::Magnitude if re.is_nan() || im.is_nan() => f64::NAN,
            Part::Magnitude => Complex::new(re, im).norm(),
            Part::Phase => im.atan2(re),
            Part::Real => re,
            Part::Imaginary => im,
        }
    }
}

/// A number of an array.
pub(super) trait Sample: Pod + PartialOrd + std::fmt::Display {
    /// Its name, as dtypes have it.
    const NAME: &str;
    /// What many of them are added up in.
    type Sum: Copy + Default + std::ops::AddAssign;

    fn widen(self) -> Self::Sum;

    /// The same number as a float64, rounded if it must be.
    fn number(self) -> f64;

    /// The mean of so many; NaN if one of them is NaN.
    fn mean(sum: Self::Sum, count: usize) -> Self;

    /// Whether it can be compared.
    fn is_number(self) -> bool;
}

macro_rules! whole {
    ($($type:ty, $name:literal, $sum:ty);*) => {$(
        impl Sample for $type {
            const NAME: &str = $name;
            type Sum = $sum;

            fn widen(self) -> $sum {
                self.into()
            }

            fn number(self) -> f64 {
                self as f64
            }

            fn mean(sum: $sum, count: usize) -> Self {
                let count = count as $sum;
                // Rounded to the nearest, halves up.
                (sum + count / 2).div_euclid(count) as Self
            }

            fn is_number(self) -> bool {
                true
            }
        }
    )*};
}

whole!(
    u8, "uint8", u64; u16, "uint16", u64; u32, "uint32", u64; u64, "uint64", u128;
    i8, "int8", i64; i16, "int16", i64; i32, "int32", i64; i64, "int64", i128
);

macro_rules! float {
    ($($type:ty, $name:literal);*) => {$(
        impl Sample for $type {
            const NAME: &str = $name;
            type Sum = f64;

            fn widen(self) -> f64 {
                self.into()
            }

            fn number(self) -> f64 {
                self.into()
            }

            fn mean(sum: f64, count: usize) -> Self {
                (sum / count as f64) as Self
            }

            fn is_number(self) -> bool {
                !self.is_nan()
            }
        }
    )*};
}

float!(f32, "float32"; f64, "float64");

/// Runs the same for numbers of whichever type.
macro_rules! with_samples {
    ($samples:expr, $name:ident => $body:expr) => {
        match $samples {
            $crate::view::sample::Samples::U8($name) => $body,
            $crate::view::sample::Samples::U16($name) => $body,
            $crate::view::sample::Samples::U32($name) => $body,
            $crate::view::sample::Samples::U64($name) => $body,
            $crate::view::sample::Samples::I8($name) => $body,
            $crate::view::sample::Samples::I16($name) => $body,
            $crate::view::sample::Samples::I32($name) => $body,
            $crate::view::sample::Samples::I64($name) => $body,
            $crate::view::sample::Samples::F32($name) => $body,
            $crate::view::sample::Samples::F64($name) => $body,
        }
    };
}
pub(super) use with_samples;
