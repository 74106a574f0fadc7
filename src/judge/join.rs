//! Joins what is declared with what runs: each instance's tree of processes, its listeners and its server's own process.
//!
//! It must never take a process for an instance's because of a name: a supervisor's claim, or the uid together with the port or
//! the configuration, decides (DESIGN invariant 1).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::Input;
use super::adopt::{self, Owners};
use super::census::{Census, is_shell};
use crate::domain::{Allotment, Claim, Declared, Endpoint, Holder, InstanceId, Listener, ProcessKey, Reading, Uid, Underway};

/// An instance with what was found of it.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    /// What it is declared as.
    pub declared: &'a Arc<Declared>,
    /// What its supervisor claims.
    pub claim: Option<&'a Claim>,
    /// What the registry gave it.
    pub assigned: Option<&'a Allotment>,
    /// The port that it is meant to have: the assigned one, else the configured one.
    pub port: Option<u16>,
    /// Where it is meant to listen. An address that is not known could be any.
    pub endpoint: Option<Endpoint>,
    /// Where its configuration has it listen, if that is not its assigned port.
    pub astray: Option<Endpoint>,
    /// Where on the host its ports are published, whether it runs or not.
    pub published: &'a [Endpoint],
    /// Its keeper, alive.
    pub keeper: Option<ProcessKey>,
    /// The claimed main process, alive.
    pub claimed_main: Option<ProcessKey>,
    /// Processes beside it that are claimed, too, alive.
    pub workers: Vec<ProcessKey>,
    /// The process that holds sockets for it, and may for others.
    pub publisher: Option<ProcessKey>,
    /// Its processes, roots first; the keeper is not among them.
    pub tree: Vec<ProcessKey>,
    /// Its listeners: indices into [`Joined::listeners`].
    pub listening: Vec<usize>,
    /// The server's own process.
    pub main: Reading<ProcessKey>,
    /// Something listens that is this instance's or another one's of the same uid; which is not to be seen.
    pub ambiguous: bool,
    /// A process of it lives in another network namespace: its port is one there, and where it listens is not to be seen from here.
    pub elsewhere: bool,
    /// What is being done to it, or was just done: the newest.
    pub underway: Option<&'a Underway>,
}

/// Whose a listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This instance's.
    Instance(usize),
    /// One of several instances' of the socket's uid, which one is not to be seen.
    OneOfSeveral,
    /// No instance's.
    Nobody,
}

/// The result.
#[derive(Debug)]
pub(super) struct Joined<'a> {
    /// The instances, in the roster's order.
    pub subjects: Vec<Subject<'a>>,
    /// Every listener of the host; empty when the kernel told none.
    pub listeners: &'a [Listener],
    /// Whose each of them is, by the same index.
    pub whose: Vec<Whose>,
    /// The listeners on each port.
    pub heard_on: HashMap<u16, Vec<usize>>,
    /// The instances that are assigned or configured to each port.
    pub configured_on: HashMap<u16, Vec<usize>>,
}

impl<'a> Subject<'a> {
    /// Whether a supervisor vouches for a living process of it; then nothing is adopted.
    pub(super) fn is_claimed(&self) -> bool {
        self.keeper.is_some() || self.claimed_main.is_some()
    }

    /// Whether anything of it runs.
    pub(super) fn runs(&self) -> bool {
        !self.tree.is_empty() || self.claimed_main.is_some() || !self.listening.is_empty()
    }

    /// Where it wants to listen with this port: as it is meant to, or as its configuration says.
    pub(super) fn at(&self, port: u16) -> Option<Endpoint> {
        let published = self.published.iter().copied();
        [self.endpoint, self.astray].into_iter().flatten().chain(published).find(|endpoint| endpoint.port == port)
    }

    /// Whether a port of the host is to lead to it.
    pub(super) fn publishes(&self, port: u16) -> bool {
        self.published.iter().any(|endpoint| endpoint.port == port)
    }

    /// Whether a listener holds for it what is published: its keeper, its engine or a child of that. In an engine of a user's whatever is
    /// his may, for his engine's helpers are nobody's children.
    fn is_published_by(&self, listener: &Listener, holders: &[Holder]) -> bool {
        let is_there = |endpoint: &Endpoint| (endpoint.address, endpoint.port) == (listener.endpoint.address, listener.endpoint.port);
        if self.claimed_main.is_none() || listener.uid != self.declared.uid || !self.published.iter().any(is_there) {
            return false;
        }
        let engine = self.claim.and_then(|claim| claim.engine);
        let is_engines = |holder: &Holder| {
            Some(holder.key) == self.keeper || engine.is_some_and(|engine| holder.key == engine || holder.parent == engine.pid)
        };
        !self.declared.uid.is_root() || holders.iter().any(is_engines)
    }

