//! Who is meant by `--all`, `--user` and `--state`.
//!
//! Pure. It must never mean an unmanaged listener: only what was named may be one.

use super::args::Action;
use crate::domain::{InstanceId, Reading, Row, Snapshot, SupervisorKind, Target, Verb};
use crate::error::{Error, Kind, Result};

/// An instance that is to be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Which.
    pub id: InstanceId,
    /// What was running when it was chosen: if it is another by the time of acting, nothing is done to it.
    pub target: Target,
}

/// The instances that the options mean, in the order of the table.
///
/// # Errors
/// `NoSuchInstance` when there are none at all, or none of that user.
pub fn chosen(verb: Verb, action: &Action, snapshot: &Snapshot) -> Result<Vec<Chosen>> {
    let managed = || snapshot.rows.iter().filter(|row| row.supervisor != SupervisorKind::None && !row.id.is_unmanaged());
    let of_user = |row: &Row| action.user.as_deref().is_none_or(|user| row.id.owner() == user || row.user.as_str() == user);
    if managed().next().is_none() {
        return Err(Error::new(Kind::NoSuchInstance, format!("nothing was {}: there are no instances", verb.done()))
            .hint("berth config    shows where they are looked for"));
    }
    if !managed().any(|row| of_user(row)) {
        let user = action.user.as_deref().unwrap_or_default();
        return Err(Error::new(Kind::NoSuchInstance, format!("nothing was {}: no instance is of a user {user}", verb.done()))
            .hint("berth ls    lists the owners"));
    }
    Ok(managed()
        .filter(|row| of_user(row) && action.wants_state(row.state))
        .map(|row| Chosen { id: row.id.clone(), target: target(row) })
        .collect())
}

fn target(row: &Row) -> Target {
    match row.main {
        Reading::Known(key) => Target::Exactly(key),
        Reading::Gone => Target::Nothing,
        // What was not seen cannot be held against what is found.
        Reading::Denied | Reading::Unasked => Target::Whatever,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::fleet;
    use crate::domain::ProcessKey;

    fn ids(action: &Action) -> String {
        match chosen(Verb::Stop, action, &fleet::fleet()) {
            Ok(chosen) => chosen.iter().map(|chosen| chosen.id.to_string()).collect::<Vec<_>>().join(" "),
            Err(error) => format!("{}: {error}", error.exit_code()),
        }
    }

    #[test]
    fn who_is_meant() {
        let states = |words: &str| words.split(',').map(str::to_owned).collect();
        let all = Action { all: true, ..Action::default() };
        assert_eq!(ids(&all), "alice bob/tools carol dave erin frank gina hank");
        assert_eq!(ids(&Action { state: states("running"), ..Action::default() }), "alice dave");
        assert_eq!(ids(&Action { state: states("crashed,stopped"), ..Action::default() }), "carol hank");
        assert_eq!(ids(&Action { user: Some("bob".into()), ..Action::default() }), "bob/tools");
        assert_eq!(ids(&Action { user: Some("bob".into()), state: states("running"), ..Action::default() }), "");
        assert_eq!(ids(&Action { user: Some("eve".into()), ..Action::default() }), "4: nothing was stopped: no instance is of a user eve");
    }

    #[test]
    fn a_host_without_instances_has_none() {
        let mut empty = fleet::fleet();
        empty.rows.retain(|row| row.id.is_unmanaged());
        assert!(chosen(Verb::Stop, &Action { all: true, ..Action::default() }, &empty).is_err_and(|error| error.exit_code() == 4));
    }

    #[test]
    fn what_was_seen_is_held() {
        let chosen = chosen(Verb::Stop, &Action { all: true, ..Action::default() }, &fleet::fleet()).unwrap();
        let target = |id: &str| chosen.iter().find(|chosen| chosen.id == fleet::id(id)).unwrap().target;
        assert!(matches!(target("alice"), Target::Exactly(ProcessKey { pid: 2211, .. })));
        assert_eq!((target("carol"), target("frank")), (Target::Nothing, Target::Whatever));
    }
}
