//! What holds for every strategy, whatever is in the way.

use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::super::ground::{Ground, Limits};
use super::{Order, Strategy, Who, choose};
use crate::domain::{InstanceId, Obstacle, PortRange, Uid};

/// A hundred ports, reserved and ephemeral ones none.
pub(super) const RANGE: PortRange = PortRange { first: 8080, last: 8179 };

pub(super) fn limits() -> Limits {
    Limits { range: RANGE, reserved: Vec::new(), ephemeral: None, kept_free: Vec::new() }
}

/// `u0`, `u1` and so on.
pub(super) fn ids(count: usize) -> Vec<InstanceId> {
    (0..count).map(|at| InstanceId::of_owner(&format!("u{at}")).unwrap()).collect()
}

/// Gives to one after the other; `present` is what each has or says.
pub(super) fn give(
    strategy: Strategy,
    ground: &mut Ground,
    ids: &[InstanceId],
    present: impl Fn(usize) -> Option<u16>,
) -> Vec<Option<u16>> {
    let mut ports = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let who = Who { id, uid: Uid(1000 + u32::try_from(at * 37 % 250).unwrap()), present: present(at) };
        let order = strategy.order(&who, ground);
        let Ok(chosen) = choose(&order, id, ground, |_| Ok::<_, Infallible>(None));
        if let Some(port) = chosen.port {
            ground.close(port, Obstacle::Assigned(id.clone()));
        }
        ports.push(chosen.port);
    }
    ports
}

/// The same on empty ground.
pub(super) fn given(strategy: Strategy, ids: &[InstanceId], present: impl Fn(usize) -> Option<u16>) -> Vec<Option<u16>> {
    give(strategy, &mut Ground::new(limits()), ids, present)
}

fn strategies() -> impl proptest::strategy::Strategy<Value = Strategy> {
    prop_oneof![
        Just(Strategy::Registry),
        Just(Strategy::Static),
        (1_u16..300).prop_map(|modulus| Strategy::Uid { modulus }),
        (1_u16..300).prop_map(|modulus| Strategy::NameHash { modulus }),
        (1_u16..30).prop_map(|size| Strategy::Block { size }),
    ]
}

proptest! {
    /// Nobody is given what is reserved, the kernel's, somebody else's, held, or what another one was given just now.
    #[test]
    fn nobody_is_given_what_is_in_the_way(
        strategy in strategies(),
        reserved in prop::collection::vec(8060_u16..8200, 0..6),
        ephemeral in 8060_u16..8200,
        theirs in prop::collection::btree_set(8080_u16..8180, 0..30),
        held in prop::collection::btree_set(8080_u16..8180, 0..30),
        present in prop::collection::vec(prop::option::of(8070_u16..8190), 1..60),
    ) {
        let limits = Limits {
            reserved: reserved.iter().map(|port| PortRange { first: *port, last: port + 3 }).collect(),
            ephemeral: Some(PortRange { first: ephemeral, last: ephemeral + 20 }),
            kept_free: vec![PortRange { first: ephemeral + 5, last: ephemeral + 10 }],
            ..limits()
        };
        let mut ground = Ground::new(limits.clone());
        let other = InstanceId::parse("zoe").unwrap();
        theirs.iter().for_each(|port| ground.close(*port, Obstacle::Assigned(other.clone())));
        let mut taken = BTreeMap::new();
        for (id, present) in ids(present.len()).iter().zip(&present) {
            let who = Who { id, uid: Uid(1000), present: *present };
            let order = strategy.order(&who, &ground);
            let Ok(chosen) = choose(&order, id, &mut ground, |port| Ok::<_, Infallible>(held.contains(&port).then_some(Obstacle::InUse)));
            if let Some(port) = chosen.port {
                prop_assert_eq!(limits.obstacle(port), None);
                prop_assert!(!theirs.contains(&port) && !held.contains(&port));
                prop_assert!(taken.insert(port, id.clone()).is_none(), "{} twice", port);
                ground.close(port, Obstacle::Assigned(id.clone()));
            }
            // Not to be given one's wish has a reason.
            prop_assert_eq!(chosen.wish.is_some() && chosen.port.map(u32::from) != chosen.wish, chosen.why.is_some());
        }
    }

    /// As long as a port is left, it is given; blocks and unwritten ports apart.
    #[test]
    fn whoever_comes_gets_one_as_long_as_there_is_one(
        count in 1_usize..130,
        strategy in prop_oneof![
            Just(Strategy::Registry), Just(Strategy::Static), Just(Strategy::Uid { modulus: 1000 }),
            (1_u16..300).prop_map(|modulus| Strategy::NameHash { modulus }),
        ],
    ) {
        let ports = given(strategy, &ids(count), |at| u16::try_from(8000 + at).ok());
        prop_assert_eq!(ports.iter().filter(|port| port.is_some()).count(), count.min(RANGE.count()));
    }
}

#[test]
fn after_the_last_port_comes_the_first() {
    let order = Order::circle(8178, RANGE);
    let mut ground = Ground::new(limits());
    let mut next = |name: &str| {
        let id = InstanceId::parse(name).unwrap();
        let Ok(chosen) = choose(&order, &id, &mut ground, |_| Ok::<_, Infallible>(None));
        ground.close(chosen.port.unwrap(), Obstacle::Assigned(id));
        (chosen.port.unwrap(), chosen.why.map(|why| why.to_string()).unwrap_or_default())
    };
    assert_eq!(next("amy"), (8178, String::new()));
    assert_eq!(next("bob"), (8179, "is amy's".to_owned()));
    assert_eq!(next("carol"), (8080, "is amy's".to_owned()));
}

#[test]
fn what_the_world_has_is_not_asked_for_twice() {
    let (mut ground, id) = (Ground::new(limits()), InstanceId::parse("amy").unwrap());
    let mut asked = Vec::new();
    let order = Order::circle(8100, RANGE);
    for _ in 0..2 {
        let Ok(chosen) = choose(&order, &id, &mut ground, |port| {
            asked.push(port);
            Ok::<_, Infallible>((port < 8103).then_some(Obstacle::InUse))
        });
        assert_eq!((chosen.port, chosen.why), (Some(8103), Some(Obstacle::InUse)));
    }
    assert_eq!(asked, [8100, 8101, 8102, 8103, 8103]);
}

#[test]
fn every_name_is_the_configurations() {
    let all = [
        Strategy::Registry,
        Strategy::Static,
        Strategy::Uid { modulus: 1000 },
        Strategy::NameHash { modulus: 1000 },
        Strategy::Block { size: 10 },
    ];
    assert_eq!(all.map(Strategy::name), ["registry", "static", "uid", "name-hash", "block"]);
    assert_eq!(all[3].words(), "first + sum of the name % 1000");
}
