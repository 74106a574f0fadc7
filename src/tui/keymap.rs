//! What each key does and where: lookup, the help page and the last line are all made from one table.
//!
//! It must never act on a key: it only names the action.

mod action;
mod key;
mod place;
mod table;

use crossterm::event::KeyEvent;

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
    /// By which keys; the first is the one that is shown.
    pub keys: &'static [Key],
    /// What it does, in words, for the help page.
    pub words: &'static str,
    /// What it does, in one or two words, for the last line; empty when it is not named there.
    pub short: &'static str,
}

/// What a key does in a place.
pub fn lookup(place: Place, event: &KeyEvent) -> Option<Action> {
    let key = Key::of(event)?;
    place
        .chain()
        .iter()
        .find_map(|place| bindings().find(|binding| binding.place == *place && binding.keys.contains(&key)).map(|binding| binding.action))
}

/// The bindings that the last line names in a place, in the table's order.
pub fn footer(place: Place) -> impl Iterator<Item = &'static Binding> {
    bindings().filter(move |binding| place.chain().contains(&binding.place) && !binding.short.is_empty())
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;
    use crate::domain::Verb;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for place in Place::ALL {
            let mut seen: Vec<(Key, Action)> = Vec::new();
            for binding in bindings().filter(|binding| place.chain().contains(&binding.place)) {
                for key in binding.keys {
                    let clash = seen.iter().find(|(known, action)| known == key && *action != binding.action);
                    assert!(clash.is_none(), "{place:?}: {} means {:?} and {clash:?}", key.label(), binding.action);
                    seen.push((*key, binding.action));
                }
            }
        }
    }

    #[test]
    fn nothing_that_disturbs_is_on_ctrl_and_flow_control_is_left_alone() {
        for binding in bindings() {
            for key in binding.keys.iter().filter(|key| key.control) {
                assert!(!matches!(binding.action, Action::Act(_) | Action::Confirm | Action::Press), "{}", key.label());
                assert!(!matches!(key.code, KeyCode::Char('a' | 'b' | 's' | 'q')), "{}", key.label());
            }
        }
    }

    #[test]
    fn every_binding_has_a_key_and_words() {
        for binding in bindings() {
            assert!(!binding.keys.is_empty() && !binding.words.is_empty(), "{:?}", binding.action);
            assert!(!binding.words.ends_with('.'), "{}", binding.words);
            assert!(binding.short.len() <= 14, "{}", binding.short);
        }
    }

    #[test]
    fn dialogues_leave_no_pane_key_through() {
        let start = KeyEvent::new(KeyCode::Char('S'), KeyModifiers::SHIFT);
        assert_eq!(lookup(Place::Fleet, &start), Some(Action::Act(Verb::Stop)));
        for place in [Place::Confirm, Place::Reason, Place::Help, Place::Filter] {
            assert_eq!(lookup(place, &start), None, "{place:?}");
            let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(lookup(place, &interrupt), Some(Action::Quit), "{place:?}");
        }
        assert_eq!(lookup(Place::Reason, &KeyEvent::new(KeyCode::Char('y'), KeyModifiers::NONE)), None);
    }

    #[test]
    fn alt_means_nothing() {
        assert_eq!(lookup(Place::Confirm, &KeyEvent::new(KeyCode::Char('y'), KeyModifiers::ALT)), None);
    }
}
