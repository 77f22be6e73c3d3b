//! Values that are a function of author, version and length. The author stands in the user data, so a reader can tell
//! who wrote what it sees.

use ndsharray::{DType, Error, Meta, Result, Snapshot, Writer};

use crate::common::values::table;

/// Author and length, in front of the user data.
const FRONT: usize = 16;

fn mix(author: u64, version: u64) -> usize {
    let mixed = (author << 40 ^ version).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize
}

/// Another piece of the table of random bytes for each author and version.
fn bytes(author: u64, version: u64, length: usize) -> &'static [u8] {
    let table = table();
    let start = mix(author, version) % (table.len() - length);
    &table[start..start + length]
}

/// Values of one length have one layout.
fn layout(length: usize) -> (DType, Vec<usize>) {
    match length % 8 {
        0 => (DType::Float32, vec![2, length / 8]),
        2 | 4 | 6 => (DType::Int16, vec![length / 2]),
        _ => (DType::UInt8, vec![length]),
    }
}

fn user_data(author: u64, version: u64, length: usize) -> Vec<u8> {
    let more = mix(version, author) % 50;
    [&author.to_ne_bytes(), &length.to_ne_bytes(), bytes(version, author, more)].concat()
}

/// Publishes the next value, in one of several ways.
pub fn write(writer: &mut Writer, author: u64, length: usize) -> Result<u64> {
    let version = writer.version() + 1;
    let ((dtype, shape), bytes) = (layout(length), bytes(author, version, length));
    let meta = Meta::new().user_data(user_data(author, version, length)).unwrap();
    let published = match mix(author, version) % 4 {
        // A loan that is given up has taken a slot, too.
        0 => {
            writer.loan_bytes(&dtype, &shape)?.as_mut_slice().fill(0xee);
            writer.write_bytes_with(&dtype, &shape, bytes, &meta)?
        }
        1 => {
            let mut loan = writer.loan_bytes(&dtype, &shape)?;
            loan.as_mut_slice().copy_from_slice(bytes);
            loan.set_meta(meta);
            loan.publish()?
        }
        _ => writer.write_bytes_with(&dtype, &shape, bytes, &meta)?,
    };
    assert_eq!(published, version);
    Ok(published)
}

/// Checks that a value is whole: layout, user data and each element. Its author.
pub fn check(value: &Snapshot) -> u64 {
    let (version, user) = (value.version(), value.user_data());
    assert!(user.len() >= FRONT, "version {version} has {} bytes of user data", user.len());
    let word = |at: usize| u64::from_ne_bytes(user[at..at + 8].try_into().unwrap());
    let (author, length) = (word(0), word(8) as usize);
    assert_eq!(value.bytes().len(), length, "version {version} of author {author}");
    let (dtype, shape) = layout(length);
    assert_eq!((value.dtype(), value.shape()), (&dtype, &shape[..]), "version {version} of author {author}");
    assert!(user == user_data(author, version, length), "user data of version {version} of author {author}");
    let expected = bytes(author, version, length);
    if value.bytes() != expected {
        let at = value.bytes().iter().zip(expected).position(|(found, expected)| found != expected);
        panic!("torn: version {version} of author {author}, {length} bytes; first wrong at {at:?}");
    }
    author
}

/// Whether an error says that another writer has taken the tag over.
pub fn is_superseded(error: &Error) -> bool {
    matches!(error, Error::Superseded { .. })
}
