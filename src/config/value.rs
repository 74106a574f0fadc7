//! The kinds of value that a configuration has, and how each is read from its text.
//!
//! It must never guess: what is not exactly of the kind is refused with the form that would be right.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::domain::PortRange;

/// What a key's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text in which placeholders like `{user}` may be used.
    Pattern,
    /// A list of texts with placeholders.
    Patterns,
    /// A list of texts.
    Texts,
    /// `"8080-9080"`.
    Range,
    /// A list of ports and ranges.
    Ranges,
    /// A whole number within bounds.
    Number(u64, u64),
    /// `"60s"`, `"500ms"`, `"2m"`.
    Duration,
    /// `"512M"`.
    Size,
    /// `"50%"`.
    Percent,
    /// An IP address.
    Address,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of these words.
    Choices(&'static [&'static str]),
    /// `"off"`, or an address with a port.
    Http,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text, a pattern, a word.
    Text(String),
    /// Several of them.
    Texts(Vec<String>),
    /// A number, a percentage.
    Number(u64),
    /// Bytes.
    Size(u64),
    /// A span of time.
    Duration(Duration),
    /// A range.
    Range(PortRange),
    /// Several.
    Ranges(Vec<PortRange>),
    /// An address.
    Address(IpAddr),
}

/// A value as a file has it, before its kind is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// A text in quotes.
    Text(String),
    /// A whole number, as written.
    Number(String),
    /// A list.
    List(Vec<Written>),
    /// Anything else, by its name: "a table", "a boolean".
    Other(&'static str),
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "\"{}\"", crate::domain::Shown::new(text)),
            Self::Number(text) => formatter.write_str(text),
            Self::List(_) => formatter.write_str("a list"),
            Self::Other(name) => formatter.write_str(name),
        }
    }
}

/// The placeholders that may be used from `[layout]` on.
pub const PLACEHOLDERS: [&str; 8] = ["base", "user", "name", "uid", "port", "host", "config", "workspace"];

impl Kind {
    /// Reads a value of this kind.
    ///
    /// # Errors
    /// The form that would be right, as the end of a sentence: `must be a range like "8080-9080"`.
    pub fn read(self, written: &Written) -> Result<Value, String> {
        let text = match written {
            Written::Text(text) => Some(text.as_str()),
            _ => None,
        };
        match self {
            Self::Text => text.map(|text| Value::Text(text.to_owned())).ok_or_else(|| "must be a text in quotes".to_owned()),
            Self::Pattern => pattern(text.ok_or("must be a text in quotes")?).map(Value::Text),
            Self::Texts => texts(written, |text| Ok(text.to_owned())),
            Self::Patterns => texts(written, pattern).and_then(not_empty),
            Self::Range => {
                text.and_then(PortRange::parse).map(Value::Range).ok_or_else(|| "must be a range of ports like \"8080-9080\"".to_owned())
            }
            Self::Ranges => ranges(written),
            Self::Number(least, most) => match written {
                Written::Number(text) => text.parse().ok().filter(|number| (least..=most).contains(number)).map(Value::Number),
                _ => None,
            }
            .ok_or_else(|| format!("must be a whole number from {least} to {most}")),
            Self::Duration => text
                .and_then(duration)
                .map(Value::Duration)
                .ok_or_else(|| "must be a time like \"60s\", \"500ms\" or \"2m\", above zero".to_owned()),
            Self::Size => text.and_then(size).map(Value::Size).ok_or_else(|| "must be a size like \"512M\" or \"2G\"".to_owned()),
            Self::Percent => text
                .and_then(|text| text.strip_suffix('%'))
                .and_then(|text| text.trim().parse().ok())
                .filter(|number| *number > 0)
                .map(Value::Number)
                .ok_or_else(|| "must be a percentage like \"50%\"".to_owned()),
            Self::Address => text
                .and_then(|text| if text == "localhost" { Some(IpAddr::from([127, 0, 0, 1])) } else { text.parse().ok() })
                .map(Value::Address)
                .ok_or_else(|| "must be an IP address like \"127.0.0.1\"".to_owned()),
            Self::Choice(words) => text
                .filter(|text| words.contains(text))
                .map(|text| Value::Text(text.to_owned()))
                .ok_or_else(|| format!("must be one of {}", words.join(", "))),
            Self::Choices(words) => texts(written, |text| {
                if words.contains(&text) { Ok(text.to_owned()) } else { Err(format!("may hold {}, not \"{text}\"", words.join(", "))) }
            }),
            Self::Http => text
                .filter(|text| *text == "off" || text.parse::<std::net::SocketAddr>().is_ok_and(|address| address.ip().is_loopback()))
                .map(|text| Value::Text(text.to_owned()))
                .ok_or_else(|| "must be \"off\" or a loopback address with a port like \"127.0.0.1:7070\"".to_owned()),
        }
    }
}

