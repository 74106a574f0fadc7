//! Fuzzing doors: what becomes `Shown`, environment files, PID files.
//!
//! It must never share the lists of what it holds against: what is invisible is told here once more, from the standard.

use super::{Assignment, Named, Raw, Shown, harmless, read_env, value_of};

/// What a terminal could obey or an eye could not see: controls, line ends, and what has Default_Ignorable_Code_Point in Unicode's
/// DerivedCoreProperties.txt, but the two variation selectors by which an emoji is told from a letter.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Holds a text that is for the eye against what it must not have.
pub fn is_fit_to_be_seen(text: &str) {
    assert!(!text.chars().any(is_harmful), "{text:?}");
}

/// Bytes become a text: nothing harmful in it, and what was made harmless once stays as it is.
pub fn sanitiser(data: &[u8]) {
    let shown = Raw(data.to_vec()).shown();
    is_fit_to_be_seen(shown.as_str());
    assert_eq!(Shown::new(shown.as_str()), shown);
    let text = String::from_utf8_lossy(data);
    let longest = data.first().map_or(0, |first| usize::from(*first));
    let short = Shown::within(&text, longest);
    is_fit_to_be_seen(short.as_str());
    assert!(short.as_str().chars().count() <= longest + 1);
    assert_eq!(Shown::within(short.as_str(), longest + 1), short);
    // One character for one: columns and highlights are counted on either side of it.
    let cleaned = harmless(&text);
    assert_eq!(cleaned.chars().count(), text.chars().count());
    assert!(cleaned.chars().zip(text.chars()).all(|(now, was)| (now == was) != is_harmful(was)));
}

/// A value as a file has to say it so that it is read again: in double quotes.
fn written(assignment: &Assignment) -> String {
    let mut text = format!("{}=\"", assignment.name);
    for character in assignment.value.chars() {
        match character {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '"' | '\'' | '\\' | '$' | '`' => text.extend(['\\', character]),
            other => text.push(other),
        }
    }
    text.push_str("\"\n");
    text
}

/// An environment file: what was read is read again from what it is written as, and a fault lies in the file and keeps every value to itself.
pub fn env_file(data: &[u8]) {
    let (assignments, fault) = read_env(data);
    let lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    if let Some(fault) = &fault {
        assert!((1..=lines).contains(&(fault.line as usize)) && (1..=data.len() + 1).contains(&(fault.column as usize)), "{fault:?}");
        is_fit_to_be_seen(&fault.reason);
    }
    let mut before = 0;
    for assignment in &assignments {
        let mut letters = assignment.name.chars();
        assert!(letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_'));
        assert!(letters.all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter)));
        assert!(!assignment.value.contains('\0') && assignment.value.len() <= data.len() * 3);
        assert!(before <= assignment.line && assignment.line as usize <= lines, "{assignment:?} after line {before}");
        before = assignment.line;
        assert!(value_of(&assignments, &assignment.name).is_some_and(|last| last.line >= assignment.line));
        assert!(!format!("{assignment:?}").contains('\n'));
    }
    let text: String = assignments.iter().map(written).collect();
    let (again, none) = read_env(text.as_bytes());
    assert_eq!(none, None);
    assert!(again.len() == assignments.len());
    assert!(again.iter().zip(&assignments).all(|(new, old)| new.name == old.name && new.value == old.value), "{again:?}");
}

/// A PID file: digits and white space around them, from 2 on, and nothing else is a pid.
pub fn pid_file(data: &[u8]) {
    let said = Named::pid_in(data);
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let words: Vec<&[u8]> = data.split(blank).filter(|word| !word.is_empty()).collect();
    match said {
        None => assert!(words.is_empty()),
        Some(None) => assert!(!words.is_empty()),
        Some(Some(pid)) => {
            assert!(pid > 1 && words.len() == 1);
            let digits = words.first().map(|word| word.iter().skip_while(|byte| **byte == b'0').copied().collect::<Vec<u8>>());
            assert_eq!(digits, Some(pid.to_string().into_bytes()));
        }
    }
}
