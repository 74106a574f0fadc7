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
    /// To the instance under the cursor.
    GoTo,
    /// Only what is about the instance under the cursor.
    Only,
    /// Pick a user, whose instances are shown.
    Users,
    /// Rows stand under their owner's heading, or not.
    Group,
    /// Choose the table's columns.
    Columns,
    /// Type a filter.
    Filter,
    /// Put the next of what can be typed into the filter.
    Complete,
    /// Put the one before it into the filter.
    CompleteBack,
    /// Ask for a confirmation of this.
    Act(Verb),
    /// The menu of what is possible.
    Menu,
    /// What mends what is wrong.
    Fix,
    /// Why the instance is as it is.
    Why,
    /// The instance's port on the map.
    ShowPort,
    /// To the instance under the cursor of another tab.
    GoToInstance,
    /// Type a port to go to.
    FindPort,
    /// Assign the port under the cursor to an instance.
    GivePort,
    /// Keep the port under the cursor from everybody, or let it be given again.
    Reserve,
    /// Lay what a strategy would give to everybody over the map.
    Plan,
    /// Add an instance.
    Add,
    /// Remove the instance under the cursor.
    Remove,
    /// Have the instance under the cursor keep the port that it is on.
    Adopt,
    /// Copy the page that is shown.
    CopyPage,
    /// Choose a signal to send.
    Signal,
    /// Mark the chosen instance, or take its mark away.
    Mark,
    /// Mark all that are shown.
    MarkAll,
    /// Take all marks away.
    Unmark,
    /// How far the last bulk action is.
    Progress,
    /// Choose what to copy.
    Copy,
    /// Choose a client whose entry is copied.
    Snippet,
    /// Copy the command that does the same.
    CopyCommand,
    /// How many at once, and whether it ends at a failure.
    Pace,
    /// Keep the picture as it is.
    Hold,
    /// Lock or unlock changes.
    Lock,
    /// Let go of the mouse, or take it.
    Mouse,
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
    /// Something that only the log knows.
    InLog(LogKey),
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

/// What can be done in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKey {
    /// Follow the end, or pause.
    Follow,
    /// Wrap long lines.
    Wrap,
    /// Other times before the lines.
    Times,
    /// All of it, from its end.
    Tail,
    /// All of it, from its beginning.
    Head,
    /// Only the last so many minutes.
    Minutes(u8),
    /// A stretch of time that is typed.
    Range,
    /// Look for something.
    Search,
    /// The next match.
    NextMatch,
    /// The match before.
    PreviousMatch,
    /// Keep only some lines.
    Keep,
    /// Leave some lines out.
    Drop,
    /// Only from another level on.
    Levels,
    /// The next error.
    NextError,
    /// The error before.
    PreviousError,
    /// What was written before the process that runs now.
    PreviousRun,
    /// Put a mark.
    Mark,
    /// To the mark before.
    ToMark,
    /// Choose lines.
    Select,
    /// Copy what is chosen.
    Copy,
    /// Copy the page.
    CopyPage,
    /// Write it to a file.
    Save,
    /// Read it in the pager.
    Pager,
    /// To the lines' beginning.
    LineStart,
    /// To the end of the longest line.
    LineEnd,
    /// Several logs as one.
    Together,
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
