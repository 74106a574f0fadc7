//! Asking before something is done to the fleet, and saying what came of it.
//!
//! It must never have anything done that the door did not foresee, nor to what is not, by the newest picture, what the person saw.

use crossterm::event::{Event as Raw, KeyEvent};
use tui_input::backend::crossterm::EventHandler;

use crate::domain::{InstanceId, Newcomer, Outcome, Shown, Snapshot, Stage, Target, Task, Underway, Verb};
use crate::present::ports::PortState;
use crate::tui::effect::Effect;
use crate::tui::keymap::Action;
use crate::tui::state::confirm::Field;
use crate::tui::state::prompt::{Prompt, Purpose};
use crate::tui::state::task::Asked;
use crate::tui::state::{State, Tab};

use super::{confirm, filter, status};

/// Longer reasons are cut.
const LONGEST: usize = 200;

/// An action by its key or its name.
pub fn begin(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if action == Action::Add {
        if let Some(why) = why_not(state, action) {
            status::refuse(state, &format!("nothing can be added: {why}"));
        } else {
            state.prompt = Some(Prompt::new(Purpose::Add, ""));
        }
        return;
    }
    let task = match action {
        Action::Reserve => reserving(state),
        Action::Remove => removing(state, false),
        _ => instance(state).map(Task::Adopt),
    };
    match (task, why_not(state, action)) {
        (Some(task), None) => effects.push(Effect::ForeseeTask(task)),
        (_, Some(why)) => status::refuse(state, why.as_str()),
        (None, None) => status::refuse(state, "there is nothing to do that to"),
    }
}

/// Why it cannot be asked now.
pub fn why_not(state: &State, action: Action) -> Option<Shown> {
    match action {
        Action::Add | Action::Remove | Action::Adopt | Action::Reserve if state.header.locked => Some(confirm::locked(state)),
        Action::Remove | Action::Adopt if instance(state).is_none() => Some(Shown::from("there is no instance to do that to")),
        Action::Reserve if state.tab == Tab::Ports && reserving(state).is_none() => {
            let (map, port) = state.ports.map().zip(state.ports.cursor)?;
            Some(Shown::new(&format!("{port} cannot be reserved: it is not free ({})", map.state(port).word())))
        }
        _ => None,
    }
}

/// The instance that is meant; a stranger's row is none.
fn instance(state: &State) -> Option<InstanceId> {
    state.target().filter(|id| !id.is_unmanaged()).cloned()
}

fn removing(state: &State, purge: bool) -> Option<Task> {
    let id = instance(state)?;
    let row = state.snapshot.as_ref().and_then(|snapshot| snapshot.row(&id));
    let target = row.map_or(Target::Whatever, |row| row.main.known().map_or(Target::Nothing, Target::Exactly));
    Some(Task::Remove { id, purge, target })
}

/// The port under the cursor, reserved or given back.
fn reserving(state: &State) -> Option<Task> {
    let (map, port) = state.ports.map().zip(state.ports.cursor)?;
    if map.reservation(port).is_some() {
        return Some(Task::Unreserve(port));
    }
    matches!(map.state(port), PortState::Free | PortState::Stranger).then_some(Task::Reserve(port))
}

/// Whether the key has something to do here.
pub fn can_reserve(state: &State) -> bool {
    !state.header.locked && reserving(state).is_some()
}

/// `add OWNER template=NAME`, in the palette or typed.
///
/// # Errors
/// When a word is none; in words.
pub fn add(state: &mut State, text: &str, effects: &mut Vec<Effect>) -> Result<(), Shown> {
    if let Some(why) = why_not(state, Action::Add) {
        return Err(Shown::new(&format!("nothing can be added: {why}")));
    }
    let mut newcomer = Newcomer::parse(text).map_err(|why| Shown::new(&why))?;
    // Of several hosts it is the chosen row's that gets it, which the question says.
    let host = state.snapshot.as_ref().and_then(|snapshot| state.own_part(snapshot)).map(|part| &part.name);
    newcomer.id = newcomer.id.at(host);
    effects.push(Effect::ForeseeTask(Task::Add(newcomer)));
    Ok(())
}

/// `remove purge` in the palette.
///
/// # Errors
/// When something else follows, or there is nothing to remove; in words.
pub fn purge(state: &mut State, text: &str, effects: &mut Vec<Effect>) -> Result<(), Shown> {
    if let Some(why) = why_not(state, Action::Remove) {
        return Err(why);
    }
    let task = removing(state, true).filter(|_| text == "purge");
    effects.push(Effect::ForeseeTask(task.ok_or_else(|| Shown::from("remove is followed by purge, or by nothing"))?));
    Ok(())
}

