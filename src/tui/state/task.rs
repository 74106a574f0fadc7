//! A question before something is done to the fleet: an instance added, removed, adopted, a port reserved.
//!
//! It must never be answered by the key that asked it, and nothing but `y` or the button says yes.

use tui_input::Input;

use crate::domain::{Outcome, Shown, Snapshot, Target, Task};

use super::confirm::{Field, difference};

/// Its state.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What will be done.
    pub task: Task,
    /// What it comes to, as the door said: the sentence, and its steps.
    pub foreseen: Outcome,
    /// Why it should be done, for the audit.
    pub reason: Input,
    /// What has the focus.
    pub focus: Field,
    /// Its target is another by now; in words. The question cannot be answered with yes any more.
    pub changed: Option<Shown>,
}

impl Asked {
    /// Asks.
    pub fn new(task: Task, foreseen: Outcome) -> Self {
        Self { task, foreseen, reason: Input::default(), focus: Field::Cancel, changed: None }
    }

    /// Looks whether what would be removed is still what it was. Once it was another, it stays refused.
    pub fn check(&mut self, live: &Snapshot) {
        let Task::Remove { id, target, .. } = &self.task else { return };
        // Of one that is gone there may be something left.
        let Some(now) = live.row(id).map(|row| row.main).filter(|_| *target != Target::Whatever) else { return };
        if self.changed.is_none() {
            self.changed = difference(target, Some(now)).map(|text| Shown::new(&text));
        }
    }
}
