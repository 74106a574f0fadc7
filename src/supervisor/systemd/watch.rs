//! Whoever talks to a manager of systemd's: asks for everything once, listens to what changes, and begins anew when nobody answers any more.
//!
//! It must never be waited for by the engine's clock, and never ask at intervals what systemd tells by itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::bus::{Bus, Fault, Told};
use super::door::Way;
use super::job::{self, Job};
use super::memory::Memory;
use super::state::{Shared, State};
use crate::error::{Context, Result};
use crate::supervisor::newest::Ears;

/// How long what changed gathers before it is asked for: a start tells of a unit five times.
const GATHER: Duration = Duration::from_millis(20);

/// How long between two tries to reach a bus that has gone; it doubles ...
const AGAIN: Duration = Duration::from_millis(200);

/// ... up to this.
const AGAIN_AT_MOST: Duration = Duration::from_secs(5);

/// How much may wait for the thread. What is beyond that is a unit that systemd itself will tell of, or an order that is refused.
const WAITING: usize = 1024;

/// How often it is asked for a sign of life: whoever hangs tells no changes.
const ALIVE: Duration = Duration::from_secs(5);

/// What is asked of the thread.
pub(super) enum Ask {
    /// Look at this unit: one of its processes has ended.
    Look(String),
    /// Carry this out.
    Job(Job),
}

/// Where a manager is, and what is wanted of it.
pub struct Place {
    /// How it is reached.
    pub way: Way,
    /// Which units.
    pub patterns: Arc<[String]>,
    /// How many of them are looked at.
    pub most: usize,
    /// The socket that somebody listens on there now, where that is known: nobody is looked for where nobody is.
    pub there: Option<watch::Receiver<Option<u32>>>,
    /// How long an answer may take.
    pub deadline: Duration,
}

/// Whoever talks, seen from outside. It ends with this.
pub struct Watch {
    shared: Arc<Shared>,
    asks: mpsc::Sender<Ask>,
    /// Told once when there is a first answer, or none.
    first: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
    patience: Duration,
}

impl Watch {
    /// One on a thread of its own.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn start(place: Place, memory: Memory, ears: Ears) -> Result<Self> {
        let doing = || "cannot listen to systemd".to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().while_doing(doing)?;
        let (watch, work) = Self::and_work(place, memory, ears);
        let thread = std::thread::Builder::new().name("berth-systemd".to_owned()).stack_size(1024 * 1024);
        let run = move || {
            crate::failpoint::pass("berth-systemd");
            runtime.block_on(work);
        };
        thread.spawn(run).while_doing(doing)?;
        Ok(watch)
    }

    /// One, and what has to be run for it in a runtime.
    pub fn and_work(place: Place, memory: Memory, ears: Ears) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let shared = Arc::new(Shared::new(ears));
        let (asks, receiver) = mpsc::channel(WAITING);
        let (tell, first) = std::sync::mpsc::channel();
        let patience = place.deadline;
        let work = run(place, memory, Arc::clone(&shared), receiver, tell);
        (Self { shared, asks, first: Mutex::new(Some(first)), patience }, work)
    }

    /// What is known, for whoever looks again and again.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// What is known by now.
    pub fn state(&self) -> Arc<State> {
        self.shared.state()
    }

    /// The same; the first time the first answer is waited for, for as long as an answer may take, and no longer than this.
    pub fn first_state(&self, patience: Duration) -> Arc<State> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(first) = first {
            // Whatever comes of it, the state says it.
            let _ = first.recv_timeout(patience.min(self.patience));
        }
        self.state()
    }

    /// Whether the thread has ended: it has failed.
    pub fn has_ended(&self) -> bool {
        self.asks.is_closed()
    }

    /// Has a unit looked at.
    pub fn look(&self, name: &str) {
        // Without a thread there is nobody to look, and the state says so.
        let _ = self.asks.try_send(Ask::Look(name.to_owned()));
    }

    /// Hands in something to be carried out; whoever waits for it gets the answer. False where nobody is there to do it.
    pub fn carry_out(&self, job: Job) -> bool {
        self.asks.try_send(Ask::Job(job)).is_ok()
    }
}

async fn run(mut place: Place, memory: Memory, shared: Arc<Shared>, mut asks: mpsc::Receiver<Ask>, first: std::sync::mpsc::Sender<()>) {
    let (buses, bus) = watch::channel(None);
    let (looks, mut looked) = mpsc::channel(WAITING);
    let (doing, memory) = (Arc::clone(&shared), Arc::new(memory));
    let kept = Arc::clone(&memory);
    let serving = tokio::spawn(async move {
        while let Some(ask) = asks.recv().await {
            match ask {
                Ask::Look(name) => drop(looks.try_send(name)),
                Ask::Job(job) => {
                    kept.keep(job.unit());
                    tokio::spawn(job::carry_out(job, bus.clone(), Arc::clone(&doing)));
                }
            }
        }
    });
    let mut first = Some(first);
    let mut there = place.there.take();
    let sessions = async {
        let mut pause = AGAIN;
        loop {
            if let Some(there) = &mut there {
                there.mark_unchanged();
            }
            let Err(fault) = session(&place, &memory, &shared, &buses, &mut looked, &mut first).await;
            drop(buses.send_replace(None));
            let known = shared.state();
            // It was answered in this session: that what comes next is no better is not known yet.
            pause = if known.is_asked && known.lost.is_none() { AGAIN } else { (pause * 2).min(AGAIN_AT_MOST) };
            shared.lose(fault.words());
            drop(first.take());
            match &mut there {
                Some(there) => again(there, pause).await,
                None => tokio::time::sleep(pause).await,
            }
        }
    };
    tokio::select! {
        // Whoever had this has gone.
        _ = serving => {}
        () = sessions => {}
    }
}

