//! A line that is typed in the place of the last line: a search, a range of time, a file's name.
//!
//! It must never know what its text means: that is whoever asked for it.

use tui_input::Input;

use crate::domain::Shown;

/// Its state.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What it is for.
    pub purpose: Purpose,
    /// The text.
    pub input: Input,
    /// What is wrong with the text; typing takes it away.
    pub wrong: Option<Shown>,
}

/// What a line is typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A search in the log.
    Search,
    /// Whose instance is to be added.
    Add,
    /// A port on the map.
    FindPort,
    /// Words that the findings have to hold.
    FilterFindings,
    /// What is listed of what happened.
    Events,
    /// What lines of the log are to have in them.
    Keep,
    /// What lines of the log are not to have in them.
    Drop,
    /// A stretch of time of the log.
    Range,
    /// The file that the log is written to.
    Save,
}

impl Purpose {
    /// What stands before the text.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Search | Self::FilterFindings | Self::Events => "/ ",
            Self::FindPort => "port ",
            Self::Add => "add ",
            Self::Keep => "& ",
            Self::Drop => "! ",
            Self::Range => "time ",
            Self::Save => "save to ",
        }
    }

    /// What stands on the right while there is room.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Search => "Enter search  Esc leave",
            Self::FilterFindings => "words, !not; none for all   Enter keep  Esc leave",
            Self::FindPort => "a number, an owner, or free, conflict, stranger   Enter find  Esc leave",
            Self::Add => "OWNER[/NAME] [template=NAME] [run-as=ACCOUNT]   Enter says what it would do  Esc leave",
            Self::Events => "a text; none for all   Enter keep  Esc leave",
            Self::Keep => "Enter keep these lines  Esc leave",
            Self::Drop => "Enter leave these lines out  Esc leave",
            Self::Range => "10m  03:00  03:00-03:10  2026-11-20 22:00   Enter  Esc leave",
            Self::Save => "a new file   Enter save  Esc leave",
        }
    }
}

impl Prompt {
    /// Begins with a text, the cursor behind it.
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, input: Input::from(text), wrong: None }
    }
}
