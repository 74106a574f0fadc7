//! The plan over the map of ports: chosen, shown, left.
//!
//! It must never move anybody.

use crate::config::Strategy;
use crate::domain::{Proposal, Shown};
use crate::present::plan_map::PlanMap;
use crate::tui::effect::Effect;
use crate::tui::state::picker::{Choice, Entry, Picker};
use crate::tui::state::{State, Tab};

use super::{picker, status};

/// The strategies, by the names that the configuration has for them, and how each comes to a port.
const STRATEGIES: [(Strategy, &str, &str); 5] = [
    (Strategy::Registry, "registry", "what each has, else the lowest free one"),
    (Strategy::Static, "static", "what each one's configuration says"),
    (Strategy::Uid, "uid", "first + uid % modulus; the next free one on a collision"),
    (Strategy::NameHash, "name-hash", "first + sum of the name's characters % modulus; the next free one on a collision"),
    (Strategy::Block, "block", "so many ports together for each owner"),
];

/// Chooses one.
pub fn open(state: &mut State) {
    let shown = state.ports.plan.as_ref().map(|(plan, _)| plan.strategy());
    let entry = |(strategy, name, how): (Strategy, &'static str, &'static str)| {
        let note = if shown == Some(name) { format!("{how}; shown now, chosen again it is made anew") } else { how.to_owned() };
        Entry { note: Shown::new(&note), ..Entry::new(name, Choice::Plan(Some(strategy))) }
    };
    let mut entries: Vec<Entry> = STRATEGIES.into_iter().map(entry).collect();
    if shown.is_some() {
        let note = Shown::from("the map as it is");
        entries.insert(0, Entry { note, ..Entry::new("no plan", Choice::Plan(None)) });
    }
    let mut list = Picker::new("Plan by which strategy? Nobody is moved", entries);
    list.wraps = true;
    picker::open(state, list);
}

/// One was chosen.
pub fn choose(state: &mut State, strategy: Option<Strategy>, effects: &mut Vec<Effect>) {
    match strategy {
        Some(strategy) => effects.push(Effect::Propose(strategy)),
        None => state.ports.plan = None,
    }
}

/// It was made, or could not be.
pub fn made(state: &mut State, proposal: Result<Proposal, Shown>) {
    match proposal {
        // Whoever has gone to another tab has no use for it.
        Ok(proposal) if state.tab == Tab::Ports => {
            let plan = PlanMap::of(proposal);
            if let Some(notice) = plan.notice() {
                status::refuse(state, &notice.to_string());
            }
            state.ports.plan = Some((plan, state.header.now.wall));
        }
        Ok(_) => {}
        Err(why) => status::refuse(state, &format!("there is no plan: {why}")),
    }
}

/// Leaves the plan; `false` where there is none.
pub fn leave(state: &mut State) -> bool {
    state.ports.plan.take().is_some()
}
