//! The apps of a daemon: what it tells of each of its processes, and which of those are one instance. Pure.
//!
//! It must never fail for what is missing or of another type: PM2s differ, and the rest is still true.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::message::{Few, Scalar};
use crate::domain::{Activity, ProcessKey};

/// How long PM2 waits for SIGINT to be obeyed where nothing is configured, `PM2_KILL_TIMEOUT`.
const KILL_TIMEOUT: Duration = Duration::from_millis(1600);

/// How long it waits for an app that says when it is ready, `PM2_GRACEFUL_LISTEN_TIMEOUT`.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(3);

/// Nobody waits longer in front of a screen.
const LONGEST: Duration = Duration::from_secs(600);

/// A process as `getMonitorData` and `pm2 jlist` tell it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    pid: Scalar,
    name: Scalar,
    pm_id: Scalar,
    pm2_env: Environment,
}

/// Of its environment what is of use: nothing else is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Environment {
    status: Scalar,
    exec_mode: Scalar,
    restart_time: Scalar,
    exit_code: Scalar,
    created_at: Scalar,
    pm_uptime: Scalar,
    autorestart: Scalar,
    kill_timeout: Scalar,
    listen_timeout: Scalar,
    max_memory_restart: Scalar,
    pm_exec_path: Scalar,
    pm_cwd: Scalar,
    exec_interpreter: Scalar,
    node_args: Few<Scalar>,
    args: Few<Scalar>,
    pm_log_path: Scalar,
    pm_out_log_path: Scalar,
    pm_err_log_path: Scalar,
    #[serde(rename = "NODE_APP_INSTANCE")]
    number: Scalar,
    uid: Scalar,
    pmx_module: Scalar,
    env: Ports,
}

/// The variables that name a port: the first of these that is set counts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "SCREAMING_SNAKE_CASE")]
struct Ports {
    port: Scalar,
    mcp_port: Scalar,
    mcp_http_port: Scalar,
    sdp_http_port: Scalar,
}

/// What a process is doing by PM2's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Online,
    /// It is being started.
    Launching,
    /// It is being ended.
    Stopping,
    /// It does not run.
    Stopped,
    /// It ended, and is started again in a while.
    Waiting,
    /// It could not be run, or ended, and is left alone.
    Errored,
    /// A word that is not known.
    Other,
}

impl Status {
    fn of(word: &str) -> Self {
        match word {
            "online" => Self::Online,
            "launching" | "one-launch-status" => Self::Launching,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "waiting restart" => Self::Waiting,
            "errored" => Self::Errored,
            _ => Self::Other,
        }
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Launching => "launching",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Waiting => "waiting restart",
            Self::Errored => "errored",
            Self::Other => "in a state that is not known",
        }
    }
}

/// One process of an app: the only one in fork mode, a worker in cluster mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// PM2's number of it.
    pub id: u64,
    /// What it is doing.
    pub status: Status,
    /// The process; nothing where there is none, or it has gone since.
    pub key: Option<ProcessKey>,
    /// How often PM2 started it again.
    pub restarts: u32,
    /// How it ended last: only a code is told, and 0 for a signal, too.
    pub exit_code: Option<i32>,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// It ended too often and is not started again.
    pub is_given_up: bool,
}

/// An instance: an app in fork mode, or all workers of one name in cluster mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its name among its account's: the app's, with a number behind it where several have that.
    pub name: String,
    /// Its workers share a port that the daemon holds.
    pub is_cluster: bool,
    /// Its processes, at least one, by their numbers.
    pub workers: Vec<Worker>,
    /// The account that it runs as, where the daemon is root's and was told one.
    pub uid: Option<u32>,
    /// The port that its environment names.
    pub port: Option<u16>,
    /// What it runs.
    pub script: PathBuf,
    /// The whole command.
    pub command: Vec<String>,
    /// Where.
    pub directory: PathBuf,
    /// Its logs: of the first worker, output before errors.
    pub logs: Vec<PathBuf>,
    /// PM2 starts it again when it ends.
    pub restarts_itself: bool,
    /// Above how many bytes PM2 starts it again.
    pub restart_above: Option<u64>,
    /// How long it has to end.
    pub stop_timeout: Duration,
    /// How long it has to say that it is ready.
    pub ready_timeout: Duration,
}

impl App {
    /// What it is doing as a whole.
    pub fn activity(&self) -> Activity {
        let has = |status: Status| self.workers.iter().any(|worker| worker.status == status);
        if has(Status::Stopping) {
            Activity::Stopping
        } else if has(Status::Online) {
            Activity::Active
        } else if has(Status::Launching) {
            Activity::Starting
        } else if has(Status::Waiting) {
            Activity::Waiting
        } else if has(Status::Errored) || self.failed_code().is_some() {
            Activity::Failed
        } else {
            Activity::Inactive
        }
    }

    /// The code with which it ended by itself, where nobody starts it again: what PM2 starts again is stopped only by being asked.
    pub fn failed_code(&self) -> Option<i32> {
        let ended = |worker: &&Worker| worker.status == Status::Stopped && !self.restarts_itself;
        self.workers.iter().filter(ended).find_map(|worker| worker.exit_code.filter(|code| *code != 0))
    }

    /// How often it was started again, all workers together.
    pub fn restarts(&self) -> u32 {
        self.workers.iter().fold(0, |sum, worker| sum.saturating_add(worker.restarts))
    }

