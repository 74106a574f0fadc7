//! How much of what another host tells is kept: so many rows and entries, and so many bytes of them in all. Pure.
//!
//! It must never let more be kept than that, nor weigh anew what did not change.

use std::collections::HashMap;
use std::io;

use serde::Serialize;

use crate::domain::{InstanceId, Snapshot};
use crate::link::wire::{CarriedRow, Change, Splice};

/// How many rows are taken from another host: twice what the largest fleet has.
const ROWS: usize = 20_000;

/// How many findings, and how many listeners.
const FINDINGS: usize = 50_000;
const LISTENERS: usize = 100_000;

/// How many of what there is little of: orders that are underway, what is announced, file systems, ports that are reserved.
const FEW: usize = 10_000;

/// How many sentences about what is missing.
const NOTICES: usize = 200;

/// How many bytes all of it may be, as it travels.
const BYTES: usize = 96 * 1024 * 1024;

/// Why no more is taken, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TooMuch(pub String);

/// What is kept of a host, weighed.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    rows: HashMap<InstanceId, usize>,
    bytes_of_rows: usize,
    /// Each part of the rest, in an order of its own.
    parts: [usize; 10],
}

impl Bounds {
    /// Weighs what a change would put into this picture. Where that is too much the next change has to be a whole picture.
    pub fn admit(&mut self, change: &Change, picture: &Snapshot) -> Result<(), TooMuch> {
        if change.from.is_none() {
            self.rows.clear();
            self.bytes_of_rows = 0;
        }
        for id in &change.removed {
            self.bytes_of_rows -= self.rows.remove(id).unwrap_or(0);
        }
        for carried in &change.rows {
            let CarriedRow { row, declared, unable } = carried;
            let known = self.rows.get(&row.id).copied().unwrap_or(0);
            // What it was declared as stays where nothing is said of it: what it weighed before is then what it weighs at least.
            let own = weight(row) + weight(unable) + declared.as_ref().map_or(0, weight);
            let weighs = if declared.is_some() { own } else { own.max(known) };
            self.bytes_of_rows = self.bytes_of_rows - known + weighs;
            self.rows.insert(row.id.clone(), weighs);
            // Counted while they are put in: of one event there may be very many.
            count(self.rows.len(), ROWS, "instances")?;
        }
        let listeners = picture.listeners.as_ref().known().map(AsRef::as_ref).unwrap_or_default();
        let told = change.listeners.as_ref().and_then(|all| all.as_ref().known()).map(AsRef::as_ref);
        self.list(0, LISTENERS, "listeners", told, change.listeners_splice.as_ref(), listeners)?;
        self.list(1, FINDINGS, "findings", change.findings.as_deref(), change.findings_splice.as_ref(), &picture.findings)?;
        self.list(2, FEW, "orders", change.underway.as_deref(), None, &[])?;
        self.list(3, FEW, "file systems", change.file_systems.as_deref(), None, &[])?;
        self.list(4, FEW, "reserved ports", change.reserved.as_deref(), None, &[])?;
        self.list(5, NOTICES, "notices", change.notices.as_deref(), None, &[])?;
        let announced = change.announced.as_ref().map(|one| one.first().map(AsRef::as_ref).unwrap_or_default());
        self.list(6, FEW, "announcements", announced, None, &[])?;
        let notified = change.notified.as_ref().map(|one| one.first().map(AsRef::as_ref).unwrap_or_default());
        self.list(7, FEW, "who is notified", notified, None, &[])?;
        if let Some(allotments) = &change.allotments {
            self.parts[8] = weight(allotments);
        }
        if let Some(host) = &change.host {
            self.parts[9] = host.as_str().len();
        }
        if self.bytes() > BYTES {
            return Err(TooMuch(format!("it tells more than the {} MiB that are taken from another host", BYTES >> 20)));
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.bytes_of_rows + self.parts.iter().sum::<usize>()
    }

    /// A list that is told, or how it changed from what it was.
    fn list<T: Serialize>(
        &mut self,
        part: usize,
        most: usize,
        what: &str,
        told: Option<&[T]>,
        splice: Option<&Splice<T>>,
        old: &[T],
    ) -> Result<(), TooMuch> {
        let Some(bytes) = self.parts.get_mut(part) else { return Ok(()) };
        if let Some(all) = told {
            count(all.len(), most, what)?;
            *bytes = all.iter().map(weight).sum();
            return Ok(());
        }
        let Some(Splice { first, last, new }) = splice else { return Ok(()) };
        // One that is not of this list is a gap, which is told of elsewhere.
        let Some(end) = old.len().checked_sub(*last) else { return Ok(()) };
        let Some(goes) = old.get(*first..end) else { return Ok(()) };
        count(old.len() - goes.len() + new.len(), most, what)?;
        let (goes, comes): (usize, usize) = (goes.iter().map(weight).sum(), new.iter().map(weight).sum());
        *bytes = bytes.saturating_sub(goes) + comes;
        Ok(())
    }
}

fn count(there: usize, most: usize, what: &str) -> Result<(), TooMuch> {
    if there <= most {
        return Ok(());
    }
    Err(TooMuch(format!("it tells of more than the {most} {what} that are taken from another host")))
}

/// How long something is as it travels, without making it.
fn weight<T: Serialize + ?Sized>(what: &T) -> usize {
    struct Counted(usize);
    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    // What cannot be told again is not taken.
    serde_json::to_writer(&mut counted, what).map_or(BYTES, |()| counted.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Reading, Shown};
    use crate::fixture;
    use crate::link::remote::Assembled;

    fn carried(number: usize) -> CarriedRow {
        let mut row = (*fixture::fleet().rows[0]).clone();
        row.id = fixture::id(&format!("u{number}"));
        row.declared = None;
        CarriedRow { row, declared: None, unable: Vec::new() }
    }

    /// As a door takes it in.
    fn take(bounds: &mut Bounds, assembled: &mut Assembled, change: Change) -> Result<(), TooMuch> {
        bounds.admit(&change, assembled.picture())?;
        assembled.take(change).map_err(|_| TooMuch("a gap".to_owned()))
    }

    fn nothing() -> Assembled {
        let fleet = fixture::fleet();
        Assembled::after(Snapshot::nothing_yet(fleet.range, fleet.taken))
    }

    #[test]
    fn a_host_that_adds_for_ever_is_cut() {
        let (mut bounds, mut assembled) = (Bounds::default(), nothing());
        take(&mut bounds, &mut assembled, Change::default()).unwrap();
        let mut told = 0;
        let error = loop {
            let rows = (told..told + 1000).map(carried).collect();
            let change = Change { from: Some(told as u64 / 1000), sequence: told as u64 / 1000 + 1, rows, ..Change::default() };
            match take(&mut bounds, &mut assembled, change) {
                Ok(()) => told += 1000,
                Err(error) => break error,
            }
        };
        assert_eq!((told, error.0.as_str()), (ROWS, "it tells of more than the 20000 instances that are taken from another host"));
        assert_eq!(assembled.picture().rows.len(), ROWS, "what was taken before stands");
        // One that goes and one that comes are no more than before; a whole picture begins anew.
        let mut whole = Change { rows: (0..ROWS).map(carried).collect(), ..Change::default() };
        take(&mut bounds, &mut assembled, whole).unwrap();
        whole = Change { from: Some(0), sequence: 1, removed: vec![fixture::id("u7")], rows: vec![carried(ROWS)], ..Change::default() };
        take(&mut bounds, &mut assembled, whole).unwrap();
    }

    #[test]
    fn few_that_are_long_are_cut_too() {
        let (mut bounds, mut assembled) = (Bounds::default(), nothing());
        take(&mut bounds, &mut assembled, Change::default()).unwrap();
        let mut told = 0;
        let error = loop {
            let mut row = carried(told);
            row.unable = vec![(crate::domain::Verb::Start, Shown::within(&"x".repeat(200_000), 256 * 1024)); 10];
            let change = Change { from: Some(told as u64), sequence: told as u64 + 1, rows: vec![row], ..Change::default() };
            match take(&mut bounds, &mut assembled, change) {
                Ok(()) => told += 1,
                Err(error) => break error,
            }
        };
        assert!(told < 60 && error.0.contains("96 MiB"), "{told}: {error:?}");
    }

    #[test]
    fn lists_that_grow_piece_by_piece_are_weighed_by_what_changes() {
        let (mut bounds, mut assembled) = (Bounds::default(), nothing());
        let finding = fixture::fleet().findings[0].clone();
        take(&mut bounds, &mut assembled, Change { findings: Some(vec![finding.clone(); 10]), ..Change::default() }).unwrap();
        let weighed = bounds.bytes();
        let splice = |first, last, count| {
            let splice = Splice { first, last, new: vec![finding.clone(); count] };
            Change { from: Some(0), findings_splice: Some(splice), ..Change::default() }
        };
        take(&mut bounds, &mut assembled, splice(5, 0, 5)).unwrap();
        assert_eq!(bounds.bytes(), weighed, "five for five");
        take(&mut bounds, &mut assembled, splice(10, 0, 10)).unwrap();
        assert_eq!(bounds.bytes(), weighed * 2);
        let error = take(&mut bounds, &mut assembled, splice(20, 0, FINDINGS)).unwrap_err();
        assert_eq!(error.0, "it tells of more than the 50000 findings that are taken from another host");
        assert_eq!(assembled.picture().findings.len(), 20);
        let all = Reading::Known(Vec::new().into());
        take(&mut bounds, &mut assembled, Change { listeners: Some(all), ..Change::default() }).unwrap();
    }
}
