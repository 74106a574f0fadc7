//! Which ports can be given, and what is in the way of the others.
//!
//! Pure: what the kernel says of a port at this moment is asked when one is about to be given. It must never forget whose a port is
//! because it is somebody's of whom the registry knows nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ports::PortSet;
use crate::domain::{InstanceId, Obstacle, PortRange, uncovered};

/// What is never given, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The managed range.
    pub range: PortRange,
    /// The configuration's reserved ports.
    pub reserved: Vec<PortRange>,
    /// The kernel's ports for outgoing connections; `None` when it does not tell.
    pub ephemeral: Option<PortRange>,
    /// Those of them that it leaves alone.
    pub kept_free: Vec<PortRange>,
}

impl Limits {
    /// Why nobody is given this port; `None` when somebody can be.
    pub fn obstacle(&self, port: u16) -> Option<Obstacle> {
        let among = |ranges: &[PortRange]| ranges.iter().any(|range| range.contains(port));
        if !self.range.contains(port) {
            Some(Obstacle::Outside(self.range))
        } else if among(&self.reserved) {
            Some(Obstacle::Reserved)
        } else if self.ephemeral.is_some_and(|ephemeral| ephemeral.contains(port)) && !among(&self.kept_free) {
            Some(Obstacle::Ephemeral)
        } else {
            None
        }
    }
}

/// The ports, and whose they are.
#[derive(Clone)]
pub(super) struct Ground {
    limits: Limits,
    /// Those that anybody can be given.
    open: PortSet,
    /// Those in whose way something of somebody's is.
    owned: PortSet,
    /// The ports of each owner in the range.
    by_owner: HashMap<Box<str>, BTreeSet<u16>>,
    /// What is in the way of some of the others, the weightiest first.
    why: BTreeMap<u16, Vec<Obstacle>>,
}

impl Ground {
    /// With nobody on it.
    pub fn new(limits: Limits) -> Self {
        let mut open = PortSet::new();
        let mut holes = limits.reserved.clone();
        if let Some(ephemeral) = limits.ephemeral {
            holes.extend(uncovered(ephemeral, &limits.kept_free));
        }
        for part in uncovered(limits.range, &holes) {
            (part.first..=part.last).for_each(|port| open.insert(port));
        }
        Self { limits, open, owned: PortSet::new(), by_owner: HashMap::new(), why: BTreeMap::new() }
    }

    /// The managed range.
    pub fn range(&self) -> PortRange {
        self.limits.range
    }

    /// Puts something in the way of a port.
    pub fn close(&mut self, port: u16, why: Obstacle) {
        self.open.remove(port);
        self.owned.insert(port);
        if let (Obstacle::Assigned(id) | Obstacle::Configured(id), true) = (&why, self.limits.range.contains(port)) {
            self.by_owner.entry(id.owner().into()).or_default().insert(port);
        }
        self.why.entry(port).or_default().push(why);
    }

    /// What is in the way of giving a port to this instance. What is its own is not.
    pub fn obstacle(&self, port: u16, id: &InstanceId) -> Option<Obstacle> {
        if self.open.contains(port) {
            return None;
        }
        self.limits.obstacle(port).or_else(|| self.of_others(port, id).next().cloned())
    }

    /// What others have at a port, wherever that lies.
    pub fn of_others<'a>(&'a self, port: u16, id: &'a InstanceId) -> impl Iterator<Item = &'a Obstacle> {
        self.why.get(&port).into_iter().flatten().filter(move |why| why.instance() != Some(id))
    }

    /// The lowest port of a range that anybody can be given.
    pub fn first_open(&self, range: PortRange) -> Option<u16> {
        self.open.first_in(range)
    }

    /// Whether nobody has anything in a range: reserved ports and the kernel's do not count.
    pub fn is_nobodys(&self, range: PortRange) -> bool {
        self.owned.first_in(range).is_none()
    }

    /// The owners of the ports in a range.
    pub fn owners(&self, range: PortRange) -> impl Iterator<Item = &str> {
        let all = self.why.range(range.first..=range.last).flat_map(|(_, why)| why);
        all.filter_map(|why| why.instance().map(InstanceId::owner))
    }

    /// The ports in the range that this owner's instances have, the lowest first.
    pub fn ports_of(&self, owner: &str) -> impl Iterator<Item = u16> {
        self.by_owner.get(owner).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> PortRange {
        PortRange::parse(text).unwrap()
    }

    #[test]
    fn what_is_in_the_way() {
        let limits = Limits {
            range: range("8080-8099"),
            reserved: vec![range("8081")],
            ephemeral: Some(range("8090-9000")),
            kept_free: vec![range("8095-8096")],
        };
        let (amy, bob) = (InstanceId::parse("amy").unwrap(), InstanceId::parse("bob").unwrap());
        let mut ground = Ground::new(limits);
        ground.close(8083, Obstacle::Configured(amy.clone()));
        ground.close(8083, Obstacle::Configured(bob.clone()));
        ground.close(8084, Obstacle::Assigned(amy.clone()));
        // Reserved is reserved, whoever had it.
        ground.close(8081, Obstacle::Assigned(amy.clone()));
        let word =
            |port, id| ground.obstacle(port, id).map(|why| format!("{} {}", why.word(), why.instance().map_or("", InstanceId::owner)));
        let cases = [
            (8079, "outside "),
            (8080, ""),
            (8081, "reserved "),
            (8083, "configured bob"),
            (8084, ""),
            (8089, ""),
            (8090, "ephemeral "),
            (8095, ""),
            (8097, "ephemeral "),
            (8100, "outside "),
        ];
        for (port, expected) in cases {
            assert_eq!(word(port, &amy).unwrap_or_default(), expected, "{port} for amy");
        }
        assert_eq!((word(8083, &bob), word(8084, &bob)), (Some("configured amy".into()), Some("assigned amy".into())));
        assert_eq!((ground.first_open(range("8081-8099")), ground.first_open(range("8090-8099"))), (Some(8082), Some(8095)));
        assert_eq!(ground.first_open(range("8097-8099")), None);
        assert!(ground.is_nobodys(range("8085-8099")) && !ground.is_nobodys(range("8080-8085")));
        assert!(ground.ports_of("bob").eq([8083]) && ground.ports_of("carol").next().is_none());
        assert!(ground.owners(range("8080-8085")).eq(["amy", "amy", "bob", "amy"]));
    }
}
