//! What a strategy would give to everybody who is known, before anybody is moved.
//!
//! Pure. The known instances' own ports are in nobody's way: all of them are thought to be given anew at once. It must never be taken
//! for a promise: what the kernel says of a port is asked when it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::ground::{Ground, Limits};
use super::strategy::{Strategy, Who, choose};
use crate::domain::{InstanceId, Obstacle, Proposal, Proposed, Uid};

/// An instance that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub id: InstanceId,
    /// The account that it runs as.
    pub uid: Uid,
    /// The port that it has now: the assigned one, else the configured one.
    pub now: Option<u16>,
    /// By what it has that; of several that have one port the first of these keeps it.
    pub claim: Claim,
    /// Further ports that nobody else is to be moved to: those that it listens on, and the one that its configuration says.
    pub holds: Vec<u16>,
}

/// By what an instance has its port, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The registry gave it.
    Given,
    /// It listens there.
    Heard,
    /// Its configuration says so.
    Written,
}

/// Proposes. `others` is what is in the way beside the known instances: quarantined ports, assignments of whom nobody knows any more,
/// strangers' listeners.
pub fn propose(strategy: Strategy, limits: &Limits, known: &[Known], others: &[(u16, Obstacle)]) -> Proposal {
    let mut ground = Ground::new(limits.clone());
    others.iter().for_each(|(port, why)| ground.close(*port, why.clone()));
    let mut known: Vec<&Known> = known.iter().collect();
    known.sort_by(|one, other| one.id.cmp(&other.id));
    known.dedup_by(|one, other| one.id == other.id);
    if matches!(strategy, Strategy::Registry | Strategy::Static) {
        // Neither moves anybody to where another one is. What somebody has as his own is his to keep or to lose.
        let had: BTreeSet<u16> = known.iter().filter_map(|one| one.now).collect();
        for one in &known {
            let holds = one.holds.iter().filter(|port| !had.contains(port));
            holds.for_each(|port| ground.close(*port, Obstacle::Assigned(one.id.clone())));
        }
    }
    let mut strongest = known.clone();
    strongest.sort_by_key(|one| one.claim);
    let mut rows: BTreeMap<InstanceId, Proposed> = BTreeMap::new();
    // Who has what is meant for it already, and can have it, keeps it. The others come after, in the order of their ids: were one of them
    // given a port before, it could be another one's, who would be moved for it.
    for (stays, all) in [(true, &strongest), (false, &known)] {
        for &one in all {
            let (id, uid, now) = (one.id.clone(), one.uid, one.now);
            if rows.contains_key(&id) {
                continue;
            }
            let order = strategy.order(&Who { id: &id, uid, present: now }, &ground);
            let keeps = now.is_some_and(|now| order.wish == Some(u32::from(now)) && ground.obstacle(now, &id).is_none());
            if stays && !keeps {
                continue;
            }
            let Ok(chosen) = choose(&order, &id, &mut ground, |_| Ok::<_, Infallible>(None));
            if let Some(port) = chosen.port {
                ground.close(port, Obstacle::Assigned(id.clone()));
            }
            rows.insert(id.clone(), Proposed { id, uid, now, wish: chosen.wish, port: chosen.port, why: chosen.why });
        }
    }
    let rows: Vec<Proposed> = rows.into_values().collect();
    let collisions = collisions(strategy, &rows);
    Proposal { strategy: strategy.name(), formula: strategy.words(), range: limits.range, rows, collisions, notice: None }
}

