//! The same work for many, on two threads: where berth comes to a host, a thousand processes are read at once.
//!
//! It must never lose a result for want of a thread.

use std::thread;

/// With fewer it takes longer to get a thread than to do without.
const WORTH_A_THREAD: usize = 64;

/// What `work` makes of each, in their order.
pub(super) fn in_two<T: Send, R: Send>(items: &mut [T], work: impl Fn(&mut T) -> R + Sync) -> Vec<R> {
    let all = |items: &mut [T]| items.iter_mut().map(&work).collect::<Vec<R>>();
    if items.len() < WORTH_A_THREAD {
        return all(items);
    }
    let (first, second) = items.split_at_mut(items.len() / 2);
    let (mut done, rest) = thread::scope(|scope| {
        let beside = thread::Builder::new().name("berth-half".to_owned()).stack_size(128 * 1024);
        let beside = beside.spawn_scoped(scope, || {
            crate::failpoint::pass("berth-half");
            all(second)
        });
        (all(first), beside.ok().and_then(|thread| thread.join().ok()))
    });
    done.extend(rest.unwrap_or_else(|| all(second)));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_however_many_there_are() {
        for count in [0, 1, WORTH_A_THREAD - 1, WORTH_A_THREAD, WORTH_A_THREAD + 1, 1000] {
            let mut items: Vec<usize> = (0..count).collect();
            let expected: Vec<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(in_two(&mut items, |item| *item * 2), expected);
        }
    }
}
