//! The filter: the text that was typed, what it means, and whether it is being typed.
//!
//! It must never know the rows.

use tui_input::Input;

use crate::tui::query::Query;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The text.
    pub input: Input,
    /// What it means.
    pub query: Query,
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
        let text = self.input.value().trim();
        match (self.problems, text.is_empty()) {
            (true, true) => "problems only".to_owned(),
            (true, false) => format!("problems only, {text}"),
            (false, _) => text.to_owned(),
        }
    }
}
