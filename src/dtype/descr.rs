//! Descrs: the texts from which numpy makes a dtype. A descr is a type string, or a Python literal that lists fields:
//!
//! ```text
//! <M8[ns]
//! [('x', '<f4'), ('y', '<f4', (2, 2))]
//! {'names': ['x'], 'formats': ['<f4'], 'offsets': [4], 'itemsize': 8}
//! ```

use crate::dtype::literal;
use crate::dtype::literal::{Literal, quoted};
use crate::dtype::scalar::{Kind, Scalar};
use crate::dtype::types::{DType, Form, RecordField};

/// Where the descr comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// What `numpy.dtype` takes.
    DType,
    /// An npy file: there, a field of plain bytes without a name is a gap.
    Npy,
}

/// A dtype, and its axes if each element is an array.
type Subarray = (DType, Vec<usize>);

/// The dtype of a descr; an error says what is wrong.
pub(super) fn parse(text: &str) -> Result<DType, String> {
    let text = text.trim();
    let (dtype, shape) = if text.starts_with(['[', '(', '{']) {
        of_literal(&literal::parse(text)?, Dialect::DType)?
    } else if text.contains(',') {
        let fields = text.split(',').map(|code| Ok((None, String::new(), of_text(code.trim())?)));
        packed(fields.collect::<Result<_, String>>()?, Dialect::DType)?
    } else {
        of_text(text)?
    };
    plain(dtype, &shape)
}

/// The dtype of the `descr` of an npy header.
pub(crate) fn of_npy(descr: &Literal) -> Result<DType, String> {
    let (dtype, shape) = of_literal(descr, Dialect::Npy)?;
    plain(dtype, &shape)
}

fn plain(dtype: DType, shape: &[usize]) -> Result<DType, String> {
    if !shape.is_empty() {
        return Err(format!(
            "its elements are arrays of shape {shape:?}: make these axes of the array instead"
        ));
    }
    if dtype.itemsize() == 0 {
        return Err("its elements have a size of 0 bytes".to_owned());
    }
    Ok(dtype)
}

fn of_text(text: &str) -> Result<Subarray, String> {
    Ok((DType::of_scalar(Scalar::parse(text)?), Vec::new()))
}

fn of_literal(descr: &Literal, dialect: Dialect) -> Result<Subarray, String> {
    match descr {
        Literal::Text(text) => of_text(text),
        Literal::Tuple(parts) => match &parts[..] {
            [base, shape] => {
                let (dtype, inner) = of_literal(base, dialect)?;
                let mut axes = self::shape(shape)?;
                axes.extend(inner);
                Ok((dtype, axes))
            }
            _ => Err(format!("found {} parts, expected a dtype and its shape", parts.len())),
        },
        Literal::List(entries) => {
            let fields = entries.iter().map(|entry| field(entry, dialect));
            packed(fields.collect::<Result<_, _>>()?, dialect)
        }
        Literal::Dict(items) if dialect == Dialect::DType => of_dict(items),
        _ => Err("found neither a type string nor a list of fields".to_owned()),
    }
}

/// The lengths of axes: one number, or a tuple of them.
pub(crate) fn shape(literal: &Literal) -> Result<Vec<usize>, String> {
    let length = |item: &Literal| match item {
        Literal::Number(length) => usize::try_from(*length).map_err(|error| error.to_string()),
        _ => Err("found a shape that is not a tuple of lengths".to_owned()),
    };
    match literal {
        Literal::Tuple(items) | Literal::List(items) => items.iter().map(length).collect(),
        one => Ok(vec![length(one)?]),
    }
}

/// Title, name, dtype and shape of a field.
type Entry = (Option<String>, String, Subarray);

