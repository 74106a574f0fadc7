//! Another host's daemon by the person's own ssh: one connection for all questions, each of which is a channel of it.
//!
//! It must never start a shell here, pass on a word that could be an option, ask anything once the console has the terminal, or say there
//! anything but its one command.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::SshAddress;
use crate::error::{Context, Error, Kind, Result};

use said::{read, spool, wants_somebody};
pub use turns::Turn;
use turns::Turns;

mod said;
mod turns;

/// The command on the other host, whatever is asked.
const THERE: [&str; 2] = ["berth", "dial-stdio"];

/// What holds for every call, whatever the person's configuration says of this host: nothing of theirs is forwarded for a console, and a
/// connection that says nothing for 15 s is cut.
const ALWAYS: [&str; 17] = [
    "-T",
    "-a",
    "-x",
    "-o",
    "ClearAllForwardings=yes",
    "-o",
    "PermitLocalCommand=no",
    "-o",
    "RemoteCommand=none",
    "-o",
    "ConnectTimeout=10",
    "-o",
    "ServerAliveInterval=5",
    "-o",
    "ServerAliveCountMax=3",
    "-o",
    "LogLevel=ERROR",
];

/// How long the connection stays when nobody asks any more.
const STAYS: &str = "ControlPersist=20";

/// How long connecting may take where nobody is asked for anything.
const CONNECTED: Duration = Duration::from_secs(25);

/// How many questions are on their way at once, and how many logs: sshd takes ten channels of one connection, `MaxSessions`, and one of them
/// tells the picture.
const AT_ONCE: usize = 5;
const LOGS: usize = 4;

/// How long a question waits for its turn.
const TURN: Duration = Duration::from_secs(15);

/// How long ssh is given to say why it ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long ssh may take to say whether a connection is there, or to end it.
const CONTROLLED: Duration = Duration::from_secs(2);

/// Every one that was made: threads may still hold it when the program ends.
static ALL: Mutex<Vec<Weak<Ssh>>> = Mutex::new(Vec::new());

/// Ends all connections: the program does.
pub fn leave() {
    let all: Vec<Arc<Ssh>> = lock(&ALL).drain(..).filter_map(|ssh| ssh.upgrade()).collect();
    all.iter().for_each(|ssh| ssh.end());
}

/// Connections to one host.
pub struct Ssh {
    address: SshAddress,
    /// A directory of this process's own, for ssh's sockets.
    folder: PathBuf,
    /// The socket of the connection that there is: each has another one, so that none is taken for another.
    connection: Mutex<PathBuf>,
    number: AtomicU64,
    /// One connects at a time.
    connecting: Mutex<()>,
    /// Whether the last that failed to did so because nobody could be asked.
    wants_somebody: AtomicBool,
    ended: AtomicBool,
    questions: Arc<Turns>,
    logs: Arc<Turns>,
}

/// A question's channel: it ends when this is dropped.
pub struct Channel {
    child: Child,
    said: File,
}

impl Ssh {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// When no directory for the sockets can be made.
    pub fn new(address: SshAddress) -> Result<Arc<Self>> {
        let folder = folder().while_doing(|| "cannot make a directory for ssh's sockets".to_owned())?;
        let connection = Mutex::new(folder.join("0"));
        let ended = AtomicBool::new(false);
        let number = AtomicU64::new(0);
        let ssh = Arc::new(Self {
            address,
            folder,
            connection,
            number,
            connecting: Mutex::default(),
            wants_somebody: AtomicBool::new(false),
            ended,
            questions: Turns::of(AT_ONCE),
            logs: Turns::of(LOGS),
        });
        lock(&ALL).push(Arc::downgrade(&ssh));
        Ok(ssh)
    }

