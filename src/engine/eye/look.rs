//! Whole looks for whoever acts: everything at once, or a few instances again.
//!
//! It must never look at more than was asked for.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Eye, claimed};
use crate::control::Look;
use crate::domain::{ExitStatus, InstanceId, ProcessKey, Row, Snapshot, State};
use crate::sample::now;

impl Look for Eye {
    fn look(&mut self) -> Arc<Snapshot> {
        if self.previous.is_some() {
            self.registry.look();
        }
        self.discover();
        self.claim();
        self.ports();
        self.processes();
        let mut first = self.judge(&[]);
        if self.has_joined() {
            self.discover();
            self.claim();
            first = self.judge(&[]);
        }
        self.with_trees(first)
    }

    fn examine(&mut self) {
        let snapshot = self.previous.clone().unwrap_or_else(|| self.look());
        self.pid_files.look_through(&snapshot, now().boot);
        self.postures.look_through(&self.roster, now().boot);
        self.standing = None;
    }

    fn look_again(&mut self, ids: &[InstanceId]) -> Arc<Snapshot> {
        self.declared_again(ids);
        self.claim();
        let claimed = self.claims.iter().filter(|claim| ids.contains(&claim.id)).flat_map(claimed);
        let seen = self.previous.iter().flat_map(|previous| ids.iter().filter_map(|id| previous.row(id)));
        let seen = seen.flat_map(|row| row.processes.iter().map(|process| process.key).chain(row.keeper).chain(row.main.known()));
        for key in claimed.chain(seen).collect::<HashSet<ProcessKey>>() {
            self.sampler.check(key);
        }
        self.ports();
        self.sampler.gather(&self.watched);
        let first = self.judge(&[]);
        self.with_trees(first)
    }

    fn limits_of(&mut self, mains: &[ProcessKey]) {
        self.sampler.limits_of(mains);
    }
}

impl Eye {
    /// What was adopted in a look is a root from then on: where it has a tree below it, that is read and judged as well.
    fn with_trees(&mut self, first: Arc<Snapshot>) -> Arc<Snapshot> {
        if first.rows.iter().any(|row| row.declared.is_some() && row.keeper.is_none() && row.main.known().is_some()) {
            self.claim();
            if !self.sampler.has_gathered(&self.watched) {
                self.sampler.gather(&self.watched);
                return self.judge(&[]);
            }
        }
        // It ended between the claims and this reading: its keeper has written how by now, or is about to.
        let ended = |row: &Row| row.state == State::Crashed && row.exit.is_some_and(|exit| exit.status == ExitStatus::Unknown);
        let unclear: Vec<&InstanceId> = first.rows.iter().filter(|row| ended(row)).map(|row| &row.id).collect();
        if unclear.is_empty() {
            return first;
        }
        unclear.into_iter().for_each(|id| self.supervisor.forget(id));
        self.claim();
        self.judge(&[])
    }
}
