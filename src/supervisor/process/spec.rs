//! What a keeper is told: everything it needs to start its server, resolved by the engine.
//!
//! It must never travel in an argument or an environment: both can be read by others, and the environment in it may hold secrets.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{Declared, Launch, Restart};

/// A keeper's specification.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The working directory.
    pub directory: PathBuf,
    /// The whole environment, nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// The log file.
    pub log: PathBuf,
    /// The PID file for the guide's scripts.
    pub pid_file: PathBuf,
    /// How long SIGTERM is given when the signal brings no other time.
    pub stop_timeout_ms: u64,
    /// When the keeper starts it again.
    pub restart: Restart,
    /// Bytes after which the log is rotated; `None` is never.
    #[serde(default)]
    pub log_max: Option<u64>,
    /// How many rotated logs are kept.
    #[serde(default)]
    pub log_keep: u32,
    /// The soft limit of open files that the server gets: the one that berth was started with.
    pub open_files: u64,
}

/// Where programs are looked for; a server finds nothing by the administrator's own PATH.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Spec {
    /// The specification for an instance.
    pub fn of(declared: &Declared, launch: &Launch, open_files: u64) -> Self {
        let account = declared.account.as_ref().map_or_else(|| declared.uid.to_string(), |name| name.as_str().to_owned());
        let mut environment = vec![
            ("HOME".to_owned(), declared.home.to_string_lossy().into_owned()),
            ("USER".to_owned(), account.clone()),
            ("LOGNAME".to_owned(), account),
            ("PATH".to_owned(), PATH.to_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ];
        for (name, value) in launch.environment.iter() {
            set(&mut environment, name.to_owned(), value.to_owned());
        }
        Self {
            command: launch.command.clone(),
            directory: launch.directory.clone(),
            environment,
            log: declared.log.clone(),
            pid_file: declared.pid_file.clone(),
            stop_timeout_ms: millis(launch.stop_timeout),
            restart: launch.restart,
            log_max: declared.log_max,
            log_keep: declared.log_keep,
            open_files,
        }
    }

    /// With these variables over what is there: of a name the last one counts.
    pub fn with(mut self, variables: Vec<(String, String)>) -> Self {
        for (name, value) in variables {
            set(&mut self.environment, name, value);
        }
        self
    }
}

fn set(environment: &mut Vec<(String, String)>, name: String, value: String) {
    environment.retain(|(known, _)| *known != name);
    environment.push((name, value));
}

/// A duration in milliseconds, as large as fits.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a keeper says to the engine that started it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// The server runs.
    Started {
        /// The keeper: pid, start time.
        keeper: (i32, u64),
        /// The server.
        main: (i32, u64),
    },
    /// It could not be started.
    Failed {
        /// What was being done.
        what: String,
        /// Why, in the kernel's words or the keeper's own.
        why: String,
        /// The keeper, which ends with this word.
        keeper: Option<(i32, u64)>,
    },
    /// The server's process ended.
    Exited {
        /// The code it returned.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_counts() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let spec = Spec {
            command: vec!["node".to_owned()],
            directory: PathBuf::new(),
            environment: vec![pair("PATH", "/bin"), pair("PORT", "1"), pair("NODE_ENV", "production")],
            log: PathBuf::new(),
            pid_file: PathBuf::new(),
            restart: Restart::No,
            stop_timeout_ms: 0,
            log_max: None,
            log_keep: 0,
            open_files: 0,
        };
        let spec = spec.with(vec![pair("PORT", "2"), pair("KEY", "a"), pair("KEY", "b")]);
        assert_eq!(spec.environment, [pair("PATH", "/bin"), pair("NODE_ENV", "production"), pair("PORT", "2"), pair("KEY", "b")]);
    }
}
