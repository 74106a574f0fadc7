//! The rows as consoles are told them, each with the number of the picture in which it changed last.
//!
//! It must never make a row's text twice of one picture, keep texts that nobody waits for, nor tell a change that nobody could see.

use std::collections::{HashMap, VecDeque};
use std::hash::Hasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use siphasher::sip::SipHasher13;

use crate::domain::{Course, Declared, InstanceId, Probed, Process, Reading, Row, Uid};
use crate::link::Shared;

/// How many of those that are gone are remembered: who has missed more is told the whole.
const GONE: usize = 1000;

/// How often what only goes on is told anew: how fast each answer was, when it was asked last.
const QUIET: Duration = Duration::from_secs(60);

/// A row.
pub(super) struct Line {
    pub id: InstanceId,
    pub uid: Uid,
    of: Arc<Row>,
    /// What it is compared by: the hash of what is told at once. A thousand rows and their texts would be the half of what a daemon takes.
    loud: u64,
    told: Instant,
    /// As it is told, while the picture in which it changed is the newest one.
    text: Option<Arc<str>>,
    unable: Arc<str>,
    pub changed: u64,
    declared_changed: u64,
}

/// One that is gone.
pub(super) struct Gone {
    pub number: u64,
    pub id: InstanceId,
    pub uid: Uid,
}

/// All of them, in the picture's order.
#[derive(Default)]
pub(super) struct Track {
    pub number: u64,
    pub lines: Vec<Line>,
    pub gone: VecDeque<Gone>,
    /// Up to here those that are gone are not remembered.
    pub forgotten: u64,
}

impl Track {
    /// Brings it to picture `number`.
    pub fn follow(&mut self, shared: &dyn Shared, rows: &[Arc<Row>], number: u64) {
        let now = Instant::now();
        let is_same = self.lines.len() == rows.len() && self.lines.iter().zip(rows).all(|(line, row)| line.id == row.id);
        if is_same {
            for (line, row) in self.lines.iter_mut().zip(rows) {
                self.gone.extend(line.follow(shared, row, number, now));
            }
        } else {
            let mut before: HashMap<InstanceId, Line> = self.lines.drain(..).map(|line| (line.id.clone(), line)).collect();
            for row in rows {
                let line = match before.remove(&row.id) {
                    Some(mut line) => {
                        self.gone.extend(line.follow(shared, row, number, now));
                        line
                    }
                    None => Line::new(shared, row, number, now),
                };
                self.lines.push(line);
            }
            self.gone.extend(before.into_values().map(|line| Gone { number, id: line.id, uid: line.uid }));
        }
        while self.gone.len() > GONE {
            self.forgotten = self.gone.pop_front().map_or(self.forgotten, |gone| gone.number);
        }
        self.number = number;
    }
}

impl Line {
    fn new(shared: &dyn Shared, row: &Arc<Row>, number: u64, now: Instant) -> Self {
        Self {
            id: row.id.clone(),
            uid: row.uid,
            of: Arc::clone(row),
            loud: hash(&loud(coarse(row))),
            told: now,
            text: None,
            unable: unable(shared, row),
            changed: number,
            declared_changed: number,
        }
    }

    /// Brings it to picture `number`. What is another account's by now is gone for the one whose it was, and whole for everybody else.
    fn follow(&mut self, shared: &dyn Shared, row: &Arc<Row>, number: u64, now: Instant) -> Option<Gone> {
        self.text = None;
        if Arc::ptr_eq(&self.of, row) {
            return None;
        }
        if self.uid != row.uid {
            let before = std::mem::replace(self, Self::new(shared, row, number, now));
            return Some(Gone { number, id: before.id, uid: before.uid });
        }
        let before = std::mem::replace(&mut self.of, Arc::clone(row));
        let is_as_declared = match (&before.declared, &row.declared) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new) || old == new,
            (old, new) => old.is_none() && new.is_none(),
        };
        if !is_as_declared {
            (self.declared_changed, self.changed) = (number, number);
        }
        let whole = coarse(row);
        let is_quiet = now.duration_since(self.told) < QUIET || (before.probed == row.probed && before.health == row.health);
        let loud = hash(&loud(whole.clone()));
        if loud == self.loud && is_quiet && is_as_declared {
            return None;
        }
        (self.told, self.changed, self.loud) = (now, number, loud);
        (self.text, self.unable) = (Some(text(&whole)), unable(shared, row));
        None
    }

    /// As it is told to whoever has picture `from`.
    pub fn write(&self, from: Option<u64>, into: &mut String) {
        into.push_str("{\"row\":");
        match &self.text {
            Some(text) => into.push_str(text),
            None => into.push_str(&text(&coarse(&self.of))),
        }
        if from.is_none_or(|from| self.declared_changed > from) {
            into.push_str(",\"declared\":");
            into.push_str(&declared(self.of.declared.as_deref()));
        }
        if !self.unable.is_empty() {
            into.push_str(",\"unable\":");
            into.push_str(&self.unable);
        }
        into.push('}');
    }
}

