//! A server's colours: from sequences in its bytes to facts beside its text.
//!
//! It must never let a sequence through: of SGR (ECMA-48 8.3.117) a known part is understood and the rest forgotten, everything else
//! stays in the text as its picture. Nothing is carried from one line to the next.

use unicode_width::UnicodeWidthChar;

use crate::domain::{LogColor, LogSpan, LogStyle, harmless};

/// Terminals and editors agree on this one.
const TAB: usize = 8;

/// The most changes of colour in one line that are kept; what comes after them is plain.
const MOST_SPANS: usize = 256;

/// The most parameters of one sequence that are looked at.
const MOST_PARAMETERS: usize = 64;

/// Makes a text harmless, with tabs as spaces and the colours beside it. `plain` gets the text, after what it holds already.
pub(super) fn separate(text: &str, plain: &mut String) -> Vec<LogSpan> {
    let mut spans: Vec<LogSpan> = Vec::new();
    let mut style = LogStyle::default();
    let mut column = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['\t', '\u{1b}']).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let run = harmless(run);
        // A control character became a picture of one column.
        column += run.chars().map(|character| character.width().unwrap_or(1)).sum::<usize>();
        plain.push_str(&run);
        rest = after;
        if let Some((parameters, after)) = sequence(rest) {
            rest = after;
            style = changed(style, parameters);
            note(&mut spans, plain.len(), readable(style));
        } else if let Some(after) = rest.strip_prefix('\t') {
            rest = after;
            let spaces = TAB - column % TAB;
            plain.extend(std::iter::repeat_n(' ', spaces));
            column += spaces;
        } else if let Some(after) = rest.strip_prefix('\u{1b}') {
            rest = after;
            plain.push_str(&harmless("\u{1b}"));
            column += 1;
        }
    }
    // A colour of nothing.
    while spans.last().is_some_and(|span| span.start as usize >= plain.len()) {
        spans.pop();
    }
    spans
}

/// Keeps where a style begins.
fn note(spans: &mut Vec<LogSpan>, start: usize, style: LogStyle) {
    let Ok(start) = u32::try_from(start) else { return };
    // Of several at one place the last one counts.
    if spans.last().is_some_and(|span| span.start == start) {
        spans.pop();
    }
    let before = spans.last().map_or(LogStyle::default(), |span| span.style);
    if before == style {
        return;
    }
    match spans.len() {
        MOST_SPANS.. => {}
        len if len + 1 == MOST_SPANS => spans.push(LogSpan { start, style: LogStyle::default() }),
        _ => spans.push(LogSpan { start, style }),
    }
}

/// Letters in the colour of what is behind them would be a way to conceal.
fn readable(mut style: LogStyle) -> LogStyle {
    if style.foreground.is_some() && style.foreground == style.background {
        style.background = None;
    }
    style
}

/// The parameters of a well-formed colour sequence that the text begins with, and what follows it.
fn sequence(text: &str) -> Option<(&str, &str)> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|character: char| !matches!(character, '0'..='9' | ';' | ':'))?;
    let (parameters, rest) = parameters.split_at(end);
    Some((parameters, rest.strip_prefix('m')?))
}

