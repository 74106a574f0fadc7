//! One thing that happened, as it is kept: what became of an instance, a finding that came or went, a changed configuration, an action.
//!
//! It must never hold text that is not `Shown`, nor decide who may see what of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Code, Deed, InstanceId, Level, Shown, Uid};

/// What kind of thing happened. The words are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// berth looks from now on.
    Began,
    /// An instance ended without being asked.
    Crashed,
    /// It ended too often.
    CrashLoop,
    /// It was started again by its policy, or runs as another process.
    Restarted,
    /// It does something else, and nobody asked berth for that.
    State,
    /// It answers otherwise.
    Health,
    /// It was not there before.
    Appeared,
    /// It is not there any more.
    Gone,
    /// Something is wrong that was not.
    Found,
    /// Something is not wrong any more.
    Over,
    /// A configuration says something else.
    Configuration,
    /// Events that could not be kept.
    Lost,
    /// Somebody who was to be told was not.
    Untold,
    /// Somebody had something done.
    Action,
}

impl EventKind {
    /// Every one.
    pub const ALL: [Self; 14] = [
        Self::Began,
        Self::Crashed,
        Self::CrashLoop,
        Self::Restarted,
        Self::State,
        Self::Health,
        Self::Appeared,
        Self::Gone,
        Self::Found,
        Self::Over,
        Self::Configuration,
        Self::Lost,
        Self::Untold,
        Self::Action,
    ];

    /// The word in JSON, in the configuration and in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Crashed => "crashed",
            Self::CrashLoop => "crash-loop",
            Self::Restarted => "restarted",
            Self::State => "state",
            Self::Health => "health",
            Self::Appeared => "appeared",
            Self::Gone => "gone",
            Self::Found => "found",
            Self::Over => "over",
            Self::Configuration => "configuration",
            Self::Lost => "lost",
            Self::Untold => "untold",
            Self::Action => "action",
        }
    }

    /// The kind of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number among the events, or, of an action, among the actions; 0 before it is kept.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: EventKind,
    /// How bad it is.
    pub level: Level,
    /// Whom it is about; `None` when it is about the host, or about many.
    pub id: Option<InstanceId>,
    /// The account that may see all of it: that of everybody it is about.
    pub uid: Option<Uid>,
    /// The code of what was found or is over.
    pub finding: Option<Shown>,
    /// All of it in one sentence without a full stop.
    pub sentence: Shown,
    /// What others may know of it; `None` when they may not even know that.
    pub brief: Option<Shown>,
    /// The action that it is.
    pub deed: Option<Box<Deed>>,
}

impl Event {
    /// One that is about nobody, seen by admins only.
    pub fn of_host(at: Timestamp, kind: EventKind, level: Level, sentence: &str) -> Self {
        let sentence = Shown::new(sentence);
        Self { number: 0, at, kind, level, id: None, uid: None, finding: None, sentence, brief: None, deed: None }
    }
}

/// A finding that was told of, by what it is known by from one run of berth to the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stands {
    /// What is wrong.
    pub code: Code,
    /// The first that it is about; `None` when it is about the host.
    pub id: Option<InstanceId>,
    /// At which port.
    pub port: Option<u16>,
    /// The account of everybody it is about.
    pub uid: Option<Uid>,
}

/// Which events are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventQuery {
    /// So many of the newest at most.
    pub last: usize,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// About this owner's instances only.
    pub user: Option<String>,
    /// About this instance only.
    pub id: Option<InstanceId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_word_of_its_own() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::of_word(kind.word()), Some(kind));
        }
        assert_eq!(EventKind::of_word("frob"), None);
    }
}
