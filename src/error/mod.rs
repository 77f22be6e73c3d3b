//! What can go wrong. An error about a damaged file says the path, what was found and what was expected. An error of wrong
//! use says what happened and what to do.

pub(crate) mod hints;
pub(crate) mod kind;

use std::io;
use std::path::{Path, PathBuf};

use crate::error::hints::{holder, remedy, space, unmapped};

/// A specialised `Result` for this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that an operation on a store can fail with.
///
/// No error leaves a store changed in a way that readers could see: the last value stays readable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tag cannot be the name of an array.
    #[error(
        "invalid tag {tag:?}: {reason}. A tag is 1 to 200 bytes of UTF-8 with no '/', NUL or control character, does not \
             start with '.', and does not end in '_' and 32 hex digits"
    )]
    InvalidTag {
        /// The tag that was given.
        tag: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The store's directory does not exist, or is not a directory.
    #[error("there is no store {path:?}: found {found}; name an existing directory, or make this one first")]
    NoDirectory {
        /// The directory that was given.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// Files cannot be made or changed in the store.
    #[error(
        "no permission to change {path:?}: cannot {operation}: {source}; run as a user who may, or use another store"
    )]
    NotWritable {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The filesystem (or kernel) lacks an operation that the store needs.
    #[error("{path:?}: {found} does not work here; use a store on a filesystem that has it, such as tmpfs")]
    Unsupported {
        /// The file or directory that it was tried on.
        path: PathBuf,
        /// The operation that is missing.
        found: &'static str,
    },
    /// There is no array of this tag.
    #[error("no array {tag:?}: there is no file {path:?}; open its writer first, or check the names")]
    NotFound {
        /// The tag that was asked for.
        tag: String,
        /// Where its header would be.
        path: PathBuf,
    },
    /// The file under the tag's name is not an array. It was not touched.
    #[error(
        "{path:?} is not an array: found {found}, expected a header of ndsharray; use another tag, or \
             move it away yourself"
    )]
    NotAHeader {
        /// The path of the foreign file.
        path: PathBuf,
        /// What the file is.
        found: String,
    },
    /// A file of the store is shorter than it must be.
    #[error("{path:?} is truncated: found {found} bytes, expected {expected}")]
    Truncated {
        /// The path of the file.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
        /// The least size in bytes that its contents need.
        expected: u64,
    },
    /// The file was written by another version of the format.
    #[error(
        "{path:?} has another format version: found {found}, expected {expected}; use the version of ndsharray that \
             wrote it, or another tag"
    )]
    FormatVersion {
        /// The path of the file.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The version that this library reads.
        expected: u32,
    },
    /// The file has features that this library does not know; a later version may.
    #[error(
        "{path:?} has features that this library does not know, {found:#x}: it cannot {operation}; use a later version"
    )]
    UnknownFeatures {
        /// The path of the file.
        path: PathBuf,
        /// The bits of the features.
        found: u64,
        /// The operation that needs them.
        operation: &'static str,
    },
    /// The file was written on a machine of the other endianness.
    #[error(
        "{path:?} has another byte order: found {found:#010x}, expected {expected:#010x}; it is of another kind of \
             machine, so use another tag"
    )]
    Endianness {
        /// The path of the file.
        path: PathBuf,
        /// The endianness tag in the file.
        found: u32,
        /// The tag of this machine.
        expected: u32,
    },
    /// A checksum in the file does not match: it was damaged.
    #[error("{path:?} is damaged: found checksum {found:#010x}, expected {expected:#010x}")]
    Checksum {
        /// The path of the file.
        path: PathBuf,
        /// The checksum of what is there.
        found: u32,
        /// The checksum that was stored with it.
        expected: u32,
    },
    /// A field of the file has an impossible value.
    #[error("{path:?} is damaged: field {field}: found {found}, expected {expected}")]
    Corrupt {
        /// The path of the file.
        path: PathBuf,
        /// The name of the field, as in the byte tables of docs/design.md.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// The header names a data file that is not there (somebody removed it by hand); the next write makes a new one.
    #[error(
        "array {tag:?}: its data file {path:?} is gone, perhaps removed by hand; the next write makes a new one"
    )]
    DataMissing {
        /// The tag.
        tag: String,
        /// The path of the missing data file.
        path: PathBuf,
    },
    /// The header belongs to another user. Only that user, and root, may write it, take it over or remove it.
    #[error(
        "{path:?} belongs to another user, uid {found}{}; this process has uid {expected}, and only the owner or root may \
             do this: use another tag, run as that user, or, to read, let that user give it a mode with which others may",
        unmapped(*found)
    )]
    NotOwner {
        /// The path of the header.
        path: PathBuf,
        /// The uid that owns it.
        found: u32,
        /// The uid of this process.
        expected: u32,
    },
    /// Another writer has this tag.
    #[error(
        "array {tag:?} has a writer already{}: close it first, take over from it, or remove the tag by force",
        holder(*pid)
    )]
    WriterExists {
        /// The tag.
        tag: String,
        /// The pid of the process that has the tag now, in its own PID namespace; `None` if it has not said so yet.
        pid: Option<u32>,
    },
    /// Another writer takes over this tag. This writer has ended, unless the takeover fails: then its next write succeeds.
    #[error(
        "array {tag:?} was taken over by another writer; this one writes no more: open a new one to take it back"
    )]
    Superseded {
        /// The tag.
        tag: String,
    },
    /// The tag was removed from the store; this writer has ended.
    #[error("array {tag:?} was removed; this writer writes no more: open a new one to write it again")]
    Removed {
        /// The tag.
        tag: String,
    },
    /// The writer was inherited through a fork, and belongs to the parent process.
    #[error(
        "array {tag:?}: this writer belongs to the process that was forked; close it there, and open one in this process"
    )]
    Forked {
        /// The tag.
        tag: String,
    },
    /// The store is full; nothing was written, and the last value stays readable.
    #[error(
        "store {path:?} is full: {wanted} bytes are wanted, {free} of {total} are free{}",
        space(*wanted, *free, *total, source)
    )]
    NoSpace {
        /// The store's directory.
        path: PathBuf,
        /// How many bytes were wanted.
        wanted: u64,
        /// How many bytes are free.
        free: u64,
        /// How many bytes the store has in all.
        total: u64,
        /// The error of the operating system, or the one that it would give: no space, a used-up quota, or a limit on the
        /// size of files.
        source: io::Error,
    },
    /// Nothing was ever written under this tag.
    #[error("array {tag:?} has no value yet: wait until its writer has written one")]
    Empty {
        /// The tag.
        tag: String,
    },
    /// Others changed the array at each attempt. An example is a writer that is faster than a reader that must copy.
    #[error("array {tag:?}: others changed it at each attempt to {operation}; try again")]
    Contended {
        /// The tag.
        tag: String,
        /// What was tried.
        operation: &'static str,
    },
    /// The elements do not have the type that was asked for.
    #[error("wrong dtype: the array has {found}, {expected} was asked for")]
    DTypeMismatch {
        /// The array's dtype.
        found: String,
        /// The dtype that was asked for.
        expected: String,
    },
    /// An element is not a value of its type, such as a bool that is neither 0 nor 1.
    #[error("invalid element: its bytes are not a valid {expected}; a bool is 0 or 1")]
    InvalidElement {
        /// The dtype.
        expected: String,
    },
    /// The data do not fill the shape.
    #[error("wrong length of the data: found {found} bytes; shape {shape:?} of {dtype} takes {expected}")]
    ShapeMismatch {
        /// The shape that was given.
        shape: Vec<usize>,
        /// The dtype that was given.
        dtype: String,
        /// The length of the data in bytes.
        found: usize,
        /// The length that the shape needs, in bytes.
        expected: usize,
    },
    /// The shape has too many dimensions, or its length in bytes overflows.
    #[error("invalid shape {shape:?} of {dtype}: it has {found}; allowed is {expected}")]
    InvalidShape {
        /// The shape that was given.
        shape: Vec<usize>,
        /// The dtype that was given.
        dtype: String,
        /// What is wrong with it.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// No such dtype can be stored.
    #[error("invalid dtype {name:?}: {found}; allowed is {expected}")]
    InvalidDType {
        /// The dtype's name.
        name: String,
        /// What is wrong with it.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// The user data are too long.
    #[error("user data of {found} bytes are too long: at most {expected} fit")]
    UserData {
        /// The length that was given.
        found: usize,
        /// The greatest length allowed.
        expected: usize,
    },
    /// The attributes are not a JSON object, or are too long.
    #[error("invalid attributes: found {found}; allowed is {expected}")]
    InvalidAttributes {
        /// What is wrong with them.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// An option has a value that is not allowed.
    #[error("invalid option {option}: found {found}; allowed is {expected}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// The value that was given.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// The operating system refused an operation.
    #[error("{path:?}: cannot {operation}: {source}{}", remedy(source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, operation: &'static str, source: impl Into<io::Error>) -> Self {
        Error::Io { path: path.to_owned(), operation, source: source.into() }
    }

    pub(crate) fn corrupt(
        path: &Path,
        field: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> Self {
        Error::Corrupt {
            path: path.to_owned(),
            field,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}
