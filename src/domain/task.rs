//! What is done to the fleet itself: an instance comes, goes or is taken over, a port is kept from everybody.
//!
//! It must never name more than one instance or port: each is asked about by itself.

use serde::{Deserialize, Serialize};

use super::{InstanceId, Newcomer, Target};

/// It.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// An instance is added and started.
    Add(Newcomer),
    /// An instance is removed.
    Remove {
        /// Which.
        id: InstanceId,
        /// Its files go, too.
        purge: bool,
        /// What ran when it was asked about.
        target: Target,
    },
    /// The port on which an instance runs becomes its own.
    Adopt(InstanceId),
    /// A port is kept from everybody.
    Reserve(u16),
    /// It can be given to anybody again.
    Unreserve(u16),
}

impl Task {
    /// What it is about: "alice", "8103".
    pub fn subject(&self) -> String {
        match self {
            Self::Add(Newcomer { id, .. }) | Self::Remove { id, .. } | Self::Adopt(id) => id.to_string(),
            Self::Reserve(port) | Self::Unreserve(port) => port.to_string(),
        }
    }

    /// What it is called in the audit: "add", "remove and purge".
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Remove { purge: false, .. } => "remove",
            Self::Remove { purge: true, .. } => "remove and purge",
            Self::Adopt(_) => "adopt",
            Self::Reserve(_) => "reserve",
            Self::Unreserve(_) => "unreserve",
        }
    }

    /// Whom the audit names: a port that is kept from everybody has a name there, too.
    pub fn audited(&self) -> InstanceId {
        match self {
            Self::Add(Newcomer { id, .. }) | Self::Remove { id, .. } | Self::Adopt(id) => id.clone(),
            Self::Reserve(port) | Self::Unreserve(port) => InstanceId::unmanaged("reserved", *port),
        }
    }

    /// What it is called on a button: "Add", "Give back".
    pub fn word(&self) -> &'static str {
        match self {
            Self::Add(_) => "Add",
            Self::Remove { purge: false, .. } => "Remove",
            Self::Remove { purge: true, .. } => "Purge",
            Self::Adopt(_) => "Adopt",
            Self::Reserve(_) => "Reserve",
            Self::Unreserve(_) => "Give back",
        }
    }

    /// "Remove alice with all its files?"
    pub fn question(&self) -> String {
        match self {
            Self::Remove { id, purge: true, .. } => format!("Remove {id} with all its files?"),
            Self::Add(newcomer) => format!("Add {}{}?", newcomer.id, newcomer.how()),
            Self::Unreserve(port) => format!("Let {port} be given to anybody again?"),
            other => format!("{} {}?", other.word(), other.subject()),
        }
    }

    /// The instance that it is about, where it is about one.
    pub fn id(&self) -> Option<&InstanceId> {
        match self {
            Self::Add(newcomer) => Some(&newcomer.id),
            Self::Remove { id, .. } | Self::Adopt(id) => Some(id),
            Self::Reserve(_) | Self::Unreserve(_) => None,
        }
    }

    /// The words of the command line that do the same, on its host.
    pub fn words(&self) -> Vec<String> {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
        match self {
            Self::Add(newcomer) => newcomer.words(),
            Self::Remove { id, purge: false, .. } => words(&["remove", &id.on_its_host().to_string(), "--yes"]),
            Self::Remove { id, purge: true, .. } => words(&["remove", &id.on_its_host().to_string(), "--purge", "--yes"]),
            Self::Adopt(id) => words(&["adopt", &id.on_its_host().to_string()]),
            Self::Reserve(port) => words(&["ports", "--reserve", &port.to_string()]),
            Self::Unreserve(port) => words(&["ports", "--unreserve", &port.to_string()]),
        }
    }
}
