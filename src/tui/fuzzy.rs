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

#[cfg(test)]
mod tests {
    use super::*;

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
