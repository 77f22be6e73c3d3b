//! Patterns that stand for tags, as the program of ndsharray has them: `*` is any text, `?` one character, `[abc]` one of these,
//! `{left,right}` either. A pattern that is a tag's very name stands for that tag.

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Result};

/// Names and patterns of tags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns(Vec<(String, GlobMatcher)>);

impl Patterns {
    pub fn new<P: AsRef<str>>(texts: impl IntoIterator<Item = P>) -> Result<Self> {
        let patterns = texts.into_iter().map(|text| {
            let text = text.as_ref();
            let glob = GlobBuilder::new(text).backslash_escape(true).build();
            let glob = glob.map_err(|error| Error::Pattern {
                pattern: text.to_owned(),
                reason: error.kind().to_string(),
            })?;
            Ok((text.to_owned(), glob.compile_matcher()))
        });
        Ok(Patterns(patterns.collect::<Result<_>>()?))
    }

    pub fn fits(&self, tag: &str) -> bool {
        self.0.iter().any(|(text, glob)| text == tag || glob.is_match(tag))
    }
}
