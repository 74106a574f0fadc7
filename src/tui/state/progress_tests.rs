//! The queue of a bulk action.

use proptest::prelude::*;

use super::*;
use crate::domain::{InstanceId, Target, Uid};

fn id(number: usize) -> InstanceId {
    InstanceId::of_owner(&format!("user{number}")).unwrap()
}

fn progress(count: usize) -> Progress {
    paced(count, Pace::of(AT_ONCE))
}

fn paced(count: usize, pace: Pace) -> Progress {
    let order = |number| Order { verb: Verb::Restart, id: id(number), target: Target::Nothing, reason: None, timeout: None };
    Progress::new(Verb::Restart, (0..count).map(order).collect(), pace)
}

fn at(second: u64) -> Duration {
    Duration::from_secs(second)
}

fn told(number: usize, since: u64, stage: Stage) -> Underway {
    Underway { verb: Verb::Restart, id: id(number), by: Some(Uid::ROOT), since: at(since), stage, ended: None }
}

fn ended(exit_code: u8, sentence: &str) -> Stage {
    Stage::Ended(Outcome { exit_code, sentence: Shown::new(sentence), hints: vec![], log_lines: vec![] })
}

#[test]
fn so_many_at_once_and_the_next_when_one_has_ended() {
    let mut progress = progress(10);
    let begun: Vec<InstanceId> = progress.begin(at(100)).into_iter().map(|order| order.id).collect();
    assert_eq!(begun, (0..AT_ONCE).map(id).collect::<Vec<_>>());
    assert!(progress.begin(at(100)).is_empty());
    progress.learn(&[told(3, 100, ended(0, "restarted")), told(4, 100, Stage::Doing(Shown::from("stopping")))], at(101));
    assert_eq!(progress.begin(at(101)).iter().map(|order| order.id.clone()).collect::<Vec<_>>(), [id(8)]);
    assert_eq!(progress.counts(), Counts { waiting: 1, underway: 8, done: 1, failed: 0, left: 0 });
}

#[test]
fn an_end_from_before_is_not_taken_for_this_one() {
    let mut progress = progress(1);
    progress.begin(at(100));
    progress.learn(&[told(0, 99, ended(1, "an older one"))], at(101));
    assert_eq!(progress.counts().underway, 1);
    progress.learn(&[told(0, 99, ended(1, "an older one")), told(0, 100, ended(0, "restarted"))], at(102));
    assert_eq!(progress.counts().done, 1);
}

#[test]
fn cancelling_leaves_what_waits_and_lets_end_what_is_underway() {
    let mut progress = progress(10);
    progress.begin(at(1));
    assert_eq!(progress.cancel(), 2);
    assert!(!progress.is_over());
    let all: Vec<Underway> = (0..8).map(|number| told(number, 1, ended(u8::from(number == 5), "not started. 8107 is held"))).collect();
    progress.learn(&all, at(2));
    assert!(progress.begin(at(2)).is_empty() && progress.is_over());
    assert_eq!(progress.summary(), "7 restarted, 2 not begun, 1 failed: user5: not started. 8107 is held");
    assert_eq!(progress.cancel(), 0);
}

#[test]
fn what_is_not_heard_of_is_said_to_be() {
    let mut progress = progress(2);
    progress.begin(at(1));
    progress.learn(&[told(0, 1, Stage::Doing(Shown::from("stopping")))], at(2));
    progress.learn(&[], at(3));
    assert_eq!(progress.counts(), Counts { underway: 1, failed: 1, ..Counts::default() });
    progress.learn(&[], at(60));
    assert!(progress.is_over());
    assert!(progress.summary().contains("was not heard"));
}

proptest! {
    #[test]
    fn no_order_is_begun_twice_nor_lost(count in 1usize..40, steps in prop::collection::vec((0usize..40, 0u8..4), 0..200), cancel in 0usize..200) {
        let mut progress = progress(count);
        let mut begun: Vec<InstanceId> = Vec::new();
        for (turn, (which, what)) in steps.into_iter().enumerate() {
            begun.extend(progress.begin(at(1)).into_iter().map(|order| order.id));
            if turn == cancel {
                progress.cancel();
            }
            let stage = match what {
                0 => ended(0, "restarted"),
                1 => ended(1, "failed"),
                _ => Stage::Doing(Shown::from("stopping")),
            };
            // The others are told as they were, so that none is taken for lost.
            let mut news: Vec<Underway> = (0..count).map(|number| told(number, 1, Stage::Doing(Shown::from("stopping")))).collect();
            news.push(told(which, 1, stage));
            progress.learn(&news, at(1));
            let counts = progress.counts();
            prop_assert!(counts.underway <= AT_ONCE);
            prop_assert_eq!(counts.waiting + counts.underway + counts.done + counts.failed + counts.left, count);
        }
        let unique: std::collections::BTreeSet<&InstanceId> = begun.iter().collect();
        prop_assert_eq!(unique.len(), begun.len());
    }
}

#[test]
fn one_after_the_other_until_one_fails() {
    let mut progress = paced(4, Pace::rolling(1, 1));
    let begun = |progress: &mut Progress, second| progress.begin(at(second)).into_iter().map(|order| order.id).collect::<Vec<_>>();
    assert_eq!(begun(&mut progress, 100), [id(0)]);
    progress.learn(&[told(0, 100, Stage::Doing(Shown::from("stopping")))], at(101));
    assert!(begun(&mut progress, 101).is_empty(), "the next one waits until it serves");
    progress.learn(&[told(0, 100, ended(0, "restarted"))], at(102));
    assert_eq!(begun(&mut progress, 102), [id(1)]);
    progress.learn(&[told(1, 102, ended(5, "not started"))], at(103));
    assert!(begun(&mut progress, 103).is_empty() && progress.is_over());
    assert_eq!(progress.counts(), Counts { waiting: 0, underway: 0, done: 1, failed: 1, left: 2 });
    assert_eq!(progress.summary(), "1 restarted, 2 not begun, 1 failed: user1: not started");
}
