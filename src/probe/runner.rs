//! The thread that asks: a few at a time, spread over time; and the one round of questions that a command makes.
//!
//! It must never have root's rights, ask more than fifty at once, or break off an introduction: its session would stay.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at};

use super::ask::{Asked, alive};
use super::failure::Failure;
use super::introduce::{Introduced, introduce};
use super::ledger::Ledger;
use super::line::{Line, Whom};
use super::metrics::{Counts, scrape};
use super::opinion;
use super::record::Outcome;
use super::target::{self, Target};
use super::tls::Presented;
use super::{Board, privileges, sockets};
use crate::domain::{Certificate, Fingerprint, InstanceId, Pin, ProcessKey, Row, Snapshot};

/// The most connections at a time.
pub const MOST: usize = 50;

/// The most introductions among them.
const MOST_INTRODUCTIONS: usize = 4;

/// How many are asked at a time what they count: theirs are the long answers.
const MOST_SCRAPES: usize = 4;

/// How many descriptors a runtime takes for itself, and a few more.
const OF_A_RUNTIME: usize = 10;

/// How far apart introductions begin: each is several exchanges.
const INTRODUCTIONS_APART: Duration = Duration::from_millis(250);

/// How often it is looked who there is, and what was answered is told.
const ROUND: Duration = Duration::from_secs(1);

/// Those who are due within so long are asked together: by a wake for each, a question costs the kernel five times what it does among 25.
const TICK: Duration = Duration::from_millis(250);

/// A key that somebody else looks for, since this thread may not.
pub type KeyOf = oneshot::Receiver<Option<String>>;

/// What the thread has to know of the world, and may not find out itself.
pub trait World: Send + Sync + 'static {
    /// The newest picture; must not wait.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Whether this very process is still there.
    fn is_alive(&self, key: ProcessKey) -> bool;

    /// The key that an instance is to be asked with.
    fn key(&self, row: &Arc<Row>) -> KeyOf;

    /// The certificate that an instance is known by at a port, to which `shown` is taken where there is none yet; `None` where none may be kept.
    /// Must not wait.
    fn pin(&self, id: &InstanceId, port: u16, shown: Fingerprint) -> Option<Pin>;

    /// Whether an instance is known by a certificate at a port; must not wait.
    fn has_pin(&self, id: &InstanceId, port: u16) -> bool;

    /// Another number whenever somebody is known by another certificate than before; must not wait.
    fn pins_serial(&self) -> u64;
}

/// What came of a task.
enum Came {
    Answer(Box<Asked>),
    Introduction(Option<Box<(Line, Introduced)>>),
    Counts(Option<Counts>),
}

type Tasks = JoinSet<(InstanceId, Target, Came)>;

/// Asks servers.
pub struct Prober {
    pub(super) board: Arc<Board>,
    pub(super) world: Arc<dyn World>,
    every: Duration,
    next_introduction: Cell<Duration>,
}

impl Prober {
    /// Who asks, so often, and where the answers hang.
    pub fn new(board: Arc<Board>, world: Arc<dyn World>, every: Duration) -> Self {
        Self { board, world, every, next_introduction: Cell::default() }
    }

