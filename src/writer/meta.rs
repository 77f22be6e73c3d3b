//! What travels with a value.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::format::entry::USER_DATA;
use crate::format::segment::{ATTRIBUTES, BYTES, Line};
use crate::sys::clock::Clock;
use crate::time::UnixTime;

/// What travels with a value beside its elements: user data or attributes, and times. For the calls that end in `_with`, and
/// [`Loan::set_meta`](crate::Loan::set_meta).
///
/// A value has user data, which are any bytes, or attributes, which are named: a JSON object. Whichever is set last counts.
/// Both take at most 2,048 bytes.
///
/// Some names of attributes have one meaning everywhere: `encoding` (of pixels: `mono8`, `mono16`, `rgb8`, `rgba8`, `bgr8`,
/// `bgra8`, `bayer_rggb8` and the like, `yuyv`), `frame_id` (the coordinate frame of a sensor), `unit`, `axes` (a list of their
/// names), `scale` and `offset` (the quantity is element * scale + offset).
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(dir.path())?;
/// use ndsharray::{Meta, UnixTime, serde_json::json};
///
/// let opened = UnixTime::now(); // the shutter
/// let meta = Meta::new().acquired_at(opened).attributes(&json!({"exposure": 0.01, "gain": 2}))?;
/// store.writer("camera")?.write_slice_with(&[0_u8; 6], &[2, 3], &meta)?;
///
/// let frame = store.reader("camera")?.latest()?;
/// assert_eq!(frame.acquired_at(), Some(opened));
/// assert_eq!(frame.attributes()?.unwrap()["gain"], 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Meta {
    pub(crate) user_data: Vec<u8>,
    pub(crate) encoding: u32,
    pub(crate) acquired_at: u64,
    pub(crate) source_written_at: u64,
}

impl Meta {
    /// No user data, attributes or times.
    pub const fn new() -> Self {
        Meta { user_data: Vec::new(), encoding: BYTES, acquired_at: 0, source_written_at: 0 }
    }

    /// Sets user data, any bytes or text: 0 to 2,048 bytes.
    ///
    /// # Errors
    /// [`Error::UserData`] if they are longer.
    pub fn user_data(mut self, bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref();
        if bytes.len() > USER_DATA {
            return Err(Error::UserData { found: bytes.len(), expected: USER_DATA });
        }
        bytes.clone_into(&mut self.user_data);
        self.encoding = BYTES;
        Ok(self)
    }

    /// Sets attributes: a JSON object, of at most 2,048 bytes as text.
    ///
    /// JSON has no NaN and no infinity; the macro `json!` makes them null.
    ///
    /// # Errors
    /// [`Error::InvalidAttributes`] if it is no object, too long, or has more than 127 levels.
    pub fn attributes(self, attributes: &Value) -> Result<Self> {
        self.attributes_json(&attributes.to_string())
    }

    /// Sets attributes from JSON text, which is kept as it is.
    ///
    /// # Errors
    /// As [`attributes`](Self::attributes), and [`Error::InvalidAttributes`] if it is no JSON.
    pub fn attributes_json(mut self, text: &str) -> Result<Self> {
        let parsed = serde_json::from_str(text);
        let value: Value =
            parsed.map_err(|error| invalid(format!("text that is no JSON: {error}"), "a JSON object"))?;
        if !value.is_object() {
            let found = match value {
                Value::Null => "null",
                Value::Bool(_) => "a bool",
                Value::Number(_) => "a number",
                Value::String(_) => "a string",
                Value::Array(_) => "a list",
                Value::Object(_) => "an object",
            };
            return Err(invalid(found.to_owned(), "a JSON object"));
        }
        if text.len() > USER_DATA {
            return Err(invalid(format!("{} bytes of JSON", text.len()), "at most 2048 bytes"));
        }
        (self.user_data, self.encoding) = (text.as_bytes().to_vec(), ATTRIBUTES);
        Ok(self)
    }

    /// Sets when the value was acquired: when the shutter opened, or the sample was taken. A number is nanoseconds, not seconds;
    /// 0 means that nobody knows.
    pub fn acquired_at(mut self, time: impl Into<UnixTime>) -> Self {
        self.acquired_at = time.into().as_nanos();
        self
    }

    /// Sets the time at which the value was written in the store that it was copied from.
    pub fn source_written_at(mut self, time: impl Into<UnixTime>) -> Self {
        self.source_written_at = time.into().as_nanos();
        self
    }

    /// What a slot's line says of a value with this.
    #[inline(always)]
    pub(crate) fn line(&self, written_at: u64, clock: Clock) -> Line {
        let Meta { user_data, encoding, acquired_at, source_written_at } = self;
        let (encoding, user_length) = (*encoding, user_data.len() as u32);
        let (acquired_at, source_written_at) = (*acquired_at, *source_written_at);
        Line { written_at, clock, acquired_at, encoding, user_length, source_written_at }
    }
}

/// Nothing but the value.
pub(crate) static PLAIN: Meta = Meta::new();

fn invalid(found: String, expected: &'static str) -> Error {
    Error::InvalidAttributes { found, expected }
}
