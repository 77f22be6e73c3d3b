//! What a page asks.

use serde::Deserialize;

use crate::view::wanted::Wanted;

/// A question. Its id is the browser's; a question with the id of one that is open takes its place.
#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Question {
    /// All tags, without their values.
    Tags { id: u32 },
    /// A view of the latest value of a tag, once it is another one than that of the cursor.
    View {
        id: u32,
        tag: String,
        after: Option<String>,
        #[serde(default)]
        wanted: Wanted,
        #[serde(default)]
        jpeg: Jpeg,
        /// How long the browser had the last answer, in seconds: drawing it is no matter of the connection.
        #[serde(default)]
        spent: f64,
    },
    /// No answer is wanted any more.
    Stop { id: u32 },
}

/// Whether JPEG may be made of a view, if it can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Jpeg {
    /// If the connection is too slow for the elements themselves.
    #[default]
    Auto,
    Always,
    Never,
}

impl Question {
    pub fn id(&self) -> u32 {
        let (Question::Tags { id } | Question::View { id, .. } | Question::Stop { id }) = self;
        *id
    }
}
