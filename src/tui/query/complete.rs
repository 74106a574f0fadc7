//! What can be typed next: names of fields, and values that are there in the fleet.
//!
//! It must never offer what would keep nothing.

use super::word::STATES;
use super::{FIELDS, Field, field, split, strip_not};
use crate::domain::{Row, Snapshot};

/// More than these are not told apart by looking; another letter is faster.
const MOST: usize = 40;

/// What can stand at a place of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The byte where it begins.
    pub start: usize,
    /// The byte where it ends: what is between is replaced.
    pub end: usize,
    /// What can stand there, in order.
    pub options: Vec<String>,
    /// Which of them was put there.
    pub taken: Option<usize>,
}

/// What can be typed at `cursor`, a byte of the text.
pub fn complete(text: &str, cursor: usize, snapshot: Option<&Snapshot>) -> Completion {
    let before = text.get(..cursor).unwrap_or(text);
    let word = split(before).pop().filter(|(at, word)| at + word.len() == before.len());
    let (at, word) = word.unwrap_or((before.len(), ""));
    let (_, rest) = strip_not(word);
    let start = at + word.len() - rest.len();
    let none = Completion { start, end: before.len(), ..Completion::default() };
    match field(rest) {
        _ if rest.starts_with('/') => none,
        Err(_) => none,
        Ok(None) => {
            let names = FIELDS.iter().filter_map(|(_, names)| names.first()).map(|name| format!("{name}:"));
            Completion { options: names.filter(|name| begins(name, rest)).collect(), ..none }
        }
        Ok(Some((field, values))) => {
            let part = values.rsplit([',', '!', '=']).next().unwrap_or_default();
            let already: Vec<&str> = values.split(',').map(|value| value.trim_start_matches(['!', '='])).collect();
            let options = snapshot.map(|snapshot| offered(field, part, &already, snapshot)).unwrap_or_default();
            Completion { start: before.len() - part.len(), options, ..none }
        }
    }
}

/// The field's values in the fleet that begin with what was typed, without those that the list has.
fn offered(field: Field, part: &str, already: &[&str], snapshot: &Snapshot) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    let mut offer = |value: &str| {
        let fits = begins(value, part) && !already.iter().any(|known| known.eq_ignore_ascii_case(value));
        if fits && options.len() < MOST && !options.iter().any(|known| known == value) {
            options.push(value.to_owned());
        }
    };
    let rows = || snapshot.rows.iter().map(AsRef::as_ref);
    match field {
        Field::User => {
            rows().flat_map(|row: &Row| [row.id.owner(), row.user.as_str()]).filter(|name| is_one_word(name)).for_each(&mut offer)
        }
        Field::Port => rows().filter_map(|row| row.port).for_each(|port| offer(&port.to_string())),
        Field::State => {
            let present = |state| snapshot.rows.iter().any(|row| row.state == state);
            STATES.into_iter().filter(|state| present(*state)).for_each(|state| offer(state.word()));
            ["up", "down"].into_iter().for_each(&mut offer);
        }
        Field::Supervisor => {
            rows().filter(|row| !row.id.is_unmanaged()).for_each(|row| offer(row.supervisor.word()));
            let projects = rows().filter_map(|row| row.service.as_ref()?.project.as_ref()?.as_str().split('/').next());
            projects.filter(|name| is_one_word(name)).for_each(&mut offer);
        }
        Field::Host => snapshot.hosts.iter().for_each(|part| offer(&part.name)),
        Field::Finding => {
            snapshot.findings.iter().for_each(|finding| offer(finding.code.word()));
            rows().flat_map(|row| &row.findings).for_each(|code| offer(code.word()));
        }
    }
    options
}

/// Whether a value goes on where the text ends.
fn begins(value: &str, part: &str) -> bool {
    value.len() > part.len() && value.get(..part.len()).is_some_and(|head| head.eq_ignore_ascii_case(part))
}

/// Whether a name can be written in a filter.
pub fn is_one_word(name: &str) -> bool {
    !name.is_empty() && !name.contains([',', '!', '=']) && !name.contains(char::is_whitespace)
}