/// A style after a sequence.
fn changed(mut style: LogStyle, parameters: &str) -> LogStyle {
    let mut words = parameters.split(';').take(MOST_PARAMETERS);
    while let Some(word) = words.next() {
        let mut parts = word.split(':');
        let code = number(parts.next().unwrap_or_default());
        match code {
            Some(0) => style = LogStyle::default(),
            Some(1) => style.bold = true,
            Some(2) => style.dim = true,
            Some(3) => style.italic = true,
            // `4:0` is no underline, ISO 8613-6 as terminals have it.
            Some(4) => style.underline = parts.next().and_then(number) != Some(0),
            Some(7) => style.reverse = true,
            Some(21) => style.underline = true,
            Some(22) => (style.bold, style.dim) = (false, false),
            Some(23) => style.italic = false,
            Some(24) => style.underline = false,
            Some(27) => style.reverse = false,
            Some(code @ 30..=37) => style.foreground = Some(LogColor::Indexed(code - 30)),
            Some(39) => style.foreground = None,
            Some(code @ 40..=47) => style.background = Some(LogColor::Indexed(code - 40)),
            Some(49) => style.background = None,
            Some(code @ 90..=97) => style.foreground = Some(LogColor::Indexed(code - 90 + 8)),
            Some(code @ 100..=107) => style.background = Some(LogColor::Indexed(code - 100 + 8)),
            // 58 is the underline's colour: its parameters are no codes of their own.
            Some(code @ (38 | 48 | 58)) => {
                let colour = if word.contains(':') { with_colons(parts) } else { with_semicolons(&mut words) };
                match (code, colour) {
                    (38, Some(colour)) => style.foreground = Some(colour),
                    (48, Some(colour)) => style.background = Some(colour),
                    _ => {}
                }
            }
            // Blinking, concealing, fonts, frames and what is not a code.
            _ => {}
        }
    }
    style
}

/// A parameter; an absent one is 0.
fn number(word: &str) -> Option<u8> {
    if word.is_empty() { Some(0) } else { word.parse().ok() }
}

/// `38:5:208`, `38:2:255:135:0` and `38:2::255:135:0`.
fn with_colons<'a>(parts: impl Iterator<Item = &'a str>) -> Option<LogColor> {
    let parts: Vec<&str> = parts.take(8).collect();
    match *parts.as_slice() {
        ["5", index, ..] => Some(LogColor::Indexed(number(index)?)),
        ["2", red, green, blue] | ["2", _, red, green, blue, ..] => Some(LogColor::Rgb(number(red)?, number(green)?, number(blue)?)),
        _ => None,
    }
}

