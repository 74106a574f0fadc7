//! The engine's thread: ports ten times a second, processes once, a process's death as soon as the kernel tells it.
//!
//! It must never wait for anybody but the kernel's clock and descriptors.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::sync::watch;

use crate::config::Sampling;
use crate::domain::{InstanceId, ProcessKey, Snapshot, Stage, Underway};
use crate::error::{Context, Result};
use crate::hand::process_facts;

use super::{Eye, Lookout, memory};

/// How long the end of an order stays to be seen.
const SEEN_FOR: Duration = Duration::from_secs(8);

/// How soon after a death its record is looked at: the keeper writes it in that time. What a death changes is told once, with how it ended.
const AFTER_A_DEATH: Duration = Duration::from_millis(10);

/// How soon after a death the processes are looked at: who survived it, and who came in its place.
const SURVIVORS: Duration = Duration::from_millis(150);

/// How long what is told of configurations gathers before it is looked at.
const GATHER: Duration = Duration::from_millis(30);

/// How long after its start what that left behind is given back: by then everything was found, asked for and told once.
const TIDY_AFTER: Duration = Duration::from_secs(5);

/// How long between two times after that: a log that was open, a search, a large window leave some megabytes behind each.
const TIDY_EVERY: Duration = Duration::from_secs(20);

/// At the how-manieth of these times code is given back, too: what is used each second comes back by page faults.
const TIDY_CODE: u32 = 3;

/// The mark of the descriptor that tells of changed configurations: no pid.
const TOLD: u64 = u64::MAX;

/// What is being done, shared between those who act and the engine that shows it.
pub type Underways = Arc<Mutex<Vec<Underway>>>;

/// A running engine. It ends with the process.
pub struct Engine {
    /// The newest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    wake: Arc<EventFd>,
}

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the kernel gives no descriptors or thread.
    pub fn start(mut eye: Eye, sampling: Sampling, underway: Underways, first: Arc<Snapshot>) -> Result<Self> {
        let doing = || "cannot start the engine".to_owned();
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).while_doing(doing)?);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).while_doing(doing)?;
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, 0)).while_doing(doing)?;
        let told = eye.listen(sampling.discover);
        if let Some(told) = &told {
            // Once: whoever writes without end must not wake this thread without end.
            epoll.add(told, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT, TOLD)).while_doing(doing)?;
        }
        let telling = Arc::clone(&wake);
        Lookout::watch(eye.registry(), move || {
            let _ = telling.write(1);
        })?;
        let telling = Arc::clone(&wake);
        eye.supervisor().listen(Arc::new(move || {
            let _ = telling.write(1);
        }));
        let (publish, snapshots) = watch::channel(first);
        let clock = Clock { eye, sampling, underway, epoll, wake: Arc::clone(&wake), told, mourners: HashMap::new(), publish };
        std::thread::Builder::new()
            .name("berth-engine".to_owned())
            .spawn(move || {
                crate::failpoint::pass("berth-engine");
                clock.run();
            })
            .while_doing(doing)?;
        Ok(Self { snapshots, wake })
    }

    /// Makes the engine look now.
    pub fn wake(&self) {
        let _ = self.wake.write(1);
    }
}

struct Clock {
    eye: Eye,
    sampling: Sampling,
    underway: Underways,
    epoll: Epoll,
    wake: Arc<EventFd>,
    /// Readable when configurations have changed.
    told: Option<Arc<OwnedFd>>,
    /// Whose death the kernel will tell: pidfds by pid.
    mourners: HashMap<i32, (OwnedFd, ProcessKey, InstanceId)>,
    publish: watch::Sender<Arc<Snapshot>>,
}

/// What was heard while waiting.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Heard {
    /// Somebody wants a look.
    woken: bool,
    /// A configuration has changed.
    told: bool,
    /// A main process has ended.
    died: bool,
}

impl Heard {
    fn and(self, other: Self) -> Self {
        Self { woken: self.woken | other.woken, told: self.told | other.told, died: self.died | other.died }
    }
}

