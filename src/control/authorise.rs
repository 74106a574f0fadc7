//! Who may have what done to whom. Pure: a table of cases stands beside it.
//!
//! It must never look anything up: the caller's uid comes from the kernel, the policy from the configuration.

use crate::domain::{Caller, Role, Uid, Verb};

/// `[access]` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What an owner may have done to an instance that runs under the owner's own account.
    pub owners_may: Vec<Verb>,
}

/// What the configuration makes of an account. `groups` are the names of its groups.
pub fn role_of(uid: Uid, name: &str, groups: &[String], admins: &[String], viewers: &[String]) -> Role {
    let among = |list: &[String]| {
        list.iter().any(|entry| match entry.strip_prefix('%') {
            Some(group) => groups.iter().any(|own| own == group),
            None => entry == "*" || entry == name || (uid.is_root() && entry == "root"),
        })
    };
    if among(admins) {
        Role::Admin
    } else if among(viewers) {
        Role::Viewer
    } else {
        Role::Stranger
    }
}

/// Why the caller may not have this done to an instance that runs as `uid`; `None` when it may.
pub fn why_not(caller: &Caller, verb: Verb, uid: Uid, policy: &Policy) -> Option<String> {
    if caller.read_only && verb.changes() {
        return Some("this session is read-only".to_owned());
    }
    let own = caller.uid == uid;
    // An admin by name without root's rights still cannot become another user: say so before trying.
    if caller.role == Role::Admin && (own || caller.uid.is_root()) {
        return None;
    }
    // Who may restart it may give it another certificate, and so may say that this is the one.
    let verb = if matches!(verb, Verb::Trust(_)) { Verb::Restart } else { verb };
    if own && !verb.is_owners() {
        return Some("ports are given by admins ([access] admins)".to_owned());
    }
    if own {
        if policy.owners_may.iter().any(|may| may.is_like(verb)) {
            return None;
        }
        return Some(format!("owners may not {} here ([access] owners_may)", verb.word()));
    }
    if verb == Verb::Logs {
        return Some("a log is shown to its owner and to admins who are root".to_owned());
    }
    if caller.role == Role::Admin {
        return Some(format!("{} is an admin, but only root can act as another user: sudo berth", caller.name));
    }
    Some(format!("{} may look and not touch: this instance runs as another user", caller.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Asked, Shown, Signal};

    fn caller(uid: u32, role: Role, read_only: bool) -> Caller {
        Caller { uid: Uid(uid), name: Shown::new("somebody"), login: None, role, read_only }
    }

    #[test]
    fn the_table_of_who_may() {
        let policy = Policy { owners_may: vec![Verb::Restart, Verb::Logs] };
        let cases = [
            (0, Role::Admin, false, Verb::Stop, 1001, true),
            (0, Role::Admin, true, Verb::Stop, 1001, false),
            (0, Role::Admin, true, Verb::Logs, 1001, true),
            (1001, Role::Viewer, false, Verb::Restart, 1001, true),
            (1001, Role::Viewer, false, Verb::Stop, 1001, false),
            (1001, Role::Stranger, false, Verb::Logs, 1001, true),
            (1001, Role::Viewer, false, Verb::Restart, 1002, false),
            (1001, Role::Viewer, false, Verb::Logs, 1002, false),
            (1001, Role::Admin, false, Verb::Stop, 1002, false),
            (1001, Role::Admin, false, Verb::Stop, 1001, true),
            (1001, Role::Viewer, false, Verb::Signal(Signal::Hangup), 1001, false),
            (0, Role::Admin, false, Verb::Signal(Signal::Kill), 1001, true),
            (0, Role::Admin, true, Verb::Signal(Signal::Hangup), 1001, false),
            (1001, Role::Viewer, false, Verb::Assign(Asked::Auto), 1001, false),
            (1001, Role::Admin, false, Verb::Assign(Asked::Auto), 1001, true),
            (1002, Role::Admin, false, Verb::Assign(Asked::Auto), 1001, false),
        ];
        for (uid, role, read_only, verb, target, may) in cases {
            let why = why_not(&caller(uid, role, read_only), verb, Uid(target), &policy);
            assert_eq!(why.is_none(), may, "{uid} {role:?} {verb} {target}: {why:?}");
        }
    }

    #[test]
    fn who_may_signal_may_send_every_signal() {
        let policy = Policy { owners_may: vec![Verb::Signal(Signal::Hangup)] };
        for signal in Signal::ALL {
            assert_eq!(why_not(&caller(1001, Role::Viewer, false), Verb::Signal(signal), Uid(1001), &policy), None);
        }
    }

    #[test]
    fn roles_come_from_names_and_groups() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let admins = list(&["root", "%ops"]);
        assert_eq!(role_of(Uid(0), "root", &[], &admins, &[]), Role::Admin);
        assert_eq!(role_of(Uid(1), "amy", &list(&["ops"]), &admins, &[]), Role::Admin);
        assert_eq!(role_of(Uid(1), "ops", &[], &admins, &list(&["*"])), Role::Viewer);
        assert_eq!(role_of(Uid(1), "ops", &[], &admins, &[]), Role::Stranger);
    }
}
