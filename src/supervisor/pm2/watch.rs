//! The thread that looks for daemons and listens to each: it asks once for everything, and again when something happened.
//!
//! It must never start a daemon, wait for one while another has something to tell, or ask at intervals what is told without asking.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::app::{Told, apps};
use super::bus;
use super::door::Door;
use super::fault::Fault;
use super::find::{BUS, Finder, God, Place, RPC};
use super::jlist;
use super::rpc::Rpc;
use super::state::{Shared, State};
use crate::domain::ProcessKey;
use crate::error::{Context, Result};
use crate::hand::{Reader, is_alive, process_facts};
use crate::supervisor::Ear;
use crate::supervisor::systemd::fits;

/// How long what happened gathers before it is asked for: a start tells of an app three times.
const GATHER: Duration = Duration::from_millis(50);

/// How long an answer may take before the daemon counts as lost. It is waited for all the same: whoever hangs may go on.
const DEADLINE: Duration = Duration::from_secs(2);

/// How often it is asked for a sign of life: whoever hangs tells nothing.
const ALIVE: Duration = Duration::from_secs(5);

/// How long between two tries to reach a daemon; it doubles ...
const AGAIN: Duration = Duration::from_millis(200);

/// ... up to this.
const AGAIN_AT_MOST: Duration = Duration::from_secs(5);

/// How much may wait for the thread: what is beyond that is told by the daemon itself.
const WAITING: usize = 1024;

/// How many threads open sockets at once.
const OPENING: usize = 2;

/// The thread, seen from outside. It ends with this.
pub struct Watch {
    shared: Arc<Shared>,
    /// Daemons that are to be asked.
    looks: mpsc::Sender<Place>,
    /// Closed when everybody who was there at first has answered or was given up.
    first: Mutex<Option<Receiver<()>>>,
}

/// What every session needs.
#[derive(Clone)]
struct Means {
    shared: Arc<Shared>,
    reader: Arc<Reader>,
    patterns: Arc<[String]>,
}

impl Watch {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn start(patterns: Arc<[String]>, reader: Arc<Reader>) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let (looks, looked) = mpsc::channel(WAITING);
        let (tell, first) = std::sync::mpsc::channel();
        let means = Means { shared: Arc::clone(&shared), reader, patterns };
        let thread = std::thread::Builder::new().name("berth-pm2".to_owned()).stack_size(512 * 1024);
        let run = move || {
            crate::failpoint::pass("berth-pm2");
            run(&means, looked, tell);
        };
        thread.spawn(run).while_doing(|| "cannot look for PM2's daemons".to_owned())?;
        Ok(Self { shared, looks, first: Mutex::new(Some(first)) })
    }

    /// What is known, for whoever looks again and again.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// What is known by now.
    pub fn state(&self) -> Arc<State> {
        self.shared.state()
    }

    /// The same; the first time those who run are waited for, for as long as an answer may take.
    pub fn first_state(&self) -> Arc<State> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(first) = first {
            // Whatever comes of it, the state says it.
            let _ = first.recv_timeout(DEADLINE);
        }
        self.state()
    }

    /// Whether the thread has ended: it has failed.
    pub fn has_ended(&self) -> bool {
        self.looks.is_closed()
    }

    /// Has somebody told of changes.
    pub fn tell(&self, ear: Ear) {
        self.shared.tell(ear);
    }

    /// Has a daemon asked.
    pub fn look(&self, place: &Place) {
        // Without a thread there is nobody to look, and the state says so.
        let _ = self.looks.try_send(place.clone());
    }
}

/// Looks for daemons; what it takes to listen to them is made for the first.
fn run(means: &Means, looks: mpsc::Receiver<Place>, first: Sender<()>) {
    let mut finder = Finder::default();
    let mut found = finder.look();
    let mut first = Some(first);
    while found.is_empty() {
        drop(first.take());
        std::thread::sleep(finder.pause());
        if looks.is_closed() {
            return;
        }
        found = finder.look();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(OPENING).build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(means, looks, first, finder, found)),
        // No descriptors are left: it is told once somebody asks why there are no apps.
        Err(error) => {
            for (place, god) in found {
                let account = Door::of(&place, &god, &means.reader).account;
                means.shared.lose(&place, &account, god.key, &error.to_string());
            }
        }
    }
}

