//! Whose each port is: the registry's word first, then what is configured or listened on, where nobody else has a part in it.
//!
//! It must never close a port because a user's file claims it: somebody else's service may be there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{Allotments, Allowed, Endpoint, Fence, Gate, InstanceId, Listener, Reading, Row, Shown, Snapshot, Uid, words};
use crate::error::{Error, Kind, Result};

/// The fence of a host as it was seen. `uid_of` is the account of a name, where there is one.
///
/// # Errors
/// `Kind::NotPermitted` when the registry or who listens may not be seen: a filter made from a part would leave the rest open.
pub fn fence(snapshot: &Snapshot, allowed: Allowed, uid_of: &mut dyn FnMut(&str) -> Option<Uid>) -> Result<Fence> {
    let refused = |what: &str| Error::new(Kind::NotPermitted, format!("whose the ports are is not known: {what} by this account"));
    let Reading::Known(allotments) = &snapshot.allotments else { return Err(refused("the registry cannot be read")) };
    let Reading::Known(listeners) = &snapshot.listeners else { return Err(refused("what listens may not be seen")) };
    if declared(snapshot).any(|row| row.declared.as_ref().is_some_and(|declared| declared.is_unread())) {
        return Err(refused("a configuration cannot be read"));
    }
    let mut fence = Fence { allowed, ..Fence::default() };
    let rows: HashMap<&InstanceId, &Row> = snapshot.rows.iter().map(|row| (&row.id, &**row)).collect();
    // The account that it runs as, and the one of its owner's name: under a service account those are two.
    let mut owners = |id: &InstanceId, uid: Uid| -> BTreeSet<Uid> { [Some(uid), uid_of(id.owner())].into_iter().flatten().collect() };
    for (port, allotment) in allotments.assigned() {
        let uid = rows.get(&allotment.id).map_or(allotment.uid, |row| row.uid);
        fence.gates.insert(port, Gate { ids: vec![allotment.id.clone()], owners: owners(&allotment.id, uid) });
    }
    let own: BTreeSet<Endpoint> = declared(snapshot).flat_map(|row| row.listening.iter().map(|(endpoint, _)| *endpoint)).collect();
    let strangers: BTreeMap<u16, &Listener> =
        listeners.iter().filter(|listener| !own.contains(&listener.endpoint)).map(|listener| (listener.endpoint.port, listener)).collect();
    for (port, claimants) in claims(snapshot, allotments) {
        let whose: BTreeSet<BTreeSet<Uid>> = claimants.iter().map(|row| owners(&row.id, row.uid)).collect();
        let ids: Vec<InstanceId> = claimants.iter().map(|row| row.id.clone()).collect();
        let names = || words::list(&ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        let open = match (strangers.get(&port), whose.len()) {
            (Some(listener), _) => format!("{} by configuration, and {} listens there", names(), process(listener)),
            (None, 1) => {
                let owners = whose.into_iter().next().unwrap_or_default();
                fence.gates.insert(port, Gate { ids, owners });
                continue;
            }
            (None, _) => format!("{} by configuration, which are not the same owner's", names()),
        };
        fence.left_open.insert(port, Shown::new(&format!("{open}; the registry gives it to nobody")));
    }
    for (port, listener) in strangers {
        if snapshot.range.contains(port) && !fence.gates.contains_key(&port) {
            let told = || Shown::new(&format!("{} listens there, which is no instance", process(listener)));
            fence.left_open.entry(port).or_insert_with(told);
        }
    }
    Ok(fence)
}

fn declared(snapshot: &Snapshot) -> impl Iterator<Item = &Row> {
    snapshot.rows.iter().map(AsRef::as_ref).filter(|row| row.declared.is_some())
}

/// Who claims each port that the registry gives to nobody. Outside the range a claim counts only where the instance itself listens: there
/// lie ports of services that are not berth's.
fn claims<'a>(snapshot: &'a Snapshot, allotments: &Allotments) -> BTreeMap<u16, Vec<&'a Row>> {
    let is_berths = |port: u16| snapshot.range.contains(port) && !snapshot.reserved.iter().any(|reserved| reserved.contains(port));
    let mut claims: BTreeMap<u16, Vec<&Row>> = BTreeMap::new();
    for row in declared(snapshot) {
        let listening = row.listening.iter().map(|(endpoint, _)| endpoint.port);
        let ports: BTreeSet<u16> = listening.chain(row.port.filter(|port| is_berths(*port))).collect();
        for port in ports.into_iter().filter(|port| allotments.of(*port).is_none()) {
            claims.entry(port).or_default().push(row);
        }
    }
    claims
}

