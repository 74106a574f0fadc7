//! The facts of `berth ports`: every port, what holds it and whose it is.
//!
//! It must never call a port free because its listeners may not be seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{Endpoint, InstanceId, Level, Listener, PortRange, Reading, Row, Shown, Snapshot, SupervisorKind, Uid};

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
    /// Who listens may not be seen.
    Unknown,
}

impl PortState {
    /// The word in JSON and in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Assigned => "assigned",
            Self::Listening => "listening",
            Self::Conflict => "conflict",
            Self::Stranger => "stranger",
            Self::Reserved => "reserved",
            Self::Unknown => "unknown",
        }
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
}

/// The facts of every port in `range` (the managed one, or what was asked for).
pub fn ports(snapshot: &Snapshot, range: PortRange, reserved: &[PortRange]) -> Vec<PortFacts> {
    let map = PortMap::of(snapshot, range, reserved);
    (range.first..=range.last).map(|port| map.facts(port)).collect()
}

/// The next port of the range behind `after`, else from its beginning, that is nobody's, on which nobody listens, and that is not
/// reserved. `None` where there is none, and where what listens may not be seen.
pub fn next_free(snapshot: &Snapshot, after: u16) -> Option<u16> {
    let Reading::Known(listeners) = &snapshot.listeners else { return None };
    let range = snapshot.range;
    let heard = listeners.iter().map(|listener| listener.endpoint.port);
    let assigned = snapshot.rows.iter().filter_map(|row| row.port);
    let taken: BTreeSet<u16> = heard.chain(assigned).filter(|port| range.contains(*port)).collect();
    let is_free = |port: &u16| !taken.contains(port) && snapshot.reserved.iter().all(|range| !range.contains(*port));
    let after = after.clamp(range.first, range.last);
    (after..=range.last).find(is_free).or_else(|| (range.first..=after).find(is_free))
}

/// A range with everything that is known of its ports; a port of which there is nothing to say takes no room in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMap {
    /// The ports that it is about.
    pub range: PortRange,
    reserved: Vec<PortRange>,
    /// Whether it is known what listens.
    known: bool,
    /// What somebody has or wants, inside the range, and an instance's ports outside it.
    taken: BTreeMap<u16, PortFacts>,
    counts: HashMap<PortState, usize>,
}

