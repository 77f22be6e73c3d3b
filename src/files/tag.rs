//! Tags, and the names of the files that belong to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::error::{Error, Result};

/// The longest tag, in bytes: with a data file's suffix it stays under the 255 bytes of a file name.
const LONGEST: usize = 200;
/// Random characters in a temporary name.
pub(crate) const TEMPORARY_RANDOM: usize = 16;
/// How a temporary name ends, and nobody else's.
pub(crate) const TEMPORARY_SUFFIX: &str = ".ndsharray-tmp";

/// A tag in a store: where its files are.
#[derive(Clone, Debug)]
pub(crate) struct TagPath {
    directory: PathBuf,
    tag: String,
    header: Arc<Path>,
}

impl TagPath {
    /// Checks that `tag` can name an array.
    pub fn new(directory: &Path, tag: &str) -> Result<Self> {
        check(tag)?;
        Ok(TagPath {
            directory: directory.to_owned(),
            tag: tag.to_owned(),
            header: directory.join(tag).into(),
        })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Where the header is, or will be.
    pub fn header(&self) -> &Path {
        &self.header
    }

    /// The same, to keep.
    pub fn shared_header(&self) -> Arc<Path> {
        self.header.clone()
    }

    /// Where the data file with that uuid is.
    pub fn data_file(&self, uuid: u128) -> PathBuf {
        self.directory.join(data_file(&self.tag, uuid))
    }

    /// A path for a file of the tag that has no name yet, or has lost it.
    pub fn temporary(&self) -> PathBuf {
        self.directory.join(temporary(&self.tag))
    }

    /// The names in the store that are those of data files of this tag, with their uuids.
    pub fn data_files<'a>(&self, names: &'a [String]) -> impl Iterator<Item = (&'a str, u128)> {
        let of_this = move |name: &'a String| {
            of_data_file(name).filter(|(tag, _)| *tag == self.tag).map(|(_, uuid)| (name.as_str(), uuid))
        };
        names.iter().filter_map(of_this)
    }

    /// The error of what failed at every attempt, since others changed the tag meanwhile.
    pub fn contended(&self, operation: &'static str) -> Error {
        Error::Contended { tag: self.tag.clone(), operation }
    }

    pub fn not_found(&self) -> Error {
        Error::NotFound { tag: self.tag.clone(), path: self.header.to_path_buf() }
    }
}

/// Checks that `tag` can name an array.
pub fn check(tag: &str) -> Result<()> {
    let broken = if tag.is_empty() {
        "it is empty"
    } else if tag.len() > LONGEST {
        "it is longer than 200 bytes"
    } else if tag.starts_with('.') {
        "it starts with '.'"
    } else if tag.contains('/') {
        "it contains '/'"
    } else if tag.chars().any(char::is_control) {
        "it contains a NUL or control character"
    } else if of_data_file(tag).is_some() {
        "it ends like a data file"
    } else {
        return Ok(());
    };
    Err(Error::InvalidTag { tag: tag.to_owned(), reason: broken })
}

/// The name of a tag's data file: `tag_uuid`.
pub(crate) fn data_file(tag: &str, uuid: u128) -> String {
    format!("{tag}_{}", Uuid::from_u128(uuid).simple())
}

/// The tag and uuid of a data file's name, if it has the form of one.
pub(crate) fn of_data_file(name: &str) -> Option<(&str, u128)> {
    let (tag, hex) = name.rsplit_once('_')?;
    let hexadecimal = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal.then(|| Some((tag, u128::from_str_radix(hex, 16).ok()?)))?
}

/// How a tag's temporary names start; random characters and [`TEMPORARY_SUFFIX`] follow.
pub(crate) fn temporary_prefix(tag: &str) -> String {
    format!(".{tag}_")
}

/// A new temporary name of a tag.
fn temporary(tag: &str) -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("{}{}{TEMPORARY_SUFFIX}", temporary_prefix(tag), &random[..TEMPORARY_RANDOM])
}

/// The tag of a temporary file's name, if it has the form of one.
pub(crate) fn of_temporary(name: &str) -> Option<&str> {
    let (tag, random) = name.strip_prefix('.')?.strip_suffix(TEMPORARY_SUFFIX)?.rsplit_once('_')?;
    let drawn = random.len() == TEMPORARY_RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric());
    (drawn && check(tag).is_ok()).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_a_file_may_be_called() {
        for tag in ["a", "camera", "my_unique_tag123", "Kamera Süd 1", "x_0123", "a.b-c", &"x".repeat(200)] {
            assert!(check(tag).is_ok(), "{tag}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        let data = format!("a_{}", "0f".repeat(16));
        let long = "ü".repeat(101);
        for (tag, why) in [
            ("", "empty"),
            (long.as_str(), "longer"),
            (".hidden", "'.'"),
            ("..", "'.'"),
            ("a/b", "'/'"),
            ("a\0b", "NUL"),
            ("a\nb", "control"),
            (data.as_str(), "data file"),
            (data.to_uppercase().as_str(), "data file"),
        ] {
            let error = check(tag).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("A tag is"), "{tag:?}: {error}");
        }
    }

    #[test]
    fn names_round_trip() {
        let name = data_file("a_b", 0xf00d);
        assert_eq!(of_data_file(&name), Some(("a_b", 0xf00d)));
        assert_eq!(of_temporary(".a_b_0123456789abcdEF.ndsharray-tmp"), Some("a_b"));
        assert_eq!(of_temporary(".a_b_0123456789abcdE.ndsharray-tmp"), None);
        assert_eq!(of_temporary("a_b_0123456789abcdEF.ndsharray-tmp"), None);
        assert_eq!(of_temporary(".a_b_0123456789abcdEF.tmp"), None, "somebody else's");
    }
}
