//! What should be there: configuration trees, read as their users, made into a roster.
//!
//! It must never believe more of a user's file than that the user wrote it, and one broken file must never hide another instance.

mod account;
mod declare;
mod env;
#[cfg(test)]
mod env_tests;
mod example;
#[cfg(test)]
mod requirements_tests;
mod server_config;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Config, Source};
use crate::domain::{ConfigFault, Declared, InstanceId, Roster, Shown};
use crate::hand::{FileFacts, Reader};

use account::Accounts;
use example::Examples;

/// Looks for instances, again and again, and reads only what has changed.
pub struct Discoverer {
    config: Arc<Config>,
    reader: Arc<Reader>,
    accounts: Accounts,
    /// By pattern too: two patterns may find one file, each with an id and a template of its own.
    known: HashMap<(usize, PathBuf), (FileFacts, env::Beside, Arc<Declared>)>,
    examples: Examples,
    last: Arc<Roster>,
}

impl Discoverer {
    /// A discoverer of what `config` says to look for.
    pub fn new(config: Arc<Config>, reader: Arc<Reader>) -> Self {
        Self { config, reader, accounts: Accounts::default(), known: HashMap::new(), examples: Examples::default(), last: Arc::default() }
    }

    /// The roster as it is now, and whether it differs from the last one.
    pub fn scan(&mut self) -> (Arc<Roster>, bool) {
        let mut found: BTreeMap<InstanceId, Arc<Declared>> = BTreeMap::new();
        let mut roster = Roster::default();
        let mut known = HashMap::with_capacity(self.known.len());
        self.examples.look_again();
        for (index, discover) in self.config.discover.iter().enumerate() {
            let (Source::Config(pattern) | Source::Env { pattern, .. }) = &discover.source else { continue };
            roster.looked_for.push(Shown::new(pattern.as_str()));
            let Some(template) = self.config.templates.get(&discover.template) else { continue };
            let by = declare::By { config: &self.config, source: &discover.source, template, root: pattern.root(), reader: &self.reader };
            for place in tree::walk(&self.reader, pattern, &mut self.accounts, template, &mut roster.faults) {
                let path = (index, pattern.root().join(&place.beneath));
                let who = &place.account.identity;
                let same = self.known.get(&path).filter(|(facts, earlier, declared)| {
                    // An account that was made meanwhile changes whose it is, without the file being changed.
                    *facts == place.facts
                        && (declared.uid, declared.gid) == (place.account.uid, place.account.gid)
                        && *earlier == env::beside(&self.reader, &mut self.examples, who, declared)
                });
                let (beside, declared) = match same {
                    Some((_, beside, declared)) => (beside.clone(), Arc::clone(declared)),
                    None => {
                        let declared = Arc::new(declare::declare(&by, &place, &mut self.examples));
                        (env::beside(&self.reader, &mut self.examples, who, &declared), declared)
                    }
                };
                // A fault that is not in the text (a timeout, a directory's rights) may go without the file being changed.
                if declared.fault.as_ref().is_none_or(|fault| fault.line.is_some()) {
                    known.insert(path, (place.facts, beside, Arc::clone(&declared)));
                }
                if let Some(first) = found.get(&declared.id) {
                    let reason = format!("it declares {} once more; {} came first and counts", declared.id, first.config.display());
                    let file = Shown::new(&declared.config.to_string_lossy());
                    roster.faults.push(ConfigFault { file, line: None, column: None, reason: Shown::new(&reason) });
                } else {
                    found.insert(declared.id.clone(), declared);
                }
            }
        }
        roster.instances = found.into_values().collect();
        self.known = known;
        // Unchanged rows are the same Arc, but a fault that came or went counts too.
        let changed = roster != *self.last;
        if changed {
            self.last = Arc::new(roster);
        }
        (Arc::clone(&self.last), changed)
    }
}
