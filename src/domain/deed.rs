//! What the audit trail holds of one action: who asked for what and why, and what came of it.
//!
//! It must never hold text that is not `Shown`: reasons were typed by people.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Event, InstanceId, Shown, Uid};

/// One entry of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Its number in the trail; later entries have greater ones.
    pub number: i64,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// The uid that asked.
    pub uid: Uid,
    /// Who that was: "root", or "amy as root" after sudo.
    pub by: Shown,
    /// What was asked for: "stop".
    pub verb: Shown,
    /// Of whom; `None` when the trail names nobody that an instance can be called.
    pub id: Option<InstanceId>,
    /// Why.
    pub reason: Option<Shown>,
    /// What came of it; `None` while it is being done, or when whoever did it did not live to tell.
    pub result: Option<DeedResult>,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeedResult {
    /// When.
    pub at: Timestamp,
    /// Whether what was asked held then.
    pub done: bool,
    /// In one sentence.
    pub sentence: Shown,
}

/// The last entries, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Oldest first.
    pub deeds: Vec<Deed>,
    /// What else was kept, oldest first; no actions.
    pub events: Vec<Event>,
    /// What is not among them, and why, in a sentence.
    pub missing: Option<Shown>,
}
