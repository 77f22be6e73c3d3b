//! Elements that are a single value, as numpy's type strings (`<f4`, `|S5`, `<M8[25s]`) and names (`float32`) describe
//! them.

/// What kind of value a [`Scalar`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// One byte, 0 or 1.
    Bool,
    /// A signed integer.
    Int,
    /// An unsigned integer.
    UInt,
    /// An IEEE 754 number.
    Float,
    /// Two IEEE 754 numbers.
    Complex,
    /// A point in time: an `i64` that counts units since 1970; the lowest one is NaT, not a time.
    DateTime,
    /// A length of time: an `i64` that counts units; the lowest one is NaT.
    TimeDelta,
    /// Bytes, filled up with zeros at the end.
    Bytes,
    /// Unicode code points, four bytes each, filled up with zeros at the end.
    Str,
    /// Bytes that mean nothing to numpy.
    Void,
}

/// numpy's units of time.
const UNITS: [&str; 13] = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"];

/// An element that is a single value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scalar {
    kind: Kind,
    size: usize,
    swapped: bool,
    unit: Option<(u32, &'static str)>,
}

impl Scalar {
    pub(super) const fn native(kind: Kind, size: usize) -> Self {
        Scalar { kind, size, swapped: false, unit: None }
    }

    /// What kind of value it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The size in bytes.
    pub fn itemsize(&self) -> usize {
        self.size
    }

    /// Whether its byte order is not that of this machine.
    pub fn is_swapped(&self) -> bool {
        self.swapped
    }

    /// The length in bytes of the parts to which the byte order applies, such as half of a complex number, or a code point; 1
    /// if it does not apply.
    pub fn unit_of_order(&self) -> usize {
        match self.kind {
            Kind::Bool | Kind::Bytes | Kind::Void => 1,
            Kind::Complex => self.size / 2,
            Kind::Str => 4,
            _ => self.size,
        }
    }

    /// What a [`Kind::DateTime`] or [`Kind::TimeDelta`] counts, such as `(25, "s")` or `(1, "ns")`; `None` for other kinds,
    /// and if the dtype gives no unit.
    pub fn time_unit(&self) -> Option<(u32, &'static str)> {
        self.unit
    }

    /// numpy's name of the dtype.
    pub(super) fn name(&self) -> String {
        let bits = 8 * self.size;
        match self.kind {
            Kind::Bool => "bool".to_owned(),
            Kind::Int => format!("int{bits}"),
            Kind::UInt => format!("uint{bits}"),
            Kind::Float => format!("float{bits}"),
            Kind::Complex => format!("complex{bits}"),
            Kind::DateTime => format!("datetime64{}", self.unit_text()),
            Kind::TimeDelta => format!("timedelta64{}", self.unit_text()),
            Kind::Bytes => format!("bytes{bits}"),
            Kind::Str => format!("str{bits}"),
            Kind::Void => format!("void{bits}"),
        }
    }

    /// numpy's type string.
    pub(super) fn text(&self) -> String {
        let order = match (self.unit_of_order(), self.swapped == cfg!(target_endian = "little")) {
            (1, _) => '|',
            (_, true) => '>',
            (_, false) => '<',
        };
        let size = self.size;
        match self.kind {
            Kind::Bool => "|b1".to_owned(),
            Kind::Int => format!("{order}i{size}"),
            Kind::UInt => format!("{order}u{size}"),
            Kind::Float => format!("{order}f{size}"),
            Kind::Complex => format!("{order}c{size}"),
            Kind::DateTime => format!("{order}M8{}", self.unit_text()),
            Kind::TimeDelta => format!("{order}m8{}", self.unit_text()),
            Kind::Bytes => format!("|S{size}"),
            Kind::Str => format!("{order}U{}", size / 4),
            Kind::Void => format!("|V{size}"),
        }
    }

    fn unit_text(&self) -> String {
        match self.unit {
            None => String::new(),
            Some((1, unit)) => format!("[{unit}]"),
            Some((count, unit)) => format!("[{count}{unit}]"),
        }
    }

    /// Parses a type string or a name, as numpy does; an error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is not a dtype that numpy knows");
        let (order, code) = match text.strip_prefix(['<', '>', '=', '|']) {
            Some(code) => (text.chars().next(), code),
            None => (None, text),
        };
        let mut scalar = if let Some(scalar) = by_word(code) {
            scalar
        } else if let Some((kind, unit)) = time(code) {
            Scalar { kind, size: 8, swapped: false, unit: parse_unit(unit).ok_or_else(unknown)? }
        } else {
            by_size(code)?.ok_or_else(unknown)?
        };
        let other = if cfg!(target_endian = "little") { '>' } else { '<' };
        scalar.swapped = order == Some(other) && scalar.unit_of_order() > 1;
        Ok(scalar)
    }
}

/// What has no number behind it.
fn by_word(code: &str) -> Option<Scalar> {
    let (kind, size) = match code {
        "?" | "bool" | "b1" => (Kind::Bool, 1),
        "b" | "int8" => (Kind::Int, 1),
        "h" | "int16" => (Kind::Int, 2),
        "i" | "int32" => (Kind::Int, 4),
        "l" | "q" | "p" | "int64" | "int" => (Kind::Int, 8),
        "B" | "uint8" => (Kind::UInt, 1),
        "H" | "uint16" => (Kind::UInt, 2),
        "I" | "uint32" => (Kind::UInt, 4),
        "L" | "Q" | "P" | "uint64" | "uint" => (Kind::UInt, 8),
        "e" | "float16" | "half" => (Kind::Float, 2),
        "f" | "float32" | "single" => (Kind::Float, 4),
        "d" | "float64" | "double" | "float" => (Kind::Float, 8),
        "F" | "complex64" => (Kind::Complex, 8),
        "D" | "complex128" | "complex" => (Kind::Complex, 16),
        "c" => (Kind::Bytes, 1),
        "S" | "a" | "bytes" => (Kind::Bytes, 0),
        "U" | "str" => (Kind::Str, 0),
        "V" | "void" => (Kind::Void, 0),
        _ => return None,
    };
    Some(Scalar::native(kind, size))
}