    /// Whether it was asked to run; `None` where this caller may not know. What others were asked of is recorded where only they and root
    /// may look, and where what runs of the caller's own was not started by him, root may have been asked.
    pub(super) fn wished_up(&self, viewer: Uid) -> Option<bool> {
        let Some(claim) = self.claim else { return Some(false) };
        let is_recorded = claim.service.is_some()
            || claim.wished_up == Some(true)
            || claim.started_at.is_some()
            || claim.stop_asked_at.is_some()
            || claim.exit.is_some();
        let may_know = viewer.is_root() || (viewer == self.declared.uid && !self.runs());
        if is_recorded || may_know { claim.wished_up } else { None }
    }

    /// Whether a listener whose holder is hidden may be its own although no configuration that was read says so: its own was not.
    fn may_be_anywhere(&self, listener: &Listener) -> bool {
        self.declared.port.is_none() && self.declared.is_unread() && self.declared.uid == listener.uid
    }

    /// Takes a process and its descendants into the tree, short of what another instance has or `fenced` keeps out.
    pub(super) fn take(
        &mut self,
        census: &Census<'_>,
        root: ProcessKey,
        index: usize,
        owners: &mut Owners,
        fenced: impl Fn(ProcessKey) -> bool,
    ) {
        let from = self.tree.len();
        if census.get(root).is_some() && !owners.contains_key(&root) {
            owners.insert(root, index);
            self.tree.push(root);
        }
        self.descend(census, from, index, owners, &fenced);
    }

    /// Takes the descendants of the tree's members from `from` on, breadth first.
    fn descend(&mut self, census: &Census<'_>, from: usize, index: usize, owners: &mut Owners, fenced: &impl Fn(ProcessKey) -> bool) {
        let mut next = from;
        while let Some(parent) = self.tree.get(next).copied() {
            for child in census.children(parent) {
                if !fenced(child) && !owners.contains_key(&child) {
                    owners.insert(child, index);
                    self.tree.push(child);
                }
            }
            next += 1;
        }
    }
}

/// Joins them.
pub(super) fn join<'a>(input: &Input<'a>, census: &Census<'_>) -> Joined<'a> {
    let mut subjects = subjects(input, census);
    let mut configured_on: HashMap<u16, Vec<usize>> = HashMap::new();
    for (index, subject) in subjects.iter().enumerate() {
        for endpoint in [subject.endpoint, subject.astray].into_iter().flatten().chain(subject.published.iter().copied()) {
            let on_port = configured_on.entry(endpoint.port).or_default();
            if on_port.last() != Some(&index) {
                on_port.push(index);
            }
        }
    }
    let listeners: &'a [Listener] = input.sample.listeners.as_ref().known().map_or(&[], |listeners| listeners);

    let mut owners = Owners::new();
    by_claim(census, &mut subjects, &mut owners);
    adopt::by_command(census, &mut subjects, &mut owners);
    adopt::by_listener(census, &mut subjects, &configured_on, listeners, &mut owners);

    let mut heard_on: HashMap<u16, Vec<usize>> = HashMap::with_capacity(listeners.len());
    let mut whose = Vec::with_capacity(listeners.len());
    for (heard, listener) in listeners.iter().enumerate() {
        heard_on.entry(listener.endpoint.port).or_default().push(heard);
        let owner = whose_is(listener, &subjects, &configured_on, &owners);
        match owner {
            Whose::Instance(index) => subjects[index].listening.push(heard),
            Whose::OneOfSeveral => {
                let several: Vec<usize> = overlapping(&subjects, &configured_on, listener).collect();
                for index in several {
                    subjects[index].ambiguous |= subjects[index].declared.uid == listener.uid;
                }
                for subject in subjects.iter_mut().filter(|subject| subject.may_be_anywhere(listener)) {
                    subject.ambiguous = true;
                }
            }
            Whose::Nobody => {}
        }
        whose.push(owner);
    }
    for process in input.sample.processes.values().filter(|process| process.elsewhere) {
        if let Some(index) = owners.get(&process.key) {
            subjects[*index].elsewhere = true;
        }
    }
    for subject in &mut subjects {
        let port = subject.port;
        subject.listening.sort_by_key(|heard| (Some(listeners[*heard].endpoint.port) != port, listeners[*heard].endpoint));
        subject.main = main(subject, listeners, census);
    }
    Joined { subjects, listeners, whose, heard_on, configured_on }
}

/// The instances that are assigned or configured to a listener's port on an overlapping address.
pub(super) fn overlapping<'s>(
    subjects: &'s [Subject<'_>],
    configured_on: &'s HashMap<u16, Vec<usize>>,
    listener: &Listener,
) -> impl Iterator<Item = usize> + use<'s> {
    let endpoint = listener.endpoint;
    let configured = configured_on.get(&endpoint.port).map_or(&[][..], Vec::as_slice);
    configured.iter().copied().filter(move |index| subjects[*index].at(endpoint.port).is_some_and(|own| own.overlaps(&endpoint)))
}

