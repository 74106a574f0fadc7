//! What a way of choosing ports would give to everybody, and what keeps a port from being given.
//!
//! It must never choose: that is the registry's.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{InstanceId, PortRange, Shown, Uid, words};

/// What keeps a port from being given to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// It lies outside the managed range.
    Outside(PortRange),
    /// The configuration reserves it.
    Reserved,
    /// The kernel gives it to outgoing connections.
    Ephemeral,
    /// Another instance has it.
    Assigned(InstanceId),
    /// Another instance's configuration says it, and the registry knows nothing of that.
    Configured(InstanceId),
    /// It was this instance's until lately: a client that is still set up for it must not reach another one's server.
    Quarantined {
        /// Whose it was.
        of: InstanceId,
        /// Until when it is kept.
        until: Timestamp,
    },
    /// Somebody has it open, in these words: "pid 4711 (python3, bob)".
    Held(Shown),
    /// Somebody has it open; the kernel, asked by binding, does not say who.
    InUse,
    /// This account may not bind it.
    Forbidden,
}

impl Obstacle {
    /// The word in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Outside(_) => "outside",
            Self::Reserved => "reserved",
            Self::Ephemeral => "ephemeral",
            Self::Assigned(_) => "assigned",
            Self::Configured(_) => "configured",
            Self::Quarantined { .. } => "quarantined",
            Self::Held(_) => "held",
            Self::InUse => "in-use",
            Self::Forbidden => "forbidden",
        }
    }

    /// The instance that it is about.
    pub fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Assigned(id) | Self::Configured(id) | Self::Quarantined { of: id, .. } => Some(id),
            _ => None,
        }
    }
}

/// To be read after the port: "8443 is reserved".
impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside(range) => write!(formatter, "is outside the range {range}"),
            Self::Reserved => formatter.write_str("is reserved"),
            Self::Ephemeral => formatter.write_str("is among the kernel's for outgoing connections"),
            Self::Assigned(id) => write!(formatter, "is {}", words::possessive(&id.to_string())),
            Self::Configured(id) => write!(formatter, "stands in {} configuration", words::possessive(&id.to_string())),
            Self::Quarantined { of, until } => {
                let until = until.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M");
                write!(formatter, "was {} and is given to nobody until {until}", words::possessive(&of.to_string()))
            }
            Self::Held(who) => write!(formatter, "is held by {who}"),
            Self::InUse => formatter.write_str("is in use"),
            Self::Forbidden => formatter.write_str("may not be bound by this account"),
        }
    }
}

/// What one instance would be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Who.
    pub id: InstanceId,
    /// The account that it runs as.
    pub uid: Uid,
    /// The port that it has now: the assigned one, else the configured one.
    pub now: Option<u16>,
    /// What the strategy says before anything is in the way; beyond 65535 where a formula leads there. `None` where a strategy has no wish of
    /// its own.
    pub wish: Option<u32>,
    /// What it would be given; `None` when nothing is left for it.
    pub port: Option<u16>,
    /// Why it is not given its wish.
    pub why: Option<Obstacle>,
}

impl Proposed {
    /// Whether it would have to be moved.
    pub fn moves(&self) -> bool {
        self.port.is_some() && self.now != self.port
    }
}

/// What a strategy would give to all known instances, nobody having been moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The strategy's name, as the configuration has it.
    #[serde(deserialize_with = "super::carried::fixed")]
    pub strategy: super::carried::Fixed,
    /// How it comes to a port, in words: "first + uid % 1000".
    pub formula: String,
    /// The managed range.
    pub range: PortRange,
    /// What each would be given, by id.
    pub rows: Vec<Proposed>,
    /// The ports that several owners are meant to have, with the first instance of each: what port-collision-ahead tells.
    pub collisions: Vec<(u32, Vec<InstanceId>)>,
    /// The registry that it was made with could not be read whole, in one sentence.
    pub notice: Option<Shown>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_obstacle_is_the_end_of_a_sentence() {
        let id = InstanceId::parse("amy/tools").unwrap();
        let range = PortRange { first: 8080, last: 9080 };
        let cases = [
            (Obstacle::Outside(range), "outside", "is outside the range 8080-9080"),
            (Obstacle::Reserved, "reserved", "is reserved"),
            (Obstacle::Ephemeral, "ephemeral", "is among the kernel's for outgoing connections"),
            (Obstacle::Assigned(id.clone()), "assigned", "is amy/tools's"),
            (Obstacle::Configured(id), "configured", "stands in amy/tools's configuration"),
            (Obstacle::Held(Shown::new("pid 7 (x, bob)")), "held", "is held by pid 7 (x, bob)"),
            (Obstacle::InUse, "in-use", "is in use"),
            (Obstacle::Forbidden, "forbidden", "may not be bound by this account"),
        ];
        for (obstacle, word, sentence) in cases {
            assert_eq!((obstacle.word(), obstacle.to_string().as_str()), (word, sentence));
        }
        let until: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let obstacle = Obstacle::Quarantined { of: InstanceId::parse("bob").unwrap(), until };
        assert!(obstacle.to_string().starts_with("was bob's and is given to nobody until 2026-11-2"));
        assert_eq!(obstacle.instance().map(ToString::to_string).as_deref(), Some("bob"));
    }
}
