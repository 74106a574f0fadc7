//! What the table's title says on its right: the filter, how much of the fleet is kept, what it is sorted by.
//!
//! It must never hide that rows are left out.

use crate::present::columns::Column;
use crate::tui::state::State;
use crate::tui::state::fleet::descends;

/// The parts, the one that may leave first at the front.
pub fn title(state: &State) -> Vec<String> {
    let (settings, fleet, filter) = (&state.settings, &state.fleet, &state.filter);
    let arrow = if descends(fleet.sort, fleet.reversed) { settings.glyphs.descending } else { settings.glyphs.ascending };
    let as_it_came = fleet.sort == Column::Owner && !fleet.reversed;
    let mut parts: Vec<String> = Some(format!("by {} {arrow}", fleet.sort.title())).filter(|_| !as_it_came).into_iter().collect();
    if filter.is_active() {
        parts.push(format!("filter: {}", crate::domain::Shown::new(&filter.words())));
        parts.push(format!("{} of {}", fleet.rows.len(), fleet.total));
    }
    parts
}
