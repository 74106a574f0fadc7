//! What a supervisor outside of berth says of a service that it runs, and what it would run: plain facts.
//!
//! Such a supervisor is believed about its own wishes and counters; which process listens where the kernel says.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ConfigFault, InstanceId, Limits, Restart, Shown, SupervisorKind};

/// What a service is doing, by its supervisor's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// It runs.
    Active,
    /// It is being started.
    Starting,
    /// It ended, and is started again in a while.
    Waiting,
    /// It is being ended.
    Stopping,
    /// It ended without being asked, and is left alone.
    Failed,
    /// It does not run.
    Inactive,
}

/// What a supervisor says of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name there: `mcp@alice.service`.
    pub name: Shown,
    /// What it is doing.
    pub activity: Activity,
    /// The same in the supervisor's own words: "active (running)".
    pub told: Shown,
    /// What came of its last run, where that is not success: "exit-code", "oom-kill", "start-limit-hit".
    pub result: Option<Shown>,
    /// Since when it is doing that.
    pub since: Option<Timestamp>,
    /// Its control group below the hierarchy's root.
    pub group: Option<Shown>,
    /// The compose project and service that it is of: `shop/web`.
    pub project: Option<Shown>,
    /// The limits that its supervisor holds it to.
    pub limits: Limits,
    /// Since when its supervisor has not answered, and why: all of this is of before that.
    pub unanswered: Option<(Timestamp, Shown)>,
}

/// A service that a supervisor has, as far as it tells what an instance is declared as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// Who it is.
    pub id: ManagedId,
    /// Who runs it.
    pub kind: SupervisorKind,
    /// Its name there.
    pub name: Shown,
    /// The account that it runs as: a name, or a uid in digits.
    pub account: String,
    /// That account's own supervisor has it, not the host's: what it says holds for that account alone.
    pub is_users: bool,
    /// The file that defines it.
    pub definition: PathBuf,
    /// Its program with the arguments; may be empty.
    pub command: Vec<String>,
    /// Its working directory; empty where none is set.
    pub directory: PathBuf,
    /// The address that it is published at; `None` where its definition names none.
    pub host: Option<IpAddr>,
    /// The port that its environment names, or that it is published at.
    pub port: Option<u16>,
    /// How long a start may take.
    pub start_timeout: Duration,
    /// How long an end may take.
    pub stop_timeout: Duration,
    /// When it is started again.
    pub restart: Restart,
    /// What it may use.
    pub limits: Limits,
    /// The files that its supervisor writes its log to; none where it keeps the log itself.
    pub logs: Vec<PathBuf>,
}

/// Who a managed service is an instance of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagedId {
    /// Its name says it.
    Named(InstanceId),
    /// The account that it runs as owns it; this is the instance's name.
    OfAccount(String),
}

/// Everything that a supervisor has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finds {
    /// The services, ordered by name.
    pub services: Vec<Managed>,
    /// What could not be made a row.
    pub faults: Vec<ConfigFault>,
}

/// The service that an instance is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its name at its supervisor's.
    pub name: Shown,
    /// Files that are its log beside the one that is declared as that.
    pub further_logs: Vec<PathBuf>,
    /// Its account's own supervisor has it, not the host's.
    pub is_users: bool,
    /// Nothing but the service declares it: there is no configuration of its own that could be changed.
    pub is_bare: bool,
}

/// A service that was seen to be a configured instance: one of two names for the same processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Who runs it.
    pub kind: SupervisorKind,
    /// Its name there.
    pub service: Shown,
    /// The configured instance that it is.
    pub id: InstanceId,
    /// The port that the instance was configured to then.
    pub port: Option<u16>,
}

/// The paths that a command names as its configuration: `--config=PATH` (any option, `=`, the whole path), `--config PATH` or
/// `--env-file PATH`. A bare path is not enough: an editor or a pager has it in its command too.
pub fn named_configs<'a>(words: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let mut before = "";
    words.filter_map(move |word| {
        let option = std::mem::replace(&mut before, word);
        if word.starts_with('-') {
            word.split_once('=').map(|(_, path)| path)
        } else {
            matches!(option, "--config" | "--env-file").then_some(word)
        }
    })
}
