//! Texts that come from other hosts, as they are shown here.

/// The longest that is shown, in characters.
const LONGEST: usize = 300;

/// A text without what a terminal would obey, and not too long.
pub(crate) fn plain(text: &str) -> String {
    let mut shown: String =
        text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < text.len() && text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_left_out() {
        assert_eq!(plain("a\x1b[2J\r\nb"), "a [2J  b");
        assert_eq!(plain("é"), "é");
        assert_eq!(plain(&"é".repeat(1000)).chars().count(), 301);
        assert_eq!(plain(&"é".repeat(300)).chars().count(), 300);
    }
}
