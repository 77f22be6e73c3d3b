//! The source of a tag, by which one sees that it was taken from another host, and from which.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// How the sources of tags that were taken begin.
const SCHEME: &str = "mirror://";
/// The longest source that a tag takes, in bytes.
const LONGEST: usize = 128;
/// What is not written as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Whether a tag with this source was taken from another host.
pub(crate) fn is_mirror(source: &str) -> bool {
    source.starts_with(SCHEME)
}

/// The source of a tag that is taken from there: `mirror://HOST/TAG`, percent-encoded, and as much of it as there is room for.
pub(crate) fn mirror(host: &str, tag: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, ENCODED);
    let mut source = format!("{SCHEME}{}/{}", encoded(host), encoded(tag));
    source.truncate(LONGEST);
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_name_host_and_tag() {
        assert_eq!(mirror("robot", "left cam"), "mirror://robot/left%20cam");
        assert!(is_mirror(&mirror("", "cam")) && !is_mirror("run.mcap") && !is_mirror(""));
        assert_eq!(mirror("robot", &"é".repeat(100)).len(), 128);
    }
}