/// Waits until it is worth while to knock again: where somebody else listens than before, or after a pause where somebody does.
async fn again(there: &mut watch::Receiver<Option<u32>>, pause: Duration) {
    loop {
        let is_there = there.borrow_and_update().is_some();
        tokio::select! {
            () = tokio::time::sleep(pause), if is_there => return,
            changed = there.changed() => match changed {
                Ok(()) if there.borrow().is_some() => return,
                Ok(()) => {}
                // Nobody looks any more.
                Err(_) => return tokio::time::sleep(AGAIN_AT_MOST).await,
            },
        }
    }
}

/// One connection, from the first question until nobody answers any more.
async fn session(
    place: &Place,
    memory: &Memory,
    shared: &Shared,
    buses: &watch::Sender<Option<Arc<Bus>>>,
    looks: &mut mpsc::Receiver<String>,
    first: &mut Option<std::sync::mpsc::Sender<()>>,
) -> std::result::Result<std::convert::Infallible, Fault> {
    let (bus, mut told) = Bus::connect(&place.way, Arc::clone(&place.patterns), place.deadline).await?;
    let bus = Arc::new(bus);
    ask_for_all(&bus, place, memory, shared).await?;
    drop(buses.send_replace(Some(Arc::clone(&bus))));
    drop(first.take());
    let mut alive = tokio::time::interval(ALIVE);
    loop {
        let mut news = News::default();
        tokio::select! {
            one = told.recv() => news.take(one.unwrap_or_else(|| Told::Gone("it has closed the connection".into())))?,
            Some(name) = looks.recv() => news.look_at(name),
            _ = alive.tick() => bus.ping().await?,
        }
        tokio::time::sleep(GATHER).await;
        while let Ok(one) = told.try_recv() {
            news.take(one)?;
        }
        while let Ok(name) = looks.try_recv() {
            news.look_at(name);
        }
        if news.reloaded {
            ask_for_all(&bus, place, memory, shared).await?;
            continue;
        }
        for name in news.changed {
            // Asked for its properties a unit is loaded, let go of and told of anew, without end.
            if bus.is_loaded(&name).await? {
                match bus.facts(&name).await {
                    Ok(facts) => shared.one(facts, place.most),
                    Err(Fault::Refused(..)) => shared.let_go(&name),
                    Err(lost) => return Err(lost),
                }
            } else {
                shared.let_go(&name);
            }
        }
    }
}

/// What was told in one go.
#[derive(Default)]
struct News {
    changed: BTreeSet<String>,
    reloaded: bool,
}

impl News {
    fn look_at(&mut self, name: String) {
        self.changed.insert(name);
    }

    fn take(&mut self, told: Told) -> std::result::Result<(), Fault> {
        match told {
            // Which of both it is by now is asked.
            Told::Changed(name) | Told::Removed(name) => self.look_at(name),
            Told::Reloaded => self.reloaded = true,
            Told::Gone(why) => return Err(Fault::Lost(why)),
        }
        Ok(())
    }
}

async fn ask_for_all(bus: &Bus, place: &Place, memory: &Memory, shared: &Shared) -> std::result::Result<(), Fault> {
    let mut names: BTreeSet<String> = bus.names(&place.patterns).await?.into_iter().collect();
    names.extend(memory.names(&place.patterns));
    names.extend(shared.state().units.keys().cloned());
    let has_more = names.len() > place.most;
    let mut units = Vec::with_capacity(names.len());
    for name in names.into_iter().take(place.most) {
        match bus.facts(&name).await {
            Ok(facts) => units.push(facts),
            // It has just gone, or is none that may be looked at: the others are still there.
            Err(Fault::Refused(..)) => {}
            Err(lost) => return Err(lost),
        }
    }
    shared.all(units, has_more);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::super::job::{End, What};
    use super::*;
    use crate::patience::until_so;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn watch(directory: &std::path::Path) -> Watch {
        let way = Way::Bus(format!("unix:path={}", directory.join("bus").display()));
        let patterns: Arc<[String]> = Arc::new(["mcp@*.service".to_owned()]);
        let place = Place { way, patterns, most: 9, there: None, deadline: Duration::from_millis(100) };
        Watch::start(place, Memory::below(directory), Ears::default()).unwrap()
    }

    fn asked(watch: &Watch) -> End {
        let (job, end) = Job::new(What::Start, "mcp@a.service", Duration::from_millis(100));
        assert!(watch.carry_out(job));
        end.recv_timeout(PATIENCE).unwrap()
    }

    #[test]
    fn f19_a_bus_that_takes_everything_and_answers_nothing_is_given_up_and_nothing_was_asked() {
        let directory = tempfile::tempdir().unwrap();
        let _bus = UnixListener::bind(directory.path().join("bus")).unwrap();
        let watch = watch(directory.path());
        assert!(until_so(|| watch.state().lost.is_some()));
        assert_eq!(watch.state().lost.as_ref().unwrap().1.as_str(), "the message bus does not answer");
        let since = watch.state().lost.as_ref().unwrap().0;
        assert_eq!(asked(&watch), End::Unasked("the message bus does not answer".to_owned()));
        assert_eq!(watch.first_state(PATIENCE).lost.as_ref().unwrap().0, since, "it is told since when");
    }

    #[test]
    fn f19_no_bus_at_all_is_told_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let watch = watch(directory.path());
        assert!(watch.first_state(PATIENCE).units.is_empty());
        assert!(until_so(|| watch.state().lost.is_some()));
        assert!(matches!(asked(&watch), End::Unasked(_)));
        assert!(!watch.has_ended());
    }
}
