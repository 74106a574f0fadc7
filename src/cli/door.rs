//! The seam to the rest of berth: how a configuration is read, how the fleet is looked at, how the console opens.
//!
//! It must never decide anything. `main` has the one implementation, tests have a fake.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::{Config, Strategy};
use crate::domain::{Added, Diagnosis, Event, EventQuery, Fence, InstanceId, NamedHost, Outcome, Proposal, Shown, Snapshot};
use crate::error::Result;
use crate::link::{Adding, Asked, Door, EventsStamp, LogLines, LogQuery, Removing};

/// What the command line asks for before it knows anything.
pub trait Wiring {
    /// The configuration that holds, value by value.
    ///
    /// # Errors
    /// When a configuration is wrong, with file, line and column.
    fn settings(&self, file: Option<&Path>) -> Result<Vec<Setting>>;

    /// Gets ready to look and to act.
    ///
    /// # Errors
    /// When the configuration is wrong or the state cannot be used.
    fn open(&self, opening: &Opening) -> Result<Box<dyn Desk>>;

    /// Looks and acts for everybody on this host, until it is told to end.
    ///
    /// # Errors
    /// When the configuration is wrong, there is a daemon already, or its socket cannot be made.
    fn serve(&self, opening: &Opening) -> Result<()>;

    /// Joins standard input and output to the daemon's socket until either side ends.
    ///
    /// # Errors
    /// When the configuration is wrong, or there is no daemon.
    fn dial(&self, opening: &Opening) -> Result<()>;

    /// Writes and enables the unit of a daemon that is called with this configuration, or only gives its text.
    ///
    /// # Errors
    /// When the caller is not root, or systemd refuses it.
    fn install(&self, config: Option<&Path>, dry_run: bool) -> Result<String>;

    /// Opens the console and returns when it is left.
    ///
    /// # Errors
    /// When there is no terminal.
    fn console(&self, desk: &dyn Desk, options: ConsoleOptions) -> Result<()>;
}

/// How to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// Only that file counts: no other layer, and not `BERTH_STATE` either. The demo must not depend on the host that it is shown on.
    pub alone: bool,
    /// `--read-only`.
    pub read_only: bool,
    /// It goes to the daemon where there is one; without one, and where it may not, it looks by itself.
    pub attach: Attach,
    /// It looks again and again, and is to stay small. What looks once and ends may take what memory it likes.
    pub stays: bool,
    /// `--host`, as typed.
    pub hosts: Vec<String>,
}

impl Opening {
    /// Whether it is for a console.
    pub fn stays_open(&self) -> bool {
        self.attach == Attach::Where
    }
}

/// Whether a daemon is gone to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// No: it looks and acts by itself, whoever else does.
    #[default]
    Never,
    /// No, and it acts only while no daemon does: `--embedded`.
    Beside,
    /// Yes, where there is one.
    Where,
    /// What is done, where there is one: it is looked here, and nothing is done from here while a daemon acts.
    ToAct,
}

/// How the console is to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// `--color`: always, never, or as the terminal is.
    pub color: Option<bool>,
    /// Nothing but ASCII.
    pub ascii: bool,
    /// Nothing may be changed.
    pub read_only: bool,
    /// So many frames a second at most.
    pub fps: Option<u8>,
    /// The file that was named; the commands that are shown name it too.
    pub config: Option<PathBuf>,
}

/// One value of the configuration. All three are made harmless before they are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// "ports.range".
    pub key: String,
    /// As it would be written in TOML.
    pub value: String,
    /// The file, or "default".
    pub origin: String,
}

/// The fleet, to be looked at and acted on.
pub trait Desk: Send + Sync {
    /// Looks once, with two readings for what needs two.
    ///
    /// # Errors
    /// When the kernel tells nothing.
    fn look(&self) -> Result<Arc<Snapshot>>;

    /// One look with a single reading: everything but the CPU, which needs two. For those who do not show it.
    ///
    /// # Errors
    /// As [`Desk::look`].
    fn glance(&self) -> Result<Arc<Snapshot>> {
        self.look()
    }

