//! Walking through what is to be seen: back, forward, to what is looked for, and counting it.
//!
//! It must never go through more chunks than its budget says.

use super::{AT_ONCE, Bits, Chunk, Line, LogLine, Store, is_error};
use crate::logs::page::{Find, Goal, Sought};

impl Store {
    /// The chunk in which a number lies, or the next one after it.
    pub(super) fn place(&self, number: u64) -> Option<usize> {
        let index = self.chunks.partition_point(|chunk| chunk.end() <= number);
        (index < self.chunks.len()).then_some(index)
    }

    /// Which lines of a chunk are to be seen; `None` when that is not known and the budget is spent.
    pub(super) fn passing(&mut self, index: usize, budget: &mut usize) -> Option<Bits> {
        let serial = self.filter_serial;
        if self.want.is_everything() {
            return self.chunks.get(index).map(|chunk| Bits::first(chunk.count));
        }
        if self.chunks.get(index)?.passing_for != serial {
            self.judge(index, budget)?;
        }
        self.chunks.get(index).map(|chunk| chunk.passing)
    }

    /// In which something was found.
    fn found(&mut self, index: usize, budget: &mut usize) -> Option<Bits> {
        let serial = self.search_serial;
        if self.want.search.is_none() {
            return Some(Bits::default());
        }
        if self.chunks.get(index)?.found_for != serial {
            self.judge(index, budget)?;
        }
        self.chunks.get(index).map(|chunk| chunk.found)
    }

    fn judge(&mut self, index: usize, budget: &mut usize) -> Option<()> {
        *budget = budget.checked_sub(1)?;
        let chunk = self.chunks.get_mut(index)?;
        (chunk.passing, chunk.found) = chunk.body.judge(&self.want);
        (chunk.passing_for, chunk.found_for) = (self.filter_serial, self.search_serial);
        Some(())
    }

    /// Whether a chunk is to be gone through. In one without lines, that of a log without any, there is nothing to go through, and
    /// nobody could bring it back: it has no number that it could be found by.
    pub(super) fn is_stale(&self, chunk: &Chunk) -> bool {
        let is_unsifted = !self.want.is_everything() && chunk.passing_for != self.filter_serial;
        let is_unsearched = self.want.search.is_some() && chunk.found_for != self.search_serial;
        chunk.count > 0 && (is_unsifted || is_unsearched)
    }

    /// How far going through them is, in percent.
    pub(super) fn progress(&self) -> Option<u8> {
        let stale = self.chunks.iter().filter(|chunk| self.is_stale(chunk)).count();
        let done = (self.chunks.len() - stale) * 100 / self.chunks.len().max(1);
        (stale > 0).then(|| u8::try_from(done).unwrap_or(100))
    }

    /// The numbers of the last lines to be seen up to this one, the newest first.
    pub(super) fn back(&mut self, from: u64, count: usize, budget: &mut usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut index = self.place(from).map_or(self.chunks.len(), |index| index + 1);
        while index > 0 && numbers.len() < count {
            index -= 1;
            let (Some(passing), Some(chunk)) = (self.passing(index, budget), self.chunks.get(index)) else { break };
            let first = chunk.first;
            let here = passing.and(chunk.between(first, from)).each().rev().take(count - numbers.len());
            numbers.extend(here.map(|place| first + place as u64));
        }
        numbers
    }

    /// The numbers of the next lines to be seen from this one on, the oldest first.
    pub(super) fn forward(&mut self, from: u64, count: usize, budget: &mut usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        let Some(mut index) = self.place(from) else { return numbers };
        while index < self.chunks.len() && numbers.len() < count {
            let (Some(passing), Some(chunk)) = (self.passing(index, budget), self.chunks.get(index)) else { break };
            let first = chunk.first;
            let here = passing.and(chunk.between(from, u64::MAX - 1)).each().take(count - numbers.len());
            numbers.extend(here.map(|place| first + place as u64));
            index += 1;
        }
        numbers
    }

    /// The lines of these numbers, which rise.
    pub(super) fn gather(&self, numbers: &[u64]) -> Vec<LogLine> {
        let mut lines = Vec::with_capacity(numbers.len() + 1);
        let mut rest = numbers;
        while let Some(chunk) = rest.first().and_then(|number| self.chunks.get(self.place(*number)?)) {
            let here = rest.partition_point(|number| *number < chunk.end()).max(1);
            let mut wanted = Bits::default();
            for number in rest.iter().take(here) {
                wanted.set(usize::try_from(number - chunk.first).unwrap_or(usize::MAX));
            }
            lines.extend(chunk.body.lines(chunk.first, wanted));
            rest = rest.get(here..).unwrap_or_default();
        }
        lines
    }

