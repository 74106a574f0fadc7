//! systemd's units for instances: a template that is hardened, and for each instance a part of its own that says what it runs.
//!
//! It must never let a text end a line, begin a specifier or a variable, nor put a credential where everybody may read it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::domain::{Gid, Launch, Limits, Restart, Shown, Uid, is_secret};
use crate::error::{Error, Kind, Result};

/// By this first line berth knows a template of its own again.
pub const MARK: &str = "# Made by berth: what is written here is written anew.";

/// The template. What each line keeps from a server is said by systemd.exec(5); what Node.js and Python need is left: memory that is made
/// executable, and netlink, by which the C library lists addresses.
const TEMPLATE: &str = "
# Each instance's own part stands in NAME@OWNER.service.d/berth.conf.
[Unit]
Description=MCP server of %i
After=network.target
StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
RestartSec=1s
OOMPolicy=stop
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
KeyringMode=private
LockPersonality=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
";

/// What one instance is run with.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Its account.
    pub uid: Uid,
    /// That account's group.
    pub gid: Gid,
    /// Its command with all that belongs to it.
    pub launch: &'a Launch,
    /// What it may use.
    pub limits: Limits,
    /// Where it may write, beside what every service may.
    pub writable: &'a [PathBuf],
}

/// The template's text.
pub fn template() -> String {
    format!("{MARK}{TEMPLATE}")
}

/// An instance's own part.
///
/// # Errors
/// When something of it cannot be written into a unit, or should not be.
pub fn own_part(run: &Run<'_>) -> Result<String> {
    let launch = run.launch;
    let mut text = format!("{MARK}\n[Service]\nUser={}\nGroup={}\n", run.uid, run.gid);
    let mut line = |key: &str, value: &str| {
        // A String takes everything.
        let _ = writeln!(text, "{key}={value}");
    };
    line("WorkingDirectory", &plain(&path(&launch.directory)?)?);
    let program = launch.command.first().map(String::as_str).unwrap_or_default();
    if program.is_empty() || program.starts_with(['@', '-', ':', '+', '!', '|']) {
        return Err(unfit("command", program));
    }
    let words: Result<Vec<String>> = launch.command.iter().map(|word| quoted(word, true)).collect();
    line("ExecStart", &words?.join(" "));
    for (name, value) in launch.environment.iter() {
        if is_secret(name) {
            let told = format!("not added. {} looks like a credential, and everybody may read a unit", Shown::new(name));
            return Err(Error::new(Kind::Usage, told).hint("keep it in a file that the server reads itself"));
        }
        line("Environment", &quoted(&format!("{name}={value}"), false)?);
    }
    for place in run.writable {
        // What is not there yet is no reason not to start.
        line("ReadWritePaths", &quoted(&format!("-{}", path(place)?), false)?);
    }
    let restart = match launch.restart {
        Restart::No => "no",
        Restart::OnFailure => "on-failure",
        Restart::Always => "always",
    };
    line("Restart", restart);
    line("TimeoutStopSec", &format!("{}ms", launch.stop_timeout.as_millis()));
    run.limits.memory_max.iter().for_each(|bytes| line("MemoryMax", &bytes.to_string()));
    run.limits.cpu_max.iter().for_each(|percent| line("CPUQuota", &format!("{percent}%")));
    run.limits.tasks_max.iter().for_each(|tasks| line("TasksMax", &tasks.to_string()));
    Ok(text)
}

fn path(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| text.starts_with('/'));
    text.map(str::to_owned).ok_or_else(|| unfit("path", &path.to_string_lossy()))
}

/// A value that takes the whole line: only specifiers are to be kept from it, systemd.unit(5).
fn plain(text: &str) -> Result<String> {
    if text.chars().any(char::is_control) || text.ends_with('\\') || text.trim() != text || text.starts_with('"') {
        return Err(unfit("path", text));
    }
    Ok(text.replace('%', "%%"))
}

/// One word in quotes, systemd.syntax(7); in a command line a `$` begins a variable, systemd.service(5).
pub(super) fn quoted(word: &str, is_command: bool) -> Result<String> {
    if word.chars().any(char::is_control) {
        return Err(unfit("word", word));
    }
    let mut text = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    if is_command {
        text = text.replace('$', "$$");
    }
    Ok(format!("\"{text}\""))
}

fn unfit(what: &str, text: &str) -> Error {
    Error::new(Kind::Usage, format!("not added. This {what} cannot stand in a unit: {}", Shown::new(text)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Variables;

    fn launch(command: &[&str], environment: &[(&str, &str)], directory: &str) -> Launch {
        Launch {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            directory: directory.into(),
            environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Variables>(),
            start_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(10),
            restart: Restart::OnFailure,
        }
    }

    fn part(launch: &Launch) -> Result<String> {
        let limits = Limits { memory_max: Some(512), cpu_max: Some(50), tasks_max: Some(20) };
        own_part(&Run { uid: Uid(1001), gid: Gid(100), launch, limits, writable: &["/srv/a b/w".into()] })
    }

    #[test]
    fn an_instances_part_says_what_it_runs() {
        let text = part(&launch(&["node", "--config=/srv/50%/$HOME \"x\"\\"], &[("PORT", "8101")], "/srv/50%")).unwrap();
        let expected = "[Service]\nUser=1001\nGroup=100\nWorkingDirectory=/srv/50%%\n\
            ExecStart=\"node\" \"--config=/srv/50%%/$$HOME \\\"x\\\"\\\\\"\nEnvironment=\"PORT=8101\"\nReadWritePaths=\"-/srv/a b/w\"\n\
            Restart=on-failure\nTimeoutStopSec=10000ms\nMemoryMax=512\nCPUQuota=50%\nTasksMax=20\n";
        assert_eq!(text.strip_prefix(&format!("{MARK}\n")), Some(expected));
    }

    #[test]
    fn what_systemd_would_obey_is_refused() {
        for (command, environment, directory) in [
            (vec!["node", "a\nExecStartPre=/bin/evil"], vec![], "/srv"),
            (vec!["+node"], vec![], "/srv"),
            (vec![], vec![], "/srv"),
            (vec!["node"], vec![("A", "b\n[Service]")], "/srv"),
            (vec!["node"], vec![("MCP_API_KEY", "x")], "/srv"),
            (vec!["node"], vec![], "srv"),
            (vec!["node"], vec![], "/srv\nUser=root"),
            (vec!["node"], vec![], "/srv\\"),
        ] {
            assert!(part(&launch(&command, &environment, directory)).is_err(), "{command:?} {environment:?} {directory:?}");
        }
    }
}