    /// Ends the connection and takes away what it left. Once.
    fn end(&self) {
        if self.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        // Who connects right now sees that it is over.
        let _none_connects = lock(&self.connecting);
        let socket = lock(&self.connection).clone();
        if socket.exists() {
            // Without it the connection ends by itself when nobody has asked for a while.
            self.control("exit", &socket);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// Tells the connection at a socket something; whether it obeyed.
    fn control(&self, word: &str, socket: &Path) -> bool {
        let mut command = self.command(&["-O", word, "-o", "BatchMode=yes"], socket);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let Ok(mut child) = command.spawn() else { return false };
        let begun = Instant::now();
        loop {
            match child.try_wait() {
                Ok(None) if begun.elapsed() < CONTROLLED => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(status)) => return status.success(),
                _ => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return false;
                }
            }
        }
    }

    /// Its words before the command: the options, then the host behind `--`.
    fn command(&self, options: &[&str], socket: &Path) -> Command {
        let mut command = Command::new("ssh");
        command.args(ALWAYS).args(options);
        let mut path = OsString::from("ControlPath=");
        path.push(socket);
        command.arg("-o").arg(path);
        if let Some(user) = &self.address.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.address.port {
            command.args(["-p", &port.to_string()]);
        }
        command.arg("--").arg(&self.address.host);
        command
    }

