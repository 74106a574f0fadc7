//! Random numbers that follow from a seed: the same seed does the same things in the same order.
//!
//! It must never be used for anything that somebody must not guess.

/// Marsaglia's xorshift, "Xorshift RNGs" (2003).
pub struct Random(u64);

impl Random {
    /// From this seed on.
    pub fn new(seed: u64) -> Self {
        // Zero would stay zero, and small seeds begin alike.
        let mut random = Self(seed ^ 0x9e37_79b9_7f4a_7c15);
        (0..8).for_each(|_| {
            random.next();
        });
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below this one.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A number from a range, both ends included.
    pub fn within(&mut self, first: u16, last: u16) -> u16 {
        first + u16::try_from(self.below(u64::from(last - first) + 1)).unwrap_or(0)
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.below(list.len() as u64)).unwrap_or(0)]
    }
}
