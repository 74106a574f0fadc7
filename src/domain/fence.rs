//! Who may connect to which port: what a packet filter is to hold.
//!
//! It must never hold a name by which a filter decides: numbers decide, names are for the eye.

use std::collections::{BTreeMap, BTreeSet};

use super::{Gid, InstanceId, Network, Shown, Uid};

/// The mark of the connections that berth itself asks with (SO_MARK of socket(7), which only CAP_NET_ADMIN may set): the high bits, which
/// those who mark packets for containers and tunnels leave alone more than others.
pub const PROBE_MARK: u32 = 0x6200_0000;

/// A port and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// The instances that have it; several only where they have the same owners.
    pub ids: Vec<InstanceId>,
    /// The accounts that may connect: the instance's own, and the one named as its owner.
    pub owners: BTreeSet<Uid>,
}

/// Who may connect beside an owner and root, to every port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Accounts of this host, each with what allows it.
    pub users: BTreeMap<Uid, Shown>,
    /// Groups that a process of this host may have as its own.
    pub groups: BTreeMap<Gid, Shown>,
    /// Addresses of other hosts.
    pub addresses: BTreeSet<Network>,
}

/// All ports that are somebody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    /// Each with whose it is.
    pub gates: BTreeMap<u16, Gate>,
    /// Who may connect to all of them.
    pub allowed: Allowed,
    /// The ports that stay as they are although somebody has or claims them, with the reason, by port.
    pub left_open: BTreeMap<u16, Shown>,
}
