//! A desk and a door for tests: the fixture fleet, orders that end as their instance's name says.
//!
//! It must never be part of the program.

// A fixture that cannot be made fails its test; clippy takes only #[test] functions for tests.
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use tokio::sync::watch;

use super::args::{Arguments, Global};
use super::door::{ConsoleOptions, Desk, Opening, Setting, Wiring};
use super::output::Out;
use crate::domain::{
    Caller, Diagnosis, InstanceId, LogLine, LogView, Order, Outcome, Proposal, Role, Shown, Snapshot, Task, Trail, Uid, Verb,
};
use crate::error::{Error, Kind, Result};
use crate::link::{Door, LogLines, LogQuery, Reel, Tail};

pub(super) use crate::present::fleet;

/// The global options of these words.
pub fn global(words: &str) -> Global {
    Arguments::try_parse_from(["berth"].into_iter().chain(words.split_whitespace())).unwrap().global
}

/// An output, and what was written to it.
pub fn written() -> (Out, impl Fn() -> String) {
    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let buffer = Buffer::default();
    let copy = buffer.clone();
    (Out::to(buffer), move || String::from_utf8(copy.0.lock().unwrap().clone()).unwrap())
}

/// An output that nobody reads any more. Nothing is held back: every write fails.
pub fn closed() -> Out {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    Out::to(Closed)
}

/// A line of an instance's log.
pub fn log_line(id: &InstanceId, number: u64) -> LogLine {
    LogLine::text(number, None, Shown::new(&format!("line {number} of {id}")))
}

/// A door whose orders take a moment; those to an id that begins with `busy` end with 5, with `bad` with 1.
pub struct FakeDoor {
    caller: Caller,
    now: AtomicUsize,
    most: AtomicUsize,
    /// The orders that were carried out.
    pub orders: Mutex<Vec<Order>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Default for FakeDoor {
    fn default() -> Self {
        Self::new(fleet::fleet())
    }
}

impl FakeDoor {
    fn new(snapshot: Snapshot) -> Self {
        let caller = Caller { uid: Uid::ROOT, name: "root".into(), login: None, role: Role::Admin, read_only: false };
        // The sender is gone at once: nothing ever changes.
        let snapshots = watch::channel(Arc::new(snapshot)).1;
        Self { caller, now: AtomicUsize::new(0), most: AtomicUsize::new(0), orders: Mutex::default(), snapshots }
    }

    fn known(&self, id: &InstanceId) -> Result<()> {
        let known = self.snapshots.borrow().row(id).is_some();
        if known { Ok(()) } else { Err(Error::new(Kind::NoSuchInstance, format!("{id}: no such instance"))) }
    }

    /// How many orders were under way at once, at most.
    pub fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

impl Door for FakeDoor {
    fn caller(&self) -> Caller {
        self.caller.clone()
    }

    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    fn why_not(&self, _verb: Verb, _id: &InstanceId) -> Option<Shown> {
        None
    }

    fn submit(&self, order: Order) {
        self.orders.lock().unwrap().push(order);
    }

    fn carry_out(&self, order: Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        progress(&"working".into());
        std::thread::sleep(Duration::from_millis(5));
        self.now.fetch_sub(1, Ordering::SeqCst);
        let exit_code = match order.id.owner() {
            owner if owner.starts_with("busy") => 5,
            owner if owner.starts_with("bad") => 1,
            "alcie" => 4,
            _ => 0,
        };
        let sentence = if exit_code == 0 { order.verb.done().into() } else { "not done. It would not".into() };
        self.orders.lock().unwrap().push(order);
        Outcome { exit_code, sentence, hints: Vec::new(), log_lines: Vec::new() }
    }

    fn foresee(&self, order: &Order) -> (Order, Outcome) {
        let sentence = Shown::new(&format!("would {}", order.verb));
        (order.clone(), Outcome { exit_code: 0, sentence, hints: Vec::new(), log_lines: Vec::new() })
    }

    fn propose(&self, strategy: crate::config::Strategy) -> Result<Proposal> {
        Err(Error::failed(format!("the command line asks its desk about {strategy:?}")))
    }

