//! One log, or several as one, as a screen wants them: followed, scrolled back into what is older, sifted and searched.
//!
//! It must never let a screen wait for a file or for a long search: the thread does both, and the lock is held to move lines.

mod worker;

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::worker::Worker;
use super::Opener;
use super::page::{Ask, At, Find, Page, Sought};
use super::store::Store;
use super::wake::{Stop, Wake};
use super::want::Want;
use crate::domain::{LogLine, Shown};
use crate::error::{Context, Result};

/// What packs is made on the stack before it lies on the heap, and only by this thread.
const STACK: usize = 1024 * 1024;

/// What a frame may wait for the lines to be free; handing over a handful of lines takes less.
const MOMENT: Duration = Duration::from_micros(200);

/// Nobody asked for older lines; somebody did; they are there.
const SHALLOW: u8 = 0;
const ASKED: u8 = 1;
const DEEP: u8 = 2;

/// One of the logs that are read as one.
pub struct Log {
    /// Opens it.
    pub opener: Arc<dyn Opener>,
    /// Where it is, for sentences.
    pub path: Shown,
    /// As whom it is read, for sentences.
    pub account: Shown,
}

/// What the screen and the thread share.
#[derive(Debug, Default)]
struct Shared {
    store: Mutex<Store>,
    /// How many wait for the store: the thread lets them go first.
    waiting: AtomicUsize,
    depth: AtomicU8,
}

/// A log on a screen; following ends when it is dropped.
#[derive(Debug)]
pub struct Reel {
    shared: Arc<Shared>,
    version: watch::Receiver<u64>,
    stop: Stop,
}

impl Shared {
    /// For the screen.
    fn now(&self) -> MutexGuard<'_, Store> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        store
    }

    /// For the screen, unless the thread has it for longer than a moment: it may have been put aside by the kernel meanwhile.
    fn at_once(&self) -> Option<MutexGuard<'_, Store>> {
        let begin = Instant::now();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let store = loop {
            match self.store.try_lock() {
                Ok(store) => break Some(store),
                Err(TryLockError::Poisoned(store)) => break Some(store.into_inner()),
                Err(TryLockError::WouldBlock) if begin.elapsed() < MOMENT => std::hint::spin_loop(),
                Err(TryLockError::WouldBlock) => break None,
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        store
    }

    /// For the thread, when nobody else wants it. A lock that is let go and taken again at once is not fair.
    fn at_leisure(&self) -> MutexGuard<'_, Store> {
        for _ in 0..100 {
            if self.waiting.load(Ordering::SeqCst) == 0 {
                break;
            }
            thread::sleep(Duration::from_micros(50));
        }
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reel {
    /// Follows these logs from their last lines on. The first lines are there a moment later.
    ///
    /// # Errors
    /// When the kernel gives no thread.
    pub fn open(logs: Vec<Log>) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let (publish, version) = watch::channel(0);
        let (stop, wake) = Wake::new().while_doing(|| "cannot follow the log".to_owned())?;
        let own = Arc::clone(&shared);
        thread::Builder::new()
            .name("log".into())
            .stack_size(STACK)
            .spawn(move || {
                crate::failpoint::pass("log");
                Worker::new(logs, own, publish).run(wake);
            })
            .while_doing(|| "cannot follow the log".to_owned())?;
        Ok(Self { shared, version, stop })
    }

    /// A page of what is to be seen. Who looks at the oldest line, or for it, has what is older read.
    pub fn page(&self, ask: &Ask) -> Page {
        let page = self.shared.now().page(ask);
        self.turned(page, ask)
    }

    /// The same, unless it would have to be waited for: for who draws.
    pub fn page_at_once(&self, ask: &Ask) -> Option<Page> {
        let page = self.shared.at_once()?.page(ask);
        Some(self.turned(page, ask))
    }

    /// What follows from a page's being looked at.
    fn turned(&self, mut page: Page, ask: &Ask) -> Page {
        if page.is_oldest && matches!(ask.at, At::Oldest | At::Up(..)) {
            self.deepen();
        }
        if self.depth() == ASKED {
            page.reading.get_or_insert(0);
        }
        if page.sifting.is_some() {
            self.stop.ask();
        }
        page
    }

    /// What is to be seen from now on, of older lines too.
    pub fn sift(&self, want: Want) {
        if !want.is_everything() || want.search.is_some() {
            self.deepen();
        }
        self.shared.now().sift(want);
        self.stop.ask();
    }

    /// Looks for a line.
    pub fn find(&self, sought: &Sought) -> Find {
        let find = self.shared.now().find(sought);
        match find {
            Find::At { wrapped: false, .. } => find,
            _ if self.depth() == DEEP || (sought.forward && !sought.wraps) => find,
            _ => {
                self.deepen();
                Find::Later
            }
        }
    }

    /// The lines to be seen of one part, from the line of this number up to and with another; and where to go on.
    pub fn slice(&self, from: u64, to: u64) -> (Vec<LogLine>, Option<u64>) {
        self.shared.now().slice(from, to)
    }

    /// Rises with each change.
    pub fn version(&self) -> watch::Receiver<u64> {
        self.version.clone()
    }

    fn depth(&self) -> u8 {
        self.shared.depth.load(Ordering::SeqCst)
    }

    fn deepen(&self) {
        if self.shared.depth.compare_exchange(SHALLOW, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.stop.ask();
        }
    }
}

#[cfg(test)]
mod tests;
