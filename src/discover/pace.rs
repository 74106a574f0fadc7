//! When one entry of a tree is looked at: soon after it was told to have changed, seldom otherwise, and never so often that a user who
//! writes without end keeps berth busy.
//!
//! It must never look itself, nor read a clock.

use std::time::{Duration, Instant};

/// How long a change is left alone: an editor writes beside, renames and removes, and is done in that time.
const SETTLE: Duration = Duration::from_millis(60);

/// How long something that seems gone or broken is left to come back, before it is believed.
const DOUBT: Duration = Duration::from_millis(200);

/// The least time between two looks.
const REST: Duration = Duration::from_millis(500);

/// How often everything is looked at although nothing was told: what is mounted over, or written and not closed, tells nothing.
const SELDOM: Duration = Duration::from_secs(60);

/// How often it is looked at where changes are not told.
const POLL: Duration = Duration::from_secs(1);

/// How soon something is tried again that failed by no fault of its text: a file system that did not answer, a right that is missing.
const AGAIN: Duration = Duration::from_secs(20);

/// How long somebody who overruns the kernel's queue is polled instead of heard.
const MUTED: Duration = Duration::from_secs(30);

/// Whether changes of an entry are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearing {
    /// They are not yet asked for.
    NotYet,
    /// They are told.
    Told,
    /// They are not told, or not all; they are asked for once more then.
    PolledUntil(Instant),
    /// They are told no more until then.
    MutedUntil(Instant),
}

/// One entry's time.
#[derive(Clone, Debug)]
pub struct Pace {
    hearing: Hearing,
    due: Option<Instant>,
    looked: Instant,
    next: Instant,
    is_doubted: bool,
}

impl Pace {
    /// An entry that was just looked at. `place` of `count` spreads the seldom looks of all over the time.
    pub fn new(now: Instant, place: usize, count: usize) -> Self {
        let share = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1);
        let spread = SELDOM * share / u32::try_from(count.max(1)).unwrap_or(u32::MAX).max(share);
        Self { hearing: Hearing::NotYet, due: None, looked: now, next: now + spread, is_doubted: false }
    }

    /// Something was told of it.
    pub fn told(&mut self, now: Instant) {
        let at = (now + SETTLE).max(self.looked + REST);
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// It is to be looked at as soon as there is time.
    pub fn hurry(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// Whether it is to be asked to tell its changes.
    pub fn wants_hearing(&self, now: Instant) -> bool {
        match self.hearing {
            Hearing::NotYet => true,
            Hearing::PolledUntil(until) | Hearing::MutedUntil(until) => until <= now,
            Hearing::Told => false,
        }
    }

    /// Its changes are told from now on, or not: it is looked at once more, because it may have changed before.
    pub fn heard(&mut self, now: Instant, is_told: bool) {
        self.hearing = if is_told { Hearing::Told } else { Hearing::PolledUntil(now + SELDOM) };
        self.due = Some(now);
    }

    /// Its directories are others now.
    pub fn listen_anew(&mut self) {
        if !matches!(self.hearing, Hearing::MutedUntil(_)) {
            self.hearing = Hearing::NotYet;
        }
    }

    /// It tells too much.
    pub fn mute(&mut self, now: Instant) {
        self.hearing = Hearing::MutedUntil(now + MUTED);
        self.next = now + POLL;
    }

    /// It is to be tried again although nothing will be told: what is wrong with it may pass.
    pub fn try_again(&mut self, now: Instant) {
        self.next = self.next.min(now + AGAIN);
    }

    /// Whether its changes have to be looked for.
    pub fn is_polled(&self) -> bool {
        matches!(self.hearing, Hearing::PolledUntil(_) | Hearing::MutedUntil(_))
    }

    /// Whether it is to be looked at because something was told.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// When it is to be looked at because something was told.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it was not looked at for as long as is allowed.
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.next <= now
    }

    /// It was looked at. `is_worse`: less was found than before, or it is broken now. True when that is to be believed.
    pub fn looked(&mut self, now: Instant, is_worse: bool) -> bool {
        let is_believed = !is_worse || self.is_doubted;
        self.is_doubted = is_worse && !self.is_doubted;
        self.due = self.is_doubted.then(|| now + DOUBT);
        self.looked = now;
        if self.is_polled() {
            self.next = now + POLL;
        } else if self.next <= now {
            // A look out of turn leaves the turns of all as spread as they are.
            self.next = now + SELDOM;
        }
        is_believed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> (Pace, Instant) {
        let now = Instant::now();
        let mut pace = Pace::new(now, 0, 1);
        pace.heard(now, true);
        pace.looked(now, false);
        (pace, now + Duration::from_secs(5))
    }

    #[test]
    fn a_change_is_looked_at_when_it_has_settled() {
        let (mut pace, now) = pace();
        assert!(!pace.is_due(now));
        pace.told(now);
        assert!(!pace.is_due(now) && pace.is_due(now + SETTLE));
        // What is told meanwhile does not put it off.
        pace.told(now + SETTLE / 2);
        assert!(pace.is_due(now + SETTLE));
    }

    #[test]
    fn who_writes_without_end_is_looked_at_with_rests() {
        let (mut pace, mut now) = pace();
        let begun = now;
        let mut looks = 0;
        while now < begun + Duration::from_secs(10) {
            pace.told(now);
            if pace.is_due(now) {
                pace.looked(now, false);
                looks += 1;
            }
            now += Duration::from_millis(1);
        }
        assert!((15..=21).contains(&looks), "{looks}");
    }

    #[test]
    fn what_seems_gone_is_believed_at_the_second_look() {
        let (mut pace, now) = pace();
        assert!(!pace.looked(now, true));
        assert_eq!(pace.due(), Some(now + DOUBT));
        assert!(pace.looked(now + DOUBT, true));
        assert_eq!(pace.due(), None);
        // It came back: nothing was ever shown.
        assert!(!pace.looked(now, true));
        assert!(pace.looked(now + DOUBT, false));
        assert_eq!(pace.due(), None);
    }

    #[test]
    fn what_is_not_told_is_polled_and_the_rest_seldom() {
        let (mut pace, now) = pace();
        pace.looked(now, false);
        assert!(!pace.is_overdue(now + POLL) && pace.is_overdue(now + SELDOM));
        pace.heard(now, false);
        pace.looked(now, false);
        assert!(pace.is_polled() && pace.is_overdue(now + POLL));
        // A limit may have been raised meanwhile.
        assert!(!pace.wants_hearing(now + POLL) && pace.wants_hearing(now + SELDOM));
    }

    #[test]
    fn who_is_muted_is_heard_again_later() {
        let (mut pace, now) = pace();
        pace.mute(now);
        pace.listen_anew();
        assert!(pace.is_polled() && !pace.wants_hearing(now) && pace.wants_hearing(now + MUTED));
    }

    #[test]
    fn the_seldom_looks_are_spread() {
        let now = Instant::now();
        let overdue = |after: Duration| (0..1000).filter(|place| Pace::new(now, *place, 1000).is_overdue(now + after)).count();
        assert_eq!((overdue(SELDOM / 4), overdue(SELDOM / 2), overdue(SELDOM)), (250, 500, 1000));
        let mut pace = Pace::new(now, 249, 1000);
        pace.heard(now, true);
        pace.looked(now, false);
        assert!(pace.is_overdue(now + SELDOM / 4));
        pace.looked(now + SELDOM / 4, false);
        assert!(!pace.is_overdue(now + SELDOM));
    }
}
