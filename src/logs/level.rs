//! Which level a log line names.
//!
//! It must never guess from what happened ("failed", "0 errors"): only a level that stands where loggers put one counts, and the first one wins.

use crate::domain::LogLevel;

/// How far into a line a level may stand, in bytes: after a time, a host and a logger's name.
const REACH: usize = 80;

/// How far into a JSON object its level is looked for.
const JSON_REACH: usize = 4096;

/// The level that a line names, if it does: in JSON (`"level":"error"`, pino's numbers), in logfmt (`level=warn`), as klog's or systemd's
/// prefix, or as a word.
pub fn level_of(line: &str) -> Option<LogLevel> {
    let line = line.trim_start();
    if line.starts_with('{') {
        return in_json(upto(line, JSON_REACH));
    }
    let start = upto(line, REACH);
    prefixed(start).or_else(|| in_logfmt(start)).or_else(|| in_words(start))
}

/// The beginning of a text, at most so many bytes of it.
pub(super) fn upto(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What loggers call their levels, in any case.
fn named(word: &str) -> Option<LogLevel> {
    const NAMES: [(&str, LogLevel); 19] = [
        ("error", LogLevel::Error),
        ("err", LogLevel::Error),
        ("fatal", LogLevel::Error),
        ("critical", LogLevel::Error),
        ("crit", LogLevel::Error),
        ("emerg", LogLevel::Error),
        ("alert", LogLevel::Error),
        ("panic", LogLevel::Error),
        ("severe", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("warning", LogLevel::Warn),
        ("wrn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("inf", LogLevel::Info),
        ("notice", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("dbg", LogLevel::Debug),
        ("trace", LogLevel::Debug),
        ("verbose", LogLevel::Debug),
    ];
    NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
}

/// pino and bunyan count in tens; a fatal error is 60.
fn numbered(number: u32) -> Option<LogLevel> {
    match number {
        10 | 20 => Some(LogLevel::Debug),
        30 => Some(LogLevel::Info),
        40 => Some(LogLevel::Warn),
        50 | 60 => Some(LogLevel::Error),
        _ => None,
    }
}

fn in_json(object: &str) -> Option<LogLevel> {
    ["\"level\"", "\"severity\"", "\"lvl\"", "\"levelname\""].iter().find_map(|key| {
        let (_, after) = object.split_once(key)?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        if let Some(text) = value.strip_prefix('"') {
            return named(text.split('"').next()?);
        }
        let digits = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
        numbered(value[..digits].parse().ok()?)
    })
}

fn in_logfmt(start: &str) -> Option<LogLevel> {
    start.split_ascii_whitespace().find_map(|field| {
        let (key, value) = field.split_once('=')?;
        matches!(key, "level" | "lvl" | "severity").then(|| named(value.trim_matches('"')))?
    })
}

/// `E0912 11:22:33.000` (klog) and `<3>` (sd-daemon(3)).
fn prefixed(start: &str) -> Option<LogLevel> {
    let bytes = start.as_bytes();
    match bytes {
        [b'<', digit @ b'0'..=b'7', b'>', ..] => Some(match digit {
            b'0'..=b'3' => LogLevel::Error,
            b'4' => LogLevel::Warn,
            b'5' | b'6' => LogLevel::Info,
            _ => LogLevel::Debug,
        }),
        [letter, date @ ..] if klog_date(date) => match letter {
            b'E' | b'F' => Some(LogLevel::Error),
            b'W' => Some(LogLevel::Warn),
            b'I' => Some(LogLevel::Info),
            _ => None,
        },
        _ => None,
    }
}

fn klog_date(bytes: &[u8]) -> bool {
    bytes.iter().take(4).all(u8::is_ascii_digit) && bytes.get(4) == Some(&b' ')
}

/// A word in capitals anywhere; in lower case only in brackets, before a colon, or as npm has it.
fn in_words(start: &str) -> Option<LogLevel> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let mut rest = start;
    let mut before = None;
    let mut first = true;
    while let Some(begin) = rest.find(is_part) {
        if let Some(last) = rest[..begin].chars().next_back() {
            before = Some(last);
        }
        let word_on = &rest[begin..];
        let end = word_on.find(|character| !is_part(character)).unwrap_or(word_on.len());
        let (word, after) = word_on.split_at(end);
        let next = after.chars().next();
        if let Some(level) = named(word) {
            let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
            let bracketed = matches!((before, next), (Some('['), Some(']')) | (Some('('), Some(')')) | (Some('<'), Some('>')));
            if capitals && word.len() > 2 || bracketed || next == Some(':') {
                return Some(level);
            }
        }
        // An uncaught exception begins its line: `TypeError: x is not a function`.
        if first && next == Some(':') && (word.ends_with("Error") || word.ends_with("Exception")) {
            return Some(LogLevel::Error);
        }
        if first && word == "npm" {
            return named(after.split_ascii_whitespace().next()?);
        }
        first = false;
        before = None;
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_where_loggers_put_them() {
        let cases = [
            ("ERROR connect refused", LogLevel::Error),
            ("2026-11-21 03:12:04,120 - app.http - WARNING - slow", LogLevel::Warn),
            ("03:11:58.120 INFO  session opened", LogLevel::Info),
            ("INFO:     Started server process [12]", LogLevel::Info),
            ("[2026-11-21T03:12:04Z] [debug] x", LogLevel::Debug),
            ("[warn] x", LogLevel::Warn),
            ("error: cannot open", LogLevel::Error),
            ("FATAL no memory", LogLevel::Error),
            ("TypeError: x is not a function", LogLevel::Error),
            ("Error: listen EADDRINUSE: address already in use", LogLevel::Error),
            ("npm warn deprecated x", LogLevel::Warn),
            ("{\"level\":\"error\",\"msg\":\"x\"}", LogLevel::Error),
            ("{\"time\":1, \"level\": 40, \"msg\":\"x\"}", LogLevel::Warn),
            ("{\"severity\":\"INFO\"}", LogLevel::Info),
            ("time=2026 level=warn msg=\"x\"", LogLevel::Warn),
            ("level=\"error\" msg=x", LogLevel::Error),
            ("E0912 11:22:33.000000       1 server.go:1] x", LogLevel::Error),
            ("W0912 11:22:33.000000       1 server.go:1] x", LogLevel::Warn),
            ("<3>x", LogLevel::Error),
            ("INFO retry after ERROR", LogLevel::Info),
        ];
        for (line, level) in cases {
            assert_eq!(level_of(line), Some(level), "{line}");
        }
    }

    #[test]
    fn what_only_sounds_like_a_level_is_none() {
        let far = format!("{}ERROR", "x ".repeat(60));
        for line in [
            "",
            "0 errors",
            "an error happened",
            "no info here",
            "ERRORS=0",
            "MY_ERROR_CODE",
            "I see",
            "E09 x",
            "{\"message\":\"level\"}",
            "{\"level\":\"loud\"}",
            "{\"level\":35}",
            "level=loud",
            far.as_str(),
            "größe",
            "<9>x",
        ] {
            assert_eq!(level_of(line), None, "{line}");
        }
    }

    #[test]
    fn a_character_on_the_border_is_survived() {
        for shift in 0..4 {
            let line = format!("{}{}", "x".repeat(78 + shift), "€".repeat(10));
            assert_eq!(level_of(&line), None);
        }
    }
}