/// Listens to each daemon in a task of its own, and looks for others.
async fn serve(
    means: &Means,
    mut looks: mpsc::Receiver<Place>,
    mut first: Option<Sender<()>>,
    mut finder: Finder,
    mut found: Vec<(Place, God)>,
) {
    let mut sessions: HashMap<Place, (tokio::task::JoinHandle<()>, Arc<Notify>)> = HashMap::new();
    loop {
        for (place, god) in found {
            if sessions.get(&place).is_some_and(|(task, _)| !task.is_finished()) {
                continue;
            }
            let door = Door::of(&place, &god, &means.reader);
            // Who is stopped is not waited for.
            let first = first.clone().filter(|_| !god.is_stopped);
            if god.is_stopped {
                means.shared.lose(&place, &door.account, god.key, "it is stopped");
            }
            let look = Arc::new(Notify::new());
            let task = tokio::spawn(attend(means.clone(), door, god.key, Arc::clone(&look), first));
            sessions.insert(place, (task, look));
        }
        drop(first.take());
        sessions.retain(|_, (task, _)| !task.is_finished());
        let until = Instant::now() + finder.pause();
        loop {
            tokio::select! {
                asked = looks.recv() => match asked {
                    Some(place) => {
                        if let Some((_, look)) = sessions.get(&place) {
                            look.notify_one();
                        }
                        means.shared.look_at_the_dead();
                    }
                    // Whoever had this has gone.
                    None => return,
                },
                () = tokio::time::sleep_until(until.into()) => break,
            }
        }
        means.shared.look_at_the_dead();
        found = finder.look();
    }
}

/// Listens to a daemon for as long as it runs.
async fn attend(means: Means, door: Door, mut key: ProcessKey, look: Arc<Notify>, mut first: Option<Sender<()>>) {
    let mut pause = AGAIN;
    loop {
        let began = Instant::now();
        let Err(fault) = session(&means, &door, &mut key, &look, &mut first).await;
        drop(first.take());
        means.shared.lose(&door.place, &door.account, key, fault.words());
        if !is_alive(key) {
            means.shared.end(&door.place);
            return;
        }
        pause = if began.elapsed() > AGAIN_AT_MOST { AGAIN } else { (pause * 2).min(AGAIN_AT_MOST) };
        tokio::time::sleep(pause).await;
    }
}

/// One connection to each of its sockets, from the first question until nobody answers any more.
async fn session(
    means: &Means,
    door: &Door,
    key: &mut ProcessKey,
    look: &Notify,
    first: &mut Option<Sender<()>>,
) -> std::result::Result<std::convert::Infallible, Fault> {
    let knocking = door.clone();
    // Listened to from before the first question, so that nothing is missed between that and its answer.
    let opening = move || {
        crate::failpoint::pass("berth-pm2");
        Ok::<_, std::io::Error>((knocking.knock(BUS)?, knocking.knock(RPC)?))
    };
    let opened = tokio::task::spawn_blocking(opening).await;
    let ((told, _), (asked, god)) = opened.map_err(|_| Fault::lost("its sockets could not be opened"))??;
    *key = god.key;
    let mut rpc = Rpc::over(asked)?;
    let mut bus = bus::Bus::over(told)?;
    let mut alive = tokio::time::interval(ALIVE);
    alive.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_new = true;
    let mut listed: Option<Instant> = None;
    loop {
        // Whoever tells too much on its bus is asked now and then instead.
        let happened = is_new
            || tokio::select! {
                news = bus.next() => news?,
                () = look.notified() => true,
                _ = alive.tick() => bus.is_closed(),
            };
        is_new = false;
        if !happened {
            within(means, door, *key, first, rpc.ping()).await?;
            // Whoever did not answer for a while and does now is asked what happened meanwhile.
            is_new = means.shared.state().daemons.get(&door.place).is_some_and(|daemon| daemon.lost.is_some());
            continue;
        }
        tokio::time::sleep(GATHER).await;
        bus.pass_over().await?;
        let told = match within(means, door, *key, first, rpc.processes()).await {
            // A PM2 that answers in another way than those that are known.
            Err(Fault::Strange | Fault::Refused(_)) => by_program(door, *key, &mut listed).await?,
            told => told?,
        };
        let wanted = |name: &str| means.patterns.iter().any(|pattern| fits(pattern, name));
        let apps = apps(&told, wanted, |pid| process_facts(pid).ok().map(|facts| facts.key));
        means.shared.all(&door.place, &door.account, *key, apps);
        drop(first.take());
    }
}

/// What the program says, asked seldom.
async fn by_program(door: &Door, key: ProcessKey, last: &mut Option<Instant>) -> std::result::Result<Vec<Told>, Fault> {
    if let Some(last) = *last {
        tokio::time::sleep_until((last + jlist::EVERY).into()).await;
    }
    *last = Some(Instant::now());
    let call = door.program(key);
    let run = move || {
        crate::failpoint::pass("berth-pm2");
        call.run()
    };
    tokio::task::spawn_blocking(run).await.map_err(|_| Fault::lost("its program could not be run"))?
}

/// The answer to a question. Where it takes too long that is told, and it is waited for all the same.
async fn within<T>(
    means: &Means,
    door: &Door,
    key: ProcessKey,
    first: &mut Option<Sender<()>>,
    asking: impl Future<Output = std::result::Result<T, Fault>>,
) -> std::result::Result<T, Fault> {
    let mut asking = std::pin::pin!(asking);
    if let Ok(answer) = tokio::time::timeout(DEADLINE, &mut asking).await {
        return answer;
    }
    means.shared.lose(&door.place, &door.account, key, "it does not answer");
    drop(first.take());
    asking.await
}
