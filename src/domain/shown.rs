//! Text from outside in its two types: `Raw` bytes for acting on, `Shown` for the eye.
//!
//! `Shown` is made once, where the bytes come in, and holds nothing that a terminal could obey. Only `Shown` may be printed.
//! It must never be built from a string without going through the cleaning.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Bytes from outside, exactly as they came: for opening, comparing and executing. Has no `Display` on purpose.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Raw(pub Vec<u8>);

impl Raw {
    /// The harmless text of these bytes.
    pub fn shown(&self) -> Shown {
        Shown::from_bytes(&self.0)
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Raw({:?})", self.shown().as_str())
    }
}

/// Text without control characters, escape sequences, bidirectional overrides or invisible characters.
///
/// What was taken out stays visible: `␛` for ESC, `␀`-like pictures for C0, `�` for the rest.
/// Cheap to clone: rows keep the same text from tick to tick.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shown(Arc<str>);

/// The longest text that is kept, in characters; what is longer ends in `…`.
const LONGEST: usize = 4096;

impl Default for Shown {
    fn default() -> Self {
        Self::from("")
    }
}

impl Shown {
    /// Makes bytes harmless. Invalid UTF-8 becomes U+FFFD.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let capped = &bytes[..bytes.len().min(LONGEST * 4)];
        Self::new(&String::from_utf8_lossy(capped))
    }

    /// Makes a text harmless.
    pub fn new(text: &str) -> Self {
        Self::within(text, LONGEST)
    }

    /// Makes a text harmless that may have up to `longest` characters: a log line has more to say than a name.
    pub fn within(text: &str, longest: usize) -> Self {
        // A text of so few bytes has no more characters than that; only longer ones are counted.
        if text.len() > longest
            && let Some((end, _)) = text.char_indices().nth(longest)
        {
            let mut short = text[..end].to_owned();
            short.push('…');
            return Self(harmless(&short).as_ref().into());
        }
        Self(harmless(text).as_ref().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The picture that stands for a character which must not reach a terminal; `None` for a harmless character.
///
/// Controls: C0, DEL and C1. Format characters: bidirectional controls (a name could reverse the rest of the row),
/// zero-width characters and joiners, variation selectors, tags, interlinear and language marks: what is not seen can lie. These are all
/// that have Default_Ignorable_Code_Point in Unicode's DerivedCoreProperties.txt, but for U+FE0E and U+FE0F, by which servers' logs tell
/// an emoji from a letter: a mark without them would be two.
fn picture(character: char) -> Option<char> {
    match character {
        '\u{00}'..='\u{1f}' => char::from_u32(0x2400 + character as u32),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' => Some('\u{fffd}'),
        _ => None,
    }
}

/// Replaces what a terminal could obey by its picture; borrows where nothing had to be replaced.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    // Printable ASCII is nearly everything there is; it is told without looking at characters.
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Cow::Borrowed(text);
    }
    if !text.chars().any(|character| picture(character).is_some()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|character| picture(character).unwrap_or(character)).collect())
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Shown({:?})", &*self.0)
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_become_pictures() {
        assert_eq!(Shown::from_bytes(b"a\x1b[2Jb").as_str(), "a␛[2Jb");
        assert_eq!(Shown::from_bytes(b"a\rb\nc\0").as_str(), "a␍b␊c␀");
        assert_eq!(Shown::new("a\u{202e}b\u{9b}c").as_str(), "a\u{fffd}b\u{fffd}c");
        assert_eq!(Shown::from_bytes(b"\xff\xfe").as_str(), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn plain_text_is_left_alone() {
        for text in ["", "node", "größe", "日本語", "a\u{301}"] {
            assert_eq!(Shown::new(text).as_str(), text);
        }
    }

    #[test]
    fn a_long_text_is_capped() {
        let shown = Shown::new(&"x".repeat(1_000_000));
        assert_eq!(shown.as_str().chars().count(), LONGEST + 1);
        assert!(shown.as_str().ends_with('…'));
        assert_eq!(Shown::within("größe", 3).as_str(), "grö…");
        assert_eq!(Shown::within("größe", 5).as_str(), "größe");
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_control_character(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let shown = Shown::from_bytes(&bytes);
            prop_assert!(shown.as_str().chars().all(|c| !c.is_control() && picture(c).is_none()));
        }

        #[test]
        fn cleaning_twice_changes_nothing(text in "\\PC{0,50}|.{0,50}") {
            let once = Shown::new(&text);
            prop_assert_eq!(Shown::new(once.as_str()), once);
        }
    }
}
