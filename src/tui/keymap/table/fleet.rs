//! Keys of the table of instances.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, FIRST, LAST, PAGE_DOWN, PAGE_UP, UP, bind, char, named};
use crate::domain::Measure;
use crate::present::columns::Column;
use crate::tui::keymap::{Action, Binding, LogKey, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Fleet, Action::Detail, &[named(KeyCode::Enter)], "detail", "everything about it; again for the table"),
    bind(Place::Fleet, Action::Why, &[char('w')], "why", "why it is as it is, on one page"),
    bind(Place::Fleet, Action::Filter, &[char('/')], "filter", "filter by text, /regex/, !not, user: port: state: supervisor: finding:"),
    bind(Place::Fleet, Action::Problems, &[char('e')], "problems", "only what has a problem"),
    bind(Place::Fleet, Action::Users, &[char('u')], "users", "pick a user, whose instances are shown"),
    bind(Place::Fleet, Action::Group, &[char('t')], "group", "rows under their user's heading, or in one list"),
    bind(Place::Fleet, Action::Columns, &[char('C')], "columns", "which columns are shown, and in which order"),
    bind(Place::Fleet, Action::Move(Motion::Left), &[named(KeyCode::Left)], "", "scroll the columns to the left"),
    bind(Place::Fleet, Action::Move(Motion::Right), &[named(KeyCode::Right)], "", "scroll the columns to the right"),
    bind(Place::Fleet, Action::Copy, &[char('y')], "copy", "copy its URL, port, PID, JSON, or a command"),
    bind(Place::Fleet, Action::Snippet, &[char('c')], "", "copy the entry for a client's configuration"),
    bind(Place::Fleet, Action::Mark, &[char(' ')], "", "mark or unmark, go one down; s S r act on marked"),
    bind(Place::Fleet, Action::MarkAll, &[char('*')], "", "mark all that are shown"),
    bind(Place::Fleet, Action::Unmark, &[char('U')], "", "unmark all"),
    bind(Place::Fleet, Action::InLog(LogKey::Together), &[char('L')], "", "the logs of the marked, else of what is shown, as one"),
    bind(Place::Fleet, Action::Move(Motion::Down), DOWN, "", "one down"),
    bind(Place::Fleet, Action::Move(Motion::Up), UP, "", "one up"),
    bind(Place::Fleet, Action::Move(Motion::First), FIRST, "", "to the first"),
    bind(Place::Fleet, Action::Move(Motion::Last), LAST, "", "to the last"),
    bind(Place::Fleet, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Fleet, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
    bind(Place::Fleet, Action::SortNext, &[char('o')], "", "sort by the next column"),
    bind(Place::Fleet, Action::SortReverse, &[char('O')], "", "sort the other way round"),
    bind(Place::Fleet, Action::SortBy(Column::Cpu), &[char('P')], "", "sort by CPU"),
    bind(Place::Fleet, Action::SortBy(Column::Memory), &[char('M')], "", "sort by memory"),
    bind(Place::Fleet, Action::SortBy(Column::Pid), &[char('N')], "", "sort by process id"),
    bind(Place::Fleet, Action::SortBy(Column::Up), &[char('A')], "", "sort by age"),
    bind(Place::Fleet, Action::SortBy(Column::Owner), &[], "", "sort by owner"),
    bind(Place::Fleet, Action::SortBy(Column::State), &[], "", "sort by state, the worst first"),
    bind(Place::Fleet, Action::SortBy(Column::Port), &[], "", "sort by port"),
    bind(Place::Fleet, Action::SortBy(Column::Health), &[], "", "sort by health"),
    bind(Place::Fleet, Action::SortBy(Column::Disk), &[], "", "sort by what it has written"),
    bind(Place::Fleet, Action::SortBy(Column::Restarts), &[], "", "sort by restarts"),
    bind(Place::Fleet, Action::SortBy(Column::By), &[], "", "sort by who runs it"),
    bind(Place::Fleet, Action::SortBy(Column::Findings), &[], "", "sort by findings"),
    bind(Place::Fleet, Action::SortBy(Column::Counted(Measure::Requests)), &[], "", "sort by requests a second"),
    bind(Place::Fleet, Action::SortBy(Column::Counted(Measure::Errors)), &[], "", "sort by the share of errors"),
    bind(Place::Fleet, Action::SortBy(Column::Counted(Measure::Latency)), &[], "", "sort by the slowest requests"),
    bind(Place::Fleet, Action::SortBy(Column::Counted(Measure::Tools)), &[], "", "sort by calls of tools"),
    bind(Place::Fleet, Action::SortBy(Column::Counted(Measure::Resources)), &[], "", "sort by requests for resources"),
    bind(Place::Fleet, Action::SortBy(Column::Counted(Measure::Cache)), &[], "", "sort by what the cache answers"),
];
