//! The filter: the text that was typed, what it means, what could be typed next, and whether it is being typed.
//!
//! It must never know the rows. A text that cannot be meant leaves in force what was meant before.

use tui_input::Input;

use crate::domain::Shown;
use crate::tui::query::{Completion, Query};

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The text.
    pub input: Input,
    /// What it means, or what the last text meant that could be understood.
    pub query: Query,
    /// The text that was understood.
    pub understood: String,
    /// What is wrong with the text.
    pub wrong: Option<Shown>,
    /// What can be typed where the cursor is.
    pub completion: Completion,
    /// Whether keys go into the text.
    pub editing: bool,
    /// Only rows with a problem are kept.
    pub problems: bool,
}

impl Filter {
    /// Whether anything may be left out.
    pub fn is_active(&self) -> bool {
        self.problems || !self.query.is_empty()
    }

    /// How it is written in the table's title.
    pub fn words(&self) -> String {
        let text = self.understood.trim();
        match (self.problems, text.is_empty()) {
            (true, true) => "problems only".to_owned(),
            (true, false) => format!("problems only, {text}"),
            (false, _) => text.to_owned(),
        }
    }

    /// Takes the text's meaning over.
    pub fn read(&mut self) {
        match Query::parse(self.input.value()) {
            Ok(query) => (self.query, self.understood, self.wrong) = (query, self.input.value().to_owned(), None),
            Err(wrong) => self.wrong = Some(wrong),
        }
    }
}
