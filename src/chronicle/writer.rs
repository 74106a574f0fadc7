//! Writes events as they come, many in one transaction, sweeps what is old, and hands on what was kept to those who are to be told.
//!
//! It must never be waited for, nor lose anything silently: what could not be written is counted and said as soon as something can be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::Message;
use super::notify::Target;
use crate::config::Events;
use crate::control::{Control, Stamp};
use crate::domain::{Event, EventKind, Level, Stands};

/// How often the file is looked at: others write actions to it.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// How many are written at once.
const AT_ONCE: usize = 1024;

/// How often what is old is swept, and after how many that were written.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
const SWEEP_AFTER: usize = 500;

/// The writing side.
pub struct Writer {
    control: Arc<Control>,
    keep: Events,
    targets: Vec<Target>,
    /// What found no room on the way here.
    lost: Arc<AtomicU64>,
    /// What could not be written, and why.
    unwritten: Option<(u64, String)>,
    /// What stands or does not, and is not written yet.
    standing: BTreeMap<Stands, bool>,
    version: watch::Sender<u64>,
    stamp: Option<Stamp>,
    swept: Option<Instant>,
    written: usize,
}

impl Writer {
    /// One that has written nothing.
    pub fn new(control: Arc<Control>, keep: Events, targets: Vec<Target>, lost: Arc<AtomicU64>, version: watch::Sender<u64>) -> Self {
        Self { control, keep, targets, lost, unwritten: None, standing: BTreeMap::new(), version, stamp: None, swept: None, written: 0 }
    }

    /// Goes on for as long as anybody may have something to write.
    pub fn run(mut self, receiver: &Receiver<Message>) {
        loop {
            match receiver.recv_timeout(LOOK_EVERY) {
                Ok(first) => {
                    let mut events = Vec::new();
                    for message in std::iter::once(first).chain(receiver.try_iter().take(AT_ONCE)) {
                        match message {
                            Message::Event(event) => events.push(event),
                            Message::Standing(standing) => self.standing.extend(standing),
                        }
                    }
                    self.write(events);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.look();
        }
    }

    fn write(&mut self, mut events: Vec<Event>) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let sentence = format!("{lost} events came too fast and were not written");
            events.push(Event::of_host(Timestamp::now(), EventKind::Lost, Level::Warning, &sentence));
        }
        if let Some((count, why)) = &self.unwritten {
            let sentence = format!("{count} events could not be written: {why}");
            events.push(Event::of_host(Timestamp::now(), EventKind::Lost, Level::Warning, &sentence));
        }
        let mut standing: Vec<(Stands, bool)> = self.standing.iter().map(|(stands, is_so)| (stands.clone(), *is_so)).collect();
        // What went is put down first: what is another account's by now goes and comes under one name.
        standing.sort_by_key(|(_, is_so)| *is_so);
        let told = match self.control.keep_events(&events, &standing) {
            Ok(kept) => {
                self.standing.clear();
                self.unwritten = None;
                self.written += kept.len();
                kept
            }
            Err(error) => {
                let (before, told_before) = self.unwritten.take().map_or((0, false), |(count, _)| (count, true));
                let new = events.len() as u64 - u64::from(told_before);
                self.unwritten = Some((before + new, error.chain()));
                events
            }
        };
        for target in &self.targets {
            told.iter().for_each(|event| target.offer(event));
        }
        let after = usize::try_from(self.keep.most / 4).unwrap_or(usize::MAX).saturating_add(1).min(SWEEP_AFTER);
        if self.swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) || self.written >= after {
            (self.swept, self.written) = (Some(Instant::now()), 0);
            // What cannot be swept now is swept the next time.
            drop(self.control.sweep_events(Timestamp::now(), self.keep.keep, self.keep.most));
        }
    }

    /// Tells those who wait that something was written, whoever did.
    fn look(&mut self) {
        let stamp = self.control.events_stamp();
        if stamp != self.stamp {
            self.stamp = stamp;
            self.version.send_modify(|version| *version += 1);
        }
    }
}
