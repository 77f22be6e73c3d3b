//! Tags that a command names: a name, or a pattern that stands for all tags which it fits.
//!
//! Every command takes the same patterns: `*` is any text, `?` one character, `[abc]` and `[a-z]` one of these, `[!abc]` one of
//! the others, `{left,right}` either. A tag that has the name of a pattern is that tag alone, so a name never has to be escaped.

use globset::{GlobBuilder, GlobMatcher};
use ndsharray::Store;

use crate::failure::{Failure, Result};

/// The tags that these names and patterns stand for, each once. A name stands for itself, whether there is such a tag or not.
///
/// A pattern that fits no tag is an error.
pub fn all(store: &Store, names: &[String]) -> Result<Vec<String>> {
    all_of(names, "`ndsharray ls`", || Ok(store.entries()?.into_iter().map(|entry| entry.tag).collect()))
}

/// The same, of the tags that `present` returns. `lister` is the command that names them.
pub fn all_of(
    names: &[String],
    lister: &str,
    present: impl Fn() -> Result<Vec<String>>,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in names {
        let fits = fitting(name, &present)?;
        if fits.is_empty() {
            return Err(Failure::bad(format!(
                "no tag fits {name:?}: {lister} names the tags that there are"
            )));
        }
        found.extend(fits);
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|tag| seen.insert(tag.clone()));
    Ok(found)
}

/// The one tag that a name or pattern stands for.
pub fn one(store: &Store, name: &str) -> Result<String> {
    let mut fits = all(store, &[name.to_owned()])?;
    if fits.len() > 1 {
        let (few, more) = (&fits[..fits.len().min(3)], if fits.len() > 3 { " and more" } else { "" });
        let text = format!("{name:?} fits {} tags, {}{more}: name one of them", fits.len(), few.join(", "));
        return Err(Failure::bad(text));
    }
    Ok(fits.swap_remove(0))
}

/// Which tags these names and patterns stand for, those that come later included; without any, all tags. A tag that is there and
/// has the name of a pattern is that tag alone.
pub fn filter(store: &Store, names: &[String]) -> Result<Filter> {
    let mut filter = Filter { is_all: names.is_empty(), ..Filter::default() };
    let present = || Ok(store.entries()?.into_iter().map(|entry| entry.tag).collect());
    for name in names {
        // A pattern that fits nothing may fit a tag that is yet to come.
        if fitting(name, present)?.first() == Some(name) {
            filter.names.insert(name.clone());
        } else {
            filter.patterns.push(pattern(name)?);
        }
    }
    Ok(filter)
}

/// Names and patterns of tags.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    is_all: bool,
    names: std::collections::HashSet<String>,
    patterns: Vec<GlobMatcher>,
}

impl Filter {
    pub fn fits(&self, tag: &str) -> bool {
        self.is_all || self.names.contains(tag) || self.patterns.iter().any(|pattern| pattern.is_match(tag))
    }
}

fn fitting(name: &str, present: impl Fn() -> Result<Vec<String>>) -> Result<Vec<String>> {
    if !name.contains(['*', '?', '[', '{']) {
        return Ok(vec![name.to_owned()]);
    }
    let mut tags = present()?;
    if tags.iter().any(|tag| tag == name) {
        return Ok(vec![name.to_owned()]);
    }
    let pattern = pattern(name)?;
    tags.retain(|tag| pattern.is_match(tag));
    Ok(tags)
}

fn pattern(text: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(text).backslash_escape(true).build();
    let wrong = |error: globset::Error| {
        Failure::bad(format!(
            "{text:?} is no tag and no pattern: {}; use * for any text, ? for a character, [abc] or {{a,b}} for one of several",
            error.kind()
        ))
    };
    Ok(glob.map_err(wrong)?.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_names() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        for tag in ["cam0", "cam1", "cam10", "a*b", "axb", "pose", "[x]"] {
            drop(store.writer(tag).unwrap());
        }
        let all = |names: &[&str]| {
            all(&store, &names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap().join(" ")
        };
        assert_eq!(all(&["cam*"]), "cam0 cam1 cam10");
        assert_eq!(all(&["cam?", "cam1", "nothing"]), "cam0 cam1 nothing");
        assert_eq!((all(&["cam[1-9]*"]), all(&["cam[!0]"])), ("cam1 cam10".into(), "cam1".into()));
        assert_eq!(all(&["{pose,cam0}"]), "cam0 pose");
        assert_eq!((all(&["a*b"]), all(&["a?b"])), ("a*b".into(), "a*b axb".into()));
        assert_eq!((all(&["[x]"]), all(&["a[*]?"])), ("[x]".into(), "a*b".into()));
        let filter = |names: &[&str]| {
            filter(&store, &names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap()
        };
        assert!(filter(&[]).fits("anything"));
        let wanted = filter(&["cam?", "a*b", "later", "new{1,2}"]);
        for (tag, fits) in [
            ("cam0", true),
            ("cam7", true),
            ("cam10", false),
            ("a*b", true),
            ("axb", false),
            ("later", true),
            ("new2", true),
            ("new3", false),
        ] {
            assert_eq!(wanted.fits(tag), fits, "{tag}");
        }
        let refused = |name: &str| match one(&store, name) {
            Err(Failure::Bad(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(one(&store, "po*").unwrap(), "pose");
        assert_eq!(refused("cam*"), "\"cam*\" fits 3 tags, cam0, cam1, cam10: name one of them");
        assert!(refused("*").contains("fits 7 tags, [x], a*b, axb and more"), "{}", refused("*"));
        assert!(refused("x*").contains("no tag fits"));
        for bad in ["cam[", "{a,b", "[z-a]"] {
            assert!(refused(bad).contains("no pattern"), "{bad}: {}", refused(bad));
        }
    }
}
