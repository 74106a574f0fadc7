//! `uid`: the range's first port + uid % modulus, as the guide's generate_user_config.sh has it.
//!
//! Two accounts collide when their uids differ by a multiple of the modulus (1000 and 2000), and so do all instances of one account. On
//! a collision the next free port is given, from the range's first again after its last. It must never compute otherwise than hosts that
//! exist already do.

use super::{Order, Who};
use crate::domain::{Formula, PortRange};

/// The formula's port, and what comes after it.
pub(super) fn order(who: &Who<'_>, range: PortRange, modulus: u16) -> Order {
    let wish = Formula::Uid { modulus }.port(range.first, who.id.owner(), who.uid);
    Order::circle(wish.unwrap_or_default(), range)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{RANGE, ids};
    use super::*;
    use crate::domain::Uid;
    use proptest::prelude::*;

    fn wish(uid: u32, modulus: u16) -> Option<u32> {
        let ids = ids(1);
        order(&Who { id: &ids[0], uid: Uid(uid), present: None }, RANGE, modulus).wish
    }

    #[test]
    fn the_guides_collision() {
        // USER_PORT=$((BASE_PORT + USER_ID % 1000))
        assert_eq!((wish(1000, 1000), wish(2000, 1000)), (Some(8080), Some(8080)));
        assert_eq!((wish(1001, 1000), wish(65_534, 1000)), (Some(8081), Some(8614)));
    }

    proptest! {
        /// The shell's own arithmetic, which has 64 bits.
        #[test]
        fn as_the_shell_computes(uid in any::<u32>(), modulus in 1_u16..) {
            let expected = i64::from(RANGE.first) + i64::from(uid) % i64::from(modulus);
            prop_assert_eq!(wish(uid, modulus).map(i64::from), Some(expected));
        }

        #[test]
        fn collisions_are_the_multiples_of_the_modulus(uid in 0_u32..60_000, other in 0_u32..60_000, modulus in 1_u16..2000) {
            prop_assert_eq!(wish(uid, modulus) == wish(other, modulus), uid.abs_diff(other).is_multiple_of(u32::from(modulus)));
        }
    }
}
