//! Everything that a key, the palette or the mouse can ask for, by name.
//!
//! It must never say how: that is `update`'s.

use crate::domain::Verb;
use crate::present::columns::Column;
use crate::tui::state::Tab;

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Move within what has the focus.
    Move(Motion),
    /// Make the detail large, or small again.
    Detail,
    /// Make the log large, or small again.
    Log,
    /// Another tab.
    Tab(Tab),
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
    /// The palette of every action by name.
    Palette,
    /// The next theme.
    NextTheme,
    /// Choose a theme.
    Theme,
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
