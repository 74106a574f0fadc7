//! The facts of `berth ports`: every port, what holds it and whose it is.
//!
//! It must never call a port free because its listeners may not be seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::free_ports::Occupied;
use crate::domain::{
    Allotment, Allotments, Endpoint, InstanceId, Level, Listener, PortRange, Quarantine, Reading, Reservation, Row, Shown, Snapshot,
    SupervisorKind, Uid, words,
};

/// What a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortState {
    /// Nobody's and nobody there.
    Free,
    /// An instance's that does not listen.
    Assigned,
    /// An instance listens on it.
    Listening,
    /// Two want it, or the wrong one has it.
    Conflict,
    /// Somebody listens who is no instance.
    Stranger,
    /// Never to be assigned.
    Reserved,
    /// Some instance's until lately, and given to nobody else for a time.
    Quarantine,
    /// Who listens may not be seen.
    Unknown,
}

impl PortState {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Assigned => "assigned",
            Self::Listening => "listening",
            Self::Conflict => "conflict",
            Self::Stranger => "stranger",
            Self::Reserved => "reserved",
            Self::Quarantine => "quarantine",
            Self::Unknown => "unknown",
        }
    }

    /// The word in JSON. The words there are a contract: a port in quarantine is one that is given to nobody; what it is stands beside.
    pub fn json_word(self) -> &'static str {
        if self == Self::Quarantine { Self::Reserved.word() } else { self.word() }
    }
}

/// One port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortFacts {
    /// Which.
    pub port: u16,
    /// What it is.
    pub state: PortState,
    /// The instance that it is assigned to, or whose processes listen on it; of several the one that listens.
    pub instance: Option<InstanceId>,
    /// The first listener's process.
    pub pid: Option<i32>,
    /// The first listener's uid.
    pub uid: Option<Uid>,
    /// The first listener's command, as far as it may be seen.
    pub command: Option<Shown>,
    /// What listens on it, with the process.
    pub listeners: Vec<(Endpoint, Option<i32>)>,
    /// When the registry gave it to whom it is assigned, and by whom; `None` when only a configuration says it.
    pub assigned: Option<(Timestamp, Shown)>,
    /// Whose it was until lately, as long as it is kept for that.
    pub quarantine: Option<Quarantine>,
    /// Who reserved it, in the registry.
    pub reservation: Option<Reservation>,
}

impl PortFacts {
    /// What the registry says of it: "given 20 Nov 12:00 by root"; `None` when it says nothing.
    pub fn registry_in_words(&self, now: Timestamp, zone: &TimeZone) -> Option<String> {
        let given = self.assigned.as_ref().map(|(at, by)| given_in_words(*at, by, now, zone));
        let kept = || self.quarantine.as_ref().map(|kept| kept_in_words(kept, now, zone));
        given.or_else(kept).or_else(|| self.reservation.as_ref().map(|one| reserved_in_words(one, now, zone)))
    }
}

/// "given 02:00:00 by root".
pub(super) fn given_in_words(at: Timestamp, by: &Shown, now: Timestamp, zone: &TimeZone) -> String {
    format!("given {} by {by}", words::clock(at, now, zone))
}

/// "reserved 12:00:00 by root".
pub(super) fn reserved_in_words(reservation: &Reservation, now: Timestamp, zone: &TimeZone) -> String {
    format!("reserved {} by {}", words::clock(reservation.at, now, zone), reservation.by)
}

/// "bob's until lately; given to nobody else until 12:00:00 (8 h left)".
pub(super) fn kept_in_words(kept: &Quarantine, now: Timestamp, zone: &TimeZone) -> String {
    let left = Duration::try_from(kept.until.duration_since(now)).map(words::span).unwrap_or_default();
    let (whose, until) = (words::possessive(&kept.of.to_string()), words::clock(kept.until, now, zone));
    format!("{whose} until lately; given to nobody else until {until} ({left} left)")
}

/// The facts of every port in `range` (the managed one, or what was asked for).
pub fn ports(snapshot: &Snapshot, range: PortRange, reserved: &[PortRange]) -> Vec<PortFacts> {
    let mut map = PortMap::of(snapshot, range, reserved);
    let facts = |port: u16| match map.taken.remove(&port) {
        Some(facts) => facts,
        None => map.facts(port),
    };
    (range.first..=range.last).map(facts).collect()
}

/// A range with everything that is known of its ports; a port of which there is nothing to say takes no room in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMap {
    /// The ports that it is about.
    pub range: PortRange,
    reserved: Vec<PortRange>,
    /// Whether it is known what listens, and what is assigned.
    known: bool,
    allotments: Option<Arc<Allotments>>,
    now: Timestamp,
    /// What somebody has or wants, inside the range, and an instance's ports outside it.
    taken: BTreeMap<u16, PortFacts>,
    counts: HashMap<PortState, usize>,
    /// Where in the picture the rows are that have a port or listen on it, strangers' among them.
    rows: HashMap<u16, Vec<usize>>,
    occupied: Option<Occupied>,
    /// Whether there is an instance whose port may not be seen.
    hides: bool,
}