impl Clock {
    fn run(mut self) {
        let (mut next_tidying, mut tidied) = (Instant::now() + TIDY_AFTER, 0_u32);
        let mut next_discover = Instant::now();
        let mut next_processes = Instant::now();
        let mut next_ports = Instant::now();
        let mut next_record: Option<(Instant, Duration)> = None;
        loop {
            let now = Instant::now();
            let (mut changed, mut heard) = (false, Heard::default());
            if now >= next_discover {
                changed |= self.eye.discover();
                next_discover = self.eye.next_discovery().unwrap_or(now + self.sampling.discover);
                self.hear_again();
            }
            let processes = now >= next_processes;
            if processes || changed {
                self.eye.claim();
            }
            if let Some((at, wait)) = next_record.filter(|(at, _)| now >= *at) {
                let is_first = wait == AFTER_A_DEATH;
                let is_written = self.eye.claim();
                changed |= is_first || is_written;
                // A keeper that gets no processor writes a little later.
                next_record = (!is_written && wait < SURVIVORS).then(|| (at + wait * 2, wait * 2));
            }
            if now >= next_ports || processes || changed {
                // Who came is told ten times a second; who went is told by the process's death, and otherwise once a second.
                changed |= if processes || changed { self.eye.ports() } else { self.eye.newcomers() };
                next_ports = now + self.sampling.ports;
            }
            if processes {
                self.eye.processes();
                self.eye.pid_files();
                self.eye.postures();
                next_processes = now + self.sampling.processes;
            }
            if processes || changed {
                // Who was seen to be gone has a pidfd that says so by now.
                heard = self.hear(EpollTimeout::ZERO);
                if heard.died {
                    self.eye.ports();
                }
                self.publish();
            }
            if processes {
                self.eye.looked(now.elapsed());
            }
            if self.eye.has_joined() {
                next_discover = now;
            }
            if now >= next_tidying {
                next_tidying = now + TIDY_EVERY;
                memory::give_back();
                if tidied.is_multiple_of(TIDY_CODE) {
                    memory::give_back_code();
                }
                tidied = tidied.wrapping_add(1);
            }
            let next = next_discover.min(next_processes).min(next_ports);
            let next = next_record.map_or(next, |(at, _)| next.min(at)).saturating_duration_since(Instant::now());
            // Rounded up: a timeout of zero would spin until the tick is due.
            let timeout = EpollTimeout::try_from(next + Duration::from_millis(1)).unwrap_or(EpollTimeout::MAX);
            let heard = heard.and(self.hear(if heard == Heard::default() { timeout } else { EpollTimeout::ZERO }));
            let now = Instant::now();
            if heard.woken {
                next_processes = now;
                if self.eye.has_news() {
                    next_discover = now;
                }
            }
            if heard.told {
                next_discover = next_discover.min(now + GATHER);
            }
            if heard.died {
                next_record = Some((now + AFTER_A_DEATH, AFTER_A_DEATH));
                next_processes = next_processes.min(now + SURVIVORS);
            }
        }
    }

    /// Waits for what the kernel and others have to tell. Of who has died nothing is believed any more, and how it ended is asked for at once:
    /// a picture that only misses the process would say that nobody knows.
    fn hear(&mut self, timeout: EpollTimeout) -> Heard {
        let mut events = [EpollEvent::empty(); 64];
        let mut heard = Heard::default();
        let count = self.epoll.wait(&mut events, timeout).unwrap_or(0);
        for event in &events[..count] {
            if event.data() == 0 {
                let _ = self.wake.read();
                heard.woken = true;
            } else if event.data() == TOLD {
                heard.told = true;
            } else if let Some((descriptor, key, id)) = i32::try_from(event.data()).ok().and_then(|pid| self.mourners.remove(&pid)) {
                let _ = self.epoll.delete(descriptor.as_fd());
                self.eye.forget(key, &id, descriptor);
                heard.died = true;
            }
        }
        if heard.died {
            self.eye.claim();
        }
        heard
    }

    /// Lets the next change of a configuration wake this thread.
    fn hear_again(&self) {
        if let Some(told) = &self.told {
            let _ = self.epoll.modify(told, &mut EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT, TOLD));
        }
    }

    fn publish(&mut self) {
        let underway = self.current_underway();
        let snapshot = self.eye.judge(&underway);
        // Shown first: to have a thousand deaths told takes longer than to judge.
        self.publish.send_replace(Arc::clone(&snapshot));
        self.watch_deaths(&snapshot);
    }

    fn current_underway(&self) -> Vec<Underway> {
        let now = crate::sample::now().boot;
        let mut underway = self.underway.lock().unwrap_or_else(PoisonError::into_inner);
        underway.retain(|one| match (&one.stage, one.ended) {
            (Stage::Ended(_), Some(ended)) => now.saturating_sub(ended) < SEEN_FOR,
            _ => true,
        });
        underway.clone()
    }

    /// Has the kernel tell the death of every main process: a pidfd becomes readable then, pidfd_open(2).
    fn watch_deaths(&mut self, snapshot: &Snapshot) {
        for row in snapshot.rows.iter().filter(|row| row.declared.is_some()) {
            let Some(key) = row.main.known() else { continue };
            if self.mourners.get(&key.pid).is_some_and(|(_, known, _)| *known == key) {
                continue;
            }
            let Some(Ok(descriptor)) = Pid::from_raw(key.pid.max(0)).map(|pid| pidfd_open(pid, PidfdFlags::empty())) else { continue };
            // Opened first, checked after: the pid may have been given to another in between. The end of what only waits to be reaped was told.
            if process_facts(key.pid).is_ok_and(|facts| facts.key == key && !matches!(facts.state, 'Z' | 'X'))
                && let Ok(data) = u64::try_from(key.pid)
                && self.epoll.add(descriptor.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, data)).is_ok()
            {
                self.mourners.insert(key.pid, (descriptor, key, row.id.clone()));
            }
        }
    }
}
