//! Listeners in the range that belong to no instance: one for each account and port.
//!
//! It must never include a listener that may be an instance's and cannot be told for sure.

use std::collections::BTreeMap;

use super::Input;
use super::join::{Joined, Whose};
use super::port_taken::Taken;
use crate::domain::{Code, InstanceId, Uid};

/// One account's listeners on one port.
#[derive(Debug)]
pub(super) struct Stranger {
    /// The row's id.
    pub id: InstanceId,
    /// The sockets' uid.
    pub uid: Uid,
    /// The port.
    pub port: u16,
    /// The listeners: indices into [`Joined::listeners`].
    pub listeners: Vec<usize>,
    /// What one of them does to an instance: `port-taken`, else `port-shadowed`.
    pub does: Option<Code>,
}

/// All of them, by port, then uid.
pub(super) fn strangers(input: &Input<'_>, joined: &Joined<'_>, taken: &Taken) -> Vec<Stranger> {
    let mut found: BTreeMap<(u16, Uid), Vec<usize>> = BTreeMap::new();
    for (index, listener) in joined.listeners.iter().enumerate() {
        if joined.whose[index] == Whose::Nobody && input.range.contains(listener.endpoint.port) {
            found.entry((listener.endpoint.port, listener.uid)).or_default().push(index);
        }
    }
    let stranger = |((port, uid), mut listeners): ((u16, Uid), Vec<usize>)| {
        listeners.sort_by_key(|index| joined.listeners[*index].endpoint);
        let does = listeners.iter().filter_map(|index| taken.done_by(*index)).min();
        Stranger { id: InstanceId::unmanaged(&account(input, uid), port), uid, port, listeners, does }
    };
    found.into_iter().map(stranger).collect()
}

/// The account's name where it can be part of an id, else its uid.
fn account(input: &Input<'_>, uid: Uid) -> String {
    let name = input.sample.accounts.get(&uid).map(ToString::to_string);
    name.filter(|name| InstanceId::of_owner(name).is_ok()).unwrap_or_else(|| uid.to_string())
}
