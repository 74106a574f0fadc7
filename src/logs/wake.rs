//! What wakes the thread that follows a log: time, a rotation of the file that is open, or its own end.
//!
//! It must never be woken by writing: a storm would be looked at line by line. And where the kernel gives no watch, time is enough.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::Place;

/// Between two looks that were called for by the file: whoever touches it without end costs a fraction of a core at most.
const BREATH: Duration = Duration::from_millis(3);

/// Why the thread woke up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The time was over.
    ByTime,
    /// The file was renamed or a name of it removed.
    ByFile,
    /// Somebody asks for something.
    ByAsking,
    /// Nobody wants the log any more.
    ToEnd,
}

/// Waits.
#[derive(Debug)]
pub(super) struct Wake {
    stop: PipeReader,
    asked: Arc<AtomicBool>,
    watch: Option<Watch>,
}

#[derive(Debug)]
struct Watch {
    inotify: OwnedFd,
    at: Option<(Place, i32)>,
}

/// Ends the waiting when it is dropped.
#[derive(Debug)]
pub(super) struct Stop {
    pipe: PipeWriter,
    asked: Arc<AtomicBool>,
}

impl Stop {
    /// Wakes it: there is something to be done. What was asked but not heard yet is asked once.
    pub fn ask(&self) {
        if !self.asked.swap(true, Ordering::SeqCst) {
            // One byte at most is on its way, so that this never waits; without a reader there is nobody to be woken.
            let _ = (&self.pipe).write(&[1]);
        }
    }
}

impl Wake {
    /// One with its end.
    ///
    /// # Errors
    /// What pipe(2) says.
    pub fn new() -> io::Result<(Stop, Self)> {
        let (stop, writer) = io::pipe()?;
        // A user has 128 of these by default, inotify(7): without one, rotations are seen when time is over.
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok().map(|inotify| Watch { inotify, at: None });
        let asked = Arc::new(AtomicBool::new(false));
        Ok((Stop { pipe: writer, asked: Arc::clone(&asked) }, Self { stop, asked, watch }))
    }

    /// Watches this file and no other.
    pub fn watch(&mut self, file: Option<&File>) {
        let Some(watch) = &mut self.watch else { return };
        let place = file.and_then(|file| file.metadata().ok()).map(|metadata| Place::of(&metadata));
        if place == watch.at.map(|(place, _)| place) {
            return;
        }
        if let Some((_, old)) = watch.at.take() {
            // It is gone already when the file is.
            let _ = inotify::remove_watch(&watch.inotify, old);
        }
        if let (Some(file), Some(place)) = (file, place) {
            // By descriptor: the path may name another file by now. A removed name is told as a change of the number of links.
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            let events = WatchFlags::MOVE_SELF | WatchFlags::ATTRIB;
            watch.at = inotify::add_watch(&watch.inotify, path, events).ok().map(|number| (place, number));
        }
    }

    /// Waits at most this long, and at least a moment when the file calls.
    pub fn wait(&mut self, time: Duration) -> Woken {
        let begin = Instant::now();
        let inotify = self.watch.as_ref().map(|watch| watch.inotify.as_fd());
        let stop = PollFd::new(&self.stop, PollFlags::IN);
        let mut waiting: Vec<PollFd<'_>> =
            std::iter::once(stop).chain(inotify.map(|inotify| PollFd::from_borrowed_fd(inotify, PollFlags::IN))).collect();
        loop {
            let left = time.saturating_sub(begin.elapsed());
            let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            match poll(&mut waiting, Some(&timeout)) {
                Ok(0) => return Woken::ByTime,
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => {
                    std::thread::sleep(left);
                    return Woken::ByTime;
                }
                Ok(_) => {}
            }
            if waiting.first().is_some_and(|stop| !stop.revents().is_empty()) {
                // Nothing to be read means that its other end is closed.
                let is_asked = (&self.stop).read(&mut [0]).is_ok_and(|count| count > 0);
                self.asked.store(false, Ordering::SeqCst);
                return if is_asked { Woken::ByAsking } else { Woken::ToEnd };
            }
            std::thread::sleep(BREATH.saturating_sub(begin.elapsed()));
            if let Some(inotify) = inotify {
                // What happened does not matter: the look tells.
                let mut events = [0; 4096];
                while matches!(rustix::io::read(inotify, &mut events), Ok(1..)) {}
            }
            return Woken::ByFile;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_rename_and_a_removal_wake_and_writing_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut file = File::create(&path).unwrap();
        let (_stop, mut wake) = Wake::new().unwrap();
        wake.watch(Some(&file));
        file.write_all(b"x").unwrap();
        assert_eq!(wake.wait(Duration::from_millis(10)), Woken::ByTime);
        fs::rename(&path, directory.path().join("log.1")).unwrap();
        assert_eq!(wake.wait(LONG), Woken::ByFile);
        fs::remove_file(directory.path().join("log.1")).unwrap();
        assert_eq!(wake.wait(LONG), Woken::ByFile);
        // Another file is watched now, the first one no more.
        let other = File::create(&path).unwrap();
        wake.watch(Some(&other));
        while wake.wait(Duration::from_millis(10)) == Woken::ByFile {}
        drop(file);
        fs::remove_file(&path).unwrap();
        assert_eq!(wake.wait(LONG), Woken::ByFile);
    }

    #[test]
    fn who_asks_is_heard_once_and_the_end_after_that() {
        let (stop, mut wake) = Wake::new().unwrap();
        stop.ask();
        stop.ask();
        assert_eq!(wake.wait(LONG), Woken::ByAsking);
        assert_eq!(wake.wait(Duration::from_millis(10)), Woken::ByTime);
        stop.ask();
        drop(stop);
        assert_eq!((wake.wait(LONG), wake.wait(LONG)), (Woken::ByAsking, Woken::ToEnd));
    }

    #[test]
    fn the_end_is_told_at_once() {
        let (stop, mut wake) = Wake::new().unwrap();
        drop(stop);
        assert_eq!(wake.wait(LONG), Woken::ToEnd);
    }
}
