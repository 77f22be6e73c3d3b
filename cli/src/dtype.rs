//! dtypes as people and npy files write them: `uint8`, `u1`, `<f4`, `|b1`, `>M8[ns]`.

use ndsharray::DType;
use npyz::{Endianness, TypeChar, TypeStr};

use crate::failure::{Failure, Result};

/// A dtype, and the length in bytes of the units whose byte order is not this machine's; 1: none.
pub type Swapped = (DType, usize);

/// The dtype that an option names.
pub fn parse(text: &str) -> Result<DType, String> {
    if let Ok(dtype) = DType::from_name(text) {
        return Ok(dtype);
    }
    let hint = "use a numpy name or code, such as uint8, u1, float32, <f4 or bool";
    let code = match text {
        "?" => "|b1".to_owned(),
        _ if text.starts_with(['<', '>', '|']) => text.to_owned(),
        _ if text.ends_with('1') && text.len() == 2 => format!("|{text}"),
        _ => format!("{}{}", native(), text.trim_start_matches('=')),
    };
    let parsed: TypeStr = code.parse().map_err(|_| format!("there is no dtype of that name: {hint}"))?;
    match from_type_str(&parsed) {
        Ok((dtype, 1)) => Ok(dtype),
        Ok((dtype, _)) => {
            Err(format!("it has the byte order of another machine: convert the data, and use {dtype}"))
        }
        Err(problem) => Err(format!("{problem}: {hint}")),
    }
}

/// The dtype of an npy file's type string; an error says why there is none.
pub fn from_type_str(text: &TypeStr) -> Result<Swapped, String> {
    let size = text.size_field();
    let name = match text.type_char() {
        TypeChar::Bool if size == 1 => "bool".to_owned(),
        TypeChar::Int => format!("int{}", 8 * size),
        TypeChar::Uint => format!("uint{}", 8 * size),
        TypeChar::Float => format!("float{}", 8 * size),
        TypeChar::Complex => format!("complex{}", 8 * size),
        // Bytes of a dtype that is not built in stay as they are: the descr says in which order. The names are numpy's.
        TypeChar::TimeDelta | TypeChar::DateTime => {
            let kind = if text.type_char() == TypeChar::TimeDelta { "timedelta64" } else { "datetime64" };
            let units = text.time_units().map_or_else(String::new, |units| format!("[{}]", units.to_str()));
            return custom(&format!("{kind}{units}"), text.num_bytes(), &text.to_string());
        }
        TypeChar::ByteStr => {
            return custom(&format!("bytes{}", 8 * size), text.num_bytes(), &text.to_string());
        }
        TypeChar::UnicodeStr => {
            return custom(&format!("str{}", 32 * size), text.num_bytes(), &text.to_string());
        }
        TypeChar::RawData => {
            return custom(&format!("void{}", 8 * size), text.num_bytes(), &text.to_string());
        }
        _ => return Err(format!("dtype {text} has no plain elements")),
    };
    let dtype = DType::from_name(&name).map_err(|_| format!("dtype {text} is not supported"))?;
    let other = text.endianness() != Endianness::Irrelevant && text.endianness() != Endianness::of_machine();
    let parts = if text.type_char() == TypeChar::Complex { 2 } else { 1 };
    let unit = if other { dtype.itemsize() / parts } else { 1 };
    Ok((dtype, unit))
}

/// The dtype of an npy file.
pub fn from_npy(dtype: &npyz::DType) -> Result<Swapped, String> {
    match dtype {
        _ if dtype.uses_pickled_array() => Err("Python objects mean nothing to other processes".to_owned()),
        npyz::DType::Plain(text) => from_type_str(text),
        record => {
            let size = record.num_bytes();
            custom(&format!("void{}", 8 * size.unwrap_or(0)), size, &record.descr())
        }
    }
}

/// The dtype of an npy file with values of `dtype`.
pub fn to_npy(dtype: &DType) -> Result<npyz::DType> {
    let descr = match dtype {
        DType::Custom(custom) if custom.descr().starts_with(['[', '{', '(']) => custom.descr().to_owned(),
        DType::Custom(custom) => format!("'{}'", custom.descr()),
        _ => format!("'{}'", code(dtype)),
    };
    // npyz makes the dtype of a record from a file's header only.
    let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': ()}}\n");
    let length = u16::try_from(text.len()).unwrap_or(0).to_le_bytes();
    let header = [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes()].concat();
    let found = npyz::NpyHeader::from_reader(&header[..]).map(|header| header.dtype());
    match found {
        Ok(found) if found.num_bytes() == Some(dtype.itemsize()) => Ok(found),
        _ => Err(Failure::bad(format!(
            "npy cannot hold dtype {dtype} with the descr {}: it takes a type string or a list of fields without gaps; \
             use cat, which writes the bytes of any dtype",
            dtype.descr()
        ))),
    }
}

