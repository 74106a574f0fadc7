//! How fast something is done to many: so many at once, and to no more of them after so many failures.
//!
//! Pure. It must never stop what is underway: that goes on to its end.

/// The pace of a bulk action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many are underway at once, at most; at least 1.
    pub at_once: usize,
    /// After so many failures no more are begun; `None` goes on whatever fails.
    pub max_failures: Option<usize>,
}

impl Pace {
    /// So many at once, whatever fails.
    pub fn of(at_once: usize) -> Self {
        Self { at_once: at_once.max(1), max_failures: None }
    }

    /// So many at once, and after so many failures no more.
    pub fn rolling(at_once: usize, max_failures: usize) -> Self {
        Self { at_once: at_once.max(1), max_failures: Some(max_failures.max(1)) }
    }

    /// Whether the next one may be begun.
    pub fn may_begin(self, underway: usize, failures: usize) -> bool {
        underway < self.at_once && !self.is_broken_off(failures)
    }

    /// Whether none is begun any more.
    pub fn is_broken_off(self, failures: usize) -> bool {
        self.max_failures.is_some_and(|most| failures >= most)
    }

    /// Whether it ends at failures.
    pub fn is_rolling(self) -> bool {
        self.max_failures.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does it to all, of whom these fail, the one longest underway ending first. Who was begun, and how many were underway at most.
    fn run(pace: Pace, count: usize, fail: &[usize]) -> (Vec<usize>, usize) {
        let (mut begun, mut underway, mut failures, mut most) = (Vec::new(), std::collections::VecDeque::new(), 0, 0);
        loop {
            while begun.len() < count && pace.may_begin(underway.len(), failures) {
                underway.push_back(begun.len());
                begun.push(begun.len());
            }
            most = most.max(underway.len());
            let Some(ended) = underway.pop_front() else { return (begun, most) };
            failures += usize::from(fail.contains(&ended));
        }
    }

    #[test]
    fn the_table_of_paces() {
        for (pace, fail, begun, most) in [
            (Pace::of(64), &[0, 1, 2][..], 6, 6),
            (Pace::of(0), &[0, 1], 6, 1),
            (Pace::rolling(1, 1), &[], 6, 1),
            (Pace::rolling(1, 1), &[2], 3, 1),
            (Pace::rolling(1, 2), &[0, 2, 4], 3, 1),
            (Pace::rolling(1, 0), &[0], 1, 1),
            // Those that are underway when it breaks off were begun before.
            (Pace::rolling(3, 1), &[0], 3, 3),
            (Pace::rolling(2, 2), &[0, 3], 5, 2),
            (Pace::rolling(1, 9), &[0, 1, 2, 3, 4, 5], 6, 1),
        ] {
            assert_eq!(run(pace, 6, fail), ((0..begun).collect(), most), "{pace:?} {fail:?}");
        }
    }
}
