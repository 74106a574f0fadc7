//! Work off the loop that a key asks for: one piece at a time, and of what waits for its turn only the newest.
//!
//! It must never queue: keys held down ask faster than tasks are begun, or ended when they are aborted, and all that waited would be kept.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A piece of work; it has a deadline of its own.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What becomes of the piece that is being worked on when a newer one comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It is dropped: nobody wants to know any more.
    Overtaking,
    /// It is ended first.
    Waiting,
}

/// What the two ends share.
#[derive(Default)]
struct Turn {
    newest: Mutex<(u64, Option<Work>)>,
    /// Tells that there may be a newer one: two calls may be one, and one may be left over from a piece that was taken already.
    call: Notify,
}

impl Turn {
    fn put(&self, work: Option<Work>) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let overtaken = std::mem::replace(&mut newest.1, work);
        newest.0 += 1;
        drop(newest);
        self.call.notify_one();
        drop(overtaken);
    }

    /// The newest piece, if it was not taken, and its number.
    fn take(&self) -> (u64, Option<Work>) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        (newest.0, newest.1.take())
    }

    /// Waits until there is a newer one than this.
    async fn newer_than(&self, number: u64) {
        while self.newest.lock().unwrap_or_else(PoisonError::into_inner).0 == number {
            self.call.notified().await;
        }
    }
}

/// The way to the one task that works. What is not done when it is dropped is not done.
pub struct Lane {
    manner: Manner,
    turn: Arc<Turn>,
    /// Begun with the first piece.
    task: Option<JoinHandle<()>>,
}

impl Lane {
    /// Without work.
    pub fn new(manner: Manner) -> Self {
        Self { manner, turn: Arc::default(), task: None }
    }

    /// Has this done, instead of what still waits.
    pub fn run(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.turn.put(Some(Box::pin(work)));
        let (manner, turn) = (self.manner, &self.turn);
        self.task.get_or_insert_with(|| tokio::spawn(serve(manner, Arc::clone(turn))));
    }

    /// Forgets what waits, and drops what is being worked on where a newer piece would.
    pub fn clear(&mut self) {
        self.turn.put(None);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Does what comes, for as long as the lane is there.
async fn serve(manner: Manner, turn: Arc<Turn>) {
    loop {
        match (turn.take(), manner) {
            ((number, None), _) => turn.newer_than(number).await,
            ((_, Some(work)), Manner::Waiting) => work.await,
            ((number, Some(work)), Manner::Overtaking) => tokio::select! {
                biased;
                () = turn.newer_than(number) => {}
                () = work => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// How many pieces there are now.
    #[derive(Clone, Default)]
    struct Held(Arc<()>);

    impl Held {
        fn count(&self) -> usize {
            Arc::strong_count(&self.0) - 1
        }
    }

    /// Lets the task do all that it can.
    async fn turns() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn of_a_thousand_the_newest_waits_and_nothing_else_is_kept() {
        for manner in [Manner::Overtaking, Manner::Waiting] {
            let (mut lane, held, begun) = (Lane::new(manner), Held::default(), Arc::new(AtomicUsize::new(0)));
            for number in 1..=1000 {
                let (piece, begun) = (held.clone(), Arc::clone(&begun));
                lane.run(async move {
                    begun.store(number, Ordering::SeqCst);
                    std::future::pending::<()>().await;
                    drop(piece);
                });
                assert_eq!(held.count(), 1, "{number}");
            }
            turns().await;
            assert_eq!((begun.load(Ordering::SeqCst), held.count()), (1000, 1));
        }
    }

    #[tokio::test]
    async fn what_is_being_worked_on_is_overtaken_or_ended_first() {
        for (manner, kept) in [(Manner::Overtaking, 1), (Manner::Waiting, 2)] {
            let (mut lane, held) = (Lane::new(manner), Held::default());
            let (go, wait) = tokio::sync::oneshot::channel::<()>();
            let piece = held.clone();
            lane.run(async move {
                let _ = wait.await;
                drop(piece);
            });
            turns().await;
            let piece = held.clone();
            lane.run(async move {
                std::future::pending::<()>().await;
                drop(piece);
            });
            turns().await;
            assert_eq!(held.count(), kept);
            let _ = go.send(());
            turns().await;
            assert_eq!(held.count(), 1);
        }
    }

    #[tokio::test]
    async fn what_comes_behind_several_others_is_begun_whatever_the_lane_was_doing() {
        for manner in [Manner::Overtaking, Manner::Waiting] {
            // Nothing yet, waiting after a piece, and in the middle of one.
            for before in [None, Some(false), Some(true)] {
                let (mut lane, begun) = (Lane::new(manner), Held::default());
                let (go, wait) = tokio::sync::oneshot::channel::<()>();
                if let Some(goes_on) = before {
                    lane.run(async move {
                        if goes_on {
                            let _ = wait.await;
                        }
                    });
                    turns().await;
                }
                for _ in 0..3 {
                    lane.clear();
                    let piece = begun.clone();
                    lane.run(async move {
                        let _begun = piece.clone();
                        std::future::pending::<()>().await;
                    });
                }
                let _ = go.send(());
                turns().await;
                // The one that is being worked on holds two.
                assert_eq!(begun.count(), 2, "{before:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_cleared_or_left_behind_is_not_done() {
        let (mut lane, held) = (Lane::new(Manner::Overtaking), Held::default());
        for begin in [true, false] {
            let piece = held.clone();
            lane.run(async move {
                std::future::pending::<()>().await;
                drop(piece);
            });
            if begin {
                turns().await;
            }
            lane.clear();
            turns().await;
            assert_eq!(held.count(), 0);
        }
        let piece = held.clone();
        lane.run(async move { drop(piece) });
        drop(lane);
        turns().await;
        assert_eq!(held.count(), 0);
    }
}
