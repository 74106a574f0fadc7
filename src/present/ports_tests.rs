//! What each port is, of whatever kind its listener, its owner and the registry are.

use super::*;
use crate::present::fleet;
use crate::present::free_ports::next_free;

const RANGE: PortRange = PortRange { first: 8100, last: 8110 };

#[test]
fn every_port_has_one_state() {
    let facts = ports(&fleet::fleet(), RANGE, &[PortRange { first: 8101, last: 8103 }]);
    let shown: Vec<String> = facts
        .iter()
        .map(|facts| {
            let instance = facts.instance.as_ref().map(ToString::to_string).unwrap_or_default();
            let holder = facts.pid.map(|pid| format!("{pid} {}", facts.command.clone().unwrap())).unwrap_or_default();
            format!("{} {} {instance} {holder}", facts.port, facts.state.word()).trim_end().to_owned()
        })
        .collect();
    assert_eq!(
        shown,
        [
            "8100 free",
            "8101 listening alice 2211 node",
            "8102 listening bob/tools 3307 node",
            "8103 reserved",
            "8104 listening dave 5120 node",
            "8105 assigned erin",
            "8106 assigned frank",
            "8107 conflict carol 4711 python3",
            "8108 listening gina 7340 node",
            "8109 assigned hank",
            "8110 free",
        ]
    );
    assert_eq!(count(&facts, PortState::Listening), 4);
}

#[test]
fn the_next_free_port_is_behind_the_disputed_one() {
    let mut snapshot = fleet::fleet();
    // 8108 listens, 8109 is assigned and silent.
    assert_eq!((next_free(&snapshot, 8107), next_free(&snapshot, 8100)), (Some(8110), Some(8100)));
    snapshot.reserved = vec![PortRange { first: 8110, last: 8119 }];
    assert_eq!(next_free(&snapshot, 8107), Some(8120));
    snapshot.range = PortRange { first: 8100, last: 8112 };
    assert_eq!((next_free(&snapshot, 8107), next_free(&snapshot, 9999), next_free(&snapshot, 1)), (Some(8100), Some(8100), Some(8100)));
    snapshot.range = PortRange { first: 8104, last: 8109 };
    assert_eq!(next_free(&snapshot, 8107), None);
    snapshot.range = fleet::fleet().range;
    snapshot.listeners = Reading::Denied;
    assert_eq!(next_free(&snapshot, 8107), None, "what may not be seen is not free");
}

#[test]
fn a_stranger_is_nobodys() {
    let facts = ports(&fleet::fleet(), PortRange { first: 8190, last: 8190 }, &[]).remove(0);
    assert_eq!((facts.state, facts.instance, facts.pid, facts.uid), (PortState::Stranger, None, Some(4800), Some(Uid(1002))));
    assert_eq!(level(facts.state), Some(Level::Warning));
}

#[test]
fn what_may_not_be_seen_is_not_free() {
    let mut snapshot = fleet::fleet();
    snapshot.listeners = Reading::Denied;
    let facts = ports(&snapshot, RANGE, &[]);
    assert_eq!((facts[0].state, facts[5].state), (PortState::Unknown, PortState::Assigned));
}

#[test]
fn what_is_outside_the_range_is_an_instances() {
    let map = PortMap::of(&fleet::fleet(), PortRange { first: 8104, last: 8107 }, &[PortRange { first: 8000, last: 9000 }]);
    let outside: Vec<u16> = map.outside().map(|facts| facts.port).collect();
    assert_eq!(outside, [8101, 8102, 8108, 8109]);
    assert_eq!(*map.counts(), HashMap::from([(PortState::Listening, 1), (PortState::Assigned, 2), (PortState::Conflict, 1)]));
}

#[test]
fn the_counts_add_up_to_the_range() {
    let range = PortRange { first: 1, last: u16::MAX };
    let reserved = [PortRange { first: 9000, last: 9009 }, PortRange { first: 9005, last: 9010 }, PortRange { first: 8101, last: 8101 }];
    let map = PortMap::of(&fleet::fleet(), range, &reserved);
    let counts = map.counts();
    assert_eq!((counts[&PortState::Reserved], counts.values().sum::<usize>()), (11, 65_535));
    let mut hidden = fleet::fleet();
    hidden.listeners = Reading::Denied;
    assert!(!PortMap::of(&hidden, range, &[]).counts().contains_key(&PortState::Free));
}

/// The fixture fleet with what a registry gave and keeps.
fn registered(given: &[(&str, u16)], kept: &[(&str, u16)]) -> Snapshot {
    let mut snapshot = fleet::fleet();
    let mut all = Allotments::default();
    for (name, port) in given {
        let (strategy, by) = ("registry".into(), "root".into());
        all.assign(*port, Allotment { id: fleet::id(name), uid: Uid(1), strategy, by, at: fleet::now() });
    }
    for (name, port) in kept {
        all.keep(*port, Quarantine { of: fleet::id(name), until: fleet::now() + Duration::from_secs(60) });
    }
    snapshot.allotments = Reading::Known(Arc::new(all));
    snapshot
}

#[test]
fn what_the_registry_holds_is_not_free() {
    let mut snapshot = registered(&[("hank", 8109), ("zoe", 8103)], &[("bob", 8110), ("bob", 8101), ("bob", 8190)]);
    let map = PortMap::of(&snapshot, RANGE, &[]);
    let facts = |port: u16| {
        let facts = map.facts(port);
        let instance = facts.instance.as_ref().map(ToString::to_string).unwrap_or_default();
        let kept = facts.quarantine.map(|kept| format!("-{}", kept.of)).unwrap_or_default();
        format!("{} {instance}{kept}{}", facts.state.word(), if facts.assigned.is_some() { " given" } else { "" })
    };
    assert_eq!([8103, 8109, 8110].map(facts), ["assigned zoe given", "assigned hank given", "quarantine -bob"]);
    // Whoever listens there is told first.
    assert_eq!(facts(8101), "listening alice-bob");
    assert_eq!((map.facts(8110).state.json_word(), map.counts()[&PortState::Quarantine]), ("reserved", 1));
    assert_eq!(map.counts().values().sum::<usize>(), RANGE.count());
    assert_eq!((next_free(&snapshot, 8107), next_free(&snapshot, 8103)), (Some(8111), Some(8111)));
    // A minute later it is free.
    snapshot.taken.wall += Duration::from_secs(60);
    assert_eq!(PortMap::of(&snapshot, RANGE, &[]).state(8110), PortState::Free);
    assert_eq!(next_free(&snapshot, 8107), Some(8110));
    let reserved = PortMap::of(&snapshot, RANGE, &[PortRange { first: 8110, last: 8110 }]);
    assert_eq!((reserved.state(8110), reserved.counts().contains_key(&PortState::Quarantine)), (PortState::Reserved, false));
}

#[test]
fn where_the_registry_cannot_be_read_nothing_is_free() {
    let mut snapshot = fleet::fleet();
    snapshot.allotments = Reading::Denied;
    assert_eq!((PortMap::of(&snapshot, RANGE, &[]).state(8110), next_free(&snapshot, 8107)), (PortState::Unknown, None));
}

#[test]
fn what_stands_in_a_file_is_not_free_either() {
    let mut snapshot = registered(&[("hank", 8109)], &[]);
    let mut row = (*snapshot.rows[7]).clone();
    let mut declared = (**row.declared.as_ref().unwrap()).clone();
    declared.port = Some(8110);
    row.declared = Some(Arc::new(declared));
    snapshot.rows[7] = Arc::new(row);
    assert_eq!(next_free(&snapshot, 8107), Some(8111));
}