/// A time's kind, and the text of its unit.
fn time(code: &str) -> Option<(Kind, &str)> {
    let names = [
        ("M8", Kind::DateTime),
        ("datetime64", Kind::DateTime),
        ("m8", Kind::TimeDelta),
        ("timedelta64", Kind::TimeDelta),
    ];
    let found = names.iter().find_map(|(name, kind)| Some((*kind, code.strip_prefix(name)?)));
    found.or(match code {
        "M" => Some((Kind::DateTime, "")),
        "m" => Some((Kind::TimeDelta, "")),
        _ => None,
    })
}

/// The unit in brackets, such as `[25s]`; an empty text is no unit, `Some(None)`. `None` if the text is not a unit.
#[allow(clippy::option_option)]
fn parse_unit(text: &str) -> Option<Option<(u32, &'static str)>> {
    if text.is_empty() || text == "[generic]" {
        return Some(None);
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let start = inner.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = inner.split_at(start);
    let count = if digits.is_empty() {
        1
    } else {
        digits.parse().ok().filter(|&n| n != 0 && n <= i32::MAX as u32)?
    };
    let unit = if matches!(unit, "μs" | "µs") { "us" } else { unit };
    let unit = UNITS.iter().find(|known| **known == unit)?;
    Some(Some((count, unit)))
}

/// A letter and a size.
fn by_size(code: &str) -> Result<Option<Scalar>, String> {
    let Some(letter) = code.chars().next() else { return Ok(None) };
    let Ok(size) = code[letter.len_utf8()..].parse::<u32>() else {
        return if matches!(code, "O" | "object") { Err(objects(code)) } else { Ok(None) };
    };
    // numpy's sizes in bytes have 31 bits.
    let most = if letter == 'U' { i32::MAX as u32 / 4 } else { i32::MAX as u32 };
    if size > most {
        return Ok(None);
    }
    let size = size as usize;
    let scalar = match (letter, size) {
        ('O', _) => return Err(objects(code)),
        ('i', 1 | 2 | 4 | 8) => Scalar::native(Kind::Int, size),
        ('u', 1 | 2 | 4 | 8) => Scalar::native(Kind::UInt, size),
        ('f', 2 | 4 | 8) => Scalar::native(Kind::Float, size),
        ('c', 8 | 16) => Scalar::native(Kind::Complex, size),
        ('S' | 'a', _) => Scalar::native(Kind::Bytes, size),
        ('U', _) => Scalar::native(Kind::Str, 4 * size),
        ('V', _) => Scalar::native(Kind::Void, size),
        ('f' | 'c', 12 | 16 | 24 | 32) => {
            return Err(format!(
                "{code:?} is a long double, which differs between machines: use float64 or complex128"
            ));
        }
        _ => return Ok(None),
    };
    Ok(Some(scalar))
}

fn objects(code: &str) -> String {
    format!("{code:?} stands for Python objects, which mean nothing to other processes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names() {
        for (code, name, text) in [
            ("f4", "float32", "<f4"),
            ("=f8", "float64", "<f8"),
            ("|f8", "float64", "<f8"),
            ("float64", "float64", "<f8"),
            (">i1", "int8", "|i1"),
            (">i4", "int32", ">i4"),
            ("|?", "bool", "|b1"),
            ("?", "bool", "|b1"),
            ("M8", "datetime64", "<M8"),
            ("M8[ns]", "datetime64[ns]", "<M8[ns]"),
            (">m8[25s]", "timedelta64[25s]", ">m8[25s]"),
            ("datetime64[µs]", "datetime64[us]", "<M8[us]"),
            ("S5", "bytes40", "|S5"),
            (">U3", "str96", ">U3"),
            ("<V8", "void64", "|V8"),
            ("c", "bytes8", "|S1"),
            ("D", "complex128", "<c16"),
            ("V0", "void0", "|V0"),
        ] {
            let scalar = Scalar::parse(code).unwrap();
            let ours = scalar.text();
            #[cfg(target_endian = "little")]
            assert_eq!((scalar.name().as_str(), ours.as_str()), (name, text), "{code}");
            assert_eq!(Scalar::parse(&ours), Ok(scalar));
        }
    }

    #[test]
    fn what_numpy_has_not_is_refused() {
        for code in [
            "",
            "<",
            "x",
            "f3",
            "u",
            "uint9",
            "i0",
            "f4 ",
            "<<f4",
            "M8[",
            "M8[s",
            "M8[0s]",
            "M8[x]",
            "M8[-1s]",
            "M9",
            "S-1",
            "S99999999999",
            "U2147483647",
            "U600000000",
            "é4",
            "O",
            "O8",
            "|O8",
            "g",
            "f16",
            "<c32",
            "f1",
        ] {
            assert!(Scalar::parse(code).is_err(), "{code}");
        }
        assert!(Scalar::parse("|O8").unwrap_err().contains("Python objects"));
    }
}
