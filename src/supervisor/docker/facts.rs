//! One container as its engine tells it: its answer made facts.
//!
//! It must never believe an engine about processes: a pid is that of a process of the account whose engine it is, or it is nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, HostConfig, PortMap, RestartPolicyNameEnum};
use jiff::Timestamp;

use crate::domain::{Activity, Endpoint, ExitStatus, LastExit, Limits, ProcessKey, Restart};

/// Whose instance a container is, and which one of his.
pub const OWNER: &str = "berth.user";
pub const NAME: &str = "berth.name";

/// What compose writes on each container that it makes.
const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

/// Longer labels name nobody.
const LONGEST_LABEL: usize = 256;

/// As many published addresses of one container are looked at.
const MOST_PUBLISHED: usize = 64;

/// How long an engine waits before it kills, where the container says nothing else.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a start may take until something listens.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The engine's own name for it: 64 hexadecimal digits.
    pub id: String,
    /// Its name: `mcp-alice`.
    pub name: String,
    /// `running`, `exited`, `paused`, ...
    pub status: String,
    /// What its own health check says: `healthy`, `unhealthy`, `starting`; empty where it has none.
    pub health: String,
    /// Its main process.
    pub main: Option<ProcessKey>,
    /// That one's parent on the host: conmon, or a containerd-shim.
    pub parent: Option<ProcessKey>,
    /// How it last ended.
    pub exit: Option<(i64, Timestamp)>,
    /// The kernel killed it for its memory.
    pub is_out_of_memory: bool,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// How often its engine started it again.
    pub restarts: u32,
    /// When it is started again.
    pub restart: Restart,
    /// What holds it.
    pub limits: Limits,
    /// Where on the host its ports are published, while it runs or when it will.
    pub published: Vec<Endpoint>,
    /// The port that its environment names: the host's, where it has no network of its own.
    pub port: Option<u16>,
    /// Its command.
    pub command: Vec<String>,
    /// Its working directory, inside.
    pub directory: String,
    /// How long its end may take.
    pub stop_timeout: Duration,
    /// `berth.user` and `berth.name`.
    pub owner: Option<String>,
    pub instance: Option<String>,
    /// The compose project that it is of, and as which service.
    pub project: Option<String>,
    pub service: Option<String>,
    /// Its end was asked for, as far as anybody told.
    pub was_asked: bool,
}

impl Facts {
    /// What it is doing.
    pub fn activity(&self) -> Activity {
        match self.status.as_str() {
            "running" | "paused" => Activity::Active,
            "restarting" => Activity::Waiting,
            "stopping" | "removing" => Activity::Stopping,
            "exited" | "stopped" | "dead" if self.has_failed() => Activity::Failed,
            _ => Activity::Inactive,
        }
    }

    /// Whether its end was none that anybody asked for. 143 is SIGTERM's, which is how one asks; what is always started again and is not
    /// was asked to be down.
    fn has_failed(&self) -> bool {
        let code = self.exit.map_or(0, |(code, _)| code);
        self.is_out_of_memory || !(self.was_asked || matches!(code, 0 | 143) || self.restart == Restart::Always)
    }

    /// How it last ended.
    pub fn last_exit(&self) -> Option<LastExit> {
        let (code, at) = self.exit?;
        // An engine tells a signal as a shell does.
        let status = match i32::try_from(code) {
            Ok(code @ 129..=192) => ExitStatus::Signal(code - 128),
            Ok(code) => ExitStatus::Code(code),
            Err(_) => ExitStatus::Unknown,
        };
        let over_memory = self.is_out_of_memory.then(|| self.limits.memory_max.unwrap_or_default());
        Some(LastExit { status, at, over_memory })
    }

    /// What came of its last run, or what is the matter with this one.
    pub fn result(&self) -> Option<&'static str> {
        match self.activity() {
            Activity::Active if self.status == "paused" => Some("paused"),
            Activity::Active if self.health == "unhealthy" => Some("unhealthy"),
            Activity::Failed if self.is_out_of_memory => Some("oom-kill"),
            Activity::Failed => Some("exit-code"),
            _ => None,
        }
    }

    /// The same in the engine's own words.
    pub fn told(&self) -> String {
        if self.health.is_empty() { self.status.clone() } else { format!("{} ({})", self.status, self.health) }
    }
}

