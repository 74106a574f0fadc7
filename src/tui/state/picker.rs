//! A list to choose from, narrowed by typing: the palette, users, columns, signals, what to copy, themes, remedies.
//!
//! It must never do anything itself: what was chosen is `update`'s.

use tui_input::Input;

use crate::config::Strategy;
use crate::domain::{InstanceId, Shown, Signal};
use crate::present::columns::Column;
use crate::present::mend::Mend;
use crate::tui::fuzzy::Fuzzy;
use crate::tui::keymap::{Action, Place};

/// Its state.
#[derive(Clone, Debug)]
pub struct Picker {
    /// What is chosen here.
    pub title: Shown,
    /// Everything there is.
    pub entries: Vec<Entry>,
    /// What was typed.
    pub input: Input,
    /// The entries that match it, best first, as indices of `entries`.
    pub matches: Vec<usize>,
    /// The chosen one, as an index of `matches`.
    pub chosen: usize,
    /// The first one that is seen, as an index of `matches`.
    pub top: usize,
    /// Choosing does not close it: for lists of switches.
    pub stays: bool,
    /// Left and right move the chosen entry, not the cursor: for lists whose order counts.
    pub moves: bool,
    /// Notes that are cut have as many lines as they need, where there is room for all of them.
    pub wraps: bool,
    /// It is the palette: what was typed may be a name and what follows it, and notes are searched too.
    pub commands: bool,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is called.
    pub label: Shown,
    /// What is said beside it.
    pub note: Shown,
    /// The key that does the same; empty for none.
    pub key: String,
    /// Why it cannot be chosen now.
    pub why_not: Option<Shown>,
    /// On or off, for a switch.
    pub on: Option<bool>,
    /// What may follow its label in the palette: `NAME`.
    pub takes: Option<&'static str>,
    /// What choosing it means.
    pub choice: Choice,
}

/// What an entry stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: a line that only says something.
    Nothing,
    /// As if its key had been pressed.
    Action(Action),
    /// What mends something.
    Mend(Mend),
    /// A line for a shell, to be copied.
    CopyCommand(String),
    /// A column is shown, or not.
    Column(Column),
    /// All columns in the order they had at first.
    ColumnsReset,
    /// Only this user's instances; `None` for everybody's.
    User(Option<Box<str>>),
    /// This text is copied.
    Copy {
        /// What it is.
        what: String,
        /// The text.
        text: String,
    },
    /// This signal is asked about.
    Signal(InstanceId, Signal),
    /// An action by its name, wherever its key would have counted.
    Command(Action, Place),
    /// A theme by its name.
    Theme(String),
    /// What this strategy would give, over the map; `None`: no plan any more.
    Plan(Option<Strategy>),
}

impl Entry {
    /// An entry that can be chosen.
    pub fn new(label: impl Into<Shown>, choice: Choice) -> Self {
        Self { label: label.into(), note: Shown::from(""), key: String::new(), why_not: None, on: None, takes: None, choice }
    }
}

impl Picker {
    /// A list, nothing typed.
    pub fn new(title: impl Into<Shown>, entries: Vec<Entry>) -> Self {
        let matches = (0..entries.len()).collect();
        Self {
            title: title.into(),
            entries,
            input: Input::default(),
            matches,
            chosen: 0,
            top: 0,
            stays: false,
            moves: false,
            wraps: false,
            commands: false,
        }
    }

    /// Finds what matches the text now.
    pub fn narrow(&mut self) {
        let text = self.input.value();
        let mut fuzzy = Fuzzy::new(text);
        let with_argument = self.argument().map(|(index, _)| index);
        let mut scored: Vec<(u32, u32, usize)> = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            // What is named whole stands first, then what is like it, then what is said like it.
            let exact = u32::from(entry.label.as_str() == text) * 2;
            let named = fuzzy.score(entry.label.as_str()).map(|score| (1 + exact, score));
            let said = || fuzzy.score(entry.note.as_str()).filter(|_| self.commands).map(|score| (0, score));
            match with_argument {
                Some(meant) if meant == index => scored.push((1, 0, index)),
                Some(_) => {}
                None => scored.extend(named.or_else(said).map(|(rank, score)| (rank, score, index))),
            }
        }
        scored.sort_by_key(|(rank, score, index)| (std::cmp::Reverse((*rank, *score)), *index));
        self.matches.clear();
        self.matches.extend(scored.into_iter().map(|(_, _, index)| index));
        (self.chosen, self.top) = (0, 0);
    }

    /// In the palette: the entry that is named whole and what follows it, `theme light`.
    pub fn argument(&self) -> Option<(usize, &str)> {
        let (name, rest) = self.input.value().trim_start().split_once(' ').filter(|_| self.commands)?;
        let index = self.entries.iter().position(|entry| entry.takes.is_some() && entry.label.as_str() == name)?;
        Some((index, rest.trim()))
    }

    /// The chosen entry.
    pub fn entry(&self) -> Option<&Entry> {
        self.entries.get(*self.matches.get(self.chosen)?)
    }

    /// Moves the choice, and the page of so many lines with it.
    pub fn choose(&mut self, index: usize, page: usize) {
        let page = page.max(1);
        self.chosen = index.min(self.matches.len().saturating_sub(1));
        self.top = self.top.min(self.chosen).max((self.chosen + 1).saturating_sub(page));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker() -> Picker {
        let entry = |label: &'static str| Entry::new(label, Choice::Action(Action::Help));
        Picker::new("test", vec![entry("restart"), entry("start"), entry("sort by port")])
    }

    #[test]
    fn typing_narrows_and_the_best_stands_first() {
        let mut picker = picker();
        assert_eq!(picker.matches, [0, 1, 2]);
        picker.input = "start".into();
        picker.narrow();
        assert_eq!(picker.entry().unwrap().label.as_str(), "start");
        picker.input = "spt".into();
        picker.narrow();
        assert_eq!(picker.matches, [2]);
        picker.input = "nothing".into();
        picker.narrow();
        assert!(picker.entry().is_none());
    }

    #[test]
    fn in_the_palette_what_is_said_is_searched_and_a_name_may_be_followed() {
        let mut palette = picker();
        palette.entries[2].note = "by its number".into();
        palette.entries[0].takes = Some("WHAT");
        let found = |palette: &mut Picker, text: &str| {
            palette.input = text.into();
            palette.narrow();
            palette.entry().map(|entry| entry.label.as_str().to_owned())
        };
        assert_eq!(found(&mut palette, "number"), None);
        palette.commands = true;
        assert_eq!(found(&mut palette, "number").as_deref(), Some("sort by port"));
        assert_eq!(found(&mut palette, "restart all of it").as_deref(), Some("restart"));
        assert_eq!(palette.argument(), Some((0, "all of it")));
        assert_eq!(found(&mut palette, "start all"), None, "it takes nothing");
    }

    #[test]
    fn the_page_goes_with_the_choice() {
        let mut picker = picker();
        picker.choose(2, 2);
        assert_eq!((picker.chosen, picker.top), (2, 1));
        picker.choose(9, 2);
        assert_eq!(picker.chosen, 2);
        picker.choose(0, 2);
        assert_eq!(picker.top, 0);
    }
}
