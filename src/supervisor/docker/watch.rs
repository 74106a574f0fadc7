//! The thread that talks to one engine: asks for everything once, listens to what happens, and begins anew when nobody answers any more.
//!
//! It must never be waited for by the engine's clock, never ask at intervals what the engine tells by itself, and never connect where only
//! systemd listens.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::api::{Client, Event, Fault};
use super::facts::{self, Facts, OWNER};
use super::job::{self, Job};
use super::log::{self, Wanted};
use super::process;
use super::sockets::{self, Place};
use super::state::{Shared, State};
use super::stops::Stops;
use crate::error::{Context, Result};
use crate::hand::{Identity, act_as, process_facts};
use crate::supervisor::newest::Ears;
use crate::supervisor::systemd::name::fits;

/// How long what happened gathers before it is asked for: an end tells of a container three times.
const GATHER: Duration = Duration::from_millis(50);

/// How many events are taken in between two such pauses: whoever tells more is heard later.
const AT_ONCE: usize = 256;

/// How long between two tries to reach an engine that has gone; it doubles ...
const AGAIN: Duration = Duration::from_millis(200);

/// ... up to this.
const AGAIN_AT_MOST: Duration = Duration::from_secs(5);

/// How much may wait for the thread.
const WAITING: usize = 1024;

/// How often it is asked for a sign of life: whoever hangs tells nothing.
const ALIVE: Duration = Duration::from_secs(5);

/// How often a container is looked at again that is on its way from one state to the next, and how long after.
const UNSETTLED: usize = 20;
const SETTLE: Duration = Duration::from_millis(100);

/// How many containers of one engine are looked at.
const MOST: usize = 2_000;

/// What is asked of the thread.
pub(super) enum Ask {
    /// Look at this container: one of its processes has ended.
    Look(String),
    /// Carry this out.
    Job(Job),
    /// Write down what this one has written.
    Log(Wanted),
}

/// What is wanted of an engine.
#[derive(Clone)]
pub struct Order {
    /// The names that are looked for.
    pub patterns: Arc<[String]>,
    /// Where engines may listen beside the usual places.
    pub further: Arc<[PathBuf]>,
    /// How long an answer may take.
    pub deadline: Duration,
    /// Which ends were asked for.
    pub stops: Arc<Stops>,
}

/// The thread, seen from outside. It ends with this.
pub struct Watch {
    place: Place,
    shared: Arc<Shared>,
    asks: mpsc::Sender<Ask>,
    /// Told once when there is a first answer, or none.
    first: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
}

impl Watch {
    /// Starts the thread. As `who` it looks at files; `None` is as berth.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn start(place: Place, order: Order, who: Option<Identity>, ears: Ears) -> Result<Self> {
        let shared = Arc::new(Shared::new(ears));
        let (asks, receiver) = mpsc::channel(WAITING);
        let (tell, first) = std::sync::mpsc::channel();
        let doing = || "cannot listen to a container engine".to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().while_doing(doing)?;
        let (own, at) = (Arc::clone(&shared), place.clone());
        let thread = std::thread::Builder::new().name("berth-docker".to_owned()).stack_size(1024 * 1024);
        let run = move || {
            crate::failpoint::pass("berth-docker");
            match who.as_ref().map_or(Ok(()), act_as) {
                Ok(()) => runtime.block_on(run(at, order, own, receiver, tell)),
                Err(error) => own.lose(&format!("it cannot be asked as its user: {error}")),
            }
        };
        thread.spawn(run).while_doing(doing)?;
        Ok(Self { place, shared, asks, first: Mutex::new(Some(first)) })
    }

    /// Where the engine is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What is known, for whoever looks again and again.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// What is known by now.
    pub fn state(&self) -> Arc<State> {
        self.shared.state()
    }

    /// The same; the first time the first answer is waited for.
    pub fn first_state(&self, patience: Duration) -> Arc<State> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(first) = first {
            // Whatever comes of it, the state says it.
            let _ = first.recv_timeout(patience);
        }
        self.state()
    }

    /// Whether the thread has ended: it has failed.
    pub fn has_ended(&self) -> bool {
        self.asks.is_closed()
    }

    /// Has a container looked at.
    pub fn look(&self, id: &str) {
        // Without a thread there is nobody to look, and the state says so.
        let _ = self.asks.try_send(Ask::Look(id.to_owned()));
    }

    /// Hands in something to be carried out; whoever waits for it gets the answer. False where nobody is there to do it.
    pub fn carry_out(&self, job: Job) -> bool {
        self.asks.try_send(Ask::Job(job)).is_ok()
    }

    /// Who else may hand something in.
    pub(super) fn asks(&self) -> mpsc::Sender<Ask> {
        self.asks.clone()
    }
}

