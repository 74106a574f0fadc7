//! The kernel's facts of one moment: listening sockets, the processes that hold them, the trees of instances, the host.
//!
//! CPU, memory and ports come from /proc and netlink, never from a supervisor's command line. It must never interpret what
//! it reads, and never act on a process: it only looks.
//!
//! What is read how often decides the shape of this module. Ports, ten times a second: one dump over a socket that stays open,
//! compared with the one before (`netlink`, `listeners`); only a socket that was not seen before is looked for among
//! descriptors (`holders`). Processes, once a second: /proc is listed when a pid was given since (`table`), what is below the
//! roots is told by parents (`tree`), and only those and the holders are read, by descriptors that stay open (`kept`,
//! `process`, `stat`).

mod accounts;
mod cgroup;
mod clock;
mod hidden;
mod holders;
mod host;
mod kept;
mod limits;
mod listeners;
mod netlink;
mod ports;
mod proc;
mod process;
mod processes;
mod stat;
mod table;
mod tree;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use crate::domain::{PortRange, Process, ProcessKey, Reading, Sample, Shown, Uid};
use crate::error::{Context, Result};

pub use clock::now;
pub use limits::raise_nofile;

/// What the roster and the registry want to know more about.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Keepers and main processes: the whole trees below them are read.
    pub roots: Vec<ProcessKey>,
    /// Configured ports outside the range, whose holders are wanted too.
    pub ports: HashSet<u16>,
}

/// The kept state between readings. One thread's: nothing in it is shared.
pub struct Sampler {
    range: PortRange,
    proc: proc::Proc,
    clock: clock::Clock,
    dumps: ports::Dumps,
    listeners: listeners::Listeners,
    table: table::Table,
    kept: kept::KeptSet,
    roots: Vec<ProcessKey>,
    members: HashSet<i32>,
    is_tree_stale: bool,
    processes_taken: Duration,
    host: host::Host,
    names: accounts::Names,
    sees_all: bool,
    groups: cgroup::Groups,
}

impl Sampler {
    /// Opens what stays open; [`raise_nofile`] is to be called before. Where netlink is refused the sampler comes about all the
    /// same: its listeners are denied then.
    ///
    /// # Errors
    /// When /proc cannot be opened: nothing can be told without it.
    pub fn new(range: PortRange) -> Result<Self> {
        let proc = proc::Proc::open_at(Path::new("/proc")).while_doing(|| "cannot open /proc".to_owned())?;
        let table = table::Table::new(&proc);
        Ok(Self {
            range,
            proc,
            clock: clock::Clock::new(),
            dumps: ports::Dumps::default(),
            listeners: listeners::Listeners::default(),
            table,
            kept: kept::KeptSet::new(),
            roots: Vec::new(),
            members: HashSet::new(),
            is_tree_stale: true,
            processes_taken: Duration::ZERO,
            host: host::Host::new(),
            names: accounts::Names::new(),
            sees_all: hidden::sees_all(),
            groups: cgroup::Groups::new(),
        })
    }

    /// Takes a process out that a pidfd said is dead; what it listened on is looked for again.
    pub fn forget(&mut self, key: ProcessKey) {
        self.kept.forget(key);
        self.table.forget(key);
        self.members.remove(&key.pid);
        self.listeners.lose(key, None);
    }

    /// Reads the limits in force of everything that is watched, at once: for a command that looks once.
    pub fn all_limits(&mut self, watched: &Watched) {
        self.groups.look_at_all(&watched.roots);
    }

    /// Why the kernel tells no listeners; `None` when it does.
    pub fn ports_refused(&self) -> Option<&Shown> {
        self.dumps.refused()
    }

    /// The facts as they are known now. Nothing is read for it.
    pub fn sample(&mut self) -> Sample {
        let listeners = match self.dumps.state() {
            Reading::Known(()) => Reading::Known(self.listeners.shown(|key| self.kept.holder(key))),
            Reading::Denied => Reading::Denied,
            Reading::Gone => Reading::Gone,
            Reading::Unasked => Reading::Unasked,
        };
        if let Reading::Known(listeners) = &listeners {
            listeners.iter().for_each(|listener| self.names.ask(listener.uid));
        }
        let mut processes = HashMap::with_capacity(self.members.len());
        for process in self.kept.processes() {
            self.names.ask(process.uid);
            processes.insert(process.key.pid, process.clone());
        }
        self.names.ask(Uid(nix::unistd::geteuid().as_raw()));
        Sample {
            taken: now(),
            listeners,
            processes,
            processes_taken: self.processes_taken,
            sees_all: self.sees_all,
            host: self.host.reading(),
            accounts: self.names.known().clone(),
            limits: std::sync::Arc::clone(self.groups.limits()),
            ticks_per_second: self.clock.ticks_per_second(),
        }
    }
}

/// Reads one process, once. `None` when there is none with this pid, or it is hidden.
pub fn find_process(pid: i32) -> Option<Process> {
    let proc = proc::Proc::open_at(Path::new("/proc")).ok()?;
    let kept = process::Kept::open(&proc, &clock::Clock::new(), pid, false).ok()?;
    Some(kept.process().clone())
}

#[cfg(test)]
mod tests;
