//! Cutting and padding to a width in terminal cells.
//!
//! It must never count bytes or characters: a wide character takes two cells, a combining one none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// At which side of its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// How many cells a text takes.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text in exactly `cells` cells: padded, or cut with `…` (`~` in ASCII).
pub fn fit(text: &str, cells: usize, align: Align, ascii: bool) -> String {
    let text = cut(text, cells, ascii);
    let padding = " ".repeat(cells.saturating_sub(width(&text)));
    match align {
        Align::Left => text + &padding,
        Align::Right => padding + &text,
    }
}

/// The text in at most `cells` cells; what was cut off leaves a `…` (`~` in ASCII).
pub fn cut(text: &str, cells: usize, ascii: bool) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let Some(room) = cells.checked_sub(1) else { return String::new() };
    let mut kept = String::with_capacity(text.len().min(cells * 4));
    let mut used = 0;
    for character in text.chars() {
        let needed = UnicodeWidthChar::width(character).unwrap_or(0);
        if used + needed > room {
            break;
        }
        used += needed;
        kept.push(character);
    }
    kept.push(if ascii { '~' } else { '…' });
    kept
}

/// A sentence in at most `cells` cells, cut after a word and its punctuation; the middle of a word only where it is the first one.
pub fn cut_words(text: &str, cells: usize, ascii: bool) -> String {
    let mut kept = cut(text, cells, ascii);
    if width(text) <= cells || cells == 0 {
        return kept;
    }
    kept.pop();
    // Cut just behind a word, or somewhere in it?
    let whole = text.get(kept.len()..).is_some_and(|rest| rest.starts_with(' '));
    if let Some(space) = kept.rfind(' ').filter(|space| !whole && width(kept.get(..*space).unwrap_or_default()) * 3 > cells) {
        kept.truncate(space);
    }
    kept.truncate(kept.trim_end_matches([' ', ',', ';', ':']).len());
    kept.push(if ascii { '~' } else { '…' });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn padding_and_cutting_count_cells() {
        let cases = [
            ("abc", 5, Align::Left, "abc  "),
            ("abc", 5, Align::Right, "  abc"),
            ("abcdef", 4, Align::Left, "abc…"),
            ("abcdef", 1, Align::Right, "…"),
            ("abc", 0, Align::Left, ""),
            ("日本語", 4, Align::Left, "日… "),
            ("日本語", 5, Align::Left, "日本…"),
            ("e\u{301}a", 3, Align::Left, "e\u{301}a "),
        ];
        for (text, cells, align, expected) in cases {
            assert_eq!(fit(text, cells, align, false), expected, "{text} {cells}");
        }
        assert_eq!(fit("abcdef", 4, Align::Left, true), "abc~");
    }

    #[test]
    fn sentences_are_cut_after_words() {
        let cases = [
            ("8107 is held by pid 4711, since 03:09", 40, "8107 is held by pid 4711, since 03:09"),
            ("8107 is held by pid 4711, since 03:09", 36, "8107 is held by pid 4711, since…"),
            ("8107 is held by pid 4711, since 03:09", 28, "8107 is held by pid 4711…"),
            ("8107 is held by pid 4711, since 03:09", 12, "8107 is…"),
            ("/opt/mcp-server/users/alice is full", 20, "/opt/mcp-server/use…"),
            ("a /opt/mcp-server/users/alice", 20, "a /opt/mcp-server/u…"),
        ];
        for (text, cells, expected) in cases {
            assert_eq!(cut_words(text, cells, false), expected, "{text} {cells}");
        }
    }

    proptest! {
        #[test]
        fn sentences_fit_too(text in "\\PC{0,30}", cells in 0usize..40) {
            prop_assert!(width(&cut_words(&text, cells, false)) <= cells);
        }

        #[test]
        fn the_width_is_what_was_asked_for(text in "\\PC{0,30}", cells in 0usize..40) {
            prop_assert!(width(&cut(&text, cells, false)) <= cells);
        }

        #[test]
        fn plain_and_wide_text_fits_exactly(text in "[a-z日本é ]{0,30}", cells in 0usize..40) {
            prop_assert_eq!(width(&fit(&text, cells, Align::Right, false)), cells);
        }
    }
}
