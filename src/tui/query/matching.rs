//! A row against a word of a filter.
//!
//! It must never allocate for each row what one row's scratch can hold: thousands are compared at each key.

use std::fmt::Write;

use super::Hit;
use super::word::{Name, Ports, Test, Word};
use crate::domain::Row;
use crate::tui::fuzzy::is_close;

impl Word {
    /// How well a row meets it. What is negated is only ever met or not: letters in order exclude nobody.
    pub fn hit(&self, row: &Row, scratch: &mut String) -> Option<Hit> {
        if self.is_met(row, scratch) {
            return (!self.negated).then_some(Hit::Exact);
        }
        match &self.test {
            _ if self.negated => Some(Hit::Exact),
            Test::Text(text) if is_near(row, text, scratch) => Some(Hit::Near),
            _ => None,
        }
    }

    fn is_met(&self, row: &Row, scratch: &mut String) -> bool {
        match &self.test {
            Test::Text(text) => any_text(row, scratch, |field| contains(field, text)),
            Test::Expression(expression) => any_text(row, scratch, |field| expression.is_match(field)),
            Test::User(names) => names.iter().any(|name| meets_name(row, name, scratch)),
            Test::Port(ports) => {
                let meets = |port: u16, scratch: &mut String| ports.iter().any(|ports| meets_port(port, ports, scratch));
                row.port.is_some_and(|port| meets(port, scratch)) || row.listening.iter().any(|(at, _)| meets(at.port, scratch))
            }
            Test::State(states) => states.contains(&row.state),
            Test::Supervisor(words) => words.iter().any(|word| {
                row.supervisor.word().starts_with(word.as_str()) || project(row).is_some_and(|project| contains(project, word))
            }),
            Test::Host(words) => row.id.host().is_some_and(|host| words.iter().any(|word| contains(host, word))),
            Test::Finding(words) => {
                let meets =
                    |word: &String| row.findings.iter().any(|code| code.word().contains(word.as_str()) || code.level().word() == word);
                words.iter().any(meets)
            }
        }
    }
}

/// The compose project and service that it is of.
fn project(row: &Row) -> Option<&str> {
    row.service.as_ref()?.project.as_ref().map(|project| project.as_str())
}

/// Whether one of the texts by which people know an instance meets a test.
fn any_text(row: &Row, scratch: &mut String, test: impl Fn(&str) -> bool) -> bool {
    test(spelt(&row.id, scratch))
        || test(row.user.as_str())
        || test(row.state.word())
        || project(row).is_some_and(&test)
        || row.findings.iter().any(|code| test(code.word()))
        || row.port.is_some_and(|port| test(spelt(&port, scratch)))
        || row.processes.iter().any(|process| test(process.command.as_str()) || test(process.name.as_str()))
}

/// Whether the letters stand in their order, close together, in one of the short texts. In a long one, a command, they would always.
fn is_near(row: &Row, text: &str, scratch: &mut String) -> bool {
    is_close(text, spelt(&row.id, scratch))
        || is_close(text, row.user.as_str())
        || row.findings.iter().any(|code| is_close(text, code.word()))
        || row.processes.iter().any(|process| is_close(text, process.name.as_str()))
}

/// A value's text, in the scratch.
fn spelt<'a>(value: &impl std::fmt::Display, scratch: &'a mut String) -> &'a str {
    scratch.clear();
    // Writing into a string cannot fail.
    let _ = write!(scratch, "{value}");
    scratch
}

/// Whether a text contains a lower-case one, whatever its capitals.
fn contains(text: &str, lower: &str) -> bool {
    if lower.is_ascii() {
        text.as_bytes().windows(lower.len().max(1)).any(|window| window.eq_ignore_ascii_case(lower.as_bytes()))
    } else {
        text.to_lowercase().contains(lower)
    }
}

fn meets_name(row: &Row, name: &Name, scratch: &mut String) -> bool {
    let (owner, account) = (row.id.owner(), row.user.as_str());
    match name {
        Name::Part(part) => contains(owner, part) || contains(account, part) || spelt(&row.uid, scratch) == part,
        Name::Whole(whole) => owner.eq_ignore_ascii_case(whole) || account.eq_ignore_ascii_case(whole),
    }
}

fn meets_port(port: u16, ports: &Ports, scratch: &mut String) -> bool {
    match ports {
        Ports::Begins(digits) => spelt(&port, scratch).starts_with(digits.as_str()),
        Ports::Between(first, last) => (*first..=*last).contains(&port),
    }
}
