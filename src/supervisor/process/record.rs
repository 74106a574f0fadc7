//! An instance's record: who started it, which processes came of it, how it ended. One file an instance, one line an event.
//!
//! It lives in berth's own state directory, never in a user's tree. A keeper only appends to it through a descriptor that it was
//! given. It must never be believed about a process whose start time the kernel does not confirm, nor across a reboot.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{Again, ExitStatus, LastExit, ProcessKey, Settings, Uid};

/// One event of an instance's life under its keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The first line: somebody asked for a start.
    Asked {
        /// Which boot of the machine, /proc/sys/kernel/random/boot_id.
        boot: String,
        /// Who asked.
        by: String,
        /// When.
        at: Timestamp,
        /// How often it was started again before.
        restarts: u32,
        /// How the run before ended, as (code, signal, when).
        before: Option<(Option<i32>, Option<i32>, Timestamp)>,
        /// What it is started with, secrets as hashes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settings: Option<Settings>,
        /// The memory limit that it was killed for, bytes.
        #[serde(default)]
        before_over_memory: Option<u64>,
        /// As whom; an older berth wrote none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
    },
    /// The first line where nobody was asked: what somebody else had started is berth's from now on. It has no keeper.
    Adopted {
        /// Which boot.
        boot: String,
        /// Who asked.
        by: String,
        /// When.
        at: Timestamp,
        /// The server.
        main: (i32, u64),
        /// When it was started.
        started_at: Timestamp,
        /// Its PID file named it.
        named: bool,
        /// As whom it runs; an older berth wrote none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
    },
    /// The keeper runs and has started the server.
    Started {
        /// The keeper: pid, start time.
        keeper: (i32, u64),
        /// The server.
        main: (i32, u64),
        /// When.
        at: Timestamp,
        /// Which limits it runs without, and why.
        #[serde(default)]
        unlimited: Option<String>,
    },
    /// The server could not be started.
    Failed {
        /// What was being done, and the reason.
        what: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody asked for its end. Written before anything is signalled.
    StopAsked {
        /// Who asked.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The server's process ended.
    Exited {
        /// The code it returned.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
        /// Somebody outside asked for it, by kill(1) or a script.
        #[serde(default)]
        asked_outside: bool,
        /// It was killed for exceeding its memory limit of this many bytes.
        #[serde(default)]
        over_memory: Option<u64>,
        /// When.
        at: Timestamp,
    },
    /// It ended and is started again after a while.
    Waiting {
        /// How long, from `at`, milliseconds.
        wait_ms: u64,
        /// Which try since its last good run.
        tries: u32,
        /// When the wait began.
        at: Timestamp,
    },
    /// It ended too often and is not started again.
    GaveUp {
        /// How often it ended ...
        ends: u32,
        /// ... in so many seconds.
        within_s: u64,
        /// When.
        at: Timestamp,
    },
    /// Earlier lines were taken away for the record not to grow for ever: what they counted.
    Shortened {
        /// How often it was started again in them.
        restarts: u32,
    },
    /// Nothing of its tree is left; the keeper ends.
    Empty {
        /// The keeper was told to. Whoever asks berth is recorded before; this stands for who signals the keeper itself.
        #[serde(default)]
        told: bool,
        /// Whether SIGKILL was needed.
        killed: bool,
        /// When.
        at: Timestamp,
    },
}

/// What an instance's record says in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The keeper.
    pub keeper: Option<ProcessKey>,
    /// The server.
    pub main: Option<ProcessKey>,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// Somebody asked for its end.
    pub stop_asked: bool,
    /// When berth was asked for it last.
    pub stop_asked_at: Option<Timestamp>,
    /// That somebody did not ask berth.
    pub ended_outside: bool,
    /// How it ended.
    pub exit: Option<LastExit>,
    /// Its last ends, oldest first, at most [`EXITS`].
    pub exits: Arc<[LastExit]>,
    /// How often it was started again.
    pub restarts: u32,
    /// What its keeper makes of its end.
    pub again: Option<Again>,
    /// What it was started with.
    pub started_with: Option<Arc<Settings>>,
    /// Nothing more will be written.
    pub settled: bool,
    /// SIGKILL was needed at its end.
    pub killed: bool,
    /// Which limits it runs without, and why.
    pub unlimited: Option<String>,
    /// Its first runs are only counted.
    pub shortened: bool,
    /// It was adopted and has no keeper, and whether its PID file named it then.
    pub adopted: Option<bool>,
    /// As whom it was started; an older berth wrote none.
    pub uid: Option<Uid>,
    /// It is of an earlier boot.
    pub is_of_another_boot: bool,
    /// When somebody who did not ask berth had it end.
    pub ended_outside_at: Option<Timestamp>,
}

/// How many ends are told.
const EXITS: usize = 5;

/// An end that was asked for outside so shortly before the last sign of life of a daemon, or later, came with the end of the machine: who
/// shuts it down ends all that runs.
const GOING_DOWN: SignedDuration = SignedDuration::from_secs(120);

/// This boot's id; empty where the kernel tells none.
pub fn boot_id() -> String {
    if let Some(boot) = crate::failpoint::boot() {
        return boot;
    }
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn exit_of(code: Option<i32>, signal: Option<i32>, at: Timestamp, over_memory: Option<u64>) -> LastExit {
    let status = match (code, signal) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        (None, None) => ExitStatus::Unknown,
    };
    LastExit { status, at, over_memory }
}

