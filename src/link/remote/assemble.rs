//! The daemon's picture, put together from what it tells: whole once, then what changed. Pure.
//!
//! It must never put a change on another picture than the one that it is of: a gap is said, and the whole is asked for again.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{InstanceId, Reading, Row, Shown, Snapshot, Verb};
use crate::link::wire::{CarriedRow, Change};

/// That something between was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap;

/// The picture as it stands.
#[derive(Debug)]
pub struct Assembled {
    picture: Snapshot,
    /// The daemon's number of it; nothing before there was one.
    number: Option<u64>,
    unable: HashMap<InstanceId, Vec<(Verb, Shown)>>,
}

/// The order of a picture's rows.
fn order(left: &InstanceId, right: &InstanceId) -> Ordering {
    left.is_unmanaged().cmp(&right.is_unmanaged()).then_with(|| left.cmp(right))
}

impl Assembled {
    /// Nothing yet but what stood before, so that numbers rise.
    pub fn after(picture: Snapshot) -> Self {
        Self { picture, number: None, unable: HashMap::new() }
    }

    /// Puts in what was told.
    ///
    /// # Errors
    /// When it is not of this picture.
    pub fn take(&mut self, change: Change) -> Result<(), Gap> {
        match (change.from, self.number) {
            (None, _) => {
                self.picture.rows.clear();
                self.unable.clear();
            }
            (from, number) if from == number => {}
            _ => return Err(Gap),
        }
        self.number = Some(change.sequence);
        self.picture.sequence += 1;
        for id in &change.removed {
            self.remove(id);
        }
        for row in change.rows {
            self.put(row);
        }
        let picture = &mut self.picture;
        picture.taken = change.taken.unwrap_or(picture.taken);
        fn set<T>(place: &mut T, new: Option<T>) {
            if let Some(new) = new {
                *place = new;
            }
        }
        set(&mut picture.host, change.host);
        set(&mut picture.range, change.range);
        set(&mut picture.reserved, change.reserved);
        set(&mut picture.allotments, change.allotments);
        set(&mut picture.ephemeral, change.ephemeral.map(|one| one.first().copied()));
        set(&mut picture.findings, change.findings);
        if let Some(splice) = change.findings_splice {
            picture.findings = splice.of(&picture.findings).ok_or(Gap)?;
        }
        set(&mut picture.totals, change.totals);
        set(&mut picture.host_reading, change.host_reading);
        set(&mut picture.file_systems, change.file_systems);
        set(&mut picture.listeners, change.listeners);
        if let Some(splice) = change.listeners_splice {
            let all = splice.of(picture.listeners.as_ref().known().ok_or(Gap)?).ok_or(Gap)?;
            picture.listeners = Reading::Known(all.into());
        }
        set(&mut picture.announced, change.announced.map(|one| one.into_iter().next()));
        set(&mut picture.underway, change.underway);
        set(&mut picture.notified, change.notified.map(|one| one.into_iter().next()));
        set(&mut picture.notices, change.notices);
        Ok(())
    }

    /// Has only a whole picture taken as the next one.
    pub fn begin_anew(&mut self) {
        self.number = None;
    }

    fn place(&self, id: &InstanceId) -> Result<usize, usize> {
        self.picture.rows.binary_search_by(|row| order(&row.id, id))
    }

    fn remove(&mut self, id: &InstanceId) {
        if let Ok(at) = self.place(id) {
            self.picture.rows.remove(at);
        }
        self.unable.remove(id);
    }

    fn put(&mut self, carried: CarriedRow) {
        let CarriedRow { row, declared, unable } = carried;
        let at = self.place(&row.id);
        let before = at.ok().and_then(|at| self.picture.rows.get(at)).and_then(|row| row.declared.clone());
        let declared = declared.map_or(before, |declared| declared.into_iter().next());
        if unable.is_empty() {
            self.unable.remove(&row.id);
        } else {
            self.unable.insert(row.id.clone(), unable);
        }
        let row = Arc::new(Row { declared, ..row });
        match at {
            Ok(at) => self.picture.rows[at] = row,
            Err(at) => self.picture.rows.insert(at, row),
        }
    }

    /// The picture.
    pub fn picture(&self) -> &Snapshot {
        &self.picture
    }

    /// What a row's supervisor cannot do.
    pub fn unable(&self, id: &InstanceId, verb: Verb) -> Option<&Shown> {
        // Who is given another port is restarted on it.
        let needed = if matches!(verb, Verb::Assign(_)) { Verb::Restart } else { verb };
        let all = self.unable.get(id)?;
        all.iter().find(|(unable, _)| unable.is_like(verb) || unable.is_like(needed)).map(|(_, why)| why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Moment, PortRange};
    use crate::fixture;

    fn nothing() -> Assembled {
        let taken = Moment { boot: std::time::Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
        Assembled::after(Snapshot::nothing_yet(PortRange { first: 8080, last: 8090 }, taken))
    }

    fn carried(row: &Arc<Row>) -> CarriedRow {
        CarriedRow { row: (**row).clone(), declared: Some(row.declared.iter().cloned().collect()), unable: Vec::new() }
    }

    #[test]
    fn whole_then_changes_then_a_gap() {
        let fleet = fixture::fleet();
        let mut assembled = nothing();
        let change = |from, sequence| Change { from, sequence, ..Change::default() };
        assert_eq!(assembled.take(change(Some(3), 4)), Err(Gap), "nothing was told yet");
        let rows: Vec<CarriedRow> = fleet.rows.iter().rev().map(carried).collect();
        assembled.take(Change { rows, totals: Some(fleet.totals.clone()), ..change(None, 7) }).unwrap();
        assert_eq!(assembled.picture().rows.len(), fleet.rows.len());
        let is_sorted = |rows: &[Arc<Row>]| rows.is_sorted_by(|a, b| order(&a.id, &b.id).is_le());
        assert!(is_sorted(&assembled.picture().rows));
        // What it was declared as stays where nothing is said of it.
        let mut row = carried(&fleet.rows[0]);
        (row.declared, row.row.declared, row.row.restarts) = (None, None, 9);
        let gone = fleet.rows[1].id.clone();
        assembled.take(Change { rows: vec![row], removed: vec![gone.clone()], ..change(Some(7), 9) }).unwrap();
        let told = assembled.picture().row(&fleet.rows[0].id).unwrap();
        assert_eq!((told.restarts, &told.declared), (9, &fleet.rows[0].declared));
        assert!(assembled.picture().row(&gone).is_none());
        assert_eq!(assembled.take(change(Some(7), 10)), Err(Gap), "9 is what it has");
        assert_eq!(assembled.take(change(Some(10), 11)), Err(Gap));
        assembled.take(change(None, 12)).unwrap();
        assert!(assembled.picture().rows.is_empty(), "a whole one begins anew");
    }

    #[test]
    fn every_fact_of_a_row_comes_back() {
        for row in &fixture::fleet().rows {
            let text = serde_json::to_string(&**row).unwrap();
            let back: Row = serde_json::from_str(&text).unwrap();
            assert_eq!(back, Row { declared: None, ..(**row).clone() });
            let Some(declared) = &row.declared else { continue };
            let text = serde_json::to_string(declared).unwrap();
            let back: crate::domain::Declared = serde_json::from_str(&text).unwrap();
            assert_eq!((&back.id, &back.config, &back.log, back.port), (&declared.id, &declared.config, &declared.log, declared.port));
        }
    }
}
