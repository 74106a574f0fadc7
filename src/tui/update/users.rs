//! Picking a user, whose instances are then the only ones in the table.
//!
//! It must never hide behind a filter of its own: a picked user is a word in the filter, to be seen and changed there.

use std::collections::BTreeMap;

use crate::domain::{Row, Shown, Snapshot, State as Doing};
use crate::present::wording;
use crate::tui::query::{is_one_word, without_users};
use crate::tui::state::State;
use crate::tui::state::picker::{Choice, Entry, Picker};

use super::{filter, picker};

/// Opens the list of everybody who has a row.
pub fn open(state: &mut State) {
    let Some(snapshot) = &state.snapshot else {
        super::status::refuse(state, "there is nobody to pick yet");
        return;
    };
    let entries = entries(snapshot, state.settings.glyphs.ascii);
    picker::open(state, Picker::new("Whose instances?", entries));
}

/// Keeps a user's rows only; `None` keeps everybody's again. Other words of the filter stay.
pub fn pick(state: &mut State, user: Option<&str>) {
    let mut text = without_users(state.filter.input.value());
    if let Some(user) = user {
        let blank = if text.is_empty() { "" } else { " " };
        text.push_str(&format!("{blank}user:={user}"));
    }
    filter::set(state, &text);
}

/// Everybody, then each user with how many instances and what is wrong with them.
fn entries(snapshot: &Snapshot, ascii: bool) -> Vec<Entry> {
    let mut users: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in snapshot.rows.iter().filter(|row| is_one_word(row.id.owner())) {
        users.entry(row.id.owner()).or_default().push(row);
    }
    let all: Vec<&Row> = snapshot.rows.iter().map(AsRef::as_ref).collect();
    let everybody = Entry { note: note(&all, ascii), ..Entry::new("everybody", Choice::User(None)) };
    let entry = |(user, rows): (&str, Vec<&Row>)| Entry { note: note(&rows, ascii), ..Entry::new(user, Choice::User(Some(user.into()))) };
    std::iter::once(everybody).chain(users.into_iter().map(entry)).collect()
}

/// `2 instances  ✖ 1 crashed`.
fn note(rows: &[&Row], ascii: bool) -> Shown {
    let count = |states: &[Doing]| rows.iter().filter(|row| states.contains(&row.state)).count();
    let (instances, strangers) = {
        let strangers = rows.iter().filter(|row| row.id.is_unmanaged()).count();
        (rows.len() - strangers, strangers)
    };
    let mut parts = vec![wording::count(instances, "instance")];
    for (states, word) in [(&[Doing::Crashed, Doing::CrashLoop][..], "crashed"), (&[Doing::Degraded], "degraded")] {
        if let Some(state) = states.first().filter(|_| count(states) > 0) {
            parts.push(format!("{} {} {word}", wording::state_sign(*state, ascii), count(states)));
        }
    }
    if strangers > 0 {
        parts.push(wording::count(strangers, "stranger"));
    }
    Shown::new(&parts.join("  "))
}
