//! What was adopted has no keeper: the daemon starts it again when it ends unasked, by the keepers' policy; from then on it has one.
//!
//! It must never look at what did not change, nor start what somebody had stopped, or has started, meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Local;
use super::orders::Begun;
use crate::control::{AdoptedEnded, Unasked};
use crate::domain::{Again, Declared, ExitStatus, InstanceId, Order, Row, Snapshot, State, SupervisorKind, Target, Verb};
use crate::supervisor::AdoptedEnd;
use crate::supervisor::process::keeper::{ENDS, Next, Policy, WITHIN};

/// Why, in the trail.
const REASON: &str = "it ended unasked";

/// When it is looked at again where somebody acts on it, or it may have started itself again.
const SOON: Duration = Duration::from_secs(1);

/// For so long another process in its place may be one that is about to serve.
const REPLACED: Duration = Duration::from_secs(60);

/// When it is tried again where there was no room for its start: that is no end of it.
const NO_ROOM: Duration = Duration::from_secs(5);

/// Those that are watched over.
pub(super) struct Ward {
    began: Instant,
    before: Option<Arc<Snapshot>>,
    ended: HashMap<InstanceId, Ended>,
    results: (Sender<InstanceId>, Receiver<InstanceId>),
}

/// One that has ended.
struct Ended {
    declared: Arc<Declared>,
    policy: Policy,
    stage: Stage,
}

/// How far it is.
#[derive(Clone, Copy)]
enum Stage {
    /// Its end is to be put down.
    Seen { ran: Duration, since: Instant, at: Instant },
    /// It is started when that is due.
    Waits(Instant),
    /// It is being started.
    Tried,
}

impl Stage {
    fn seen(ran: Duration) -> Self {
        let now = Instant::now();
        Self::Seen { ran, since: now, at: now }
    }

    fn is_due(self) -> bool {
        match self {
            Self::Seen { at, .. } | Self::Waits(at) => at <= Instant::now(),
            Self::Tried => false,
        }
    }
}

/// Tells that a try is over, whatever became of its thread.
struct Tells(Sender<InstanceId>, InstanceId);

impl Drop for Tells {
    fn drop(&mut self) {
        drop(self.0.send(self.1.clone()));
    }
}

impl Default for Ward {
    fn default() -> Self {
        Self { began: Instant::now(), before: None, ended: HashMap::new(), results: channel() }
    }
}

impl Ward {
    /// Sees what has changed, and starts what is due.
    pub fn look(&mut self, own: &Local) {
        let now = own.newest();
        if self.before.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &now)) {
            let before = self.before.replace(Arc::clone(&now));
            for (place, row) in now.rows.iter().enumerate() {
                let is_same = before.as_ref().and_then(|before| before.rows.get(place)).is_some_and(|then| Arc::ptr_eq(then, row));
                if !is_same && is_down_without_a_keeper(row) && !self.ended.contains_key(&row.id) {
                    self.has_ended(own, row);
                }
            }
        }
        while let Ok(id) = self.results.1.try_recv() {
            // It runs, or has a keeper that goes on; or it could not even be tried, which counts as one more end.
            if let Some(one) = self.ended.get_mut(&id).filter(|one| matches!(one.stage, Stage::Tried)) {
                one.stage = Stage::seen(Duration::ZERO);
            }
        }
        let due: Vec<InstanceId> = self.ended.iter().filter(|(_, one)| one.stage.is_due()).map(|(id, _)| id.clone()).collect();
        for id in due {
            let Some(mut one) = self.ended.remove(&id) else { continue };
            if let Some(stage) = self.go_on(own, &id, &mut one) {
                one.stage = stage;
                self.ended.insert(id, one);
            }
        }
    }

    fn has_ended(&mut self, own: &Local, row: &Row) {
        let Some(declared) = row.declared.as_ref() else { return };
        let Some(launch) = declared.launch.as_ref().filter(|_| own.control.end_of_adopted(declared) != AdoptedEnd::Not) else { return };
        let ran = row.started_at.map(|at| Timestamp::now().duration_since(at).max(SignedDuration::ZERO).unsigned_abs());
        let stage = Stage::seen(ran.unwrap_or_default());
        self.ended.insert(row.id.clone(), Ended { declared: Arc::clone(declared), policy: Policy::new(launch.restart), stage });
    }

    /// What comes next; `None` where it needs nobody any more.
    fn go_on(&self, own: &Local, id: &InstanceId, one: &mut Ended) -> Option<Stage> {
        match one.stage {
            Stage::Tried => Some(Stage::Tried),
            _ if own.control.adopt_again(&own.caller, id) => None,
            Stage::Seen { ran, since, .. } => self.put_down(own, one, ran, since),
            Stage::Waits(_) => match own.control.end_of_adopted(&one.declared) {
                AdoptedEnd::Not => None,
                AdoptedEnd::Unasked => Some(self.start(own, id)),
                // Whoever ended it was slower than the daemon's first look.
                AdoptedEnd::Asked | AdoptedEnd::Replaced => Some(Stage::seen(Duration::ZERO)),
            },
        }
    }

    /// Has its end be put down, and what the policy says.
    fn put_down(&self, own: &Local, one: &mut Ended, ran: Duration, since: Instant) -> Option<Stage> {
        let Ended { declared, policy, .. } = one;
        let mut next = None;
        let mut decide = || {
            let (again, stage) = self.decided(policy, ran);
            next = stage;
            again
        };
        match own.control.see_end_of_adopted(&own.caller, declared, since.elapsed() >= REPLACED, &mut decide) {
            AdoptedEnded::Not => None,
            AdoptedEnded::Unasked => next,
            AdoptedEnded::Later => Some(Stage::Seen { ran, since, at: Instant::now() + SOON }),
        }
    }

    /// What the policy says: to be put down, and to be done.
    fn decided(&self, policy: &mut Policy, ran: Duration) -> (Option<Again>, Option<Stage>) {
        match policy.ended(ExitStatus::Unknown, self.began.elapsed(), ran) {
            Next::Rest => (None, None),
            Next::GiveUp => (Some(Again::Never { ends: ENDS, within: WITHIN }), None),
            Next::Again(wait) => {
                let later = Timestamp::now().checked_add(SignedDuration::try_from(wait).unwrap_or_default());
                let at = later.unwrap_or_else(|_| Timestamp::now());
                (Some(Again::At { at, tries: policy.tries() }), Some(Stage::Waits(Instant::now() + wait)))
            }
        }
    }

    fn start(&self, own: &Local, id: &InstanceId) -> Stage {
        let order = Order { verb: Verb::Start, id: id.clone(), target: Target::Whatever, reason: Some(REASON.to_owned()), timeout: None };
        let tells = Tells(self.results.0.clone(), id.clone());
        match own.begin(order, Some(Unasked::Ended), move |_| drop(tells)) {
            Begun::Yes => Stage::Tried,
            Begun::No => Stage::Waits(Instant::now() + NO_ROOM),
        }
    }
}

fn is_down_without_a_keeper(row: &Row) -> bool {
    row.supervisor == SupervisorKind::Process && row.keeper.is_none() && matches!(row.state, State::Crashed | State::Stopped)
}
