//! `registry`: the lowest free port, and whoever has one keeps it.
//!
//! The guide's "Option 3: Port Registry Service", with a memory that outlives the service. There are no collisions: what an instance has
//! is asked for first, and only when that is somebody else's, or held by somebody, is it given the next free one. It must never move
//! an instance that can stay.

use super::{Order, Who};
use crate::domain::PortRange;

/// What it has, else the lowest.
pub(super) fn order(who: &Who<'_>, range: PortRange) -> Order {
    // Outside the range there is nothing to keep: such a port was never berth's to give.
    let wish = who.present.filter(|port| range.contains(*port)).map(u32::from);
    Order { wish, then: vec![range], blocks: None }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{RANGE, given, ids};
    use super::super::{Strategy, Who};
    use super::*;
    use crate::domain::Uid;
    use proptest::prelude::*;

    #[test]
    fn the_lowest_and_what_one_has() {
        let ids = ids(1);
        let who = |present| Who { id: &ids[0], uid: Uid(1001), present };
        assert_eq!(order(&who(None), RANGE), Order { wish: None, then: vec![RANGE], blocks: None });
        assert_eq!(order(&who(Some(8085)), RANGE).wish, Some(8085));
        assert_eq!(order(&who(Some(22)), RANGE).wish, None);
    }

    proptest! {
        /// Everybody gets the lowest that is left, in the order in which they come.
        #[test]
        fn the_lowest_ones_without_a_gap(count in 1_usize..60) {
            let ports = given(Strategy::Registry, &ids(count), |_| None);
            let expected: Vec<Option<u16>> = (0..count).map(|at| Some(RANGE.first + u16::try_from(at).unwrap())).collect();
            prop_assert_eq!(ports, expected);
        }

        /// Who has one nobody else has keeps it.
        #[test]
        fn it_is_sticky(ports in prop::collection::hash_set(8080_u16..8180, 1..40)) {
            let ports: Vec<u16> = ports.into_iter().collect();
            let ids = ids(ports.len());
            let kept = given(Strategy::Registry, &ids, |at| Some(ports[at]));
            prop_assert_eq!(kept, ports.into_iter().map(Some).collect::<Vec<_>>());
        }
    }
}
