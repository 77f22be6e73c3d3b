//! dtypes and shapes as people write them: `uint8`, `u1`, `<f4`, `M8[ns]`, `720,1280,3`.

use ndsharray::DType;

/// The dtype that an option names.
pub fn parse(text: &str) -> Result<DType, String> {
    let hint = "use a numpy name or code, such as uint8, u1, float32, <f4, M8[ns] or bool";
    text.parse().map_err(|error| match error {
        // It has a name of numpy's, and so only its order is not this machine's.
        ndsharray::Error::InvalidDType { name, found, .. }
            if name != text && DType::from_name(&name).is_ok() =>
        {
            format!("{found}: convert the data, and use {name}")
        }
        ndsharray::Error::InvalidDType { found, .. } => format!("{found}: {hint}"),
        error => error.to_string(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes() {
        for dtype in DType::built_in() {
            assert_eq!(parse(dtype.name()).as_ref(), Ok(&dtype));
        }
        for (text, name) in [
            ("?", "bool"),
            ("=f4", "float32"),
            ("M8[ns]", "datetime64[ns]"),
            ("M8[25s]", "datetime64[25s]"),
            ("M8", "datetime64"),
            ("[('x', 'f4'), ('y', 'f4')]", "void64"),
            ("f4,f4", "void64"),
        ] {
            assert_eq!(parse(text).unwrap().name(), name);
        }
        for bad in ["", "x", "f3", "f16", ">f4", "u", "uint9", "O", "<<f4", "[('x'"] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains("use ") || error.contains("objects"), "{bad}: {error}");
        }
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
