//! Whether and when a server that ended is started again.
//!
//! Pure. It must never look at a wall clock: a host whose clock is set must not start a thousand servers at once.

use std::time::Duration;

use crate::domain::{ExitStatus, Restart};

/// The wait before the first try; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// No wait is longer. A server that fails for a month is tried every five minutes, which also bounds what is recorded of it.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A run this long was a good one: the next wait is the first again.
const GOOD_RUN: Duration = Duration::from_secs(600);

/// This many ends...
pub const ENDS: u32 = 5;

/// ... within this time, and nothing is tried any more: the configuration is wrong, and each try costs the host a start.
pub const WITHIN: Duration = Duration::from_secs(120);

/// What comes after an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the policy does not want it.
    Rest,
    /// Another try after so long.
    Again(Duration),
    /// Nothing any more: it ended too often.
    GiveUp,
}

/// The policy of one server, with what it went through.
#[derive(Clone, Debug)]
pub struct Policy {
    restart: Restart,
    /// When it ended, on the monotonic clock; the last [`ENDS`].
    ends: Vec<Duration>,
    /// Tries since the last good run.
    tries: u32,
}

impl Policy {
    /// A policy that has seen nothing yet.
    pub fn new(restart: Restart) -> Self {
        Self { restart, ends: Vec::with_capacity(ENDS as usize), tries: 0 }
    }

    /// The server has ended at `now` after it ran so long.
    pub fn ended(&mut self, status: ExitStatus, now: Duration, ran: Duration) -> Next {
        let wanted = match self.restart {
            Restart::No => false,
            Restart::OnFailure => is_failure(status),
            Restart::Always => true,
        };
        if !wanted {
            return Next::Rest;
        }
        if ran >= GOOD_RUN {
            self.tries = 0;
            self.ends.clear();
        }
        self.ends.retain(|end| now.saturating_sub(*end) < WITHIN);
        self.ends.push(now);
        if self.ends.len() >= ENDS as usize {
            return Next::GiveUp;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << self.tries.min(16)).min(LONGEST_WAIT);
        self.tries = self.tries.saturating_add(1);
        Next::Again(wait)
    }

    /// Which try since the last good run is next, from 1.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

/// Whether an end is a failure: as systemd counts it (systemd.service(5), SuccessExitStatus=), an exit code of 0 and the signals that
/// ask a program to end are none. The guide's `stop` sends one of these to what berth started, and must not be fought.
fn is_failure(status: ExitStatus) -> bool {
    match status {
        ExitStatus::Code(code) => code != 0,
        ExitStatus::Signal(signal) => !matches!(signal, libc::SIGHUP | libc::SIGINT | libc::SIGTERM | libc::SIGPIPE),
        ExitStatus::Unknown => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn who_is_started_again() {
        let table = [
            (Restart::No, ExitStatus::Code(1), false),
            (Restart::No, ExitStatus::Signal(9), false),
            (Restart::OnFailure, ExitStatus::Code(0), false),
            (Restart::OnFailure, ExitStatus::Code(3), true),
            (Restart::OnFailure, ExitStatus::Signal(libc::SIGTERM), false),
            (Restart::OnFailure, ExitStatus::Signal(libc::SIGINT), false),
            (Restart::OnFailure, ExitStatus::Signal(libc::SIGHUP), false),
            (Restart::OnFailure, ExitStatus::Signal(libc::SIGKILL), true),
            (Restart::OnFailure, ExitStatus::Signal(libc::SIGSEGV), true),
            (Restart::Always, ExitStatus::Code(0), true),
            (Restart::Always, ExitStatus::Signal(libc::SIGTERM), true),
        ];
        for (restart, status, again) in table {
            let next = Policy::new(restart).ended(status, seconds(100), SHORT);
            assert_eq!(next, if again { Next::Again(FIRST_WAIT) } else { Next::Rest }, "{restart:?} {status:?}");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_its_end() {
        let mut policy = Policy::new(Restart::OnFailure);
        let mut waits = Vec::new();
        for round in 1..12 {
            // Every end is far enough from the others.
            match policy.ended(ExitStatus::Code(1), seconds(round * 121), seconds(100)) {
                Next::Again(wait) => waits.push(wait.as_secs()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn a_good_run_makes_it_begin_anew() {
        let mut policy = Policy::new(Restart::OnFailure);
        for round in 0..4 {
            policy.ended(ExitStatus::Code(1), seconds(round), SHORT);
        }
        assert_eq!(policy.ended(ExitStatus::Code(1), seconds(700), GOOD_RUN), Next::Again(FIRST_WAIT));
    }

    #[test]
    fn five_ends_in_two_minutes_are_the_last() {
        let mut policy = Policy::new(Restart::Always);
        for round in 0..4 {
            assert!(matches!(policy.ended(ExitStatus::Code(1), seconds(round), SHORT), Next::Again(_)));
        }
        assert_eq!(policy.ended(ExitStatus::Code(1), seconds(119), SHORT), Next::GiveUp);
    }

    #[test]
    fn ends_far_apart_are_no_loop() {
        let mut policy = Policy::new(Restart::Always);
        for round in 0..50 {
            assert!(matches!(policy.ended(ExitStatus::Code(1), seconds(round * 31), seconds(30)), Next::Again(_)));
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_never_outside_its_bounds(ends in proptest::collection::vec((0u64..2000, 0u64..2000), 1..60)) {
            let mut policy = Policy::new(Restart::Always);
            let mut now = Duration::ZERO;
            for (gap, ran) in ends {
                now += seconds(gap);
                match policy.ended(ExitStatus::Code(1), now, seconds(ran)) {
                    Next::Again(wait) => prop_assert!((FIRST_WAIT..=LONGEST_WAIT).contains(&wait)),
                    Next::GiveUp => {}
                    Next::Rest => prop_assert!(false),
                }
            }
        }
    }
}
