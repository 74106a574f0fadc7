//! The instances that were marked, so that one key acts on all of them.
//!
//! It must never hold a line's number: a mark belongs to its instance and goes with it.

use std::collections::BTreeSet;

use crate::domain::{InstanceId, Snapshot};

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    ids: BTreeSet<InstanceId>,
}

impl Marks {
    /// Whether none is marked.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many are marked, those that the filter hides among them.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Whether this one is.
    pub fn holds(&self, id: &InstanceId) -> bool {
        // Asked for every row that is drawn; nearly always nothing is marked.
        !self.ids.is_empty() && self.ids.contains(id)
    }

    /// The marked ones, by id.
    pub fn ids(&self) -> impl Iterator<Item = &InstanceId> {
        self.ids.iter()
    }

    /// Marks one, or takes its mark away.
    pub fn toggle(&mut self, id: &InstanceId) {
        if !self.ids.remove(id) {
            self.ids.insert(id.clone());
        }
    }

    /// Marks one.
    pub fn add(&mut self, id: InstanceId) {
        self.ids.insert(id);
    }

    /// Takes all marks away.
    pub fn clear(&mut self) {
        self.ids.clear();
    }

    /// Lets go of instances that are not there any more.
    pub fn learn(&mut self, snapshot: &Snapshot) {
        if self.ids.is_empty() {
            return;
        }
        let there = snapshot.rows.iter().filter(|row| self.ids.contains(&row.id)).count();
        if there != self.ids.len() {
            let known: BTreeSet<&InstanceId> = snapshot.rows.iter().map(|row| &row.id).collect();
            self.ids.retain(|id| known.contains(id));
        }
    }
}