/// The ports that more than one owner is meant to have. An owner's further instances are its own affair.
fn collisions(strategy: Strategy, rows: &[Proposed]) -> Vec<(u32, Vec<InstanceId>)> {
    if matches!(strategy, Strategy::Registry | Strategy::Block { .. }) {
        // Neither means two to have one port: what one has or was given is not looked for again.
        return Vec::new();
    }
    let mut ports: BTreeMap<u32, Vec<InstanceId>> = BTreeMap::new();
    let mut seen: BTreeSet<(u32, &str)> = BTreeSet::new();
    for row in rows {
        if let Some(wish) = row.wish
            && seen.insert((wish, row.id.owner()))
        {
            ports.entry(wish).or_default().push(row.id.clone());
        }
    }
    ports.into_iter().filter(|(_, ids)| ids.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PortRange;
    use crate::registry::Strategy;
    use proptest::prelude::*;

    fn limits(range: &str) -> Limits {
        Limits { range: PortRange::parse(range).unwrap(), reserved: Vec::new(), ephemeral: None, kept_free: Vec::new() }
    }

    /// `NAME UID [PORT]` each.
    fn known(text: &str) -> Vec<Known> {
        let one = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let id = InstanceId::parse(words[0]).unwrap();
            let now = words.get(2).map(|port| port.parse().unwrap());
            Known { id, uid: Uid(words[1].parse().unwrap()), now, claim: Claim::Written, holds: Vec::new() }
        };
        text.split(',').map(one).collect()
    }

    /// `NAME NOW WISH PORT WHY` each.
    fn told(proposal: &Proposal) -> Vec<String> {
        let or = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
        let row = |row: &Proposed| {
            let why = row.why.as_ref().map(|why| format!(" {why}")).unwrap_or_default();
            format!("{} {} {} {}{why}", row.id, or(row.now.map(u32::from)), or(row.wish), or(row.port.map(u32::from)))
        };
        proposal.rows.iter().map(row).collect()
    }

    fn collided(proposal: &Proposal) -> Vec<String> {
        let ids = |ids: &[InstanceId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        proposal.collisions.iter().map(|(port, owners)| format!("{port} {}", ids(owners))).collect()
    }

    #[test]
    fn the_guides_two_formulas_and_their_collisions() {
        let uid = propose(Strategy::Uid { modulus: 1000 }, &limits("8080-9080"), &known("ann 1000,ben 2000,cat 1001 8081"), &[]);
        assert_eq!(told(&uid), ["ann - 8080 8080", "ben - 8080 8082 is ann's", "cat 8081 8081 8081"]);
        assert_eq!(collided(&uid), ["8080 ann ben"]);
        let hash = propose(Strategy::NameHash { modulus: 1000 }, &limits("8080-9080"), &known("amy 1,may 2 8407,amy/tools 1"), &[]);
        // Who sits on it keeps it, whatever its name.
        assert_eq!(told(&hash), ["amy - 8407 8408 is may's", "amy/tools - 8407 8409 is may's", "may 8407 8407 8407"]);
        assert_eq!(collided(&hash), ["8407 amy may"]);
    }

    #[test]
    fn who_swaps_is_in_nobodys_way() {
        let swapped = propose(Strategy::Uid { modulus: 1000 }, &limits("8080-9080"), &known("ann 1000 8081,ben 1001 8080"), &[]);
        assert_eq!(told(&swapped), ["ann 8081 8080 8080", "ben 8080 8081 8081"]);
        assert!(swapped.rows.iter().all(Proposed::moves));
    }

    #[test]
    fn what_others_have_and_what_is_left() {
        let others = [(8080, Obstacle::InUse), (8081, Obstacle::Assigned(InstanceId::parse("gone").unwrap()))];
        let plan = propose(Strategy::Registry, &limits("8080-8083"), &known("ann 1 8080,ben 2 8083,cat 3,dan 4,eve 5 99"), &others);
        let expected = ["ann 8080 8080 8082 is in use", "ben 8083 8083 8083", "cat - - -", "dan - - -", "eve 99 - -"];
        assert_eq!(told(&plan), expected);
        let out = propose(Strategy::Uid { modulus: 5000 }, &limits("8080-8083"), &known("ann 4999"), &[]);
        assert_eq!(told(&out), ["ann - 13079 8080 is outside the range 8080-8083"]);
    }

    #[test]
    fn nobody_moves_for_one_whose_port_is_taken() {
        let taken = [(8101, Obstacle::InUse)];
        let mut all = known("ann 1 8101,ben 2 8102,cat 3 8103,dan 4 8103,eve 5 8105");
        // The registry gave cat's port to dan, and eve's listens elsewhere.
        (all[3].claim, all[4].claim, all[4].holds) = (Claim::Given, Claim::Given, vec![8104, 8103]);
        for strategy in [Strategy::Registry, Strategy::Static] {
            let plan = propose(strategy, &limits("8101-8110"), &all, &taken);
            let moved: Vec<_> = plan.rows.iter().filter(|row| row.moves()).map(|row| (row.id.to_string(), row.port)).collect();
            assert_eq!(moved, [("ann".to_owned(), Some(8106)), ("cat".to_owned(), Some(8107))], "{strategy:?}");
        }
    }

    #[test]
    fn blocks_and_what_is_written() {
        let blocks =
            propose(Strategy::Block { size: 10 }, &limits("8080-9080"), &known("ann 1,ann/x 1,ben 2 8090,cat 3 8080,dan 4 8101"), &[]);
        // Whoever sits where a block begins keeps it.
        assert_eq!(
            told(&blocks),
            ["ann - 8100 8100", "ann/x - 8101 8101", "ben 8090 8090 8090", "cat 8080 8080 8080", "dan 8101 8110 8110"]
        );
        let written = propose(Strategy::Static, &limits("8080-9080"), &known("ann 1 8090,ben 2 8090,cat 3"), &[]);
        assert_eq!(told(&written), ["ann 8090 8090 8090", "ben 8090 8090 8091 is ann's", "cat - - -"]);
        assert_eq!(collided(&written), ["8090 ann ben"]);
    }

    proptest! {
        /// Whatever the order in which the known come, the proposal is one, and no port is in it twice.
        #[test]
        fn it_is_one_proposal(uids in prop::collection::vec((0_u32..3000, prop::option::of(8080_u16..8120)), 1..40), modulus in 1_u16..2000) {
            let all: Vec<Known> = uids.iter().enumerate()
                .map(|(at, (uid, now))| Known { id: InstanceId::of_owner(&format!("u{at}")).unwrap(), uid: Uid(*uid), now: *now, claim: Claim::Written, holds: vec![] })
                .collect();
            let mut turned = all.clone();
            turned.reverse();
            for strategy in [Strategy::Registry, Strategy::Static, Strategy::Uid { modulus }, Strategy::NameHash { modulus }, Strategy::Block { size: 3 }] {
                let proposal = propose(strategy, &limits("8080-8130"), &all, &[]);
                prop_assert_eq!(&proposal, &propose(strategy, &limits("8080-8130"), &turned, &[]));
                let ports: Vec<u16> = proposal.rows.iter().filter_map(|row| row.port).collect();
                prop_assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
            }
        }
    }
}
