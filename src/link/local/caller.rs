//! Who is asking: this process's own account, or one whose uid the kernel told, and what the configuration has it be.
//!
//! It must never take a uid from anybody but the kernel.

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
    // 4294967295 is "not set", pam_loginuid(8).
    let login =
        std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok()).filter(|uid| *uid != u32::MAX);
    Caller { login: login.map(Uid), read_only, ..caller_of(Uid(nix::unistd::geteuid().as_raw()), config) }
}

/// Whoever has this uid, as a caller. Accounts are looked up, which may take a while.
pub(super) fn caller_of(uid: Uid, config: &Config) -> Caller {
    let uid = nix::unistd::Uid::from_raw(uid.0);
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    let name = user.as_ref().map_or_else(|| uid.to_string(), |user| user.name.clone());
    // Of an account that is nowhere written down only this process's own group is known.
    let gid = user.as_ref().map(|user| user.gid).or_else(|| uid.eq(&nix::unistd::geteuid()).then(nix::unistd::getegid));
    let groups: Vec<String> = gid
        .map(|gid| Identity::of(Uid(uid.as_raw()), Gid(gid.as_raw()), Some(&name)).groups().to_vec())
        .unwrap_or_default()
        .iter()
        .filter_map(|gid| nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(*gid)).ok().flatten())
        .map(|group| group.name)
        .collect();
    let role = role_of(Uid(uid.as_raw()), &name, &groups, &config.access.admins, &config.access.viewers);
    Caller { uid: Uid(uid.as_raw()), name: Shown::new(&name), login: None, role, read_only: false }
}
