//! What each key does and where: lookup, the help page and the last line are all made from one table.
//!
//! It must never act on a key: it only names the action.

mod table;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::Verb;
use crate::present::columns::Column;

pub use table::BINDINGS;

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Move within what has the focus.
    Move(Motion),
    /// Make the detail large, or small again.
    Detail,
    /// Make the log large, or small again.
    Log,
    /// The next pane.
    NextPane,
    /// The previous pane.
    PreviousPane,
    /// Sort by the next column.
    SortNext,
    /// Sort the other way round.
    SortReverse,
    /// Sort by this.
    SortBy(Column),
    /// Show only what has a problem.
    Problems,
    /// Type a filter.
    Filter,
    /// Ask for a confirmation of this.
    Act(Verb),
    /// The menu of what is possible.
    Menu,
    /// Keep the picture as it is.
    Hold,
    /// Lock or unlock changes.
    Lock,
    /// The help page.
    Help,
    /// One step back; leaves at the first level.
    Back,
    /// One step back; never leaves.
    Escape,
    /// Leave at once.
    Quit,
    /// Paint everything anew.
    Redraw,
    /// Stop, as a shell's job.
    Suspend,
    /// Follow the log's end.
    Follow,
    /// Wrap long lines.
    Wrap,
    /// The log of the previous instance in the table.
    PreviousInstance,
    /// The log of the next instance in the table.
    NextInstance,
    /// Do what is asked about.
    Confirm,
    /// Do what has the focus.
    Press,
    /// The next field of a dialogue.
    NextField,
    /// The previous field of a dialogue.
    PreviousField,
}

/// A movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// To the left.
    Left,
    /// To the right.
    Right,
}

/// What has the focus when a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Anything at all, dialogues and inputs included.
    Always,
    /// Any pane.
    Everywhere,
    /// The table.
    Fleet,
    /// The detail.
    Detail,
    /// The log.
    Log,
    /// The filter's input.
    Filter,
    /// A confirmation, outside its reason.
    Confirm,
    /// A confirmation's reason.
    Reason,
    /// The menu.
    Menu,
    /// The help page.
    Help,
}

impl Place {
    /// The places that are searched for a key, nearest first.
    pub fn chain(self) -> &'static [Place] {
        match self {
            Self::Always => &[Self::Always],
            Self::Everywhere => &[Self::Everywhere, Self::Always],
            Self::Fleet => &[Self::Fleet, Self::Everywhere, Self::Always],
            Self::Detail => &[Self::Detail, Self::Everywhere, Self::Always],
            Self::Log => &[Self::Log, Self::Everywhere, Self::Always],
            Self::Filter => &[Self::Filter, Self::Always],
            Self::Confirm => &[Self::Confirm, Self::Always],
            Self::Reason => &[Self::Reason, Self::Always],
            Self::Menu => &[Self::Menu, Self::Always],
            Self::Help => &[Self::Help, Self::Always],
        }
    }

    /// Its heading on the help page.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everywhere => "everywhere",
            Self::Fleet => "instances",
            Self::Detail => "detail",
            Self::Log => "log",
            Self::Filter => "filter",
            Self::Confirm | Self::Reason => "confirmation",
            Self::Menu => "menu",
            Self::Help => "help",
        }
    }
}

/// A key as it is bound: shift is part of a character, Ctrl is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// With Ctrl.
    pub control: bool,
}

impl Key {
    /// The key of an event; `None` for combinations that nothing can be bound to.
    pub fn of(event: &KeyEvent) -> Option<Self> {
        if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META) {
            return None;
        }
        Some(Self { code: event.code, control: event.modifiers.contains(KeyModifiers::CONTROL) })
    }

    /// How it is written.
    pub fn label(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(character) if self.control => character.to_ascii_uppercase().to_string(),
            KeyCode::Char(character) => character.to_string(),
            KeyCode::Up => "Up".to_owned(),
            KeyCode::Down => "Down".to_owned(),
            KeyCode::Left => "Left".to_owned(),
            KeyCode::Right => "Right".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::F(number) => format!("F{number}"),
            other => format!("{other:?}"),
        };
        if self.control { format!("Ctrl-{name}") } else { name }
    }
}

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
    place.chain().iter().find_map(|place| {
        BINDINGS.iter().find(|binding| binding.place == *place && binding.keys.contains(&key)).map(|binding| binding.action)
    })
}

/// The bindings that the last line names in a place, in the table's order.
pub fn footer(place: Place) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| place.chain().contains(&binding.place) && !binding.short.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [Place; 10] = [
        Place::Always,
        Place::Everywhere,
        Place::Fleet,
        Place::Detail,
        Place::Log,
        Place::Filter,
        Place::Confirm,
        Place::Reason,
        Place::Menu,
        Place::Help,
    ];

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for place in PLACES {
            let mut seen: Vec<(Key, Action)> = Vec::new();
            for binding in BINDINGS.iter().filter(|binding| place.chain().contains(&binding.place)) {
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
        for binding in BINDINGS {
            for key in binding.keys.iter().filter(|key| key.control) {
                assert!(!matches!(binding.action, Action::Act(_) | Action::Confirm | Action::Press), "{}", key.label());
                assert!(!matches!(key.code, KeyCode::Char('a' | 'b' | 's' | 'q')), "{}", key.label());
            }
        }
    }

    #[test]
    fn every_binding_has_a_key_and_words() {
        for binding in BINDINGS {
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
