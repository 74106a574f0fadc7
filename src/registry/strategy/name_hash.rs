//! `name-hash`: the range's first port + sum of the name's character codes % modulus, as the guide's calculatePortForUser has it.
//!
//! The codes are JavaScript's: `split('')` cuts a name into UTF-16 code units, and `charCodeAt(0)` is the unit. So anagrams collide
//! (`amy` and `may`), and so do all instances of one owner. On a collision the next free port is given, from the range's first again after
//! its last. It must never compute otherwise than hosts that exist already do.

use super::{Order, Who};
use crate::domain::{Formula, PortRange};

/// The formula's port, and what comes after it.
pub(super) fn order(who: &Who<'_>, range: PortRange, modulus: u16) -> Order {
    let wish = Formula::NameHash { modulus }.port(range.first, who.id.owner(), who.uid);
    Order::circle(wish.unwrap_or_default(), range)
}

#[cfg(test)]
mod tests {
    use super::super::tests::RANGE;
    use super::*;
    use crate::domain::{InstanceId, Uid};
    use proptest::prelude::*;

    fn wish(owner: &str, modulus: u16) -> Option<u32> {
        let id = InstanceId::of_owner(owner).unwrap();
        order(&Who { id: &id, uid: Uid(1001), present: None }, RANGE, modulus).wish
    }

    #[test]
    fn the_guides_collision() {
        // username.split('').reduce((acc, char) => { return acc + char.charCodeAt(0); }, 0) % 1000
        assert_eq!((wish("amy", 1000), wish("may", 1000), wish("bob", 1000)), (Some(8407), Some(8407), Some(8387)));
    }

    proptest! {
        /// Names are ASCII, where a unit is a byte; what else the formula says of characters is held beside the formula.
        #[test]
        fn the_sum_of_the_codes(owner in "[a-z_][a-z0-9_.-]{0,30}", modulus in 1_u16..) {
            let sum: u64 = owner.bytes().map(u64::from).sum();
            prop_assert_eq!(wish(&owner, modulus).map(u64::from), Some(8080 + sum % u64::from(modulus)));
        }

        #[test]
        fn every_anagram_collides(owner in "[a-z]{2,20}", modulus in 1_u16..) {
            let mirrored: String = owner.chars().rev().collect();
            prop_assert_eq!(wish(&owner, modulus), wish(&mirrored, modulus));
        }
    }
}
