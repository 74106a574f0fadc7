//! What asking servers needs of the rest: whom to ask, whether they are still there, by which certificates they are known, and their keys,
//! read as their account.
//!
//! It must never keep a key, nor hand one to anybody but who asks for it; and who asks once writes nothing.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Audits;
use crate::domain::{Declared, Fingerprint, InstanceId, Pin, ProcessKey, Row, Shown, Snapshot, read_env, value_of};
use crate::error::{Context, Result};
use crate::hand::{Identity, Reader, is_alive};
use crate::probe::{Board, KeyOf, Prober, World};
use crate::registry::Pins;
use crate::supervisor::process::identity_of;

/// The longest environment that is read for a key, bytes.
const LONGEST: usize = 128 * 1024;

/// How often it is asked whether something is to be written down once more.
const AGAIN: Duration = Duration::from_secs(30);

/// How far apart questions are that nobody asks again.
const ONCE: Duration = Duration::from_secs(10);

/// Asks servers whether they are well, and hangs up what they say.
#[derive(Clone, Default)]
pub struct Probing {
    board: Arc<Board>,
    pins: Pins,
}

impl Probing {
    /// The same, by what instances are known from there.
    #[must_use]
    pub fn with_pins(self, pins: &Pins) -> Self {
        Self { pins: pins.clone(), ..self }
    }

    /// Takes over which certificates others have accepted.
    pub(super) fn refresh(&self) {
        self.pins.refresh();
    }

    /// What has to be said of the certificates that are kept.
    pub(super) fn notice(&self) -> Option<Shown> {
        self.pins.notice()
    }

    /// Where the answers hang.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Asks everybody so often, for as long as the process lives, and with `keeps` writes down by which certificates they are known. `snapshots` gives the newest picture; it must not wait.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(&self, every: Duration, keeps: bool, snapshots: impl Fn() -> Arc<Snapshot> + Send + Sync + 'static) -> Result<()> {
        let doing = || "cannot start asking servers whether they are well".to_owned();
        self.prober(every, keeps, snapshots).and_then(Prober::start).while_doing(doing)
    }

    /// Asks everybody in a picture once, or only `one`, and who that is. The thread ends after `patience` at the latest, but for an
    /// introduction that was begun. Where no thread can be had nobody is asked, and nothing is told.
    pub fn once(&self, snapshot: &Arc<Snapshot>, one: Option<&InstanceId>, patience: Duration) -> Option<JoinHandle<()>> {
        let picture = Arc::clone(snapshot);
        self.prober(ONCE, false, move || Arc::clone(&picture)).and_then(|prober| prober.once(one.cloned(), patience)).ok()
    }

    /// Asks everybody in a picture who it is, and with `audits` what it lets in, which is hung up there. Begins with nobody after `patience`.
    pub fn survey(&self, snapshot: &Arc<Snapshot>, audits: Option<&Audits>, patience: Duration) -> Option<JoinHandle<()>> {
        let picture = Arc::clone(snapshot);
        let board = audits.cloned();
        let tell = move |answers| {
            if let Some(board) = board {
                board.put(answers);
            }
        };
        self.prober(ONCE, false, move || Arc::clone(&picture)).and_then(|prober| prober.survey(audits.is_some(), patience, tell)).ok()
    }

    fn prober(
        &self,
        every: Duration,
        keeps: bool,
        snapshots: impl Fn() -> Arc<Snapshot> + Send + Sync + 'static,
    ) -> std::io::Result<Prober> {
        let (wanted, wishes) = channel::<Wish>();
        let pins = self.pins.clone();
        // The asking thread may read and write nobody's files, so another one does; and it ends with it.
        std::thread::Builder::new().name("berth-keys".to_owned()).stack_size(192 * 1024).spawn(move || {
            crate::failpoint::pass("berth-keys");
            let mut reader = None;
            // What could not be written down is tried again though nobody wishes anything.
            loop {
                let wish = match wishes.recv_timeout(AGAIN) {
                    Ok(wish) => wish,
                    Err(RecvTimeoutError::Timeout) => {
                        if keeps {
                            pins.keep_again();
                        }
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                match wish {
                    Wish::Pin(id, port, pin) => pins.keep(&id, port, pin),
                    Wish::Key(row, answer) => {
                        if reader.is_none() {
                            reader = Reader::start().ok();
                        }
                        let _ = answer.send(reader.as_ref().and_then(|reader| key_of(reader, &row)));
                    }
                }
            }
        })?;
        let world = Around { snapshots: Box::new(snapshots), wanted: Mutex::new(wanted), pins: self.pins.clone(), keeps };
        Ok(Prober::new(Arc::clone(&self.board), Arc::new(world), every))
    }
}

/// What the asking thread cannot do itself.
enum Wish {
    /// Whose key is wanted, and where to.
    Key(Arc<Row>, oneshot::Sender<Option<String>>),
    /// A certificate that was seen for the first time is to be kept.
    Pin(InstanceId, u16, Pin),
}

struct Around {
    snapshots: Box<dyn Fn() -> Arc<Snapshot> + Send + Sync>,
    wanted: Mutex<Sender<Wish>>,
    pins: Pins,
    /// What is seen for the first time is written down.
    keeps: bool,
}

impl Around {
    fn wish(&self, wish: Wish) {
        let _ = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).send(wish);
    }
}