    /// Looks for a line, over the end and from the other one if need be.
    pub fn find(&mut self, sought: &Sought) -> Find {
        let mut budget = AT_ONCE;
        let from = sought.from.unwrap_or(u64::MAX - 1);
        let near = if sought.inclusive {
            from
        } else if sought.forward {
            from.saturating_add(1)
        } else {
            from.saturating_sub(1)
        };
        let (ahead, around) = if sought.forward {
            ((near, u64::MAX - 1), (0, near.saturating_sub(1)))
        } else {
            ((0, near), (near.saturating_add(1), u64::MAX - 1))
        };
        for ((low, high), wrapped) in [(ahead, false), (around, true)] {
            if wrapped && !sought.wraps {
                break;
            }
            match self.within(sought, low, high, &mut budget) {
                Find::At { number, .. } => return Find::At { number, wrapped },
                Find::Later => return Find::Later,
                // Older lines that are still being read come before all that is here.
                Find::Nowhere if self.reading.is_some() && (wrapped || !sought.forward) => return Find::Later,
                Find::Nowhere => {}
            }
        }
        Find::Nowhere
    }

    fn within(&mut self, sought: &Sought, low: u64, high: u64, budget: &mut usize) -> Find {
        if low > high {
            return Find::Nowhere;
        }
        let (first, last) = (self.place(low).unwrap_or(self.chunks.len()), self.place(high).unwrap_or(self.chunks.len().saturating_sub(1)));
        let mut indices: Vec<usize> = (first..=last).collect();
        if !sought.forward {
            indices.reverse();
        }
        for index in indices {
            let goal = match sought.goal {
                Goal::Match => self.found(index, budget),
                Goal::Error => self.passing(index, budget),
            };
            let (Some(goal), Some(chunk)) = (goal, self.chunks.get(index)) else {
                self.asked = if sought.forward { low.max(self.chunks.get(index).map_or(low, |chunk| chunk.first)) } else { high };
                return Find::Later;
            };
            let goal = if sought.goal == Goal::Error { goal.and(chunk.errors) } else { goal };
            let here = goal.and(chunk.between(low, high));
            let place = if sought.forward { here.each().next() } else { here.each().next_back() };
            if let Some(place) = place {
                return Find::At { number: chunk.first + place as u64, wrapped: false };
            }
        }
        Find::Nowhere
    }

    /// How many lines were found, as far as is known, and which of them this one is.
    pub(super) fn ranks(&self, current: Option<u64>) -> (u64, u64) {
        if self.want.search.is_none() {
            return (0, 0);
        }
        let (mut found, mut rank) = (0, 0);
        for chunk in self.chunks.iter().filter(|chunk| chunk.found_for == self.search_serial) {
            let here = chunk.found.count();
            if let Some(current) = current.filter(|current| *current >= chunk.first) {
                rank += if current >= chunk.end() { here } else { chunk.found.and(chunk.between(chunk.first, current)).count() };
            }
            found += here;
        }
        (found, rank)
    }

    /// How many lines are to be seen, as far as is known.
    pub(super) fn shown(&self) -> u64 {
        if self.want.is_everything() {
            return self.lines;
        }
        self.chunks.iter().filter(|chunk| chunk.passing_for == self.filter_serial).map(|chunk| chunk.passing.count()).sum()
    }

    /// How many lines to be seen came after this one, and how many of them name an error.
    pub(super) fn since(&self, since: u64) -> (u64, u64) {
        let (mut lines, mut errors) = (0, 0);
        for chunk in self.chunks.iter().rev().take_while(|chunk| chunk.end() > since.saturating_add(1)) {
            let passing = if self.want.is_everything() {
                Bits::first(chunk.count)
            } else if chunk.passing_for == self.filter_serial {
                chunk.passing
            } else {
                Bits::default()
            };
            let here = passing.and(chunk.between(since + 1, u64::MAX - 1));
            lines += here.count();
            errors += here.and(chunk.errors).count();
        }
        if let Some(open) = self.open.as_ref().filter(|open| open.number > since && self.want.passes(&Line::of(open))) {
            lines += 1;
            errors += u64::from(is_error(open));
        }
        (lines, errors)
    }
}
