//! Whose an announcement is: of the instance that has its port, where it names an address of this host.
//!
//! It must never be taken for a proof: anybody on the link can announce this host's address and an instance's port.

use std::sync::Arc;

use super::Input;
use super::join::{Joined, Whose};
use crate::domain::{Announced, Announcement, Reading};

/// What was announced, and whose each is; `None` where nobody listened.
pub(super) fn announced(input: &Input<'_>, joined: &Joined<'_>) -> Option<Arc<[Announcement]>> {
    let services = input.announced.services.as_ref()?;
    let one = |service: &Arc<Announced>| {
        let is_here = service.addresses.iter().any(|address| address.is_loopback() || input.announced.own.binary_search(address).is_ok());
        let owner = if is_here { owner(service, joined) } else { None };
        Announcement { service: Arc::clone(service), is_here, of: owner.map(|index| joined.subjects[index].declared.id.clone()) }
    };
    Some(services.iter().map(one).collect())
}

/// The instance that listens on its port; of several the only one whose address it names. Where no listener there is known to be an
/// instance's, the only one that is to have the port.
fn owner(service: &Announced, joined: &Joined<'_>) -> Option<usize> {
    let heard = joined.heard_on.get(&service.port).map(Vec::as_slice).unwrap_or_default();
    let instance = |index: &usize| match joined.whose[*index] {
        Whose::Instance(owner) => Some(owner),
        Whose::OneOfSeveral | Whose::Nobody => None,
    };
    let mut owners: Vec<usize> = heard.iter().filter_map(instance).collect();
    owners.sort_unstable();
    owners.dedup();
    if owners.len() > 1 {
        let is_named = |index: &usize| {
            let endpoint = joined.listeners[*index].endpoint;
            service.addresses.contains(&endpoint.address)
        };
        owners = heard.iter().filter(|index| is_named(index)).filter_map(instance).collect();
        owners.dedup();
    }
    if owners.is_empty() {
        let meant = joined.configured_on.get(&service.port).map(Vec::as_slice).unwrap_or_default();
        // What is to be seen and is nobody's listener, or none, is not theirs.
        let may_be = |index: &&usize| matches!(joined.subjects[**index].main, Reading::Denied) || joined.subjects[**index].ambiguous;
        owners = meant.iter().filter(may_be).copied().collect();
    }
    match owners.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Host, Make};

    /// What it is, how it comes about, what is announced, and whose it is.
    type Case = (&'static str, Make, &'static [(&'static str, u16)], &'static [&'static str]);

    #[test]
    fn cases() {
        let running: Make = |host| {
            host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
            host.declare("bob", 1002, "0.0.0.0:8082").keep("bob", 200, Some("0.0.0.0:8082"))
        };
        let cases: [Case; 5] = [
            ("each its own", running, &[("10.0.0.1", 8081), ("127.0.0.1", 8082)], &["alice", "bob"]),
            ("another host's", running, &[("10.0.0.2", 8081)], &["elsewhere"]),
            ("nobody's port", running, &[("10.0.0.1", 8090)], &["here"]),
            ("what does not run", |host| host.declare("alice", 1001, "127.0.0.1:8081"), &[("10.0.0.1", 8081)], &["here"]),
            (
                "of two on one port the one that is named",
                |host| {
                    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
                    host.declare("bob", 1002, "10.0.0.1:8081").keep("bob", 200, Some("10.0.0.1:8081"))
                },
                &[("10.0.0.1", 8081)],
                &["bob"],
            ),
        ];
        for (name, make, services, expected) in cases {
            let mut host = Host::new();
            make(&mut host);
            for (address, port) in services {
                host.announce("One", address, *port);
            }
            let snapshot = host.judge();
            let told: Vec<String> = snapshot
                .announced
                .iter()
                .flat_map(|all| all.iter())
                .map(|one| one.of.as_ref().map_or(if one.is_here { "here" } else { "elsewhere" }.to_owned(), ToString::to_string))
                .collect();
            assert_eq!(told, expected, "{name}");
        }
        assert_eq!(Host::new().judge().announced, None, "nobody listened");
    }
}
