//! `berth start`, `stop`, `restart`: who is meant, asking where that is due, carrying out, each one's result.
//!
//! It must never ask about instances that were named, nor act on others without being asked to or told `--yes`.

use std::collections::BTreeSet;
use std::io::{self, BufReader, IsTerminal};

use super::args::{Action, Global};
use super::ask;
use super::batch::{self, News};
use super::door::Desk;
use super::errors::{Stop, unless_closed};
use super::output::{Out, aside};
use super::progress::Progress;
use super::select::{self, Chosen};
use super::show::no_such;
use super::{results, rolling};
use crate::domain::{InstanceId, Order, Outcome, Pace, Shown, Target, Verb};
use crate::error::{Error, Kind};

/// What came of each, in the order in which they were asked for.
type Results = Vec<(InstanceId, Outcome)>;

/// Runs the command. `open` is called when the words are known to make sense.
pub fn run(
    verb: Verb,
    action: &Action,
    pace: Pace,
    global: &Global,
    open: impl FnOnce() -> Result<Box<dyn Desk>, Stop>,
    out: &mut Out,
) -> Result<u8, Stop> {
    if global.read_only {
        return Err(Error::new(Kind::NotPermitted, format!("nothing was {}: --read-only was given", verb.done())).into());
    }
    let asks = action.ids.is_empty() && !action.yes;
    if asks && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Error::new(Kind::Usage, format!("nothing was {}: there is no terminal to ask on", verb.done()))
            .hint("add --yes when it is meant")
            .into());
    }
    let desk = open()?;
    let chosen = if action.ids.is_empty() {
        let mut chosen = select::chosen(verb, action, desk.glance()?.as_ref())?;
        if pace.is_rolling() && action.state.is_empty() {
            // It keeps a fleet serving while it is renewed: what is down stays down, unless it was named.
            chosen.retain(|chosen| chosen.target != Target::Nothing);
        }
        if asks && !chosen.is_empty() && !ask::confirm(&ask::question(verb, &chosen), &mut BufReader::new(io::stdin()), &mut io::stderr())?
        {
            return Err(Error::failed(format!("nothing was {}: the answer was not yes", verb.done())).into());
        }
        chosen
    } else {
        named(&action.ids)
    };
    if chosen.is_empty() && !global.json {
        let which = if action.state.is_empty() { "running".to_owned() } else { action.state.join(" or ") };
        aside(&format!("nothing to {verb}: no instance is {which}"));
    }
    let orders = chosen.into_iter().map(|chosen| order(verb, action, chosen)).collect();
    let (results, begun) = carry_out(desk.as_ref(), verb, orders, pace, global, out)?;
    let tally = pace.is_rolling().then(|| rolling::tally(&results, |id| begun.contains(id)));
    if global.json {
        let mut document = results::document(verb, &results, out.program());
        if let Some(tally) = tally {
            document["rolling"] = tally.document(pace);
        }
        unless_closed(out.json(&document))?;
    } else if let Some(tally) = tally {
        let text = tally.text(out.program(), &rolling::options(pace, action));
        unless_closed(out.text(&text))?;
    }
    Ok(results::exit_code(&results))
}

/// The instances that were named, each once.
fn named(ids: &[InstanceId]) -> Vec<Chosen> {
    let mut chosen: Vec<Chosen> = Vec::new();
    for id in ids {
        if !chosen.iter().any(|other| other.id == *id) {
            chosen.push(Chosen { id: id.clone(), target: Target::Whatever });
        }
    }
    chosen
}

fn order(verb: Verb, action: &Action, chosen: Chosen) -> Order {
    // Whoever said --yes has seen no process: whatever runs is meant.
    let target = if action.yes { Target::Whatever } else { chosen.target };
    Order { verb, id: chosen.id, target, reason: action.reason.clone(), timeout: action.timeout }
}

fn carry_out(
    desk: &dyn Desk,
    verb: Verb,
    orders: Vec<Order>,
    pace: Pace,
    global: &Global,
    out: &mut Out,
) -> Result<(Results, BTreeSet<InstanceId>), Stop> {
    let mut progress = Progress::new(verb, orders.len(), !global.json && io::stderr().is_terminal());
    let (style, program) = (out.style(), out.program().clone());
    let mut written = Ok(());
    let mut begun = BTreeSet::new();
    let door = desk.door();
    let results = batch::carry_out(door.as_ref(), orders, pace, |news| match news {
        News::Step(id, text) => progress.step(id, text),
        News::Ended(id, outcome) => {
            begun.insert(id.clone());
            name_the_nearest(id, outcome, desk);
            progress.ended(id, outcome);
            if global.json {
                return;
            }
            let text = results::text(id, outcome, style, &program);
            // What did not happen goes where errors go. A reader that has gone does not end what was begun.
            let told = progress
                .beside(|| if outcome.is_done() { out.text(&text).and_then(|()| out.flush()) } else { results::tell_failure(&text) });
            if written.is_ok() {
                written = told;
            }
        }
    });
    progress.end();
    unless_closed(written)?;
    Ok((results, begun))
}

/// Whoever mistyped is told who was probably meant. Looked for only then.
fn name_the_nearest(id: &InstanceId, outcome: &mut Outcome, desk: &dyn Desk) {
    if outcome.exit_code == Kind::NoSuchInstance.exit_code()
        && let Ok(snapshot) = desk.glance()
        && snapshot.row(id).is_none()
    {
        outcome.hints = no_such(id, &snapshot).way_out().map(Shown::new).into_iter().collect();
    }
}

#[cfg(test)]
mod tests;
