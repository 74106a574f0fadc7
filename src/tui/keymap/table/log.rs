//! Keys of the log.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, FIRST, LAST, PAGE_DOWN, PAGE_UP, UP, bind, char, named};
use crate::tui::keymap::{Action, Binding, Key, LogKey, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    log(LogKey::Follow, &[char('f')], "follow", "follow the end, or pause; scrolling up pauses"),
    log(LogKey::Search, &[char('/')], "search", "search; small letters find capitals too"),
    log(LogKey::Keep, &[char('&')], "keep", "keep only lines in which something is found; Esc takes the last off"),
    log(LogKey::Drop, &[char('!')], "drop", "leave out lines in which something is found; Esc takes the last off"),
    log(LogKey::NextError, &[char('e')], "", "to the next error"),
    log(LogKey::PreviousError, &[char('E')], "error", "to the error before"),
    log(LogKey::Wrap, &[char('w')], "wrap", "wrap long lines, or cut them off"),
    log(LogKey::Times, &[char('t')], "times", "times before the lines: local, UTC, age, off"),
    log(LogKey::NextMatch, &[char('n')], "", "to the next match, below"),
    log(LogKey::PreviousMatch, &[char('N')], "", "to the match before, above"),
    log(LogKey::Tail, &[char('0')], "", "all of it, from the newest line, and follow"),
    log(LogKey::Head, &[char('1')], "", "all of it, from the oldest line"),
    log(LogKey::Minutes(1), &[char('2')], "", "only the last minute"),
    log(LogKey::Minutes(5), &[char('3')], "", "only the last 5 minutes"),
    log(LogKey::Minutes(15), &[char('4')], "", "only the last 15 minutes"),
    log(LogKey::Minutes(30), &[char('5')], "", "only the last 30 minutes"),
    log(LogKey::Minutes(60), &[char('6')], "", "only the last hour"),
    log(LogKey::Range, &[char('7')], "", "only a stretch of time: 10m, 03:00-03:10, 2026-11-20 22:00"),
    log(LogKey::Levels, &[char('i')], "", "only from a level on: errors, warnings, information, all"),
    log(LogKey::PreviousRun, &[char('p')], "", "the run before: what was written before this process was started"),
    log(LogKey::Mark, &[char('m')], "", "put a mark after the newest line"),
    log(LogKey::ToMark, &[char('\'')], "", "to the mark before, and round again"),
    log(LogKey::Copy, &[char('y')], "copy", "copy the chosen lines, or the last one"),
    log(LogKey::Select, &[char('v')], "choose", "choose lines with j and k; y copies them"),
    log(LogKey::CopyPage, &[char('Y')], "", "copy the page"),
    log(LogKey::Save, &[char('W')], "", "save what is shown, older lines too, to a new file"),
    log(LogKey::Pager, &[char('|')], "", "read what is shown, older lines too, in $PAGER"),
    log(LogKey::Together, &[char('L')], "", "the logs of the marked, else of what is shown, as one; or one alone again"),
    bind(Place::Log, Action::PreviousInstance, &[char('[')], "", "the log of the instance above"),
    bind(Place::Log, Action::NextInstance, &[char(']')], "", "the log of the instance below"),
    bind(Place::Log, Action::Move(Motion::Left), &[named(KeyCode::Left)], "", "scroll to the left"),
    bind(Place::Log, Action::Move(Motion::Right), &[named(KeyCode::Right)], "", "scroll to the right"),
    log(LogKey::LineStart, &[char('^')], "", "to the beginning of the lines"),
    log(LogKey::LineEnd, &[char('$')], "", "to the end of the longest line"),
    bind(Place::Log, Action::Move(Motion::Down), DOWN, "", "one line down"),
    bind(Place::Log, Action::Move(Motion::Up), UP, "", "one line up, and pause"),
    bind(Place::Log, Action::Move(Motion::First), FIRST, "", "to the oldest line"),
    bind(Place::Log, Action::Move(Motion::Last), LAST, "", "to the newest line, and follow"),
    bind(Place::Log, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up, and pause"),
    bind(Place::Log, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
];

const fn log(key: LogKey, keys: &'static [Key], short: &'static str, words: &'static str) -> Binding {
    bind(Place::Log, Action::InLog(key), keys, short, words)
}
