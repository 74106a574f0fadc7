//! What a demo server seems to be busy with: made-up clients, log lines, some CPU, some memory.
//!
//! It must never hold up the server: work is done in slices, with pauses between them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::journal::Journal;
use crate::demo::cast::Temper;

/// How a temper looks from outside.
#[derive(Clone, Copy, Debug)]
struct Habits {
    /// Milliseconds between two lines, on average.
    pause_ms: u64,
    /// The most clients at a time.
    clients: u64,
    /// Per cent of a core, on average.
    cpu: u64,
    /// Memory in MiB: at least, and at most this much more.
    memory: (usize, usize),
    /// Of a hundred lines, how many warn and how many tell an error.
    trouble: (u64, u64),
}

fn habits(temper: Temper) -> Habits {
    match temper {
        Temper::Busy => Habits { pause_ms: 450, clients: 9, cpu: 8, memory: (48, 24), trouble: (6, 1) },
        Temper::Steady => Habits { pause_ms: 1000, clients: 4, cpu: 2, memory: (24, 8), trouble: (4, 1) },
        Temper::Quiet | Temper::Failing => Habits { pause_ms: 2600, clients: 1, cpu: 1, memory: (8, 2), trouble: (2, 0) },
        Temper::Troubled => Habits { pause_ms: 900, clients: 3, cpu: 4, memory: (32, 30), trouble: (22, 14) },
    }
}

const TOOLS: [&str; 6] = ["echo", "add", "search_notes", "read_file", "list_tickets", "summarise"];
const WARNINGS: [&str; 4] =
    ["slow upstream, 1.9 s", "rate limit near: 92 of 100 calls a minute", "retry 1 of 3 after 250 ms", "session idle, closing soon"];
const ERRORS: [&str; 4] = [
    "ECONNRESET calling search_notes",
    "upstream answered 503 to list_tickets",
    "timeout after 800 ms in summarise",
    "read_file: ENOENT notes/2026-11.md",
];

/// Numbers that look random: xorshift64*, seeded by the process. Nothing depends on their quality.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.below(words.len() as u64)).unwrap_or(0);
        words.get(at).copied().unwrap_or_default()
    }
}

/// Seems busy until the server is told to end.
pub async fn live(temper: Temper, journal: &Journal) {
    let habits = habits(temper);
    let mut dice = Dice::new(u64::from(std::process::id()));
    let mut clients: VecDeque<u64> = VecDeque::new();
    let mut ballast: Vec<u8> = Vec::new();
    let mut next_line = Instant::now() + Duration::from_millis(dice.below(300));
    let mut sweep: usize = 0;
    loop {
        if Instant::now() >= next_line {
            say(habits, &mut dice, &mut clients, journal);
            next_line = Instant::now() + Duration::from_millis(habits.pause_ms / 2 + dice.below(habits.pause_ms));
            weigh(habits.memory, &mut sweep, &mut ballast);
        }
        // A tenth of a second: some of it work, in the measure of the temper, the rest rest.
        let work = Duration::from_micros(dice.below(2 * habits.cpu * 1000));
        toil(work).await;
        tokio::time::sleep(Duration::from_millis(100).saturating_sub(work)).await;
    }
}

fn say(habits: Habits, dice: &mut Dice, clients: &mut VecDeque<u64>, journal: &Journal) {
    let lot = dice.below(100);
    let (warns, fails) = habits.trouble;
    if lot < fails {
        journal.error(dice.pick(&ERRORS));
    } else if lot < fails + warns {
        journal.warn(dice.pick(&WARNINGS));
    } else if lot > 88 && (clients.len() as u64) < habits.clients || clients.is_empty() {
        let session = dice.next() & 0xffff_ffff;
        clients.push_back(session);
        journal.set_sessions(clients.len() as u64);
        journal.info(&format!("session {session:08x} opened, {} open", clients.len()));
    } else if lot > 94 {
        let session = clients.pop_front().unwrap_or_default();
        journal.set_sessions(clients.len() as u64);
        journal.info(&format!("session {session:08x} closed, {} open", clients.len()));
    } else {
        journal.called();
        let session = clients.back().copied().unwrap_or_default();
        journal.info(&format!("session {session:08x} tools/call {} {} ms", dice.pick(&TOOLS), 2 + dice.below(60)));
    }
}

/// Grows to the most, falls back to the least, grows again: what a memory graph of a caching server looks like.
fn weigh((least, more): (usize, usize), sweep: &mut usize, ballast: &mut Vec<u8>) {
    const MIB: usize = 1 << 20;
    let wanted = (least + *sweep % (more + 1)) * MIB;
    *sweep += 1;
    if wanted < ballast.len() {
        *ballast = Vec::new();
    }
    // Written, not only reserved: pages that nobody touched are not in VmRSS.
    ballast.resize(wanted, 0x5a);
}

/// Uses the processor for about this long, in slices of a few milliseconds.
async fn toil(work: Duration) {
    let begin = Instant::now();
    let mut number = 1_u64;
    while begin.elapsed() < work {
        let slice = Instant::now();
        while slice.elapsed() < Duration::from_millis(3).min(work) {
            for _ in 0..500 {
                number = std::hint::black_box(number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
            }
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_goes_up_and_comes_down() {
        let (mut sweep, mut ballast) = (0, Vec::new());
        let sizes: Vec<usize> = (0..5)
            .map(|_| {
                weigh((1, 2), &mut sweep, &mut ballast);
                ballast.len() >> 20
            })
            .collect();
        assert_eq!(sizes, [1, 2, 3, 1, 2]);
    }

    #[test]
    fn sessions_never_outnumber_the_clients() {
        let journal = Journal::new(false);
        let (mut dice, mut clients) = (Dice::new(7), VecDeque::new());
        let habits = habits(Temper::Busy);
        for _ in 0..2000 {
            say(habits, &mut dice, &mut clients, &journal);
            assert!(journal.sessions() <= habits.clients);
        }
        assert!(journal.metrics().contains("mcp_tool_calls_total 1"));
    }
}