fn field(entry: &Literal, dialect: Dialect) -> Result<Entry, String> {
    let wrong = || "found a field that is not (name, dtype) or (name, dtype, shape)".to_owned();
    let Literal::Tuple(parts) = entry else { return Err(wrong()) };
    let (name, descr, axes) = match &parts[..] {
        [name, descr] => (name, descr, Vec::new()),
        [name, descr, axes] => (name, descr, shape(axes)?),
        _ => return Err(wrong()),
    };
    let (title, name) = match name {
        Literal::Text(name) => (None, name.clone()),
        Literal::Tuple(both) => match &both[..] {
            [Literal::Text(title), Literal::Text(name)] => (Some(title.clone()), name.clone()),
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    };
    let (dtype, inner) = of_literal(descr, dialect)?;
    Ok((title, name, (dtype, [axes, inner].concat())))
}

/// Fields that follow each other without a gap.
fn packed(entries: Vec<Entry>, dialect: Dialect) -> Result<Subarray, String> {
    let mut fields = Vec::with_capacity(entries.len());
    let mut offset = 0;
    for (index, (title, name, (dtype, shape))) in entries.into_iter().enumerate() {
        let is_gap = dialect == Dialect::Npy
            && name.is_empty()
            && dtype.scalar().is_some_and(|scalar| scalar.kind() == Kind::Void);
        let name = if name.is_empty() { format!("f{index}") } else { name };
        let field = RecordField::new(&name, dtype, shape, offset).with_title(title);
        offset = end(&field)?;
        if !is_gap {
            fields.push(field);
        }
    }
    Ok((record(fields, offset)?, Vec::new()))
}

/// A dict of lists: names and formats, and optionally offsets, itemsize and titles.
fn of_dict(items: &[(Literal, Literal)]) -> Result<Subarray, String> {
    let get =
        |key: &str| items.iter().find(|(k, _)| matches!(k, Literal::Text(k) if k == key)).map(|(_, v)| v);
    let list = |key: &'static str| match get(key) {
        None | Some(Literal::None) => Ok(None),
        Some(Literal::List(list) | Literal::Tuple(list)) => Ok(Some(list)),
        Some(_) => Err(format!("found {key} that are not a list")),
    };
    let required = |key| list(key)?.ok_or_else(|| format!("found a dict without {key}"));
    let (names, formats) = (required("names")?, required("formats")?);
    let (offsets, titles) = (list("offsets")?, list("titles")?);
    let lengths = [Some(formats), offsets, titles];
    if lengths.iter().flatten().any(|list| list.len() != names.len()) {
        return Err("found names, formats, offsets and titles of different numbers".to_owned());
    }
    if offsets.is_none() && matches!(get("aligned"), Some(Literal::Bool(true))) {
        return Err("found aligned fields without offsets".to_owned());
    }
    let mut fields = Vec::with_capacity(names.len());
    let mut next = 0;
    for (index, (name, format)) in names.iter().zip(formats).enumerate() {
        let Literal::Text(name) = name else { return Err("found a name that is not a string".to_owned()) };
        let (dtype, shape) = of_literal(format, Dialect::DType)?;
        let offset = match offsets.map(|list| &list[index]) {
            None => next,
            Some(Literal::Number(offset)) => usize::try_from(*offset).map_err(|error| error.to_string())?,
            Some(_) => return Err("found an offset that is not a number".to_owned()),
        };
        let title = match titles.map(|list| &list[index]) {
            None | Some(Literal::None) => None,
            Some(Literal::Text(title)) => Some(title.clone()),
            Some(_) => return Err("found a title that is not a string".to_owned()),
        };
        let field = RecordField::new(name, dtype, shape, offset).with_title(title);
        next = end(&field)?;
        fields.push(field);
    }
    let least = fields.iter().map(|field| field.offset() + field.nbytes()).max().unwrap_or(0);
    let itemsize = match get("itemsize") {
        None | Some(Literal::None) => least,
        Some(Literal::Number(size)) => usize::try_from(*size).map_err(|error| error.to_string())?,
        Some(_) => return Err("found an itemsize that is not a number".to_owned()),
    };
    if itemsize < least {
        return Err(format!("found fields that need {least} bytes in records of {itemsize}"));
    }
    Ok((record(fields, itemsize)?, Vec::new()))
}

/// Where a field ends, in bytes.
fn end(field: &RecordField) -> Result<usize, String> {
    let nbytes =
        field.shape().iter().try_fold(field.dtype().itemsize(), |total, &axis| total.checked_mul(axis));
    let end = nbytes.and_then(|nbytes| field.offset().checked_add(nbytes));
    // numpy's sizes have 31 bits.
    end.filter(|&end| i32::try_from(end).is_ok())
        .ok_or_else(|| format!("found field {:?} that ends beyond 2 GiB", field.name()))
}

