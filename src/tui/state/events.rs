//! What happened, newest last: which of it is listed, which line has the cursor, whether the end is followed.
//!
//! It must never grow without bound, and never move the cursor from a line that is still there.

pub mod ring;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::{InstanceId, Shown, Snapshot};

use super::State;
use ring::{Entry, Ring};

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// What happened.
    pub ring: Ring,
    /// The picture that the next one is compared with.
    pub before: Option<Arc<Snapshot>>,
    /// When the first picture was taken: what is older only the file tells.
    pub begun: Option<Timestamp>,
    /// What is listed of it.
    pub narrowed: Narrowed,
    /// The list.
    pub lines: Vec<Line>,
    /// How many of the lines are events.
    pub listed: usize,
    /// The chosen line; `None` follows the newest.
    pub chosen: Option<u64>,
    /// The newest event when following was paused.
    pub paused_at: Option<u64>,
    /// Following was paused because the picture is held, and goes on with it.
    pub held: bool,
    /// The first line that is seen.
    pub top: usize,
    /// How far reading the audit trail is.
    pub trail: Reading,
}

/// What is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowed {
    /// Of one instance only.
    pub only: Option<InstanceId>,
    /// What somebody should look at only.
    pub problems: bool,
    /// What has this text in it, in lower case; empty for all.
    pub text: String,
}

/// How far reading the audit trail is.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// It was asked for, and there is no answer yet.
    pub asked: bool,
    /// When it was asked for last, on the boot clock.
    pub asked_at: Option<Duration>,
    /// What was said of it last: a sentence is not said twice.
    pub said: Option<Shown>,
}

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// From here on it is this day.
    Day(Date),
    /// What stands at this place of the ring.
    Event(usize),
}

impl Narrowed {
    /// Whether anything is left out.
    pub fn is_active(&self) -> bool {
        *self != Self::default()
    }

    /// Whether this is listed.
    fn keeps(&self, entry: &Entry) -> bool {
        let happening = &entry.happening;
        self.only.as_ref().is_none_or(|only| happening.about.as_ref() == Some(only))
            && (!self.problems || happening.what.is_problem())
            && (self.text.is_empty() || self.says(entry))
    }

    fn says(&self, entry: &Entry) -> bool {
        let about = entry.happening.about.as_ref().map(|id| id.to_string().to_lowercase());
        about.is_some_and(|about| about.contains(&self.text)) || entry.happening.what.text().to_lowercase().contains(&self.text)
    }
}

impl Events {
    /// The instance under the cursor.
    pub fn target<'state>(&self, state: &'state State) -> Option<&'state InstanceId> {
        state.events.chosen_entry().and_then(|entry| entry.happening.about.as_ref())
    }

    /// What has the cursor: the chosen one, or the newest that is listed.
    pub fn chosen_entry(&self) -> Option<&Entry> {
        self.entry(self.cursor()?)
    }

    /// The event of a line.
    pub fn entry(&self, line: usize) -> Option<&Entry> {
        match self.lines.get(line)? {
            Line::Day(_) => None,
            Line::Event(index) => self.ring.get(*index),
        }
    }

    /// The line that has the cursor.
    pub fn cursor(&self) -> Option<usize> {
        let last = self.lines.len().checked_sub(1)?;
        match self.chosen {
            None => Some(last),
            Some(serial) => Some(self.line_of(serial).unwrap_or(last)),
        }
    }

    fn line_of(&self, serial: u64) -> Option<usize> {
        (0..self.lines.len()).rev().find(|line| self.entry(*line).is_some_and(|entry| entry.serial == serial))
    }

    /// How many events came to the list since following was paused.
    pub fn unseen(&self) -> usize {
        let (Some(_), Some(serial)) = (self.chosen, self.paused_at) else { return 0 };
        let after = |line: &usize| self.entry(*line).is_some_and(|entry| entry.serial != serial);
        match self.line_of(serial) {
            Some(at) => (at + 1..self.lines.len()).filter(after).count(),
            // It was left out meanwhile, or is too long ago.
            None => 0,
        }
    }

    /// Lists what is kept, with the days between. The cursor stays on its event, and that on its line of the screen.
    pub fn arrange(&mut self, zone: &TimeZone) {
        let before = self.cursor().map(|line| (self.entry(line).map(|entry| entry.serial), line.saturating_sub(self.top)));
        self.lines.clear();
        self.listed = 0;
        // Of each day only the first event is asked for its date: that is far dearer than all the rest.
        let mut day_ends: Option<Timestamp> = None;
        for (index, entry) in self.ring.iter().enumerate().filter(|(_, entry)| self.narrowed.keeps(entry)) {
            let at = entry.happening.at;
            if day_ends.is_none_or(|ends| at >= ends) {
                let local = at.to_zoned(zone.clone());
                self.lines.push(Line::Day(local.date()));
                let tomorrow = local.tomorrow().and_then(|tomorrow| tomorrow.start_of_day());
                day_ends = Some(tomorrow.map_or(Timestamp::MAX, |tomorrow| tomorrow.timestamp()));
            }
            self.lines.push(Line::Event(index));
            self.listed += 1;
        }
        if let (Some(serial), Some((_, offset))) = (self.chosen, before) {
            match self.line_of(serial) {
                Some(line) => self.top = line.saturating_sub(offset),
                // The chosen one is not listed any more: the nearest in its place, or the newest.
                None => self.chosen = None,
            }
        }
    }

    /// Scrolls so far that the cursor is among the `page` lines that are seen.
    pub fn reveal(&mut self, page: usize) {
        let Some(cursor) = self.cursor().filter(|_| page > 0) else {
            self.top = 0;
            return;
        };
        let last = self.lines.len().saturating_sub(page);
        if self.chosen.is_none() {
            self.top = last;
            return;
        }
        // The day above the first event is seen with it.
        let first = if cursor == 1 { 0 } else { cursor };
        self.top = self.top.clamp((cursor + 1).saturating_sub(page), first).min(last);
    }
}