impl World for Around {
    fn snapshot(&self) -> Arc<Snapshot> {
        (self.snapshots)()
    }

    fn is_alive(&self, key: ProcessKey) -> bool {
        is_alive(key)
    }

    fn key(&self, row: &Arc<Row>) -> KeyOf {
        let (answer, key) = oneshot::channel();
        self.wish(Wish::Key(Arc::clone(row), answer));
        key
    }

    fn pin(&self, id: &InstanceId, port: u16, shown: Fingerprint) -> Option<Pin> {
        let (pin, is_new) = self.pins.of(id, port, shown, Timestamp::now())?;
        if is_new && self.keeps {
            self.wish(Wish::Pin(id.clone(), port, pin));
        }
        Some(pin)
    }

    fn has_pin(&self, id: &InstanceId, port: u16) -> bool {
        self.pins.has(id, port)
    }

    fn pins_serial(&self) -> u64 {
        self.pins.serial()
    }
}

/// The key that its template says to ask with: from its environment file, the template, or the environment that it runs with; read as its
/// account, and where this caller may not do that there is none.
fn key_of(reader: &Reader, row: &Row) -> Option<String> {
    let declared = row.declared.as_ref()?;
    let names = &declared.probing.key_names;
    if names.is_empty() {
        return None;
    }
    let who = identity_of(declared);
    let in_file = || in_env_file(reader, &who, declared, names);
    let in_template = || {
        let environment = &declared.launch.as_ref()?.environment;
        names.iter().find_map(|name| environment.get(name)).map(str::to_owned)
    };
    let in_process = || {
        let pid = row.main.known()?.pid;
        let environment = reader.read(&who, Path::new("/proc"), &PathBuf::from(format!("{pid}/environ")), LONGEST).ok()?;
        in_environment(&environment, names)
    };
    in_file().or_else(in_template).or_else(in_process).filter(|key| !key.is_empty())
}

fn in_env_file(reader: &Reader, who: &Identity, declared: &Declared, names: &[String]) -> Option<String> {
    let file = declared.env_file.as_ref()?;
    let beneath = file.path.strip_prefix(&file.root).ok()?;
    let (assignments, _) = read_env(&reader.read(who, &file.root, beneath, LONGEST).ok()?);
    names.iter().find_map(|name| value_of(&assignments, name)).map(|assignment| assignment.value.clone())
}

/// A variable of `/proc/PID/environ`, proc_pid_environ(5).
fn in_environment(environment: &[u8], names: &[String]) -> Option<String> {
    let value = |name: &String| {
        let variables = environment.split(|byte| *byte == 0);
        variables.filter_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")).next()
    };
    names.iter().find_map(value).and_then(|value| String::from_utf8(value.to_vec()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let names = ["MCP_API_KEY".to_owned(), "KEY".to_owned()];
        let of = |environment: &str| in_environment(environment.as_bytes(), &names);
        assert_eq!(of("A=1\0MCP_API_KEY=k=1\0KEY=no\0"), Some("k=1".to_owned()));
        assert_eq!(of("XKEY=1\0KEYS=2\0KEY=yes"), Some("yes".to_owned()));
        assert_eq!(of("PATH=/bin\0"), None);
    }
}
