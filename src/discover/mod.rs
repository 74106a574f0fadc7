//! What should be there: configuration trees, read as their users, made into a roster.
//!
//! It must never believe more of a user's file than that the user wrote it, and one broken file must never hide another instance.

mod account;
mod credentials;
mod declare;
mod env;
#[cfg(test)]
mod env_tests;
mod example;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod hearing;
mod https;
mod managed;
mod pace;
mod passwd;
mod plot;
mod programs;
#[cfg(test)]
mod requirements_tests;
mod run;
mod search;
mod server_config;
mod settings;
#[cfg(test)]
mod tests;
mod tree;
mod twins;
mod vanguard;
mod watch;
#[cfg(test)]
mod watch_tests;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::{Config, Source};
use crate::domain::{ConfigFault, Declared, InstanceId, Roster, Sealed, Shown};
use crate::hand::Reader;
use crate::supervisor::Supervisor;

pub use plot::Plotter;

pub use account::Accounts;
use example::Examples;
use hearing::Hearing;
use managed::Services;
use programs::Programs;
pub use run::{Run, run_of};
use search::{Search, Tools};
pub use twins::Twins;

/// Looks for instances, again and again, and reads only what has changed.
///
/// Without [`Discoverer::listen`] each scan looks at every file; with it only at what the kernel told of, and at the rest seldom.
pub struct Discoverer {
    config: Arc<Config>,
    reader: Arc<Reader>,
    accounts: Accounts,
    programs: Programs,
    examples: Examples,
    sealed: Sealed,
    boot: String,
    searches: Vec<Search>,
    hearing: Option<Hearing>,
    services: Services,
    last: Arc<Roster>,
}

impl Discoverer {
    /// A discoverer of what `config` says to look for.
    pub fn new(config: Arc<Config>, reader: Arc<Reader>) -> Self {
        let now = Instant::now();
        let mut searches = Vec::new();
        for discover in &config.discover {
            if let Source::Config(pattern) | Source::Env { pattern, .. } = &discover.source {
                let index = searches.len();
                searches.push(Search::new(index, pattern.clone(), discover.source.clone(), discover.template.clone(), now));
            }
        }
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let (accounts, programs, examples) = (Accounts::default(), Programs::default(), Examples::default());
        Self {
            config,
            reader,
            accounts,
            programs,
            examples,
            sealed: credentials::seal(),
            boot,
            searches,
            hearing: None,
            services: Services::default(),
            last: Arc::default(),
        }
    }

    /// One that makes instances of what this supervisor has by itself, too.
    #[must_use]
    pub fn with(mut self, supervisor: Arc<dyn Supervisor>) -> Self {
        self.services = Services::of(supervisor);
        self
    }

    /// One that knows which of those were seen to be configured instances.
    #[must_use]
    pub fn with_twins(mut self, twins: Twins) -> Self {
        self.services = self.services.with(twins);
        self
    }

    /// Whether a supervisor has others than at the last scan.
    pub fn has_news(&self) -> bool {
        self.services.have_news()
    }

    /// Has the kernel tell what changes, from the next scan on. What it cannot tell is looked for every `pulse`.
    pub fn listen(&mut self, pulse: Duration) {
        self.hearing.get_or_insert_with(|| Hearing::new(watch::Watcher::new(), pulse));
    }

    /// Readable when something was told; `None` where nothing is.
    pub fn told(&self) -> Option<Arc<OwnedFd>> {
        self.hearing.as_ref().and_then(Hearing::events)
    }

    /// When the next scan has something to do, should nothing be told before; `None` where it always has.
    pub fn next_scan(&self) -> Option<Instant> {
        self.hearing.as_ref().map(|hearing| hearing.next(&self.searches, Instant::now()))
    }

    /// The roster as it is now, and whether it differs from the last one.
    pub fn scan(&mut self) -> (Arc<Roster>, bool) {
        let now = Instant::now();
        self.examples.look_again();
        let (searches, hearing, mut tools) = self.parts();
        let changed = match hearing {
            Some(hearing) => hearing.scan(searches, &mut tools, now),
            None => {
                tools.accounts.refresh(now);
                tools.programs.look_again(tools.reader);
                for search in searches {
                    search.look_through(&mut tools, now);
                }
                true
            }
        };
        if !self.services.look() && !changed {
            return (Arc::clone(&self.last), false);
        }
        self.renewed()
    }

    /// The same, where only what declares these instances is looked at, at once and whatever was told.
    pub fn look_again(&mut self, ids: &[InstanceId]) -> (Arc<Roster>, bool) {
        let (searches, _, mut tools) = self.parts();
        let mut changed = false;
        for search in searches {
            changed |= search.look_again(&mut tools, ids);
        }
        if changed { self.renewed() } else { (Arc::clone(&self.last), false) }
    }

    fn parts(&mut self) -> (&mut Vec<Search>, &mut Option<Hearing>, Tools<'_>) {
        let tools = Tools {
            config: &self.config,
            reader: &self.reader,
            accounts: &mut self.accounts,
            programs: &mut self.programs,
            examples: &mut self.examples,
            sealed: &self.sealed,
            boot: self.boot.trim(),
        };
        (&mut self.searches, &mut self.hearing, tools)
    }

    fn renewed(&mut self) -> (Arc<Roster>, bool) {
        let mut roster = self.roster();
        self.services.put_into(&mut roster, &mut self.accounts);
        // Unchanged rows are the same Arc, but a fault that came or went counts too.
        let changed = roster != *self.last;
        if changed {
            self.last = Arc::new(roster);
        }
        (Arc::clone(&self.last), changed)
    }

    /// Everything that was found, put together. Of several that declare one instance the first counts.
    fn roster(&self) -> Roster {
        let mut found: BTreeMap<&InstanceId, &Arc<Declared>> = BTreeMap::new();
        let mut roster = Roster::default();
        for search in &self.searches {
            roster.looked_for.push(Shown::new(search.pattern.as_str()));
            roster.faults.extend(search.all_faults().cloned());
            for declared in search.found() {
                if let Some(first) = found.get(&declared.id) {
                    let reason = format!("it declares {} once more; {} came first and counts", declared.id, first.config.display());
                    let file = Shown::new(&declared.config.to_string_lossy());
                    roster.faults.push(ConfigFault { file, line: None, column: None, reason: Shown::new(&reason), denied: false });
                } else {
                    found.insert(&declared.id, declared);
                }
            }
            if let Some(complaint) = &search.complaint {
                let file = Shown::new(&search.pattern.root().to_string_lossy());
                roster.faults.push(ConfigFault { file, line: None, column: None, reason: Shown::new(complaint), denied: false });
            }
        }
        roster.instances = found.into_values().cloned().collect();
        roster
    }
}