    /// Connects. ssh may ask for a password, or whether a key is the host's, while the terminal is not the console's yet: `may_ask`. Later
    /// nobody could answer, and what needs an answer fails.
    ///
    /// # Errors
    /// What ssh says.
    pub fn connect(&self, may_ask: bool) -> Result<()> {
        let _one = lock(&self.connecting);
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let socket = self.folder.join(number.to_string());
        if self.ended.load(Ordering::SeqCst) {
            return Err(Error::failed("berth ends"));
        }
        let batch = if may_ask { "BatchMode=no" } else { "BatchMode=yes" };
        // It goes to the background by itself when it is let in, so that its end is the answer.
        let mut command = self.command(&["-f", "-M", "-N", "-o", STAYS, "-o", batch], &socket);
        let (said, write) = spool()?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(write);
        if !may_ask {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|error| no_ssh(&error))?;
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().while_doing(|| "cannot wait for ssh".to_owned())? {
                Some(status) => break status,
                None if self.ended.load(Ordering::SeqCst) || !may_ask && begun.elapsed() > CONNECTED => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(Error::new(Kind::Timeout, format!("{} does not answer", self.address.host)));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        if status.success() {
            let old = std::mem::replace(&mut *lock(&self.connection), socket);
            if old.exists() {
                // What is under way in it goes on to its end, and it ends then.
                self.control("stop", &old);
                let _ = std::fs::remove_file(&old);
            }
            return Ok(());
        }
        let said = read(&said);
        self.wants_somebody.store(wants_somebody(&said), Ordering::Relaxed);
        let why = if said.is_empty() { format!("ssh ended with {status}") } else { said };
        Err(Error::new(Kind::Timeout, format!("{} is not reached: {why}", self.address.host)))
    }

    /// Connects anew, without asking anything, unless the connection is there and the daemon has answered by it.
    ///
    /// # Errors
    /// What ssh says.
    pub fn renew(&self, has_answered: bool) -> Result<()> {
        let socket = lock(&self.connection).clone();
        if has_answered && socket.exists() && self.control("check", &socket) { Ok(()) } else { self.connect(false) }
    }

    /// Whether connecting failed because there was nobody to ask.
    pub fn wants_somebody(&self) -> bool {
        self.wants_somebody.load(Ordering::Relaxed)
    }

    /// A channel to the daemon there. Where the connection is gone ssh makes another one for this, without asking anything.
    ///
    /// # Errors
    /// When ssh cannot be started.
    pub fn dial(&self) -> Result<(UnixStream, Channel)> {
        let (ours, theirs) = UnixStream::pair().while_doing(|| "cannot make a pair of sockets".to_owned())?;
        ours.set_nonblocking(true).while_doing(|| "cannot make a pair of sockets".to_owned())?;
        let (said, write) = spool()?;
        let theirs = OwnedFd::from(theirs);
        let again = theirs.try_clone().while_doing(|| "cannot make a pair of sockets".to_owned())?;
        let socket = lock(&self.connection).clone();
        let mut command = self.command(&["-o", "BatchMode=yes", "-o", "ControlMaster=no"], &socket);
        command.args(THERE).stdin(theirs).stdout(again).stderr(write).process_group(0);
        let child = command.spawn().map_err(|error| no_ssh(&error))?;
        Ok((ours, Channel { child, said }))
    }

    /// A turn among the questions that are on their way.
    ///
    /// # Errors
    /// Of kind `Busy` when none came in time.
    pub fn turn(&self) -> Result<Turn> {
        self.questions.wait(TURN).ok_or_else(|| {
            Error::new(Kind::Busy, format!("too much is asked of {} already", self.address.host)).hint("try again in a moment")
        })
    }

    /// A turn among the logs that are carried here.
    ///
    /// # Errors
    /// Of kind `Busy` when there are so many already.
    pub fn log_turn(&self) -> Result<Turn> {
        self.logs.wait(Duration::ZERO).ok_or_else(|| {
            let sentence = format!("{LOGS} logs of {} are followed already, and one connection carries no more", self.address.host);
            Error::new(Kind::Busy, sentence).hint("close another one")
        })
    }

    /// What it is called in a sentence.
    pub fn host(&self) -> &str {
        &self.address.host
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        self.end();
    }
}

impl Channel {
    /// What ssh, or the other host, said why it ended; empty where it did not end or said nothing.
    pub fn last_words(&mut self) -> String {
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > LAST_WORDS {
                return String::new();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        read(&self.said)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn no_ssh(error: &io::Error) -> Error {
    let why = if error.kind() == io::ErrorKind::NotFound {
        "there is no ssh in PATH".to_owned()
    } else {
        format!("ssh cannot be started: {error}")
    };
    Error::failed(why).hint("apt-get install openssh-client")
}

fn folder() -> io::Result<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute() && folder.is_dir());
    let beneath = runtime.unwrap_or_else(std::env::temp_dir);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    for _ in 0..100 {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        let folder = beneath.join(format!("berth-{}-{count}-{now:x}", std::process::id()));
        // Made, never found: what lies there already is somebody else's.
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(folder),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_host_stands_behind_the_options_and_the_command_is_always_the_same() {
        let address = SshAddress { user: Some("admin".to_owned()), host: "web1".to_owned(), port: Some(2222) };
        let ssh = Ssh::new(address).unwrap();
        let folder = ssh.folder.clone();
        let mut command = ssh.command(&["-o", "BatchMode=yes"], Path::new("/run/x"));
        command.args(THERE);
        let words = words(&command);
        let behind = words.iter().position(|word| word == "--").unwrap();
        assert_eq!(words[behind + 1..], ["web1", "berth", "dial-stdio"]);
        assert_eq!(words[behind - 6..behind], ["-o", "ControlPath=/run/x", "-l", "admin", "-p", "2222"]);
        assert!(folder.is_dir());
        drop(ssh);
        assert!(!folder.exists());
    }

    #[test]
    fn all_of_it_is_no_more_than_sshd_takes_of_one_connection() {
        let ssh = Ssh::new(SshAddress { user: None, host: "web1".to_owned(), port: None }).unwrap();
        let logs: Vec<Turn> = std::iter::from_fn(|| ssh.log_turn().ok()).collect();
        assert_eq!(1 + AT_ONCE + logs.len(), 10);
        let refused = ssh.log_turn().err().map(|error| (error.kind(), error.chain())).unwrap();
        assert_eq!(refused, (Kind::Busy, "4 logs of web1 are followed already, and one connection carries no more".to_owned()));
        drop(ssh.turn().unwrap());
        drop(logs);
        assert!(ssh.log_turn().is_ok());
    }
}
