//! Whose file system is slow is asked seldom: a user may mount one that answers each question just in time, and there is one thread for
//! all trees.
//!
//! It must never keep anybody out for longer than the answers took, times [`SHARE`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// An answer that takes longer is slow.
pub(super) const SLOW: Duration = Duration::from_millis(500);

/// One user's tree may have so large a share of the time of all: one part in so many.
const SHARE: u32 = 10;

/// The users, and until when nobody goes into their trees.
#[derive(Debug, Default)]
pub(super) struct Rests(HashMap<u32, Instant>);

impl Rests {
    /// Notes how long an answer took that was here at `now`.
    pub(super) fn took(&mut self, uid: u32, now: Instant, took: Duration) {
        if took >= SLOW {
            self.0.insert(uid, now + took * SHARE);
        }
    }

    /// Whether a user's tree is left alone.
    pub(super) fn is_resting(&mut self, uid: u32, now: Instant) -> bool {
        self.0.retain(|_, until| *until > now);
        self.0.contains_key(&uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_slowly_is_left_alone_for_ten_times_as_long() {
        let (mut rests, now) = (Rests::default(), Instant::now());
        rests.took(7, now, Duration::from_millis(499));
        assert!(!rests.is_resting(7, now));
        rests.took(7, now, Duration::from_millis(1_900));
        rests.took(8, now, Duration::from_millis(600));
        let at = |seconds| now + Duration::from_millis(seconds);
        for (milliseconds, seven, eight) in
            [(0, true, true), (5_999, true, true), (6_000, true, false), (18_999, true, false), (19_000, false, false)]
        {
            assert_eq!((rests.is_resting(7, at(milliseconds)), rests.is_resting(8, at(milliseconds))), (seven, eight), "{milliseconds} ms");
        }
        assert!(!rests.is_resting(9, now));
    }
}
