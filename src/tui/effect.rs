//! What the console wants done: the only way out of the pure part. `perform` carries these out.
//!
//! It must never be carried out here, and never hold a handle: a test compares effects as plain values.

use std::time::Duration;

use crate::config::Strategy;
use crate::domain::{InstanceId, Order, Task, Verb};
use crate::link::{Ask, Sought, Want};

use super::event::Purpose;
use super::preferences::Preferences;

/// One thing to be done outside the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the door what may be done to an instance; comes back as `Event::Answered`.
    Ask(InstanceId, Purpose),
    /// Ask the door of each of these whether that may be done to it; comes back as `Event::AnsweredMany`.
    AskMany(Verb, Vec<InstanceId>),
    /// Have an order carried out. It was confirmed.
    Submit(Order),
    /// Ask the door what an order would do; comes back as `Event::Foreseen`.
    Foresee(Order),
    /// Ask the door what a strategy would give to everybody; comes back as `Event::Proposed`.
    Propose(Strategy),
    /// Ask the door what would be done to the fleet; comes back as `Event::TaskForeseen`.
    ForeseeTask(Task),
    /// Have it done to the fleet, with the reason. It was confirmed. Comes back as `Event::TaskEnded`.
    CarryOut(Task, Option<String>),
    /// After this pause, open logs as one under a serial, unless a later serial was asked for meanwhile.
    OpenLog {
        /// Whose.
        ids: Vec<InstanceId>,
        /// Comes back in every event about this log; rises with each opening.
        serial: u64,
        /// How long the selection has to stand still first.
        after: Duration,
    },
    /// Count the connections to an instance; comes back as `Event::ClientsCounted`.
    CountClients(InstanceId),
    /// Look at what keeps an instance from working; comes back as `Event::Diagnosed`.
    Diagnose(InstanceId),
    /// Stop following whatever is followed.
    CloseLog,
    /// Read lines of the open log; comes back as `Event::LogRead`.
    ReadLog {
        /// Of the log opened under this serial.
        serial: u64,
        /// Which.
        ask: Ask,
    },
    /// Leave out what is not wanted of the open log, and look for something in the rest.
    SiftLog {
        /// Of the log opened under this serial.
        serial: u64,
        /// What is wanted.
        want: Want,
    },
    /// Look for a line of the open log; comes back as `Event::LogFound`.
    FindLog {
        /// Of the log opened under this serial.
        serial: u64,
        /// Which.
        sought: Sought,
    },
    /// Take lines of the open log as a text to be copied; comes back as `Event::LogTaken`.
    TakeLog {
        /// Of the log opened under this serial.
        serial: u64,
        /// The first one's number.
        from: u64,
        /// The last one's.
        to: u64,
        /// What stands before each line, by the log that it is from.
        names: Vec<String>,
    },
    /// Write all lines that are to be seen to a new file; comes back as `Event::Told`.
    SaveLog {
        /// Of the log opened under this serial.
        serial: u64,
        /// The file.
        path: String,
        /// What stands before each line, by the log that it is from.
        names: Vec<String>,
    },
    /// Give the terminal to a pager with all lines that are to be seen.
    PageLog {
        /// Of the log opened under this serial.
        serial: u64,
        /// What stands before each line, by the log that it is from.
        names: Vec<String>,
    },
    /// Read the last so many actions of the audit trail; comes back as `Event::TrailRead`.
    ReadTrail(usize),
    /// Bring a text to the person's clipboard; comes back as `Event::Copied`.
    Copy {
        /// What it is, for the sentence: "alice's client URL".
        what: String,
        /// The text.
        text: String,
    },
    /// Have the terminal tell about the mouse, or not.
    Mouse(bool),
    /// Keep what the person likes for the next time.
    Keep(Preferences),
    /// Forget what the terminal shows and paint everything.
    Redraw,
    /// Give the terminal back and stop, as Ctrl-Z does.
    Suspend,
    /// Leave.
    Quit,
}
