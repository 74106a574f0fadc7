//! Whether /proc hides the processes of other users (proc(5), `hidepid`).
//!
//! It must never be asked per process: what is hidden looks exactly like what is gone, so it has to be known beforehand.

use procfs::FromRead;
use procfs::process::{MountInfo, MountInfos};

/// How /proc is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hiding {
    /// Everybody sees everything.
    Nothing,
    /// `noaccess` and `invisible`: members of this group see everything.
    ButForGroup(u32),
    /// `ptraceable`: who may trace a process sees it, no group helps.
    ButForTracers,
}

/// Whether this process sees every process of its pid namespace.
pub(super) fn sees_all() -> bool {
    let hiding = std::fs::read("/proc/self/mountinfo").map_or(Hiding::Nothing, |text| hiding(&text));
    let groups: Vec<u32> = nix::unistd::getgroups().unwrap_or_default().into_iter().map(nix::unistd::Gid::as_raw).collect();
    may_see(hiding, nix::unistd::geteuid().is_root(), nix::unistd::getegid().as_raw(), &groups)
}

fn may_see(hiding: Hiding, is_root: bool, group: u32, groups: &[u32]) -> bool {
    match hiding {
        Hiding::Nothing => true,
        Hiding::ButForGroup(needed) => is_root || group == needed || groups.contains(&needed),
        Hiding::ButForTracers => is_root,
    }
}

/// The last mount at /proc is the one that is seen.
pub(super) fn hiding(mountinfo: &[u8]) -> Hiding {
    let Ok(MountInfos(mounts)) = MountInfos::from_read(mountinfo) else {
        return Hiding::Nothing;
    };
    mounts.iter().rev().find(|mount| mount.mount_point.as_os_str() == "/proc").map_or(Hiding::Nothing, hiding_of)
}

fn hiding_of(mount: &MountInfo) -> Hiding {
    let option = |name: &str| mount.super_options.get(name).or_else(|| mount.mount_options.get(name)).cloned().flatten();
    // Without gid= it is group 0 (proc_pid_permission in fs/proc/base.c).
    let group = option("gid").and_then(|gid| gid.parse().ok()).unwrap_or(0);
    match option("hidepid").as_deref() {
        None | Some("0" | "off") => Hiding::Nothing,
        Some("4" | "ptraceable") => Hiding::ButForTracers,
        Some(_) => Hiding::ButForGroup(group),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &str) -> Hiding {
        let text = format!(
            "22 27 0:21 / /sys rw,nosuid - sysfs sysfs rw\n\
             23 27 0:22 / /proc rw,nosuid shared:13 - proc proc {options}\n\
             40 27 0:22 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n"
        );
        hiding(text.as_bytes())
    }

    #[test]
    fn mount_options_are_read() {
        let cases = [
            ("rw", Hiding::Nothing),
            ("rw,hidepid=0", Hiding::Nothing),
            ("rw,hidepid=off", Hiding::Nothing),
            ("rw,hidepid=1", Hiding::ButForGroup(0)),
            ("rw,hidepid=noaccess", Hiding::ButForGroup(0)),
            ("rw,gid=27,hidepid=invisible", Hiding::ButForGroup(27)),
            ("rw,hidepid=2,gid=27", Hiding::ButForGroup(27)),
            ("rw,hidepid=ptraceable,gid=27", Hiding::ButForTracers),
        ];
        for (options, expected) in cases {
            assert_eq!(of(options), expected, "{options}");
        }
        assert_eq!(hiding(b"junk"), Hiding::Nothing);
    }

    #[test]
    fn the_upper_of_two_mounts_counts() {
        let text = "23 27 0:22 / /proc rw - proc proc rw\n50 23 0:30 / /proc rw - proc proc rw,hidepid=2\n";
        assert_eq!(hiding(text.as_bytes()), Hiding::ButForGroup(0));
    }

    #[test]
    fn root_and_the_group_see_all() {
        let cases = [
            (Hiding::Nothing, false, 100, &[][..], true),
            (Hiding::ButForGroup(0), false, 100, &[100, 101], false),
            (Hiding::ButForGroup(0), true, 0, &[], true),
            (Hiding::ButForGroup(27), false, 27, &[], true),
            (Hiding::ButForGroup(27), false, 100, &[5, 27], true),
            (Hiding::ButForTracers, false, 27, &[27], false),
        ];
        for (hiding, is_root, group, groups, expected) in cases {
            assert_eq!(may_see(hiding, is_root, group, groups), expected, "{hiding:?} {group}");
        }
    }
}
