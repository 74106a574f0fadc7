//! Several files that are one log: what each of them holds at its end, and what is added to any, written as lines into a file in memory that
//! is read like any other. PM2 writes what a server says to two.
//!
//! It must never hold more than so many bytes, put a line into another's middle, nor go on once nobody reads any more.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use super::Opener;
use super::rotation::Place;
use crate::hand::Spool;

/// How much of the end of each is taken in at first.
const LAST: u64 = 4 * 1024 * 1024;

/// How much of each is taken in at once.
const CHUNK: usize = 256 * 1024;

/// How often it is looked whether something was added, while somebody reads.
const EVERY: Duration = Duration::from_millis(200);

/// Longer lines are cut.
const LONGEST_LINE: usize = 1024 * 1024;

/// It.
pub struct Joined {
    sources: Vec<Arc<dyn Opener>>,
    told: Mutex<Option<Arc<Mutex<Spool>>>>,
}

impl Joined {
    /// The log that these are; nothing is opened yet.
    pub fn of(sources: Vec<Arc<dyn Opener>>) -> Self {
        Self { sources, told: Mutex::default() }
    }

    /// Writes down what there is, and has written down what comes after that.
    fn begin(&self) -> io::Result<Arc<Mutex<Spool>>> {
        let mut spool = Spool::new("berth-joined")?;
        let mut parts: Vec<Part> = self.sources.iter().map(|source| Part::of(Arc::clone(source))).collect();
        let opened: Vec<io::Result<()>> = parts.iter_mut().map(Part::open_at_end).collect();
        if opened.iter().all(Result::is_err) {
            return Err(opened.into_iter().find_map(Result::err).unwrap_or_else(|| io::ErrorKind::NotFound.into()));
        }
        // Which line came before which no file says; what was written to last comes last.
        parts.sort_by_key(|part| part.changed);
        for part in &mut parts {
            // Who writes faster than this reads is followed like everybody else: it must not keep this here.
            for _ in 0..=LAST / CHUNK as u64 {
                if !part.take_in(&mut spool)? {
                    break;
                }
                spool.turn_over();
            }
        }
        let spool = Arc::new(Mutex::new(spool));
        let kept = Arc::downgrade(&spool);
        let run = move || {
            crate::failpoint::pass("berth-joined");
            follow(&mut parts, &kept);
        };
        std::thread::Builder::new().name("berth-joined".to_owned()).stack_size(128 * 1024).spawn(run)?;
        Ok(spool)
    }
}

/// Takes in what is added, for as long as somebody reads.
fn follow(parts: &mut [Part], kept: &Weak<Mutex<Spool>>) {
    loop {
        std::thread::sleep(EVERY);
        let Some(spool) = kept.upgrade() else { return };
        let mut file = spool.lock().unwrap_or_else(PoisonError::into_inner);
        for part in parts.iter_mut() {
            part.look();
            // One of several goes on where another cannot be read any more; who writes without end comes again in the next look.
            let _ = part.take_in(&mut file);
        }
        file.turn_over();
    }
}

/// One of the files.
struct Part {
    opener: Arc<dyn Opener>,
    file: Option<(File, Place)>,
    /// How much of it was read.
    read: u64,
    /// When it was last written to.
    changed: Option<SystemTime>,
    /// What has no end yet of its last line.
    begun: Vec<u8>,
}

impl Part {
    fn of(opener: Arc<dyn Opener>) -> Self {
        Self { opener, file: None, read: 0, changed: None, begun: Vec::new() }
    }

    fn open_at_end(&mut self) -> io::Result<()> {
        let file = self.opener.open()?;
        let facts = file.metadata()?;
        (self.read, self.changed) = (facts.len().saturating_sub(LAST), facts.modified().ok());
        if self.read > 0 {
            // It begins in the middle of a line, which is left out.
            let mut chunk = vec![0; CHUNK];
            let count = file.read_at(&mut chunk, self.read)?;
            let end = chunk[..count].iter().position(|byte| *byte == b'\n').map_or(count, |end| end + 1);
            self.read += end as u64;
        }
        self.file = Some((file, Place::of(&facts)));
        Ok(())
    }

    /// Looks whether another file lies there, or this one was emptied.
    fn look(&mut self) {
        let Ok(file) = self.opener.open() else { return };
        let Ok(facts) = file.metadata() else { return };
        let place = Place::of(&facts);
        let is_same = self.file.as_ref().is_some_and(|(_, known)| *known == place);
        if !is_same || facts.len() < self.read {
            self.read = 0;
            self.begun.clear();
            self.file = Some((file, place));
        }
    }

    /// Writes the lines that were added. True when there may be more.
    fn take_in(&mut self, spool: &mut Spool) -> io::Result<bool> {
        let Some((file, _)) = &self.file else { return Ok(false) };
        let mut chunk = vec![0; CHUNK];
        let count = file.read_at(&mut chunk, self.read)?;
        if count == 0 {
            return Ok(false);
        }
        self.read += count as u64;
        let chunk = &chunk[..count];
        match chunk.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                spool.write_all(&self.begun)?;
                spool.write_all(&chunk[..=end])?;
                self.begun.clear();
                self.begun.extend_from_slice(&chunk[end + 1..]);
            }
            None => self.begun.extend_from_slice(&chunk[..count.min(LONGEST_LINE.saturating_sub(self.begun.len()))]),
        }
        Ok(true)
    }
}

impl Opener for Joined {
    fn open(&self) -> io::Result<File> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let spool = match &mut *told {
            Some(spool) => spool,
            none => none.insert(self.begin()?),
        };
        spool.lock().unwrap_or_else(PoisonError::into_inner).reopen()
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::patience::until_so;

    struct Plain(PathBuf);

    impl Opener for Plain {
        fn open(&self) -> io::Result<File> {
            File::open(&self.0)
        }
    }

    fn joined(folder: &Path) -> Joined {
        let plain = |name: &str| Arc::new(Plain(folder.join(name))) as Arc<dyn Opener>;
        Joined::of(vec![plain("out"), plain("error")])
    }

    fn add(path: &Path, text: &str) {
        std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn text(log: &Joined) -> String {
        io::read_to_string(log.open().unwrap()).unwrap()
    }

    #[test]
    fn what_is_added_to_either_comes_in_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (out, error) = (folder.path().join("out"), folder.path().join("error"));
        add(&error, "listening\n");
        let log = joined(folder.path());
        assert_eq!(text(&log), "listening\n", "the other is not there yet");
        add(&out, "half");
        add(&error, "second\n");
        assert!(until_so(|| text(&log).ends_with("second\n")));
        add(&out, " and whole\n");
        assert!(until_so(|| text(&log).ends_with("half and whole\n")));
        // Emptied, and another in its place.
        File::create(&out).unwrap();
        std::fs::rename(&error, folder.path().join("error.1")).unwrap();
        add(&error, "anew\n");
        assert!(until_so(|| text(&log).ends_with("anew\n")));
        assert_eq!(text(&log), "listening\nsecond\nhalf and whole\nanew\n");
    }

    #[test]
    fn of_a_long_one_the_end_is_taken_and_its_first_line_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let line = format!("{}\n", "x".repeat(99));
        add(&folder.path().join("out"), &line.repeat(60_000));
        let text = text(&joined(folder.path()));
        assert!(text.len() as u64 <= LAST && text.len() as u64 > LAST - 200 && text.lines().all(|line| line.len() == 99));
    }

    #[test]
    fn without_any_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(joined(folder.path()).open().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
