//! When each count of each instance is due. Pure: the time is given.
//!
//! It must never let one kind of count starve another: what is latest, measured by its own interval, comes first.

use std::time::Duration;

/// What can be counted of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// The log and what was rotated away, and the room there.
    Log,
    /// What the processes have open.
    Files,
    /// The next piece of the workspace.
    Workspace,
}

impl Count {
    pub const ALL: [Count; 3] = [Count::Log, Count::Files, Count::Workspace];
}

/// How often the log of an instance is looked at that writes much, or of a small fleet.
pub(super) const LOG_OFTEN: Duration = Duration::from_secs(5);

/// How often the log of any other is.
pub(super) const LOG_SELDOM: Duration = Duration::from_secs(30);

/// How often open files are looked at when their number changes.
pub(super) const FILES_CHANGED: Duration = Duration::from_secs(60);

/// How often they are when it does not.
pub(super) const FILES_SAME: Duration = Duration::from_secs(600);

/// How long after a workspace was counted it is counted again.
pub(super) const WORKSPACE: Duration = Duration::from_secs(240);

/// How soon the next piece of a walk follows.
pub(super) const NEXT_PIECE: Duration = Duration::from_secs(1);

/// The part of a core that counting may take, once everything was counted once. A look's time on the wall stands for its cost: it is no less.
const SHARE: f64 = 0.0005;

/// The part before that, so that a large fleet's numbers come in minutes.
const SHARE_AT_FIRST: f64 = 0.001;

/// The longest rest after a count: a file system that hung is no reason to stop counting the others.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// When one count is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// When, on a clock that never goes back.
    pub at: Duration,
    /// Its interval: lateness is measured by it.
    pub every: Duration,
}

impl Due {
    /// How late it is in intervals; negative while it is not due.
    fn lateness(&self, now: Duration) -> f64 {
        (now.as_secs_f64() - self.at.as_secs_f64()) / self.every.as_secs_f64().max(0.001)
    }
}

/// The count that is most overdue; `None` when none is due.
pub(super) fn pick<'a>(dues: impl Iterator<Item = &'a [Due; 3]>, now: Duration) -> Option<(usize, Count)> {
    let mut most: Option<(f64, usize, Count)> = None;
    for (index, dues) in dues.enumerate() {
        for (due, count) in dues.iter().zip(Count::ALL) {
            if due.at <= now {
                let lateness = due.lateness(now);
                if most.is_none_or(|(known, ..)| lateness > known) {
                    most = Some((lateness, index, count));
                }
            }
        }
    }
    most.map(|(_, index, count)| (index, count))
}

/// How long to rest after a count that took so long.
pub(super) fn rest(took: Duration, at_first: bool) -> Duration {
    let share = if at_first { SHARE_AT_FIRST } else { SHARE };
    Duration::try_from_secs_f64(took.as_secs_f64() / share).unwrap_or(LONGEST_REST).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(at: u64, every: u64) -> Due {
        Due { at: Duration::from_secs(at), every: Duration::from_secs(every) }
    }

    #[test]
    fn the_latest_by_its_own_interval_comes_first() {
        let cases: [(&str, [Due; 3], Option<Count>); 5] = [
            ("nothing is due", [due(101, 5), due(200, 60), due(300, 240)], None),
            ("the only one", [due(101, 5), due(99, 60), due(300, 240)], Some(Count::Files)),
            ("often before seldom", [due(95, 5), due(95, 60), due(95, 240)], Some(Count::Log)),
            ("seldom, but very late", [due(98, 5), due(100, 60), due(0, 10)], Some(Count::Workspace)),
            ("due right now", [due(100, 5), due(200, 60), due(300, 240)], Some(Count::Log)),
        ];
        for (name, dues, expected) in cases {
            assert_eq!(pick([dues].iter(), Duration::from_secs(100)).map(|(_, count)| count), expected, "{name}");
        }
    }

    #[test]
    fn of_several_instances_the_latest() {
        let dues = [[due(99, 5); 3], [due(90, 5); 3], [due(95, 5); 3]];
        assert_eq!(pick(dues.iter(), Duration::from_secs(100)), Some((1, Count::Log)));
    }

    #[test]
    fn a_rest_keeps_the_share() {
        assert_eq!(rest(Duration::from_micros(50), false), Duration::from_millis(100));
        assert_eq!(rest(Duration::from_micros(50), true), Duration::from_millis(50));
        assert_eq!(rest(Duration::from_secs(5), false), LONGEST_REST);
    }
}
