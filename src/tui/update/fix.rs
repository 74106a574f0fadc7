//! What mends what is wrong, as a list: what berth can do asks its usual question, for the rest there is the command to copy.
//!
//! It must never carry anything out, and never leave out why something cannot be done from here.

use crate::domain::{Finding, InstanceId, Shown, State as Doing, Verb, words};
use crate::present::mend::{self, How, Mend};
use crate::present::wording;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, Purpose};
use crate::tui::state::picker::{Choice, Entry, Picker};
use crate::tui::state::{Pane, Settings, State, Tab};

use super::{confirm, fleet, log, picker, status};

/// One thing that is wrong, with what mends it.
struct Wrong {
    /// "port-taken of carol".
    name: String,
    /// In a sentence.
    evidence: Shown,
    mends: Vec<Mend>,
}

/// Opens the list.
pub fn open(state: &mut State, effects: &mut Vec<Effect>) {
    let all = told_once(wrongs(state));
    if all.iter().all(|wrong| wrong.mends.is_empty()) {
        let about = state.target().map(|id| format!(" with {id}")).unwrap_or_default();
        let text = if all.is_empty() { format!("nothing is wrong{about}") } else { format!("what is wrong{about} has no remedy here") };
        status::refuse(state, &text);
        return;
    }
    let title = match &all[..] {
        [one] => format!("Mend {}", one.name),
        _ => "Mend".to_owned(),
    };
    let mut entries = Vec::new();
    for wrong in &all {
        if all.len() > 1 {
            // A heading: it cannot be chosen, and says what is wrong when it is.
            entries.push(barred(wrong.name.clone(), wrong.evidence.clone()));
        }
        wrong.mends.iter().for_each(|mend| entries.extend(lines(state, mend, all.len() > 1)));
    }
    for id in asked_about(&entries) {
        effects.push(Effect::Ask(id, Purpose::Fix));
    }
    let mut list = Picker::new(title.as_str(), entries);
    list.wraps = true;
    choose_possible(&mut list);
    picker::open(state, list);
}

/// Each remedy once, below the first thing that it mends. What then has none of its own is left out: the list is of remedies.
fn told_once(all: Vec<Wrong>) -> Vec<Wrong> {
    let mut told: Vec<Mend> = Vec::new();
    let mut kept = Vec::new();
    for mut wrong in all {
        let had_some = !wrong.mends.is_empty();
        wrong.mends.retain(|mend| !told.contains(mend));
        told.extend(wrong.mends.iter().cloned());
        if !had_some || !wrong.mends.is_empty() {
            kept.push(wrong);
        }
    }
    kept
}

/// Whether the key has something to show.
pub fn is_possible(state: &State) -> bool {
    wrongs(state).iter().any(|wrong| !wrong.mends.is_empty())
}

/// Whether the list holds what the banner says.
pub fn mends_banner(state: &State) -> bool {
    !matches!(state.tab, Tab::Ports | Tab::Findings) && banner(state).is_some_and(|wrong| !wrong.mends.is_empty())
}

/// What is wrong with what is under the cursor, and what the banner says.
fn wrongs(state: &State) -> Vec<Wrong> {
    let Some(snapshot) = &state.snapshot else { return Vec::new() };
    let target = state.target();
    let about = |finding: &&Finding| target.is_some_and(|id| finding.instances.contains(id));
    let of = |finding: &Finding| of_finding(state, finding);
    match state.tab {
        Tab::Findings => state.findings.finding(snapshot).map(of).into_iter().collect(),
        Tab::Ports => {
            let here = |finding: &&Finding| finding.port.is_some() && finding.port == state.ports.cursor;
            snapshot.findings.iter().filter(|finding| here(finding) || about(finding)).map(of).collect()
        }
        Tab::Instances | Tab::Events | Tab::Host => {
            let mut all: Vec<Wrong> = snapshot.findings.iter().filter(about).map(of).collect();
            all.extend(target.and_then(|id| of_crash(state, id)));
            all.extend(banner(state).filter(|banner| all.iter().all(|wrong| wrong.evidence != banner.evidence)));
            all
        }
    }
}

fn banner(state: &State) -> Option<Wrong> {
    let (banner, snapshot) = (state.header.banner.as_ref()?, state.snapshot.as_ref()?);
    match (banner.finding, &banner.crashed) {
        (Some(index), _) => Some(of_finding(state, snapshot.findings.get(index)?)),
        (None, Some(id)) => of_crash(state, id),
        (None, None) => None,
    }
}

fn of_finding(state: &State, finding: &Finding) -> Wrong {
    let names: Vec<String> = finding.instances.iter().map(ToString::to_string).collect();
    let who = if names.is_empty() { String::new() } else { format!(" of {}", words::list(&names)) };
    let mends = state.snapshot.iter().flat_map(|snapshot| mend::of_finding(finding, snapshot, state.settings.giver())).collect();
    Wrong { name: format!("{}{who}", finding.code.word()), evidence: finding.evidence.clone(), mends }
}

