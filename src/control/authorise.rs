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

    /// Whom a case is about: a name, the caller, and what owners may.
    type Case = (&'static str, Caller, Vec<Verb>);

    /// Everybody that can come, to an instance of uid 1001, for one verb.
    fn cases(verb: Verb) -> [Case; 15] {
        let all = || Verb::ALL.to_vec();
        let but = || Verb::ALL.into_iter().filter(|one| !one.is_like(verb)).collect::<Vec<_>>();
        let (read_only, unknown) = (true, u32::MAX);
        [
            ("root", caller(0, Role::Admin, false), vec![]),
            ("root, who is no admin here", caller(0, Role::Viewer, false), all()),
            ("an admin by name, of another's", caller(1005, Role::Admin, false), all()),
            ("an admin by name, of the own", caller(1001, Role::Admin, false), vec![]),
            ("an owner who may all", caller(1001, Role::Viewer, false), all()),
            ("an owner who may this alone", caller(1001, Role::Viewer, false), vec![verb]),
            ("an owner who may all but this", caller(1001, Role::Viewer, false), but()),
            ("an owner who may nothing", caller(1001, Role::Viewer, false), vec![]),
            ("an owner who is no viewer", caller(1001, Role::Stranger, false), all()),
            ("another user", caller(1002, Role::Viewer, false), all()),
            ("another who is no viewer", caller(1002, Role::Stranger, false), all()),
            ("nobody", caller(65_534, Role::Stranger, false), all()),
            ("an account that is nowhere written down", caller(unknown, Role::Viewer, false), all()),
            ("root, read-only", caller(0, Role::Admin, read_only), vec![]),
            ("an owner who may all, read-only", caller(1001, Role::Viewer, read_only), all()),
        ]
    }

    /// Who of them may. A verb without a row does not compile.
    fn may(verb: Verb) -> [bool; 15] {
        const Y: bool = true;
        const N: bool = false;
        match verb {
            Verb::Start | Verb::Stop | Verb::Restart | Verb::Signal(_) => [Y, N, N, Y, Y, Y, N, N, Y, N, N, N, N, N, N],
            // Nothing is changed by reading.
            Verb::Logs => [Y, N, N, Y, Y, Y, N, N, Y, N, N, N, N, Y, Y],
            // Ports are everybody's: no word gives that to an owner.
            Verb::Assign(_) => [Y, N, N, Y, N, N, N, N, N, N, N, N, N, N, N],
            // It goes with a restart, and no word of its own gives it.
            Verb::Trust(_) => [Y, N, N, Y, Y, N, Y, N, Y, N, N, N, N, N, N],
        }
    }

    #[test]
    fn a17_every_verb_and_everybody() {
        for verb in Verb::ALL {
            for ((who, caller, owners_may), may) in cases(verb).into_iter().zip(may(verb)) {
                let why = why_not(&caller, verb, Uid(1001), &Policy { owners_may });
                assert_eq!(why.is_none(), may, "{verb}, {who}: {why:?}");
                assert!(why.is_none_or(|why| !why.is_empty()), "{verb}, {who}: it is said why");
            }
        }
        let words: std::collections::BTreeSet<_> = Verb::ALL.map(Verb::word).into();
        assert_eq!(words.len(), Verb::ALL.len(), "each verb stands there once");
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
