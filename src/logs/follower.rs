//! The thread that follows a log, and the hand that presenters hold it by.
//!
//! It must never let a presenter wait for a file: the lock is held to move lines, never to read them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use super::Opener;
use super::ring::{MOST_BYTES, Ring};
use super::source::Source;
use super::wake::{Stop, Wake, Woken};
use crate::domain::{LogView, Shown};
use crate::error::{Context, Result};

/// How often it is looked for more. The eye takes this for at once, and a storm is redrawn no more often.
const WAKE: Duration = Duration::from_millis(200);

/// How soon it is looked again when a rotation was met half-way: the writer has the new file open in a moment.
const SOON: Duration = Duration::from_millis(5);

/// How often in a row it is looked that soon.
const MOST_SOON: u32 = 40;

/// All that is large lies on the heap.
const STACK: usize = 256 * 1024;

/// A log that is followed until this is dropped.
#[derive(Debug)]
pub struct Follower {
    ring: Arc<Mutex<Ring>>,
    version: watch::Receiver<u64>,
    /// Its end is the thread's.
    _stop: Stop,
}

/// Follows a log from its last `keep` lines on. `path` and `account` are for the sentences that say why there is nothing.
///
/// # Errors
/// When the kernel gives no thread.
pub fn follow(opener: Arc<dyn Opener>, path: Shown, account: Shown, keep: usize) -> Result<Follower> {
    let ring = Arc::new(Mutex::new(Ring::new(keep, MOST_BYTES)));
    let (publish, version) = watch::channel(0);
    let (stop, mut wake) = Wake::new().while_doing(|| format!("cannot follow {path}"))?;
    let what = path.clone();
    let kept = Arc::clone(&ring);
    let mut source = Source::new(opener, path, account, keep);
    thread::Builder::new()
        .name("log".into())
        .stack_size(STACK)
        .spawn(move || {
            crate::failpoint::pass("log-tail");
            let (mut woken, mut soon) = (Woken::ByTime, 0_u32);
            while woken != Woken::ToEnd {
                let early = woken == Woken::ByFile || (1..=MOST_SOON).contains(&soon);
                let batch = if early { source.look_early() } else { source.look() };
                if lock(&kept).take(batch) {
                    publish.send_modify(|version| *version += 1);
                }
                wake.watch(source.file());
                soon = if source.is_unsettled() { soon.saturating_add(1) } else { 0 };
                woken = wake.wait(if (1..=MOST_SOON).contains(&soon) { SOON } else { WAKE });
            }
        })
        .while_doing(|| format!("cannot follow {what}"))?;
    Ok(Follower { ring, version, _stop: stop })
}

impl Follower {
    /// The last `count` kept lines that end with line `up_to` (`None`: the newest). Never blocks on the file.
    pub fn lines(&self, up_to: Option<u64>, count: usize) -> LogView {
        lock(&self.ring).view(up_to, count)
    }

    /// Rises with each change: five times a second, and once more with each rotation.
    pub fn version(&self) -> watch::Receiver<u64> {
        self.version.clone()
    }
}

/// A ring is whole between any two of its calls, whatever panicked.
fn lock(ring: &Mutex<Ring>) -> MutexGuard<'_, Ring> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::{self, Write};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use crate::patience::until_so;

    struct Plain(PathBuf);

    impl Opener for Plain {
        fn open(&self) -> io::Result<File> {
            File::open(&self.0)
        }
    }

    fn follow_plain(path: &std::path::Path, keep: usize) -> Follower {
        follow(Arc::new(Plain(path.to_owned())), Shown::new("/log"), Shown::new("alice"), keep).unwrap()
    }

    /// Waits for what a presenter would see.
    fn until(follower: &Follower, what: &str, seen: impl Fn(&LogView) -> bool) -> LogView {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let view = follower.lines(None, 10_000);
            if seen(&view) {
                return view;
            }
            assert!(Instant::now() < deadline, "{what}: {view:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_is_written_is_seen_and_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let follower = follow_plain(&path, 100);
        let view = until(&follower, "a notice", |view| view.notice.is_some());
        assert_eq!(view.notice.unwrap().as_str(), "there is no log yet at /log");
        let mut version = follower.version();
        version.mark_unchanged();
        fs::write(&path, "one\n").unwrap();
        let view = until(&follower, "one line", |view| view.newest == 2);
        assert_eq!(view.lines[1].text.as_str(), "one");
        assert_eq!(view.notice, None);
        // The lines can be had a moment before they are told.
        let deadline = Instant::now() + Duration::from_secs(20);
        while !version.has_changed().unwrap() {
            assert!(Instant::now() < deadline, "nothing was told");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_version_rests_while_nothing_happens() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        fs::write(&path, "one\n").unwrap();
        let follower = follow_plain(&path, 100);
        until(&follower, "one line", |view| view.newest == 1);
        // What was seen may be told a moment later.
        let mut version = follower.version();
        assert!(until_so(|| {
            version.mark_unchanged();
            thread::sleep(WAKE * 3);
            !version.has_changed().unwrap()
        }));
    }

    #[test]
    fn the_thread_ends_with_the_follower() {
        let directory = tempfile::tempdir().unwrap();
        let follower = follow_plain(&directory.path().join("log"), 10);
        let mut version = follower.version();
        drop(follower);
        assert!(until_so(|| {
            version.mark_unchanged();
            version.has_changed().is_err()
        }));
    }

    #[test]
    fn f13_a_storm_is_survived_in_little_memory_and_looking_stays_fast() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = File::create(&path).unwrap();
        let follower = follow_plain(&path, 1000);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let writer = thread::spawn(move || {
            let block = "INFO the same line again and again and again\n".repeat(20_000);
            let mut blocks = 0;
            while !stopped.load(Ordering::Relaxed) && blocks < 300 {
                log.write_all(block.as_bytes()).unwrap();
                blocks += 1;
                thread::sleep(Duration::from_millis(5));
            }
            log.write_all(b"ERROR the end\n").unwrap();
        });
        let begin = Instant::now();
        let mut slowest = Duration::ZERO;
        while begin.elapsed() < Duration::from_secs(2) {
            let before = Instant::now();
            assert!(follower.lines(None, 50).lines.len() <= 50);
            slowest = slowest.max(before.elapsed());
            thread::sleep(Duration::from_millis(3));
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        let view = until(&follower, "the end", |view| view.lines.last().is_some_and(|line| line.text.as_str() == "ERROR the end"));
        assert!(view.dropped > 1000, "{}", view.dropped);
        assert!(view.lines.len() <= 1000);
        assert!(slowest < Duration::from_millis(100), "{slowest:?}");
    }
}

#[cfg(test)]
#[path = "follower_tests.rs"]
mod race_tests;
