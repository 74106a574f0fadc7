//! The kernel's facts of one moment: listening sockets, the processes that hold them, the trees of instances, the host.
//!
//! CPU, memory and ports come from /proc and netlink, never from a supervisor's command line. It must never interpret what
//! it reads, and never act on a process: it only looks.
//!
//! What is read how often decides the shape of this module. Ports, ten times a second: one dump over a socket that stays open,
//! unless the counters of the kernel say that nobody came (`stillness`), compared with the one before (`netlink`, `diag`, `listeners`;
//! `files` and `proc_net` where that is refused); only a socket that was not seen before is looked for among
//! descriptors (`holders`). Processes, once a second: /proc is listed when a pid was given since (`table`), what is below the
//! roots is told by parents (`tree`), and only those and the holders are read, by descriptors that stay open (`kept`,
//! `process`, `stat`).

mod accounts;
mod cgroup;
mod clients;
mod clock;
mod connected;
mod descriptors;
mod diag;
mod fenced;
mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod groups;
mod halves;
mod hidden;
mod holders;
mod host;
mod kept;
mod kernel_ports;
mod limits;
mod listeners;
mod meeting;
mod netlink;
mod newcomers;
mod occupants;
mod own;
mod ports;
mod pressure;
mod proc;
mod proc_net;
mod process;
mod processes;
mod stat;
mod stillness;
mod table;
mod tree;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{HostReading, PortRange, Process, ProcessKey, Processes, Reading, Sample, Shown, Uid};
use crate::error::{Context, Result};

pub use clients::{clients, listening_ports};
pub use clock::now;
pub use connected::connected;
pub use fenced::fenced_ports;
pub use kernel_ports::kernel_ports;
pub use limits::raise_nofile;
pub use occupants::{Occupant, Occupation, occupants, try_bind};

/// What the roster and the registry want to know more about.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Keepers and main processes: the whole trees below them are read.
    pub roots: Vec<ProcessKey>,
    /// The main processes among them, in order: the limits in force are read of these.
    pub mains: Vec<ProcessKey>,
    /// Configured ports outside the range, whose holders are wanted too.
    pub ports: HashSet<u16>,
}

/// The kept state between readings. One thread's: nothing in it is shared.
pub struct Sampler {
    range: PortRange,
    proc: proc::Proc,
    clock: clock::Clock,
    dumps: ports::Dumps,
    stillness: stillness::Stillness,
    listeners: listeners::Listeners,
    groups: groups::Groups,
    table: table::Table,
    kept: kept::KeptSet,
    roots: Vec<ProcessKey>,
    members: HashSet<i32>,
    is_tree_stale: bool,
    /// Not everybody who is to be kept could be, or others hold listeners now.
    is_keeping_stale: bool,
    held: u64,
    /// Processes were looked at before.
    has_looked: bool,
    host: host::Host,
    names: accounts::Names,
    /// What is handed out, kept up to date: a thousand processes are not put together anew for each reading.
    sample: Sample,
    marks: Option<Marks>,
    limited: cgroup::Groups,
}

/// What the shape of a sample follows from.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Marks {
    kept: u64,
    listeners: u64,
    dumps: Reading<()>,
    names: usize,
}

impl Sampler {
    /// Opens what stays open; [`raise_nofile`] is to be called before. Where netlink is refused the sampler comes about all the
    /// same: it reads files then, and where those are refused too its listeners are denied.
    ///
    /// # Errors
    /// When /proc cannot be opened: nothing can be told without it.
    pub fn new(range: PortRange) -> Result<Self> {
        let proc = proc::Proc::open_at(Path::new("/proc")).while_doing(|| "cannot open /proc".to_owned())?;
        let table = table::Table::new(&proc);
        let clock = clock::Clock::new();
        let stillness = stillness::Stillness::open(&proc);
        let sample = Sample {
            taken: now(),
            listeners: Reading::Unasked,
            processes: Processes::default(),
            processes_taken: Duration::ZERO,
            gathered: Duration::ZERO,
            sees_all: hidden::sees_all(),
            host: HostReading::default(),
            accounts: HashMap::new(),
            limits: Arc::default(),
            ticks_per_second: clock.ticks_per_second(),
            shape: 0,
        };
        Ok(Self {
            range,
            proc,
            clock,
            dumps: ports::Dumps::default(),
            stillness,
            listeners: listeners::Listeners::default(),
            groups: groups::Groups::default(),
            table,
            kept: kept::KeptSet::new(),
            roots: Vec::new(),
            members: HashSet::new(),
            is_tree_stale: true,
            is_keeping_stale: true,
            held: 0,
            has_looked: false,
            host: host::Host::new(),
            names: accounts::Names::new(),
            sample,
            marks: None,
            limited: cgroup::Groups::new(),
        })
    }

    /// Takes a process out that a pidfd said is dead; what it listened on is looked for again.
    pub fn forget(&mut self, key: ProcessKey) {
        self.kept.forget(key);
        self.table.forget(key);
        self.members.remove(&key.pid);
        self.listeners.lose(key, None);
    }

    /// A whole look, from the claims to the picture, took so long.
    pub fn looked(&mut self, took: Duration) {
        self.host.looked(took);
    }

    /// Why listeners are not known, or are known in another way than usual, in a sentence; `None` when all is as usual.
    pub fn ports_notice(&self) -> Option<&Shown> {
        self.dumps.notice()
    }

    /// Reads the limits in force of these processes now: for a command that looks once.
    pub fn limits_of(&mut self, mains: &[ProcessKey]) {
        self.limited.ask(mains);
    }

    /// The facts as they are known now. Nothing is read for it, and only what changed is put in anew.
    pub fn sample(&mut self) -> &Sample {
        let marks = |sampler: &mut Self| Marks {
            kept: sampler.kept.version(),
            listeners: sampler.listeners.version(),
            dumps: sampler.dumps.state(),
            names: sampler.names.known().len(),
        };
        let current = marks(self);
        if self.marks != Some(current) {
            self.assemble();
            // Names were asked for meanwhile.
            self.marks = Some(marks(self));
            self.sample.accounts.clone_from(self.names.known());
            self.sample.shape += 1;
        }
        for process in self.kept.renewed() {
            self.sample.processes.insert(process.key.pid, Arc::clone(process));
        }
        self.sample.taken = now();
        self.sample.host = self.host.reading();
        if !Arc::ptr_eq(&self.sample.limits, self.limited.limits()) {
            self.sample.limits = Arc::clone(self.limited.limits());
        }
        &self.sample
    }

    /// Puts listeners and processes together, and asks for the names that occur.
    fn assemble(&mut self) {
        self.sample.listeners = self.dumps.state().map(|()| self.listeners.shown(|key| self.kept.holder(key)));
        if let Reading::Known(listeners) = &self.sample.listeners {
            listeners.iter().for_each(|listener| self.names.ask(listener.uid));
        }
        self.sample.processes.clear();
        for process in self.kept.processes() {
            self.names.ask(process.uid);
            self.sample.processes.insert(process.key.pid, Arc::clone(process));
        }
        self.names.ask(Uid(nix::unistd::geteuid().as_raw()));
    }
}

/// Reads one process, once. `None` when there is none with this pid, or it is hidden.
pub fn find_process(pid: i32) -> Option<Process> {
    let proc = proc::Proc::open_at(Path::new("/proc")).ok()?;
    let kept = process::Kept::open(&proc, &clock::Clock::new(), pid, false).ok()?;
    Some((**kept.process()).clone())
}

#[cfg(test)]
mod tests;
