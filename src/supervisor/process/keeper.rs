//! The keeper: the parent that stays. It starts one server as its user, knows how it ends, and ends its tree when told to.
//!
//! It must never outlive its tree, never execute anything but the server, and never open a file before it has become the user.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use crate::domain::ProcessKey;
use crate::hand::{Identity, become_user, end_tree, process_facts};

use super::pid_file;
use super::record::{Event, append};
use super::rotate::{self, Keeping, Quiet};
use super::spec::{Spec, Word};

/// The environment variable that holds the identity to take on. It is no secret: ids and groups.
const IDENTITY: &str = "BERTH_KEEPER_IDENTITY";

/// The keeper's whole life; the hidden subcommand `berth keeper TITLE`. Returns the process's exit code.
pub fn run(_arguments: &[OsString]) -> u8 {
    // SAFETY: the zygote has put these three there for this process, which opened nothing yet.
    let [spec, record, line] = [3, 4, 5].map(|raw| unsafe { OwnedFd::from_raw_fd(raw) });
    for raw in [3, 4, 5] {
        // SAFETY: a flag on descriptors that this process owns.
        unsafe { libc::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    let mut keeper = Keeper { record: File::from(record), line, main: None, pid_file: None, quiet: Quiet::default() };
    match keeper.live(File::from(spec)) {
        Ok(()) => 0,
        Err((what, error)) => {
            keeper.note(&Event::Failed { what: format!("{what}: {error}"), at: Timestamp::now() });
            keeper.say(&Word::Failed { what, errno: error.raw_os_error().unwrap_or(libc::EIO) });
            1
        }
    }
}

type Fault = (String, io::Error);

fn doing<T>(what: &str, result: io::Result<T>) -> Result<T, Fault> {
    result.map_err(|error| (what.to_owned(), error))
}

struct Keeper {
    record: File,
    line: OwnedFd,
    main: Option<ProcessKey>,
    pid_file: Option<std::path::PathBuf>,
    quiet: Quiet,
}

impl Keeper {
    fn live(&mut self, mut spec: File) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        doing("reading the specification", spec.read_to_end(&mut bytes))?;
        let spec: Spec = doing("reading the specification", serde_json::from_slice(&bytes).map_err(io::Error::from))?;
        let identity = std::env::var(IDENTITY).unwrap_or_default();
        let who: Identity = doing("reading the identity", serde_json::from_str(&identity).map_err(io::Error::from))?;
        doing("becoming the user", become_user(&who))?;
        // Nothing that ends in a child may end here: orphans of the tree come back to this process, prctl(2).
        doing("becoming the subreaper", nix::sys::prctl::set_child_subreaper(true).map_err(io::Error::from))?;
        let signals = blocked_signals();
        doing("blocking signals", signals.thread_block().map_err(io::Error::from))?;
        let log = doing(&format!("opening the log {}", spec.log.display()), open_log(&spec.log))?;
        let child = doing(&format!("starting {}", spec.command.join(" ")), spawn(&spec, &log))?;
        drop(log);
        let main = doing("looking at the server", own_key(child))?;
        let keeper = doing("looking at itself", own_key(std::process::id().cast_signed()))?;
        self.main = Some(main);
        if pid_file::write(&spec.pid_file, main.pid).is_ok() {
            self.pid_file = Some(spec.pid_file.clone());
        }
        let (keeper, main) = ((keeper.pid, keeper.start_time), (main.pid, main.start_time));
        self.note(&Event::Started { keeper, main, at: Timestamp::now() });
        self.say(&Word::Started { keeper, main });
        if let Some(most) = spec.log_max {
            // A log that nobody keeps short is no reason not to run the server: `log-unbounded` tells it.
            let keeping = Keeping { log: spec.log.clone(), most, keep: spec.log_keep };
            drop(rotate::start(keeping, std::process::id().cast_signed(), self.quiet.clone()));
        }
        self.keep(&signals, Duration::from_millis(spec.stop_timeout_ms));
        Ok(())
    }

    /// Waits for children and for the order to end the tree, until nothing is left.
    fn keep(&mut self, signals: &SigSet, stop_timeout: Duration) {
        let own = std::process::id().cast_signed();
        loop {
            let (signal, value) = wait_for_signal(signals);
            let mut ended_badly = false;
            if signal == libc::SIGTERM {
                let grace = if value > 0 { Duration::from_millis(value.unsigned_abs().into()) } else { stop_timeout };
                let quiet = self.quiet.clone();
                // A tree that is frozen for the rotation goes on before it is told to end: SIGCONT would wake it in the middle.
                let _held = quiet.hold();
                let ending = end_tree(Some(own), &[], grace, || {
                    self.reap();
                });
                if self.is_empty() {
                    self.note(&Event::Empty { killed: ending.killed, at: Timestamp::now() });
                    return;
                }
                continue;
            }
            if let Some(status) = self.reap() {
                ended_badly = !status.success();
            }
            if self.is_empty() {
                self.note(&Event::Empty { killed: false, at: Timestamp::now() });
                return;
            }
            // A server that failed leaves no helpers behind that would hold its port; one that ended well may have gone to the background.
            if ended_badly {
                let quiet = self.quiet.clone();
                let _held = quiet.hold();
                let ending = end_tree(Some(own), &[], stop_timeout, || {
                    self.reap();
                });
                if self.is_empty() {
                    self.note(&Event::Empty { killed: ending.killed, at: Timestamp::now() });
                    return;
                }
            }
        }
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
        if let (Some(main), Some(path)) = (self.main.take(), &self.pid_file) {
            pid_file::remove(path, main.pid);
        }
        let (code, signal) = (status.code(), status.signal());
        self.note(&Event::Exited { code, signal, at: Timestamp::now() });
        self.say(&Word::Exited { code, signal });
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

    /// Records an event. A full disk must not end a keeper: the event is lost, the server lives.
    fn note(&mut self, event: &Event) {
        drop(append(&mut self.record, event));
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

fn blocked_signals() -> SigSet {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        signals.add(signal);
    }
    signals
}

/// The next signal and the value that came with it; 0 when none did.
fn wait_for_signal(signals: &SigSet) -> (i32, i32) {
    // SAFETY: siginfo_t is plain data and lives for the call; si_value is read only after SI_QUEUE has said that it is set.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let signal = libc::sigwaitinfo(signals.as_ref(), &raw mut info);
        if signal < 0 {
            return (0, 0);
        }
        let value = if info.si_code == libc::SI_QUEUE { info.si_value().sival_ptr as usize } else { 0 };
        (signal, i32::try_from(value & 0x7fff_ffff).unwrap_or(0))
    }
}

/// Opens the log as the user: appended to, never through a link, never a pipe or a file with a second name (THREATS A3, A5, A12).
fn open_log(path: &std::path::Path) -> io::Result<File> {
    if let Some(parent) = path.parent()
        && !parent.exists()
    {
        std::fs::DirBuilder::new().mode(0o750).create(parent)?;
    }
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if facts.nlink() != 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has a second name (hard link)"));
    }
    Ok(file)
}

/// Starts the server: a session of its own, standard input from nowhere, both outputs in the log, umask 027, nothing inherited.
fn spawn(spec: &Spec, log: &File) -> io::Result<i32> {
    let (program, arguments) = spec.command.split_first().ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let open_files = spec.open_files;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&spec.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log.try_clone()?));
    // SAFETY: only async-signal-safe system calls between fork and exec (signal-safety(7)); no allocation.
    unsafe {
        command.pre_exec(move || {
            if libc::setsid() < 0 {
                return Err(io::Error::last_os_error());
            }
            libc::umask(0o027);
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
                limit.rlim_cur = open_files.min(limit.rlim_max);
                libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
            }
            // What is ignored stays ignored through an exec (execve(2)): the zygote is deaf to its terminal, Rust to SIGPIPE.
            // By the system call itself: the C library does not touch its own two, and all zeroes is SIG_DFL without flags.
            let default = [0u64; 4];
            for signal in 1..=64 {
                libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null_mut::<u64>(), 8);
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            // Everything but the standard streams is closed by the exec, whoever forgot the flag: close_range(2).
            libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
            Ok(())
        });
    }
    Ok(command.spawn()?.id().cast_signed())
}