fn subjects<'a>(input: &Input<'a>, census: &Census<'_>) -> Vec<Subject<'a>> {
    let claims: HashMap<_, &Claim> = input.claims.iter().map(|claim| (&claim.id, claim)).collect();
    let mut underway: HashMap<_, &Underway> = HashMap::new();
    for order in input.underway {
        let newest = underway.entry(&order.id).or_insert(order);
        // Of two on their way the one that has not ended tells what is happening now.
        if (order.ended.is_none(), order.since) >= (newest.ended.is_none(), newest.since) {
            *newest = order;
        }
    }
    let allotments = input.allotments.as_ref().known();
    let subject = |declared: &'a Arc<Declared>| {
        let claim = claims.get(&declared.id).copied();
        let keeper = claim.and_then(|claim| claim.keeper).filter(|key| census.is_alive(*key));
        // Without its keeper's word a process that runs under another uid is not the one that was claimed.
        let is_right = |key: &ProcessKey| census.get(*key).is_none_or(|person| keeper.is_some() || person.uid == declared.uid);
        let claimed_main = claim.and_then(|claim| claim.main).filter(|key| census.is_alive(*key) && is_right(key));
        let others = claim.map_or(&[][..], |claim| &claim.others);
        let workers = others.iter().copied().filter(|key| census.is_alive(*key) && is_right(key)).collect();
        let given = allotments.and_then(|all| all.port_of(&declared.id));
        let port = given.or(declared.port);
        let place = |port: u16| Endpoint::new(declared.host.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), port);
        Subject {
            declared,
            claim,
            published: claim.map_or(&[], |claim| &*claim.published),
            assigned: given.and_then(|port| allotments?.of(port)),
            port,
            endpoint: port.map(place),
            astray: declared.port.filter(|own| Some(*own) != port).map(place),
            keeper,
            claimed_main,
            workers,
            publisher: claim.and_then(|claim| claim.publisher),
            tree: Vec::new(),
            listening: Vec::new(),
            main: Reading::Gone,
            ambiguous: false,
            elsewhere: false,
            underway: underway.get(&declared.id).copied(),
        }
    };
    input.roster.instances.iter().map(subject).collect()
}

/// The trees of the instances whose keeper or main process is alive. A keeper is in nobody's tree, and one instance's tree ends
/// where another's begins.
fn by_claim(census: &Census<'_>, subjects: &mut [Subject<'_>], owners: &mut Owners) {
    let mut fences: HashMap<ProcessKey, usize> = HashMap::new();
    for (index, subject) in subjects.iter().enumerate() {
        fences.extend(subject.claimed_main.iter().chain(&subject.workers).map(|key| (*key, index)));
        fences.extend(subject.keeper.map(|key| (key, usize::MAX)));
    }
    for (index, subject) in subjects.iter_mut().enumerate() {
        let fenced = |key: ProcessKey| fences.get(&key).is_some_and(|other| *other != index);
        for root in subject.claimed_main.into_iter().chain(subject.workers.clone()) {
            subject.take(census, root, index, owners, fenced);
        }
        // Whoever cleans up behind a container is no part of it.
        let is_left = subject.declared.supervisor.is_container() && subject.claimed_main.is_none();
        if let Some(keeper) = subject.keeper.filter(|_| !is_left) {
            for child in census.children(keeper).filter(|child| !fenced(*child)).collect::<Vec<_>>() {
                subject.take(census, child, index, owners, fenced);
            }
        }
    }
}

/// Whose a listener is: its holder's instance if the socket's uid is right too; by uid and port alone where holders are hidden.
fn whose_is(listener: &Listener, subjects: &[Subject<'_>], configured_on: &HashMap<u16, Vec<usize>>, owners: &Owners) -> Whose {
    if let Reading::Known(holders) = &listener.holders {
        let owner = holders.iter().find_map(|holder| owners.get(&holder.key));
        return match owner {
            // What an engine vouches for may be any account's inside.
            Some(index) if subjects[*index].declared.supervisor.is_container() => Whose::Instance(*index),
            Some(index) if subjects[*index].declared.uid == listener.uid => Whose::Instance(*index),
            Some(_) => Whose::Nobody,
            None => {
                let mut configured = configured_on.get(&listener.endpoint.port).into_iter().flatten().copied();
                let by_engine = configured.find(|index| subjects[*index].is_published_by(listener, holders));
                by_engine.map_or_else(|| published(listener, holders, subjects), Whose::Instance)
            }
        };
    }
    let may_be = |subject: &Subject<'_>| {
        subject.declared.uid == listener.uid && (subject.claimed_main.is_some() || !subject.declared.supervisor.is_container())
    };
    let fitting: Vec<usize> = overlapping(subjects, configured_on, listener).filter(|index| may_be(&subjects[*index])).collect();
    let running: Vec<usize> = fitting.iter().copied().filter(|index| !subjects[*index].tree.is_empty()).collect();
    if let Some(index) = listener
        .group
        .as_ref()
        .and_then(|group| by_group(group.as_str(), subjects))
        .filter(|index| subjects[*index].declared.uid == listener.uid)
    {
        return Whose::Instance(index);
    }
    match (fitting.as_slice(), running.as_slice()) {
        ([], _) if subjects.iter().any(|subject| subject.may_be_anywhere(listener)) => Whose::OneOfSeveral,
        ([], _) => Whose::Nobody,
        ([one], _) | (_, [one]) => Whose::Instance(*one),
        _ => Whose::OneOfSeveral,
    }
}