    /// A look at one instance above all: what it has written is counted, as far as that takes a moment.
    ///
    /// # Errors
    /// As [`Desk::look`].
    fn look_closely(&self, id: &InstanceId) -> Result<Arc<Snapshot>> {
        let _ = id;
        self.look()
    }

    /// Why an instance does not work, and the close look that this rests on.
    ///
    /// # Errors
    /// As [`Desk::look`]; when there is no such instance.
    fn why(&self, id: &InstanceId) -> Result<(Arc<Snapshot>, Diagnosis)> {
        let diagnosis = self.door().diagnose(id)?;
        Ok((self.look_closely(id)?, diagnosis))
    }

    /// A glance that also counts what is written, as far as that takes a moment, and reads what nothing but findings come of: for those who
    /// ask what is wrong.
    ///
    /// # Errors
    /// As [`Desk::look`].
    fn examine(&self) -> Result<Arc<Snapshot>> {
        self.glance()
    }

    /// The same, and every server is asked once whether it lets in a page of another host's.
    ///
    /// # Errors
    /// As [`Desk::look`].
    fn audit(&self) -> Result<Arc<Snapshot>> {
        self.examine()
    }

    /// Listens for so long to what servers announce on the network of these types, or of all that are known, and looks; with what is to be
    /// known of that.
    ///
    /// # Errors
    /// When nobody can listen.
    fn discover(&self, kinds: &[String], patience: Duration) -> Result<(Arc<Snapshot>, Vec<Shown>)> {
        let _ = (kinds, patience);
        Ok((self.glance()?, vec![Shown::from("nobody listens here")]))
    }

    /// Goes on looking.
    ///
    /// # Errors
    /// When the engine cannot be started.
    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>>;

    /// What an instance's log holds of what is asked for.
    ///
    /// # Errors
    /// When there is no such instance, its log may not be read, or it cannot be told which lines were asked for.
    fn log(&self, id: &InstanceId, query: &LogQuery) -> Result<LogLines>;

    /// The newest events that are asked for, actions among them, oldest first.
    ///
    /// # Errors
    /// When they may not or cannot be read.
    fn events(&self, query: &EventQuery) -> Result<Vec<Event>> {
        let _ = query;
        Ok(Vec::new())
    }

    /// Which state the events are in; another one means that there is something new.
    fn events_stamp(&self) -> Option<EventsStamp> {
        None
    }

    /// The door that orders go through.
    fn door(&self) -> Arc<dyn Door>;

    /// The configuration in force; `None` where there is none to tell of.
    fn config(&self) -> Option<&Config> {
        None
    }

    /// The hosts that are shown as one, where that is so.
    fn hosts(&self) -> &[NamedHost] {
        &[]
    }

    /// Adds an instance, or says what would be done.
    fn add(&self, adding: &Adding) -> Added;

    /// Adds many and starts none, or says what would be done; `ended` is told of each that has come to its end, by its place.
    fn add_many(&self, all: &[Adding], ended: &mut dyn FnMut(usize, &Added)) -> Vec<Added>;

    /// Removes an instance, or says what would be done.
    fn remove(&self, removing: &Removing) -> Outcome;

    /// Has an instance keep the port that it is on, or says what would be done.
    fn adopt(&self, id: &InstanceId, dry_run: bool, reason: Option<String>) -> Outcome;

    /// Gives an instance a port, or says what would be done.
    fn assign(&self, id: &InstanceId, asked: Asked, dry_run: bool, reason: Option<String>) -> Outcome;

    /// Who may connect to whose port.
    ///
    /// # Errors
    /// When that may not be seen, or the configuration names an account that is not there.
    fn fence(&self) -> Result<Fence>;

    /// What a strategy would give to everybody who is known.
    ///
    /// # Errors
    /// When the registry may not or cannot be read.
    fn propose(&self, strategy: Strategy) -> Result<Proposal>;
}
