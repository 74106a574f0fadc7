//! Who is asking through this door: this process's own account, and what the configuration has it be.
//!
//! It must never speak for another account than its own.

use crate::config::Config;
use crate::control::role_of;
use crate::domain::{Caller, Gid, Shown, Uid};
use crate::hand::Identity;

/// The name of an account, or its uid in digits.
pub(super) fn account_of(uid: Uid) -> Shown {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid.0)).ok().flatten();
    Shown::new(&user.map_or_else(|| uid.to_string(), |user| user.name))
}

/// This process's own uid as a caller.
pub(super) fn own_caller(config: &Config, read_only: bool) -> Caller {
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    let name = user.as_ref().map_or_else(|| uid.to_string(), |user| user.name.clone());
    let gid = user.as_ref().map_or_else(nix::unistd::getegid, |user| user.gid);
    let groups: Vec<String> = Identity::of(Uid(uid.as_raw()), Gid(gid.as_raw()), Some(&name))
        .groups()
        .iter()
        .filter_map(|gid| nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(*gid)).ok().flatten())
        .map(|group| group.name)
        .collect();
    // 4294967295 is "not set", pam_loginuid(8).
    let login =
        std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok()).filter(|uid| *uid != u32::MAX);
    let role = role_of(Uid(uid.as_raw()), &name, &groups, &config.access.admins, &config.access.viewers);
    Caller { uid: Uid(uid.as_raw()), name: Shown::new(&name), login: login.map(Uid), role, read_only }
}
