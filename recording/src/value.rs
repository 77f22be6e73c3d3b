//! A value of a tag as it goes into a recording.

use ndsharray::{DType, Snapshot, UnixTime};

/// A value of a tag: an array with what its writer said of it. It borrows everything.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    /// The tag.
    pub tag: &'a str,
    /// The element type.
    pub dtype: &'a DType,
    /// The length of each axis.
    pub shape: &'a [usize],
    /// The elements in C order.
    pub bytes: &'a [u8],
    /// The bytes that the writer attached.
    pub user_data: &'a [u8],
    /// The attributes that the writer attached: the text of a JSON object.
    pub attributes: Option<&'a str>,
    /// The version of the value in its store.
    pub version: u64,
    /// When it was written.
    pub written_at: UnixTime,
    /// When it was acquired, if the writer said so.
    pub acquired_at: Option<UnixTime>,
    /// When it was written at its first source, if this is a copy of it.
    pub source_written_at: Option<UnixTime>,
}

impl<'a> Value<'a> {
    /// The value that a reader of `tag` returned.
    ///
    /// # Errors
    /// [`ndsharray::Error`], if the attributes are damaged.
    pub fn of(tag: &'a str, snapshot: &'a Snapshot) -> ndsharray::Result<Self> {
        Ok(Value {
            tag,
            dtype: snapshot.dtype(),
            shape: snapshot.shape(),
            bytes: snapshot.bytes(),
            user_data: snapshot.user_data(),
            attributes: snapshot.attributes_json()?,
            version: snapshot.version(),
            written_at: snapshot.written_at(),
            acquired_at: snapshot.acquired_at(),
            source_written_at: snapshot.source_written_at(),
        })
    }
}