/// Whose a listener is that is held for several by a process of none: the instance's that is meant to have its port, else the only one's
/// that says none. What is left may be for others that are no instances.
fn published(listener: &Listener, holders: &[Holder], subjects: &[Subject<'_>]) -> Whose {
    let is_held = |subject: &Subject<'_>| {
        let publisher = subject.publisher.is_some_and(|publisher| holders.iter().any(|holder| holder.key == publisher));
        publisher && subject.declared.uid == listener.uid && !subject.tree.is_empty()
    };
    let held = || subjects.iter().enumerate().filter(|(_, subject)| is_held(subject));
    let port = listener.endpoint.port;
    let says = |subject: &Subject<'_>| [subject.endpoint, subject.astray].into_iter().flatten().any(|endpoint| endpoint.port == port);
    let of = |fits: &dyn Fn(&Subject<'_>) -> bool| -> Vec<usize> {
        held().filter(|(_, subject)| fits(subject)).map(|(index, _)| index).collect()
    };
    let silent = |subject: &Subject<'_>| subject.endpoint.is_none();
    match (of(&says).as_slice(), of(&silent).as_slice()) {
        ([one], _) | ([], [one]) => Whose::Instance(*one),
        ([], []) if held().next().is_none() => Whose::Nobody,
        _ => Whose::OneOfSeveral,
    }
}

/// The instance that a control group was made for: `/berth/OWNER+NAME.PID-START`, by the keeper whom those two name. Only root makes such a
/// group at the top; who makes one of that name below his own group shows the own listener beside the own instance.
fn by_group(group: &str, subjects: &[Subject<'_>]) -> Option<usize> {
    let (folder, name) = group.rsplit_once('/')?;
    let (stem, keeper) = name.rsplit_once('.')?;
    let (owner, instance) = stem.split_once('+')?;
    let is_keeper = keeper.split_once('-').is_some_and(|(pid, start)| pid.parse::<u32>().is_ok() && start.parse::<u64>().is_ok());
    let id = InstanceId::new(owner, instance).ok().filter(|_| is_keeper && folder.ends_with("/berth"))?;
    subjects.binary_search_by(|subject| subject.declared.id.cmp(&id)).ok()
}

/// The server's own process: who holds the listener on its port, else the claimed one, else who listens at all, else the first
/// that is not a mere shell. Of several holders the one that the others were forked from.
fn main(subject: &Subject<'_>, listeners: &[Listener], census: &Census<'_>) -> Reading<ProcessKey> {
    let holder_of = |heard: &usize| {
        let Reading::Known(holders) = &listeners[*heard].holders else { return None };
        let own = holders.iter().filter(|holder| subject.tree.contains(&holder.key));
        own.min_by_key(|holder| (holders.iter().any(|other| other.key.pid == holder.parent), holder.key.start_time, holder.key.pid))
            .map(|holder| holder.key)
    };
    let is_on_port = |heard: &&usize| Some(listeners[**heard].endpoint.port) == subject.port;
    let found = subject
        .listening
        .iter()
        .filter(is_on_port)
        .find_map(holder_of)
        .or(subject.claimed_main)
        .or_else(|| subject.listening.iter().find_map(holder_of))
        .or_else(|| subject.tree.iter().copied().find(|key| census.get(*key).is_some_and(|person| !is_shell(person.name))))
        .or_else(|| subject.tree.first().copied());
    match (found, subject.listening.first()) {
        (Some(key), _) => Reading::Known(key),
        (None, Some(heard)) => match &listeners[*heard].holders {
            Reading::Known(_) | Reading::Gone => Reading::Gone,
            Reading::Denied => Reading::Denied,
            Reading::Unasked => Reading::Unasked,
        },
        (None, None) if subject.ambiguous => Reading::Denied,
        (None, None) => Reading::Gone,
    }
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
