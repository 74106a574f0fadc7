//! The ways of choosing a port: each of them says which port it wishes for an instance, and in which order others are tried when that
//! one cannot be had.
//!
//! Pure: given the same ground, each says the same. None of them may ever give what is somebody else's, reserved or the kernel's.

mod block;
#[path = "static.rs"]
mod fixed;
mod name_hash;
mod registry;
mod uid;

use super::ground::Ground;
use crate::domain::{Formula, InstanceId, Obstacle, PortRange, Uid};

/// A way of choosing a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The lowest free one; who has one keeps it.
    Registry,
    /// What the instance's configuration says.
    Static,
    /// `first + uid % modulus`.
    Uid {
        /// Never 0.
        modulus: u16,
    },
    /// `first + sum of the name's characters % modulus`.
    NameHash {
        /// Never 0.
        modulus: u16,
    },
    /// `first + index * size`.
    Block {
        /// How many ports each owner gets; never 0.
        size: u16,
    },
}

impl Strategy {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Static => "static",
            Self::Uid { .. } => "uid",
            Self::NameHash { .. } => "name-hash",
            Self::Block { .. } => "block",
        }
    }

    /// How it comes to a port, in words.
    pub fn words(self) -> String {
        match self {
            Self::Registry => "the lowest free port; who has one keeps it".to_owned(),
            Self::Static => "what each configuration says".to_owned(),
            Self::Uid { .. } | Self::NameHash { .. } | Self::Block { .. } => self.formula().words(),
        }
    }

    /// The formula by which it computes a port.
    pub fn formula(self) -> Formula {
        match self {
            Self::Registry | Self::Static => Formula::None,
            Self::Uid { modulus } => Formula::Uid { modulus },
            Self::NameHash { modulus } => Formula::NameHash { modulus },
            Self::Block { size } => Formula::Block { size },
        }
    }

    /// Its order for an instance.
    pub(super) fn order(self, who: &Who<'_>, ground: &Ground) -> Order {
        match self {
            Self::Registry => registry::order(who, ground.range()),
            Self::Static => fixed::order(who, ground.range()),
            Self::Uid { modulus } => uid::order(who, ground.range(), modulus),
            Self::NameHash { modulus } => name_hash::order(who, ground.range(), modulus),
            Self::Block { size } => block::order(who, ground, size),
        }
    }
}

/// Who is to be given a port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    /// The instance.
    pub id: &'a InstanceId,
    /// The account that it runs as.
    pub uid: Uid,
    /// The port that it has, or that its configuration says.
    pub present: Option<u16>,
}

/// Which ports are tried for an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// What the strategy means it to have, wherever that lies. `None` when any port is as good as any other.
    pub wish: Option<u32>,
    /// The ranges whose ports come next, each from its lowest.
    pub then: Vec<PortRange>,
    /// After those the first port of each unused block of this size.
    pub blocks: Option<u16>,
}

impl Order {
    /// One port, and after it whichever comes next, from the range's first again after its last.
    fn circle(wish: u32, range: PortRange) -> Self {
        let then = match u16::try_from(wish).ok().filter(|wish| range.contains(*wish)) {
            Some(wish) if wish > range.first => {
                vec![PortRange { first: wish, last: range.last }, PortRange { first: range.first, last: wish - 1 }]
            }
            _ => vec![range],
        };
        Self { wish: Some(wish), then, blocks: None }
    }
}

/// What came of looking for a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The port; `None` when none is left.
    pub port: Option<u16>,
    /// What the strategy wished.
    pub wish: Option<u32>,
    /// Why the wish could not be had.
    pub why: Option<Obstacle>,
}

/// Goes through an order until a port can be had. `probe` asks the world what the ground does not know; what it says is in the way
/// is closed on the ground as well, so that nobody asks again.
///
/// # Errors
/// What `probe` fails with.
pub(super) fn choose<E>(
    order: &Order,
    id: &InstanceId,
    ground: &mut Ground,
    mut probe: impl FnMut(u16) -> Result<Option<Obstacle>, E>,
) -> Result<Chosen, E> {
    let wish = order.wish;
    let mut why = None;
    if let Some(wish) = wish {
        let port = u16::try_from(wish).ok().filter(|port| *port > 0);
        let known = port.map_or(Some(Obstacle::Outside(ground.range())), |port| ground.obstacle(port, id));
        why = match (known, port) {
            (None, Some(port)) => match probe(port)? {
                None => return Ok(Chosen { port: Some(port), wish: Some(wish), why: None }),
                Some(obstacle) => {
                    ground.close(port, obstacle.clone());
                    Some(obstacle)
                }
            },
            (known, _) => known,
        };
    }
    let mut index = 0;
    let mut ranges = order.then.iter().copied();
    loop {
        let next = ranges.next().or_else(|| {
            let (found, block) = block::next_unused(ground, order.blocks?, index)?;
            index = found + 1;
            Some(block)
        });
        let Some(range) = next else { break };
        while let Some(port) = ground.first_open(range) {
            match probe(port)? {
                None => return Ok(Chosen { port: Some(port), wish, why }),
                Some(obstacle) => ground.close(port, obstacle),
            }
        }
    }
    Ok(Chosen { port: None, wish, why })
}

#[cfg(test)]
mod tests;
