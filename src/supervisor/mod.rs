//! Who runs instances: one trait, one folder for each kind.
//!
//! It must never decide whether somebody may: `control` has done that before. It returns claims, which `judge` believes only
//! as far as the kernel bears them out.
//!
//! # One more supervisor
//!
//! It is a folder and a line:
//!
//! 1. A variant of [`SupervisorKind`] with its word, which is what JSON and the column BY say.
//! 2. A folder beside this file with a type that implements [`Supervisor`]:
//!    - [`runs`](Supervisor::runs): that kind, and no other.
//!    - [`finds`](Supervisor::finds), where it has services by itself: each a [`Managed`](crate::domain::Managed) with an id that follows
//!      from its name alone. `discover` makes instances of them; where a configuration declares one of the same id both are one row, and
//!      it is this supervisor's.
//!    - [`claims`](Supervisor::claims): for each instance of its kind what it says of it. It is called at every tick, so it hands out the
//!      very list of before until something has changed, and waits for nobody: what is slow has a thread of its own that keeps what it
//!      knows behind a lock (`newest.rs`, `told.rs`; `systemd/watch.rs`). An answer that is missing is told in [`Service::unanswered`](crate::domain::Service);
//!      processes beside the main one, and whoever holds its port for it, are claimed with it.
//!    - [`listen`](Supervisor::listen): the thread calls the ear when something has changed. Nothing is asked for at intervals.
//!    - [`start`](Supervisor::start), [`stop`](Supervisor::stop) and, where it can, [`restart`](Supervisor::restart): they come back when
//!      what was asked is done, each with a deadline. An answer that was lost is looked up, not asked for again.
//!    - [`capabilities`](Supervisor::capabilities): what it cannot do, with the reason, rather than a failure later.
//! 3. A line in [`registry::all`], with what it needs in [`registry::Parts`].
//! 4. Where its `[[discover]]` key means something only to it, a line in `link/local/supervisors.rs`.
//!
//! The engine, the judge, `control` and the screens know no kind: they need no change. `tests/support/fake_supervisor.rs` is one, whole.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{
    Again, Caller, Capabilities, Claim, Declared, ExitStatus, Finds, InstanceId, ProcessKey, Roster, Shown, Signal, SupervisorKind, Uid,
};
use crate::error::Result;

mod docker;
mod knock;
mod listening;
mod newest;
mod pm2;
pub mod process;
pub mod registry;
mod systemd;
#[cfg(test)]
pub mod testing;
mod told;

pub use systemd::unit_files;

/// Told when something is another than before.
pub type Ear = Arc<dyn Fn() + Send + Sync>;

/// Opens a log that a supervisor keeps: a regular file, with a place of its own for each reader.
pub type LogSource = Box<dyn Fn() -> io::Result<File> + Send + Sync>;

/// Something that runs instances.
pub trait Supervisor: Send + Sync {
    /// Whether it runs instances of this kind.
    fn runs(&self, kind: SupervisorKind) -> bool;

    /// The services that it has by itself and that are looked for: the very ones of before where nothing changed. `None` where it only runs
    /// what configurations declare. The first time it may take as long as one answer.
    fn finds(&self) -> Option<Arc<Finds>> {
        None
    }

    /// Has somebody told, from its own thread, whenever its claims or its finds are others than before.
    fn listen(&self, tell: Ear) {
        drop(tell);
    }

    /// What is to be known of it beside its instances.
    fn notice(&self) -> Option<Shown> {
        None
    }

    /// What it says of its instances: the very list of before where nothing changed.
    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]>;

    /// How the log that it keeps for an instance is opened, as a file that is read like any other; `None` where it keeps none.
    fn log(&self, declared: &Declared) -> Option<LogSource> {
        let _ = declared;
        None
    }

    /// Makes the next claim of this instance be read anew: one of its processes has ended.
    fn forget(&self, id: &InstanceId);

    /// Whether an instance was wished up when the machine went down, and nobody starts it again by himself. `seen`: when a daemon of that boot
    /// last lived. A supervisor that is there before berth sees to its own.
    fn was_ended_by_reboot(&self, declared: &Declared, seen: Option<Timestamp>) -> bool {
        let _ = (declared, seen);
        false
    }

    /// As whom it was started last, where that was put down: what berth starts by itself it starts as nobody else.
    fn ran_as(&self, declared: &Declared) -> Option<Uid> {
        let _ = declared;
        None
    }

    /// Takes over what somebody else had started: from now on it is wished up.
    ///
    /// # Errors
    /// When that cannot be put down.
    fn adopt(&self, declared: &Declared, main: ProcessKey, started_at: Timestamp, by: &Caller) -> Result<()> {
        let _ = (declared, main, started_at, by);
        Ok(())
    }

    /// Has it stay down, where a reboot ended it and it may be about to be started again; whether that was so.
    ///
    /// # Errors
    /// When that cannot be put down.
    fn keep_down(&self, declared: &Declared, by: &Caller) -> Result<bool> {
        let _ = (declared, by);
        Ok(false)
    }

    /// What became of such a one, asked anew each time; nothing is put down.
    fn end_of_adopted(&self, declared: &Declared) -> AdoptedEnd {
        let _ = declared;
        AdoptedEnd::Not
    }

    /// Puts down that such a one has ended, and whether somebody asked for that. For who has the instance's lock.
    fn note_end_of_adopted(&self, declared: &Declared, is_asked: bool) {
        let _ = (declared, is_asked);
    }

    /// Puts down when such a one is started again, or that it is not. For who has the instance's lock.
    fn note_of_adopted(&self, declared: &Declared, again: Again) {
        let _ = (declared, again);
    }

    /// What it is able to do with an instance.
    fn capabilities(&self, declared: &Declared) -> Capabilities;

    /// Starts an instance and returns as soon as its process exists.
    ///
    /// # Errors
    /// When nothing was started: the program is missing, the log cannot be opened, the supervisor does not answer.
    fn start(&self, declared: &Declared, by: &Caller, again: bool) -> Result<Box<dyn Started>>;

    /// Ends an instance and starts it again in one, where it can do that; `None` where it is to be stopped and started.
    fn restart(&self, declared: &Declared, by: &Caller) -> Option<Result<Box<dyn Started>>> {
        let _ = (declared, by);
        None
    }

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

/// What became of what somebody else had started and berth adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptedEnd {
    /// It runs, was none, or is not to be started again.
    Not,
    /// It has ended unasked, and nobody else is seen to start it again.
    Unasked,
    /// Somebody had it end.
    Asked,
    /// Its PID file names another living process of its account: it may have started itself again.
    Replaced,
}

/// An instance that has just been started.
pub trait Started: Send {
    /// Its process.
    fn main(&self) -> ProcessKey;

    /// The root of its tree: the keeper.
    fn root(&self) -> ProcessKey;

    /// How it ended, when it has ended already.
    fn ended(&mut self) -> Option<ExitStatus>;

    /// What its supervisor says of that.
    fn why(&self) -> Option<Shown> {
        None
    }
}

/// What came of stopping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// SIGKILL was needed.
    pub killed: bool,
    /// What is still there: pid and state letter.
    pub survivors: Vec<(i32, char)>,
}