/// Whether an engine's name for a container can be one: it becomes a part of an address.
pub fn is_id(id: &str) -> bool {
    (12..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes facts of an answer. `processes` finds the main process that has a pid, and its parent. Nothing where it has no name that can be one.
pub fn facts(told: ContainerInspectResponse, processes: impl FnOnce(i32) -> (Option<ProcessKey>, Option<ProcessKey>)) -> Option<Facts> {
    let id = told.id.filter(|id| is_id(id))?;
    let name = told.name.unwrap_or_default().trim_start_matches('/').to_owned();
    // The names that both engines let one have, and no more.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.is_empty() || name.len() > LONGEST_LABEL || !name.bytes().all(is_plain) {
        return None;
    }
    let state = told.state.unwrap_or_default();
    let host = told.host_config.unwrap_or_default();
    let config = told.config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let status = state.status.map(|status| status.to_string()).unwrap_or_default();
    let runs = matches!(status.as_str(), "running" | "paused");
    let pid = state.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| runs && *pid > 1);
    let (main, parent) = pid.map(processes).unwrap_or_default();
    let time = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<Timestamp>().ok()).filter(|at| at.as_second() > 0);
    let ports = told.network_settings.and_then(|network| network.ports);
    // What is published is told by where the engine put it while it runs, by what was asked for while not.
    let mut published = ports.as_ref().filter(|_| runs).map(endpoints).unwrap_or_default();
    if published.is_empty() {
        published = host.port_bindings.as_ref().map(endpoints).unwrap_or_default();
    }
    let shares_network = host.network_mode.as_deref() == Some("host");
    let mut command: Vec<String> = told.path.into_iter().collect();
    command.extend(told.args.unwrap_or_default());
    Some(Facts {
        id,
        name,
        health: state
            .health
            .and_then(|health| health.status)
            .map(|status| status.to_string())
            .filter(|word| word != "none")
            .unwrap_or_default(),
        main,
        parent,
        exit: state.exit_code.zip(time(&state.finished_at)).filter(|_| !runs),
        is_out_of_memory: state.oom_killed.unwrap_or_default() && !runs,
        started_at: time(&state.started_at),
        restarts: told.restart_count.and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
        restart: restart(&host),
        limits: limits(&host),
        port: config.env.filter(|_| shares_network).and_then(|variables| port(&variables)),
        command,
        directory: config.working_dir.unwrap_or_default(),
        stop_timeout: config.stop_timeout.and_then(|seconds| u64::try_from(seconds).ok()).map_or(STOP_TIMEOUT, Duration::from_secs),
        owner: label(&labels, OWNER),
        instance: label(&labels, NAME),
        project: label(&labels, PROJECT),
        service: label(&labels, SERVICE),
        was_asked: false,
        published,
        status,
    })
}

/// How long a start is given.
pub fn start_timeout() -> Duration {
    START_TIMEOUT
}

fn label(labels: &HashMap<String, String>, name: &str) -> Option<String> {
    labels.get(name).filter(|value| !value.is_empty() && value.len() <= LONGEST_LABEL).cloned()
}

/// The TCP ports of the host that lead inside, ordered.
fn endpoints(ports: &PortMap) -> Vec<Endpoint> {
    let bindings = ports.iter().filter(|(inner, _)| inner.ends_with("/tcp")).flat_map(|(_, bindings)| bindings.iter().flatten());
    let endpoint = |address: Option<&str>, port: Option<&str>| {
        let port = port?.parse().ok().filter(|port| *port > 0)?;
        // No address is every address of IPv4.
        let address = address.filter(|address| !address.is_empty()).unwrap_or("0.0.0.0").parse::<IpAddr>().ok()?;
        Some(Endpoint { v6only: address.is_ipv6(), ..Endpoint::new(address, port) })
    };
    let mut all: Vec<Endpoint> =
        bindings.filter_map(|binding| endpoint(binding.host_ip.as_deref(), binding.host_port.as_deref())).take(MOST_PUBLISHED).collect();
    all.sort_unstable_by_key(|endpoint| (endpoint.port, endpoint.address));
    all.dedup();
    all
}

fn restart(host: &HostConfig) -> Restart {
    match host.restart_policy.as_ref().and_then(|policy| policy.name) {
        Some(RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::UNLESS_STOPPED) => Restart::Always,
        Some(RestartPolicyNameEnum::ON_FAILURE) => Restart::OnFailure,
        _ => Restart::No,
    }
}

fn limits(host: &HostConfig) -> Limits {
    let positive = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0);
    // A core is 1,000,000,000 of the one, and a period of the other.
    let by_quota = positive(host.cpu_quota).map(|quota| quota * 100 / positive(host.cpu_period).unwrap_or(100_000));
    let percent = positive(host.nano_cpus).map(|share| share / 10_000_000).or(by_quota);
    Limits {
        memory_max: positive(host.memory),
        cpu_max: percent.and_then(|percent| u32::try_from(percent).ok()).filter(|percent| *percent > 0),
        tasks_max: positive(host.pids_limit),
    }
}

/// The port that an environment names. Nothing else is kept of it: variables may be secrets.
fn port(variables: &[String]) -> Option<u16> {
    let named = |name: &str| {
        let mut values = variables.iter().filter_map(|variable| variable.split_once('='));
        values.rfind(|(known, _)| *known == name).and_then(|(_, value)| value.parse().ok()).filter(|port| *port > 0)
    };
    ["PORT", "MCP_PORT", "MCP_HTTP_PORT"].into_iter().find_map(named)
}

#[cfg(test)]
#[path = "facts_tests.rs"]
pub mod tests;
