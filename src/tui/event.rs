//! Everything that can happen to the console. A closed list: what is not here cannot change the state.
//!
//! It must never carry a handle to anything that acts: only facts travel inwards.

use std::sync::Arc;

use crossterm::event::KeyEvent;

use crate::domain::{Diagnosis, InstanceId, Moment, Order, Outcome, Proposal, Shown, Snapshot, Standing, Task, Trail, Verb};
use crate::link::{Ask, Find, Page, Sought};

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key was pressed or repeats.
    Key(KeyEvent),
    /// A text was pasted; it goes into an input or nowhere.
    Paste(String),
    /// Something was done with the mouse.
    Mouse(Mouse),
    /// The terminal's window has the focus, or has lost it.
    Focus(bool),
    /// The terminal has this many columns and rows now.
    Resized(u16, u16),
    /// The engine judged anew.
    Snapshot(Arc<Snapshot>),
    /// Whose engine is shown has changed.
    Standing(Standing),
    /// The clock went on.
    Tick(Moment),
    /// The door said what may be done to an instance.
    Answered(Answer),
    /// The door said what an order would do, or why it would not be done.
    Foreseen(Order, Outcome),
    /// The door said what a strategy would give to everybody, or why that cannot be told.
    Proposed(Result<Proposal, Shown>),
    /// The door said what would be done to the fleet, or why it would not be done.
    TaskForeseen(Task, Outcome),
    /// What is being done of it now, in words.
    TaskStep(Task, Shown),
    /// What came of it.
    TaskEnded(Task, Outcome),
    /// The log that was asked for under this serial can be read, or why not.
    LogOpened(u64, Result<(), Shown>),
    /// There are new lines.
    LogChanged(u64),
    /// How many connections an instance has, or why that is not known.
    ClientsCounted(InstanceId, Result<u64, Shown>),
    /// What keeps an instance from working, or why that was not looked at.
    Diagnosed(InstanceId, Result<Diagnosis, Shown>),
    /// What the audit trail holds, or why it cannot be read.
    TrailRead(Result<Trail, Shown>),
    /// So many bytes went to the terminal since the console was opened.
    Sent(u64),
    /// What the person likes could not be kept, and why.
    Unkept(Shown),
    /// The door said of each of these whether that may be done to it.
    AnsweredMany(Verb, Vec<(InstanceId, Option<Shown>)>),
    /// A text was brought to the clipboard, or not.
    Copied {
        /// What it is: "alice's client URL".
        what: String,
        /// By which way, or why not.
        how: Result<Copied, Shown>,
    },
    /// The lines that were asked for, and how they were.
    LogRead(u64, Ask, Page),
    /// Where the line is that was looked for.
    LogFound(u64, Sought, Find),
    /// The lines that were taken: how many, and their text; or why not.
    LogTaken(u64, Result<(usize, String), Shown>),
    /// What came of something that was done meanwhile.
    Told {
        /// In words.
        text: Shown,
        /// It was not done.
        refused: bool,
    },
    /// The program was stopped and goes on; what the terminal shows is not known.
    Resumed,
}

/// What may be done to an instance; for every verb the reason why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The instance.
    pub id: InstanceId,
    /// What the answer is wanted for.
    pub purpose: Purpose,
    /// Each verb with the reason why it cannot be asked; `None` when it can.
    pub verbs: Vec<(Verb, Option<Shown>)>,
}

impl Answer {
    /// Why the verb cannot be asked.
    pub fn why_not(&self, verb: Verb) -> Option<&Shown> {
        self.verbs.iter().find(|(known, _)| known.is_like(verb)).and_then(|(_, why)| why.as_ref())
    }
}

/// What an [`Answer`] is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To show keys as available or not.
    Keys,
    /// To open the confirmation for this verb.
    Confirm(Verb),
    /// To open the menu.
    Menu,
    /// To open the palette.
    Palette,
    /// To choose a signal.
    Signals,
    /// To say in the list of remedies what is not possible.
    Fix,
}

/// What stands between berth and the terminal that has the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nothing.
    Terminal,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

/// Where a text was brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// To the terminal; whether it took it is not told.
    Sent(Way),
    /// Into this file, since the terminal could not be expected to take it.
    Left(Shown, &'static str),
}

/// What can be done with a mouse; columns and rows count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// The left button went down.
    Press(u16, u16),
    /// It was moved with the button down.
    Drag(u16, u16),
    /// The button went up.
    Release,
    /// The wheel was turned by a notch.
    Wheel {
        /// The column.
        x: u16,
        /// The row.
        y: u16,
        /// Towards the end.
        down: bool,
    },
}