    fn foresee_task(&self, task: &Task) -> Outcome {
        let sentence = Shown::new(&format!("would {}", task.word()));
        Outcome { exit_code: 0, sentence, hints: Vec::new(), log_lines: Vec::new() }
    }

    fn carry_out_task(&self, task: &Task, _reason: Option<String>, _progress: &mut dyn FnMut(&Shown)) -> Outcome {
        let sentence = Shown::new(&format!("did {}", task.word()));
        Outcome { exit_code: 0, sentence, hints: Vec::new(), log_lines: Vec::new() }
    }

    fn clients(&self, _: &InstanceId) -> Result<u64> {
        Ok(0)
    }

    fn diagnose(&self, id: &InstanceId) -> Result<Diagnosis> {
        self.known(id).map(|()| fleet::diagnosis(id))
    }

    fn trail(&self, _count: usize) -> Result<Trail> {
        Ok(Trail::default())
    }

    fn tail(&self, id: &InstanceId) -> Result<Arc<dyn Tail>> {
        self.known(id).map(|()| Arc::new(FakeTail(id.clone())) as Arc<dyn Tail>)
    }

    fn reel(&self, _ids: &[InstanceId]) -> Result<Reel> {
        Err(Error::failed("the command line has no screen"))
    }
}

/// Three lines that never change.
struct FakeTail(InstanceId);

impl Tail for FakeTail {
    fn lines(&self, _up_to: Option<u64>, count: usize) -> LogView {
        let first = 3_usize.saturating_sub(count) as u64 + 1;
        let lines = (first..=3).map(|number| log_line(&self.0, number)).collect();
        LogView { lines, oldest: 1, newest: 3, before: first - 1, ..LogView::default() }
    }

    fn version(&self) -> watch::Receiver<u64> {
        // The sender ends after a moment, as a log that cannot change any more.
        let (sender, receiver) = watch::channel(1);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(sender);
        });
        receiver
    }
}

/// A desk on a snapshot.
pub struct FakeDesk {
    snapshot: Arc<Snapshot>,
    door: Arc<FakeDoor>,
}

impl FakeDesk {
    /// On this snapshot, as root.
    pub fn new(snapshot: Snapshot) -> Self {
        Self { door: Arc::new(FakeDoor::new(snapshot.clone())), snapshot: Arc::new(snapshot) }
    }

    /// Asked by somebody else.
    pub fn set_caller(&mut self, uid: Uid, name: &str) {
        let mut door = FakeDoor::new((*self.snapshot).clone());
        door.caller = Caller { uid, name: name.into(), role: Role::Viewer, ..door.caller };
        self.door = Arc::new(door);
    }

    /// The orders that were carried out.
    pub fn orders(&self) -> Vec<Order> {
        self.door.orders.lock().unwrap().clone()
    }
}

impl FakeDesk {
    /// This of an instance that is known.
    fn told(&self, id: &InstanceId, sentence: String) -> Outcome {
        let exit_code = if self.door.known(id).is_ok() { 0 } else { Kind::NoSuchInstance.exit_code() };
        let sentence = if exit_code == 0 { sentence } else { "no such instance".to_owned() };
        Outcome { exit_code, sentence: Shown::new(&sentence), hints: Vec::new(), log_lines: Vec::new() }
    }
}

impl Desk for FakeDesk {
    fn look(&self) -> Result<Arc<Snapshot>> {
        Ok(Arc::clone(&self.snapshot))
    }

    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>> {
        Ok(self.door.watch())
    }

    fn log(&self, id: &InstanceId, query: &LogQuery) -> Result<LogLines> {
        self.door.known(id)?;
        let (id, grep) = (id.clone(), query.grep.clone());
        let lines: Vec<_> = FakeTail(id).lines(None, usize::MAX).lines;
        let mut lines: Vec<_> = lines.into_iter().filter(|line| grep.as_ref().is_none_or(|grep| grep.is_in(line.text.as_str()))).collect();
        let first = lines.len().saturating_sub(query.last.unwrap_or(usize::MAX));
        Ok(Box::new(lines.split_off(first).into_iter().map(Ok)))
    }

