//! The words that answers choose from, as schemas: made from the facts' own words, so that a new one is in the document by itself.
//!
//! It must never spell a word itself.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::domain::{Code, EventKind, HealthState, Level, Role, State, SupervisorKind, Verb, Wish};
use crate::error::Kind;

macro_rules! words {
    ($($(#[$about:meta])* $name:ident = $words:expr;)*) => {$(
        $(#[$about])*
        pub struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut words: Vec<&str> = $words.to_vec();
                // Several facts may have one word.
                words.dedup();
                json_schema!({ "type": "string", "enum": words })
            }
        }
    )*};
}

words! {
    /// What an instance is doing.
    StateWord = [
        State::Stopped, State::Starting, State::Running, State::Degraded, State::Stopping, State::Crashed, State::CrashLoop, State::Unknown,
    ].map(State::word);
    /// What it should be doing.
    WishWord = [Wish::Up, Wish::Down, Wish::None].map(Wish::word);
    /// How well it answers.
    HealthWord = [
        HealthState::Unknown, HealthState::Starting, HealthState::Healthy, HealthState::Slow, HealthState::Degraded, HealthState::Unhealthy,
        HealthState::Guarded,
    ].map(HealthState::word);
    /// Who runs it.
    SupervisorWord = [
        SupervisorKind::Process, SupervisorKind::Systemd, SupervisorKind::Docker, SupervisorKind::Podman, SupervisorKind::Pm2,
        SupervisorKind::None,
    ].map(SupervisorKind::word);
    /// What was found.
    CodeWord = Code::ALL.map(Code::word);
    /// How bad it is.
    LevelWord = [Level::Error, Level::Warning, Level::Note].map(Level::word);
    /// What somebody is to berth.
    RoleWord = [Role::Admin, Role::Viewer, Role::Stranger].map(Role::word);
    /// What kind of event.
    EventWord = EventKind::ALL.map(EventKind::word);
    /// What can be done.
    VerbWord = Verb::ALL.map(Verb::word);
    /// What kind of error.
    KindWord = Kind::ALL.map(Kind::word);
}

/// A time, RFC 3339 in UTC.
pub struct Time;

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
