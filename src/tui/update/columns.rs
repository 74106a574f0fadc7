//! Choosing the table's columns and their order, in a list of switches.
//!
//! It must never take the owner away: a row without one is nobody's.

use crate::present::columns::Column;
use crate::tui::preferences::{Columns, Preferences};
use crate::tui::state::State;
use crate::tui::state::picker::{Choice, Entry, Picker};

use super::picker;

/// Opens the list.
pub fn open(state: &mut State) {
    let list = Picker { stays: true, moves: true, ..Picker::new("Columns of the table", entries(&state.preferences)) };
    picker::open(state, list);
}

/// Shows a column or takes it away.
pub fn toggle(state: &mut State, column: Column) {
    state.preferences.columns.toggle(column);
    refresh(state, Some(column));
}

/// Moves the chosen column one place.
pub fn shift(state: &mut State, right: bool) {
    let Some(Choice::Column(column)) = state.picker.as_ref().and_then(Picker::entry).map(|entry| entry.choice.clone()) else { return };
    state.preferences.columns.shift(column, right);
    refresh(state, Some(column));
}

/// All columns, in the order they had at first.
pub fn reset(state: &mut State) {
    state.preferences.columns = Columns::default();
    refresh(state, None);
}

/// Brings the open list up to date, the same column being chosen.
fn refresh(state: &mut State, column: Option<Column>) {
    state.fleet.left = 0;
    let page = crate::tui::view::picker::page(state);
    let Some(picker) = &mut state.picker else { return };
    let top = picker.top;
    picker.entries = entries(&state.preferences);
    picker.narrow();
    let is_it =
        |index: &usize| column.is_some() && picker.entries.get(*index).map(|entry| &entry.choice) == column.map(Choice::Column).as_ref();
    let at = picker.matches.iter().position(is_it).unwrap_or(0);
    picker.top = top;
    picker.choose(at, page);
}

fn entries(liked: &Preferences) -> Vec<Entry> {
    let column = |(column, shown): &(Column, bool)| {
        let why_not = (*column == Column::Owner).then(|| "always shown, as the first column".into());
        Entry { note: column.about().into(), on: Some(*shown), why_not, ..Entry::new(column.word(), Choice::Column(*column)) }
    };
    let mut entries: Vec<Entry> = liked.columns.all().iter().map(column).collect();
    if liked.columns != Columns::default() {
        entries
            .push(Entry { note: "every column, in the order they had at first".into(), ..Entry::new("as at first", Choice::ColumnsReset) });
    }
    entries
}
