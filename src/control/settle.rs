//! What was cut off by the end of the daemon before: each order without a result is given one, by a look at what came of it.
//!
//! It must never repeat an order, nor say anything of an instance that somebody acts on.

use super::act::{Control, RECENT};
use crate::domain::{Caller, InstanceId, Outcome, Row, Shown, Verb};
use crate::error::Kind;

/// Those that the same command goes on with: they stay open until it comes.
const GONE_ON_WITH: [&str; 6] = ["add", "adopt", "assign", "remove", "reserve", "unreserve"];

impl Control {
    /// Puts down what came of orders that have no result. An instance that somebody acts on is passed over: that one knows.
    pub fn settle(&self, caller: &Caller) {
        let Ok(open) = self.audit.open_orders() else { return };
        let mut ids: Vec<InstanceId> = Vec::new();
        for (id, _, verb) in &open {
            let is_order = !GONE_ON_WITH.iter().any(|word| verb.as_str().starts_with(word));
            if is_order && !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        for id in ids {
            let Some(found) = self.found(caller, &id) else { continue };
            let sentence = Shown::new(&format!("unknown: berth ended in the middle of it; checked: {found}"));
            let outcome = Outcome { exit_code: Kind::Failed.exit_code(), sentence, hints: Vec::new(), log_lines: Vec::new() };
            let of_it =
                open.iter().filter(|(other, _, verb)| *other == id && !GONE_ON_WITH.iter().any(|word| verb.as_str().starts_with(word)));
            let ended: Vec<(i64, &Outcome)> = of_it.map(|(_, number, _)| (*number, &outcome)).collect();
            // What cannot be written now is found open by the next daemon.
            drop(self.audit.conclude_all(&ended));
        }
    }

    /// As what an instance is found behind its lock, in words; `None` while somebody has that.
    fn found(&self, caller: &Caller, id: &InstanceId) -> Option<String> {
        let gone = || Some("there is no such instance any more".to_owned());
        let snapshot = self.eyes.look_for(id, RECENT);
        let Some(declared) = snapshot.row(id).and_then(|row| row.declared.clone()) else { return gone() };
        let _held = self.lock(caller, &declared, Verb::Start, "checked").ok().filter(|lock| lock.is_alone)?;
        self.supervisor.forget(id);
        let snapshot = self.eyes.look_again(id);
        snapshot.row(id).map_or_else(gone, |row| Some(state_of(row)))
    }
}

/// "running, pid 4711", "not running".
fn state_of(row: &Row) -> String {
    match row.main.known() {
        Some(main) if row.state.is_up() => format!("running, {main}"),
        _ if row.state.is_up() => "running".to_owned(),
        _ => format!("not running, {}", row.state.word()),
    }
}