impl PortMap {
    /// What a snapshot says.
    pub fn of(snapshot: &Snapshot, range: PortRange, reserved: &[PortRange]) -> Self {
        let mut rows: BTreeMap<u16, Vec<&Row>> = BTreeMap::new();
        let mut places: HashMap<u16, Vec<usize>> = HashMap::with_capacity(snapshot.rows.len());
        for (place, row) in snapshot.rows.iter().enumerate() {
            let mut ports: Vec<u16> = row.port.into_iter().chain(row.listening.iter().map(|(endpoint, _)| endpoint.port)).collect();
            ports.sort_unstable();
            ports.dedup();
            for port in ports {
                places.entry(port).or_default().push(place);
                if row.supervisor != SupervisorKind::None {
                    rows.entry(port).or_default().push(row);
                }
            }
        }
        let mut heard: BTreeMap<u16, Vec<&Listener>> = BTreeMap::new();
        if let Reading::Known(listeners) = &snapshot.listeners {
            let wanted = |port: u16| range.contains(port) || rows.contains_key(&port);
            for listener in listeners.iter().filter(|listener| wanted(listener.endpoint.port)) {
                heard.entry(listener.endpoint.port).or_default().push(listener);
            }
        }
        let conflicts: BTreeSet<u16> =
            snapshot.findings.iter().filter(|finding| finding.code.is_conflict()).filter_map(|finding| finding.port).collect();
        let in_range = conflicts.iter().filter(|port| range.contains(**port));
        let allotments = snapshot.allotments.as_ref().known().map(Arc::clone);
        let given = allotments.iter().flat_map(|all| all.assigned_in(range)).map(|(port, _)| port);
        let all: BTreeSet<u16> = rows.keys().chain(heard.keys()).chain(in_range).copied().chain(given).collect();
        let now = snapshot.taken.wall;
        let strangers: BTreeSet<(u16, Uid)> =
            snapshot.rows.iter().filter(|row| row.id.is_unmanaged()).filter_map(|row| Some((row.port?, row.uid))).collect();
        let facts = |port: u16| {
            let listeners = heard.get(&port).map_or(&[][..], Vec::as_slice);
            let owners = rows.get(&port).map_or(&[][..], Vec::as_slice);
            let all = allotments.as_deref();
            let given = (all.and_then(|all| all.of(port)), all.and_then(|all| all.quarantine(port, now)));
            let mut facts = facts(port, listeners, owners, given, conflicts.contains(&port));
            facts.reservation = all.and_then(|all| all.reservation(port)).cloned();
            // What is in no row may be an instance's, and whose cannot be told.
            if facts.state == PortState::Stranger
                && snapshot.range.contains(port)
                && !listeners.iter().any(|listener| strangers.contains(&(port, listener.uid)))
            {
                facts.state = PortState::Unknown;
            }
            (port, facts)
        };
        let taken = all.into_iter().map(facts).collect();
        let known = matches!(snapshot.listeners, Reading::Known(_)) && snapshot.allotments != Reading::Denied;
        let mut map = Self {
            range,
            reserved: reserved.to_vec(),
            known,
            allotments,
            now,
            taken,
            counts: HashMap::new(),
            rows: places,
            occupied: Occupied::of(snapshot),
            hides: snapshot.rows.iter().any(|row| row.own_port() == Reading::Denied),
        };
        map.counts = map.count();
        map
    }

    /// What is known of a port.
    pub fn facts(&self, port: u16) -> PortFacts {
        self.taken.get(&port).cloned().unwrap_or_else(|| PortFacts {
            port,
            state: self.state(port),
            instance: None,
            pid: None,
            uid: None,
            command: None,
            listeners: Vec::new(),
            assigned: None,
            quarantine: self.quarantine(port).cloned(),
            reservation: self.reservation(port).cloned(),
        })
    }

    /// Whose a port was until lately, as long as it is kept for that.
    pub fn quarantine(&self, port: u16) -> Option<&Quarantine> {
        self.allotments.as_deref().and_then(|all| all.quarantine(port, self.now))
    }

    /// By whom and since when a port is reserved in the registry.
    pub fn reservation(&self, port: u16) -> Option<&Reservation> {
        self.allotments.as_deref().and_then(|all| all.reservation(port))
    }

    /// To whom and when the registry gave a port.
    pub fn allotment(&self, port: u16) -> Option<&Allotment> {
        self.allotments.as_deref().and_then(|all| all.of(port))
    }

    /// Where in the picture that this was made from the rows are that have a port or listen on it, strangers' among them.
    pub fn rows(&self, port: u16) -> &[usize] {
        self.rows.get(&port).map_or(&[], Vec::as_slice)
    }

    /// Whether there is an instance whose port may not be seen.
    pub fn hides_ports(&self) -> bool {
        self.hides
    }

