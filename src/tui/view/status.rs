//! The last line: what can be done here, nearest key first; or what is to be said; or the filter that is typed.
//!
//! It must never name a key that does nothing here.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use tui_input::Input;

use crate::domain::{Signal, State as Doing, Verb};
use crate::tui::keymap::{Action, Bound, LogKey, Place};

use crate::tui::state::log::Phase;
use crate::tui::state::prompt::Prompt;
use crate::tui::state::{Pane, State, Tab};
use crate::tui::update::fix;
use crate::tui::update::marks;
use crate::tui::update::ports;
use crate::tui::update::task;

use super::canvas;

/// Draws it; says where the cursor is, when something is typed.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let x = area.x + 1;
    if let Some(message) = &state.status.message {
        let style = if message.refused { theme.warning } else { theme.title };
        let end = canvas::put_fit(settings, buffer, x, area.y, area.width.saturating_sub(1), message.text.as_str(), style);
        // What is said comes before what could be pressed: a sentence that needs the whole line has it.
        if end + 2 <= ways_out_begin(state, area) {
            ways_out(state, area, buffer);
        }
        return None;
    }
    let right = ways_out(state, area, buffer);
    let room = right.saturating_sub(area.x + 2);
    if let Some(prompt) = state.prompt.as_ref().filter(|_| !state.asks() && state.help.is_none() && state.picker.is_none()) {
        return Some(typed(state, prompt, Rect { x, width: room, ..area }, buffer));
    }
    if state.filter.editing && !state.asks() && state.help.is_none() {
        return Some(super::filter::line(state, Rect { x, width: room, ..area }, buffer));
    }
    let mut x = x;
    let end = right.saturating_sub(2);
    let mut left_out = false;
    for binding in settings.keymap.footer(state.place()).filter(|binding| !is_right(binding) && makes_sense(state, binding)) {
        let word = word(state, binding);
        let width = width(binding, &word);
        if x + width > end {
            left_out = true;
            continue;
        }
        // One that comes later takes the place only where every terminal of this width gives it to the same one.
        let is_wanted = match binding.action {
            Action::Filter => true,
            Action::Why => is_troubled(state),
            Action::Menu => !is_troubled(state),
            _ => false,
        };
        if left_out && !is_wanted {
            continue;
        }
        if is_possible(state, binding) {
            name(state, binding, &word, x, area, buffer);
        } else {
            // In brackets: pressing it says why not. They stand in the gaps, so that nothing moves when it becomes possible.
            canvas::put(buffer, x - 1, area.y, width + 2, &format!("({} {word})", binding.label()), theme.dim);
        }
        x += width + 2;
    }
    None
}

/// Whether there is something to explain about the chosen instance.
fn is_troubled(state: &State) -> bool {
    let is_ill = |doing| matches!(doing, Doing::Crashed | Doing::CrashLoop | Doing::Degraded | Doing::Unknown);
    state.chosen().is_some_and(|row| !row.findings.is_empty() || is_ill(row.state))
}

/// What a key does here, in a word or two.
fn word(state: &State, binding: &Bound) -> Cow<'static, str> {
    if matches!(binding.action, Action::Act(_)) && marks::count(state) {
        return format!("{} {}", binding.short, state.marks.count()).into();
    }
    if let (Place::Bulk, Action::Press, Some(bulk)) =
        (binding.place, binding.action, state.bulk.as_ref().filter(|bulk| !bulk.reasoning && !bulk.is_counted()))
    {
        return format!("after typing {}", bulk.number()).into();
    }
    match binding.action {
        Action::Log if state.large == Some(Pane::Log) => return "table".into(),
        Action::InLog(LogKey::Follow) if matches!(state.log.phase, Phase::Failed(_)) => return "try again".into(),
        Action::InLog(LogKey::Select) if state.log.select.is_some() => return "leave them".into(),
        _ => {}
    }
    let nothing_waits = || state.progress.as_ref().is_some_and(|progress| progress.counts().waiting == 0);
    if (binding.place, binding.action) == (Place::Progress, Action::Escape) && nothing_waits() {
        "close".into()
    } else {
        binding.short.into()
    }
}

/// How many cells a key and its word take.
fn width(binding: &Bound, word: &str) -> u16 {
    canvas::cells(&binding.label()) + 1 + canvas::cells(word)
}

/// A key and its word. Returns the column after them.
fn name(state: &State, binding: &Bound, word: &str, x: u16, area: Rect, buffer: &mut Buffer) -> u16 {
    let end = canvas::put(buffer, x, area.y, area.right().saturating_sub(x), &binding.label(), state.settings.theme.key);
    canvas::put(buffer, end + 1, area.y, area.right().saturating_sub(end + 1), word, Style::new())
}

/// What stands on the right, whatever the width: the ways to every command, to help and out.
fn is_right(binding: &Bound) -> bool {
    matches!(binding.action, Action::Palette | Action::Help | Action::Back)
}

/// Narrower than this, the acting keys need the palette's place.
const COMMANDS: u16 = 56;

/// `: commands  ? help  q quit`, each with its word; `q` leads back where there is something to go back to.
fn on_the_right(state: &State, area: Rect) -> Vec<(&Bound, &'static str)> {
    let back = state.tab != Tab::Instances || state.large.is_some() || state.focus != Pane::Fleet;
    let word = |binding: &Bound| if back && binding.action == Action::Back { "back" } else { binding.short };
    let all = state.settings.keymap.footer(state.place()).filter(|binding| is_right(binding));
    let mut all: Vec<_> = all.map(|binding| (binding, word(binding))).collect();
    all.retain(|(binding, _)| area.width >= COMMANDS || binding.action != Action::Palette);
    all.sort_by_key(|(binding, _)| binding.action != Action::Palette);
    all
}

