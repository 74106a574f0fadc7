//! The unit of berth's own daemon, hardened as far as one can be that acts as every user.
//!
//! It must never let a path end a line or begin a specifier, nor have instances end with the daemon.

use std::path::Path;

use super::unit::{MARK, quoted};
use crate::error::{Error, Kind, Result};

/// What it is called.
pub const OWN_UNIT: &str = "berth.service";

/// What holds whatever it is called with. It becomes other users, looks at every process and writes in users' trees, as these users: what is
/// taken from it is what none of that needs. Instances that are not units of their own lie in its control group: only it itself is ended.
const REST: &str = "
Restart=on-failure
RestartSec=1s
KillMode=process
TimeoutStopSec=40s
WatchdogSec=30s
NotifyAccess=main
OOMScoreAdjust=-500
CapabilityBoundingSet=~CAP_AUDIT_CONTROL CAP_BPF CAP_LINUX_IMMUTABLE CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_MKNOD CAP_SYS_BOOT CAP_SYS_MODULE
CapabilityBoundingSet=~CAP_SYS_PACCT CAP_SYS_RAWIO CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_WAKE_ALARM
KeyringMode=private
LockPersonality=yes
NoNewPrivileges=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectSystem=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
";

/// The unit's text, for this program and the configuration that it is to be called with.
///
/// # Errors
/// When one of the paths cannot stand in a unit.
pub fn own_unit(program: &Path, config: Option<&Path>) -> Result<String> {
    let word = |path: &Path| {
        let text = path.to_str().filter(|text| text.starts_with('/'));
        text.ok_or_else(|| Error::new(Kind::Usage, "a path in a unit is whole and UTF-8")).and_then(|text| quoted(text, true))
    };
    let mut command = word(program)?;
    if let Some(config) = config {
        command.push_str(&format!(" --config {}", word(config)?));
    }
    Ok(format!(
        "{MARK}\n[Unit]\nDescription=berth, the console for every user's MCP server\nAfter=network.target\nStartLimitIntervalSec=0\n\n\
         [Service]\nType=notify\nExecStart={command} serve\nExecReload=/bin/kill -HUP $MAINPID{REST}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_called_as_it_was_installed() {
        let text = own_unit(Path::new("/usr/local/bin/berth"), Some(Path::new("/srv/50% $x/berth.toml"))).unwrap();
        assert!(text.contains("\nExecStart=\"/usr/local/bin/berth\" --config \"/srv/50%% $$x/berth.toml\" serve\n"), "{text}");
        assert!(text.starts_with(MARK) && text.contains("\nKillMode=process\n") && text.ends_with("WantedBy=multi-user.target\n"));
        assert!(own_unit(Path::new("/b"), None).unwrap().contains("\nExecStart=\"/b\" serve\n"));
        for wrong in ["berth", "/a\n[Service]\nUser=x"] {
            assert!(own_unit(Path::new(wrong), None).is_err(), "{wrong}");
        }
    }
}
