//! What each event does to the state, and what it wants done outside. Pure: the same state and event give the same result.
//!
//! It must never wait, read a clock or touch anything but the state.

pub mod bulk;
mod columns;
pub mod confirm;
pub mod copy;
mod detail;
mod events;
pub mod filter;
mod findings;
pub mod fix;
pub mod fleet;
pub mod header;
pub mod help;
mod host;
pub mod log;
pub mod marks;
pub mod menu;
pub mod palette;
pub mod picker;
pub mod plan;
mod pointer;
pub mod ports;
pub mod progress;
pub mod prompt;
pub mod signal;
pub mod status;
pub mod task;
pub mod theme;
mod users;
mod why;

use crossterm::event::KeyEvent;

use super::effect::Effect;
use super::event::{Answer, Event, Purpose};
use super::keymap::Action;
use super::layout::Layout;
use super::state::{Pane, State, Tab};

/// Takes an event in.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    match event {
        Event::Key(key) => press(state, &key, &mut effects),
        Event::Paste(text) => paste(state, &text),
        Event::Mouse(mouse) => pointer::act(state, mouse, &mut effects),
        Event::Focus(there) => state.pointer.away = !there,
        Event::Resized(width, height) => state.size = (width, height),
        Event::Snapshot(snapshot) => fleet::learn(state, snapshot, &mut effects),
        Event::Standing(standing) => header::stand(state, standing),
        Event::Tick(now) => header::tick(state, now),
        Event::Answered(answer) => answered(state, answer),
        Event::Foreseen(order, outcome) => confirm::foreseen(state, &order, &outcome),
        Event::Proposed(proposal) => plan::made(state, proposal),
        Event::TaskForeseen(task, outcome) => task::foreseen(state, task, outcome),
        Event::TaskStep(task, step) => task::goes_on(state, &task, &step),
        Event::TaskEnded(task, outcome) => task::ended(state, &task, &outcome),
        Event::AnsweredMany(verb, answers) => bulk::open(state, verb, answers),
        Event::Copied { what, how } => copy::copied(state, &what, how),
        Event::ClientsCounted(id, count) => detail::counted(state, &id, count),
        Event::Diagnosed(id, result) => why::checked(state, &id, result),
        Event::TrailRead(result) => events::trail(state, result),
        Event::Sent(total) => host::sent(state, total),
        Event::Unkept(why) => status::refuse(state, why.as_str()),
        Event::LogOpened(serial, result) => log::opened(state, serial, result, &mut effects),
        Event::LogChanged(serial) => log::changed(state, serial, &mut effects),
        Event::LogRead(serial, ask, page) => log::read(state, serial, ask, page),
        Event::LogFound(serial, sought, find) => log::found(state, serial, &sought, find),
        Event::LogTaken(serial, taken) => log::taken(state, serial, taken, &mut effects),
        Event::Told { text, refused: false } => status::say(state, text.as_str()),
        Event::Told { text, refused: true } => status::refuse(state, text.as_str()),
        Event::Resumed => effects.push(Effect::Redraw),
    }
    settle(state, &mut effects);
    effects
}

/// What follows from whatever happened: the chosen row is seen, its log is asked for, a pane that is gone has no focus.
fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(layout) = Layout::of(state) {
        state.fleet.reveal(layout.fleet_page());
        if !layout.panes().any(|pane| pane == state.focus) {
            state.focus = state.large.unwrap_or(Pane::Fleet);
        }
    }
    ports::settle(state);
    plan::follow(state, effects);
    findings::settle(state);
    state.preferences.theme.clone_from(&state.theme);
    if state.preferences != state.kept {
        state.kept = state.preferences.clone();
        effects.push(Effect::Keep(state.kept.clone()));
    }
    log::follow_choice(state, effects);
    detail::count(state, effects);
    why::ask(state, effects);
    detail::observe_log(state);
    ask_for_keys(state, effects);
    log::ask(state, effects);
    events::settle(state, effects);
}

/// What may be done is asked for again when keys act on another instance than before.
fn ask_for_keys(state: &mut State, effects: &mut Vec<Effect>) {
    let target = state.target().cloned();
    if state.status.asked == target {
        return;
    }
    state.status.asked.clone_from(&target);
    if state.status.allowed.as_ref().map(|answer| &answer.id) != target.as_ref() {
        state.status.allowed = None;
        effects.extend(target.map(|id| Effect::Ask(id, Purpose::Keys)).filter(|ask| !effects.contains(ask)));
    }
}

