//! An order to change something, how far it is, and what came of it.
//!
//! It must never be carried out from here, and never hold who asks: the door adds the caller.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{InstanceId, ProcessKey, Shown, Uid, Verb};

/// The process that a person saw when they confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Whatever runs: the instance was named on a command line.
    Whatever,
    /// Exactly this process; if it is another by now, nothing is done.
    Exactly(ProcessKey),
    /// Nothing ran when the person looked.
    Nothing,
}

/// One thing to be done to one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What.
    pub verb: Verb,
    /// To whom.
    pub id: InstanceId,
    /// What was running when it was confirmed.
    pub target: Target,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// A deadline other than the configured one.
    pub timeout: Option<Duration>,
}

/// How far an order is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It waits or is being carried out; in words: "waiting for 127.0.0.1:8081".
    Doing(Shown),
    /// It came to an end.
    Ended(Outcome),
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The exit code that a command line gives for it, DESIGN section 5.
    pub exit_code: u8,
    /// One sentence: "stopped after 1.2 s", "not started. 8107 is held by pid 4711 (python3, bob) since 03:09:41".
    pub sentence: Shown,
    /// What helps: a command, a hint; empty when nothing has to be helped.
    pub hints: Vec<Shown>,
    /// The last lines of the log, when they explain a failure.
    pub log_lines: Vec<Shown>,
}

impl Outcome {
    /// Whether what was asked holds now.
    pub fn is_done(&self) -> bool {
        self.exit_code == 0
    }
}

/// An order on its way, as the table shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Underway {
    /// What.
    pub verb: Verb,
    /// To whom.
    pub id: InstanceId,
    /// Who asked, as [`super::Caller::person`] has it; `None` where nobody did.
    pub by: Option<Uid>,
    /// Since when, on the boot clock.
    pub since: Duration,
    /// How far; `Ended` stays for some seconds so that it is seen.
    pub stage: Stage,
    /// When it ended, on the boot clock.
    pub ended: Option<Duration>,
}
