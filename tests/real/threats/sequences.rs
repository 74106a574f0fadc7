//! What berth sends to a terminal, told apart into text and sequences: the only sequences are those that it makes itself.
//!
//! It must never take a sequence for berth's own because the corpus has it.

/// A character that no text from outside may bring to a terminal: controls but the line's end, what turns or hides text.
pub fn is_harmful(character: char) -> bool {
    let invisible = ['\u{ad}', '\u{61c}', '\u{180e}', '\u{feff}', '\u{2060}'];
    (character.is_control() && character != '\n')
        || ('\u{200b}'..='\u{200f}').contains(&character)
        || ('\u{2028}'..='\u{202e}').contains(&character)
        || ('\u{2066}'..='\u{2069}').contains(&character)
        || invisible.contains(&character)
}

/// Fails when a text holds anything that a terminal could obey.
pub fn assert_harmless(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what} is no UTF-8: {error}"));
    if let Some(at) = text.find(is_harmful) {
        let from = text[..at].char_indices().rev().nth(60).map_or(0, |(index, _)| index);
        let part: String = text[from..].chars().take(120).collect();
        panic!("{what} holds {:?}: {part:?}", text[at..].chars().next().unwrap());
    }
}

/// Modes that berth switches: cursor, mouse, focus, second screen, paste, synchronised output.
const MODES: [&str; 8] = ["25", "1000", "1002", "1004", "1006", "1049", "2004", "2026"];

/// What comes before the final byte of berth's own sequences.
fn is_own(parameters: &str, last: char) -> bool {
    let is_numbers = |text: &str| text.chars().all(|character| character.is_ascii_digit() || matches!(character, ';' | ':'));
    match last {
        // Place of the cursor, attributes, erasing, the lines that scroll.
        'H' | 'm' | 'J' | 'K' | 'A' | 'B' | 'C' | 'D' | 'G' | 'r' => is_numbers(parameters),
        'h' | 'l' => parameters.strip_prefix('?').is_some_and(|modes| modes.split(';').all(|mode| MODES.contains(&mode))),
        _ => false,
    }
}

/// Holds everything that a console sent against what a console may send.
pub fn assert_own(bytes: &[u8]) {
    // The last character may have been cut by the end of the last read.
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap(),
        Err(error) => panic!("the console sends no UTF-8: {error}"),
    };
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let plain = &rest[..at];
        assert_plain(plain);
        let after = &rest[at + 1..];
        // The lines that scroll go down by one.
        if let Some(behind) = after.strip_prefix('M') {
            rest = behind;
            continue;
        }
        let Some(sequence) = after.strip_prefix('[') else {
            assert!(after.is_empty(), "a sequence that is not berth's: {:?}", after.chars().take(20).collect::<String>());
            return;
        };
        let Some(end) = sequence.find(|character: char| ('@'..='~').contains(&character)) else { return };
        let last = sequence[end..].chars().next().unwrap();
        assert!(is_own(&sequence[..end], last), "a sequence that is not berth's: CSI {:?}", &sequence[..=end]);
        rest = &sequence[end + 1..];
    }
    assert_plain(rest);
}

fn assert_plain(text: &str) {
    let harmful = text.chars().find(|character| is_harmful(*character) && *character != '\r');
    assert_eq!(harmful, None, "{text:?}");
}

#[test]
fn foreign_sequences_are_told_from_berths_own() {
    assert_own("\u{1b}[?1049h\u{1b}[2;3Habc\u{1b}[38;2;1;2;3m\u{1b}[K│\u{1b}[2;9r\u{1b}M\u{1b}[r".as_bytes());
    for foreign in [
        "\u{1b}]52;c;eA==\u{7}",
        "\u{1b}[?1h",
        "\u{1b}[5n",
        "\u{1b}c",
        "\u{9b}2J",
        "a\u{202e}b",
        "\u{1b}P1$r\u{1b}\\",
        "\u{1b}[>4m",
        "\u{8}",
    ] {
        assert!(std::panic::catch_unwind(|| assert_own(foreign.as_bytes())).is_err(), "{foreign:?}");
    }
}