    /// What runs of it.
    pub fn keys(&self) -> impl Iterator<Item = ProcessKey> + '_ {
        self.workers.iter().filter_map(|worker| worker.key)
    }

    /// The same of which only what is alive still runs.
    pub fn alive(&self, is_alive: impl Fn(ProcessKey) -> bool) -> Self {
        let mut now = self.clone();
        for worker in &mut now.workers {
            worker.key = worker.key.filter(|key| is_alive(*key));
        }
        now
    }
}

/// One process of an app with what tells which app it is of.
struct One {
    worker: Worker,
    name: String,
    is_cluster: bool,
    number: u64,
    rest: App,
}

/// Makes apps of what a daemon told: those whose names are wanted, each under a name that stays when others come or go. `key_of` finds the
/// process that has a pid now.
pub fn apps(told: &[Told], is_wanted: impl Fn(&str) -> bool, key_of: impl Fn(i32) -> Option<ProcessKey>) -> Vec<Arc<App>> {
    let mut by_name: BTreeMap<String, Vec<One>> = BTreeMap::new();
    for one in told.iter().filter_map(|told| one(told, &key_of)).filter(|one| is_wanted(&one.name)) {
        by_name.entry(one.name.clone()).or_default().push(one);
    }
    let mut found: Vec<Arc<App>> = Vec::new();
    let mut taken: HashSet<String> = by_name.keys().cloned().collect();
    for (name, mut several) in by_name {
        several.sort_by_key(|one| (!one.is_cluster, one.number, one.worker.id));
        let mut is_free = true;
        for one in several {
            if one.is_cluster
                && let Some(cluster) = found.last_mut().filter(|app| app.is_cluster && app.name == name)
            {
                Arc::make_mut(cluster).workers.push(one.worker);
                continue;
            }
            // The first of all has the plain name: the workers, or who has the number 0. Who has a number keeps it, as PM2 does.
            let own = if std::mem::take(&mut is_free) && (one.is_cluster || one.number == 0) {
                name.clone()
            } else {
                let numbered = format!("{name}.{}", one.number);
                let is_new = one.number > 0 && taken.insert(numbered.clone());
                if is_new { numbered } else { format!("{name}.id{}", one.worker.id) }
            };
            found.push(Arc::new(App { name: own, workers: vec![one.worker], ..one.rest }));
        }
    }
    found.iter_mut().for_each(|app| Arc::make_mut(app).workers.sort_by_key(|worker| worker.id));
    found
}

fn one(told: &Told, key_of: &impl Fn(i32) -> Option<ProcessKey>) -> Option<One> {
    let env = &told.pm2_env;
    let id = told.pm_id.count()?;
    let name = told.name.text()?.to_owned();
    // What PM2 runs for itself is nobody's server.
    if matches!(env.pmx_module, Scalar::Flag(true)) {
        return None;
    }
    let status = Status::of(env.status.text().unwrap_or_default());
    let pid = told.pid.count().and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 1);
    let worker = Worker {
        id,
        status,
        key: pid.and_then(key_of),
        restarts: env.restart_time.count().and_then(|count| count.try_into().ok()).unwrap_or_default(),
        exit_code: env.exit_code.count().and_then(|code| code.try_into().ok()),
        started_at: env.pm_uptime.count().and_then(|at| Timestamp::from_millisecond(at.try_into().ok()?).ok()),
        // `God.handleExit` forgets when it was made once it gives up.
        is_given_up: status == Status::Errored && env.created_at == Scalar::Nothing,
    };
    let path = |from: &Scalar| from.text().filter(|path| path.starts_with('/')).map(PathBuf::from);
    let words = |from: &Few<Scalar>| from.0.iter().filter_map(Scalar::text).map(str::to_owned).collect::<Vec<_>>();
    let interpreter = env.exec_interpreter.text().filter(|program| !matches!(*program, "" | "none"));
    let command = interpreter.map(str::to_owned).into_iter().chain(words(&env.node_args));
    let time = |from: &Scalar, usual: Duration| from.count().filter(|time| *time > 0).map_or(usual, Duration::from_millis).min(LONGEST);
    let merged = path(&env.pm_log_path).map(|log| vec![log]);
    let both = || [&env.pm_out_log_path, &env.pm_err_log_path].into_iter().filter_map(path).collect();
    let mut logs: Vec<PathBuf> = merged.unwrap_or_else(both);
    logs.dedup();
    let named = [&env.env.port, &env.env.mcp_port, &env.env.mcp_http_port, &env.env.sdp_http_port];
    let rest = App {
        name: String::new(),
        is_cluster: env.exec_mode.text() == Some("cluster_mode"),
        workers: Vec::new(),
        uid: env.uid.count().and_then(|uid| uid.try_into().ok()),
        port: named.into_iter().find_map(|port| port.count().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)),
        command: command.chain(env.pm_exec_path.text().map(str::to_owned)).chain(words(&env.args)).collect(),
        script: path(&env.pm_exec_path).unwrap_or_default(),
        directory: path(&env.pm_cwd).unwrap_or_default(),
        logs,
        restarts_itself: !env.autorestart.is_off(),
        restart_above: env.max_memory_restart.count().filter(|bytes| *bytes > 0),
        stop_timeout: time(&env.kill_timeout, KILL_TIMEOUT),
        ready_timeout: time(&env.listen_timeout, LISTEN_TIMEOUT),
    };
    let number = env.number.count().unwrap_or_default();
    Some(One { worker, name, is_cluster: rest.is_cluster, number, rest })
}

#[cfg(test)]
#[path = "app_tests.rs"]
pub mod tests;
