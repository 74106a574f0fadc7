//! The plan over the map of ports: chosen, shown, made again when the fleet is another, left.
//!
//! It must never move anybody.

use std::sync::Arc;

use crate::config::Strategy;
use crate::domain::{Proposal, Reading, Row, Shown, Snapshot};
use crate::present::plan_map::PlanMap;
use crate::tui::effect::Effect;
use crate::tui::state::picker::{Choice, Entry, Picker};
use crate::tui::state::ports::Following;
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
        Some(strategy) => {
            state.ports.following = Some(Following { strategy, of: state.live.clone(), waits: true });
            effects.push(Effect::Propose(strategy));
        }
        None => _ = leave(state),
    }
}

/// Has it made again when what it rests on is not what it was. While the picture is held, or another tab is shown, it stays.
pub fn follow(state: &mut State, effects: &mut Vec<Effect>) {
    if state.tab != Tab::Ports || state.header.held {
        return;
    }
    let (Some(following), Some(live)) = (&mut state.ports.following, &state.live) else { return };
    if following.waits || following.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, live)) {
        return;
    }
    let is_same = following.of.as_ref().is_some_and(|of| rests_on_the_same(of, live));
    // Compared with the newest the next time: what is shared with that need not be looked at.
    following.of = Some(Arc::clone(live));
    if !is_same {
        following.waits = true;
        effects.push(Effect::Propose(following.strategy));
    }
}

/// Whether nobody came, went or was given another port, and the same listen, as far as a plan is about that.
fn rests_on_the_same(one: &Snapshot, other: &Snapshot) -> bool {
    let same_row = |(one, other): (&Arc<Row>, &Arc<Row>)| {
        let said = |row: &Row| row.declared.as_ref().map(|declared| (declared.uid, declared.port, declared.is_unread()));
        Arc::ptr_eq(one, other) || one.id == other.id && one.port == other.port && said(one) == said(other)
    };
    let heard = |snapshot: &Snapshot| match &snapshot.listeners {
        Reading::Known(all) => Reading::Known(all.iter().map(|listener| (listener.endpoint, listener.uid)).collect::<Vec<_>>()),
        Reading::Denied => Reading::Denied,
        Reading::Gone => Reading::Gone,
        Reading::Unasked => Reading::Unasked,
    };
    let same_listeners = || match (&one.listeners, &other.listeners) {
        (Reading::Known(these), Reading::Known(those)) if Arc::ptr_eq(these, those) => true,
        _ => heard(one) == heard(other),
    };
    one.range == other.range
        && one.allotments == other.allotments
        && one.rows.len() == other.rows.len()
        && one.rows.iter().zip(&other.rows).all(same_row)
        && same_listeners()
}

/// It was made, or could not be.
pub fn made(state: &mut State, proposal: Result<Proposal, Shown>) {
    let Some(following) = &mut state.ports.following else { return };
    let name = |of: Strategy| STRATEGIES.into_iter().find(|(strategy, ..)| *strategy == of).map(|(_, name, _)| name);
    if proposal.as_ref().is_ok_and(|proposal| name(following.strategy) != Some(proposal.strategy)) {
        // Another one was chosen meanwhile.
        return;
    }
    following.waits = false;
    if state.tab != Tab::Ports {
        following.of = None;
    }
    match proposal {
        // Whoever has gone to another tab has no use for it.
        Ok(proposal) if state.tab == Tab::Ports => {
            let plan = PlanMap::of(proposal);
            let known = state.ports.plan.as_ref().and_then(|(before, _)| before.notice());
            if let Some(notice) = plan.notice().filter(|notice| known != Some(*notice)) {
                status::refuse(state, &notice.to_string());
            }
            state.ports.plan = Some((plan, state.header.now.wall));
        }
        Ok(_) => {}
        Err(why) => {
            leave(state);
            status::refuse(state, &format!("there is no plan: {why}"));
        }
    }
}

/// Leaves the plan; `false` where there is none.
pub fn leave(state: &mut State) -> bool {
    state.ports.following = None;
    state.ports.plan.take().is_some()
}
