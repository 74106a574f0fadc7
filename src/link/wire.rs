//! What a daemon and an attached console say to each other, JSON over HTTP on the daemon's socket. Its own form, which changes with
//! berth: both sides have to be of one version, unlike the API of `/v1`, which is a contract.
//!
//! It must never hold who asks: the daemon knows that from the kernel.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Adding;
use crate::config::Strategy;
use crate::domain::{
    Added, Allotments, Announcement, Caller, Declared, Diagnosis, Event, EventQuery, FileSystem, Finding, HostReading, InstanceId,
    Listener, Moment, Notified, Order, Outcome, PortRange, Proposal, Reading, Row, Shown, Task, Totals, Trail, Underway, Verb,
};
use crate::error::{Error, Kind};

/// The version of this form: rises when it, or a fact that travels in it, changes.
pub const PROTOCOL: u32 = 3;

/// Where a console asks first.
pub const HELLO: &str = "/v1/console";

/// Where it has things done.
pub const CALL: &str = "/v1/console/call";

/// Where it has logs opened.
pub const LOG: &str = "/v1/console/log";

/// Where it reads along.
pub const STREAM: &str = "/v1/stream?form=console";

/// Who the daemon is and who asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// Its [`PROTOCOL`].
    pub protocol: u32,
    /// Its version.
    pub version: String,
    /// As whom the console is answered; nothing where the forms differ, since then nothing else can be read either.
    pub caller: Caller,
    /// The caller as whose orders are authorised: an admin's are carried out with the daemon's rights.
    pub acting: Caller,
    /// `[access] owners_may`.
    pub owners_may: Vec<Verb>,
    /// Which instances its configuration is about, as a number: [`Config::about`](crate::config::Config::about).
    #[serde(default)]
    pub about: u64,
}

/// Something that is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Call {
    /// To be done in the background.
    Submit(Order),
    /// To be done; each step is told.
    CarryOut(Order),
    /// To be told before.
    Foresee(Order),
    /// A port plan.
    Propose(Strategy),
    /// To be told before, of the fleet.
    ForeseeTask(Task),
    /// To be done to the fleet, and why.
    CarryOutTask(Task, Option<String>),
    /// To be added, or told before: each as it says itself. One may be started, too; of several none is.
    Add(Vec<Adding>),
    /// How many connections an instance has.
    Clients(InstanceId),
    /// Why an instance does not work.
    Diagnose(InstanceId),
    /// So many of the last deeds.
    Trail(usize),
    /// The newest events.
    Events(EventQuery),
}

/// A line of the answer: steps, then the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Line {
    /// What is being done.
    Step(Shown),
    /// What came of it.
    End(Box<Reply>),
}

/// What came of a [`Call`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is on its way.
    Taken,
    /// Of an order or a task.
    Outcome(Outcome),
    /// What it would do.
    Foreseen(Order, Outcome),
    /// What came of those that were to be added, in their order.
    Added(Vec<Added>),
    /// The plan.
    Proposal(Proposal),
    /// The connections.
    Clients(u64),
    /// The diagnosis.
    Diagnosis(Diagnosis),
    /// The deeds.
    Trail(Trail),
    /// The events.
    Events(Vec<Event>),
    /// It was refused or failed.
    Refused(Refused),
}

/// An error on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// As a command would exit.
    pub exit_code: u8,
    /// With its causes.
    pub sentence: Shown,
    /// The way out.
    pub hint: Option<Shown>,
}

impl From<&Error> for Refused {
    fn from(error: &Error) -> Self {
        let (sentence, hint) = (Shown::new(&error.chain()), error.way_out().map(Shown::new));
        Self { exit_code: error.exit_code(), sentence, hint }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let kind = Kind::of_exit_code(refused.exit_code).unwrap_or(Kind::Failed);
        let error = Error::new(kind, refused.sentence.as_str());
        match refused.hint {
            Some(hint) => error.hint(hint.as_str()),
            None => error,
        }
    }
}

/// What came of a log that was to be opened. Where it was, the open file comes with the first byte of the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum OpenedLog {
    /// Here it is.
    Here,
    /// The number of the error that open(2) gave, and what it says.
    Failed(Option<i32>, Shown),
    /// It may not be read.
    Refused(Refused),
}

/// A picture, or what changed of it since another one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    /// The number of the picture that this changes; nothing where it is a whole one.
    pub from: Option<u64>,
    /// The number of this one.
    pub sequence: u64,
    /// When it was taken.
    pub taken: Option<Moment>,
    /// Whole rows, in the picture's order.
    pub rows: Vec<CarriedRow>,
    /// Those that are gone; before the rows are put in.
    pub removed: Vec<InstanceId>,
    /// The rest of the picture, as far as it changed.
    pub host: Option<Shown>,
    /// As in the picture, like all that follow.
    pub range: Option<PortRange>,
    /// "
    pub reserved: Option<Vec<PortRange>>,
    /// "
    pub allotments: Option<Reading<Arc<Allotments>>>,
    /// One or none.
    pub ephemeral: Option<Vec<PortRange>>,
    /// "
    pub findings: Option<Vec<Finding>>,
    /// The same where only this of them changed.
    pub findings_splice: Option<Splice<Finding>>,
    /// "
    pub totals: Option<Totals>,
    /// "
    pub host_reading: Option<HostReading>,
    /// "
    pub file_systems: Option<Vec<FileSystem>>,
    /// "
    pub listeners: Option<Reading<Arc<[Listener]>>>,
    /// The same where only this of them changed.
    pub listeners_splice: Option<Splice<Listener>>,
    /// One or none.
    pub announced: Option<Vec<Arc<[Announcement]>>>,
    /// "
    pub underway: Option<Vec<Underway>>,
    /// One or none.
    pub notified: Option<Vec<Arc<[Notified]>>>,
    /// "
    pub notices: Option<Vec<Shown>>,
}

/// How a list changed: so many of its first and of its last are as before, and these are between them.
#[derive(Clone, Debug, Deserialize)]
pub struct Splice<T> {
    /// How many of the first.
    pub first: usize,
    /// How many of the last.
    pub last: usize,
    /// What is between them now.
    pub new: Vec<T>,
}

impl<T: Clone> Splice<T> {
    /// The list that it makes of the one before; `None` where it cannot be of that one.
    pub fn of(self, old: &[T]) -> Option<Vec<T>> {
        let begin = old.get(..self.first)?;
        let end = old.get(old.len().checked_sub(self.last)?..)?;
        (begin.len() + end.len() <= old.len()).then(|| begin.iter().cloned().chain(self.new).chain(end.iter().cloned()).collect())
    }
}

/// A row as it travels.
#[derive(Clone, Debug, Deserialize)]
pub struct CarriedRow {
    /// The row, without what it was declared as.
    pub row: Row,
    /// What it was declared as: one or none; nothing where that is as before.
    #[serde(default)]
    pub declared: Option<Vec<Arc<Declared>>>,
    /// What its supervisor cannot do, and why.
    #[serde(default)]
    pub unable: Vec<(Verb, Shown)>,
}
