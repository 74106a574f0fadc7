//! Who has which port by the registry, as it was read last. It is read when its file has changed, beside the clock and never by it: whoever
//! writes to it is waited for, and its disk may be a slow one.
//!
//! It must never take what cannot be read for nothing: then nobody's port is known, and that is said.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{Allotments, Reading, Shown};
use crate::error::{Context, Result};
use crate::registry::{Registry, Stamp};

/// How often the file is looked at: whoever gives ports does it by hand.
const EVERY: Duration = Duration::from_secs(1);

/// Where it is read from.
pub trait Source: Send + Sync {
    /// One state of it; another one has another. `None` where there is none.
    ///
    /// # Errors
    /// When it may not be looked at.
    fn stamp(&self) -> std::io::Result<Option<Stamp>>;

    /// What it says at this time, and a sentence where that is not the whole truth.
    ///
    /// # Errors
    /// When it may not or cannot be read.
    fn read(&self, now: Timestamp) -> Result<(Allotments, Option<Shown>)>;
}

/// The registry in a state directory.
pub struct Recorded {
    /// The registry.
    pub registry: Registry,
    /// How long a released port is kept.
    pub quarantine: Duration,
}

impl Source for Recorded {
    fn stamp(&self) -> std::io::Result<Option<Stamp>> {
        self.registry.stamp()
    }

    fn read(&self, now: Timestamp) -> Result<(Allotments, Option<Shown>)> {
        self.registry.facts(now, self.quarantine)
    }
}

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Rises when something else was read.
    pub serial: u64,
    /// Who has which port.
    pub allotments: Reading<Arc<Allotments>>,
    /// What is to be known of that.
    pub notice: Option<Shown>,
}

/// It.
pub struct Lookout {
    source: Box<dyn Source>,
    /// The state that was read; one reads at a time. `None` before it was, and where it could not be.
    read: Mutex<Option<Option<Stamp>>>,
    newest: Mutex<Seen>,
}

impl Lookout {
    /// One that has seen nothing yet.
    pub fn new(source: impl Source + 'static) -> Arc<Self> {
        let nothing = Seen { serial: 0, allotments: Reading::Unasked, notice: None };
        Arc::new(Self { source: Box::new(source), read: Mutex::default(), newest: Mutex::new(nothing) })
    }

    /// Looks, and reads what has changed. Whoever writes is waited for. True when something else is known now.
    pub(super) fn look(&self) -> bool {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is read: what is changed meanwhile is read in the next look.
        let stamp = self.source.stamp().ok();
        if stamp.is_some() && *read == stamp {
            return false;
        }
        let (allotments, notice) = match self.source.read(Timestamp::now()) {
            Ok((allotments, notice)) => {
                *read = stamp;
                (Reading::Known(Arc::new(allotments)), notice)
            }
            Err(error) => {
                *read = None;
                let told = format!("who is assigned which port is not known: {}", error.chain());
                (Reading::Denied, Some(Shown::new(&told)))
            }
        };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = newest.allotments != allotments || newest.notice != notice;
        if changed {
            *newest = Seen { serial: newest.serial + 1, allotments, notice };
        }
        changed
    }

