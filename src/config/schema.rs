//! What a configuration says, in types: every key of every table, checked.
//!
//! It must never read a file or know a default: those are in `berth.toml` beside it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::Pattern;
pub use crate::domain::Restart;
use crate::domain::{Code, Limits, Network, PortRange, Verb};

/// `[ports]`: which ports there are to give, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The managed range.
    pub range: PortRange,
    /// Ports that are never given to anybody.
    pub reserved: Vec<PortRange>,
    /// How a port is chosen.
    pub strategy: Strategy,
    /// What `uid` and `name-hash` divide by; never 0.
    pub modulus: u16,
    /// How many ports `block` gives to one user; never 0.
    pub block: u16,
    /// For how long a released port is given to nobody else; nothing when switched off.
    pub quarantine: Duration,
}

/// How a port is chosen for a new instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Strategy {
    /// The lowest free one, kept in the registry.
    Registry,
    /// What the configuration file says.
    Static,
    /// `first + uid % modulus`.
    Uid,
    /// `first + sum of the name's characters % modulus`.
    NameHash,
    /// `first + index * block`.
    Block,
}

impl Strategy {
    /// Each by the name that it has in a file and on the command line.
    pub const NAMED: [(&str, Self); 5] =
        [("registry", Self::Registry), ("static", Self::Static), ("uid", Self::Uid), ("name-hash", Self::NameHash), ("block", Self::Block)];
}

/// `[layout]`: where an instance's files lie. Texts with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The tree that `{base}` stands for.
    pub base: String,
    /// Where `berth add` writes a configuration.
    pub config: String,
    /// The workspace of a configuration that names none.
    pub workspace: String,
    /// The log file.
    pub log: String,
    /// The PID file.
    pub pid: String,
    /// berth's own state, without placeholders.
    pub state: Option<PathBuf>,
}

/// Who runs the instances of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor {
    /// berth's keeper.
    Process,
    /// A systemd service.
    Systemd,
    /// A container engine.
    Docker,
    /// PM2.
    Pm2,
}

/// `[template.NAME]`: how a server is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Who runs it.
    pub supervisor: Supervisor,
    /// The program and its arguments, with placeholders; never empty.
    pub command: Vec<String>,
    /// The working directory, with placeholders.
    pub directory: String,
    /// The address of a configuration that names none.
    pub host: IpAddr,
    /// `port = "auto"`: whose port is another's at its start is given the next free one, and keeps that.
    pub moves: bool,
    /// Whether it speaks TLS; `None` where its configuration or its environment says it.
    pub https: Option<bool>,
    /// Variables beside the clean environment, with placeholders.
    pub environment: BTreeMap<String, String>,
    /// The path of the health check; `None` when switched off.
    pub health: Option<String>,
    /// The variables in which a key for probing may be found.
    pub probe_key_env: Vec<String>,
    /// The series of `/metrics` that are shown beside those that are known.
    pub metrics: Vec<String>,
    /// A file with further variables, with placeholders; relative to the working directory.
    pub env_file: Option<String>,
    /// The account that every instance runs as.
    pub run_as: Option<String>,
    /// How long a start may take until the port is listened on.
    pub start_timeout: Duration,
    /// How long SIGTERM is waited for before SIGKILL.
    pub stop_timeout: Duration,
    /// Bytes of memory that an instance may use.
    pub memory_max: Option<u64>,
    /// Percent of one core that an instance may use.
    pub cpu_max: Option<u32>,
    /// How many threads and processes an instance may have.
    pub tasks_max: Option<u64>,
    /// Bytes after which the log is rotated.
    pub log_max: Option<u64>,
    /// How many rotated logs are kept.
    pub log_keep: u32,
    /// When it is started again.
    pub restart: Restart,
}

/// `[[discover]]`: one place to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discover {
    /// What is looked at.
    pub source: Source,
    /// The template of what is found.
    pub template: String,
}

/// What a `[[discover]]` entry looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// JSON configuration files.
    Config(Pattern),
    /// Environment files.
    Env {
        /// Which files.
        pattern: Pattern,
        /// The variable that holds the port.
        port_key: Option<String>,
    },
    /// Units by name.
    Systemd(String),
    /// Containers by name.
    Docker(String),
    /// PM2's processes by name.
    Pm2(String),
    /// A service type.
    Mdns(String),
}

/// `[access]`: who may what. Users, `%groups`, `*` for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who may act on every instance.
    pub admins: Vec<String>,
    /// Who may look at every instance.
    pub viewers: Vec<String>,
    /// What an owner may have done to an instance of his own.
    pub owners_may: Vec<Verb>,
}

/// `[firewall]`: who may connect to every instance's port, beside its owner and root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firewall {
    /// Users and `%groups` of this host.
    pub allow: Vec<String>,
    /// Other hosts.
    pub addresses: Vec<Network>,
}

/// `[findings]`: what the administrator knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What is no finding on this host.
    pub accept: Vec<Code>,
}

/// `[daemon]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// The unix socket.
    pub socket: PathBuf,
    /// The loopback address that answers over TCP; `None` when switched off.
    pub http: Option<SocketAddr>,
    /// After a reboot what was wished up is started again.
    pub restore: bool,
}

/// `[docker]`: where container engines listen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Docker {
    /// Beside the usual places.
    pub sockets: Vec<PathBuf>,
}

/// `[sampling]`: how often berth looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// At listening sockets.
    pub ports: Duration,
    /// At processes.
    pub processes: Duration,
    /// For configurations that are new, changed or gone.
    pub discover: Duration,
    /// How often an instance is asked whether it is well; `None` when switched off.
    pub probes: Option<Duration>,
}

/// `[console]`: how the console looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// The theme's name; whether there is one of that name, the console says.
    pub theme: Option<String>,
}

impl Template {
    /// What an instance of it may use.
    pub fn limits(&self) -> Limits {
        Limits { memory_max: self.memory_max, cpu_max: self.cpu_max, tasks_max: self.tasks_max }
    }
}
