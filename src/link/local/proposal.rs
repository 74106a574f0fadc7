//! What a strategy would give to everybody: the fleet as it is now, the registry as it is read, and the kernel's ports, put before it.
//!
//! It must never write: nobody is moved, and where there is no registry none is made.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Local, account_of};
use crate::config::{self, Ports};
use crate::domain::{Endpoint, InstanceId, Listener, Obstacle, Proposal, Reading, Shown, Snapshot, words};
use crate::error::Result;
use crate::registry::{Claim, Known, Limits, Strategy, propose};
use crate::sample::kernel_ports;

impl Local {
    /// What this strategy would give to every known instance.
    ///
    /// # Errors
    /// When the registry may not or cannot be read.
    pub fn propose(&self, strategy: config::Strategy) -> Result<Proposal> {
        let (book, damage) = self.registry.read()?;
        let (snapshot, ports) = (self.seen(), &self.config.ports);
        let declared = || snapshot.rows.iter().filter_map(|row| Some((row, row.declared.as_ref()?)));
        let known: Vec<Known> = declared()
            .map(|(row, declared)| {
                // Of one whose files may not be read it counts where it is seen to listen.
                let seen = row.port.filter(|_| declared.is_unread());
                let given = book.port_of(&declared.id);
                let now = given.or(declared.port).or(seen);
                let heard = || row.listening.iter().map(|(endpoint, _)| endpoint.port);
                let claim = match given {
                    Some(_) => Claim::Given,
                    None if heard().any(|port| Some(port) == now) => Claim::Heard,
                    None => Claim::Written,
                };
                Known { id: declared.id.clone(), uid: declared.uid, now, claim, holds: heard().chain(declared.port).collect() }
            })
            .collect();
        let ids: BTreeSet<&InstanceId> = known.iter().map(|known| &known.id).collect();
        let held = book.obstacles(snapshot.taken.wall, ports.quarantine);
        // What the known have is given anew.
        let mut others: Vec<(u16, Obstacle)> = held.filter(|(_, why)| !matches!(why, Obstacle::Assigned(id) if ids.contains(id))).collect();
        others.extend(strangers(&snapshot));
        let mut proposal = propose(with_numbers(strategy, ports), &limits(ports), &known, &others);
        proposal.notice = damage.or_else(|| {
            let hidden = !matches!(snapshot.listeners, Reading::Known(_));
            let unread = declared().any(|(row, _)| row.own_port() == Reading::Denied);
            let who = if hidden { "who listens may not be seen" } else { "the files of some instances may not be read" };
            (hidden || unread).then(|| Shown::new(&format!("{who} by this account: ports that others have are taken for free")))
        });
        Ok(proposal)
    }
}

impl Local {
    /// What the engine has seen last; where none goes on looking, or it has not looked yet, a look.
    fn seen(&self) -> Arc<Snapshot> {
        let newest = self.newest();
        if self.engine.get().is_some() && newest.sequence > 0 { newest } else { self.glance() }
    }
}

/// A strategy with the configuration's numbers.
pub(super) fn with_numbers(strategy: config::Strategy, ports: &Ports) -> Strategy {
    match strategy {
        config::Strategy::Registry => Strategy::Registry,
        config::Strategy::Static => Strategy::Static,
        config::Strategy::Uid => Strategy::Uid { modulus: ports.modulus },
        config::Strategy::NameHash => Strategy::NameHash { modulus: ports.modulus },
        config::Strategy::Block => Strategy::Block { size: ports.block },
    }
}

/// What the configuration and the kernel give to nobody.
pub(super) fn limits(ports: &Ports) -> Limits {
    let (ephemeral, kept_free) = kernel_ports();
    Limits { range: ports.range, reserved: ports.reserved.clone(), ephemeral, kept_free }
}

/// The ports on which somebody listens who is no instance's.
fn strangers(snapshot: &Snapshot) -> Vec<(u16, Obstacle)> {
    let Reading::Known(listeners) = &snapshot.listeners else { return Vec::new() };
    let instances = snapshot.rows.iter().filter(|row| row.declared.is_some());
    let own: BTreeSet<Endpoint> = instances.flat_map(|row| row.listening.iter().map(|(endpoint, _)| *endpoint)).collect();
    let foreign = listeners.iter().filter(|listener| !own.contains(&listener.endpoint) && snapshot.range.contains(listener.endpoint.port));
    foreign.map(|listener| (listener.endpoint.port, Obstacle::Held(holder(listener)))).collect()
}

fn holder(listener: &Listener) -> Shown {
    let first =
        listener.holders.as_ref().known().and_then(|holders| holders.iter().min_by_key(|holder| (holder.key.start_time, holder.key.pid)));
    Shown::new(&match first {
        Some(holder) => words::process(holder.key.pid, &holder.name, account_of(holder.uid).as_str()),
        None => format!("a process of {}", account_of(listener.uid)),
    })
}
