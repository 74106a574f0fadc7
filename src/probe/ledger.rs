//! Who is to be asked, and when; and what each answered. Pure: times are given.
//!
//! It must never ask all at once, nor carry what one process answered over to another.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use siphasher::sip::SipHasher13;

use super::calendar::{Calendar, What};
use super::line::Line;
use super::metrics::{self, Counts};
use super::record::{Outcome, Record};
use super::target::{self, Target};
use crate::domain::{Certificate, InstanceId, Probed, Row, Server, Snapshot};

/// How soon a server is asked again that is only starting.
const STARTING: Duration = Duration::from_secs(1);

/// How soon one is that has just lost a question.
const DOUBTFUL: Duration = Duration::from_secs(2);

/// How far apart the first questions of a fleet are.
const APART: Duration = Duration::from_millis(2);

/// How soon it is asked again who a server is that did not say, at first and at most.
const INTRODUCE_AGAIN: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(600)];

/// How long a server's ticket counts: a handshake with one does not show a certificate that was renewed meanwhile.
const TICKET: Duration = Duration::from_secs(300);

/// One instance.
struct Entry {
    row: Arc<Row>,
    target: Target,
    /// As it was spoken to last.
    line: Line,
    /// When what is kept of TLS is thrown away.
    fresh: Duration,
    record: Record,
    is_young: bool,
    /// When it is asked next; `None` while it is being asked.
    due: Option<Duration>,
    /// When it is asked who it is; `None` while it is being asked, and when it said.
    introduction: Option<Duration>,
    /// When it is asked what it counts; `None` while it is being asked, and where it counts nothing.
    scrape: Option<Duration>,
    counted: metrics::Course,
    patience: Duration,
}

impl Entry {
    /// When it is to be asked this. Who it is and what it counts is asked of nobody who does not answer.
    fn when(&self, what: What) -> Option<Duration> {
        match what {
            What::Life => self.due,
            What::Name => self.introduction.filter(|_| self.record.answers_now()),
            What::Counts => self.scrape.filter(|_| self.record.answers_now()),
        }
    }
}

/// All of them.
pub struct Ledger {
    entries: HashMap<InstanceId, Entry>,
    /// Says of each entry what [`Entry::when`] does, so that nobody has to go through all of them ten times a second.
    calendar: Calendar,
    /// Whose facts have changed since they were told.
    news: HashSet<InstanceId>,
    every: Duration,
    /// Those of the last picture.
    rows: Vec<Arc<Row>>,
    /// Those who may still be starting.
    young: HashSet<InstanceId>,
}

