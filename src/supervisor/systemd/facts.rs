//! One unit as the bus tells it: its properties made facts.
//!
//! It must never fail for a property that is missing or of another type: systemds differ, and the rest is still true.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use zbus::zvariant::{OwnedValue, Value};

use super::door::is_group_of;
use crate::domain::{Activity, ExitStatus, LastExit, Limits, Managed, ManagedId, ProcessKey, Restart, Shown, SupervisorKind, Uid};

/// What `GetAll` gives.
pub type Properties = HashMap<String, OwnedValue>;

/// How long where systemd waits for ever: nobody waits longer in front of a screen.
const FOR_EVER: Duration = Duration::from_secs(600);

/// How long a user may have an administrator wait who starts or ends his unit.
const FOR_A_USER: Duration = Duration::from_secs(120);

/// Longer texts are none that a unit has; a path may have as many bytes.
const LONGEST: usize = 4096;

/// How much of a user's command is kept.
const OF_A_USER: usize = 8 * 1024;

/// How many words of a command are kept.
const WORDS: usize = 256;

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its name: `mcp@alice.service`.
    pub name: String,
    /// `loaded`, `not-found`, `bad-setting`, `masked`.
    pub load_state: String,
    /// `active`, `inactive`, `failed`, ...
    pub active_state: String,
    /// `running`, `dead`, `auto-restart`, ...
    pub sub_state: String,
    /// `success`, `exit-code`, `signal`, `oom-kill`, `start-limit-hit`, ...
    pub result: String,
    /// The main process; nothing where there is none, or it has gone since.
    pub main: Option<ProcessKey>,
    /// What is told of it below the hierarchy's root.
    pub group: Option<String>,
    /// How often systemd started it again.
    pub restarts: u32,
    /// How its main process last ended.
    pub exit: Option<(ExitStatus, Timestamp)>,
    /// When its main process was last started.
    pub started_at: Option<Timestamp>,
    /// Since when its state is what it is.
    pub since: Option<Timestamp>,
    /// Something that it was asked for is not done yet.
    pub has_job: bool,
    /// Another one for each start.
    pub invocation: Vec<u8>,
    /// What it is where it is an instance; whose is told by the pattern that finds it.
    pub managed: Managed,
    /// How long after its end.
    pub restart_delay: Duration,
}

impl Facts {
    /// A unit that systemd has just let go of: nothing of it runs, what defines it is as it was.
    pub fn let_go(&self) -> Self {
        Self { active_state: "inactive".into(), sub_state: "dead".into(), main: None, group: None, ..self.clone() }
    }

    /// The same of a unit in the manager of this user: it is believed about nobody else.
    pub fn of_user(mut self, uid: Uid) -> Self {
        self.group = self.group.filter(|group| is_group_of(uid, group));
        // Whatever its User= says: such a manager can be nobody else.
        self.managed.account = uid.to_string();
        self.managed.is_users = true;
        let mut left = OF_A_USER;
        self.managed.command.retain(|word| {
            left = left.saturating_sub(word.len() + 1);
            left > 0
        });
        self.managed.start_timeout = self.managed.start_timeout.min(FOR_A_USER);
        self.managed.stop_timeout = self.managed.stop_timeout.min(FOR_A_USER);
        self
    }

    /// Whether there is such a unit.
    pub fn is_there(&self) -> bool {
        self.load_state == "loaded"
    }

    /// What it is doing.
    pub fn activity(&self) -> Activity {
        match (self.active_state.as_str(), self.sub_state.as_str()) {
            // systemd.service(5): `auto-restart` waits, and so does what version 254 has queued.
            (_, "auto-restart" | "auto-restart-queued") => Activity::Waiting,
            // It has done its work and nothing of it is left, RemainAfterExit=.
            ("active", "exited") => Activity::Inactive,
            ("active" | "reloading" | "refreshing", _) => Activity::Active,
            ("activating", _) => Activity::Starting,
            ("deactivating", _) => Activity::Stopping,
            ("failed", _) => Activity::Failed,
            _ => Activity::Inactive,
        }
    }

    /// How it last ended, where that is worth telling.
    pub fn last_exit(&self) -> Option<LastExit> {
        let (status, at) = self.exit?;
        let over_memory = (self.result == "oom-kill").then(|| self.managed.limits.memory_max.unwrap_or_default());
        Some(LastExit { status, at, over_memory })
    }

    /// What came of its last run, where that is not success.
    pub fn failure(&self) -> Option<&str> {
        Some(self.result.as_str()).filter(|result| !matches!(*result, "" | "success"))
    }
}

