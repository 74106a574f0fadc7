//! The palette: every action by its name, what its key is, and why it cannot be done now.
//!
//! It must never do what the key would not have done, nor do it to another instance than the one that is shown.

use crate::domain::{Shown, Verb};
use crate::tui::effect::Effect;
use crate::tui::event::Purpose;
use crate::tui::keymap::{Action, Bound, LogKey, Place};
use crate::tui::palette::Depth;
use crate::tui::state::picker::{Choice, Entry, Picker};
use crate::tui::state::{Pane, State, Tab};

use super::{confirm, fleet, log, menu, picker, status, task, theme};

/// Asks the door what may be done to the target, which brings the palette; without a target it comes at once.
pub fn ask(state: &mut State, effects: &mut Vec<Effect>) {
    match state.target() {
        Some(id) => effects.push(Effect::Ask(id.clone(), Purpose::Palette)),
        None => open(state),
    }
}

/// Opens it.
pub fn open(state: &mut State) {
    if state.place() == Place::Help || state.asks() {
        return;
    }
    let entries = entries(state);
    let title = match state.target() {
        Some(id) => format!("Commands {} {id}", state.settings.glyphs.dot),
        None => "Commands".to_owned(),
    };
    let mut palette = Picker::new(Shown::new(&title), entries);
    palette.commands = true;
    picker::open(state, palette);
}

/// One entry for each action: what counts here first, then what counts elsewhere.
pub fn entries(state: &State) -> Vec<Entry> {
    let (keymap, here) = (&state.settings.keymap, state.place());
    let is_dialogue = |place: Place| place.chain().len() < 3 && !matches!(place, Place::Always | Place::Everywhere | Place::Tabs);
    let elsewhere = || keymap.bound().iter().filter(|bound| !is_dialogue(bound.place) && !here.chain().contains(&bound.place));
    // What counts in several places is most likely meant of the instances.
    let elsewhere = elsewhere().filter(|bound| bound.place == Place::Fleet).chain(elsewhere());
    let mut known: Vec<Action> = Vec::new();
    let mut entries = Vec::new();
    for bound in keymap.at(here).chain(elsewhere).filter(|bound| bound.action.is_command()) {
        if !known.contains(&bound.action) {
            known.push(bound.action);
            entries.push(entry(state, bound, here));
        }
    }
    entries
}

fn entry(state: &State, bound: &Bound, here: Place) -> Entry {
    let mut entry = Entry::new(bound.action.name(), Choice::Command(bound.action, bound.place));
    let place = if here.chain().contains(&bound.place) { String::new() } else { format!("{}: ", bound.place.heading()) };
    entry.note = Shown::new(&format!("{place}{}", bound.words));
    entry.key = bound.label();
    entry.takes = bound.action.takes();
    if let Some(what) = entry.takes.filter(|_| entry.key.is_empty()) {
        entry.key = format!("{} {what}", bound.action.name());
    }
    entry.why_not = why_not(state, bound.action);
    entry
}

/// Why an action cannot be done now.
pub fn why_not(state: &State, action: Action) -> Option<Shown> {
    match action {
        Action::Act(verb) if state.target().is_some() => match &state.status.allowed {
            Some(answer) if state.target() == Some(&answer.id) => confirm::refusal(state, verb, answer),
            _ if verb.changes() && state.header.locked => Some(confirm::locked(state)),
            _ => None,
        },
        Action::Act(_) | Action::Menu | Action::Detail | Action::Log if state.target().is_none() => {
            Some(Shown::from("there is no instance to do that to"))
        }
        Action::Log => state.status.allowed.as_ref().and_then(|answer| answer.why_not(Verb::Logs)).cloned(),
        Action::Add | Action::Remove | Action::Adopt | Action::Reserve => task::why_not(state, action),
        Action::Lock if state.settings.read_only => Some(Shown::from("berth was started with --read-only")),
        Action::Theme | Action::NextTheme if state.settings.themes.depth == Depth::None => Some(Shown::from(theme::NO_COLOURS)),
        other => menu::common(state, other),
    }
}

/// Does an action as its key would have, where its key counts.
pub fn act(state: &mut State, action: Action, place: Place, effects: &mut Vec<Effect>) {
    reach(state, place);
    super::act(state, action, effects);
}

/// Gives the focus to where a key counts; the instance under the cursor stays the one that is meant.
fn reach(state: &mut State, place: Place) {
    if state.place().chain().contains(&place) {
        return;
    }
    let tab = match place {
        Place::Ports => Tab::Ports,
        Place::Findings => Tab::Findings,
        Place::Events => Tab::Events,
        Place::Host => Tab::Host,
        _ => Tab::Instances,
    };
    if state.tab != tab {
        let target = state.target().cloned();
        super::go_to(state, tab);
        if let (Tab::Instances, Some(id)) = (tab, target) {
            fleet::go_to(state, &id);
        }
    }
    match place {
        Place::Log if state.large != Some(Pane::Log) => log::toggle(state),
        Place::Detail if state.large != Some(Pane::Detail) => super::detail::toggle(state),
        Place::Fleet => (state.large, state.focus) = (None, Pane::Fleet),
        _ => {}
    }
}

/// A name with what follows it: `theme light`. What is refused stays to be mended.
pub fn carry_out(state: &mut State, action: Action, argument: &str, effects: &mut Vec<Effect>) {
    let done = match action {
        Action::Theme => theme::choose_named(state, argument),
        Action::InLog(LogKey::Save) => log::save(state, argument, effects),
        Action::Add => task::add(state, argument, effects),
        Action::Remove => task::purge(state, argument, effects),
        other => Err(Shown::new(&format!("{} takes nothing", other.name()))),
    };
    match done {
        Ok(()) => state.picker = None,
        Err(why) => status::refuse(state, why.as_str()),
    }
}

#[cfg(test)]
#[path = "palette_tests.rs"]
mod tests;
