//! Elements of any dtype, read from their bytes: as numbers to compare and draw, and as text to show.

use ndsharray::DType;
use ndsharray::half::f16;

use crate::units;

/// Reads the bytes of one element as a number; a complex one as its magnitude.
pub type Number = fn(&[u8]) -> f64;

/// The first `N` bytes. Every caller gives at least as many; with fewer it is zeros.
fn head<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

/// `hypot` of infinity and NaN is infinite; here it is NaN, so that a NaN stays visible.
fn magnitude(re: f64, im: f64) -> f64 {
    if re.is_nan() || im.is_nan() { f64::NAN } else { re.hypot(im) }
}

/// How to read elements of this dtype as numbers; `None` for custom dtypes, whose bytes could mean anything.
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

/// The text of one element: whole numbers with all their digits, others with six, bytes of custom dtypes in hex.
pub fn text(dtype: &DType, bytes: &[u8]) -> String {
    match dtype {
        DType::Bool => if head::<1>(bytes) == [0] { "false" } else { "true" }.to_owned(),
        DType::Int64 => i64::from_ne_bytes(head(bytes)).to_string(),
        DType::UInt64 => u64::from_ne_bytes(head(bytes)).to_string(),
        DType::Complex64 | DType::Complex128 => {
            let half = bytes.len() / 2;
            let real = if half == 4 { DType::Float32 } else { DType::Float64 };
            let im = text(&real, &bytes[half..]);
            let sign = if im.starts_with('-') { "" } else { "+" };
            format!("{}{sign}{im}j", text(&real, &bytes[..half]))
        }
        _ => match number(dtype) {
            Some(number) => units::number(number(bytes)),
            None => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both<const N: usize>(dtype: DType, bytes: [u8; N]) -> (f64, String) {
        assert_eq!(dtype.itemsize(), N, "{dtype}");
        (number(&dtype).unwrap()(&bytes), text(&dtype, &bytes))
    }

    #[test]
    fn every_built_in_dtype_is_read() {
        assert_eq!(both(DType::Bool, [0]), (0.0, "false".into()));
        assert_eq!(both(DType::Bool, [7]), (1.0, "true".into()));
        assert_eq!(both(DType::Int8, [0xff]), (-1.0, "-1".into()));
        assert_eq!(both(DType::Int16, (-300_i16).to_ne_bytes()), (-300.0, "-300".into()));
        assert_eq!(both(DType::Int32, i32::MIN.to_ne_bytes()), (-2147483648.0, "-2147483648".into()));
        assert_eq!(both(DType::Int64, i64::MAX.to_ne_bytes()), (i64::MAX as f64, i64::MAX.to_string()));
        assert_eq!(both(DType::UInt8, [200]), (200.0, "200".into()));
        assert_eq!(both(DType::UInt16, 60000_u16.to_ne_bytes()), (60000.0, "60000".into()));
        assert_eq!(both(DType::UInt32, u32::MAX.to_ne_bytes()), (4294967295.0, "4294967295".into()));
        assert_eq!(both(DType::UInt64, u64::MAX.to_ne_bytes()), (u64::MAX as f64, u64::MAX.to_string()));
        assert_eq!(both(DType::Float16, f16::from_f32(-1.5).to_ne_bytes()), (-1.5, "-1.5".into()));
        assert_eq!(both(DType::Float32, 0.1_f32.to_ne_bytes()), (f64::from(0.1_f32), "0.1".into()));
        assert_eq!(both(DType::Float64, f64::INFINITY.to_ne_bytes()), (f64::INFINITY, "inf".into()));
    }

    #[test]
    fn complex_numbers_have_a_magnitude_and_keep_their_nan() {
        let pair = |re: f32, im: f32| [re.to_ne_bytes(), im.to_ne_bytes()].concat();
        let of = |re, im| number(&DType::Complex64).unwrap()(&pair(re, im));
        assert_eq!(of(3.0, -4.0), 5.0);
        assert!(of(f32::INFINITY, f32::NAN).is_nan());
        assert_eq!(text(&DType::Complex64, &pair(1.0, -2.5)), "1-2.5j");
        let bytes = [1.0_f64.to_ne_bytes(), 0.5_f64.to_ne_bytes()].concat();
        assert_eq!(text(&DType::Complex128, &bytes), "1+0.5j");
        assert_eq!(number(&DType::Complex128).unwrap()(&bytes), 1.25_f64.sqrt());
    }

    #[test]
    fn custom_dtypes_are_bytes() {
        let dtype = DType::custom("rgb565", 2, "<u2").unwrap();
        assert!(number(&dtype).is_none());
        assert_eq!(text(&dtype, &[0x0a, 0xff]), "0aff");
    }
}