/// numpy's type string of a built-in dtype.
fn code(dtype: &DType) -> String {
    let kind = match dtype {
        DType::Bool => 'b',
        DType::Int8 | DType::Int16 | DType::Int32 | DType::Int64 => 'i',
        DType::UInt8 | DType::UInt16 | DType::UInt32 | DType::UInt64 => 'u',
        DType::Complex64 | DType::Complex128 => 'c',
        _ => 'f',
    };
    let order = if dtype.itemsize() == 1 { "|" } else { native() };
    format!("{order}{kind}{}", dtype.itemsize())
}

fn native() -> &'static str {
    if cfg!(target_endian = "little") { "<" } else { ">" }
}

fn custom(name: &str, size: Option<usize>, descr: &str) -> Result<Swapped, String> {
    let dtype = DType::custom(name, size.unwrap_or(0), descr).map_err(|error| error.to_string())?;
    Ok((dtype, 1))
}

/// Parses a shape such as `720,1280,3`; nothing or `()` is a single element.
pub fn parse_shape(text: &str) -> Result<Vec<usize>, String> {
    let text = text.trim_start_matches('(').trim_end_matches(')').trim_end_matches(',');
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let axes = text.split(',').map(|axis| axis.trim().parse::<usize>());
    axes.collect::<Result<_, _>>()
        .map_err(|_| "give the length of each axis, with commas between, such as 720,1280,3".to_owned())
}

/// Reverses the bytes of each unit.
pub fn swap(bytes: &mut [u8], unit: usize) {
    if unit > 1 {
        bytes.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes() {
        for dtype in DType::built_in() {
            assert_eq!(parse(dtype.name()).as_ref(), Ok(&dtype));
            assert_eq!(parse(&code(&dtype)).as_ref(), Ok(&dtype));
            assert_eq!(parse(&code(&dtype)[1..]).as_ref(), Ok(&dtype));
            let npy = to_npy(&dtype).unwrap();
            assert_eq!(from_npy(&npy), Ok((dtype, 1)));
        }
        assert_eq!(parse("?"), Ok(DType::Bool));
        assert_eq!(parse("=f4"), Ok(DType::Float32));
        assert_eq!(parse("M8[ns]").unwrap().name(), "datetime64[ns]");
        for bad in ["", "x", "f3", "f16", ">f4", "u", "uint9", "O", "f4 ", "<<f4"] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains("use "), "{bad}: {error}");
        }
    }

    #[test]
    fn records_and_strings_keep_their_descr() {
        for (name, size, descr) in [
            ("datetime64[ms]", 8, "<M8[ms]"),
            ("bytes40", 5, "|S5"),
            ("str96", 12, "<U3"),
            ("void64", 8, "[('x', '<f4'), ('y', '>f4')]"),
            ("void160", 20, "[('x', '<f4'), ('y', '<f4', (2, 2))]"),
        ] {
            let dtype = DType::custom(name, size, descr).unwrap();
            let (again, unit) = from_npy(&to_npy(&dtype).unwrap()).unwrap();
            assert_eq!((again.name(), again.itemsize(), unit), (name, size, 1));
        }
        let gaps =
            DType::custom("void128", 16, "{'names': ['x'], 'formats': ['<f4'], 'offsets': [8]}").unwrap();
        assert!(to_npy(&gaps).is_err());
    }

    #[test]
    fn shapes() {
        assert_eq!(parse_shape("720,1280,3"), Ok(vec![720, 1280, 3]));
        assert_eq!(parse_shape("(5,)"), Ok(vec![5]));
        assert_eq!((parse_shape(""), parse_shape("()")), (Ok(vec![]), Ok(vec![])));
        for bad in ["x", "-1", "2x3", "1,,2", "1.5", "99999999999999999999"] {
            assert!(parse_shape(bad).unwrap_err().contains("720,1280,3"), "{bad}");
        }
    }
}
