//! Elements as numbers to compare and draw.

use ndsharray::DType;
use ndsharray::half::f16;

/// Reads the bytes of one element as a number; a complex one as its magnitude.
pub type Number = fn(&[u8]) -> f64;

/// The first `N` bytes. Every caller gives at least as many; with fewer it is zeros.
pub fn head<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

/// `hypot` of infinity and NaN is infinite; here it is NaN, so that a NaN stays visible.
fn magnitude(re: f64, im: f64) -> f64 {
    if re.is_nan() || im.is_nan() { f64::NAN } else { re.hypot(im) }
}

/// How to read elements of this dtype as numbers; `None` if they are none.
pub fn number(dtype: &DType) -> Option<Number> {
    Some(match dtype {
        // A viewer need not refuse what is neither 0 nor 1: it shows every byte but 0 as true.
        DType::Bool => |bytes| f64::from(u8::from(head::<1>(bytes) != [0])),
        DType::Int8 => |bytes| f64::from(i8::from_ne_bytes(head(bytes))),
        DType::Int16 => |bytes| f64::from(i16::from_ne_bytes(head(bytes))),
        DType::Int32 => |bytes| f64::from(i32::from_ne_bytes(head(bytes))),
        DType::Int64 => |bytes| i64::from_ne_bytes(head(bytes)) as f64,
        DType::UInt8 => |bytes| f64::from(u8::from_ne_bytes(head(bytes))),
        DType::UInt16 => |bytes| f64::from(u16::from_ne_bytes(head(bytes))),
        DType::UInt32 => |bytes| f64::from(u32::from_ne_bytes(head(bytes))),
        DType::UInt64 => |bytes| u64::from_ne_bytes(head(bytes)) as f64,
        DType::Float16 => |bytes| f16::from_ne_bytes(head(bytes)).to_f64(),
        DType::Float32 => |bytes| f64::from(f32::from_ne_bytes(head(bytes))),
        DType::Float64 => |bytes| f64::from_ne_bytes(head(bytes)),
        DType::Complex64 => |bytes| {
            let [re, im] = [bytes, &bytes[4..]].map(|part| f64::from(f32::from_ne_bytes(head(part))));
            magnitude(re, im)
        },
        DType::Complex128 => |bytes| {
            let [re, im] = [bytes, &bytes[8..]].map(|part| f64::from_ne_bytes(head(part)));
            magnitude(re, im)
        },
        _ => return None,
    })
}
