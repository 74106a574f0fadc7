//! Who may ask what through a console's door. Pure: a table of cases stands beside it.
//!
//! It must never let by what a caller without the daemon's rights could not see or do.

use crate::domain::{Caller, Role, Verb};
use crate::link::wire::Call;

/// What a call needs beside what `control` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing more.
    Nothing,
    /// That its caller may have this done to the instance.
    To(Verb),
    /// That its caller sees the instance.
    Sight,
    /// An admin.
    Admin(&'static str),
}

/// What it needs.
pub(super) fn needs(call: &Call) -> Needs {
    match call {
        // These are authorised and recorded where they are carried out.
        Call::Submit(order) | Call::CarryOut(order) | Call::Foresee(order) => Needs::To(order.verb),
        // It quotes files and the log.
        Call::Diagnose(_) => Needs::To(Verb::Logs),
        Call::Clients(_) => Needs::Sight,
        Call::Propose(_) => Needs::Admin("who is given which port is shown to admins"),
        Call::ForeseeTask(_) | Call::CarryOutTask(..) | Call::Add(_) => Needs::Admin("only admins change the fleet ([access] admins)"),
        // Each sees the own.
        Call::Trail(_) | Call::Events(_) => Needs::Nothing,
    }
}

/// Why somebody may not, as far as that is decided by who it is.
pub(super) fn refused(caller: &Caller, needs: Needs) -> Option<&'static str> {
    match needs {
        Needs::Admin(why) if caller.role != Role::Admin => Some(why),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Strategy;
    use crate::domain::{InstanceId, Order, Shown, Target, Task, Uid};

    #[test]
    fn who_may_ask_what() {
        let id = || InstanceId::parse("amy").unwrap();
        let order = |verb| Order { verb, id: id(), target: Target::Whatever, reason: None, timeout: None };
        let cases = [
            (Call::Submit(order(Verb::Stop)), Needs::To(Verb::Stop), true),
            (Call::CarryOut(order(Verb::Start)), Needs::To(Verb::Start), true),
            (Call::Foresee(order(Verb::Restart)), Needs::To(Verb::Restart), true),
            (Call::Diagnose(id()), Needs::To(Verb::Logs), true),
            (Call::Clients(id()), Needs::Sight, true),
            (Call::Trail(5), Needs::Nothing, true),
        ];
        let caller = |role| Caller { uid: Uid(7), name: Shown::from("amy"), login: None, role, read_only: false };
        for (call, expected, may) in cases {
            let needs = needs(&call);
            assert_eq!((needs, refused(&caller(Role::Viewer), needs).is_none()), (expected, may), "{call:?}");
        }
        let admins = [Call::Propose(Strategy::Uid), Call::ForeseeTask(Task::Reserve(1)), Call::CarryOutTask(Task::Adopt(id()), None)];
        for call in admins {
            let needs = needs(&call);
            let may = [Role::Admin, Role::Viewer, Role::Stranger].map(|role| refused(&caller(role), needs).is_none());
            assert_eq!(may, [true, false, false], "{call:?}");
        }
    }
}
