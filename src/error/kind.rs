//! What a program can do about an error: far fewer kinds than there are errors.

use std::io;

use crate::error::Error;

/// What a program can do about an [`Error`], from [`Error::kind`].
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(dir.path())?;
/// use ndsharray::ErrorKind;
///
/// match store.reader("camera").and_then(|reader| reader.latest()) {
///     Ok(frame) => println!("{frame:?}"),
///     Err(error) => match error.kind() {
///         ErrorKind::NotFound | ErrorKind::Empty => println!("not yet: {error}"),
///         _ => return Err(error),
///     },
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such store, array or file: check the names, or try again once a writer has opened and written it.
    NotFound,
    /// The array has no value yet: wait for the first one.
    Empty,
    /// The store has no room: remove arrays, call [`Store::gc`](crate::Store::gc), or make it larger. The last value stays readable.
    Full,
    /// Another writer has the array: close that one first, or take over.
    Busy,
    /// This writer has ended, since the array was taken over or removed, or the process was forked: open a new one.
    Ended,
    /// This user may not do that: have the permissions changed, or do it as the user that the error names.
    Permission,
    /// The file under this name is another program's, or has a format or byte order that this library cannot use. It was left as
    /// it is: use another tag, or the version that wrote it.
    Foreign,
    /// A file of the array is damaged: remove the file that the error names, and write the array again.
    Damaged,
    /// An argument is not valid, and never will be: correct what the error names.
    InvalidArgument,
    /// The elements do not have the type that was asked for: ask for the type that they have.
    WrongType,
    /// Others changed the array at each attempt: try again.
    Contended,
    /// The filesystem or kernel lacks an operation: use a store on another filesystem, such as tmpfs.
    Unsupported,
    /// The operating system refused an operation for another reason: the error's source has its number.
    Io,
}

impl Error {
    /// What a program can do about the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NoDirectory { .. } | Error::NotFound { .. } | Error::DataMissing { .. } => {
                ErrorKind::NotFound
            }
            Error::Empty { .. } => ErrorKind::Empty,
            Error::NoSpace { .. } => ErrorKind::Full,
            Error::WriterExists { .. } => ErrorKind::Busy,
            Error::Superseded { .. } | Error::Removed { .. } | Error::Forked { .. } => ErrorKind::Ended,
            Error::NotOwner { .. } | Error::NotWritable { .. } => ErrorKind::Permission,
            Error::NotAHeader { .. }
            | Error::FormatVersion { .. }
            | Error::UnknownFeatures { .. }
            | Error::Endianness { .. } => ErrorKind::Foreign,
            Error::Truncated { .. } | Error::Checksum { .. } | Error::Corrupt { .. } => ErrorKind::Damaged,
            Error::InvalidTag { .. }
            | Error::InvalidElement { .. }
            | Error::ShapeMismatch { .. }
            | Error::InvalidShape { .. }
            | Error::InvalidDType { .. }
            | Error::UserData { .. }
            | Error::InvalidAttributes { .. }
            | Error::InvalidOption { .. } => ErrorKind::InvalidArgument,
            Error::DTypeMismatch { .. } => ErrorKind::WrongType,
            Error::Contended { .. } => ErrorKind::Contended,
            Error::Unsupported { .. } => ErrorKind::Unsupported,
            Error::Io { source, .. } => of_source(source),
        }
    }
}

