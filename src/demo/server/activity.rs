//! What keeps a demo server busy: small work of its own, with lines in the log that say what it was and how long it really took.
//!
//! It must never take much: a demo runs on the machine of somebody who only wanted to look.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::journal::Journal;

/// The memory of one step, in bytes.
const BLOCK: usize = 1 << 20;

/// How one owner's server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Habit {
    /// The least memory that it holds, in blocks.
    least: usize,
    /// How many blocks come and go above that.
    swing: usize,
    /// How much work one call is, in thousands of rounds.
    work: u64,
    /// The shortest pause between two lines.
    pause: u64,
}

impl Habit {
    fn of(owner: &str) -> Self {
        match owner {
            "bob" => Self { least: 32, swing: 12, work: 6000, pause: 400 },
            "erin" => Self { least: 80, swing: 32, work: 2500, pause: 700 },
            "carol" => Self { least: 12, swing: 6, work: 900, pause: 500 },
            _ => Self { least: 6, swing: 4, work: 500, pause: 800 },
        }
    }
}

/// A small generator, splitmix64: the same owner has the same day each time.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    fn of(owner: &str) -> Self {
        Self(owner.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn of_these<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.below(words.len() as u64)).unwrap_or(0);
        words.get(index).copied().unwrap_or("")
    }
}

/// The server's own work. It goes on for ever.
pub(super) struct Activity {
    journal: Arc<Journal>,
    habit: Habit,
    dice: Dice,
    memory: Vec<Vec<u8>>,
    /// When its imagined clients came.
    clients: VecDeque<Instant>,
}

impl Activity {
    pub(super) fn new(owner: &str, journal: Arc<Journal>) -> Self {
        Self { journal, habit: Habit::of(owner), dice: Dice::of(owner), memory: Vec::new(), clients: VecDeque::new() }
    }

    pub(super) async fn run(mut self) {
        // A server fills its memory bit by bit; the first answer must not wait for it.
        while self.memory.len() < self.habit.least {
            self.grow();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.journal.info(&format!("cache filled: {} MiB", self.memory.len()));
        self.client_comes();
        loop {
            let pause = self.pause();
            tokio::time::sleep(pause).await;
            self.step();
        }
    }

    fn pause(&mut self) -> Duration {
        Duration::from_millis(self.habit.pause + self.dice.below(1200))
    }

    fn grow(&mut self) {
        // Filled, so that the pages are really there.
        let byte = u8::try_from(self.dice.below(255)).unwrap_or(0) | 1;
        self.memory.push(vec![byte; BLOCK]);
    }

    fn step(&mut self) {
        match self.dice.below(24) {
            0 => self.client_comes(),
            1 => self.client_goes(),
            2 => self.journal.warn(&format!("client is slow: {} messages wait to be read", 8 + self.dice.below(90))),
            3 if self.dice.below(3) == 0 => self.journal.error("tools/call add: invalid params: missing field `b`"),
            4 => {
                let count = self.memory.len();
                self.memory.truncate(self.habit.least);
                self.journal.info(&format!("cache swept: {} MiB given back", count - self.memory.len()));
            }
            _ => self.call(),
        }
    }

    fn client_comes(&mut self) {
        self.clients.push_back(Instant::now());
        self.journal.session(self.dice.of_these(&["claude-code 2.1", "vscode 1.110", "cursor 3.0", "codex 0.90"]));
    }

    fn client_goes(&mut self) {
        match self.clients.pop_front() {
            Some(came) => self.journal.info(&format!("session closed after {:.1} s", came.elapsed().as_secs_f64())),
            None => self.client_comes(),
        }
    }

    fn call(&mut self) {
        let begun = Instant::now();
        if self.memory.len() < self.habit.least + self.habit.swing {
            self.grow();
        }
        let rounds = self.habit.work * (300 + self.dice.below(1000));
        let mut sum = self.dice.next();
        for round in 0..rounds {
            sum = black_box(sum.rotate_left(5) ^ round);
        }
        let tool = self.dice.of_these(&["echo", "add", "time", "echo", "add"]);
        self.journal.call(tool, begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_has_the_same_day_each_time_and_another_one_than_others() {
        let day = |owner: &str| {
            let mut dice = Dice::of(owner);
            (0..20).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(day("alice"), day("alice"));
        assert_ne!(day("alice"), day("bob"));
    }

    #[test]
    fn pauses_are_lively_and_memory_is_bounded() {
        let mut activity = Activity::new("dave", Arc::new(Journal::new()));
        for _ in 0..60 {
            let pause = activity.pause();
            assert!((400..2000).contains(&pause.as_millis()), "{pause:?}");
            activity.step();
        }
        assert!(activity.memory.len() <= activity.habit.least + activity.habit.swing);
    }
}