fn not_empty(value: Value) -> Result<Value, String> {
    if value == Value::Texts(Vec::new()) { Err("must not be empty".to_owned()) } else { Ok(value) }
}

fn texts(written: &Written, read: impl Fn(&str) -> Result<String, String>) -> Result<Value, String> {
    let Written::List(items) = written else { return Err("must be a list of texts in quotes".to_owned()) };
    items
        .iter()
        .map(|item| match item {
            Written::Text(text) => read(text),
            other => Err(format!("must be a list of texts in quotes, not {other}")),
        })
        .collect::<Result<_, _>>()
        .map(Value::Texts)
}

fn ranges(written: &Written) -> Result<Value, String> {
    let wrong = || "must be a list of ports and ranges like [8443, \"9000-9009\"]".to_owned();
    let Written::List(items) = written else { return Err(wrong()) };
    items
        .iter()
        .map(|item| match item {
            Written::Text(text) | Written::Number(text) => PortRange::parse(text).ok_or_else(wrong),
            _ => Err(wrong()),
        })
        .collect::<Result<_, _>>()
        .map(Value::Ranges)
}

/// Checks that every placeholder is a known one.
fn pattern(text: &str) -> Result<String, String> {
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(length) = rest[open..].find('}') else { return Err("has a { without a }".to_owned()) };
        let name = &rest[open + 1..open + length];
        if !PLACEHOLDERS.contains(&name) {
            return Err(format!("has the unknown placeholder {{{name}}}; there are {{{}}}", PLACEHOLDERS.join("} {")));
        }
        rest = &rest[open + length + 1..];
    }
    Ok(text.to_owned())
}

/// Reads `60s`, `500ms`, `2m`, `1h`; zero is none.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" | "min" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

/// Reads `512M`, `2G`, `100K`, `4096`; powers of 1024.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    let shift = match unit.trim() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "{text:?}"),
            Self::Texts(texts) => write!(formatter, "{texts:?}"),
            Self::Number(number) => number.fmt(formatter),
            Self::Size(bytes) if bytes % (1 << 20) == 0 => write!(formatter, "\"{}M\"", bytes >> 20),
            Self::Size(bytes) => write!(formatter, "\"{bytes}\""),
            Self::Duration(time) if time.subsec_millis() == 0 => write!(formatter, "\"{}s\"", time.as_secs()),
            Self::Duration(time) => write!(formatter, "\"{}ms\"", time.as_millis()),
            Self::Range(range) => write!(formatter, "\"{range}\""),
            Self::Ranges(ranges) => {
                write!(formatter, "[{}]", ranges.iter().map(|range| format!("\"{range}\"")).collect::<Vec<_>>().join(", "))
            }
            Self::Address(address) => write!(formatter, "\"{address}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        let cases = [("60s", Some(60_000)), ("500ms", Some(500)), ("2m", Some(120_000)), ("0s", None), ("5", None), ("-1s", None)];
        for (text, millis) in cases {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
        assert_eq!((size("512M"), size("2G"), size("x"), size("0")), (Some(512 << 20), Some(2 << 30), None, None));
    }

    #[test]
    fn an_unknown_placeholder_is_refused() {
        let read = |text: &str| Kind::Pattern.read(&Written::Text(text.to_owned()));
        assert!(read("{base}/users/{user}").is_ok());
        assert!(read("{usr}/x").unwrap_err().contains("{usr}"));
        assert!(read("{user").is_err());
    }

    #[test]
    fn wrong_kinds_say_what_would_be_right() {
        for kind in [Kind::Range, Kind::Duration, Kind::Size, Kind::Percent, Kind::Address, Kind::Choice(&["a", "b"]), Kind::Http] {
            let sentence = kind.read(&Written::Text("?".to_owned())).unwrap_err();
            assert!(sentence.starts_with("must be"), "{sentence}");
        }
        assert!(Kind::Number(1, 9).read(&Written::Number("10".to_owned())).is_err());
        assert!(Kind::Http.read(&Written::Text("0.0.0.0:7070".to_owned())).is_err());
    }
}
