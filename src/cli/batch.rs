//! Several orders at a time: a few threads, news as it comes, results in the order that was asked for.
//!
//! It must never begin more than it was allowed to, and never lose an outcome.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;

use super::rolling::not_begun;
use crate::domain::{InstanceId, Order, Outcome, Pace, Shown};
use crate::link::Door;

/// What happens while orders are carried out.
pub enum News<'a> {
    /// One of them is at this step.
    Step(&'a InstanceId, &'a Shown),
    /// One has come to its end. Whoever hears of it may add to what helps.
    Ended(&'a InstanceId, &'a mut Outcome),
}

enum Message {
    Step(usize, Shown),
    Ended(usize, Outcome),
}

/// Carries them out at this pace, and waits for the last. Those that are not begun any more have an outcome that says so, and are not told.
pub fn carry_out(door: &dyn Door, orders: Vec<Order>, pace: Pace, mut tell: impl FnMut(News<'_>)) -> Vec<(InstanceId, Outcome)> {
    let ids: Vec<InstanceId> = orders.iter().map(|order| order.id.clone()).collect();
    let mut outcomes: Vec<Option<Outcome>> = vec![None; ids.len()];
    let threads = pace.at_once.clamp(1, ids.len().max(1));
    // Those that wait, and how many have failed: looked at together, so that nothing is begun after the last failure that may be.
    let queue = Mutex::new((orders.into_iter().enumerate(), 0_usize));
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || {
                crate::failpoint::pass("batch");
                loop {
                    let next = {
                        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                        if pace.is_broken_off(queue.1) { None } else { queue.0.next() }
                    };
                    let Some((at, order)) = next else { return };
                    let outcome = door.carry_out(order, &mut |step| drop(sender.send(Message::Step(at, step.clone()))));
                    if !outcome.is_done() {
                        queue.lock().unwrap_or_else(PoisonError::into_inner).1 += 1;
                    }
                    drop(sender.send(Message::Ended(at, outcome)));
                }
            });
        }
        drop(sender);
        for message in &receiver {
            match message {
                Message::Step(at, step) => tell(News::Step(&ids[at], &step)),
                Message::Ended(at, mut outcome) => {
                    tell(News::Ended(&ids[at], &mut outcome));
                    outcomes[at] = Some(outcome);
                }
            }
        }
    });
    let failures = outcomes.iter().flatten().filter(|outcome| !outcome.is_done()).count();
    let left = || pace.is_broken_off(failures).then(|| not_begun(failures));
    ids.into_iter().zip(outcomes).filter_map(|(id, outcome)| Some((id, outcome.or_else(left)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::FakeDoor;
    use crate::domain::{Target, Verb};

    #[test]
    fn all_are_carried_out_so_many_at_a_time_and_told_in_order() {
        let door = FakeDoor::default();
        let ids: Vec<InstanceId> = (0..20).map(|at| InstanceId::parse(&format!("user{at}")).unwrap()).collect();
        let order = |id: &InstanceId| Order { verb: Verb::Stop, id: id.clone(), target: Target::Whatever, reason: None, timeout: None };
        let (mut steps, mut ends) = (0, 0);
        let results = carry_out(&door, ids.iter().map(order).collect(), Pace::of(3), |news| match news {
            News::Step(..) => steps += 1,
            News::Ended(..) => ends += 1,
        });
        assert_eq!((steps, ends), (20, 20));
        assert_eq!(results.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);
        // Each failure ends it: what waits is not begun, and says so.
        let ids: Vec<InstanceId> = ["u1", "bad1", "u2"].map(|text| InstanceId::parse(text).unwrap()).into();
        let mut ends = 0;
        let results = carry_out(&FakeDoor::default(), ids.iter().map(order).collect(), Pace::rolling(1, 1), |news| {
            ends += usize::from(matches!(news, News::Ended(..)));
        });
        let codes: Vec<u8> = results.iter().map(|(_, outcome)| outcome.exit_code).collect();
        assert_eq!((ends, codes, results[2].1.sentence.as_str()), (2, vec![0, 1, 1], "was not begun: 1 failed before"));
        assert!((1..=3).contains(&door.most_at_once()), "{}", door.most_at_once());
        assert!(carry_out(&door, Vec::new(), Pace::of(4), |_| {}).is_empty());
    }
}
