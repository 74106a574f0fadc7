//! The files of the programs that instances are started with: when they last changed.
//!
//! It must never open one: only the user's right to see that it is there is used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::{Launch, Program};
use crate::hand::{Identity, Reader};
use crate::supervisor::process::PROGRAM_PATH;

/// How often one is looked at again.
const EVERY: Duration = Duration::from_secs(30);

/// How many are looked at again in one go.
const MOST: usize = 16;

/// How many words of a command are tried as files.
const MOST_WORDS: usize = 8;

/// What is known of one path; `None` when there is no file.
struct Known {
    program: Option<Arc<Program>>,
    who: Identity,
    looked: Instant,
}

impl Known {
    /// Looks again. True when it is another.
    fn look(&mut self, reader: &Reader, path: &Path) -> bool {
        let Some(program) = look(reader, &self.who, path) else { return false };
        let changed = program != self.program;
        self.program = program;
        changed
    }
}

/// The programs, by path: a thousand instances share a few.
#[derive(Default)]
pub struct Programs {
    known: HashMap<PathBuf, Known>,
}

impl Programs {
    /// Looks again at all of them.
    pub fn look_again(&mut self, reader: &Reader) {
        for (path, known) in &mut self.known {
            known.look(reader, path);
        }
    }

    /// The files that a command runs: the program itself, and those of its words that are files.
    pub fn of(&mut self, reader: &Reader, who: &Identity, launch: &Launch, config: &Path) -> Vec<Arc<Program>> {
        let Some((first, rest)) = launch.command.split_first() else { return Vec::new() };
        let mut programs = Vec::new();
        if first.contains('/') {
            programs.extend(self.one(reader, who, launch.directory.join(first)));
        } else {
            let path = launch.environment.get("PATH").unwrap_or(PROGRAM_PATH);
            programs.extend(path.split(':').find_map(|directory| self.one(reader, who, Path::new(directory).join(first))));
        }
        // A number is a port far more often than a file.
        let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        let words = rest.iter().take(MOST_WORDS).filter(|word| !word.starts_with('-') && !is_number(word));
        for path in words.map(|word| launch.directory.join(word)).filter(|path| path != config) {
            programs.extend(self.one(reader, who, path));
        }
        programs.shrink_to_fit();
        programs
    }

    /// Whether a program is still the one that was seen.
    pub fn is_current(&self, program: &Program) -> bool {
        self.known.get(Path::new(&program.path)).is_some_and(|known| known.program.as_deref() == Some(program))
    }

    /// Looks again at those that were not looked at for a while. True when one has changed.
    pub fn refresh(&mut self, reader: &Reader, now: Instant) -> bool {
        let mut changed = false;
        for (path, known) in self.known.iter_mut().filter(|(_, known)| known.looked + EVERY <= now).take(MOST) {
            changed |= known.look(reader, path);
            known.looked = now;
        }
        changed
    }

    fn one(&mut self, reader: &Reader, who: &Identity, path: PathBuf) -> Option<Arc<Program>> {
        if let Some(known) = self.known.get(&path) {
            return known.program.clone();
        }
        let program = look(reader, who, &path)?;
        self.known.insert(path, Known { program: program.clone(), who: who.clone(), looked: Instant::now() });
        program
    }
}

/// What lies at a path: `Some(None)` when nothing does, `None` when this user may not know.
fn look(reader: &Reader, who: &Identity, path: &Path) -> Option<Option<Arc<Program>>> {
    match reader.stat_followed(who, path) {
        Ok(facts) if facts.is_regular => {
            let time = |nanoseconds| jiff::Timestamp::from_nanosecond(nanoseconds).unwrap_or_default();
            Some(Some(Arc::new(Program {
                path: path.to_string_lossy().into_owned(),
                modified: time(facts.modified_ns),
                changed: time(facts.changed_ns),
                size: facts.size,
                inode: facts.inode,
            })))
        }
        Ok(_) => Some(None),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => Some(None),
        Err(_) => None,
    }
}