async fn run(place: Place, order: Order, shared: Arc<Shared>, mut asks: mpsc::Receiver<Ask>, first: std::sync::mpsc::Sender<()>) {
    let (clients, client) = watch::channel(None);
    let (looks, mut looked) = mpsc::channel(WAITING);
    let (doing, stops) = (Arc::clone(&shared), Arc::clone(&order.stops));
    let uid = place.uid;
    let serving = tokio::spawn(async move {
        while let Some(ask) = asks.recv().await {
            match ask {
                Ask::Look(id) => drop(looks.try_send(id)),
                Ask::Job(job) => drop(tokio::spawn(job::carry_out(job, client.clone(), Arc::clone(&doing), Arc::clone(&stops), uid))),
                Ask::Log(wanted) => drop(tokio::spawn(log::write_down(wanted, client.clone(), Arc::clone(&doing)))),
            }
        }
    });
    let mut first = Some(first);
    let sessions = async {
        let mut pause = AGAIN;
        loop {
            let fault = match newest(&place, &order) {
                Ok(found) => match session(found, &order, &shared, &clients, &mut looked, &mut first).await {
                    Err(fault) => fault,
                    Ok(never) => match never {},
                },
                Err(fault) => fault,
            };
            drop(clients.send_replace(None));
            let known = shared.state();
            // It was answered in this session: that what comes next is no better is not known yet.
            pause = if known.is_asked && known.lost.is_none() { AGAIN } else { (pause * 2).min(AGAIN_AT_MOST) };
            shared.lose(fault.words());
            drop(first.take());
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        // Whoever had this has gone.
        _ = serving => {}
        () = sessions => {}
    }
}

/// The socket that lies there by now, if an engine serves it: systemd goes on listening where one has ended, and would start another.
fn newest(before: &Place, order: &Order) -> std::result::Result<(Place, i32), Fault> {
    let all = sockets::places(&order.further).map_err(|error| Fault::Lost(format!("the kernel does not tell who listens: {error}")))?;
    let now = all.into_iter().find(|place| place.path == before.path && place.uid == before.uid);
    let served = now.and_then(|place| sockets::served_by(&place, true).map(|pid| (place, pid)));
    served.ok_or_else(|| Fault::Lost("it does not run".to_owned()))
}

/// One engine, from the first question until nobody answers any more.
async fn session(
    (place, pid): (Place, i32),
    order: &Order,
    shared: &Shared,
    clients: &watch::Sender<Option<Arc<Client>>>,
    looks: &mut mpsc::Receiver<String>,
    first: &mut Option<std::sync::mpsc::Sender<()>>,
) -> std::result::Result<std::convert::Infallible, Fault> {
    let client = Arc::new(Client::new(place, order.deadline)?);
    let kind = client.kind().await?;
    let engine = process_facts(pid).ok().map(|facts| facts.key);
    // Before everything is asked for: what happens meanwhile is told.
    let mut events = client.events()?;
    let mut alive = tokio::time::interval(ALIVE);
    let (mut containers, mut has_more) = (Vec::new(), false);
    for summary in client.list().await? {
        let names = summary.names.unwrap_or_default();
        let is_wanted = summary.labels.as_ref().is_some_and(|labels| labels.contains_key(OWNER))
            || names.iter().any(|name| order.patterns.iter().any(|pattern| fits(pattern, name.trim_start_matches('/'))));
        let Some(id) = summary.id.filter(|id| is_wanted && facts::is_id(id)) else { continue };
        has_more = containers.len() >= MOST;
        if has_more {
            break;
        }
        if let Looked::Known(facts) = look(&client, order, &id).await? {
            containers.push(*facts);
        }
    }
    shared.all((kind, engine), containers, has_more);
    drop(clients.send_replace(Some(Arc::clone(&client))));
    drop(first.take());
    loop {
        let mut news = News::default();
        tokio::select! {
            event = events.next() => news.take(event?, shared),
            Some(id) = looks.recv() => drop(news.changed.insert(id)),
            _ = alive.tick() => client.ping().await?,
        }
        tokio::time::sleep(GATHER).await;
        for _ in 0..AT_ONCE {
            match tokio::time::timeout(Duration::ZERO, events.next()).await {
                Ok(event) => news.take(event?, shared),
                Err(_) => break,
            }
        }
        while let Ok(id) = looks.try_recv() {
            news.changed.insert(id);
        }
        news.removed.iter().for_each(|id| shared.removed(id));
        for id in news.changed.iter().filter(|id| facts::is_id(id)) {
            match look(&client, order, id).await? {
                Looked::Known(facts) if is_wanted(&facts, order) => shared.one(*facts),
                Looked::Known(_) | Looked::Gone => shared.removed(id),
                Looked::Unclear => {}
            }
        }
    }
}

/// What was told in one go.
#[derive(Default)]
struct News {
    changed: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl News {
    fn take(&mut self, event: Event, shared: &Shared) {
        match event.action.as_str() {
            "destroy" | "remove" => drop(self.removed.insert(event.id)),
            // What runs beside the main process changes nothing that is shown.
            "attach" | "top" | "resize" => {}
            action if action.starts_with("exec") => {}
            action => {
                // Other signals are none that one ends a container with.
                let is_end = matches!(event.signal.as_deref(), Some("2" | "3" | "9" | "15"));
                if action == "stop" || (action == "kill" && is_end) {
                    shared.asked(&event.id);
                }
                self.changed.insert(event.id);
            }
        }
    }
}

/// What came of looking at a container.
enum Looked {
    Known(Box<Facts>),
    Gone,
    /// Its engine does not say what it does at the moment.
    Unclear,
}

fn is_wanted(facts: &Facts, order: &Order) -> bool {
    facts.owner.is_some() || order.patterns.iter().any(|pattern| fits(pattern, &facts.name))
}

async fn look(client: &Client, order: &Order, id: &str) -> std::result::Result<Looked, Fault> {
    for _ in 0..UNSETTLED {
        match client.inspect(id).await {
            Ok(told) => {
                let facts = facts::facts(told, |pid| process::of(pid, client.place().uid));
                return Ok(facts.map_or(Looked::Gone, |facts| {
                    let was_asked = order.stops.have(&facts.id, facts.started_at);
                    Looked::Known(Box::new(Facts { was_asked, ..facts }))
                }));
            }
            Err(Fault::Refused(404, _)) => return Ok(Looked::Gone),
            Err(Fault::Refused(..)) => return Ok(Looked::Unclear),
            // Podman has words for what is on its way that are none of the interface.
            Err(Fault::Odd(_)) => tokio::time::sleep(SETTLE).await,
            Err(lost) => return Err(lost),
        }
    }
    Ok(Looked::Unclear)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::super::api::What;
    use super::super::job::End;
    use super::*;
    use crate::patience::until_so;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn order(path: &std::path::Path) -> Order {
        Order {
            patterns: Arc::new(["*mcp*".to_owned()]),
            further: Arc::new([path.to_owned()]),
            deadline: Duration::from_millis(100),
            stops: Arc::new(Stops::below(path)),
        }
    }

    #[test]
    fn f19_an_engine_that_takes_everything_and_answers_nothing_is_given_up_and_nothing_was_asked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap().join("api.sock");
        let _engine = UnixListener::bind(&path).unwrap();
        let order = order(&path);
        let place = sockets::places(&order.further).unwrap().pop().unwrap();
        let watch = Watch::start(place, order, None, Ears::default()).unwrap();
        assert!(until_so(|| watch.state().lost.is_some()));
        let since = watch.state().lost.as_ref().unwrap().0;
        let (job, end) = Job::new(What::Start, &"a".repeat(64), PATIENCE);
        assert!(watch.carry_out(job));
        assert!(matches!(end.recv_timeout(PATIENCE).unwrap(), End::Unasked(_)));
        assert_eq!(watch.first_state(PATIENCE).lost.as_ref().unwrap().0, since, "it is told since when");
        assert!(!watch.has_ended());
    }

    #[test]
    fn what_happens_beside_a_container_is_no_news_of_it() {
        let (shared, mut news) = (Shared::new(Ears::default()), News::default());
        for (id, action) in [("a", "start"), ("b", "exec_create: sh"), ("c", "destroy"), ("d", "health_status: healthy"), ("e", "top")] {
            news.take(Event { id: id.to_owned(), action: action.to_owned(), signal: None }, &shared);
        }
        assert_eq!(news.changed.into_iter().collect::<Vec<_>>(), ["a", "d"]);
        assert_eq!(news.removed.into_iter().collect::<Vec<_>>(), ["c"]);
    }
}
