//! What was adopted has no keeper: the daemon starts it again when it ends unasked, by the keepers' policy; from then on it has one.
//!
//! It must never look at what did not change, nor start what somebody had stopped meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Local;
use crate::domain::{Again, Declared, ExitStatus, InstanceId, Order, Row, Snapshot, State, SupervisorKind, Target, Verb};
use crate::supervisor::process::keeper::{ENDS, Next, Policy, WITHIN};

/// Why, in the trail.
const REASON: &str = "it ended unasked";

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
    /// When it is started; `None` while it is.
    due: Option<Instant>,
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
            self.was_tried(own, &id);
        }
        let due: Vec<InstanceId> =
            self.ended.iter().filter(|(_, one)| one.due.is_some_and(|at| at <= Instant::now())).map(|(id, _)| id.clone()).collect();
        due.into_iter().for_each(|id| self.start(own, id));
    }

    fn has_ended(&mut self, own: &Local, row: &Row) {
        let Some(declared) = row.declared.as_ref() else { return };
        let Some(launch) = declared.launch.as_ref().filter(|_| own.supervisor.has_adopted_ended(declared)) else { return };
        let mut one = Ended { declared: Arc::clone(declared), policy: Policy::new(launch.restart), due: None };
        let ran = row.started_at.map(|at| Timestamp::now().duration_since(at).max(SignedDuration::ZERO).unsigned_abs());
        if self.goes_on(own, &mut one, ran.unwrap_or_default()) {
            self.ended.insert(row.id.clone(), one);
        }
    }

    /// What the policy says; whether it is tried again.
    fn goes_on(&self, own: &Local, one: &mut Ended, ran: Duration) -> bool {
        match one.policy.ended(ExitStatus::Unknown, self.began.elapsed(), ran) {
            Next::Rest => false,
            Next::GiveUp => {
                own.supervisor.note_of_adopted(&one.declared, Again::Never { ends: ENDS, within: WITHIN });
                false
            }
            Next::Again(wait) => {
                let at =
                    Timestamp::now().checked_add(SignedDuration::try_from(wait).unwrap_or_default()).unwrap_or_else(|_| Timestamp::now());
                own.supervisor.note_of_adopted(&one.declared, Again::At { at, tries: one.policy.tries() });
                one.due = Some(Instant::now() + wait);
                true
            }
        }
    }

    fn start(&mut self, own: &Local, id: InstanceId) {
        let is_wanted = self.ended.get(&id).is_some_and(|one| own.supervisor.has_adopted_ended(&one.declared));
        if !is_wanted || own.control.adopt_again(&own.caller, &id) {
            self.ended.remove(&id);
            return;
        }
        if let Some(one) = self.ended.get_mut(&id) {
            one.due = None;
        }
        let order = Order { verb: Verb::Start, id: id.clone(), target: Target::Whatever, reason: Some(REASON.to_owned()), timeout: None };
        let tell = self.results.0.clone();
        own.begin(order, move |_| drop(tell.send(id)));
    }

    /// It runs, or has a keeper that goes on; or it could not even be tried.
    fn was_tried(&mut self, own: &Local, id: &InstanceId) {
        let Some(mut one) = self.ended.remove(id) else { return };
        let is_left = own.supervisor.has_adopted_ended(&one.declared) && !own.control.adopt_again(&own.caller, id);
        if is_left && self.goes_on(own, &mut one, Duration::ZERO) {
            self.ended.insert(id.clone(), one);
        }
    }
}

fn is_down_without_a_keeper(row: &Row) -> bool {
    row.supervisor == SupervisorKind::Process && row.keeper.is_none() && matches!(row.state, State::Crashed | State::Stopped)
}