impl Record {
    /// Reads a record's text. A line that cannot be read (the disk was full) is passed over, the others count.
    pub fn parse(text: &str, this_boot: &str) -> Self {
        let mut record = Self::default();
        let mut exits: VecDeque<LastExit> = VecDeque::with_capacity(EXITS + 1);
        let mut same_boot = true;
        for event in text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
            match event {
                Event::Asked { boot, restarts, before, before_over_memory, settings, uid, .. } => {
                    same_boot = boot == this_boot;
                    let exit = before.map(|(code, signal, at)| exit_of(code, signal, at, before_over_memory));
                    exits.extend(exit);
                    // How the run before ended is history: this one has not ended.
                    record = Self { restarts, started_with: settings.map(Arc::new), uid: uid.map(Uid), ..Self::default() };
                }
                Event::Adopted { boot, main, started_at, named, uid, .. } => {
                    same_boot = boot == this_boot;
                    let main = Some(ProcessKey { pid: main.0, start_time: main.1 });
                    record = Self { main, started_at: Some(started_at), adopted: Some(named), uid: uid.map(Uid), ..Self::default() };
                }
                Event::Started { keeper, main, at, unlimited } => {
                    if record.main.is_some() || record.shortened {
                        record.restarts = record.restarts.saturating_add(1);
                    }
                    record.again = None;
                    record.keeper = Some(ProcessKey { pid: keeper.0, start_time: keeper.1 });
                    record.main = Some(ProcessKey { pid: main.0, start_time: main.1 });
                    record.started_at = Some(at);
                    record.exit = None;
                    record.unlimited = unlimited;
                }
                Event::Failed { at, .. } => {
                    record.exit = Some(LastExit { status: ExitStatus::Unknown, at, over_memory: None });
                    // A first start that fails is the keeper's end; of a later one it says itself what comes next.
                    record.settled = record.main.is_none();
                }
                Event::StopAsked { at, .. } => (record.stop_asked, record.stop_asked_at) = (true, Some(at)),
                Event::Exited { code, signal, asked_outside, over_memory, at } => {
                    let exit = exit_of(code, signal, at, over_memory);
                    record.exit = Some(exit);
                    exits.push_back(exit);
                    // What the keeper ended itself ended by a signal too.
                    record.ended_outside = asked_outside && !record.stop_asked;
                    record.ended_outside_at = asked_outside.then_some(at);
                    record.stop_asked |= asked_outside;
                    // Without a keeper nobody writes more of it.
                    record.settled |= record.adopted.is_some();
                }
                Event::Waiting { wait_ms, tries, at } => {
                    let at =
                        i64::try_from(wait_ms).ok().and_then(|wait| at.checked_add(SignedDuration::from_millis(wait)).ok()).unwrap_or(at);
                    record.again = Some(Again::At { at, tries });
                }
                Event::GaveUp { ends, within_s, .. } => record.again = Some(Again::Never { ends, within: Duration::from_secs(within_s) }),
                Event::Shortened { restarts } => {
                    record.restarts = record.restarts.saturating_add(restarts);
                    record.shortened = true;
                }
                Event::Empty { killed, told, at } => {
                    if told && !record.stop_asked {
                        record.ended_outside_at = Some(at);
                        // Of what has no keeper it is the PID file that told.
                        record.ended_outside |= record.adopted.is_some();
                    }
                    record.stop_asked |= told;
                    if matches!(record.again, Some(Again::At { .. })) {
                        record.again = None;
                    }
                    record.settled = true;
                    record.killed = killed;
                }
            }
            // Whatever wrote it, and however often it says that it begins.
            if exits.len() > EXITS {
                exits.pop_front();
            }
        }
        record.exits = exits.into_iter().collect();
        if !same_boot {
            // Pids and start times of another boot mean nothing in this one.
            record.keeper = None;
            record.main = None;
            record.settled = true;
            record.is_of_another_boot = true;
        }
        record
    }

    /// Whether it ran, or was to run again, when the machine went down. `seen`: when a daemon of that boot last lived.
    pub fn was_ended_by_reboot(&self, seen: Option<Timestamp>) -> bool {
        if !self.is_of_another_boot || self.started_at.is_none() || self.stop_asked_at.is_some() {
            return false;
        }
        let ended = self.ended_outside_at.and_then(|at| at.checked_add(GOING_DOWN).ok());
        !self.stop_asked || ended.zip(seen).is_some_and(|(ended, seen)| ended >= seen)
    }

    /// Whether it is what was adopted and ended unasked: a start is another one of the same.
    pub fn is_adopted_and_ended(&self) -> bool {
        self.adopted.is_some() && self.exit.is_some() && !self.stop_asked
    }

    /// How it ended last; of a run that was asked for and has not begun, how the one before did.
    pub fn last_exit(&self) -> Option<LastExit> {
        self.exit.or_else(|| self.exits.last().copied().filter(|_| self.main.is_none() && self.adopted.is_none()))
    }

    /// The exit as it stands in the next run's first line.
    pub fn before(&self) -> Option<(Option<i32>, Option<i32>, Timestamp)> {
        self.last_exit().map(|exit| match exit.status {
            ExitStatus::Code(code) => (Some(code), None, exit.at),
            ExitStatus::Signal(signal) => (None, Some(signal), exit.at),
            ExitStatus::Unknown => (None, None, exit.at),
        })
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
