//! The facts of `berth ports`: every port, what holds it and whose it is.
//!
//! It must never call a port free because its listeners may not be seen.

use std::collections::HashMap;

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
    let known = matches!(snapshot.listeners, Reading::Known(_));
    let mut heard: HashMap<u16, Vec<&Listener>> = HashMap::new();
    if let Reading::Known(listeners) = &snapshot.listeners {
        for listener in listeners.iter().filter(|listener| range.contains(listener.endpoint.port)) {
            heard.entry(listener.endpoint.port).or_default().push(listener);
        }
    }
    let mut rows: HashMap<u16, Vec<&Row>> = HashMap::new();
    for row in snapshot.rows.iter().filter(|row| row.supervisor != SupervisorKind::None) {
        let mut ports: Vec<u16> = row.port.into_iter().chain(row.listening.iter().map(|(endpoint, _)| endpoint.port)).collect();
        ports.sort_unstable();
        ports.dedup();
        for port in ports {
            rows.entry(port).or_default().push(row);
        }
    }
    let conflicts: Vec<u16> =
        snapshot.findings.iter().filter(|finding| finding.code.is_conflict()).filter_map(|finding| finding.port).collect();
    let facts = |port: u16| {
        let listeners = heard.get(&port).map_or(&[][..], Vec::as_slice);
        let owners = rows.get(&port).map_or(&[][..], Vec::as_slice);
        let listens = |row: &&&Row| row.listening.iter().any(|(endpoint, _)| endpoint.port == port);
        let owner = owners.iter().find(listens).or_else(|| owners.first());
        let state = if conflicts.contains(&port) {
            PortState::Conflict
        } else if owners.iter().any(|row| listens(&row)) {
            PortState::Listening
        } else if !owners.is_empty() {
            PortState::Assigned
        } else if !listeners.is_empty() {
            PortState::Stranger
        } else if reserved.iter().any(|range| range.contains(port)) {
            PortState::Reserved
        } else if known {
            PortState::Free
        } else {
            PortState::Unknown
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
    };
    (range.first..=range.last).map(facts).collect()
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
}
