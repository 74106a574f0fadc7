//! Looking for those who act. Many act at once, and a look takes about the same for one as for all: whoever comes while one looks is
//! looked for in the next look together with everybody else who came.
//!
//! It must never give anybody a look that began before it was asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::together::Together;
use crate::domain::{InstanceId, ProcessKey, Snapshot};

/// Eyes that take one whole look: declared, claimed, sampled and judged. The engine's are such.
pub trait Look: Send {
    /// What is there now.
    fn look(&mut self) -> Arc<Snapshot>;

    /// Reads what is worth telling and decides nothing, so that the next look tells of it: PID files.
    fn examine(&mut self) {}

    /// What is there now of these instances, as they are declared now; of the others what was seen last, their listeners excepted. Far
    /// cheaper than a whole look.
    fn look_again(&mut self, ids: &[InstanceId]) -> Arc<Snapshot>;

    /// Reads the limits that hold these processes, for the next look to tell.
    fn limits_of(&mut self, mains: &[ProcessKey]);
}

/// Eyes that many look through.
pub(super) struct Eyes {
    seeing: Mutex<Seeing>,
    asking: Together<InstanceId, Arc<Snapshot>>,
}

struct Seeing {
    eye: Box<dyn Look>,
    /// When the last look began, and what was seen.
    last: Option<(Instant, Arc<Snapshot>)>,
    /// When the last whole one did.
    whole: Option<Instant>,
}

impl Seeing {
    fn look(&mut self, how: impl FnOnce(&mut dyn Look) -> Arc<Snapshot>) -> Arc<Snapshot> {
        let began = Instant::now();
        let snapshot = how(self.eye.as_mut());
        self.last = Some((began, Arc::clone(&snapshot)));
        snapshot
    }

    fn look_whole(&mut self) -> Arc<Snapshot> {
        self.whole = Some(Instant::now());
        self.look(|eye| eye.look())
    }

    /// What was seen last, if everything was looked at in that time: others than those that were looked at again may be declared otherwise.
    fn whole_since(&self, ago: Duration) -> Option<Arc<Snapshot>> {
        let then = Instant::now().checked_sub(ago)?;
        self.whole.filter(|began| *began >= then)?;
        self.since(ago)
    }

    fn since(&self, ago: Duration) -> Option<Arc<Snapshot>> {
        let then = Instant::now().checked_sub(ago)?;
        self.last.as_ref().filter(|(began, _)| *began >= then).map(|(_, snapshot)| Arc::clone(snapshot))
    }
}

impl Eyes {
    /// Eyes that have seen nothing yet.
    pub fn new(eye: Box<dyn Look>) -> Self {
        Self { seeing: Mutex::new(Seeing { eye, last: None, whole: None }), asking: Together::default() }
    }

    /// One whole look.
    pub fn look(&self) -> Arc<Snapshot> {
        self.seeing().look_whole()
    }

    /// What was seen at most this long ago, or else a whole look.
    pub fn look_since(&self, ago: Duration) -> Arc<Snapshot> {
        let mut seeing = self.seeing();
        seeing.whole_since(ago).unwrap_or_else(|| seeing.look_whole())
    }

    /// The same, where this instance is in it; what has just come is looked for.
    pub fn look_for(&self, id: &InstanceId, ago: Duration) -> Arc<Snapshot> {
        let seen = self.look_since(ago);
        if seen.row(id).is_some() { seen } else { self.look() }
    }

    /// What an instance is doing now.
    pub fn look_again(&self, id: &InstanceId) -> Arc<Snapshot> {
        let seen = self.asking.hand_in(id.clone(), |ids| {
            let snapshot = self.seeing().look(|eye| eye.look_again(&ids));
            ids.iter().map(|_| Arc::clone(&snapshot)).collect()
        });
        seen.unwrap_or_else(|| self.look())
    }

    /// The same, where what was seen at most this long ago will do.
    pub fn look_again_since(&self, id: &InstanceId, ago: Duration) -> Arc<Snapshot> {
        let seen = self.seeing().since(ago);
        seen.unwrap_or_else(|| self.look_again(id))
    }

    /// Has the next look tell of what a look by itself does not read.
    pub fn examine(&self) {
        self.seeing().eye.examine();
    }

    /// Has the next look tell the limits in force of these.
    pub fn limits_of(&self, mains: &[ProcessKey]) {
        self.seeing().eye.limits_of(mains);
    }

    fn seeing(&self) -> MutexGuard<'_, Seeing> {
        self.seeing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;
    use crate::domain::{Moment, PortRange};

    /// Counts its looks; each snapshot's sequence is how many things had happened when its look began.
    struct Slow {
        happened: Arc<AtomicU64>,
        looks: Arc<AtomicU64>,
    }

    impl Look for Slow {
        fn look(&mut self) -> Arc<Snapshot> {
            self.look_again(&[])
        }

        fn look_again(&mut self, _: &[InstanceId]) -> Arc<Snapshot> {
            self.looks.fetch_add(1, Ordering::SeqCst);
            let now = Moment { boot: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
            let sequence = self.happened.load(Ordering::SeqCst);
            thread::sleep(Duration::from_millis(2));
            Arc::new(Snapshot { sequence, ..Snapshot::nothing_yet(PortRange { first: 1, last: 2 }, now) })
        }

        fn limits_of(&mut self, _: &[ProcessKey]) {}
    }

    #[test]
    fn what_was_looked_at_again_does_not_make_the_rest_new() {
        let (happened, looks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let eyes = Eyes::new(Box::new(Slow { happened, looks: Arc::clone(&looks) }));
        let id = InstanceId::of_owner("amy").unwrap();
        eyes.look();
        eyes.look_since(Duration::from_secs(3600));
        assert_eq!(looks.load(Ordering::SeqCst), 1);
        eyes.look_again(&id);
        // The whole look is older than that by now, the other is not.
        let ago = Duration::from_millis(2);
        thread::sleep(ago);
        eyes.look_again(&id);
        eyes.look_since(ago);
        assert_eq!(looks.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn everybody_sees_what_happened_before_the_asking_and_few_looks_are_taken() {
        let (happened, looks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let eyes = Eyes::new(Box::new(Slow { happened: Arc::clone(&happened), looks: Arc::clone(&looks) }));
        thread::scope(|scope| {
            for number in 0..40 {
                let (eyes, happened) = (&eyes, &happened);
                scope.spawn(move || {
                    let id = InstanceId::of_owner(&format!("user{number}")).unwrap();
                    for _ in 0..5 {
                        let before = happened.fetch_add(1, Ordering::SeqCst) + 1;
                        assert!(eyes.look_again(&id).sequence >= before);
                    }
                });
            }
        });
        let looks = looks.load(Ordering::SeqCst);
        assert!((1..200).contains(&looks), "{looks} looks for 200 questions");
    }
}