    /// What was read last. Waits for nobody.
    pub(super) fn newest(&self) -> Seen {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks now and then on a thread of its own, and tells of what is new, for as long as somebody has this.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn watch(this: &Arc<Self>, tell: impl Fn() + Send + 'static) -> Result<()> {
        let weak: Weak<Self> = Arc::downgrade(this);
        let watching = move || {
            crate::failpoint::pass("berth-registry");
            while let Some(lookout) = weak.upgrade() {
                if lookout.look() {
                    tell();
                }
                drop(lookout);
                std::thread::sleep(EVERY);
            }
        };
        let thread = std::thread::Builder::new().name("berth-registry".to_owned()).stack_size(512 * 1024);
        thread.spawn(watching).while_doing(|| "cannot watch the registry".to_owned()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::{Allotment, InstanceId, Uid};
    use crate::error::Error;

    /// A registry that is told what to say, and counts how often it is read.
    #[derive(Clone, Default)]
    struct Fake(Arc<Mutex<Told>>, Arc<AtomicUsize>);

    #[derive(Default)]
    struct Told {
        ports: Vec<(u16, &'static str)>,
        /// A file whose stamp is its own: there is no making one up.
        stamp: Option<Stamp>,
        refused: bool,
    }

    impl Source for Fake {
        fn stamp(&self) -> std::io::Result<Option<Stamp>> {
            Ok(self.0.lock().unwrap().stamp)
        }

        fn read(&self, now: Timestamp) -> Result<(Allotments, Option<Shown>)> {
            self.1.fetch_add(1, Ordering::SeqCst);
            let told = self.0.lock().unwrap();
            if told.refused {
                return Err(Error::failed("cannot read the registry /x"));
            }
            let mut all = Allotments::default();
            for (port, name) in &told.ports {
                let id = InstanceId::parse(name).unwrap();
                all.assign(*port, Allotment { id, uid: Uid(1), strategy: "registry".into(), by: "root".into(), at: now });
            }
            Ok((all, None))
        }
    }

    /// Two different stamps.
    fn stamps() -> [Option<Stamp>; 2] {
        let of = |times: usize| {
            let tree = tempfile::tempdir().unwrap();
            std::fs::write(tree.path().join("registry.db"), "x".repeat(times)).unwrap();
            Registry::below(tree.path()).stamp().unwrap()
        };
        [of(1), of(2)]
    }

    #[test]
    fn it_is_read_when_it_has_changed_and_not_else() {
        let fake = Fake::default();
        let lookout = Lookout::new(fake.clone());
        assert_eq!(lookout.newest().allotments, Reading::Unasked);
        assert!(lookout.look(), "nothing was ever given, and that is known");
        assert_eq!(lookout.newest().allotments, Reading::Known(Arc::default()));
        assert!(!lookout.look() && !lookout.look());
        assert_eq!(fake.1.load(Ordering::SeqCst), 1);
        let [one, other] = stamps();
        (fake.0.lock().unwrap().ports, fake.0.lock().unwrap().stamp) = (vec![(8081, "amy")], one);
        assert!(lookout.look() && !lookout.look());
        let seen = lookout.newest();
        assert_eq!((seen.serial, seen.allotments.known().unwrap().of(8081).unwrap().id.owner().to_owned()), (2, "amy".to_owned()));
        // Touched, and the same stands in it.
        fake.0.lock().unwrap().stamp = other;
        lookout.look();
        assert_eq!(fake.1.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn what_cannot_be_read_is_not_nothing_and_is_tried_again() {
        let fake = Fake::default();
        fake.0.lock().unwrap().refused = true;
        let lookout = Lookout::new(fake.clone());
        assert!(lookout.look());
        let seen = lookout.newest();
        assert_eq!(seen.allotments, Reading::Denied);
        assert_eq!(seen.notice.unwrap().as_str(), "who is assigned which port is not known: cannot read the registry /x");
        assert!(!lookout.look(), "nothing new");
        fake.0.lock().unwrap().refused = false;
        assert!(lookout.look());
        assert_eq!((lookout.newest().allotments, lookout.newest().notice), (Reading::Known(Arc::default()), None));
    }

    #[test]
    fn a_registry_that_is_none_is_not_known() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("registry.db");
        std::fs::write(&path, "no database").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let lookout = Lookout::new(Recorded { registry: Registry::below(tree.path()), quarantine: Duration::from_secs(60) });
        lookout.look();
        let seen = lookout.newest();
        assert_eq!(seen.allotments, Reading::Denied);
        assert!(seen.notice.unwrap().as_str().contains("damaged"));
        std::fs::remove_file(&path).unwrap();
        assert!(lookout.look());
        assert_eq!(lookout.newest().allotments, Reading::Known(Arc::default()));
    }

    #[test]
    fn its_thread_tells_of_what_is_new_and_ends_with_it() {
        let (fake, told) = (Fake::default(), Arc::new(AtomicUsize::new(0)));
        let lookout = Lookout::new(fake);
        let count = Arc::clone(&told);
        Lookout::watch(&lookout, move || {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
        assert!(crate::patience::until_so(|| told.load(Ordering::SeqCst) == 1));
        drop(lookout);
        // The thread has the other count.
        assert!(crate::patience::until_so(|| Arc::strong_count(&told) == 1));
    }
}