/// Of what is told at once.
fn hash(loud: &Row) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text(loud).as_bytes());
    hasher.finish()
}

fn text(row: &Row) -> Arc<str> {
    // A row is made of texts and numbers, all of which have a form; what had none would be left out with its row.
    serde_json::to_string(row).unwrap_or_default().into()
}

fn declared(declared: Option<&Declared>) -> String {
    let text = declared.map(serde_json::to_string).transpose().ok().flatten();
    text.map_or_else(|| "[]".to_owned(), |text| format!("[{text}]"))
}

fn unable(shared: &dyn Shared, row: &Row) -> Arc<str> {
    let all = shared.unable(row);
    if all.is_empty() { Arc::default() } else { serde_json::to_string(&all).unwrap_or_default().into() }
}

/// With numbers as coarse as anybody looks at them: what trembles in its last digits is no change.
fn coarse(row: &Row) -> Row {
    let mut row = row.clone();
    row.declared = None;
    row.cpu_percent = row.cpu_percent.map(|percent| if percent < 1.0 { (percent * 10.0).round() / 10.0 } else { percent.round() });
    row.memory_bytes = row.memory_bytes.map(|bytes| cut(bytes, 6));
    row.health.latency_ms = row.health.latency_ms.map(|time| u32::try_from(cut(time.into(), 2)).unwrap_or(u32::MAX));
    for process in &mut row.processes {
        let (memory_bytes, cpu_ticks) = (cut(process.memory_bytes, 6), 0);
        // Whether it sleeps or runs just now is not told by anybody; whether it is dead is.
        let state = if process.is_dead() { process.state } else { 'S' };
        *process = Arc::new(Process { memory_bytes, cpu_ticks, state, ..(**process).clone() });
    }
    row
}

/// What of a row is told at once when it changes.
fn loud(mut row: Row) -> Row {
    row.health.checked_at = None;
    row.probed = row.probed.map(|probed| {
        let mut health = row.health;
        health.state = probed.health.state;
        Arc::new(Probed { health, course: Course::default(), metrics: None, ..(*probed).clone() })
    });
    if let Reading::Known(percent) = &mut row.cpu_percent
        && *percent == 0.0
    {
        // There are two zeros.
        *percent = 0.0;
    }
    row.limits = row.limits.map(|limits| {
        let mut limits = (*limits).clone();
        (limits.memory_now, limits.tasks_now, limits.throttled) = (limits.memory_now.map(|bytes| cut(bytes, 6)), None, None);
        Arc::new(limits)
    });
    row.disk = row.disk.map(|disk| {
        let mut disk = (*disk).clone();
        (disk.growth, disk.log_growth) = (None, None);
        disk.counted_at = jiff::Timestamp::UNIX_EPOCH;
        disk.log_bytes = disk.log_bytes.map(|bytes| cut(bytes, 6));
        disk.log_file_bytes = disk.log_file_bytes.map(|bytes| cut(bytes, 6));
        disk.workspace_bytes = disk.workspace_bytes.map(|bytes| cut(bytes, 6));
        Arc::new(disk)
    });
    row
}

/// A number with so many binary digits after its first one.
fn cut(number: u64, digits: u32) -> u64 {
    let width = (u64::BITS - number.leading_zeros()).saturating_sub(digits + 1);
    number >> width << width
}
