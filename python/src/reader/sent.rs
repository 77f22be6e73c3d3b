//! What was sent along with a value whose elements were copied to an array of Python's.

use ndsharray::UnixTime;

pub struct Sent {
    /// The text of the attributes, if there are any.
    pub user_data: Box<[u8]>,
    pub has_attributes: bool,
    pub acquired_at: Option<UnixTime>,
}

impl Sent {
    /// None if nothing was sent. That is the common case, and needs no memory.
    pub fn with(value: &ndsharray::Snapshot) -> Option<Box<Self>> {
        let user_data = value.user_data();
        let (has_attributes, acquired_at) = (has_attributes(value), value.acquired_at());
        let is_any = !user_data.is_empty() || has_attributes || acquired_at.is_some();
        is_any.then(|| Box::new(Sent { user_data: user_data.into(), has_attributes, acquired_at }))
    }
}

/// Whether the user data are attributes. Damaged ones count too: who asks for them gets an error.
pub fn has_attributes(value: &ndsharray::Snapshot) -> bool {
    !matches!(value.attributes_json(), Ok(None))
}