/// `38;5;208` and `38;2;255;135;0`.
fn with_semicolons<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<LogColor> {
    match words.next()? {
        "5" => Some(LogColor::Indexed(number(words.next()?)?)),
        "2" => {
            let (red, green, blue) = (words.next()?, words.next()?, words.next()?);
            Some(LogColor::Rgb(number(red)?, number(green)?, number(blue)?))
        }
        // How many parameters an unknown kind has, nobody knows: the rest of them are none of ours.
        _ => {
            words.for_each(drop);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn separated(text: &str) -> (String, Vec<LogSpan>) {
        let mut plain = String::new();
        let spans = separate(text, &mut plain);
        (plain, spans)
    }

    /// The style that a sequence gives.
    fn style(parameters: &str) -> LogStyle {
        let (_, spans) = separated(&format!("\u{1b}[{parameters}mx"));
        spans.first().map_or(LogStyle::default(), |span| span.style)
    }

    fn colours(foreground: Option<LogColor>, background: Option<LogColor>) -> LogStyle {
        LogStyle { foreground, background, ..LogStyle::default() }
    }

    #[test]
    fn every_way_to_name_a_colour_is_understood() {
        use LogColor::{Indexed, Rgb};
        let table = [
            ("31", Some(Indexed(1)), None),
            ("97", Some(Indexed(15)), None),
            ("44", None, Some(Indexed(4))),
            ("101", None, Some(Indexed(9))),
            ("38;5;208", Some(Indexed(208)), None),
            ("38:5:208", Some(Indexed(208)), None),
            ("48;2;1;2;3", None, Some(Rgb(1, 2, 3))),
            ("38:2:1:2:3", Some(Rgb(1, 2, 3)), None),
            ("38:2::1:2:3", Some(Rgb(1, 2, 3)), None),
            ("31;42", Some(Indexed(1)), Some(Indexed(2))),
            ("58;5;9;31", Some(Indexed(1)), None),
            ("31;39", None, None),
            ("31;;42", None, Some(Indexed(2))),
            // No such colours: forgotten, and so is what they would have taken with them.
            ("38;5;256", None, None),
            ("38;9;1", None, None),
            ("38", None, None),
            ("38;2;1", None, None),
            ("999", None, None),
        ];
        for (parameters, foreground, background) in table {
            assert_eq!(style(parameters), colours(foreground, background), "{parameters}");
        }
    }

    #[test]
    fn attributes_come_and_go_and_the_harmful_ones_never_come() {
        let style_of = |parameters| {
            let style = style(parameters);
            [style.bold, style.dim, style.italic, style.underline, style.reverse].map(u8::from)
        };
        assert_eq!(style_of("1;2;3;4;7"), [1; 5]);
        assert_eq!(style_of("1;2;3;4;7;22;23;24;27"), [0; 5]);
        assert_eq!(style_of("1;0"), [0; 5]);
        assert_eq!(style_of("4:3"), [0, 0, 0, 1, 0]);
        assert_eq!(style_of("4;4:0"), [0; 5]);
        // Blinking, concealing, fonts.
        assert_eq!(style_of("5;6;8;9;11"), [0; 5]);
    }

    #[test]
    fn letters_are_never_of_the_colour_behind_them() {
        assert_eq!(style("30;40"), colours(Some(LogColor::Indexed(0)), None));
        assert_eq!(style("38;2;9;9;9;48;2;9;9;9"), colours(Some(LogColor::Rgb(9, 9, 9)), None));
    }

    #[test]
    fn spans_lie_where_the_text_is() {
        let (plain, spans) = separated("\u{0}a\u{1b}[1mb\t\u{1b}[0mc\u{1b}[31m");
        assert_eq!(plain, "␀ab     c");
        assert_eq!(spans.iter().map(|span| (span.start, span.style.bold)).collect::<Vec<_>>(), [(4, true), (10, false)]);
        assert_eq!(separated("\u{1b}[1m\u{1b}[0mx").1, []);
        assert_eq!(separated("\u{1b}[31m").1, []);
    }

    #[test]
    fn a_line_of_nothing_but_colours_has_a_bound() {
        let text: String = (0..10_000).map(|index| format!("\u{1b}[38;5;{}mx", index % 256)).collect();
        let (plain, spans) = separated(&text);
        assert_eq!((plain.len(), spans.len()), (10_000, MOST_SPANS));
        assert_eq!(spans.last().unwrap().style, LogStyle::default());
        let endless = format!("\u{1b}[{}mx", "1;".repeat(10_000));
        assert_eq!(separated(&endless).0, "x");
    }

    #[test]
    fn what_is_no_colour_stays_as_its_picture() {
        for text in [
            "\u{1b}[2J",
            "\u{1b}]8;;http://x\u{7}",
            "\u{1b}]52;c;eA==\u{1b}\\",
            "\u{1b}P1$r\u{1b}\\",
            "\u{9b}31m",
            "\u{1b}[31",
            "\u{1b}[?31m",
            "\u{1b}[ 31m",
        ] {
            let (plain, spans) = separated(text);
            assert!(spans.is_empty(), "{text:?}");
            assert!(plain.starts_with(['␛', '\u{fffd}']), "{plain:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_harmless_and_spans_fit(text in "(\\x1b\\[[0-9;:]{0,9}m|[a-z\t]|\\x1b|[\\x00-\\x1f]|é|日|\u{202e}){0,60}") {
            let (plain, spans) = separated(&text);
            prop_assert!(plain.chars().all(|character| !character.is_control()));
            prop_assert_eq!(&*harmless(&plain), plain.as_str());
            prop_assert!(spans.iter().all(|span| plain.is_char_boundary(span.start as usize) && (span.start as usize) < plain.len()));
            prop_assert!(spans.windows(2).all(|two| two[0].start < two[1].start && two[0].style != two[1].style));
        }
    }
}
