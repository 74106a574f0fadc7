//! Several orders at a time: a few threads, news as it comes, results in the order that was asked for.
//!
//! It must never begin more than it was allowed to, and never lose an outcome.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;

use crate::domain::{InstanceId, Order, Outcome, Shown};
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

/// Carries them out, `parallel` at a time, and waits for the last.
pub fn carry_out(door: &dyn Door, orders: Vec<Order>, parallel: usize, mut tell: impl FnMut(News<'_>)) -> Vec<(InstanceId, Outcome)> {
    let ids: Vec<InstanceId> = orders.iter().map(|order| order.id.clone()).collect();
    let mut outcomes: Vec<Option<Outcome>> = vec![None; ids.len()];
    let threads = parallel.clamp(1, ids.len().max(1));
    let queue = Mutex::new(orders.into_iter().enumerate());
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || {
                crate::failpoint::pass("batch");
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((at, order)) = next else { return };
                    let outcome = door.carry_out(order, &mut |step| drop(sender.send(Message::Step(at, step.clone()))));
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
    ids.into_iter().zip(outcomes).filter_map(|(id, outcome)| Some((id, outcome?))).collect()
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
        let results = carry_out(&door, ids.iter().map(order).collect(), 3, |news| match news {
            News::Step(..) => steps += 1,
            News::Ended(..) => ends += 1,
        });
        assert_eq!((steps, ends), (20, 20));
        assert_eq!(results.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);
        assert!((1..=3).contains(&door.most_at_once()), "{}", door.most_at_once());
        assert!(carry_out(&door, Vec::new(), 4, |_| {}).is_empty());
    }
}
