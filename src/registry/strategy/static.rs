//! `static`: what the instance's configuration says.
//!
//! The guide's "Static Port Assignment". On a collision the next free port is given, from the range's first again after its last. It
//! must never give a port to an instance whose configuration names none: nobody said one.

use super::{Order, Who};
use crate::domain::PortRange;

/// What is written, else nothing.
pub(super) fn order(who: &Who<'_>, range: PortRange) -> Order {
    match who.present {
        Some(port) => Order::circle(u32::from(port), range),
        None => Order { wish: None, then: Vec::new(), blocks: None },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::super::tests::{RANGE, given, ids};
    use proptest::prelude::*;

    #[test]
    fn the_second_gets_the_next_one_and_who_says_nothing_nothing() {
        let written = [Some(8101), Some(8101), None, Some(8102), Some(22)];
        let ports = given(Strategy::Static, &ids(5), |at| written[at]);
        assert_eq!(ports, [Some(8101), Some(8102), None, Some(8103), Some(8080)]);
    }

    proptest! {
        /// What one alone says one gets.
        #[test]
        fn what_nobody_else_says_is_given(written in prop::collection::vec(8080_u16..8180, 1..40)) {
            let ports = given(Strategy::Static, &ids(written.len()), |at| Some(written[at]));
            // The first one to come is in nobody's way.
            prop_assert_eq!(ports[0], Some(written[0]));
            prop_assert!(ports.iter().all(|port| port.is_some_and(|port| RANGE.contains(port))));
        }
    }
}
