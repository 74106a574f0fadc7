//! The thread behind a reel: looks at the files, packs, reads what is older, goes through what is searched.
//!
//! It must never do one of these for long while another waits: each has its slice of time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{ASKED, DEEP, Log, Shared};
use crate::domain::{LogLine, Shown};
use crate::logs::Opener;
use crate::logs::history::{History, older};
use crate::logs::pack::Packer;
use crate::logs::source::Source;
use crate::logs::store::Older;
use crate::logs::wake::{Wake, Woken};

/// How often it is looked for more. The eye takes this for at once, and a storm is redrawn no more often.
const WAKE: Duration = Duration::from_millis(200);

/// How often a log is looked for that was not there for a while, and after how many looks that is so: most that are not there never come.
const WAKE_FOR_NOTHING: Duration = Duration::from_secs(1);
const A_WHILE: u32 = 50;

/// How soon it is looked again when a rotation was met half-way.
const SOON: Duration = Duration::from_millis(5);

/// How often in a row it is looked that soon.
const MOST_SOON: u32 = 40;

/// How long it works before it looks who else wants something.
const SLICE: Duration = Duration::from_millis(20);

/// How many lines are kept of what one look brings, of all the logs together.
const KEEP: usize = 10_000;

/// How many of what was there before: some screenfuls. Who scrolls above them or looks for something has the rest read.
const FIRST: usize = 2_000;

/// How many lines are handed over while the store is locked.
const HANDFUL: usize = 256;

/// One log.
struct Followed {
    source: Source,
    opener: Arc<dyn Opener>,
    path: Shown,
    notice: Option<Shown>,
    /// The latest time of its lines: their order stays as it was written.
    latest: Option<Timestamp>,
}

/// What is older, on its way.
struct Reading {
    logs: Vec<Head>,
    older: Older,
}

/// One log of it, and its next line.
struct Head {
    lines: History,
    next: Option<LogLine>,
    at: Option<Timestamp>,
    source: u16,
}

pub(super) struct Worker {
    logs: Vec<Followed>,
    shared: Arc<Shared>,
    publish: watch::Sender<u64>,
    packer: Packer,
    reading: Option<Reading>,
}

impl Worker {
    pub fn new(logs: Vec<Log>, shared: Arc<Shared>, publish: watch::Sender<u64>) -> Self {
        let share = |of: usize| (of / logs.len().max(1)).max(100);
        let (keep, first) = (share(KEEP), share(FIRST));
        let followed = |log: Log| {
            let Log { opener, path, account } = log;
            let source = Source::new(Arc::clone(&opener), path.clone(), account, keep).beginning_with(first);
            Followed { source, opener, path, notice: None, latest: None }
        };
        Self { logs: logs.into_iter().map(followed).collect(), shared, publish, packer: Packer::new(), reading: None }
    }

    /// Goes on until nobody wants the log any more.
    pub fn run(mut self, mut wake: Wake) {
        let (mut due, mut woken, mut soon, mut nothing) = (Instant::now(), Woken::ByTime, 0_u32, 0_u32);
        while woken != Woken::ToEnd {
            let mut changed = false;
            let now = Instant::now();
            if woken == Woken::ByFile || now >= due {
                let early = woken == Woken::ByFile || (1..=MOST_SOON).contains(&soon);
                changed = self.look(early);
                let is_unsettled = self.logs.iter().any(|log| log.source.is_unsettled());
                soon = if is_unsettled { soon.saturating_add(1) } else { 0 };
                nothing = if self.logs.iter().all(|log| log.source.file().is_none()) { nothing.saturating_add(1) } else { 0 };
                due = now
                    + match (soon, nothing) {
                        (1..=MOST_SOON, _) => SOON,
                        (_, A_WHILE..) => WAKE_FOR_NOTHING,
                        _ => WAKE,
                    };
                wake.watch(self.logs.first().and_then(|log| log.source.file()));
            }
            let (worked, is_left) = self.work();
            if changed || worked {
                self.publish.send_modify(|version| *version += 1);
            }
            woken = wake.wait(if is_left { Duration::ZERO } else { due.saturating_duration_since(Instant::now()) });
        }
    }