/// Where they begin.
fn ways_out_begin(state: &State, area: Rect) -> u16 {
    let total: u16 = on_the_right(state, area).iter().map(|(binding, word)| width(binding, word) + 2).sum();
    area.right().saturating_sub(total.saturating_sub(2))
}

/// Draws them at the line's end. Returns where they begin.
fn ways_out(state: &State, area: Rect, buffer: &mut Buffer) -> u16 {
    let begin = ways_out_begin(state, area);
    let mut x = begin;
    for (binding, word) in on_the_right(state, area) {
        x = name(state, binding, word, x, area, buffer) + 2;
    }
    begin
}

/// Whether the key has a meaning in this very dialogue.
fn makes_sense(state: &State, binding: &Bound) -> bool {
    let refused = state.confirm.as_ref().is_some_and(|confirm| confirm.changed.is_some())
        || state.task.as_ref().is_some_and(|task| task.changed.is_some());
    let about_one = matches!(binding.action, Action::Act(_) | Action::Menu | Action::Log);
    let moves = state.picker.as_ref().is_none_or(|picker| picker.moves);
    if let Action::InLog(key) = binding.action
        && !makes_sense_in_log(state, key)
    {
        return false;
    }
    // Of an empty table nothing can be asked, whichever row: what can be done stands in its place.
    let is_empty = state.snapshot.as_ref().is_none_or(|snapshot| snapshot.rows.is_empty());
    if state.place() == Place::Fleet && is_empty && !is_right(binding) {
        return false;
    }
    // The host is no instance, and a target that is another by now is nobody's.
    !(state.tab == Tab::Host && about_one || refused && matches!(binding.action, Action::Confirm | Action::NextField))
        && (moves || !matches!(binding.action, Action::Move(_)))
}

/// Whether a key of the log has a meaning while lines are chosen, or where there is no line.
fn makes_sense_in_log(state: &State, key: LogKey) -> bool {
    let log = &state.log;
    if log.select.is_some() {
        return matches!(key, LogKey::Copy | LogKey::Select);
    }
    let has_failed = matches!(log.phase, Phase::Failed(_));
    let is_without = has_failed || log.view.notice.is_some() && log.view.lines.is_empty();
    if is_without {
        return has_failed && key == LogKey::Follow;
    }
    !(log.view.lines.is_empty() && matches!(key, LogKey::Copy | LogKey::Select))
}

/// Whether this can be asked of the chosen instance.
fn is_possible_for(state: &State, verb: Verb) -> bool {
    // An answer about another instance is none.
    let answer = state.status.allowed.as_ref().filter(|answer| Some(&answer.id) == state.target());
    let refused = answer.is_some_and(|answer| answer.why_not(verb).is_some());
    state.target().is_some() && !(verb.changes() && state.header.locked) && !refused
}

/// Whether the key would do something for the chosen instance.
fn is_possible(state: &State, binding: &Bound) -> bool {
    match binding.action {
        // What the door says of the chosen one is not said of those that are marked.
        Action::Act(_) if marks::count(state) => !state.header.locked,
        Action::Act(verb) => is_possible_for(state, verb),
        Action::Signal => is_possible_for(state, Verb::Signal(Signal::Hangup)),
        Action::Copy | Action::Snippet => state.target().is_some(),
        // Back to the table leads whatever may be read.
        Action::Log => state.large == Some(Pane::Log) || is_possible_for(state, Verb::Logs),
        Action::Detail | Action::Menu | Action::GoTo | Action::GoToInstance | Action::Why | Action::ShowPort => state.target().is_some(),
        Action::Fix => fix::is_possible(state),
        Action::GivePort => ports::can_be_given(state),
        Action::Reserve => task::can_reserve(state),
        Action::Press if binding.place == Place::Bulk => state.bulk.as_ref().is_none_or(|bulk| bulk.reasoning || bulk.is_counted()),
        _ => true,
    }
}

/// A line that is typed, with what is wrong with it or what to do on the right.
fn typed(state: &State, prompt: &Prompt, area: Rect, buffer: &mut Buffer) -> Position {
    let (theme, wrong) = (&state.settings.theme, prompt.wrong.as_ref().map(crate::domain::Shown::as_str));
    let style = if wrong.is_some() { theme.error } else { theme.dim };
    line(state, prompt.purpose.sign(), &prompt.input, (wrong.unwrap_or(prompt.purpose.hint()), style), area, buffer)
}

/// A sign, the text and its cursor, and a hint on the right as far as there is room.
pub fn line(state: &State, sign: &str, input: &Input, (hint, style): (&str, Style), area: Rect, buffer: &mut Buffer) -> Position {
    let settings = &state.settings;
    let start = canvas::put(buffer, area.x, area.y, area.width, sign, settings.theme.key);
    let width = area.right().saturating_sub(start).max(1);
    let scroll = input.visual_scroll(usize::from(width.saturating_sub(1)));
    let text: String = input.value().chars().skip(scroll).collect();
    let end = canvas::put(buffer, start, area.y, width, crate::domain::Shown::new(&text).as_str(), settings.theme.title);
    if end + 4 + canvas::cells(hint) <= area.right() {
        canvas::put_right(buffer, area.right(), area.y, width, hint, style);
    }
    let column = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
    Position::new((start + column).min(area.right().saturating_sub(1)), area.y)
}
