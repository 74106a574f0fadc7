//! What can be asked of an instance, and what its supervisor is able to do.
//!
//! It must never say whether somebody *may*: only whether the supervisor *can*.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Signal};

/// Which port is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Asked {
    /// This one or none.
    Port(u16),
    /// What the configured strategy gives.
    Auto,
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(formatter, "{port}"),
            Self::Auto => formatter.write_str("auto"),
        }
    }
}

/// Something that may be done to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verb {
    /// Make it run.
    Start,
    /// End its whole process tree.
    Stop,
    /// Stop, then start on the same port.
    Restart,
    /// Read its log.
    Logs,
    /// Send a signal to its main process, and to no other.
    Signal(Signal),
    /// Give it a port: in the registry, in its file and in what runs.
    Assign(Asked),
    /// Have it be known by this certificate.
    Trust(Fingerprint),
}

impl Verb {
    /// Every verb; of the signals, the ports and the certificates one stands for all, see [`Verb::is_like`].
    pub const ALL: [Verb; 7] = [
        Verb::Start,
        Verb::Stop,
        Verb::Restart,
        Verb::Logs,
        Verb::Signal(Signal::Hangup),
        Verb::Assign(Asked::Auto),
        Verb::Trust(Fingerprint::ANY),
    ];

    /// The word on the command line and in the configuration. In the audit a signal has its name beside it, as [`fmt::Display`] has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Logs => "logs",
            Self::Signal(_) => "signal",
            Self::Assign(_) => "assign",
            Self::Trust(_) => "trust",
        }
    }

    /// What was done: "started", "stopped".
    pub fn done(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Stop => "stopped",
            Self::Restart => "restarted",
            Self::Logs => "shown",
            Self::Signal(_) => "signalled",
            Self::Assign(_) => "assigned",
            Self::Trust(_) => "accepted",
        }
    }

    /// Whether it changes anything.
    pub fn changes(self) -> bool {
        self != Self::Logs
    }

    /// Whether an owner can be let do it to what is his own, by a word of its own: ports are everybody's, and a certificate goes with a restart.
    pub fn is_owners(self) -> bool {
        !matches!(self, Self::Assign(_) | Self::Trust(_))
    }

    /// Whether the same right is needed for both: all signals are one right.
    pub fn is_like(self, other: Self) -> bool {
        self.word() == other.word()
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => formatter.pad(&format!("signal {signal}")),
            Self::Assign(asked) => formatter.pad(&format!("assign {asked}")),
            Self::Trust(print) => formatter.pad(&format!("trust {}", print.short())),
            _ => formatter.pad(self.word()),
        }
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
        self.unable.iter().find(|(unable, _)| unable.is_like(verb)).map(|(_, why)| *why)
    }
}
