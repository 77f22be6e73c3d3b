//! What is sent along with a value: user data or attributes, and when it was acquired.

use ndsharray::{Meta, UnixTime};
use pyo3::Borrowed;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::attributes;
use crate::error::{exception, kind, raise};
use crate::time::unix_time;

/// User data as an argument: bytes, or any other object that lends its memory.
pub enum UserData<'py> {
    Bytes(Borrowed<'py, 'py, PyBytes>),
    Copied(Vec<u8>),
}

impl UserData<'_> {
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self {
            UserData::Bytes(bytes) => bytes.as_bytes(),
            UserData::Copied(bytes) => bytes,
        }
    }
}

impl<'py> FromPyObject<'py, 'py> for UserData<'py> {
    type Error = PyErr;

    #[inline]
    fn extract(value: Borrowed<'py, 'py, PyAny>) -> PyResult<Self> {
        match value.cast::<PyBytes>() {
            Ok(bytes) => Ok(UserData::Bytes(bytes)),
            Err(_) => copied(&value),
        }
    }
}

/// The bytes of a bytearray, memoryview or array, in C order, as `bytes(...)` gives them.
#[cold]
fn copied<'py>(value: &Bound<'py, PyAny>) -> PyResult<UserData<'py>> {
    let view = PyMemoryView::from(value).map_err(|error| {
        let message = format!("user_data must be bytes or another buffer, not {}", kind(value));
        if error.is_instance_of::<PyTypeError>(value.py()) { PyTypeError::new_err(message) } else { error }
    })?;
    let bytes = view.call_method0(intern!(value.py(), "tobytes"))?;
    Ok(UserData::Copied(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
}

/// What a call that writes was given. Runs Python code.
#[inline]
pub fn meta(
    py: Python<'_>,
    user_data: Option<UserData<'_>>,
    attrs: Option<&Bound<'_, PyAny>>,
    acquired_at: Option<&Bound<'_, PyAny>>,
) -> PyResult<Meta> {
    let mut meta = Meta::new();
    match (user_data, attrs) {
        (None, None) => {}
        (Some(user_data), None) => meta = meta.user_data(user_data.bytes()).map_err(raise)?,
        (None, Some(attrs)) => meta = meta.attributes_json(&attributes::text(attrs)?).map_err(raise)?,
        (Some(_), Some(_)) => return Err(both(py)),
    }
    match acquired_at {
        Some(time) => Ok(meta.acquired_at(unix_time("acquired_at", time)?)),
        None => Ok(meta),
    }
}

#[cold]
fn both(py: Python<'_>) -> PyErr {
    let message = "user_data and attrs were both given, and a value has one of them: leave one out";
    exception(py, "InvalidArgumentError", message)
}

/// What a loan sends. Unlike a `Meta` it can be asked.
#[derive(Clone, Default)]
pub struct Sent {
    meta: Meta,
    /// User data, or the text of attributes.
    content: Vec<u8>,
    has_attributes: bool,
    acquired_at: Option<UnixTime>,
}

impl Sent {
    /// Runs Python code.
    pub fn new(
        py: Python<'_>,
        user_data: Option<UserData<'_>>,
        attrs: Option<&Bound<'_, PyAny>>,
        acquired_at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut sent = Sent::default();
        match (user_data, attrs) {
            (None, None) => {}
            (Some(user_data), None) => sent.set_user_data(user_data.bytes()).map_err(raise)?,
            (None, Some(attrs)) => sent.set_attributes(attributes::text(attrs)?).map_err(raise)?,
            (Some(_), Some(_)) => return Err(both(py)),
        }
        let time = acquired_at.map(|time| unix_time("acquired_at", time)).transpose()?;
        sent.set_acquired_at(time);
        Ok(sent)
    }

    pub fn meta(&self) -> Meta {
        self.meta.clone()
    }

    pub fn user_data(&self) -> &[u8] {
        &self.content
    }

    /// The text of the attributes; None if there are none.
    pub fn attributes(&self) -> Option<&[u8]> {
        self.has_attributes.then_some(&self.content)
    }

    pub fn acquired_at(&self) -> Option<UnixTime> {
        self.acquired_at
    }

    pub fn set_user_data(&mut self, user_data: &[u8]) -> ndsharray::Result<()> {
        self.meta = self.meta.clone().user_data(user_data)?;
        (self.content, self.has_attributes) = (user_data.to_vec(), false);
        Ok(())
    }

    /// Sets attributes from their text.
    pub fn set_attributes(&mut self, text: String) -> ndsharray::Result<()> {
        self.meta = self.meta.clone().attributes_json(&text)?;
        (self.content, self.has_attributes) = (text.into_bytes(), true);
        Ok(())
    }

    pub fn set_acquired_at(&mut self, time: Option<UnixTime>) {
        let nanoseconds = time.map_or(0, UnixTime::as_nanos);
        self.meta = self.meta.clone().acquired_at(nanoseconds);
        self.acquired_at = time.filter(|_| nanoseconds != 0);
    }
}
