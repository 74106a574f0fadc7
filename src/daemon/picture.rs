//! The picture as it is streamed: each row once as text, whole and as the table has it, shared by all who read along.
//!
//! It must never make a row's text again that did not change, nor tell a change that nobody could see.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::domain::{Caller, InstanceId, Role, Row, Shown, Snapshot, Uid};
use crate::link::Shared;
use crate::present::json;

/// One row.
#[derive(Clone, Debug)]
pub struct Line {
    /// Whose.
    pub id: InstanceId,
    /// The account that it runs as.
    pub uid: Uid,
    row: Arc<Row>,
    whole: Arc<str>,
    table: Arc<str>,
}

/// All of them, in the snapshot's order.
#[derive(Debug)]
pub struct Picture {
    /// What it was made of.
    pub of: Arc<Snapshot>,
    lines: Vec<Line>,
    places: HashMap<InstanceId, usize>,
}

/// A viewer who owns nothing: -1 is nobody's uid, setreuid(2).
fn nobody() -> Caller {
    Caller { uid: Uid(u32::MAX), name: Shown::from("nobody"), login: None, role: Role::Viewer, read_only: true }
}

impl Picture {
    /// Of a snapshot; what did not change is taken from the one before.
    pub fn of(shared: &dyn Shared, snapshot: &Arc<Snapshot>, before: Option<&Picture>) -> Self {
        let table = shared.seen_by(&nobody(), snapshot);
        let lines: Vec<Line> = snapshot.rows.iter().zip(&table.rows).map(|(row, seen)| line(row, seen, before)).collect();
        let places = lines.iter().enumerate().map(|(at, line)| (line.id.clone(), at)).collect();
        Self { of: Arc::clone(snapshot), lines, places }
    }

    /// The rows that somebody sees, as texts.
    pub fn seen(&self, shared: &dyn Shared, caller: &Caller) -> Vec<Arc<str>> {
        self.lines.iter().filter_map(|line| line.seen(shared, caller)).cloned().collect()
    }

    /// What somebody sees that has changed since an earlier picture: whole rows, and the ids of those that are gone.
    pub fn changes(&self, before: &Picture, shared: &dyn Shared, caller: &Caller) -> (Vec<Arc<str>>, Vec<String>) {
        let changed = self.lines.iter().filter_map(|line| {
            let now = line.seen(shared, caller)?;
            let was = before.places.get(&line.id).and_then(|at| before.lines.get(*at)).and_then(|line| line.seen(shared, caller));
            (!was.is_some_and(|was| Arc::ptr_eq(was, now) || was == now)).then(|| Arc::clone(now))
        });
        let is_seen = |picture: &Picture, id| {
            picture.places.get(id).and_then(|at| picture.lines.get(*at)).is_some_and(|line| line.seen(shared, caller).is_some())
        };
        let gone = before.lines.iter().filter(|line| is_seen(before, &line.id) && !is_seen(self, &line.id));
        (changed.collect(), gone.map(|line| line.id.to_string()).collect())
    }
}

impl Line {
    fn seen(&self, shared: &dyn Shared, caller: &Caller) -> Option<&Arc<str>> {
        match caller.role {
            Role::Admin => Some(&self.whole),
            _ if shared.sees_all_of(caller, self.uid) => Some(&self.whole),
            Role::Viewer => Some(&self.table),
            Role::Stranger => None,
        }
    }
}

fn line(row: &Arc<Row>, seen: &Row, before: Option<&Picture>) -> Line {
    let known = before.and_then(|before| before.lines.get(*before.places.get(&row.id)?));
    if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.row, row)) {
        return known.clone();
    }
    let text = |row: &Row, known: Option<&Arc<str>>| {
        let text = quantised(json::instance(row)).to_string();
        known.filter(|known| ***known == *text).cloned().unwrap_or_else(|| text.into())
    };
    let whole = text(row, known.map(|known| &known.whole));
    // Mostly they are the same: then one text is kept.
    let table = text(seen, Some(&whole));
    let table = known.map(|known| &known.table).filter(|known| **known == table).cloned().unwrap_or(table);
    Line { id: row.id.clone(), uid: row.uid, row: Arc::clone(row), whole, table }
}

/// Numbers as coarse as anybody looks at them: what trembles in its last digits is no change.
fn quantised(mut row: Value) -> Value {
    let percent = row["cpu_percent"].as_f64();
    row["cpu_percent"] = percent.map(f64::round).into();
    row["memory_bytes"] = row["memory_bytes"].as_u64().map(|bytes| coarse(bytes, 6)).into();
    row["health"]["latency_ms"] = row["health"]["latency_ms"].as_u64().map(|time| coarse(time, 2)).into();
    // That it was asked again and answered the same is no change either.
    if let Some(health) = row["health"].as_object_mut() {
        health.shift_remove("checked_at");
    }
    row
}

/// A number with so many binary digits after its first one.
fn coarse(number: u64, digits: u32) -> u64 {
    let width = (u64::BITS - number.leading_zeros()).saturating_sub(digits + 1);
    number >> width << width
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::fake::Plain;
    use crate::present::fleet;

    #[test]
    fn only_what_changed_is_told_and_what_trembles_is_not() {
        let first = Arc::new(fleet::fleet());
        let before = Picture::of(&Plain::default(), &first, None);
        let mut next = (*first).clone();
        Arc::make_mut(&mut next.rows[0]).memory_bytes = crate::domain::Reading::Known(first.rows[0].memory_bytes.known().unwrap() + 1);
        Arc::make_mut(&mut next.rows[2]).restarts += 1;
        let gone = next.rows.remove(3);
        let now = Picture::of(&Plain::default(), &Arc::new(next), Some(&before));
        for caller in [Caller { role: Role::Admin, ..nobody() }, nobody()] {
            let (changed, removed) = now.changes(&before, &Plain::default(), &caller);
            assert_eq!((changed.len(), removed), (1, vec![gone.id.to_string()]));
            assert!(changed[0].contains(&format!("\"id\":\"{}\"", first.rows[2].id)));
        }
        assert!(Arc::ptr_eq(&now.lines[1].whole, &before.lines[1].whole), "it is not made again");
    }

    #[test]
    fn others_reasons_are_not_streamed() {
        let mut snapshot = fleet::fleet();
        let row = Arc::make_mut(&mut snapshot.rows[5]);
        (row.state, row.why) = (crate::domain::State::Unknown, Some(Shown::from("hunter2")));
        let (own, picture) = (row.uid, Picture::of(&Plain::default(), &Arc::new(snapshot), None));
        let is_told = |caller: &Caller| picture.seen(&Plain::default(), caller).iter().any(|text| text.contains("hunter2"));
        assert!(!is_told(&nobody()));
        assert!(is_told(&Caller { uid: own, ..nobody() }) && is_told(&Caller { role: Role::Admin, ..nobody() }));
        let stranger = Caller { uid: own, role: Role::Stranger, ..nobody() };
        assert_eq!(picture.seen(&Plain::default(), &stranger).len(), 1);
    }

    #[test]
    fn coarse_numbers_are_near() {
        for number in [0, 1, 5, 100, 1_000_000, u64::MAX] {
            let coarse = coarse(number, 6);
            assert!(coarse <= number && number - coarse <= number / 64, "{number} {coarse}");
        }
    }
}
