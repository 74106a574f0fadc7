//! Which processes are below which.
//!
//! It must never decide whose a tree is: roots are given, and a root that was given the pid of another process is none.

use std::collections::HashSet;

use super::table::Table;
use crate::domain::ProcessKey;

/// Parents with their children, sorted, so that one vector serves for all.
pub(super) struct Children(Vec<(i32, i32)>);

impl Children {
    pub(super) fn of(table: &Table) -> Self {
        Self::from_pairs(table.iter().map(|(pid, entry)| (entry.parent, pid)).collect())
    }

    fn from_pairs(mut pairs: Vec<(i32, i32)>) -> Self {
        pairs.sort_unstable();
        Self(pairs)
    }

    /// The children of a process.
    pub(super) fn of_process(&self, parent: i32) -> impl Iterator<Item = i32> + '_ {
        let first = self.0.partition_point(|&(of, _)| of < parent);
        self.0.iter().skip(first).take_while(move |&&(of, _)| of == parent).map(|&(_, pid)| pid)
    }

    /// The roots and everything below them.
    fn below(&self, roots: impl Iterator<Item = i32>) -> HashSet<i32> {
        let mut members: HashSet<i32> = HashSet::new();
        let mut waiting: Vec<i32> = roots.collect();
        while let Some(pid) = waiting.pop() {
            // What was met is not gone through again: a parent that is out of date could make a circle.
            if members.insert(pid) {
                waiting.extend(self.of_process(pid));
            }
        }
        members
    }
}

/// The processes of the trees below `roots`, the roots included.
pub(super) fn members(table: &Table, roots: &[ProcessKey]) -> HashSet<i32> {
    Children::of(table).below(roots.iter().filter(|&&root| table.has(root)).map(|root| root.pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(pairs: &[(i32, i32)], roots: &[i32]) -> Vec<i32> {
        let mut members: Vec<i32> = Children::from_pairs(pairs.to_vec()).below(roots.iter().copied()).into_iter().collect();
        members.sort_unstable();
        members
    }

    #[test]
    fn a_tree_is_everything_below_its_root() {
        let pairs = [(0, 1), (1, 10), (10, 11), (10, 12), (12, 13), (1, 20), (20, 21)];
        assert_eq!(below(&pairs, &[10]), [10, 11, 12, 13]);
        assert_eq!(below(&pairs, &[12, 20]), [12, 13, 20, 21]);
        assert_eq!(below(&pairs, &[21]), [21]);
        assert_eq!(below(&pairs, &[]), [0; 0]);
    }

    #[test]
    fn a_circle_ends() {
        assert_eq!(below(&[(10, 11), (11, 10)], &[10]), [10, 11]);
    }

    #[test]
    fn children_are_found_at_both_ends() {
        let children = Children::from_pairs(vec![(9, 4), (1, 2), (9, 3)]);
        assert_eq!(children.of_process(1).collect::<Vec<_>>(), [2]);
        assert_eq!(children.of_process(9).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(children.of_process(5).count(), 0);
    }
}
