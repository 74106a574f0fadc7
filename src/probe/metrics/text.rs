//! The text format of Prometheus and OpenMetrics: samples, line by line. Pure.
//!
//! It must never copy what is not asked for, nor fail: a line that is none is left out.

use std::borrow::Cow;

/// The most samples that are looked at.
const MOST_SAMPLES: usize = 20_000;

/// The longest line that is looked at, bytes.
const LONGEST_LINE: usize = 4096;

/// One sample: a value of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The series' name.
    pub name: &'a str,
    /// What stands between its braces, as it is written.
    labels: &'a str,
    /// The value; never infinite or no number.
    pub value: f64,
}

/// The samples of a text.
pub fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines().filter(|line| line.len() <= LONGEST_LINE && !line.starts_with('#')).filter_map(sample).take(MOST_SAMPLES)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    let end = line.find(|character: char| !is_of_a_name(character)).filter(|end| *end > 0)?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(rest) => {
            let end = end_of_labels(rest)?;
            (rest.get(..end)?, rest.get(end + 1..)?)
        }
        None => ("", rest),
    };
    // A time, or an exemplar, may follow.
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    (!name.starts_with(|first: char| first.is_ascii_digit()) && value.is_finite()).then_some(Sample { name, labels, value })
}

/// Whether a name of a series may hold it.
pub fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':')
}

/// Where the brace stands that no quotes hold.
fn end_of_labels(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|byte| {
        if escaped {
            escaped = false;
            return false;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return true,
            _ => {}
        }
        false
    })
}

impl<'a> Sample<'a> {
    /// The value of a label.
    pub fn label(&self, wanted: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.labels;
        loop {
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start().strip_prefix('"')?;
            let mut escaped = false;
            let end = after.bytes().position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            })?;
            let value = after.get(..end)?;
            if name.trim() == wanted {
                return Some(unescaped(value));
            }
            rest = after.get(end + 1..)?.trim_start().trim_start_matches(',');
        }
    }
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut characters = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            (character, false) => plain.push(character),
        }
    }
    Cow::Owned(plain)
}
