//! A question before something is changed. It holds the process that the person saw; another one is never hit.
//!
//! It must never be answered by the key that asked it, and nothing but `y` or the button says yes.

use tui_input::Input;

use crate::domain::{InstanceId, ProcessKey, Reading, Row, Shown, Snapshot, Target, Verb};

/// Its state.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// What will be done.
    pub verb: Verb,
    /// The row as the person saw it.
    pub row: std::sync::Arc<Row>,
    /// What will be hit, and nothing else.
    pub target: Target,
    /// What it will do, where the door was asked.
    pub foreseen: Option<Shown>,
    /// Why it should be done, for the audit.
    pub reason: Input,
    /// What has the focus.
    pub focus: Field,
    /// The target is another by now; in words. The question cannot be answered with yes any more.
    pub changed: Option<Shown>,
}

/// A part of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Do nothing.
    Cancel,
    /// The reason.
    Reason,
    /// Do it.
    Button,
}

impl Confirm {
    /// Asks about a row.
    pub fn new(verb: Verb, row: std::sync::Arc<Row>) -> Self {
        let target = row.main.known().map_or(Target::Nothing, Target::Exactly);
        Self { verb, row, target, foreseen: None, reason: Input::default(), focus: Field::Cancel, changed: None }
    }

    /// Whom it is about.
    pub fn id(&self) -> &InstanceId {
        &self.row.id
    }

    /// Looks whether the target is still what it was. Once it was another, it stays refused: the person saw the old one.
    pub fn check(&mut self, live: &Snapshot) {
        if self.changed.is_none() {
            self.changed = difference(&self.target, live.row(self.id()).map(|row| row.main)).map(|text| Shown::new(&text));
        }
    }
}

/// What is different now, in words.
pub(super) fn difference(target: &Target, now: Option<Reading<ProcessKey>>) -> Option<String> {
    let Some(now) = now else { return Some("the instance is gone".to_owned()) };
    match (target, now.known()) {
        (Target::Exactly(before), Some(key)) if *before == key => None,
        (Target::Exactly(before), Some(key)) => Some(format!("{before} has ended; {key} runs in its place")),
        (Target::Exactly(before), None) => Some(format!("{before} has ended")),
        (Target::Nothing, Some(key)) => Some(format!("{key} was started meanwhile")),
        (Target::Nothing | Target::Whatever, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ProcessKey = ProcessKey { pid: 10, start_time: 1 };

    #[test]
    fn another_process_is_told_apart_also_with_the_same_pid() {
        let recycled = ProcessKey { pid: 10, start_time: 2 };
        assert_eq!(difference(&Target::Exactly(OLD), Some(Reading::Known(OLD))), None);
        assert!(difference(&Target::Exactly(OLD), Some(Reading::Known(recycled))).is_some());
        assert_eq!(difference(&Target::Exactly(OLD), Some(Reading::Gone)).unwrap(), "pid 10 has ended");
        assert_eq!(difference(&Target::Nothing, Some(Reading::Known(OLD))).unwrap(), "pid 10 was started meanwhile");
        assert_eq!(difference(&Target::Nothing, Some(Reading::Gone)), None);
        assert!(difference(&Target::Nothing, None).is_some());
    }
}
