//! What is known of an instance before anything runs: the roster, and what supervisors claim.
//!
//! Everything here comes from configurations, which users write: hints for what should be, never proof of what is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Credential, Endpoint, Gid, InstanceId, Limits, Probing, ProcessKey, Restart, Service, Settings, Shown, Uid, Unit};

/// Who runs an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SupervisorKind {
    /// A plain process under berth's keeper, or under nobody.
    Process,
    /// A systemd service.
    Systemd,
    /// A container of Docker.
    Docker,
    /// A container of Podman.
    Podman,
    /// An app of its account's own PM2 daemon.
    Pm2,
    /// A bare listener in the range that belongs to no instance.
    None,
}

impl SupervisorKind {
    /// Whether it is a container of some engine's.
    pub fn is_container(self) -> bool {
        matches!(self, Self::Docker | Self::Podman)
    }

    /// The word in JSON and in the column BY.
    pub fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Systemd => "systemd",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Pm2 => "pm2",
            Self::None => "none",
        }
    }
}

impl Unit {
    /// The command by which its supervisor shows the log that it keeps.
    pub fn log_command(&self, of: SupervisorKind) -> String {
        match of {
            SupervisorKind::Docker | SupervisorKind::Podman => format!("{} logs {}", of.word(), self.name),
            _ if self.is_users => format!("journalctl --user -u {}", self.name),
            _ => format!("journalctl -u {}", self.name),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFault {
    /// The file.
    pub file: Shown,
    /// The line, from 1; `None` when the fault is not in the text (not a regular file, not readable).
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
    /// The reason in words, and the way out.
    pub reason: Shown,
    /// Only this caller may not read it: what it says is not known here, and may well be right.
    pub denied: bool,
}

/// Variables of an environment, ordered by name, each once. A map would keep room for eleven, a thousand times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(Box<[(Box<str>, Box<str>)]>);

impl Variables {
    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        let index = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.0.get(index).map(|(_, value)| &**value)
    }

    /// Names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }
}

impl FromIterator<(String, String)> for Variables {
    /// Of a name that stands twice the last value counts.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        let ordered: BTreeMap<String, String> = variables.into_iter().collect();
        Self(ordered.into_iter().map(|(name, value)| (name.into_boxed_str(), value.into_boxed_str())).collect())
    }
}

/// How to start a process instance. Placeholders are filled in already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// The working directory.
    pub directory: PathBuf,
    /// The environment beside the clean one (HOME, USER, LOGNAME, PATH, LANG).
    pub environment: Variables,
    /// How long a start may take until the port is listened on.
    pub start_timeout: Duration,
    /// How long SIGTERM is waited for before SIGKILL.
    pub stop_timeout: Duration,
    /// When it is started again.
    pub restart: Restart,
}

/// The environment file that an instance is started with: names, never values.
///
/// The values are read when it is started, as its account, and are kept nowhere: the roster reaches every screen and document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvFile {
    /// The file.
    pub path: PathBuf,
    /// The part of `path` that belongs to the administrator: below it, links are not followed.
    pub root: PathBuf,
    /// The variable that the port is read from, where it is this file that says it.
    pub port_name: Option<Shown>,
    /// The variables that it sets, ordered, each once.
    pub names: Vec<Shown>,
    /// Those of them that it leaves empty.
    pub empty: Vec<Shown>,
    /// The example beside it that `missing` and `untouched` refer to.
    pub example: Option<Shown>,
    /// What the example names and the file, or the template, does not set.
    pub missing: Vec<Shown>,
    /// What still holds a placeholder.
    pub untouched: Vec<Shown>,
}

/// One instance as its configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// Who it is.
    pub id: InstanceId,
    /// The account it runs as.
    pub uid: Uid,
    /// That account's primary group.
    pub gid: Gid,
    /// That account's name; `None` when no account has the uid.
    pub account: Option<Shown>,
    /// That account's home directory.
    pub home: PathBuf,
    /// Who runs it.
    pub supervisor: SupervisorKind,
    /// The service that it is, where a supervisor outside of berth runs it: its log is that supervisor's, too.
    pub unit: Option<Unit>,
    /// The configuration file that declares it.
    pub config: PathBuf,
    /// The part of `config` that belongs to the administrator: below it, links are not followed.
    pub config_root: PathBuf,
    /// The configured address; `None` when the configuration names none that can be read.
    pub host: Option<IpAddr>,
    /// The configured port; `None` when the configuration is broken or names none.
    pub port: Option<u16>,
    /// Its template says `port = "auto"`: where its port is another's at its start, it is given the next free one, and keeps that.
    pub moves: bool,
    /// The file with its variables; `None` when it has none.
    pub env_file: Option<EnvFile>,
    /// `serverName`.
    pub server_name: Option<Shown>,
    /// `workspace`.
    pub workspace: Option<PathBuf>,
    /// The log file; empty where its supervisor keeps the log.
    pub log: PathBuf,
    /// The PID file that the guide's scripts read; empty where there is none.
    pub pid_file: PathBuf,
    /// What it may use.
    pub limits: Limits,
    /// Bytes after which the log is rotated; `None` is never.
    pub log_max: Option<u64>,
    /// How many rotated logs are kept.
    pub log_keep: u32,
    /// What it would be started with now, for telling what differs from what runs.
    pub settings: Arc<Settings>,
    /// The credentials in its configuration and its environment file: their names and what stands for them, ordered as they were read.
    pub credentials: Box<[Credential]>,
    /// Its configuration, its environment or its template says that it speaks TLS.
    pub https: bool,
    /// How it is asked whether it is well.
    pub probing: Arc<Probing>,
    /// How to start it; `None` when the configuration is broken.
    pub launch: Option<Launch>,
    /// Why the configuration cannot be used. The row stays.
    pub fault: Option<ConfigFault>,
}

