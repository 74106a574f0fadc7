//! The valid word that was probably meant.
//!
//! It must never guess far: a suggestion that is no likeness misleads.

/// The nearest of `names` to `word`, when it is near: a third of the characters may differ, a transposition counting as one.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = word.chars().count().div_ceil(3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `; did you mean "range"?`, or `; valid are a, b, c` where nothing is near.
pub fn advice<'a>(word: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(word, names.clone()) {
        Some(name) => format!("; did you mean \"{name}\"?"),
        None => format!("; valid are {}", names.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_found_and_what_is_not_is_not() {
        let names = ["range", "strategy", "reserved", "block"];
        let cases = [
            ("rnage", Some("range")),
            ("Range", Some("range")),
            ("stategy", Some("strategy")),
            ("reserve", Some("reserved")),
            ("colour", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, names), expected, "{word}");
        }
        assert_eq!(advice("colour", names), "; valid are range, strategy, reserved, block");
    }
}
