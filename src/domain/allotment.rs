//! Who has which port by the registry: what was given to whom and when, and what is kept from everybody for a time.
//!
//! It must never be made of what a user's file says: those are what it is compared with.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InstanceId, PortRange, Shown, Uid};

/// That a port was given to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotment {
    /// Whose the port is.
    pub id: InstanceId,
    /// The account that the instance ran as when it was given.
    pub uid: Uid,
    /// By which strategy it was given.
    pub strategy: Shown,
    /// By whom.
    pub by: Shown,
    /// When.
    pub at: Timestamp,
}

/// That a port was somebody's until lately, and is given to nobody else for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Whose it was.
    pub of: InstanceId,
    /// Until when it is kept.
    pub until: Timestamp,
}

/// That a port is kept from everybody until somebody gives it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Who reserved it.
    pub by: Shown,
    /// When.
    pub at: Timestamp,
}

/// Everything that the registry holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotments {
    assigned: BTreeMap<u16, Allotment>,
    ports: HashMap<InstanceId, u16>,
    kept: BTreeMap<u16, Quarantine>,
    reserved: BTreeMap<u16, Reservation>,
}

impl Allotments {
    /// Puts down what was given. Of a port or an instance that is told twice the last counts.
    pub fn assign(&mut self, port: u16, allotment: Allotment) {
        self.ports.insert(allotment.id.clone(), port);
        self.assigned.insert(port, allotment);
    }

    /// Puts down what is kept.
    pub fn keep(&mut self, port: u16, quarantine: Quarantine) {
        self.kept.insert(port, quarantine);
    }

    /// Puts down what is reserved.
    pub fn reserve(&mut self, port: u16, reservation: Reservation) {
        self.reserved.insert(port, reservation);
    }

    /// By whom and since when a port is reserved.
    pub fn reservation(&self, port: u16) -> Option<&Reservation> {
        self.reserved.get(&port)
    }

    /// What is reserved of a range, by port.
    pub fn reserved_in(&self, range: PortRange) -> impl Iterator<Item = (u16, &Reservation)> {
        self.reserved.range(range.first..=range.last).map(|(port, reservation)| (*port, reservation))
    }

    /// The port of an instance.
    pub fn port_of(&self, id: &InstanceId) -> Option<u16> {
        self.ports.get(id).copied()
    }

    /// Who has a port.
    pub fn of(&self, port: u16) -> Option<&Allotment> {
        self.assigned.get(&port)
    }

    /// Whether a port is this instance's.
    pub fn is_of(&self, port: u16, id: &InstanceId) -> bool {
        self.of(port).is_some_and(|allotment| allotment.id == *id)
    }

    /// Everything that was given, by port.
    pub fn assigned(&self) -> impl ExactSizeIterator<Item = (u16, &Allotment)> {
        self.assigned.iter().map(|(port, allotment)| (*port, allotment))
    }

    /// What was given of a range, by port.
    pub fn assigned_in(&self, range: PortRange) -> impl Iterator<Item = (u16, &Allotment)> {
        self.assigned.range(range.first..=range.last).map(|(port, allotment)| (*port, allotment))
    }

    /// From whom and until when a port is kept, if it still is.
    pub fn quarantine(&self, port: u16, now: Timestamp) -> Option<&Quarantine> {
        self.kept.get(&port).filter(|quarantine| quarantine.until > now)
    }

    /// The ports of a range that are still kept.
    pub fn quarantined(&self, range: PortRange, now: Timestamp) -> impl Iterator<Item = (u16, &Quarantine)> {
        let kept = self.kept.range(range.first..=range.last).map(|(port, quarantine)| (*port, quarantine));
        kept.filter(move |(_, quarantine)| quarantine.until > now)
    }
}

/// The port that an instance really has, or will have when it is started, where that is another than it is meant to have: the one that its
/// configuration says if it listens there or nowhere, else the first of the range that it listens on, else the first.
pub fn straying(meant: u16, configured: Option<u16>, listening: &[u16], range: PortRange) -> Option<u16> {
    let other = |port: &u16| *port != meant;
    if listening.contains(&meant) || listening.is_empty() {
        return configured.filter(other);
    }
    let told = configured.filter(|port| listening.contains(port));
    told.or_else(|| listening.iter().copied().find(|port| range.contains(*port))).or_else(|| listening.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_kept_for_its_time() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (range, of) = (PortRange { first: 8080, last: 8090 }, InstanceId::parse("amy").unwrap());
        let mut all = Allotments::default();
        all.keep(8081, Quarantine { of: of.clone(), until: at("2026-11-21T13:00:00Z") });
        let ports = |now: &str| -> Vec<u16> { all.quarantined(range, at(now)).map(|(port, _)| port).collect() };
        assert_eq!((ports("2026-11-21T12:59:59Z"), ports("2026-11-21T13:00:00Z")), (vec![8081], vec![]));
        assert_eq!(all.quarantine(8081, at("2026-11-21T12:00:00Z")).map(|kept| &kept.of), Some(&of));
        assert_eq!((all.of(8081), all.port_of(&of)), (None, None), "it is nobody's");
    }

    #[test]
    fn where_an_instance_strays_to() {
        let range = PortRange { first: 8080, last: 9080 };
        let cases: [(Option<u16>, &[u16], Option<u16>); 9] = [
            (Some(8081), &[8081], None),
            (Some(8081), &[], None),
            (None, &[], None),
            (Some(8085), &[], Some(8085)),
            (Some(8085), &[8081], Some(8085)),
            (Some(8085), &[8085, 9229], Some(8085)),
            (Some(8081), &[9229, 8085], Some(8085)),
            (Some(8081), &[9229], Some(9229)),
            (None, &[8090], Some(8090)),
        ];
        for (configured, listening, expected) in cases {
            assert_eq!(straying(8081, configured, listening, range), expected, "{configured:?} {listening:?}");
        }
    }
}
