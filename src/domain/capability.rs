//! What can be asked of an instance, and what its supervisor is able to do.
//!
//! It must never say whether somebody *may*: only whether the supervisor *can*.

use std::fmt;

/// Something that may be done to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Make it run.
    Start,
    /// End its whole process tree.
    Stop,
    /// Stop, then start on the same port.
    Restart,
    /// Read its log.
    Logs,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Verb; 4] = [Verb::Start, Verb::Stop, Verb::Restart, Verb::Logs];

    /// The word on the command line, in the configuration and in the audit.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Logs => "logs",
        }
    }

    /// What was done: "started", "stopped".
    pub fn done(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Stop => "stopped",
            Self::Restart => "restarted",
            Self::Logs => "shown",
        }
    }

    /// Whether it changes anything.
    pub fn changes(self) -> bool {
        self != Self::Logs
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

/// What a supervisor is able to do with one instance; what it is not comes with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The verbs it cannot carry out, each with a sentence that says why.
    pub unable: Vec<(Verb, &'static str)>,
}

impl Capabilities {
    /// Why the verb cannot be carried out; `None` when it can.
    pub fn why_not(&self, verb: Verb) -> Option<&'static str> {
        self.unable.iter().find(|(unable, _)| *unable == verb).map(|(_, why)| *why)
    }
}
