//! The signs that pictures, rules and boxes are drawn with: Unicode, and ASCII for terminals whose locale knows no more.
//!
//! It must never decide what is drawn, and every sign is one cell wide in both sets.

/// One set of signs.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Whether only ASCII may be printed.
    pub ascii: bool,
    /// A horizontal rule.
    pub rule: &'static str,
    /// A vertical rule.
    pub divider: &'static str,
    /// Where a vertical rule leaves a horizontal one downwards.
    pub tee_down: &'static str,
    /// Where a vertical rule ends on a horizontal one.
    pub tee_up: &'static str,
    /// Box corners: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
    /// What was cut off.
    pub ellipsis: &'static str,
    /// Between two facts.
    pub dot: &'static str,
    /// Sorted with the greatest first.
    pub descending: &'static str,
    /// Sorted with the least first.
    pub ascending: &'static str,
    /// Beside the chosen row.
    pub chosen: &'static str,
    /// More columns on the left.
    pub more_left: &'static str,
    /// More columns on the right.
    pub more_right: &'static str,
    /// Beside what a long line goes on with.
    pub carried: &'static str,
    /// Beside a marked row.
    pub marked: &'static str,
    /// Heights of a column, lowest first.
    pub spark: [&'static str; 8],
    /// A limit in a chart.
    pub limit: &'static str,
    /// An input's beginning.
    pub prompt: &'static str,
}

/// For UTF-8 locales.
pub const UNICODE: Glyphs = Glyphs {
    ascii: false,
    rule: "─",
    divider: "│",
    tee_down: "┬",
    tee_up: "┴",
    corners: ["┌", "┐", "└", "┘"],
    ellipsis: "…",
    dot: "·",
    descending: "▾",
    ascending: "▴",
    chosen: ">",
    more_left: "◂",
    more_right: "▸",
    carried: "┊",
    marked: "*",
    spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    limit: "┈",
    prompt: "▏",
};

/// For everything else.
pub const ASCII: Glyphs = Glyphs {
    ascii: true,
    rule: "-",
    divider: "|",
    tee_down: "+",
    tee_up: "+",
    corners: ["+", "+", "+", "+"],
    ellipsis: "~",
    dot: "-",
    descending: "v",
    ascending: "^",
    chosen: ">",
    more_left: "<",
    more_right: ">",
    carried: ":",
    marked: "*",
    spark: ["_", ".", ",", "-", "~", "+", "*", "#"],
    limit: "-",
    prompt: ">",
};

/// The set for a locale: the first of LC_ALL, LC_CTYPE and LANG that is not empty decides, locale(7).
pub fn for_locale(variable: impl Fn(&str) -> Option<String>) -> &'static Glyphs {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| variable(name)).find(|value| !value.is_empty());
    let charset = locale.unwrap_or_default().to_ascii_lowercase();
    if charset.contains("utf-8") || charset.contains("utf8") { &UNICODE } else { &ASCII }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn the_locale_decides() {
        let with = |pairs: &'static [(&str, &str)]| {
            for_locale(move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())).ascii
        };
        assert!(with(&[]));
        assert!(with(&[("LANG", "C")]));
        assert!(!with(&[("LANG", "C.UTF-8")]));
        assert!(!with(&[("LANG", "de_DE.utf8")]));
        assert!(with(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "POSIX")]));
        assert!(!with(&[("LANG", "C"), ("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8")]));
    }

    #[test]
    fn every_sign_is_one_cell_and_ascii_is_ascii() {
        for set in [&UNICODE, &ASCII] {
            let signs = [
                set.rule,
                set.divider,
                set.tee_down,
                set.tee_up,
                set.ellipsis,
                set.dot,
                set.descending,
                set.ascending,
                set.chosen,
                set.more_left,
                set.more_right,
                set.carried,
                set.limit,
                set.marked,
                set.prompt,
            ];
            for sign in signs.iter().chain(&set.corners).chain(&set.spark) {
                assert_eq!(sign.width(), 1, "{sign}");
                assert!(!set.ascii || sign.is_ascii(), "{sign}");
            }
        }
    }
}
