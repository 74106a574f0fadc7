//! The keeper: the parent that stays. It starts one server as its user, knows how it ends, starts it again by policy, and ends its tree
//! when told to.
//!
//! It must never outlive its tree (but to start it again), never execute anything but the server, and never open a file before it has
//! become the user.

mod notes;
mod policy;
mod signals;
mod spawn;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::SigSet;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use crate::domain::{self, ProcessKey};
use crate::hand::{Ending, Group, IDENTITY, Identity, UnitKeeper, become_user, end_tree, process_facts};

use super::pid_file;
use super::record::Event;
use super::rotate::{self, Keeping, Quiet};
use super::spec::{Spec, Word, millis};
use notes::Notes;
pub use policy::{ENDS, Next, Policy, WITHIN};
use signals::{blocked_signals, wait_for_signal};
use spawn::{open_log, spawn};

/// How long a script may take between its signal and the removal of the PID file: it starts `rm` for it, on a machine that may be busy.
const SCRIPT_TAKES: Duration = Duration::from_millis(500);

/// The keeper's whole life; the hidden subcommand `berth keeper TITLE`. Returns the process's exit code.
pub fn run(_arguments: &[OsString]) -> u8 {
    // SAFETY: nothing was opened yet.
    let unit = unsafe { UnitKeeper::inherited() };
    // SAFETY: the zygote has put these three there for this process, which opened nothing yet, and so has what stands above.
    let [spec, record, line] = [3, 4, 5].map(|raw| unsafe { OwnedFd::from_raw_fd(raw) });
    for raw in [3, 4, 5] {
        // SAFETY: a flag on descriptors that this process owns.
        unsafe { libc::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    let group = match unit {
        Some(unit) => unit.group(own_key(std::process::id().cast_signed()).unwrap_or(ProcessKey { pid: 0, start_time: 0 })),
        // SAFETY: nothing was opened yet.
        None => unsafe { Group::inherited() },
    };
    let mut keeper = Keeper {
        notes: Notes::new(File::from(record)),
        line,
        group,
        main: None,
        began: Instant::now(),
        pid_file: None,
        told: false,
        killed: false,
        end: None,
        quiet: Quiet::default(),
    };
    match keeper.live(File::from(spec)) {
        Ok(()) => 0,
        Err((what, error)) => {
            keeper.note(&Event::Failed { what: format!("{what}: {error}"), at: Timestamp::now() });
            let own = own_key(std::process::id().cast_signed()).ok().map(|key| (key.pid, key.start_time));
            keeper.say(&Word::Failed { what, why: error.to_string(), keeper: own });
            1
        }
    }
}

type Fault = (String, io::Error);

fn doing<T>(what: &str, result: io::Result<T>) -> Result<T, Fault> {
    result.map_err(|error| (what.to_owned(), error))
}

/// How the server ended.
#[derive(Clone, Copy)]
struct End {
    status: ExitStatus,
    /// Somebody other than berth asked for it: the guide's `stop`, or whoever knows kill(1).
    asked_outside: bool,
}

/// Why the keeper stopped waiting.
enum Outcome {
    /// Its tree is empty and the server's end is for the policy to judge.
    Ended,
    /// It was told to end, and nothing is left.
    Told,
}

struct Keeper {
    notes: Notes,
    line: OwnedFd,
    group: Group,
    main: Option<ProcessKey>,
    /// When the server was last started.
    began: Instant,
    pid_file: Option<PathBuf>,
    /// It is ending its tree because it was told to.
    told: bool,
    /// Being told was not enough: something of its tree had to be killed.
    killed: bool,
    /// How it last ended.
    end: Option<End>,
    /// Held whenever something is done to the tree: the rotation freezes it.
    quiet: Quiet,
}

impl Keeper {
    fn live(&mut self, mut spec: File) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        doing("reading the specification", spec.read_to_end(&mut bytes))?;
        // Whoever has passed it on may hold it open, and there are secrets in it.
        drop(spec.set_len(0));
        drop(spec);
        let spec: Spec = doing("reading the specification", serde_json::from_slice(&bytes).map_err(io::Error::from))?;
        let identity = std::env::var(IDENTITY).unwrap_or_default();
        let who: Identity = doing("reading the identity", serde_json::from_str(&identity).map_err(io::Error::from))?;
        doing("becoming the user", become_user(&who))?;
        // Nothing that ends in a child may end here: orphans of the tree come back to this process, prctl(2).
        doing("becoming the subreaper", nix::sys::prctl::set_child_subreaper(true).map_err(io::Error::from))?;
        let signals = blocked_signals();
        doing("blocking signals", signals.thread_block().map_err(io::Error::from))?;
        self.start(&spec)?;
        if let Some(most) = spec.log_max {
            // A log that nobody keeps short is no reason not to run the server: `log-unbounded` tells it.
            let keeping = Keeping { log: spec.log.clone(), most, keep: spec.log_keep };
            drop(rotate::start(keeping, std::process::id().cast_signed(), self.quiet.clone()));
        }
        let mut policy = Policy::new(spec.restart);
        let (begun, stop_timeout) = (Instant::now(), Duration::from_millis(spec.stop_timeout_ms));
        loop {
            if let Outcome::Told = self.keep(&signals, stop_timeout) {
                return Ok(());
            }
            // The server may have ended and left helpers that ended only now; without an end there is nothing to start again.
            let Some(end) = self.end.take().filter(|end| !end.asked_outside) else { break };
            match policy.ended(status_of(end.status), begun.elapsed(), self.began.elapsed()) {
                Next::Rest => break,
                Next::GiveUp => {
                    self.note(&Event::GaveUp { ends: policy::ENDS, within_s: policy::WITHIN.as_secs(), at: Timestamp::now() });
                    break;
                }
                Next::Again(wait) => {
                    self.note(&Event::Waiting { wait_ms: millis(wait), tries: policy.tries(), at: Timestamp::now() });
                    if self.is_told_within(wait, &signals) {
                        break;
                    }
                    if let Err((what, error)) = self.start(&spec) {
                        // Its log or its program is gone meanwhile. That is a failed run like any other.
                        self.note(&Event::Failed { what: format!("{what}: {error}"), at: Timestamp::now() });
                        self.began = Instant::now();
                        self.end = Some(End { status: ExitStatus::from_raw(1 << 8), asked_outside: false });
                    }
                }
            }
        }
        self.note(&Event::Empty { told: self.told, killed: false, at: Timestamp::now() });
        Ok(())
    }

    /// Starts the server and says so.
    fn start(&mut self, spec: &Spec) -> Result<(), Fault> {
        let log = doing(&format!("opening the log {}", spec.log.display()), open_log(&spec.log))?;
        self.began = Instant::now();
        self.group.begin();
        let child = {
            let _held = self.quiet.hold();
            doing(&format!("starting {}", spec.command.join(" ")), spawn(spec, &log, self.group.entrances()))?
        };
        drop(log);
        let main = doing("looking at the server", own_key(child))?;
        let keeper = doing("looking at itself", own_key(std::process::id().cast_signed()))?;
        self.main = Some(main);
        self.pid_file = pid_file::write(&spec.pid_file, main.pid).is_ok().then(|| spec.pid_file.clone());
        let (keeper, main) = ((keeper.pid, keeper.start_time), (main.pid, main.start_time));
        let unlimited = self.group.without(main.0);
        self.notes.begin_run();
        self.note(&Event::Started { keeper, main, at: Timestamp::now(), unlimited });
        self.say(&Word::Started { keeper, main });
        Ok(())
    }

    /// Waits for children and for the order to end the tree, until nothing is left.
    fn keep(&mut self, signals: &SigSet, stop_timeout: Duration) -> Outcome {
        loop {
            if self.is_empty() {
                if !self.told {
                    return Outcome::Ended;
                }
                self.note(&Event::Empty { told: true, killed: self.killed, at: Timestamp::now() });
                return Outcome::Told;
            }
            let Some((signal, value)) = wait_for_signal(signals, None) else { continue };
            if signal == libc::SIGTERM {
                let grace = if value > 0 { Duration::from_millis(value.unsigned_abs().into()) } else { stop_timeout };
                self.told = true;
                // Whoever was killed last may not be collected yet: the end is told when nothing is left.
                self.killed |= self.end_everything(grace).killed;
                continue;
            }
            // A server that failed leaves no helpers behind that would hold its port; one that ended well may have gone to the background.
            if self.reap().is_some_and(|status| !status.success()) && !self.is_empty() {
                self.end_everything(stop_timeout);
            }
        }
    }

    /// Ends what is below this process and what is in its group: processes that fork faster than they can be counted are killed all at
    /// once when the grace is over.
    fn end_everything(&mut self, grace: Duration) -> Ending {
        // A tree that is frozen for the rotation goes on before it is told to end: SIGCONT would wake it in the middle.
        let quiet = self.quiet.clone();
        let _held = quiet.hold();
        // Who is killed from here on is killed by this.
        self.group.begin();
        let begun = Instant::now();
        // Whom the group's kill ends, the tree no longer finds alive: it would be told as an end by SIGTERM.
        let mut killed = false;
        let mut ending = end_tree(Some(std::process::id().cast_signed()), &[], grace, || {
            if begun.elapsed() >= grace && !self.group.members().is_empty() {
                self.group.kill();
                killed = true;
            }
            self.reap();
        });
        let until = Instant::now() + Duration::from_secs(1);
        while !self.group.members().is_empty() && Instant::now() < until {
            self.group.kill();
            killed = true;
            std::thread::sleep(Duration::from_millis(10));
            self.reap();
        }
        ending.killed |= killed;
        ending
    }

    /// Waits before the next try. True when it was told to end meanwhile.
    fn is_told_within(&mut self, wait: Duration, signals: &SigSet) -> bool {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if wait_for_signal(signals, Some(until)).is_some_and(|(signal, _)| signal == libc::SIGTERM) {
                self.told = true;
                return true;
            }
        }
        false
    }

    /// Collects what has ended; the server's own end is recorded and returned.
    fn reap(&mut self) -> Option<ExitStatus> {
        let mut own = None;
        loop {
            let (pid, raw) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, (code & 0xff) << 8),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, signal as i32),
                _ => return own,
            };
            if self.main.is_some_and(|main| main.pid == pid.as_raw()) {
                let status = ExitStatus::from_raw(raw);
                self.ended(status);
                own = Some(status);
            }
        }
    }

    fn ended(&mut self, status: ExitStatus) {
        let Some(main) = self.main.take() else { return };
        // A signal says by itself that somebody asked, a code does not.
        if !self.told && status.code().is_some() && is_asked_outside(status_of(status), true) {
            self.wait_for_the_script(main.pid);
        }
        let named = self.pid_file.as_ref().is_some_and(|path| pid_file::remove(path, main.pid));
        let (code, signal) = (status.code(), status.signal());
        let asked_outside = is_asked_outside(status_of(status), self.pid_file.is_some() && !named);
        self.end = Some(End { status, asked_outside });
        let over_memory = if signal == Some(libc::SIGKILL) { self.group.exceeded_memory() } else { None };
        self.note(&Event::Exited { code, signal, asked_outside, over_memory, at: Timestamp::now() });
        self.say(&Word::Exited { code, signal });
    }

    /// The guide's `stop` removes the PID file after its signal: a quick server is gone before the file is.
    fn wait_for_the_script(&self, pid: i32) {
        let until = Instant::now() + SCRIPT_TAKES;
        while self.pid_file.as_ref().is_some_and(|path| pid_file::names(path, pid)) && Instant::now() < until {
            std::thread::sleep(SCRIPT_TAKES / 50);
        }
    }

    /// Whether no child is left: as the subreaper this process is the parent of every orphan of its tree (ECHILD, wait(2)).
    fn is_empty(&self) -> bool {
        // SAFETY: waitid with WNOWAIT only looks; the siginfo is plain data that lives for the call.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_ALL, 0, &raw mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT)
        };
        result != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD)
    }

    fn note(&mut self, event: &Event) {
        self.notes.add(event);
    }

    /// Tells the engine, if one still listens.
    fn say(&self, word: &Word) {
        if let Ok(bytes) = serde_json::to_vec(word) {
            // SAFETY: a plain send of a live buffer; MSG_DONTWAIT: a console that does not listen must not hold the keeper.
            unsafe { libc::send(self.line.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
        }
    }
}

fn own_key(pid: i32) -> io::Result<ProcessKey> {
    process_facts(pid).map(|facts| facts.key)
}

fn status_of(status: ExitStatus) -> domain::ExitStatus {
    match (status.code(), status.signal()) {
        (Some(code), _) => domain::ExitStatus::Code(code),
        (None, Some(signal)) => domain::ExitStatus::Signal(signal),
        (None, None) => domain::ExitStatus::Unknown,
    }
}

/// Whether somebody outside asked the server to end. The guide's `stop` sends SIGTERM and removes the PID file: a server that ends by such a
/// signal was asked, and so was one that catches it and returns, which shows by the PID file being gone.
fn is_asked_outside(status: domain::ExitStatus, pid_file_gone: bool) -> bool {
    match status {
        domain::ExitStatus::Signal(signal) => matches!(signal, libc::SIGHUP | libc::SIGINT | libc::SIGTERM),
        domain::ExitStatus::Code(code) => pid_file_gone && matches!(code, 0 | 129 | 130 | 143),
        domain::ExitStatus::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ExitStatus::{Code, Signal};

    #[test]
    fn whose_end_was_asked_for_outside() {
        for (status, pid_file_gone, asked) in [
            (Signal(libc::SIGTERM), false, true),
            (Signal(libc::SIGINT), true, true),
            (Signal(libc::SIGKILL), true, false),
            (Signal(libc::SIGSEGV), false, false),
            (Code(0), true, true),
            (Code(0), false, false),
            (Code(143), true, true),
            (Code(1), true, false),
        ] {
            assert_eq!(is_asked_outside(status, pid_file_gone), asked, "{status:?} {pid_file_gone}");
        }
    }
}