    /// As [`super::free_ports::next_free`], of the picture that this was made from.
    pub fn next_free(&self, after: u16) -> Option<u16> {
        self.occupied.as_ref()?.next_free(after)
    }

    /// What is known of a port that somebody has or wants.
    pub fn taken(&self, port: u16) -> Option<&PortFacts> {
        self.taken.get(&port)
    }

    /// What a port is.
    pub fn state(&self, port: u16) -> PortState {
        match self.taken.get(&port) {
            Some(facts) => facts.state,
            None if self.reserved.iter().any(|range| range.contains(port)) || self.reservation(port).is_some() => PortState::Reserved,
            None if self.quarantine(port).is_some() => PortState::Quarantine,
            None if self.known => PortState::Free,
            None => PortState::Unknown,
        }
    }

    /// The ports outside the range that instances have, the lowest first.
    pub fn outside(&self) -> impl Iterator<Item = &PortFacts> {
        let below = self.taken.range(..self.range.first);
        let above = self.taken.range((Bound::Excluded(self.range.last), Bound::Unbounded));
        below.chain(above).map(|(_, facts)| facts)
    }

    /// How many ports of the range are in each state that occurs.
    pub fn counts(&self) -> &HashMap<PortState, usize> {
        &self.counts
    }

    fn count(&self) -> HashMap<PortState, usize> {
        let mut counts: HashMap<PortState, usize> = HashMap::new();
        for facts in self.taken.range(self.range.first..=self.range.last) {
            *counts.entry(facts.1.state).or_default() += 1;
        }
        let rest = self.range.count() - counts.values().sum::<usize>();
        let reserves = self.allotments.as_deref().is_some_and(|all| all.reserved_in(self.range).next().is_some());
        let reserved = if self.reserved.is_empty() && !reserves {
            0
        } else {
            (self.range.first..=self.range.last).filter(|port| self.state(*port) == PortState::Reserved).count()
        };
        let kept = self.allotments.iter().flat_map(|all| all.quarantined(self.range, self.now));
        let kept = kept.filter(|(port, _)| self.state(*port) == PortState::Quarantine).count();
        counts.insert(PortState::Reserved, reserved);
        counts.insert(PortState::Quarantine, kept);
        counts.insert(if self.known { PortState::Free } else { PortState::Unknown }, rest - reserved - kept);
        counts.retain(|_, count| *count > 0);
        counts
    }
}

/// The facts of a port that somebody has or wants.
fn facts(
    port: u16,
    listeners: &[&Listener],
    owners: &[&Row],
    (given, kept): (Option<&Allotment>, Option<&Quarantine>),
    conflict: bool,
) -> PortFacts {
    let listens = |row: &&&Row| row.listening.iter().any(|(endpoint, _)| endpoint.port == port);
    let owner = owners.iter().find(listens).or_else(|| owners.first());
    let state = if conflict {
        PortState::Conflict
    } else if owners.iter().any(|row| listens(&row)) {
        PortState::Listening
    } else if !owners.is_empty() || given.is_some() && listeners.is_empty() {
        PortState::Assigned
    } else {
        PortState::Stranger
    };
    let mut places: Vec<(Endpoint, Option<i32>)> = listeners.iter().map(|listener| (listener.endpoint, pid(listener))).collect();
    places.sort_unstable();
    let first = listeners.iter().min_by_key(|listener| (listener.endpoint, pid(listener)));
    PortFacts {
        port,
        state,
        instance: owner.map(|row| row.id.clone()).or_else(|| given.map(|allotment| allotment.id.clone())),
        pid: first.and_then(|listener| pid(listener)),
        uid: first.map(|listener| listener.uid),
        command: first.and_then(|listener| command(listener)),
        listeners: places,
        assigned: given.map(|allotment| (allotment.at, allotment.by.clone())),
        quarantine: kept.cloned(),
        reservation: None,
    }
}

/// The process that a listener's holders were forked from.
fn pid(listener: &Listener) -> Option<i32> {
    let holders = listener.holders.as_ref().known()?;
    holders.iter().min_by_key(|holder| (holder.key.start_time, holder.key.pid)).map(|holder| holder.key.pid)
}

fn command(listener: &Listener) -> Option<Shown> {
    let holders = listener.holders.as_ref().known()?;
    holders.iter().min_by_key(|holder| (holder.key.start_time, holder.key.pid)).map(|holder| holder.name.clone())
}

/// How many ports are in each state, for a line above the table.
pub fn count(facts: &[PortFacts], state: PortState) -> usize {
    facts.iter().filter(|facts| facts.state == state).count()
}

/// How bad a port's state is, if it is.
pub fn level(state: PortState) -> Option<Level> {
    match state {
        PortState::Conflict => Some(Level::Error),
        PortState::Stranger | PortState::Unknown => Some(Level::Warning),
        PortState::Free | PortState::Assigned | PortState::Listening | PortState::Reserved | PortState::Quarantine => None,
    }
}

#[cfg(test)]
#[path = "ports_tests.rs"]
mod tests;
