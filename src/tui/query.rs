//! The filter's little language: words that a row has to meet, all of them.
//!
//! `text`, `!not`, `user:`, `port:`, `state:`, `supervisor:`, `finding:`. It must never fail: what is not understood is text.

use crate::domain::{Row, State};

/// A filter that was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    negated: bool,
    field: Field,
    /// In lower case.
    text: String,
}

/// What a word is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Any,
    User,
    Port,
    State,
    Supervisor,
    Finding,
}

impl Query {
    /// Reads a filter as typed.
    pub fn parse(text: &str) -> Self {
        Self { words: text.split_whitespace().filter_map(Word::parse).collect() }
    }

    /// Whether it keeps everything.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a row meets every word.
    pub fn keeps(&self, row: &Row) -> bool {
        self.words.iter().all(|word| word.meets(row) != word.negated)
    }
}

impl Word {
    /// `None` for what is not finished yet: `!`, `state:`.
    fn parse(word: &str) -> Option<Self> {
        let lower = word.to_lowercase();
        let (mut negated, rest) = strip_not(&lower);
        let (field, mut text) = match rest.split_once(':') {
            Some(("user", text)) => (Field::User, text),
            Some(("port", text)) => (Field::Port, text),
            Some(("state", text)) => (Field::State, text),
            Some(("supervisor" | "by", text)) => (Field::Supervisor, text),
            Some(("finding", text)) => (Field::Finding, text),
            _ => (Field::Any, rest),
        };
        if field != Field::Any {
            let (again, inner) = strip_not(text);
            negated ^= again;
            text = inner;
        }
        (!text.is_empty()).then(|| Self { negated, field, text: text.to_owned() })
    }

    fn meets(&self, row: &Row) -> bool {
        let text = self.text.as_str();
        match self.field {
            Field::Any => {
                let id = row.id.to_string().to_lowercase();
                id.contains(text)
                    || is_subsequence(text, &id)
                    || contains(row.user.as_str(), text)
                    || row.state.word().contains(text)
                    || row.port.is_some_and(|port| port.to_string().contains(text))
                    || row.findings.iter().any(|code| code.word().contains(text))
                    || row.processes.iter().any(|process| contains(process.command.as_str(), text))
            }
            Field::User => contains(row.user.as_str(), text) || contains(row.id.owner(), text) || row.uid.to_string() == text,
            Field::Port => {
                row.port.is_some_and(|port| meets_port(port, text)) || row.listening.iter().any(|(at, _)| meets_port(at.port, text))
            }
            Field::State => meets_state(row.state, text),
            Field::Supervisor => row.supervisor.word().starts_with(text),
            Field::Finding => row.findings.iter().any(|code| code.word().contains(text) || code.level().word() == text),
        }
    }
}

/// A word without its `!`.
fn strip_not(word: &str) -> (bool, &str) {
    word.strip_prefix('!').map_or((false, word), |rest| (true, rest))
}

/// Whether a text contains a lower-case one.
fn contains(text: &str, lower: &str) -> bool {
    text.to_lowercase().contains(lower)
}

/// Whether the characters occur in this order: fuzzy enough to find `bob/tools` by `btls`. One letter would find nearly everything.
fn is_subsequence(letters: &str, text: &str) -> bool {
    let mut rest = text.chars();
    letters.chars().nth(1).is_some() && letters.chars().all(|letter| rest.any(|character| character == letter))
}

/// A port's number, its beginning, or a range `A-B`.
fn meets_port(port: u16, text: &str) -> bool {
    match text.split_once('-').map(|(first, last)| (first.parse::<u16>(), last.parse::<u16>())) {
        Some((Ok(first), Ok(last))) => (first..=last).contains(&port),
        _ => port.to_string().starts_with(text),
    }
}

/// A state's word or its beginning; `up` and `down` for whether a process is there.
fn meets_state(state: State, text: &str) -> bool {
    match text {
        "up" => state.is_up(),
        "down" => !state.is_up() && state != State::Unknown,
        _ => state.word().starts_with(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Code;
    use crate::tui::testing;

    #[test]
    fn words_are_met_or_not() {
        let bob = testing::row("bob/tools", |row| {
            row.state = State::Degraded;
            row.port = Some(8102);
            row.findings = vec![Code::PortTaken];
        });
        let kept = ["", "bob", "BOB", "btls", "8102", "tools degraded", "port:81", "port:8100-8110", "state:deg", "state:up", "!alice"];
        for text in kept {
            assert!(Query::parse(text).keeps(&bob), "{text}");
        }
        for text in ["finding:taken", "finding:error", "supervisor:proc", "user:bob", "state:!running", "!state:down", "state:", "!"] {
            assert!(Query::parse(text).keeps(&bob), "{text}");
        }
        for text in ["alice", "!bob", "port:9", "port:8200-8300", "state:down", "finding:drift", "bob alice", "state:!degraded", "z"] {
            assert!(!Query::parse(text).keeps(&bob), "{text}");
        }
    }

    #[test]
    fn what_is_no_field_is_text() {
        assert!(!Query::parse("colour:red").keeps(&testing::row("bob", |_| {})));
        assert!(Query::parse("  ").is_empty());
    }
}