    /// Asks for as long as the process lives.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(self) -> io::Result<()> {
        self.spawn(|prober, runtime| runtime.block_on(prober.run())).map(drop)
    }

    /// Asks everybody once, or only `one`, who is asked who it is as well. The thread ends when all have answered, or after `patience`; an
    /// introduction that was begun it brings to its end.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn once(self, one: Option<InstanceId>, patience: Duration) -> io::Result<JoinHandle<()>> {
        self.spawn(move |prober, runtime| runtime.block_on(prober.round(one, patience)))
    }

    pub(super) fn spawn(self, work: impl FnOnce(Self, tokio::runtime::Runtime) + Send + 'static) -> io::Result<JoinHandle<()>> {
        sockets::prepare();
        let run = move || {
            crate::failpoint::pass("berth-probe");
            if privileges::drop_all().is_err() || !has_descriptors() {
                return;
            }
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
                work(self, runtime);
            }
        };
        std::thread::Builder::new().name("berth-probe".to_owned()).stack_size(256 * 1024).spawn(run)
    }

    async fn run(self) {
        let begun = Instant::now();
        let (mut ledger, mut tasks) = (Ledger::new(self.every), Tasks::new());
        let (mut next_round, mut introductions, mut is_urgent) = (Duration::ZERO, 0, false);
        let mut serial = self.world.pins_serial();
        loop {
            let now = begun.elapsed();
            if now >= next_round || is_urgent {
                ledger.learn(&self.world.snapshot(), now);
                let newest = self.world.pins_serial();
                if newest != serial {
                    serial = newest;
                    ledger.look_again_at_certificates(now, |id, shown| Certificate {
                        pin: self.world.pin(id, shown.port, shown.print),
                        ..*shown
                    });
                }
                if ledger.has_news() {
                    self.board.put(ledger.news());
                }
                (next_round, is_urgent) = (now + ROUND, false);
            }
            self.begin(&mut ledger, &mut tasks, &mut introductions, now);
            let next = ledger.next().map_or(next_round, |next| next.min(next_round)).max(now + TICK);
            let until = tokio::time::Instant::from_std(begun + next);
            loop {
                let ended = tokio::select! {
                    biased;
                    Some(ended) = tasks.join_next(), if !tasks.is_empty() => ended,
                    () = sleep_until(until) => break,
                };
                let Ok((id, target, came)) = ended else { continue };
                let now = begun.elapsed();
                match came {
                    Came::Answer(asked) => is_urgent |= self.took(&mut ledger, &id, target, *asked, now),
                    Came::Introduction(told) => {
                        introductions -= 1;
                        self.introduced(&mut ledger, &id, target, told, now);
                    }
                    Came::Counts(counts) => ledger.scraped(&id, target, counts, now),
                }
            }
        }
    }

    /// Begins what is due, as far as there is room.
    fn begin(&self, ledger: &mut Ledger, tasks: &mut Tasks, introductions: &mut usize, now: Duration) {
        for (id, target, row) in ledger.due(now, MOST.saturating_sub(tasks.len())) {
            let line = ledger.line(&id).unwrap_or_else(|| Line::plain(target.at));
            tasks.spawn(async move { (id, target, Came::Answer(Box::new(alive(line, &row).await))) });
        }
        for (id, target, row) in ledger.due_to_scrape(now, MOST_SCRAPES.min(MOST.saturating_sub(tasks.len()))) {
            let line = ledger.line(&id).unwrap_or_else(|| Line::plain(target.at));
            tasks.spawn(async move { (id, target, Came::Counts(scrape(line, &row).await)) });
        }
        // One at a time, a few in a second: who a server is may be known a minute later.
        if now >= self.next_introduction.get()
            && *introductions < MOST_INTRODUCTIONS
            && tasks.len() < MOST
            && let Some((id, target, row)) = ledger.stranger(now)
        {
            *introductions += 1;
            self.next_introduction.set(now + INTRODUCTIONS_APART);
            let world = Arc::clone(&self.world);
            let line = ledger.line(&id).unwrap_or_else(|| Line::plain(target.at));
            tasks.spawn(async move {
                let told = ask_who(&world, line, target, &row).await;
                (id, target, Came::Introduction(told.map(Box::new)))
            });
        }
    }

    /// Takes over what came of a question. True when the verdict is another one now.
    fn took(&self, ledger: &mut Ledger, id: &InstanceId, target: Target, asked: Asked, now: Duration) -> bool {
        let Asked { mut outcome, line, presented } = asked;
        // Nobody is known by the certificate of who came to listen in its place.
        if presented.is_some() && !is_still(&*self.world, id, target) {
            return ledger.took(id, target, Outcome::Failed(Failure::Refused), Timestamp::now(), now);
        }
        if let Outcome::Answered(opinion, _) = &mut outcome
            && presented.is_none()
            && self.world.has_pin(id, target.at.port())
        {
            *opinion = opinion::without_certificate();
        }
        // Who did not answer showed nothing: what it showed before is not forgotten for that.
        if matches!(outcome, Outcome::Answered(..)) {
            let shown = presented.map(|presented| certificate(&*self.world, id, target, presented));
            ledger.showed(id, target, line, shown);
        }
        ledger.took(id, target, outcome, Timestamp::now(), now)
    }

    fn introduced(&self, ledger: &mut Ledger, id: &InstanceId, target: Target, told: Option<Box<(Line, Introduced)>>, now: Duration) {
        let server = told.and_then(|told| {
            let (line, Introduced { server, presented }) = *told;
            let shown = presented.map(|presented| certificate(&*self.world, id, target, presented));
            ledger.showed(id, target, line, shown);
            server
        });
        ledger.introduced(id, target, server, now);
    }

    async fn round(self, one: Option<InstanceId>, patience: Duration) {
        let begun = Instant::now();
        let until = tokio::time::Instant::now() + patience;
        let mut ledger = Ledger::new(self.every);
        let mut snapshot = (*self.world.snapshot()).clone();
        if let Some(one) = &one {
            snapshot.rows.retain(|row| row.id == *one);
        }
        ledger.learn(&snapshot, Duration::ZERO);
        let mut tasks = Tasks::new();
        loop {
            // All are due: the moments that the first questions are apart are for those that go on.
            for (id, target, row) in ledger.due(Duration::MAX / 2, MOST.saturating_sub(tasks.len())) {
                if begun.elapsed() < patience {
                    let line = Line::of(target, &row);
                    tasks.spawn(async move { (id, target, Came::Answer(Box::new(alive(line, &row).await))) });
                }
            }
            let Ok(Some(Ok((id, target, Came::Answer(asked))))) = timeout_at(until, tasks.join_next()).await else { break };
            self.took(&mut ledger, &id, target, *asked, begun.elapsed() + Duration::MAX / 2);
        }
        tasks.abort_all();
        if one.is_some()
            && let Some((id, target, row)) = ledger.stranger(Duration::MAX / 2)
        {
            let line = ledger.line(&id).unwrap_or_else(|| Line::plain(target.at));
            let told = ask_who(&self.world, line, target, &row).await;
            self.introduced(&mut ledger, &id, target, told.map(Box::new), Duration::ZERO);
            for (id, target, row) in ledger.due_to_scrape(Duration::MAX / 2, 1) {
                let line = ledger.line(&id).unwrap_or_else(|| Line::plain(target.at));
                let counts = scrape(line, &row).await;
                ledger.scraped(&id, target, counts, Duration::ZERO);
            }
        }
        self.board.put(ledger.news());
    }
}