/// "pid 4711 (python3, uid 1002)", as far as it may be seen.
fn process(listener: &Listener) -> String {
    let uid = format!("uid {}", listener.uid);
    let first =
        listener.holders.as_ref().known().and_then(|holders| holders.iter().min_by_key(|holder| (holder.key.start_time, holder.key.pid)));
    first.map_or_else(|| format!("a process of {uid}"), |holder| words::process(holder.key.pid, &holder.name, &uid))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Allotment, ConfigFault, Declared};
    use crate::fixture::{fleet, id};

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn given(all: &[(u16, &str, u32)]) -> Reading<Arc<Allotments>> {
        let mut allotments = Allotments::default();
        for (port, name, uid) in all {
            let (strategy, by, at) = ("registry".into(), "root".into(), crate::fixture::now());
            allotments.assign(*port, Allotment { id: id(name), uid: Uid(*uid), strategy, by, at });
        }
        Reading::Known(Arc::new(allotments))
    }

    /// "8101 alice 1001", port by port; what stays open without owners.
    fn told(snapshot: &Snapshot, names: &[(&str, u32)]) -> Vec<String> {
        let mut uid_of = |name: &str| names.iter().find(|(known, _)| *known == name).map(|(_, uid)| Uid(*uid));
        let fence = fence(snapshot, Allowed::default(), &mut uid_of).unwrap();
        let words = |items: Vec<String>| items.join("+");
        let mut lines: Vec<(u16, String)> = Vec::new();
        for (port, gate) in &fence.gates {
            let ids = words(gate.ids.iter().map(ToString::to_string).collect());
            lines.push((*port, format!("{port} {ids} {}", words(gate.owners.iter().map(ToString::to_string).collect()))));
        }
        lines.extend(fence.left_open.keys().map(|port| (*port, format!("{port} open"))));
        lines.sort();
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// The fixture fleet with an empty registry.
    fn host() -> Snapshot {
        Snapshot { allotments: given(&[]), ..fleet() }
    }

    fn edit(snapshot: &mut Snapshot, name: &str, change: impl FnOnce(&mut Row)) {
        let row = snapshot.rows.iter_mut().find(|row| row.id == id(name)).unwrap();
        change(Arc::make_mut(row));
    }

    #[test]
    fn what_is_only_discovered_is_its_accounts() {
        let told = told(&host(), &[]);
        for line in ["8101 alice 1001", "8102 bob/tools 1002", "8104 dave 1004", "8105 erin 1005", "8109 hank 1008"] {
            assert!(told.iter().any(|known| known == line), "{line}: {told:#?}");
        }
        // carol's is held by a process of bob's, and nothing but her file says that it is hers.
        assert!(told.iter().any(|known| known == "8107 open"), "{told:#?}");
    }

    #[test]
    fn a_filter_is_not_made_from_a_part() {
        let mut snapshot = host();
        edit(&mut snapshot, "hank", |row| {
            let fault = ConfigFault { file: "/x".into(), line: None, column: None, reason: "denied".into(), denied: true };
            row.declared = row.declared.as_deref().map(|declared| Arc::new(Declared { fault: Some(fault), ..declared.clone() }));
        });
        let refused = fence(&snapshot, Allowed::default(), &mut |_| None).unwrap_err();
        assert_eq!((refused.exit_code(), refused.to_string().contains("a configuration cannot be read")), (3, true), "{refused}");
    }

    #[test]
    fn the_registry_decides_whatever_else_is_said() {
        let mut snapshot = host();
        snapshot.allotments = given(&[(8107, "carol", 1003), (8101, "zoe", 1999), (8555, "gone", 1500)]);
        let told = told(&snapshot, &[("gone", 1501)]);
        for line in ["8107 carol 1003", "8101 zoe 1999", "8555 gone 1500+1501"] {
            assert!(told.iter().any(|known| known == line), "{line}: {told:#?}");
        }
        assert!(!told.iter().any(|line| line.contains(" alice ")), "alice listens on a port of zoe's: {told:#?}");
    }

    #[test]
    fn under_a_service_account_the_owner_may_too() {
        let mut snapshot = host();
        edit(&mut snapshot, "alice", |row| row.uid = Uid(990));
        assert!(told(&snapshot, &[("alice", 1001)]).contains(&"8101 alice 990+1001".to_owned()));
    }

    #[test]
    fn no_file_closes_a_port_of_somebody_elses() {
        // Another's port in the range, a port outside of it, a reserved one: mallory's file says them, nobody listens for her.
        let cases: [(u16, Option<&str>); 4] = [(8101, Some("8101 open")), (5432, None), (8443, None), (8600, Some("8600 hank 1008"))];
        for (port, expected) in cases {
            let mut snapshot = host();
            snapshot.reserved = vec![crate::domain::PortRange { first: 8443, last: 8443 }];
            edit(&mut snapshot, "hank", |row| row.port = Some(port));
            let told = told(&snapshot, &[]);
            let line = told.iter().find(|line| line.starts_with(&port.to_string()));
            assert_eq!(line.map(String::as_str), expected, "{told:#?}");
        }
    }

    #[test]
    fn where_it_listens_it_is_fenced_unless_somebody_else_is_there_too() {
        let mut snapshot = host();
        let stray = Endpoint::new(LOCAL, 9999);
        edit(&mut snapshot, "alice", |row| row.listening.push((stray, Some(2211))));
        let mut listener = snapshot.listeners.as_ref().known().unwrap()[0].clone();
        listener.endpoint = stray;
        let mut listeners = snapshot.listeners.clone().known().unwrap().to_vec();
        listeners.push(listener.clone());
        snapshot.listeners = Reading::Known(listeners.clone().into());
        assert!(told(&snapshot, &[]).contains(&"9999 alice 1001".to_owned()));
        // Beside her own loopback socket a web server's on another address: closing the port would close that, too.
        listener.endpoint = Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9999);
        listeners.push(listener);
        snapshot.listeners = Reading::Known(listeners.into());
        assert!(told(&snapshot, &[]).contains(&"9999 open".to_owned()));
    }

    #[test]
    fn of_the_same_owners_several_may_claim_one() {
        let mut snapshot = host();
        edit(&mut snapshot, "hank", |row| (row.port, row.uid) = (Some(8600), Uid(990)));
        edit(&mut snapshot, "erin", |row| (row.port, row.uid) = (Some(8600), Uid(990)));
        assert!(told(&snapshot, &[]).contains(&"8600 erin+hank 990".to_owned()));
        assert!(told(&snapshot, &[("hank", 1008)]).contains(&"8600 open".to_owned()));
    }

    #[test]
    fn what_may_not_be_seen_is_no_ground_for_a_filter() {
        for hide in [
            |snapshot: &mut Snapshot| snapshot.allotments = Reading::Denied,
            |snapshot: &mut Snapshot| snapshot.listeners = Reading::Denied,
        ] {
            let mut snapshot = host();
            hide(&mut snapshot);
            assert_eq!(fence(&snapshot, Allowed::default(), &mut |_| None).unwrap_err().exit_code(), 3);
        }
    }
}
