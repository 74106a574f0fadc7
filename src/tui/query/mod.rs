//! The filter's little language: words that a row has to meet, all of them.
//!
//! `text`, `/regex/`, `!not`, and the fields `user: port: state: supervisor: finding: host:` with lists (`state:crashed,degraded`) and ranges
//! (`port:8100-8200`). It must never fail on any text: what is wrong is a sentence, what is not finished yet asks for nothing.

mod complete;
mod matching;
mod word;

use crate::domain::{Row, Shown};

pub use complete::{Completion, complete, is_one_word};
#[cfg(any(test, fuzzing))]
pub use word::STATES;
use word::Word;

/// The fields with the names that they go by, the first one being the one that is offered.
const FIELDS: [(Field, &[&str]); 6] = [
    (Field::User, &["user", "owner"]),
    (Field::Port, &["port"]),
    (Field::State, &["state"]),
    (Field::Supervisor, &["supervisor", "by"]),
    (Field::Finding, &["finding", "findings"]),
    (Field::Host, &["host"]),
];

/// What a word can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The owner, the account or its uid.
    User,
    /// The port that is assigned or listened on.
    Port,
    /// What it does.
    State,
    /// Who runs it.
    Supervisor,
    /// What was found.
    Finding,
    /// The host, where several are shown as one.
    Host,
}

/// How well a row meets a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hit {
    /// Every word as it was typed.
    Exact,
    /// Some word only by its letters in their order.
    Near,
}

/// A filter that was understood.
#[derive(Clone, Debug, Default)]
pub struct Query {
    words: Vec<Word>,
}

impl Query {
    /// Reads a filter as typed.
    ///
    /// # Errors
    /// A sentence about the first word that cannot be meant: no such field, no such state, no port, a wrong expression.
    pub fn parse(text: &str) -> Result<Self, Shown> {
        let words = split(text).into_iter().filter_map(|(_, word)| Word::parse(word).transpose());
        words.collect::<Result<_, _>>().map(|words| Self { words }).map_err(|wrong| Shown::new(&wrong))
    }

    /// Whether it keeps everything.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How well a row meets every word; `None` when it does not. `scratch` is overwritten: a fleet is filtered with one.
    pub fn hit(&self, row: &Row, scratch: &mut String) -> Option<Hit> {
        let mut worst = Hit::Exact;
        for word in &self.words {
            worst = worst.max(word.hit(row, scratch)?);
        }
        Some(worst)
    }

    /// Whether a row meets every word.
    pub fn keeps(&self, row: &Row) -> bool {
        self.hit(row, &mut String::new()).is_some()
    }
}

/// The words of a text with the byte where each begins. Between slashes, blanks belong to the word.
fn split(text: &str) -> Vec<(usize, &str)> {
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(rest) = text.get(at..) {
        let word = rest.trim_start();
        at += rest.len() - word.len();
        if word.is_empty() {
            break;
        }
        let signs = word.len() - word.trim_start_matches('!').len();
        let body = word.get(signs..).unwrap_or_default();
        let length = if body.starts_with('/') { signs + expression(body) } else { word.find(char::is_whitespace).unwrap_or(word.len()) };
        words.push((at, word.get(..length).unwrap_or(word)));
        at += length;
    }
    words
}

/// The length of an expression with its slashes. The last slash is the one that stands before a blank or the end: `/opt/mcp` is one.
fn expression(body: &str) -> usize {
    let mut before = None;
    for (at, character) in body.char_indices() {
        let ends = || body.get(at + 1..).unwrap_or_default().chars().next().is_none_or(char::is_whitespace);
        if at > 0 && character == '/' && before != Some('\\') && ends() {
            return at + 1;
        }
        before = Some(character);
    }
    body.len()
}

/// A filter's text without the words that ask for users; those that exclude some stay.
pub fn without_users(text: &str) -> String {
    let others = split(text).into_iter().map(|(_, word)| word).filter(|word| !matches!(field(word), Ok(Some((Field::User, _)))));
    others.collect::<Vec<_>>().join(" ")
}

/// A word without its `!`.
fn strip_not(word: &str) -> (bool, &str) {
    word.strip_prefix('!').map_or((false, word), |rest| (true, rest))
}

/// The field that a word begins with, and what follows the colon.
///
/// # Errors
/// The name, when it looks like a field and is none.
fn field(word: &str) -> Result<Option<(Field, &str)>, &str> {
    let Some((name, rest)) =
        word.split_once(':').filter(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()))
    else {
        return Ok(None);
    };
    let is_name = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    FIELDS.iter().find(|(_, names)| is_name(names)).map(|(field, _)| Some((*field, rest))).ok_or(name)
}

#[cfg(test)]
mod tests;