/// Makes facts of the properties of both interfaces. `key_of` finds the process that has a pid now.
pub fn facts(name: &str, unit: &Properties, service: &Properties, key_of: impl Fn(i32) -> Option<ProcessKey>) -> Facts {
    let text = |from: &Properties, key: &str| -> String {
        let text = from.get(key).and_then(|value| <&str>::try_from(value).ok()).unwrap_or_default();
        if text.len() > LONGEST { String::new() } else { text.to_owned() }
    };
    let main = number(service, "MainPID").and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0).and_then(key_of);
    let user = text(service, "User");
    Facts {
        name: name.to_owned(),
        load_state: text(unit, "LoadState"),
        active_state: text(unit, "ActiveState"),
        sub_state: text(unit, "SubState"),
        result: text(service, "Result"),
        main,
        group: Some(text(service, "ControlGroup")).filter(|group| !group.is_empty()),
        restarts: number(service, "NRestarts").and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
        exit: exit(service),
        started_at: time(service, "ExecMainStartTimestamp"),
        since: time(unit, "StateChangeTimestamp"),
        has_job: job(unit),
        invocation: bytes(unit, "InvocationID"),
        restart_delay: Duration::from_micros(number(service, "RestartUSec").filter(is_set).unwrap_or_default()).min(FOR_EVER),
        managed: Managed {
            id: ManagedId::OfAccount(name.to_owned()),
            kind: SupervisorKind::Systemd,
            name: Shown::new(name),
            account: if user.is_empty() { "root".to_owned() } else { user },
            is_users: false,
            definition: text(unit, "FragmentPath").into(),
            command: command(service),
            // A directory that may be missing has a `-` before it, systemd.exec(5).
            directory: text(service, "WorkingDirectory").trim_start_matches(['-', '!']).into(),
            host: None,
            port: port(service),
            logs: Vec::new(),
            start_timeout: span(service, "TimeoutStartUSec"),
            stop_timeout: span(service, "TimeoutStopUSec"),
            restart: match text(service, "Restart").as_str() {
                "always" => Restart::Always,
                "no" | "" => Restart::No,
                _ => Restart::OnFailure,
            },
            limits: Limits {
                memory_max: number(service, "MemoryMax").filter(is_set),
                // Microseconds of one core in a second: a percent is 10,000 of them.
                cpu_max: number(service, "CPUQuotaPerSecUSec").filter(is_set).and_then(|share| u32::try_from(share / 10_000).ok()),
                tasks_max: number(service, "TasksMax").filter(is_set),
            },
        },
    }
}

/// Every bit set stands for "no limit".
fn is_set(value: &u64) -> bool {
    *value != u64::MAX
}

fn number(from: &Properties, key: &str) -> Option<u64> {
    match **from.get(key)? {
        Value::U64(number) => Some(number),
        Value::U32(number) => Some(number.into()),
        Value::I32(number) => number.try_into().ok(),
        _ => None,
    }
}

/// Microseconds since 1970; 0 is never.
fn time(from: &Properties, key: &str) -> Option<Timestamp> {
    let micros = number(from, key).filter(|micros| *micros > 0)?;
    Timestamp::from_microsecond(micros.try_into().ok()?).ok()
}

fn span(from: &Properties, key: &str) -> Duration {
    let micros = number(from, key).filter(is_set);
    // Off is written as 0, too: systemd.service(5).
    micros.filter(|micros| *micros > 0).map_or(FOR_EVER, Duration::from_micros).min(FOR_EVER)
}

fn bytes(from: &Properties, key: &str) -> Vec<u8> {
    let Some(Value::Array(array)) = from.get(key).map(|value| &**value) else { return Vec::new() };
    array.iter().take(LONGEST).filter_map(|item| if let Value::U8(byte) = item { Some(*byte) } else { None }).collect()
}

/// Whether a job waits or runs: (uo), the job's number and its object.
fn job(unit: &Properties) -> bool {
    let Some(Value::Structure(job)) = unit.get("Job").map(|value| &**value) else { return false };
    matches!(job.fields().first(), Some(Value::U32(number)) if *number != 0)
}

/// How the main process ended: `ExecMainCode` is the `si_code` of waitid(2).
fn exit(service: &Properties) -> Option<(ExitStatus, Timestamp)> {
    let at = time(service, "ExecMainExitTimestamp")?;
    let status = number(service, "ExecMainStatus").and_then(|status| i32::try_from(status).ok())?;
    match number(service, "ExecMainCode")? {
        1 => Some((ExitStatus::Code(status), at)),
        2 | 3 => Some((ExitStatus::Signal(status), at)),
        _ => None,
    }
}

/// The arguments of the first `ExecStart=`: a(sasbttttuii).
fn command(service: &Properties) -> Vec<String> {
    let Some(Value::Array(commands)) = service.get("ExecStart").map(|value| &**value) else { return Vec::new() };
    let Some(Value::Structure(first)) = commands.iter().next() else { return Vec::new() };
    let Some(Value::Array(arguments)) = first.fields().get(1) else { return Vec::new() };
    let words = arguments.iter().take(WORDS).filter_map(|word| if let Value::Str(word) = word { Some(word.as_str()) } else { None });
    words.filter(|word| word.len() <= LONGEST).map(str::to_owned).collect()
}