/// A key goes to what has the focus.
fn press(state: &mut State, key: &KeyEvent, effects: &mut Vec<Effect>) {
    status::clear(state);
    let Some(action) = state.settings.keymap.lookup(state.place(), key) else {
        // What is bound to nothing is text, where there is an input.
        if state.confirm.is_some() {
            confirm::type_key(state, key);
        } else if state.task.is_some() {
            task::type_key(state, key);
        } else if state.bulk.is_some() {
            bulk::type_key(state, key);
        } else if state.picker.is_some() {
            picker::type_key(state, key);
        } else if state.prompt.is_some() {
            prompt::type_key(state, key);
        } else if state.filter.editing {
            filter::type_key(state, key);
        }
        return;
    };
    dispatch(state, action, effects);
}

/// An action goes to what has the focus.
fn dispatch(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Quit => effects.push(Effect::Quit),
        Action::Redraw => effects.push(Effect::Redraw),
        Action::Suspend => effects.push(Effect::Suspend),
        _ if state.help.is_some() => help::act(state, action),
        _ if state.confirm.is_some() => confirm::act(state, action, effects),
        _ if state.task.is_some() => task::act(state, action, effects),
        _ if state.bulk.is_some() => bulk::act(state, action, effects),
        _ if state.picker.is_some() => picker::act(state, action, effects),
        _ if state.menu.is_some() => menu::act(state, action, effects),
        _ if state.progress.as_ref().is_some_and(|progress| progress.open) => progress::act(state, action),
        _ if state.prompt.is_some() => prompt::act(state, action, effects),
        _ if state.why.is_some() => why::act(state, action, effects),
        _ if state.filter.editing => filter::act(state, action),
        _ => act(state, action, effects),
    }
}

/// An action in a pane.
fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let is_the_tabs = match state.tab {
        Tab::Instances => false,
        Tab::Ports => ports::act(state, action, effects),
        Tab::Findings => findings::act(state, action, effects),
        Tab::Events => events::act(state, action, effects),
        Tab::Host => host::act(state, action, effects),
    };
    if is_the_tabs {
        return;
    }
    match action {
        Action::Help => help::open(state),
        Action::Palette => palette::ask(state, effects),
        Action::NextTheme => theme::next(state),
        Action::Theme => theme::open(state),
        Action::Tab(tab) => go_to(state, tab),
        Action::Hold => header::hold(state),
        Action::Lock => header::lock(state),
        Action::Mouse => pointer::toggle(state, effects),
        Action::Filter => filter::open(state),
        Action::Problems => filter::problems(state),
        Action::Users => users::open(state),
        Action::Group => fleet::group(state),
        Action::Columns => columns::open(state),
        Action::Detail => detail::toggle(state),
        Action::Log => {
            show_target(state);
            log::toggle(state);
        }
        Action::NextPane => cycle(state, 1),
        Action::PreviousPane => cycle(state, -1),
        Action::Act(verb) if marks::count(state) => bulk::ask(state, verb, effects),
        Action::Act(verb) => ask(state, Purpose::Confirm(verb), effects),
        Action::Menu if marks::count(state) => menu::open_marked(state),
        Action::Menu => ask(state, Purpose::Menu, effects),
        Action::Fix => fix::open(state, effects),
        Action::Why => why::open(state),
        Action::ShowPort => ports::show(state),
        Action::GoToInstance => show_target(state),
        // The map's own.
        Action::FindPort | Action::GivePort | Action::Reserve | Action::Plan | Action::CopyPage => {}
        Action::Add | Action::Remove | Action::Adopt => task::begin(state, action, effects),
        Action::Signal => ask(state, Purpose::Signals, effects),
        Action::Mark | Action::MarkAll | Action::Unmark => marks::act(state, action),
        Action::Progress => progress::open(state),
        Action::Copy | Action::Snippet => copy::act(state, action),
        Action::Back => back(state, effects),
        Action::Escape => escape(state, effects),
        Action::PreviousInstance => fleet::step(state, -1),
        Action::NextInstance => fleet::step(state, 1),
        Action::SortNext | Action::SortReverse | Action::SortBy(_) => fleet::sort(state, action),
        Action::InLog(key) => log::act(state, key, effects),
        Action::Move(motion) => match (state.tab, state.focus) {
            (Tab::Ports, _) => ports::travel(state, motion),
            (Tab::Findings, _) => findings::travel(state, motion),
            (Tab::Events, _) => events::travel(state, motion),
            (Tab::Host, _) => host::travel(state, motion),
            (Tab::Instances, Pane::Fleet) => fleet::travel(state, motion),
            (Tab::Instances, Pane::Detail) => detail::scroll(state, motion),
            (Tab::Instances, Pane::Log) => log::scroll(state, motion),
        },
        // These belong to dialogues and are handled there.
        // And these to tabs.
        Action::GoTo | Action::Only => {}
        Action::Complete | Action::CompleteBack => {}
        Action::Confirm | Action::CopyCommand | Action::Pace | Action::Press | Action::NextField | Action::PreviousField => {}
        // Always the same, and from the palette too.
        Action::Quit => effects.push(Effect::Quit),
        Action::Redraw => effects.push(Effect::Redraw),
        Action::Suspend => effects.push(Effect::Suspend),
    }
}

