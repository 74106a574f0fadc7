//! The daemon's life: its place, its socket, signals, the service manager, and its end.
//!
//! It must never end in the middle of an order that would be over in a moment, nor wait for one for ever.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigHandler, Signal as UnixSignal};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::hub::{ANSWERED, Hub, within};
use super::notify::{Notify, watchdog};
use super::reload::Kept;
use super::serve::Door;
use super::socket::{self, Place};
use super::{reload, serve};
use crate::domain::Shown;
use crate::error::{Context, Error, Kind, Result};
use crate::link::{Alone, Shared};

/// How long requests that are being answered are waited for at the end.
const GRACE: Duration = Duration::from_secs(20);

/// How long who was before this one in the same process is waited for to let the daemon's place go.
const HANDED_ON: Duration = Duration::from_secs(5);

/// How old the newest picture may be of an engine that lives: it makes one a second.
const OLDEST: Duration = Duration::from_secs(15);

/// How many threads carry orders and look accounts up.
const THREADS: usize = 96;

/// What is served.
pub struct Serving {
    /// The engine.
    pub shared: Arc<dyn Shared>,
    /// `[daemon] socket`.
    pub socket: PathBuf,
    /// `[daemon] http`.
    pub http: Option<SocketAddr>,
    /// Reads the configuration again and says what is wrong with it, or why it cannot be changed to while this runs.
    pub check: Arc<dyn Fn() -> Result<()> + Send + Sync>,
}

/// Why serving ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    Reload,
}

/// Serves until it is told to end.
///
/// # Errors
/// Of kind `Busy` when there is a daemon already; when the socket cannot be made.
pub fn run(serving: &Serving) -> Result<()> {
    let kept = Kept::of_process();
    // Begun anew it is called by the link that it was executed by.
    let _ = nix::sys::prctl::set_name(c"berth");
    let notify = Notify::of_process();
    let _alone = alone(&*serving.shared, kept.is_some())?;
    let (handed, mut children) = match kept {
        Some(kept) => (Some(kept.listener), kept.children),
        None => (socket::handed_over()?, Vec::new()),
    };
    let place = socket::open(&serving.socket, handed)?;
    let hub = Arc::new(Hub::new(Arc::clone(&serving.shared), serving.shared.watch()?));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .build()
        .while_doing(|| "cannot serve".to_owned())?;
    let end = runtime.block_on(live(serving, &hub, &place, &notify, &mut children))?;
    // Orders that are not over by now go on to their next step and are told as cut off by whoever acts next.
    runtime.shutdown_timeout(Duration::ZERO);
    match end {
        End::Stop => {
            place.remove();
            Ok(())
        }
        End::Reload => Err(reload::begin_anew(&place)),
    }
}

/// The place of this host's only daemon. Anew in the same process, the one before may not have let it go yet.
fn alone(shared: &dyn Shared, is_anew: bool) -> Result<Alone> {
    let begun = Instant::now();
    loop {
        match shared.alone() {
            Err(error) if is_anew && error.kind() == Kind::Busy && begun.elapsed() < HANDED_ON => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// What is heard from outside.
struct Signals {
    terminated: Signal,
    interrupted: Signal,
    hung_up: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let hear = |kind| signal(kind).while_doing(|| "cannot hear signals".to_owned());
        let (terminated, interrupted) = (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?);
        Ok(Self { terminated, interrupted, hung_up: hear(SignalKind::hangup())? })
    }

    /// Whether it was told to end while it was about to begin anew. From here on such a signal ends it at once: none is lost between this
    /// look and the exec.
    async fn wants_an_end(&mut self) -> bool {
        for one in [UnixSignal::SIGTERM, UnixSignal::SIGINT] {
            // SAFETY: the default disposition runs no code.
            let _ = unsafe { nix::sys::signal::signal(one, SigHandler::SigDfl) };
        }
        tokio::select! {
            _ = self.terminated.recv() => true,
            _ = self.interrupted.recv() => true,
            // What was heard before comes by way of the runtime.
            () = tokio::time::sleep(Duration::from_millis(50)) => false,
        }
    }
}

async fn live(serving: &Serving, hub: &Arc<Hub>, place: &Place, notify: &Notify, children: &mut Vec<i32>) -> Result<End> {
    let mut signals = Signals::new()?;
    let listener = place.listener.try_clone().and_then(|listener| {
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    });
    let listener = listener.while_doing(|| "cannot listen".to_owned())?;
    let (close, closed) = watch::channel(false);
    let mut accepting = JoinSet::new();
    let mut status = format!("answers at {}", serving.socket.display());
    if let Some(at) = serving.http {
        let listener = TcpListener::bind(at).await.while_doing(|| format!("cannot listen at {at}"));
        let listener = listener.map_err(|error| error.hint("[daemon] http = \"off\", or another port"))?;
        // Port 0 is whichever the kernel gives.
        let at = listener.local_addr().unwrap_or(at);
        status.push_str(&format!(" and http://{at}"));
        accepting.spawn(serve::accept(Door::Tcp(listener, at), Arc::clone(hub), closed.clone()));
    }
    accepting.spawn(serve::accept(Door::Unix(listener), Arc::clone(hub), closed));
    hub.looked().await;
    hub.shared.go_on()?;
    notify.ready(&status);
    say(&status);
    let mut tick = tokio::time::interval(watchdog().unwrap_or(Duration::from_secs(5)).min(Duration::from_secs(5)));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut sweeping: Option<JoinHandle<()>> = None;
    let end = loop {
        tokio::select! {
            _ = signals.terminated.recv() => break End::Stop,
            _ = signals.interrupted.recv() => break End::Stop,
            _ = signals.hung_up.recv() => {
                notify.reloading();
                let check = Arc::clone(&serving.check);
                match within(ANSWERED, move || check()).await {
                    Ok(()) => break End::Reload,
                    Err(error) => {
                        let why = format!("the old configuration is kept: {}", error.chain());
                        notify.ready(&why);
                        say(&why);
                    }
                }
            }
            _ = tick.tick() => {
                reload::reap(children);
                if sweeping.as_ref().is_none_or(JoinHandle::is_finished) {
                    let shared = Arc::clone(&hub.shared);
                    // What is let go may have a process that is waited for.
                    sweeping = Some(tokio::task::spawn_blocking(move || {
                        crate::failpoint::pass("daemon-work");
                        shared.sweep();
                    }));
                }
                if hub.age() < OLDEST {
                    notify.alive();
                }
            }
            // It ends only when it is told to.
            Some(_) = accepting.join_next() => return Err(Error::failed("nobody is let in any more")),
        }
    };
    if end == End::Stop {
        notify.stopping();
    }
    say(if end == End::Stop { "ends" } else { "begins anew with the new configuration" });
    close.send_replace(true);
    drop(tokio::time::timeout(GRACE, async { while accepting.join_next().await.is_some() {} }).await);
    if end == End::Reload && signals.wants_an_end().await {
        notify.stopping();
        return Ok(End::Stop);
    }
    Ok(end)
}

/// A line for the journal.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "berth serve: {}", Shown::new(text));
}
