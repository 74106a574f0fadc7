//! One word of a filter: what it asks for, read once, so that a row is only compared.
//!
//! It must never take long to make: an expression has a bounded size.

use regex::{Regex, RegexBuilder};

use super::{FIELDS, Field, field, strip_not};
use crate::domain::State;

/// The most that a compiled expression may take, bytes.
const LARGEST_EXPRESSION: usize = 1 << 20;

/// Every state.
pub const STATES: [State; 8] =
    [State::Running, State::Degraded, State::Crashed, State::CrashLoop, State::Starting, State::Stopping, State::Stopped, State::Unknown];

/// One word.
#[derive(Clone, Debug)]
pub struct Word {
    /// Whether it is to be not met.
    pub negated: bool,
    /// What it asks for.
    pub test: Test,
}

/// What a word asks for. Of a list one is enough. Texts are in lower case.
#[derive(Clone, Debug)]
pub enum Test {
    /// A text, anywhere.
    Text(String),
    /// An expression, anywhere.
    Expression(Regex),
    /// An owner or an account.
    User(Vec<Name>),
    /// A port.
    Port(Vec<Ports>),
    /// One of these states.
    State(Vec<State>),
    /// The beginning of a supervisor's word.
    Supervisor(Vec<String>),
    /// A part of a code, or a level.
    Finding(Vec<String>),
    /// A part of a host's name.
    Host(Vec<String>),
}

/// What an owner's or an account's name is compared with.
#[derive(Clone, Debug)]
pub enum Name {
    /// `bob`: a part of the name, or the uid.
    Part(String),
    /// `=bob`: the whole name.
    Whole(String),
}

/// What a port is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Its first digits.
    Begins(String),
    /// Both inclusive.
    Between(u16, u16),
}

impl Word {
    /// `None` for what is not finished yet: `!`, `state:`, `/`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(word: &str) -> Result<Option<Self>, String> {
        let (negated, rest) = strip_not(word);
        if let Some(body) = rest.strip_prefix('/') {
            let body = body.strip_suffix('/').unwrap_or(body);
            return if body.is_empty() { Ok(None) } else { expression(body).map(|test| Some(Self { negated, test })) };
        }
        let Some((field, values)) = field(rest).map_err(no_field)? else {
            let text = rest.to_lowercase();
            return Ok((!text.is_empty()).then_some(Self { negated, test: Test::Text(text) }));
        };
        let (again, values) = strip_not(values);
        let lower = values.to_lowercase();
        let values = lower.split(',').filter(|value| !value.is_empty());
        let test = match field {
            Field::User => some(values.filter_map(name).collect()).map(Test::User),
            Field::Port => some(collect(values.map(ports))?).map(Test::Port),
            Field::State => some(collect(values.map(states))?.concat()).map(Test::State),
            Field::Supervisor => some(values.map(str::to_owned).collect()).map(Test::Supervisor),
            Field::Finding => some(values.map(str::to_owned).collect()).map(Test::Finding),
            Field::Host => some(values.map(str::to_owned).collect()).map(Test::Host),
        };
        Ok(test.map(|test| Self { negated: negated ^ again, test }))
    }
}

/// The values that are finished.
fn collect<T>(values: impl Iterator<Item = Result<Option<T>, String>>) -> Result<Vec<T>, String> {
    values.filter_map(Result::transpose).collect()
}

/// A list, when there is something in it.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn no_field(name: &str) -> String {
    let known: Vec<String> = FIELDS.iter().filter_map(|(_, names)| names.first()).map(|name| format!("{name}:")).collect();
    format!("there is no field {name}: but {}", known.join(" "))
}

/// An expression that pays no attention to capitals.
fn expression(body: &str) -> Result<Test, String> {
    let made = RegexBuilder::new(body)
        .case_insensitive(true)
        .size_limit(LARGEST_EXPRESSION)
        .dfa_size_limit(LARGEST_EXPRESSION)
        .nest_limit(50)
        .build();
    made.map(Test::Expression).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the expression is too large".to_owned(),
        error => {
            // The last line says what, those before it repeat the expression.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim();
            format!("wrong expression: {}", reason.strip_prefix("error: ").unwrap_or(reason))
        }
    })
}

fn name(value: &str) -> Option<Name> {
    match value.strip_prefix('=') {
        Some("") => None,
        Some(whole) => Some(Name::Whole(whole.to_owned())),
        None => Some(Name::Part(value.to_owned())),
    }
}

/// A port's first digits or a range; an end that is not typed yet is open.
fn ports(value: &str) -> Result<Option<Ports>, String> {
    let wrong = || format!("{value} is no port");
    let Some((first, last)) = value.split_once('-') else {
        let is_port = value.bytes().all(|byte| byte.is_ascii_digit()) && value.parse::<u16>().is_ok();
        return if is_port { Ok(Some(Ports::Begins(value.to_owned()))) } else { Err(wrong()) };
    };
    let number = |text: &str, open: u16| if text.is_empty() { Ok(open) } else { text.parse::<u16>().map_err(|_| wrong()) };
    let (from, to) = (number(first, 0)?, number(last, u16::MAX)?);
    Ok(match (first.is_empty() && last.is_empty(), to < from) {
        (true, _) => None,
        // "8100-8" is on its way to "8100-8200".
        (_, true) if last.len() < first.len() => Some(Ports::Between(from, u16::MAX)),
        _ => Some(Ports::Between(from.min(to), from.max(to))),
    })
}

/// The states that begin with a text; `up` and `down` for whether a process is there.
fn states(value: &str) -> Result<Option<Vec<State>>, String> {
    let of = |test: &dyn Fn(State) -> bool| STATES.into_iter().filter(|state| test(*state)).collect::<Vec<_>>();
    let found = match value {
        "up" => of(&State::is_up),
        "down" => of(&|state| !state.is_up() && state != State::Unknown),
        _ => of(&|state| state.word().starts_with(value)),
    };
    match found.is_empty() {
        false => Ok(Some(found)),
        true if "down".starts_with(value) => Ok(None),
        true => Err(format!("there is no state {value}: {}, up or down", STATES.map(State::word).join(", "))),
    }
}
