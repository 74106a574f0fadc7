//! Who runs instances: one trait, one folder for each kind.
//!
//! It must never decide whether somebody may: `control` has done that before. It returns claims, which `judge` believes only
//! as far as the kernel bears them out.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Caller, Capabilities, Claim, Declared, ExitStatus, InstanceId, ProcessKey, Roster, Signal, SupervisorKind};
use crate::error::Result;

pub mod process;

/// Something that runs instances.
pub trait Supervisor: Send + Sync {
    /// Which kind it is.
    fn kind(&self) -> SupervisorKind;

    /// What it says of its instances: the very list of before where nothing changed.
    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]>;

    /// Makes the next claim of this instance be read anew: one of its processes has ended.
    fn forget(&self, id: &InstanceId);

    /// What it is able to do with an instance.
    fn capabilities(&self, declared: &Declared) -> Capabilities;

    /// Starts an instance and returns as soon as its process exists.
    ///
    /// # Errors
    /// When nothing was started: the program is missing, the log cannot be opened, the supervisor does not answer.
    fn start(&self, declared: &Declared, by: &Caller, again: bool) -> Result<Box<dyn Started>>;

    /// Ends an instance's whole tree and proves it. `extra` are processes of the instance that the supervisor did not start.
    ///
    /// # Errors
    /// When the supervisor or the user's hand does not answer, or refuses.
    fn stop(&self, declared: &Declared, extra: &[ProcessKey], by: &Caller, grace: Duration) -> Result<Stopped>;

    /// Sends a signal to one process of an instance, verified, and to nothing below it.
    ///
    /// # Errors
    /// When it has ended, is another account's, or the supervisor or the user's hand does not answer.
    fn signal(&self, declared: &Declared, key: ProcessKey, signal: Signal, by: &Caller) -> Result<()>;
}

/// An instance that has just been started.
pub trait Started: Send {
    /// Its process.
    fn main(&self) -> ProcessKey;

    /// The root of its tree: the keeper.
    fn root(&self) -> ProcessKey;

    /// How it ended, when it has ended already.
    fn ended(&mut self) -> Option<ExitStatus>;
}

/// What came of stopping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// SIGKILL was needed.
    pub killed: bool,
    /// What is still there: pid and state letter.
    pub survivors: Vec<(i32, char)>,
}
