//! `block`: so many ports side by side for each owner, the first one for the first instance: first + index * size.
//!
//! The guide's getPortRangeForUser. An owner's index is that of the block in which it has a port already, else that of the lowest block in
//! which nobody has one; so it does not change when others come or go. A further instance of the owner gets the next port of the block. On
//! a collision the next free port of the owner's own block is given, and then one of the next unused block. It must never give a port of
//! another owner's block.

use super::super::ground::Ground;
use super::{Order, Who};
use crate::domain::PortRange;

/// The owner's blocks, then unused ones.
pub(super) fn order(who: &Who<'_>, ground: &Ground, size: u16) -> Order {
    let (owner, range) = (who.id.owner(), ground.range());
    // Who already sits where a block begins has it, as long as nobody else is in it.
    let present = who.present.filter(|port| around(*port, range, size).is_some_and(|block| block.first == *port));
    let mut own: Vec<PortRange> = ground.ports_of(owner).chain(present).filter_map(|port| around(port, range, size)).collect();
    own.retain(|block| ground.owners(*block).all(|other| other == owner));
    own.dedup();
    let wish = match own.first() {
        Some(first) => present
            .filter(|port| own.iter().any(|block| block.first == *port) && ground.obstacle(*port, who.id).is_none())
            .or_else(|| own.iter().find_map(|block| ground.first_open(*block)))
            .or(Some(first.first)),
        None => next_unused(ground, size, 0).map(|(_, block)| block.first),
    };
    Order { wish: wish.map(u32::from), then: own, blocks: Some(size) }
}

/// The first block from this index on in which nobody has anything, with its index. What is left of the range after the last whole
/// block is none.
pub(super) fn next_unused(ground: &Ground, size: u16, from: u32) -> Option<(u32, PortRange)> {
    let range = ground.range();
    let count = u32::try_from(range.count() / usize::from(size.max(1))).ok()?;
    (from..count).filter_map(|index| Some((index, nth(index, range, size)?))).find(|(_, block)| ground.is_nobodys(*block))
}

/// The block with this index.
fn nth(index: u32, range: PortRange, size: u16) -> Option<PortRange> {
    let first = u16::try_from(u32::from(range.first) + index * u32::from(size)).ok()?;
    Some(PortRange { first, last: first.checked_add(size.checked_sub(1)?)? })
}

/// The block that a port lies in; `None` for what no whole block covers.
fn around(port: u16, range: PortRange, size: u16) -> Option<PortRange> {
    let index = u32::from(port.checked_sub(range.first)?) / u32::from(size.max(1));
    nth(index, range, size).filter(|block| block.last <= range.last)
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::super::tests::{RANGE, give, given};
    use super::*;
    use crate::domain::InstanceId;
    use proptest::prelude::*;

    fn block(size: u16) -> Strategy {
        Strategy::Block { size }
    }

    fn ids(names: &str) -> Vec<InstanceId> {
        names.split(' ').map(|name| InstanceId::parse(name).unwrap()).collect()
    }

    #[test]
    fn an_owner_s_instances_are_neighbours() {
        let ports = given(block(10), &ids("amy bob amy/tools carol bob/x bob/y"), |_| None);
        assert_eq!(ports, [8080, 8090, 8081, 8100, 8091, 8092].map(Some));
    }

    #[test]
    fn who_needs_more_gets_an_unused_block_and_never_anothers() {
        let ports = given(block(2), &ids("amy bob amy/1 amy/2 amy/3 bob/1"), |_| None);
        assert_eq!(ports, [8080, 8082, 8081, 8084, 8085, 8083].map(Some));
    }

    #[test]
    fn an_index_does_not_change_when_others_go() {
        let mut ground = Ground::new(super::super::tests::limits());
        let all = ids("amy bob carol bob/x");
        give(block(10), &mut ground, &all[..3], |_| None);
        let mut without = Ground::new(super::super::tests::limits());
        without.close(8090, crate::domain::Obstacle::Assigned(all[1].clone()));
        assert_eq!(give(block(10), &mut without, &all[3..], |_| None), [Some(8091)]);
    }

    #[test]
    fn where_no_whole_block_is_left_nothing_is_given() {
        // 8080-8179 has three blocks of thirty, and ten ports more.
        let ports = given(block(30), &ids("amy bob carol dave"), |_| None);
        assert_eq!(ports, [Some(8080), Some(8110), Some(8140), None]);
        assert_eq!(given(block(101), &ids("amy"), |_| None), [None]);
    }

    proptest! {
        /// Two owners never share a block.
        #[test]
        fn blocks_are_one_owners(size in 1_u16..30, picks in prop::collection::vec((0_u8..8, 0_u8..6), 1..40)) {
            let mut all: Vec<InstanceId> = picks.iter().map(|(owner, name)| InstanceId::new(&format!("u{owner}"), &format!("n{name}")).unwrap()).collect();
            all.sort();
            all.dedup();
            let ports = given(block(size), &all, |_| None);
            let mut owners = std::collections::HashMap::new();
            for (id, port) in all.iter().zip(&ports) {
                let Some(port) = port else { continue };
                let block = around(*port, RANGE, size);
                prop_assert!(block.is_some_and(|block| block.contains(*port)));
                prop_assert_eq!(*owners.entry(block.map(|block| block.first)).or_insert(id.owner()), id.owner());
            }
        }
    }
}