/// Whether there are descriptors left for a runtime: tokio panics where there are none for its signals (`OsExtraData::init`).
fn has_descriptors() -> bool {
    let taken: io::Result<Vec<File>> = (0..OF_A_RUNTIME).map(|_| File::open("/dev/null")).collect();
    taken.is_ok()
}

/// Whether it is the verified process that listens there, as far as is known by now.
pub(super) fn is_still(world: &dyn World, id: &InstanceId, target: Target) -> bool {
    world.is_alive(target.of) && world.snapshot().row(id).and_then(|row| target::of(row)) == Some(target)
}

/// What is known of a certificate that was shown.
pub(super) fn certificate(world: &dyn World, id: &InstanceId, target: Target, shown: Presented) -> Certificate {
    let port = target.at.port();
    Certificate { port, print: shown.print, ends: shown.ends, pin: world.pin(id, port, shown.print) }
}

/// Whether who showed this certificate may be given the key: it is the one that the instance is known by; without TLS, it was never known by
/// any, and its configuration says nothing of it.
pub(super) fn may_have_key(world: &dyn World, row: &Row, target: Target, shown: Option<&Presented>) -> bool {
    match shown {
        Some(shown) => certificate(world, &row.id, target, *shown).is_known(),
        // Who had one does not get it by having none.
        None => row.declared.as_ref().is_some_and(|declared| !declared.https) && !world.has_pin(&row.id, target.at.port()),
    }
}

/// Asks who it is; the other way, with or without TLS, where this one is the wrong one. What fails is asked again some time.
pub(super) async fn ask_who(world: &Arc<dyn World>, line: Line, target: Target, row: &Arc<Row>) -> Option<(Line, Introduced)> {
    let still = || is_still(&**world, &row.id, target);
    let trusts = |shown: Option<&Presented>| may_have_key(&**world, row, target, shown);
    let key = || async { world.key(row).await.ok().flatten() };
    match introduce(Whom { line: &line, still: &still, trusts: &trusts }, key()).await {
        Ok(introduced) => Some((line, introduced)),
        Err(failure) => {
            let other = line.instead(failure)?;
            let introduced = introduce(Whom { line: &other, still: &still, trusts: &trusts }, key()).await.ok()?;
            Some((other, introduced))
        }
    }
}
