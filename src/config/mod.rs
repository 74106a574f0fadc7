//! What the administrator and the user want: a schema, its layers, and errors that name file, line, column and the nearest valid name.
//!
//! It must never act on what it reads, nor read what others than root and the caller may write.

mod apply;
mod build;
mod describe;
mod eventful;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod hosts;
pub mod init;
mod item;
mod keys;
mod layers;
mod nearest;
mod pattern;
mod placeholders;
mod read;
mod schema;
mod template;
#[cfg(test)]
mod tests;
pub mod themes;
mod trust;
mod units;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

pub use describe::{Origin, Origins};
pub use eventful::{Address, Events, JournalPlace, Notice};
pub use item::Place;
pub use keys::KeyLine;
pub use nearest::advice;
pub use pattern::{Part, Pattern};
pub use placeholders::{Values, fill};
pub use schema::{
    Access, Console, Daemon, Discover, Docker, Findings, Firewall, Layout, Ports, Restart, Sampling, Source, Strategy, Supervisor, Template,
};
pub use template::is_secret;
pub use trust::check_place;

use crate::domain::{NamedHost, Uid};
use crate::error::Result;

/// The template of what names none.
pub(crate) const DEFAULT_TEMPLATE: &str = "default";

/// The configuration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `[ports]`.
    pub ports: Ports,
    /// `[layout]`.
    pub layout: Layout,
    /// `[template.NAME]` by name; `default` is always there. Each is whole: what it does not say is as in `default`.
    pub templates: BTreeMap<String, Template>,
    /// `[[discover]]`.
    pub discover: Vec<Discover>,
    /// `[access]`.
    pub access: Access,
    /// `[firewall]`.
    pub firewall: Firewall,
    /// `[findings]`.
    pub findings: Findings,
    /// `[daemon]`.
    pub daemon: Daemon,
    /// `[docker]`.
    pub docker: Docker,
    /// `[events]`.
    pub events: Events,
    /// `[[notify]]`.
    pub notify: Vec<Notice>,
    /// `[[host]]`: those that the console shows as one.
    pub hosts: Vec<NamedHost>,
    /// `[sampling]`.
    pub sampling: Sampling,
    /// `[console]`.
    pub console: Console,
    /// `[keys]`, as it was written; what it means is the console's.
    pub keys: Vec<KeyLine>,
    /// The files that were read, lowest layer first.
    pub files: Vec<PathBuf>,
    /// Where each value came from.
    pub origins: Origins,
}

/// Where root's berth keeps its state where nothing else is said.
const SYSTEM_STATE: &str = "/var/lib/berth";

impl Config {
    /// Reads /etc/berth/berth.toml, the user's file and `explicit`, each a partial patch over what came before.
    ///
    /// # Errors
    /// `Kind::Usage`: `FILE:LINE:COLUMN: what is wrong` with the nearest valid name; a file that others may write; an explicit
    /// file that is missing.
    pub fn load(explicit: Option<&Path>) -> Result<Self> {
        layers::load(&layers::Files::of_process(explicit), Uid(nix::unistd::geteuid().as_raw()))
    }

    /// Reads this file over the defaults and nothing else: the demo's own configuration must not be mixed with the host's.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_alone(file: &Path) -> Result<Self> {
        let files = layers::Files { default: Vec::new(), ..layers::Files::of_process(Some(file)) };
        layers::load(&files, Uid(nix::unistd::geteuid().as_raw()))
    }

    /// What holds when there is no file at all.
    ///
    /// # Errors
    /// None in a build whose tests passed.
    pub fn defaults() -> Result<Self> {
        layers::load(&layers::Files { default: Vec::new(), explicit: None }, Uid::ROOT)
    }

    /// The defaults as a documented file.
    pub fn example() -> &'static str {
        layers::DEFAULTS
    }

    /// Where berth keeps its own state: `BERTH_STATE`, else `[layout] state`, else `/var/lib/berth` for root and
    /// `$XDG_STATE_HOME/berth` for others.
    pub fn state_directory(&self) -> PathBuf {
        self.state_directory_of(nix::unistd::geteuid().is_root(), |name| env::var_os(name))
    }

    /// Which instances it is about, as a number: two programs of one version whose numbers differ look at other instances.
    pub fn about(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        format!("{:?} {:?}", self.layout.base, self.discover).hash(&mut hasher);
        hasher.finish()
    }

    /// Root's state, where this account has one of its own beside it: whose each port of the host is stands there only.
    pub fn hosts_state(&self) -> Option<PathBuf> {
        let is_roots_or_named = nix::unistd::geteuid().is_root() || self.layout.state.is_some();
        let is_chosen = env::var_os("BERTH_STATE").is_some_and(|path| !path.is_empty());
        Some(PathBuf::from(SYSTEM_STATE)).filter(|path| !is_roots_or_named && !is_chosen && path.is_dir())
    }

    /// Where this account's state lies where nothing else is said.
    pub fn usual_state() -> PathBuf {
        let system = || PathBuf::from(SYSTEM_STATE);
        if nix::unistd::geteuid().is_root() {
            return system();
        }
        layers::beneath_home("XDG_STATE_HOME", ".local/state", |name| env::var_os(name)).map_or_else(system, |folder| folder.join("berth"))
    }

    fn state_directory_of(&self, is_root: bool, variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
        if let Some(path) = variable("BERTH_STATE").filter(|path| !path.is_empty()) {
            return std::path::absolute(&path).unwrap_or_else(|_| path.into());
        }
        if let Some(path) = &self.layout.state {
            return path.clone();
        }
        let system = || PathBuf::from(SYSTEM_STATE);
        if is_root {
            return system();
        }
        layers::beneath_home("XDG_STATE_HOME", ".local/state", variable).map_or_else(system, |folder| folder.join("berth"))
    }
}