impl Declared {
    /// The unit whose journal is its log, and whose own it is where the host's manager does not have it; `None` where its log is in files.
    pub fn journal(&self) -> Option<(&Shown, Option<Uid>)> {
        let unit = self.unit.as_ref().filter(|_| self.supervisor == SupervisorKind::Systemd)?;
        Some((&unit.name, unit.is_users.then_some(self.uid)))
    }

    /// Whether this caller may not read what declares it: its port and its address are not known then, and that is no fault of its own.
    pub fn is_unread(&self) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.denied)
    }
}

/// Everything that is declared, ordered by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// The instances.
    pub instances: Vec<Arc<Declared>>,
    /// What could not even be made a row: a directory with a name that is no name, a tree that may not be read.
    pub faults: Vec<ConfigFault>,
    /// The patterns that were looked through, for the screen of a host where nothing was found.
    pub looked_for: Vec<Shown>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Nobody was there to be told: an adopted process.
    Unknown,
}

/// The last end of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastExit {
    /// How.
    pub status: ExitStatus,
    /// When.
    pub at: Timestamp,
    /// The kernel killed it for using more memory than it may: this many bytes.
    pub over_memory: Option<u64>,
}

/// What a supervisor makes of a server's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It is started again.
    At {
        /// When.
        at: Timestamp,
        /// Which try since its last good run, from 1.
        tries: u32,
    },
    /// It ended too often and is left alone.
    Never {
        /// How often it ended ...
        ends: u32,
        /// ... within this time.
        within: Duration,
    },
}

/// What a supervisor says of an instance: which processes are its, what it wished, how it last ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Of whom.
    pub id: InstanceId,
    /// The keeper: root of the tree, not counted in it.
    pub keeper: Option<ProcessKey>,
    /// The server's process as the keeper started it.
    pub main: Option<ProcessKey>,
    /// Its further processes that no other is the parent of: workers beside the main one.
    pub others: Arc<[ProcessKey]>,
    /// The process that holds listening sockets for it and may do so for others, too: PM2's daemon in cluster mode.
    pub publisher: Option<ProcessKey>,
    /// `Some(true)` wished up, `Some(false)` wished down, `None` when this caller may not know.
    pub wished_up: Option<bool>,
    /// When its end was asked for by way of berth, last.
    pub stop_asked_at: Option<Timestamp>,
    /// How it last ended, when nothing of it runs.
    pub exit: Option<LastExit>,
    /// Its last ends, oldest first, what runs now not among them.
    pub exits: Arc<[LastExit]>,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// How often it was started again since it was first started.
    pub restarts: u32,
    /// Its end was asked for, but not by way of berth: by a script, or kill(1).
    pub ended_outside: bool,
    /// What comes after its end; `None` where nothing is to come, or it runs.
    pub again: Option<Again>,
    /// What the running one was started with; `None` where nobody recorded it.
    pub started_with: Option<Arc<Settings>>,
    /// Which limits it was started without, and why: "no memory limit is in force: ...".
    pub unlimited: Option<Shown>,
    /// The supervisor's records may not be read by this caller.
    pub denied: bool,
    /// What a supervisor outside of berth says of it.
    pub service: Option<Arc<Service>>,
    /// Where on the host the ports of its container are published. Whoever holds them for it, they are its own.
    pub published: Arc<[Endpoint]>,
    /// The engine itself: it, its children and the keeper hold what is published.
    pub engine: Option<ProcessKey>,
}

impl Claim {
    /// A claim that claims nothing.
    pub fn nothing(id: InstanceId, denied: bool) -> Self {
        Self {
            id,
            keeper: None,
            main: None,
            others: Arc::default(),
            publisher: None,
            wished_up: if denied { None } else { Some(false) },
            stop_asked_at: None,
            exit: None,
            exits: Arc::default(),
            started_at: None,
            restarts: 0,
            ended_outside: false,
            again: None,
            started_with: None,
            unlimited: None,
            denied,
            service: None,
            published: Arc::default(),
            engine: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Variables;

    #[test]
    fn variables_are_found_by_name_and_the_last_one_counts() {
        let given = [("PORT", "1"), ("A", ""), ("PORT", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables: Variables = given.into_iter().collect();
        assert_eq!(variables.iter().collect::<Vec<_>>(), [("A", ""), ("PORT", "2")]);
        assert_eq!((variables.get("PORT"), variables.get("A"), variables.get("B")), (Some("2"), Some(""), None));
    }
}
