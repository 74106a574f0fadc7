//! What each key does and where: lookup, the help page, the palette and the last line are all made from one table, with what the
//! configuration changes about it.
//!
//! It must never act on a key: it only names the action.

mod action;
mod key;
mod names;
mod place;
mod rebind;
mod table;

use crossterm::event::KeyEvent;

use crate::config;

pub use action::{Action, LogKey, Motion};
pub use key::Key;
pub use place::Place;
pub use table::bindings;

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Where.
    pub place: Place,
    /// By which keys; the first is the one that is shown. None: by name only.
    pub keys: &'static [Key],
    /// What it does, in words, for the help page.
    pub words: &'static str,
    /// What it does, in one or two words, for the last line; empty when it is not named there.
    pub short: &'static str,
}

/// A line of the table as it holds with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What it does.
    pub action: Action,
    /// Where.
    pub place: Place,
    /// By which keys; the first is the one that is shown.
    pub keys: Vec<Key>,
    /// As in the table.
    pub words: &'static str,
    /// As in the table.
    pub short: &'static str,
    /// Where a configuration said so.
    pub changed: Option<config::Place>,
}

impl Bound {
    fn new(binding: &Binding) -> Self {
        let Binding { action, place, words, short, .. } = *binding;
        Self { action, place, keys: binding.keys.to_vec(), words, short, changed: None }
    }

    /// The key that is shown.
    pub fn label(&self) -> String {
        self.keys.first().map(|key| key.label()).unwrap_or_default()
    }

    /// All keys: `j Down`; for what has none, its name in the palette: `:theme`.
    pub fn labels(&self) -> String {
        if self.keys.is_empty() {
            return format!(":{}", self.action.name());
        }
        self.keys.iter().map(|key| key.label()).collect::<Vec<_>>().join(" ")
    }
}

/// The keys that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bound: Vec<Bound>,
    /// A configuration changed something: only then can one place's keys hide another's.
    is_changed: bool,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { bound: bindings().map(Bound::new).collect(), is_changed: false }
    }
}

impl Keymap {
    /// Every line, in the table's order.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// What a key does in a place.
    pub fn lookup(&self, place: Place, event: &KeyEvent) -> Option<Action> {
        let key = Key::of(event)?;
        place.chain().iter().find_map(|near| {
            let mut here = self.bound.iter().filter(|bound| bound.place == *near && self.holds(bound, place));
            here.find(|bound| bound.keys.contains(&key)).map(|bound| bound.action)
        })
    }

    /// What holds in a place, its own and what it shares, in the table's order.
    pub fn at(&self, place: Place) -> impl Iterator<Item = &Bound> {
        self.bound.iter().filter(move |bound| self.holds(bound, place))
    }

    /// What the last line names in a place.
    pub fn footer(&self, place: Place) -> impl Iterator<Item = &Bound> {
        self.at(place).filter(|bound| !bound.short.is_empty() && !bound.keys.is_empty())
    }

    /// The key for an action in a place, as it is shown; empty when there is none.
    pub fn label(&self, place: Place, action: Action) -> String {
        self.at(place).find(|bound| bound.action == action && !bound.keys.is_empty()).map(Bound::label).unwrap_or_default()
    }

    /// Whether a line counts in a place: it is one of its chain's, and no nearer one has other keys for the same by configuration.
    fn holds(&self, bound: &Bound, place: Place) -> bool {
        let rank = |of: Place| place.chain().iter().position(|near| *near == of);
        let Some(far) = rank(bound.place) else { return false };
        if !self.is_changed {
            return true;
        }
        let nearer =
            |other: &Bound| other.changed.is_some() && other.action == bound.action && rank(other.place).is_some_and(|near| near < far);
        !self.bound.iter().any(nearer)
    }
}

#[cfg(test)]
mod tests;