/// The door said what would be done: the question shows it. What would not be done is said.
pub fn foreseen(state: &mut State, task: Task, outcome: Outcome) {
    if state.floats() || state.bulk.is_some() {
        return;
    }
    if !outcome.is_done() {
        ended(state, &task, &outcome);
        return;
    }
    let mut asked = Asked::new(task, outcome);
    if let Some(live) = &state.live {
        asked.check(live);
    }
    state.task = Some(asked);
}

/// What is being done of it now.
pub fn goes_on(state: &mut State, task: &Task, step: &Shown) {
    status::keep(state, &format!("{}: {step}{}", task.subject(), state.settings.glyphs.ellipsis));
}

/// The steps and the end of a port's being assigned, where the table that shows them is not to be seen. `before`: the newest picture until now.
pub fn assigned(state: &mut State, before: Option<&Snapshot>) {
    let Some(live) = state.live.clone().filter(|_| state.tab != Tab::Instances) else { return };
    let is_own = |one: &Underway| one.by == Some(live.caller_at(&one.id, &state.settings.caller).person());
    let own: Vec<&Underway> = live.underway.iter().filter(|one| matches!(one.verb, Verb::Assign(_)) && is_own(one)).collect();
    for one in own {
        let same = |other: &&Underway| (other.verb, &other.id, other.since) == (one.verb, &one.id, one.since);
        if before.and_then(|before| before.underway.iter().find(same)).is_some_and(|known| known.stage == one.stage) {
            continue;
        }
        match &one.stage {
            Stage::Doing(step) => status::keep(state, &format!("{}: {step}{}", one.id, state.settings.glyphs.ellipsis)),
            Stage::Ended(outcome) => tell(state, &one.id.to_string(), outcome),
        }
    }
}

/// It is done, or not.
pub fn ended(state: &mut State, task: &Task, outcome: &Outcome) {
    tell(state, &task.subject(), outcome);
}

fn tell(state: &mut State, subject: &str, outcome: &Outcome) {
    let hint = outcome.hints.first().map(|hint| format!("; {hint}")).unwrap_or_default();
    let text = format!("{subject}: {}{hint}", outcome.sentence);
    if outcome.is_done() { status::say(state, &text) } else { status::refuse(state, &text) }
}

/// A bound key.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(asked) = &mut state.task else { return };
    asked.focus = match (action, asked.focus) {
        (Action::Escape, _) | (Action::Press, Field::Cancel) => {
            state.task = None;
            return;
        }
        (Action::Confirm, _) | (Action::Press, Field::Button) => return submit(state, effects),
        (Action::CopyCommand, _) => return copy(state, effects),
        (Action::Press, Field::Reason) | (Action::NextField, Field::Button) | (Action::PreviousField, Field::Reason) => Field::Cancel,
        (Action::NextField, Field::Cancel) | (Action::PreviousField, Field::Button) => Field::Reason,
        (Action::NextField, Field::Reason) | (Action::PreviousField, Field::Cancel) => Field::Button,
        (_, focus) => focus,
    };
}

/// A key that is not bound: text, when the reason has the focus.
pub fn type_key(state: &mut State, key: &KeyEvent) {
    if let Some(asked) = state.task.as_mut().filter(|asked| asked.focus == Field::Reason && asked.reason.value().chars().count() <= LONGEST)
    {
        asked.reason.handle_event(&Raw::Key(*key));
    }
}

/// A pasted text.
pub fn paste(state: &mut State, text: &str) {
    if let Some(asked) = state.task.as_mut().filter(|asked| asked.focus == Field::Reason) {
        filter::insert(&mut asked.reason, text, LONGEST);
    }
}

/// Yes.
fn submit(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(asked) = &mut state.task else { return };
    if let Some(live) = &state.live {
        asked.check(live);
    }
    if asked.changed.is_some() {
        return;
    }
    let (task, reason) = (asked.task.clone(), asked.reason.value().trim().to_owned());
    state.asked = Some(line(state, &task, &reason));
    state.task = None;
    status::say(state, &format!("{}: {}{}", task.subject(), task.word().to_lowercase(), state.settings.glyphs.ellipsis));
    effects.push(Effect::CarryOut(task, (!reason.is_empty()).then_some(reason)));
}

/// The command that does the same.
fn line(state: &State, task: &Task, reason: &str) -> String {
    let mut words = task.words();
    if !reason.is_empty() {
        // Joined, since a reason that begins with a hyphen would be taken for an option.
        words.push(format!("--reason={reason}"));
    }
    state.settings.program.there(task.id(), &words)
}

fn copy(state: &State, effects: &mut Vec<Effect>) {
    if let Some(asked) = &state.task {
        let text = line(state, &asked.task, asked.reason.value().trim());
        effects.push(Effect::Copy { what: "the same as a command".to_owned(), text });
    }
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;