/// Shows another tab.
fn go_to(state: &mut State, tab: Tab) {
    (state.tab, state.large, state.focus) = (tab, None, Pane::Fleet);
}

/// From another tab to the instance under its cursor.
fn show_target(state: &mut State) {
    if state.tab != Tab::Instances {
        let target = state.target().cloned();
        go_to(state, Tab::Instances);
        if let Some(id) = target {
            fleet::go_to(state, &id);
        }
    }
}

/// Asks the door about the chosen instance.
fn ask(state: &mut State, purpose: Purpose, effects: &mut Vec<Effect>) {
    match state.target() {
        Some(id) => effects.push(Effect::Ask(id.clone(), purpose)),
        None => status::refuse(state, "there is no instance to do that to"),
    }
}

/// The door answered.
fn answered(state: &mut State, answer: Answer) {
    if answer.purpose == Purpose::Fix {
        fix::answered(state, &answer);
        return;
    }
    // An answer about another instance than the one that is chosen now is an answer to nobody.
    if state.target() != Some(&answer.id) {
        return;
    }
    state.status.allowed = Some(answer.clone());
    match answer.purpose {
        Purpose::Keys | Purpose::Fix => {}
        Purpose::Confirm(verb) => confirm::open(state, verb, &answer),
        Purpose::Menu => menu::open(state, &answer),
        Purpose::Signals => signal::open(state, &answer),
        Purpose::Palette => palette::open(state),
    }
}

/// A pasted text goes into an input. It is never taken for keys.
fn paste(state: &mut State, text: &str) {
    if state.help.is_some() {
        return;
    }
    if state.confirm.is_some() {
        confirm::paste(state, text);
    } else if state.task.is_some() {
        task::paste(state, text);
    } else if state.bulk.is_some() {
        bulk::paste(state, text);
    } else if state.picker.is_some() {
        picker::paste(state, text);
    } else if state.prompt.is_some() {
        prompt::paste(state, text);
    } else if state.filter.editing {
        filter::paste(state, text);
    } else {
        let sentence = format!("pasted text is not taken for keys; {} opens the filter", state.key(Action::Filter));
        status::say(state, &sentence);
    }
}

/// The next pane in either direction. While one is large, the detail and the log take turns.
fn cycle(state: &mut State, step: isize) {
    if let Some(large) = state.large {
        let other = if large == Pane::Log { Pane::Detail } else { Pane::Log };
        (state.large, state.focus) = (Some(other), other);
        return;
    }
    let Some(layout) = Layout::of(state) else { return };
    let panes: Vec<Pane> = layout.panes().collect();
    let at = panes.iter().position(|pane| *pane == state.focus).unwrap_or(0);
    let next = at.checked_add_signed(step).unwrap_or(panes.len().saturating_sub(1));
    if let Some(pane) = panes.get(next).or(panes.first()) {
        state.focus = *pane;
    }
}

/// `q`: one step back, and out at the last.
fn back(state: &mut State, effects: &mut Vec<Effect>) {
    if shrink(state) {
        return;
    }
    let waits = state.progress.as_ref().filter(|progress| !progress.open).map_or(0, |progress| progress.counts().waiting);
    if waits > 0 {
        progress::open(state);
        status::refuse(state, &format!("{waits} wait to be begun, and would not be: Esc leaves them, Ctrl-C quits at once"));
        return;
    }
    effects.push(Effect::Quit);
}

/// Esc: one step back, never out.
fn escape(state: &mut State, effects: &mut Vec<Effect>) {
    if (state.tab == Tab::Instances && state.focus == Pane::Log && log::escape(state, effects)) || shrink(state) {
        return;
    }
    if state.filter.is_active() {
        filter::clear(state);
    } else if state.header.held {
        header::hold(state);
    } else {
        let sentence = format!("{} quits", state.key(Action::Back));
        status::say(state, &sentence);
    }
}

/// Back from a large pane, or from a pane to the table.
fn shrink(state: &mut State) -> bool {
    let inside = state.tab != Tab::Instances || state.large.is_some() || state.focus != Pane::Fleet;
    go_to(state, Tab::Instances);
    inside
}

#[cfg(test)]
mod choosing_tests;
#[cfg(test)]
mod copy_tests;
#[cfg(test)]
mod marks_tests;
#[cfg(test)]
mod tests;
