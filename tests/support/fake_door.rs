//! A door without a host behind it: snapshots that a test puts there, orders that it remembers, a log in memory.
//!
//! It must never do anything to a process.

use std::io::Write;
use std::sync::{Arc, Mutex};

use berth::config::Strategy;
use berth::domain::{
    Asked, Caller, Diagnosis, InstanceId, LogLine, LogView, Order, Outcome, Proposal, Role, Shown, Snapshot, Task, Trail, Uid, Verb,
};
use berth::error::{Error, Result};
use berth::link::{Door, Reel, Tail};
use berth::logs::{Log, Opener};
use tokio::sync::watch;

use super::{fleet, foreseen};

/// The door.
pub struct FakeDoor {
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// What was submitted.
    pub orders: Mutex<Vec<Order>>,
    /// Why nothing can be changed, if so.
    pub refusal: Mutex<Option<Shown>>,
    log: Arc<FakeTail>,
    /// The same lines, for a screen.
    file: tempfile::NamedTempFile,
}

impl FakeDoor {
    /// A door onto the fixture fleet.
    pub fn new() -> Arc<Self> {
        let log = Arc::new(FakeTail { lines: Mutex::new(Vec::new()), version: watch::Sender::new(0) });
        Arc::new(Self {
            snapshots: watch::Sender::new(Arc::new(fleet::fleet())),
            orders: Mutex::new(Vec::new()),
            refusal: Mutex::new(None),
            log,
            file: tempfile::NamedTempFile::new().unwrap(),
        })
    }

    /// Publishes a snapshot.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    /// Adds a line to every log.
    pub fn log(&self, text: &str) {
        let mut lines = self.log.lines.lock().unwrap();
        let number = lines.len() as u64 + 1;
        lines.push(LogLine::text(number, None, Shown::new(text)));
        drop(lines);
        writeln!(self.file.as_file(), "{text}").unwrap();
        self.log.version.send_modify(|version| *version += 1);
    }
}

impl Door for FakeDoor {
    fn caller(&self) -> Caller {
        Caller { uid: Uid::ROOT, name: Shown::from("root"), login: None, role: Role::Admin, read_only: false }
    }

    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    fn why_not(&self, verb: Verb, _id: &InstanceId) -> Option<Shown> {
        self.refusal.lock().unwrap().clone().filter(|_| verb.changes())
    }

    fn submit(&self, order: Order) {
        self.orders.lock().unwrap().push(order);
    }

    fn carry_out(&self, order: Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        progress(&Shown::from("at once"));
        self.submit(order);
        Outcome { exit_code: 0, sentence: Shown::from("done"), hints: Vec::new(), log_lines: Vec::new() }
    }

    fn foresee(&self, order: &Order) -> (Order, Outcome) {
        let Verb::Assign(asked) = order.verb else { panic!("nobody asks what {} would do", order.verb) };
        let asked = if asked == Asked::Auto { Asked::Port(8110) } else { asked };
        let sentence = format!("would have port {asked} instead of 8107; line 2 of /srv/{}/config.json would be changed", order.id);
        let outcome = Outcome { exit_code: 0, sentence: Shown::new(&sentence), hints: Vec::new(), log_lines: Vec::new() };
        (Order { verb: Verb::Assign(asked), ..order.clone() }, outcome)
    }

    fn propose(&self, strategy: Strategy) -> Result<Proposal> {
        Ok(foreseen::proposal(&self.snapshots.borrow(), strategy))
    }

    fn foresee_task(&self, task: &Task) -> Outcome {
        foreseen::of(task)
    }

    fn carry_out_task(&self, task: &Task, _reason: Option<String>, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        progress(&Shown::from("at once"));
        let sentence = Shown::new(&format!("{} is done", task.word()));
        Outcome { exit_code: 0, sentence, hints: Vec::new(), log_lines: Vec::new() }
    }

    fn clients(&self, _id: &InstanceId) -> Result<u64> {
        Ok(3)
    }

    fn diagnose(&self, id: &InstanceId) -> Result<Diagnosis> {
        Ok(fleet::diagnosis(id))
    }

    fn trail(&self, _count: usize) -> Result<Trail> {
        Ok(Trail::default())
    }

    fn tail(&self, id: &InstanceId) -> Result<Arc<dyn Tail>> {
        if id.is_unmanaged() {
            return Err(Error::failed("it has no log"));
        }
        Ok(Arc::clone(&self.log) as Arc<dyn Tail>)
    }

    fn reel(&self, ids: &[InstanceId]) -> Result<Reel> {
        if ids.iter().any(InstanceId::is_unmanaged) {
            return Err(Error::failed("it has no log"));
        }
        let log = |_: &InstanceId| Log {
            opener: Arc::new(Plain(self.file.path().to_owned())),
            path: Shown::from("/var/log/server.log"),
            account: Shown::from("alice"),
        };
        Reel::open(ids.iter().map(log).collect())
    }
}

/// A log that lies in a file.
struct Plain(std::path::PathBuf);

impl Opener for Plain {
    fn open(&self) -> std::io::Result<std::fs::File> {
        std::fs::File::open(&self.0)
    }
}

/// A log in memory.
struct FakeTail {
    lines: Mutex<Vec<LogLine>>,
    version: watch::Sender<u64>,
}

impl Tail for FakeTail {
    fn lines(&self, up_to: Option<u64>, count: usize) -> LogView {
        let lines = self.lines.lock().unwrap();
        let newest = lines.len();
        let last = up_to.map_or(newest, |up_to| usize::try_from(up_to).unwrap().min(newest));
        let seen = lines[last.saturating_sub(count)..last].to_vec();
        LogView { lines: seen, oldest: u64::from(newest > 0), newest: newest as u64, ..LogView::default() }
    }

    fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}