impl Ledger {
    /// Nobody yet; each is asked so often.
    pub fn new(every: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            calendar: Calendar::default(),
            news: HashSet::new(),
            every,
            rows: Vec::new(),
            young: HashSet::new(),
        }
    }

    /// Takes over who there is. Who runs as another process, or listens elsewhere, begins anew. Rows that are those of the last picture, which
    /// most are, are not even looked up.
    pub fn learn(&mut self, snapshot: &Snapshot, now: Duration) {
        let before = std::mem::take(&mut self.rows);
        let is_same = before.len() == snapshot.rows.len() && before.iter().zip(&snapshot.rows).all(|(old, new)| is_of_same(old, new));
        let mut first = now;
        for (index, row) in snapshot.rows.iter().enumerate().filter(|(_, row)| row.declared.is_some()) {
            if !is_same || before.get(index).is_none_or(|old| !Arc::ptr_eq(old, row)) {
                self.take(row, snapshot.taken.wall, &mut first);
            }
        }
        self.young.retain(|id| {
            let entry = self.entries.get_mut(id);
            entry.is_some_and(|entry| {
                entry.is_young = is_young(&entry.row, snapshot.taken.wall);
                entry.is_young
            })
        });
        self.rows.clone_from(&snapshot.rows);
        if !is_same {
            self.forget(snapshot);
        }
    }

    /// Takes over a row that is another one than before.
    fn take(&mut self, row: &Arc<Row>, wall: Timestamp, first: &mut Duration) {
        if let Some(entry) = self.entries.get_mut(&row.id)
            && target::of(row) == Some(entry.target)
        {
            entry.row = Arc::clone(row);
            return;
        }
        let Some(target) = target::of(row) else {
            return self.drop_entry(&row.id);
        };
        *first += APART;
        let is_young = is_young(row, wall);
        let entry = Entry {
            row: Arc::clone(row),
            target,
            line: Line::of(target, row),
            fresh: *first + TICKET,
            record: Record::new(target.of),
            is_young,
            due: Some(*first),
            introduction: Some(*first),
            scrape: Some(*first),
            counted: metrics::Course::default(),
            patience: INTRODUCE_AGAIN[0],
        };
        self.entries.insert(row.id.clone(), entry);
        if is_young {
            self.young.insert(row.id.clone());
        }
        self.plan(&row.id);
        self.news.insert(row.id.clone());
    }

    /// Lets those go whom a picture does not have any more.
    fn forget(&mut self, snapshot: &Snapshot) {
        let there: HashSet<&InstanceId> = snapshot.rows.iter().filter(|row| row.declared.is_some()).map(|row| &row.id).collect();
        let gone: Vec<InstanceId> = self.entries.keys().filter(|id| !there.contains(id)).cloned().collect();
        gone.iter().for_each(|id| self.drop_entry(id));
    }

    fn drop_entry(&mut self, id: &InstanceId) {
        if self.entries.remove(id).is_some() {
            What::ALL.iter().for_each(|what| self.calendar.put(id, *what, None));
            self.news.insert(id.clone());
        }
    }

    /// Those who are due, at most so many, the latest first. They count as being asked from then on.
    pub fn due(&mut self, now: Duration, most: usize) -> Vec<(InstanceId, Target, Arc<Row>)> {
        self.begin(What::Life, now, most)
    }

    /// One that is to be asked who it is: it answers, and has not said. It counts as being asked from then on.
    pub fn stranger(&mut self, now: Duration) -> Option<(InstanceId, Target, Arc<Row>)> {
        self.begin(What::Name, now, 1).pop()
    }

    /// Those who answer and are to be asked what they count, at most so many. They count as being asked from then on.
    pub fn due_to_scrape(&mut self, now: Duration, most: usize) -> Vec<(InstanceId, Target, Arc<Row>)> {
        self.begin(What::Counts, now, most)
    }

    fn begin(&mut self, what: What, now: Duration, most: usize) -> Vec<(InstanceId, Target, Arc<Row>)> {
        let mut begun = Vec::new();
        while begun.len() < most
            && let Some(id) = self.calendar.take(what, now)
        {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            match what {
                What::Life => entry.due = None,
                What::Name => entry.introduction = None,
                What::Counts => entry.scrape = None,
            }
            begun.push((id, entry.target, Arc::clone(&entry.row)));
        }
        begun
    }

    /// Has the calendar say what the entry does.
    fn plan(&mut self, id: &InstanceId) {
        let Some(entry) = self.entries.get(id) else { return };
        What::ALL.iter().for_each(|what| self.calendar.put(id, *what, entry.when(*what)));
    }

    /// Takes over what came of a question. True when the verdict is another one now.
    pub fn took(&mut self, id: &InstanceId, target: Target, outcome: Outcome, at: Timestamp, now: Duration) -> bool {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.target == target) else { return false };
        let is_first = !entry.record.has_answered();
        let before = entry.record.probed(entry.is_young).health.state;
        entry.record.took(outcome, at, entry.is_young);
        let wait = if !entry.record.has_answered() && entry.is_young {
            STARTING
        } else if entry.record.is_in_doubt() {
            DOUBTFUL
        } else if is_first {
            // From here on each has a moment of its own, however many were first asked together.
            self.every / 2 + scatter(id, self.every)
        } else {
            self.every
        };
        entry.due = Some(now + wait);
        // What has ended by its own word is looked at each time: it may have been renewed by now.
        let has_ended = entry.record.certificate().and_then(|shown| shown.ends).is_some_and(|ends| ends <= at);
        if entry.line.secure.is_some() && (has_ended || now >= entry.fresh) {
            (entry.line, entry.fresh) = (entry.line.afresh(), now + TICKET);
        }
        let is_another = entry.record.probed(entry.is_young).health.state != before;
        self.news.insert(id.clone());
        self.plan(id);
        is_another
    }

    /// How it is spoken to; `None` of those who are not asked any more.
    pub fn line(&self, id: &InstanceId) -> Option<Line> {
        self.entries.get(id).map(|entry| entry.line.clone())
    }

    /// Takes over how it was spoken to, and which certificate it showed.
    pub fn showed(&mut self, id: &InstanceId, target: Target, line: Line, certificate: Option<Certificate>) {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.target == target) else { return };
        // Who was asked the same way meanwhile keeps what it has: it may be newer.
        if entry.line.secure.is_some() != line.secure.is_some() {
            entry.line = line;
        }
        entry.record.showed(certificate);
    }

    /// Which certificates are known may be others now: `resolve` tells of each by which one it is known. Who showed one that was not known and
    /// is by now is asked who it is again, since it was asked without its key.
    pub fn look_again_at_certificates(&mut self, now: Duration, resolve: impl Fn(&InstanceId, &Certificate) -> Certificate) {
        let mut others = Vec::new();
        for (id, entry) in &mut self.entries {
            let Some(before) = entry.record.certificate().copied() else { continue };
            let after = resolve(id, &before);
            if after != before {
                entry.record.showed(Some(after));
                if after.is_known() && !before.is_known() {
                    entry.introduction = Some(now);
                }
                others.push(id.clone());
            }
        }
        for id in others {
            self.plan(&id);
            self.news.insert(id);
        }
    }

    /// Takes over who it said it is; `None` where it did not say.
    pub fn introduced(&mut self, id: &InstanceId, target: Target, server: Option<Server>, now: Duration) {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.target == target) else { return };
        match server {
            Some(server) => entry.record.introduced(server),
            None => {
                entry.introduction = Some(now + entry.patience);
                entry.patience = (entry.patience * 2).min(INTRODUCE_AGAIN[1]);
            }
        }
        self.news.insert(id.clone());
        self.plan(id);
    }

    /// Takes over what it counted; `None` where nothing came. Who never counted anything is not asked again.
    pub fn scraped(&mut self, id: &InstanceId, target: Target, counts: Option<Counts>, now: Duration) {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.target == target) else { return };
        if counts.is_none() && !entry.counted.is_known() {
            return;
        }
        let chosen = entry.row.declared.as_ref().map_or(&[][..], |declared| &declared.probing.metrics);
        entry.counted.took(counts, chosen, now);
        entry.record.counted(entry.counted.told());
        entry.scrape = Some(now + metrics::EVERY);
        self.news.insert(id.clone());
        self.plan(id);
    }

    /// Whether there is something to tell.
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// What is to be told; `None` of those who are not asked any more.
    pub fn news(&mut self) -> Vec<(InstanceId, Option<Arc<Probed>>)> {
        let entries = &self.entries;
        let told = |id: InstanceId| {
            let probed = entries.get(&id).map(|entry| Arc::new(entry.record.probed(entry.is_young)));
            (id, probed)
        };
        self.news.drain().map(told).collect()
    }

    /// When somebody is due next.
    pub fn next(&self) -> Option<Duration> {
        self.calendar.next()
    }
}

/// Whether two rows are of one instance, and both or neither of a declared one.
fn is_of_same(old: &Arc<Row>, new: &Arc<Row>) -> bool {
    Arc::ptr_eq(old, new) || (old.id == new.id && old.declared.is_some() == new.declared.is_some())
}

/// Whether it may still be starting.
fn is_young(row: &Row, now: Timestamp) -> bool {
    let timeout = row.declared.as_ref().and_then(|declared| declared.launch.as_ref()).map(|launch| launch.start_timeout);
    row.started_at.zip(timeout).is_some_and(|(at, timeout)| now.duration_since(at).unsigned_abs() < timeout)
}

/// A part of the interval, another for each instance and always the same.
fn scatter(id: &InstanceId, every: Duration) -> Duration {
    let mut hasher = SipHasher13::new();
    id.hash(&mut hasher);
    let thousandths = u32::try_from(hasher.finish() % 1000).unwrap_or(0);
    every * thousandths / 1000
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
