//! Matching as one types: letters in their order, the closer together and the nearer to words' beginnings the better.
//!
//! It must never be asked about more than a screen's or a fleet's texts at a time.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// A text that was typed, ready to be compared.
pub struct Fuzzy {
    pattern: Pattern,
    matcher: Matcher,
    buffer: Vec<char>,
}

impl Fuzzy {
    /// Capitals matter when there are some.
    pub fn new(text: &str) -> Self {
        let kind = nucleo_matcher::pattern::AtomKind::Fuzzy;
        Self {
            pattern: Pattern::new(text, CaseMatching::Smart, Normalization::Smart, kind),
            matcher: Matcher::new(Config::DEFAULT),
            buffer: Vec::new(),
        }
    }

    /// How well a text matches, more is better; `None` when it does not.
    pub fn score(&mut self, text: &str) -> Option<u32> {
        self.pattern.score(Utf32Str::new(text, &mut self.buffer), &mut self.matcher)
    }
}

/// Whether letters, in lower case, stand in this order in a text, from a word's beginning on and close together: `btls` in `bob/tools`.
///
/// A yes or no for thousands of short texts at a key, which a [`Fuzzy`] is too large for. One letter would be nearly everywhere.
pub fn is_close(letters: &str, text: &str) -> bool {
    let count = letters.chars().count();
    let mut before = None;
    count > 1
        && text.char_indices().any(|(at, character)| {
            let begins = before.is_none_or(|before: char| !before.is_alphanumeric());
            before = Some(character);
            begins && reach(letters, text.get(at..).unwrap_or_default()).is_some_and(|reach| reach <= 2 * count + 3)
        })
}

/// How many characters of a text it takes to find the letters, the first one at its beginning.
fn reach(letters: &str, text: &str) -> Option<usize> {
    let mut rest =
        text.chars().flat_map(|character| character.to_lowercase().take(1)).enumerate().map(|(at, character)| (at + 1, character));
    let mut reach = 0;
    for letter in letters.chars() {
        (reach, _) =
            if reach == 0 { rest.next().filter(|(_, first)| *first == letter)? } else { rest.find(|(_, other)| *other == letter)? };
    }
    Some(reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_is_from_a_words_beginning_and_within_reach() {
        for (letters, text) in [("btls", "bob/tools"), ("tls", "bob/tools"), ("u23", "user0123"), ("pt", "port-taken"), ("ab", "AlphaBeta")]
        {
            assert!(is_close(letters, text), "{letters} {text}");
        }
        for (letters, text) in
            [("b", "bob"), ("", "bob"), ("ls", "bob/tools"), ("bs", "bob/tools"), ("slt", "tools"), ("al", "a-much-too-long-l")]
        {
            assert!(!is_close(letters, text), "{letters} {text}");
        }
    }

    #[test]
    fn letters_in_order_match_and_nothing_typed_matches_all() {
        assert!(Fuzzy::new("rst").score("restart").is_some());
        assert!(Fuzzy::new("tsr").score("restart").is_none());
        assert!(Fuzzy::new("").score("anything").is_some());
        assert!(Fuzzy::new("Al").score("alice").is_none(), "capitals matter when there are some");
        let (near, far) = (Fuzzy::new("port").score("port"), Fuzzy::new("port").score("pool of rotten"));
        assert!(near > far);
    }
}