    /// Looks at each file. Says whether there is something new to show.
    fn look(&mut self, early: bool) -> bool {
        let is_several = self.logs.len() > 1;
        let (mut lines, mut open, mut notices, mut changed) = (Vec::new(), None, Vec::new(), false);
        let (mut dropped, mut dropped_bytes, mut gaps) = (0, 0, 0);
        for (index, log) in (0_u16..).zip(&mut self.logs) {
            let batch = if early { log.source.look_early() } else { log.source.look() };
            dropped += batch.dropped;
            dropped_bytes += batch.dropped_bytes;
            gaps += batch.gaps;
            // Of several the others go on; which one cannot be read is told among their lines.
            if is_several && batch.notice != log.notice {
                lines.extend(batch.notice.iter().map(|notice| LogLine { source: index, ..LogLine::mark(0, notice.clone()) }));
            }
            log.notice.clone_from(&batch.notice);
            notices.extend(batch.notice.clone());
            // Changed in their place: ten thousand lines are two megabytes.
            let (mut brought, begun) = batch.into_lines();
            for line in &mut brought {
                line.source = index;
                log.latest = log.latest.max(line.at);
                if is_several {
                    line.at = log.latest;
                }
            }
            if lines.is_empty() {
                lines = brought;
            } else {
                lines.append(&mut brought);
            }
            open = open.or(begun.map(|line| LogLine { source: index, ..line }));
        }
        if is_several {
            lines.sort_by_key(|line| line.at);
        }
        let notice = notices.pop().filter(|_| !is_several);
        changed |= !lines.is_empty();
        let mut lines = lines.into_iter().peekable();
        while lines.peek().is_some() {
            self.shared.at_leisure().add(lines.by_ref().take(HANDFUL));
            self.pack();
        }
        let mut store = self.shared.at_leisure();
        changed |= store.learn(dropped, dropped_bytes, gaps, notice);
        let same = store.open_line().map(|line| (&line.text, line.source)) == open.as_ref().map(|line| (&line.text, line.source));
        store.open(open);
        changed || !same
    }

    fn pack(&mut self) {
        loop {
            let Some(mut chunk) = self.shared.at_leisure().to_pack() else { return };
            chunk.pack(&mut self.packer);
            self.shared.at_leisure().packed(chunk);
        }
    }

    /// Works for a slice of time. Says whether something came of it, and whether more is to be done.
    fn work(&mut self) -> (bool, bool) {
        let (begin, mut worked) = (Instant::now(), false);
        if self.reading.is_none() && self.shared.depth.load(Ordering::SeqCst) == ASKED {
            self.begin_reading();
        }
        while begin.elapsed() < SLICE {
            // What is to be seen comes first: somebody waits for it.
            let job = {
                let store = self.shared.at_leisure();
                store.next_job().map(|job| (job, store.want().clone()))
            };
            if let Some((job, want)) = job {
                let verdict = job.judge(&want);
                self.shared.at_leisure().judged(&job, verdict);
                worked = true;
            } else if self.reading.is_some() {
                self.read_on();
                worked = true;
            } else {
                return (worked, false);
            }
        }
        (worked, true)
    }

    fn begin_reading(&mut self) {
        let room = self.shared.at_leisure().room();
        let share = usize::try_from(room.0).unwrap_or(0) / self.logs.len().max(1);
        let mut reading = Reading { logs: Vec::new(), older: Older::new(room) };
        for (source, log) in (0_u16..).zip(&self.logs) {
            let Some(begin) = log.source.begin().filter(|_| share > 0) else { continue };
            match older(&*log.opener, share, begin) {
                Ok(lines) => {
                    let mut head = Head { lines, next: None, at: None, source };
                    head.advance();
                    reading.logs.push(head);
                }
                Err(error) => {
                    reading.older.push(LogLine::mark(0, Shown::new(&format!("what is older in {} cannot be read: {error}", log.path))))
                }
            }
        }
        self.reading = Some(reading);
    }

    /// Some more of what is older; at the end it is put before the rest.
    fn read_on(&mut self) {
        let Some(reading) = &mut self.reading else { return };
        for _ in 0..HANDFUL {
            if !reading.step() {
                let reading = self.reading.take();
                let mut store = self.shared.at_leisure();
                if let Some(reading) = reading {
                    reading.older.into_store(&mut store);
                }
                store.set_reading(None);
                self.shared.depth.store(DEEP, Ordering::SeqCst);
                return;
            }
        }
        let (read, total) = reading.logs.iter().map(|head| head.lines.progress()).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
        let percent = (read.min(total) * 100).checked_div(total).and_then(|percent| u8::try_from(percent).ok());
        self.shared.at_leisure().set_reading(Some(percent.unwrap_or(0)));
    }
}

impl Reading {
    /// Takes the oldest of the next lines. Says whether there was one.
    fn step(&mut self) -> bool {
        let waiting = self.logs.iter_mut().filter(|head| head.next.is_some());
        let Some(head) = waiting.min_by_key(|head| (head.at, head.source)) else { return false };
        if let Some(line) = head.advance() {
            self.older.push(line);
        }
        true
    }
}

impl Head {
    fn advance(&mut self) -> Option<LogLine> {
        let next = self.lines.next().map(|line| {
            let told = |error: std::io::Error| LogLine::mark(0, Shown::new(&format!("what is older cannot be read further: {error}")));
            LogLine { source: self.source, ..line.unwrap_or_else(told) }
        });
        self.at = self.at.max(next.as_ref().and_then(|line| line.at));
        std::mem::replace(&mut self.next, next)
    }
}