impl PortMap {
    /// What a snapshot says.
    pub fn of(snapshot: &Snapshot, range: PortRange, reserved: &[PortRange]) -> Self {
        let mut rows: BTreeMap<u16, Vec<&Row>> = BTreeMap::new();
        for row in snapshot.rows.iter().filter(|row| row.supervisor != SupervisorKind::None) {
            let mut ports: Vec<u16> = row.port.into_iter().chain(row.listening.iter().map(|(endpoint, _)| endpoint.port)).collect();
            ports.sort_unstable();
            ports.dedup();
            for port in ports {
                rows.entry(port).or_default().push(row);
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
        let all: BTreeSet<u16> = rows.keys().chain(heard.keys()).chain(in_range).copied().collect();
        let strangers: BTreeSet<(u16, Uid)> =
            snapshot.rows.iter().filter(|row| row.id.is_unmanaged()).filter_map(|row| Some((row.port?, row.uid))).collect();
        let facts = |port: u16| {
            let listeners = heard.get(&port).map_or(&[][..], Vec::as_slice);
            let owners = rows.get(&port).map_or(&[][..], Vec::as_slice);
            let mut facts = facts(port, listeners, owners, conflicts.contains(&port));
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
        let known = matches!(snapshot.listeners, Reading::Known(_));
        let mut map = Self { range, reserved: reserved.to_vec(), known, taken, counts: HashMap::new() };
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
        })
    }

    /// What is known of a port that somebody has or wants.
    pub fn taken(&self, port: u16) -> Option<&PortFacts> {
        self.taken.get(&port)
    }

    /// What a port is.
    pub fn state(&self, port: u16) -> PortState {
        match self.taken.get(&port) {
            Some(facts) => facts.state,
            None if self.reserved.iter().any(|range| range.contains(port)) => PortState::Reserved,
            None if self.known => PortState::Free,
            None => PortState::Unknown,
        }
    }

    /// The ports outside the range that instances have, the lowest first.
    pub fn outside(&self) -> impl Iterator<Item = &PortFacts> {
        self.taken.values().filter(|facts| !self.range.contains(facts.port))
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
        let reserved = if self.reserved.is_empty() {
            0
        } else {
            (self.range.first..=self.range.last).filter(|port| self.state(*port) == PortState::Reserved).count()
        };
        counts.insert(PortState::Reserved, reserved);
        counts.insert(if self.known { PortState::Free } else { PortState::Unknown }, rest - reserved);
        counts.retain(|_, count| *count > 0);
        counts
    }
}

/// The facts of a port that somebody has or wants.
fn facts(port: u16, listeners: &[&Listener], owners: &[&Row], conflict: bool) -> PortFacts {
    let listens = |row: &&&Row| row.listening.iter().any(|(endpoint, _)| endpoint.port == port);
    let owner = owners.iter().find(listens).or_else(|| owners.first());
    let state = if conflict {
        PortState::Conflict
    } else if owners.iter().any(|row| listens(&row)) {
        PortState::Listening
    } else if !owners.is_empty() {
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
        instance: owner.map(|row| row.id.clone()),
        pid: first.and_then(|listener| pid(listener)),
        uid: first.map(|listener| listener.uid),
        command: first.and_then(|listener| command(listener)),
        listeners: places,
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
        PortState::Free | PortState::Assigned | PortState::Listening | PortState::Reserved => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::fleet;

    const RANGE: PortRange = PortRange { first: 8100, last: 8110 };

    #[test]
    fn every_port_has_one_state() {
        let facts = ports(&fleet::fleet(), RANGE, &[PortRange { first: 8101, last: 8103 }]);
        let shown: Vec<String> = facts
            .iter()
            .map(|facts| {
                let instance = facts.instance.as_ref().map(ToString::to_string).unwrap_or_default();
                let holder = facts.pid.map(|pid| format!("{pid} {}", facts.command.clone().unwrap())).unwrap_or_default();
                format!("{} {} {instance} {holder}", facts.port, facts.state.word()).trim_end().to_owned()
            })
            .collect();
        assert_eq!(
            shown,
            [
                "8100 free",
                "8101 listening alice 2211 node",
                "8102 listening bob/tools 3307 node",
                "8103 reserved",
                "8104 listening dave 5120 node",
                "8105 assigned erin",
                "8106 assigned frank",
                "8107 conflict carol 4711 python3",
                "8108 listening gina 7340 node",
                "8109 assigned hank",
                "8110 free",
            ]
        );
        assert_eq!(count(&facts, PortState::Listening), 4);
    }

    #[test]
    fn the_next_free_port_is_behind_the_disputed_one() {
        let mut snapshot = fleet::fleet();
        // 8108 listens, 8109 is assigned and silent.
        assert_eq!((next_free(&snapshot, 8107), next_free(&snapshot, 8100)), (Some(8110), Some(8100)));
        snapshot.reserved = vec![PortRange { first: 8110, last: 8119 }];
        assert_eq!(next_free(&snapshot, 8107), Some(8120));
        snapshot.range = PortRange { first: 8100, last: 8112 };
        assert_eq!((next_free(&snapshot, 8107), next_free(&snapshot, 9999), next_free(&snapshot, 1)), (Some(8100), Some(8100), Some(8100)));
        snapshot.range = PortRange { first: 8104, last: 8109 };
        assert_eq!(next_free(&snapshot, 8107), None);
        snapshot.range = fleet::fleet().range;
        snapshot.listeners = Reading::Denied;
        assert_eq!(next_free(&snapshot, 8107), None, "what may not be seen is not free");
    }

    #[test]
    fn a_stranger_is_nobodys() {
        let facts = ports(&fleet::fleet(), PortRange { first: 8190, last: 8190 }, &[]).remove(0);
        assert_eq!((facts.state, facts.instance, facts.pid, facts.uid), (PortState::Stranger, None, Some(4800), Some(Uid(1002))));
        assert_eq!(level(facts.state), Some(Level::Warning));
    }

    #[test]
    fn what_may_not_be_seen_is_not_free() {
        let mut snapshot = fleet::fleet();
        snapshot.listeners = Reading::Denied;
        let facts = ports(&snapshot, RANGE, &[]);
        assert_eq!((facts[0].state, facts[5].state), (PortState::Unknown, PortState::Assigned));
    }

    #[test]
    fn what_is_outside_the_range_is_an_instances() {
        let map = PortMap::of(&fleet::fleet(), PortRange { first: 8104, last: 8107 }, &[PortRange { first: 8000, last: 9000 }]);
        let outside: Vec<u16> = map.outside().map(|facts| facts.port).collect();
        assert_eq!(outside, [8101, 8102, 8108, 8109]);
        assert_eq!(*map.counts(), HashMap::from([(PortState::Listening, 1), (PortState::Assigned, 2), (PortState::Conflict, 1)]));
    }

    #[test]
    fn the_counts_add_up_to_the_range() {
        let range = PortRange { first: 1, last: u16::MAX };
        let reserved =
            [PortRange { first: 9000, last: 9009 }, PortRange { first: 9005, last: 9010 }, PortRange { first: 8101, last: 8101 }];
        let map = PortMap::of(&fleet::fleet(), range, &reserved);
        let counts = map.counts();
        assert_eq!((counts[&PortState::Reserved], counts.values().sum::<usize>()), (11, 65_535));
        let mut hidden = fleet::fleet();
        hidden.listeners = Reading::Denied;
        assert!(!PortMap::of(&hidden, range, &[]).counts().contains_key(&PortState::Free));
    }
}