    fn door(&self) -> Arc<dyn Door> {
        Arc::clone(&self.door) as Arc<dyn Door>
    }

    fn add(&self, adding: &crate::link::Adding) -> crate::domain::Added {
        let exit_code = if adding.id.owner().starts_with("busy") { Kind::Busy.exit_code() } else { 0 };
        let sentence = if exit_code == 0 { "has port 8110" } else { "not added. No port of the range is left for it" };
        let outcome = Outcome { exit_code, sentence: sentence.into(), hints: Vec::new(), log_lines: Vec::new() };
        let url = (exit_code == 0).then(|| "http://127.0.0.1:8110/mcp".to_owned());
        let (account, config) = (Some(Shown::new(adding.id.owner())), Some("/x/config.json".into()));
        crate::domain::Added { outcome, port: url.as_ref().map(|_| 8110), url, account, config, steps: vec!["port 8110".into()] }
    }

    fn add_many(&self, all: &[crate::link::Adding], ended: &mut dyn FnMut(usize, &crate::domain::Added)) -> Vec<crate::domain::Added> {
        let added: Vec<_> = all.iter().map(|adding| self.add(adding)).collect();
        added.iter().enumerate().for_each(|(at, added)| ended(at, added));
        added
    }

    fn remove(&self, removing: &crate::link::Removing) -> Outcome {
        self.told(&removing.id, format!("was removed {} {:?}", removing.purge, removing.target))
    }

    fn adopt(&self, id: &InstanceId, dry_run: bool, _reason: Option<String>) -> Outcome {
        self.told(id, format!("has its port {dry_run}"))
    }

    fn assign(&self, id: &InstanceId, asked: crate::link::Asked, dry_run: bool, _reason: Option<String>) -> Outcome {
        self.told(id, format!("{asked:?} {dry_run}"))
    }

    fn fence(&self) -> Result<crate::domain::Fence> {
        let allotments = crate::domain::Reading::Known(Arc::default());
        crate::deploy::fence(&Snapshot { allotments, ..(*self.snapshot).clone() }, crate::domain::Allowed::default(), &mut |_| None)
    }

    fn propose(&self, strategy: crate::config::Strategy) -> Result<crate::domain::Proposal> {
        let strategy = if strategy == crate::config::Strategy::Static { "static" } else { "registry" };
        let (formula, range) = ("as it is".to_owned(), self.snapshot.range);
        Ok(crate::domain::Proposal { strategy, formula, range, rows: Vec::new(), collisions: Vec::new(), notice: None })
    }
}

/// Everything else: one setting, the desk, and a console that is left at once.
#[derive(Default)]
pub struct FakeWiring {
    /// How it was opened.
    pub opened: Mutex<Vec<Opening>>,
    /// How the console was opened.
    pub consoles: Mutex<Vec<ConsoleOptions>>,
}

impl Wiring for FakeWiring {
    fn settings(&self, file: Option<&std::path::Path>) -> Result<Vec<Setting>> {
        match file {
            Some(file) => Err(Error::new(Kind::Usage, format!("{}:3:1: unknown key `prots`", file.display())).hint("is `ports` meant?")),
            None => Ok(vec![Setting { key: "ports.block".into(), value: "10".into(), origin: "default".into() }]),
        }
    }

    fn open(&self, opening: &Opening) -> Result<Box<dyn Desk>> {
        self.opened.lock().unwrap().push(opening.clone());
        Ok(Box::new(FakeDesk::new(fleet::fleet())))
    }

    fn serve(&self, opening: &Opening) -> Result<()> {
        self.opened.lock().unwrap().push(opening.clone());
        Ok(())
    }

    fn dial(&self, opening: &Opening) -> Result<()> {
        self.opened.lock().unwrap().push(opening.clone());
        Ok(())
    }

    fn install(&self, _config: Option<&std::path::Path>, _dry_run: bool) -> Result<String> {
        Ok("[Unit]\n".to_owned())
    }

    fn console(&self, _desk: &dyn Desk, options: ConsoleOptions) -> Result<()> {
        self.consoles.lock().unwrap().push(options);
        Ok(())
    }
}