fn of_crash(state: &State, id: &InstanceId) -> Option<Wrong> {
    let row = state.snapshot.as_ref()?.row(id).filter(|row| matches!(row.state, Doing::Crashed | Doing::CrashLoop))?;
    let how = row.exit.map_or_else(|| "it ended without being asked".to_owned(), |last| wording::last_exit(&last, state.look().now));
    Some(Wrong { name: format!("{} is {}", id, row.state.word()), evidence: Shown::new(&how), mends: mend::of_crash(id) })
}

/// The lines of one remedy.
fn lines(state: &State, mend: &Mend, indented: bool) -> Vec<Entry> {
    let indent = if indented { "  " } else { "" };
    let label = format!("{indent}{}", mend.label);
    let possible = |note: &str, key: &str| {
        let label: Shown = Shown::new(&label);
        vec![Entry { note: Shown::new(note), key: key.to_owned(), ..Entry::new(label, Choice::Mend(mend.clone())) }]
    };
    match &mend.how {
        How::Ask(verb, _) if verb.changes() && state.header.locked => refused(&state.settings, &label, confirm::locked(state), mend),
        How::Ask(Verb::Assign(_), _) => possible("says what it would do, then asks", ""),
        How::Ask(..) => possible("asks first", ""),
        How::Log(_) => possible("opens it", ""),
        How::Command { why, .. } => refused(&state.settings, &label, Shown::from(*why), mend),
        How::Tell(words) => vec![barred(label, Shown::new(words))],
    }
}

/// What berth does not do: why, and the command to copy.
fn refused(settings: &Settings, label: &str, why: Shown, mend: &Mend) -> Vec<Entry> {
    let mut lines = vec![barred(label.to_owned(), why)];
    let depth = label.len() - label.trim_start().len() + 2;
    let corner = if settings.glyphs.ascii { "`" } else { "└" };
    if let Some(command) = mend.command(&settings.program) {
        let label: Shown = Shown::new(&format!("{}{corner} copy the command", " ".repeat(depth - 2)));
        lines.push(Entry { note: Shown::new(&command), ..Entry::new(label, Choice::CopyCommand(command)) });
    }
    lines
}

/// A line that cannot be chosen.
fn barred(label: String, why: Shown) -> Entry {
    let label: Shown = Shown::new(&label);
    Entry { why_not: Some(why), ..Entry::new(label, Choice::Nothing) }
}

/// The instances about which the door has to say what is possible.
fn asked_about(entries: &[Entry]) -> Vec<InstanceId> {
    let mut ids: Vec<InstanceId> = Vec::new();
    for entry in entries {
        if let Choice::Mend(Mend { how: How::Ask(_, id), .. }) = &entry.choice
            && !ids.contains(id)
        {
            ids.push(id.clone());
        }
    }
    ids
}

/// The first line that can be chosen is.
fn choose_possible(list: &mut Picker) {
    list.chosen = list.entries.iter().position(|entry| entry.why_not.is_none()).unwrap_or(0);
}

/// The door said what is possible: what is not becomes its reason and the command.
pub fn answered(state: &mut State, answer: &Answer) {
    let settings = &state.settings;
    let Some(list) = state.picker.as_mut().filter(|list| list.input.value().is_empty()) else { return };
    let mut changed = false;
    let mut entries = Vec::new();
    for entry in std::mem::take(&mut list.entries) {
        let refusal = match &entry.choice {
            Choice::Mend(Mend { how: How::Ask(verb, id), .. }) if *id == answer.id => answer.why_not(*verb).cloned(),
            _ => None,
        };
        match (refusal, &entry.choice) {
            (Some(why), Choice::Mend(mend)) => {
                entries.extend(refused(settings, entry.label.as_str(), why, mend));
                changed = true;
            }
            _ => entries.push(entry),
        }
    }
    list.entries = entries;
    if changed {
        list.narrow();
        choose_possible(list);
    }
}

/// Does what was chosen: by asking about the instance, which is chosen for it.
pub fn choose(state: &mut State, mend: &Mend, effects: &mut Vec<Effect>) {
    if let How::Ask(verb @ Verb::Assign(_), id) = &mend.how {
        // What it would do names whom: the chosen instance need not be that one.
        confirm::foresee(state, *verb, id, effects);
        return;
    }
    let (How::Ask(_, id) | How::Log(id)) = &mend.how else { return };
    if state.target() != Some(id) {
        super::go_to(state, Tab::Instances);
        fleet::go_to(state, id);
    }
    if state.target() != Some(id) {
        status::refuse(state, &format!("{id} is not there any more"));
        return;
    }
    match &mend.how {
        How::Ask(verb, id) => effects.push(Effect::Ask(id.clone(), Purpose::Confirm(*verb))),
        How::Log(_) => {
            super::show_target(state);
            if state.large != Some(Pane::Log) {
                log::toggle(state);
            }
        }
        How::Command { .. } | How::Tell(_) => {}
    }
}

#[cfg(test)]
#[path = "fix_tests.rs"]
mod tests;