/// The port that `Environment=` names. Nothing else is kept of it: variables may be secrets.
fn port(service: &Properties) -> Option<u16> {
    let Some(Value::Array(variables)) = service.get("Environment").map(|value| &**value) else { return None };
    let named = |name: &str| {
        let mut values = variables.iter().filter_map(|item| if let Value::Str(item) = item { item.as_str().split_once('=') } else { None });
        values.rfind(|(known, _)| *known == name).and_then(|(_, value)| value.parse().ok()).filter(|port| *port > 0)
    };
    ["PORT", "MCP_PORT", "MCP_HTTP_PORT"].into_iter().find_map(named)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn owned<'a>(value: impl Into<Value<'a>>) -> OwnedValue {
        value.into().try_to_owned().unwrap()
    }

    fn table<const N: usize>(of: [(&str, OwnedValue); N]) -> Properties {
        of.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// A unit in this state.
    pub fn unit(name: &str, active: &str, sub: &str) -> Facts {
        let told = table([
            ("LoadState", owned("loaded")),
            ("ActiveState", owned(active)),
            ("SubState", owned(sub)),
            ("FragmentPath", owned("/etc/systemd/system/mcp@.service")),
        ]);
        facts(name, &told, &table([("User", owned("alice"))]), |_| None)
    }

    #[test]
    fn properties_become_facts() {
        let told = table([
            ("LoadState", owned("loaded")),
            ("ActiveState", owned("failed")),
            ("SubState", owned("failed")),
            ("StateChangeTimestamp", owned(1_700_000_000_000_000_u64)),
            ("InvocationID", owned(vec![7_u8, 9])),
        ]);
        type Executed<'a> = (&'a str, Vec<&'a str>, bool, u64, u64, u64, u64, u32, i32, i32);
        let executed: Vec<Executed<'_>> = vec![("/bin/node", vec!["node", "src/main.js"], false, 0, 0, 0, 0, 0, 0, 0)];
        let service = table([
            ("MainPID", owned(4711_u32)),
            ("Result", owned("oom-kill")),
            ("NRestarts", owned(3_u32)),
            ("ExecMainCode", owned(2_i32)),
            ("ExecMainStatus", owned(9_i32)),
            ("ExecMainExitTimestamp", owned(1_700_000_000_000_000_u64)),
            ("ExecStart", owned(executed)),
            ("Environment", owned(vec!["MCP_API_KEY=secret", "PORT=1", "PORT=8101"])),
            ("MemoryMax", owned(512_u64 << 20)),
            ("CPUQuotaPerSecUSec", owned(500_000_u64)),
            ("TasksMax", owned(u64::MAX)),
            ("TimeoutStartUSec", owned(90_000_000_u64)),
            ("TimeoutStopUSec", owned(u64::MAX)),
            ("Restart", owned("on-abnormal")),
            ("WorkingDirectory", owned("-/srv/mcp")),
        ]);
        let key = ProcessKey { pid: 4711, start_time: 5 };
        let seen = facts("mcp@alice.service", &told, &service, |pid| (pid == 4711).then_some(key));
        assert_eq!((seen.activity(), seen.main, seen.restarts, seen.managed.port), (Activity::Failed, Some(key), 3, Some(8101)));
        assert_eq!(seen.managed.limits, Limits { memory_max: Some(512 << 20), cpu_max: Some(50), tasks_max: None });
        assert_eq!((seen.managed.command.join(" ").as_str(), seen.managed.directory.to_str()), ("node src/main.js", Some("/srv/mcp")));
        assert_eq!(
            (seen.managed.start_timeout, seen.managed.stop_timeout, seen.managed.restart),
            (Duration::from_secs(90), FOR_EVER, Restart::OnFailure)
        );
        let exit = seen.last_exit().unwrap();
        assert_eq!((exit.status, exit.over_memory), (ExitStatus::Signal(9), Some(512 << 20)));
        assert_eq!((seen.failure(), seen.managed.account.as_str(), seen.invocation.clone()), (Some("oom-kill"), "root", vec![7, 9]));
    }

    #[test]
    fn what_is_missing_or_of_another_type_hides_nothing_else() {
        let seen = facts("a.service", &table([("ActiveState", owned(3_u32))]), &table([("MainPID", owned("x"))]), |_| None);
        assert_eq!((seen.activity(), seen.main, seen.last_exit(), seen.is_there()), (Activity::Inactive, None, None, false));
    }

    #[test]
    fn what_a_unit_does_follows_from_both_states() {
        for (active, sub, activity) in [
            ("active", "running", Activity::Active),
            ("reloading", "reload", Activity::Active),
            ("active", "exited", Activity::Inactive),
            ("activating", "start-pre", Activity::Starting),
            ("activating", "auto-restart", Activity::Waiting),
            ("deactivating", "stop-sigterm", Activity::Stopping),
            ("failed", "failed", Activity::Failed),
            ("inactive", "dead", Activity::Inactive),
            ("maintenance", "dead", Activity::Inactive),
        ] {
            assert_eq!(unit("a.service", active, sub).activity(), activity, "{active} {sub}");
        }
    }
}
