//! What `--grep` looks for.
//!
//! It must never take more than linear time in a line's length, whatever the expression: no backtracking, a bounded program.

use regex::bytes::{Regex, RegexBuilder};

/// The most memory that one expression may take when it is made ready, in bytes.
const MOST_MEMORY: usize = 4 * 1024 * 1024;

/// A regular expression. Without a capital letter in it, capitals do not matter.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Makes one ready. `(?i)` and `(?-i)` in it decide about capitals themselves.
    ///
    /// # Errors
    /// Why it is none, in words that may have several lines.
    pub fn new(expression: &str) -> Result<Self, String> {
        RegexBuilder::new(expression)
            .case_insensitive(!has_capitals(expression))
            .size_limit(MOST_MEMORY)
            .dfa_size_limit(MOST_MEMORY)
            .build()
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Whether it is found in this text.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }

    /// Where it is found, in bytes of the text. Nothing is found nowhere: an empty match has no place.
    pub fn places<'text>(&'text self, text: &'text str) -> impl Iterator<Item = std::ops::Range<usize>> + 'text {
        self.0.find_iter(text.as_bytes()).map(|found| found.range()).filter(|range| !range.is_empty())
    }

    /// As it was written.
    pub fn expression(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is found in these bytes, which need not be text.
    pub fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        self.0.is_match(bytes)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// `\S` and `\W` are no capital letters: the one after a backslash is part of the language.
fn has_capitals(expression: &str) -> bool {
    let mut escaped = false;
    expression.chars().any(|character| {
        let counts = !escaped && character.is_uppercase();
        escaped = !escaped && character == '\\';
        counts
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_matter_when_there_are_some() {
        let is_in = |expression: &str, text: &str| Pattern::new(expression).unwrap().is_in(text);
        assert!(is_in("error", "ERROR x") && is_in(r"\Serror", "xERROR") && is_in("größe", "GRÖSSE Größe"));
        assert!(!is_in("Error", "ERROR x") && is_in("(?i)Error", "ERROR x") && !is_in("(?-i)error", "ERROR"));
        assert!(is_in(r"\bport \d{4}$", "port 8081") && !is_in(r"\bport \d{4}$", "port 80811"));
    }

    #[test]
    fn places_are_told_and_nothing_has_none() {
        let places = |expression: &str, text: &str| Pattern::new(expression).unwrap().places(text).collect::<Vec<_>>();
        assert_eq!(places("o", "foo bo"), [1..2, 2..3, 5..6]);
        assert_eq!(places("x*|b", "axxb"), [1..3, 3..4]);
        assert_eq!(places("ö|ß", "größe"), [2..4, 4..6]);
    }

    #[test]
    fn what_is_no_expression_or_too_large_is_refused() {
        assert!(Pattern::new("(").unwrap_err().contains("unclosed group"));
        assert!(Pattern::new(r"\w{1000}{1000}").is_err());
    }
}