fn record(fields: Vec<RecordField>, itemsize: usize) -> Result<DType, String> {
    let mut names: Vec<&str> = fields.iter().map(RecordField::name).collect();
    names.extend(fields.iter().filter_map(RecordField::title));
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("found the field {:?} twice", twice[0]));
    }
    if i32::try_from(itemsize).is_err() {
        return Err(format!("found records of {itemsize} bytes, expected less than 2 GiB"));
    }
    Ok(record_dtype(fields, itemsize))
}

/// The dtype of records of `itemsize` bytes, into which the fields fit. Its descr may be too long to be stored.
pub(super) fn record_dtype(fields: Vec<RecordField>, itemsize: usize) -> DType {
    let descr = of_record(&fields, itemsize);
    DType::with_form(format!("void{}", 8 * itemsize), itemsize, descr, Form::Record(fields))
}

/// Whether the fields follow each other without a gap, and fill `itemsize`.
fn are_packed(fields: &[RecordField], itemsize: usize) -> bool {
    let end = fields.iter().try_fold(0, |end, field| (field.offset() == end).then(|| end + field.nbytes()));
    end == Some(itemsize)
}

/// The descr of a record, as `numpy.dtype` takes it.
fn of_record(fields: &[RecordField], itemsize: usize) -> String {
    let format = |field: &RecordField| match field.shape() {
        [] => one(field.dtype()),
        shape => format!("({}, {})", one(field.dtype()), tuple(shape)),
    };
    if are_packed(fields, itemsize)
        && fields.iter().all(|field| field.title().is_none() && !field.name().is_empty())
    {
        return list(
            fields.iter().map(|field| entry(quoted(field.name()), &one(field.dtype()), field.shape())),
        );
    }
    let mut text = format!(
        "{{'names': {}, 'formats': {}, 'offsets': {}, 'itemsize': {itemsize}",
        list(fields.iter().map(|field| quoted(field.name()))),
        list(fields.iter().map(format)),
        list(fields.iter().map(|field| field.offset().to_string())),
    );
    if fields.iter().any(|field| field.title().is_some()) {
        let titles = fields.iter().map(|field| field.title().map_or_else(|| "None".to_owned(), quoted));
        text += &format!(", 'titles': {}", list(titles));
    }
    text + "}"
}

/// The descr of a dtype as an npy file has it, where gaps are fields without a name. `None` if fields overlap or are not in the
/// order of their places, which an npy file cannot express.
pub(crate) fn to_npy(dtype: &DType) -> Option<String> {
    let Some(fields) = dtype.record() else {
        // The descr of a type of ml_dtypes says plain bytes, and it is saved as such.
        let scalar = dtype.scalar().or_else(|| Scalar::parse(dtype.descr()).ok());
        return scalar
            .filter(|scalar| scalar.itemsize() == dtype.itemsize())
            .map(|scalar| quoted(&scalar.text()));
    };
    let gap =
        |from: usize, to: usize| (to > from).then(|| entry(quoted(""), &format!("'|V{}'", to - from), &[]));
    let mut entries = Vec::new();
    let mut end = 0;
    for field in fields {
        if field.offset() < end {
            return None;
        }
        entries.extend(gap(end, field.offset()));
        let name = match field.title() {
            None => quoted(field.name()),
            Some(title) => format!("({}, {})", quoted(title), quoted(field.name())),
        };
        entries.push(entry(name, &to_npy(field.dtype())?, field.shape()));
        end = field.offset() + field.nbytes();
    }
    entries.extend(gap(end, dtype.itemsize()));
    Some(list(entries.into_iter()))
}

/// The descr of a dtype within another.
fn one(dtype: &DType) -> String {
    match dtype.record() {
        None => dtype.scalar().map_or_else(|| quoted(dtype.descr()), |scalar| quoted(&scalar.text())),
        Some(fields) => of_record(fields, dtype.itemsize()),
    }
}

fn entry(name: String, descr: &str, shape: &[usize]) -> String {
    match shape {
        [] => format!("({name}, {descr})"),
        shape => format!("({name}, {descr}, {})", tuple(shape)),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A shape as Python writes it.
pub(crate) fn tuple(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        axes => format!("({})", axes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}
