//! A set of ports that is walked through quickly: ten thousand accounts each look for the first free one.
//!
//! It must never know why a port is in it.

use crate::domain::PortRange;

/// A bit for every port.
#[derive(Clone)]
pub(super) struct PortSet {
    words: Box<[u64; 1024]>,
}

impl PortSet {
    /// None.
    pub fn new() -> Self {
        Self { words: Box::new([0; 1024]) }
    }

    /// Puts a port in.
    pub fn insert(&mut self, port: u16) {
        self.words[usize::from(port >> 6)] |= 1 << (port & 63);
    }

    /// Takes a port out.
    pub fn remove(&mut self, port: u16) {
        self.words[usize::from(port >> 6)] &= !(1 << (port & 63));
    }

    /// Whether a port is in it.
    pub fn contains(&self, port: u16) -> bool {
        self.words[usize::from(port >> 6)] & (1 << (port & 63)) != 0
    }

    /// The lowest port of a range that is in it.
    pub fn first_in(&self, range: PortRange) -> Option<u16> {
        let (start, end) = (usize::from(range.first >> 6), usize::from(range.last >> 6));
        for at in start..=end {
            let mut word = self.words[at];
            if at == start {
                word &= u64::MAX << (range.first & 63);
            }
            if word != 0 {
                let port = u16::try_from(at * 64 + word.trailing_zeros() as usize).ok()?;
                return (port <= range.last).then_some(port);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_one_is_the_first_one(ports in prop::collection::btree_set(any::<u16>(), 0..40), one in any::<u16>(), other in any::<u16>()) {
            let mut set = PortSet::new();
            ports.iter().for_each(|port| set.insert(*port));
            let range = PortRange { first: one.min(other), last: one.max(other) };
            prop_assert_eq!(set.first_in(range), ports.iter().copied().filter(|port| range.contains(*port)).min());
            for port in &ports {
                prop_assert!(set.contains(*port));
                set.remove(*port);
            }
            prop_assert_eq!(set.first_in(PortRange { first: 0, last: u16::MAX }), None);
        }
    }
}
