//! Another host's clock since its start: what it tells by that is told by this host's. Pure.
//!
//! It must never be touched by what a host says of the time of day.

use std::time::Duration;

use crate::link::wire::Change;

/// One moment by both; nothing before something was told.
#[derive(Debug, Default)]
pub(super) struct Clock {
    same: Option<(Duration, Duration)>,
}

impl Clock {
    /// Puts what a change tells by its clock into ours. `now`: when it came. Each whole picture sets the clock anew.
    pub fn set_by(&mut self, change: &mut Change, now: Duration) {
        if let Some(taken) = change.taken.filter(|_| change.from.is_none() || self.same.is_none()) {
            self.same = Some((taken.boot, now));
        }
        let Some((theirs, ours)) = self.same else { return };
        // What a host says is no number to be trusted: what comes is not later than it came.
        let ours = |at: Duration| ours.saturating_add(at).saturating_sub(theirs).min(now);
        if let Some(taken) = &mut change.taken {
            taken.boot = ours(taken.boot);
        }
        for one in change.underway.iter_mut().flatten() {
            one.since = ours(one.since);
            one.ended = one.ended.map(ours);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Moment;

    fn at(from: Option<u64>, seconds: u64) -> Change {
        let taken = Moment { boot: Duration::from_secs(seconds), wall: jiff::Timestamp::UNIX_EPOCH };
        Change { from, taken: Some(taken), ..Change::default() }
    }

    #[test]
    fn times_that_there_are_not_are_now() {
        let mut clock = Clock::default();
        let mut change = at(None, 5);
        clock.set_by(&mut change, Duration::from_secs(9));
        for theirs in [u64::MAX, 1 << 40] {
            let mut change = at(Some(1), theirs);
            clock.set_by(&mut change, Duration::from_secs(12));
            assert_eq!(change.taken.unwrap().boot.as_secs(), 12);
        }
        let mut change = at(None, u64::MAX);
        clock.set_by(&mut change, Duration::from_secs(13));
        assert!(change.taken.unwrap().boot.as_secs() <= 13);
    }

    #[test]
    fn a_host_that_was_started_earlier_or_later_tells_our_time() {
        for (theirs, ours) in [(1000, 50), (50, 1000)] {
            let mut clock = Clock::default();
            let mut taken = |from, after: u64, late: u64| {
                let mut change = at(from, theirs + after);
                clock.set_by(&mut change, Duration::from_secs(ours + after + late));
                change.taken.unwrap().boot.as_secs()
            };
            assert_eq!((taken(None, 0, 0), taken(Some(1), 3, 2), taken(None, 9, 1)), (ours, ours + 3, ours + 10));
        }
    }
}