/// The kind of an error of the kernel: a directory may be gone, or a file not readable even for its owner.
fn of_source(source: &io::Error) -> ErrorKind {
    match source.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => ErrorKind::Permission,
        _ => ErrorKind::Io,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::mem::discriminant;

    use super::*;

    /// What each error is, once more. A variant that is added does not compile before it is here, and fails before it is among
    /// the [`samples`].
    macro_rules! kinds {
        ($($variant:ident => $kind:ident),* $(,)?) => {
            fn expected(error: &Error) -> ErrorKind {
                match error {
                    $(Error::$variant { .. } => ErrorKind::$kind,)*
                }
            }
            const VARIANTS: usize = [$(stringify!($variant)),*].len();
        };
    }

    kinds! {
        InvalidTag => InvalidArgument,
        NoDirectory => NotFound,
        NotWritable => Permission,
        Unsupported => Unsupported,
        NotFound => NotFound,
        NotAHeader => Foreign,
        Truncated => Damaged,
        FormatVersion => Foreign,
        UnknownFeatures => Foreign,
        Endianness => Foreign,
        Checksum => Damaged,
        Corrupt => Damaged,
        DataMissing => NotFound,
        NotOwner => Permission,
        WriterExists => Busy,
        Superseded => Ended,
        Removed => Ended,
        Forked => Ended,
        NoSpace => Full,
        Empty => Empty,
        Contended => Contended,
        DTypeMismatch => WrongType,
        InvalidElement => InvalidArgument,
        ShapeMismatch => InvalidArgument,
        InvalidShape => InvalidArgument,
        InvalidDType => InvalidArgument,
        UserData => InvalidArgument,
        InvalidAttributes => InvalidArgument,
        InvalidOption => InvalidArgument,
        Io => Io,
    }

    fn os(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    /// One of each.
    fn samples() -> Vec<Error> {
        let (path, tag, text) = (|| "/store/a".into(), || "a".to_owned(), || "what was found".to_owned());
        vec![
            Error::InvalidTag { tag: tag(), reason: "it starts with '.'" },
            Error::NoDirectory { path: path(), found: "nothing" },
            Error::NotWritable { path: path(), operation: "create a file in it", source: os(libc::EACCES) },
            Error::Unsupported { path: path(), found: "flock" },
            Error::NotFound { tag: tag(), path: path() },
            Error::NotAHeader { path: path(), found: text() },
            Error::Truncated { path: path(), found: 1, expected: 2 },
            Error::FormatVersion { path: path(), found: 2, expected: 1 },
            Error::UnknownFeatures { path: path(), found: 4, operation: "use it" },
            Error::Endianness { path: path(), found: 1, expected: 2 },
            Error::Checksum { path: path(), found: 1, expected: 2 },
            Error::Corrupt { path: path(), field: "slot", found: text(), expected: text() },
            Error::DataMissing { tag: tag(), path: path() },
            Error::NotOwner { path: path(), found: 1, expected: 2 },
            Error::WriterExists { tag: tag(), pid: Some(1) },
            Error::Superseded { tag: tag() },
            Error::Removed { tag: tag() },
            Error::Forked { tag: tag() },
            Error::NoSpace { path: path(), wanted: 3, free: 2, total: 4, source: os(libc::ENOSPC) },
            Error::Empty { tag: tag() },
            Error::Contended { tag: tag(), operation: "remove it" },
            Error::DTypeMismatch { found: "float32".into(), expected: "float64".into() },
            Error::InvalidElement { expected: "bool".into() },
            Error::ShapeMismatch { shape: vec![2, 3], dtype: "float32".into(), found: 8, expected: 24 },
            Error::InvalidShape { shape: vec![2], dtype: "int8".into(), found: text(), expected: "less" },
            Error::InvalidDType { name: "float23".into(), found: text(), expected: "another" },
            Error::UserData { found: 2049, expected: 2048 },
            Error::InvalidAttributes { found: text(), expected: "a JSON object" },
            Error::InvalidOption { option: "mode", found: text(), expected: "less" },
            Error::io("/store/a".as_ref(), "open it", os(libc::EIO)),
        ]
    }

    #[test]
    fn each_error_has_its_kind() {
        let samples = samples();
        let found: HashSet<_> = samples.iter().map(discriminant).collect();
        assert_eq!(found.len(), VARIANTS, "one sample of each");
        for error in &samples {
            assert_eq!(error.kind(), expected(error), "{error:?}");
        }
    }

    #[test]
    fn what_the_kernel_refuses_has_a_kind_by_its_number() {
        for (number, kind) in [
            (libc::ENOENT, ErrorKind::NotFound),
            (libc::EACCES, ErrorKind::Permission),
            (libc::EPERM, ErrorKind::Permission),
            (libc::EMFILE, ErrorKind::Io),
            (libc::ENOMEM, ErrorKind::Io),
        ] {
            assert_eq!(Error::io("/store".as_ref(), "list it", os(number)).kind(), kind);
        }
    }

    /// A log may hold nothing but the error. So its text is one line, which names the path, tag or argument, and says
    /// what to do.
    #[test]
    fn texts_are_one_line_and_say_what_to_do() {
        for error in samples() {
            let text = error.to_string();
            println!("{text}");
            assert!(text.len() < 300 && !text.contains(['\n', '\t']) && !text.contains("  "), "{text}");
            let named =
                ["\"/store", "\"a\"", "dtype", "element", "shape", "user data", "attributes", "option"];
            assert!(named.iter().any(|name| text.contains(name)), "{text}");
            let is_damage = error.kind() == ErrorKind::Damaged;
            let allowed = is_damage || matches!(error, Error::Io { .. } | Error::DTypeMismatch { .. });
            let says = ["; ", ": close", ": open", ": wait", ". A tag is", "at most"];
            assert!(allowed || says.iter().any(|part| text.contains(part)), "what is to be done? {text}");
        }
    }
}
