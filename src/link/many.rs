//! The door to the daemons of several hosts: one picture of all, and each thing asked of the host that it is about.
//!
//! It must never have one host's instance stand for another's of the same name, nor let a host that is silent hold up the others.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::config::Strategy;
use crate::domain::{
    Caller, Diagnosis, HostPart, InstanceId, Order, Outcome, Proposal, Shown, Snapshot, Stage, Task, Trail, Underway, Verb,
};
use crate::error::{Error, Kind, Result};
use crate::logs::Reel;
use crate::sample;

use super::remote::Remote;
use super::{Door, Tail};

mod join;
mod reach;

pub use join::joined;
pub use reach::reach;

/// The door.
pub struct Many {
    hosts: Vec<Arc<Remote>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// One joins at a time, so that no older picture comes after a newer one.
    number: Mutex<u64>,
}

impl Many {
    /// Of these hosts, in this order; there is at least one.
    pub fn of(hosts: Vec<Arc<Remote>>) -> Arc<Self> {
        let parts: Vec<HostPart> = hosts.iter().map(|host| host.part()).collect();
        let range = parts.first().map_or(crate::domain::PortRange { first: 1, last: 1 }, |part| part.picture.range);
        let nothing = Snapshot::nothing_yet(range, sample::now());
        let many = Arc::new(Self { hosts, snapshots: watch::channel(Arc::new(nothing)).0, number: Mutex::default() });
        for host in &many.hosts {
            let own = Arc::downgrade(&many);
            host.tell(move || {
                if let Some(many) = own.upgrade() {
                    many.join();
                }
            });
        }
        many
    }

    fn join(&self) {
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        let parts: Vec<HostPart> = self.hosts.iter().map(|host| host.part()).collect();
        // Before anybody told anything there is nothing to show.
        if parts.iter().all(|part| part.picture.sequence == 0) {
            return;
        }
        *number += 1;
        self.snapshots.send_replace(Arc::new(joined(parts, *number)));
    }

    /// The host that an instance is on; of one alone nothing else can be meant.
    fn host(&self, id: &InstanceId) -> Result<&Arc<Remote>> {
        let found = match (id.host(), self.hosts.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(name), hosts) => hosts.iter().find(|host| host.part().name == *name),
        };
        found.ok_or_else(|| Error::new(Kind::NoSuchInstance, format!("{id}: it is not said on which host")))
    }

    /// The host that is asked about something that is no instance's.
    fn only(&self, what: &str) -> Result<&Arc<Remote>> {
        match self.hosts.as_slice() {
            [only] => Ok(only),
            _ => {
                Err(Error::new(Kind::Usage, format!("{what} one host alone, and these are several")).hint("berth --host NAME    shows one"))
            }
        }
    }

    fn of_task(&self, task: &Task) -> Result<&Arc<Remote>> {
        match task {
            Task::Add(newcomer) => self.host(&newcomer.id),
            Task::Remove { id, .. } | Task::Adopt(id) => self.host(id),
            Task::Reserve(_) | Task::Unreserve(_) => self.only("a port is reserved on"),
        }
    }
}

/// That it could not be asked of anybody.
fn failed(error: &Error) -> Outcome {
    let hints = error.way_out().map(Shown::new).into_iter().collect();
    Outcome { exit_code: error.exit_code(), sentence: Shown::new(&error.chain()), hints, log_lines: Vec::new() }
}

impl Door for Many {
    /// As whom the first host that answers sees the caller. Each decides for itself, also whether it is only looked there: for all of them that
    /// holds only where this session says so.
    fn caller(&self) -> Caller {
        let parts = self.hosts.iter().map(|host| host.part());
        let caller = parts.clone().find(HostPart::is_reached).or_else(|| parts.clone().next()).map(|part| part.caller);
        let read_only = self.hosts.iter().all(|host| host.is_read_only());
        Caller { read_only, ..caller.unwrap_or_else(super::remote::nobody) }
    }

    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        for host in &self.hosts {
            drop(host.watch());
        }
        self.snapshots.subscribe()
    }

    fn why_not(&self, verb: Verb, id: &InstanceId) -> Option<Shown> {
        match self.host(id) {
            Ok(host) => host.why_not(verb, id),
            Err(error) => Some(Shown::new(&error.to_string())),
        }
    }

    fn submit(&self, order: Order) {
        match self.host(&order.id) {
            Ok(host) => host.submit(order),
            Err(error) => {
                let now = sample::now().boot;
                let stage = Stage::Ended(failed(&error));
                let one =
                    Underway { verb: order.verb, id: order.id, by: Some(self.caller().person()), since: now, stage, ended: Some(now) };
                self.snapshots.send_modify(|picture| Arc::make_mut(picture).underway.push(one));
            }
        }
    }

    fn carry_out(&self, order: Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        self.host(&order.id).map_or_else(|error| failed(&error), |host| host.carry_out(order.clone(), progress))
    }

    fn foresee(&self, order: &Order) -> (Order, Outcome) {
        self.host(&order.id).map_or_else(|error| (order.clone(), failed(&error)), |host| host.foresee(order))
    }

    fn propose(&self, strategy: Strategy) -> Result<Proposal> {
        self.only("a plan is made of")?.propose(strategy)
    }

    fn foresee_task(&self, task: &Task) -> Outcome {
        self.of_task(task).map_or_else(|error| failed(&error), |host| host.foresee_task(task))
    }

    fn carry_out_task(&self, task: &Task, reason: Option<String>, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        self.of_task(task).map_or_else(|error| failed(&error), |host| host.carry_out_task(task, reason, progress))
    }

    fn clients(&self, id: &InstanceId) -> Result<u64> {
        self.host(id)?.clients(id)
    }

    fn diagnose(&self, id: &InstanceId) -> Result<Diagnosis> {
        self.host(id)?.diagnose(id)
    }

    /// Of all hosts that answer, by time; of those that do not it is said that it is missing.
    fn trail(&self, count: usize) -> Result<Trail> {
        // Each is asked beside the others: the slowest is waited for, and not the sum.
        let parts = self.hosts.iter().enumerate().map(|(place, host)| (place, host, host.part()));
        let reached: Vec<(usize, &Arc<Remote>, HostPart)> = parts.filter(|(.., part)| part.is_reached()).collect();
        let told: Vec<(usize, HostPart, Result<Trail>)> = std::thread::scope(|scope| {
            let asked: Vec<_> = reached
                .into_iter()
                .map(|(place, host, part)| {
                    let asking = scope.spawn(move || {
                        crate::failpoint::pass("berth-trail");
                        host.trail(count)
                    });
                    (place, part, asking)
                })
                .collect();
            let broken = || Err(Error::failed("it was broken off"));
            asked.into_iter().map(|(place, part, asking)| (place, part, asking.join().unwrap_or_else(|_| broken()))).collect()
        });
        Ok(join::trails(told, self.hosts.len(), count))
    }

    fn tail(&self, id: &InstanceId) -> Result<Arc<dyn Tail>> {
        self.host(id)?.tail(id)
    }

    fn copies(&self) -> Option<PathBuf> {
        self.hosts.first().and_then(|host| host.copies())
    }

    fn reel(&self, ids: &[InstanceId]) -> Result<Reel> {
        Reel::open(ids.iter().map(|id| self.host(id)?.log(id)).collect::<Result<_>>()?)
    }
}
