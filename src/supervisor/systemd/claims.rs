//! What the units say of the instances that they are: finds for the roster, claims for the judge. Pure.
//!
//! It must never ask anybody: what is known is handed in.

use std::sync::Arc;

use crate::domain::{Activity, Again, Claim, ConfigFault, Declared, Finds, LastExit, Managed, Roster, Service, Shown, SupervisorKind};

use super::facts::Facts;
use super::name::{fits, id_of, id_of_users};
use super::state::State;

/// The services of these units. `account` is whose own manager has them, where it is not the system's.
pub fn finds(patterns: &[String], account: Option<&str>, state: &State, finds: &mut Finds) {
    let fault = |name: &str, reason: &str| ConfigFault {
        file: Shown::new(name),
        line: None,
        column: None,
        reason: Shown::new(reason),
        denied: false,
    };
    for facts in state.units.values() {
        let Some(pattern) = patterns.iter().find(|pattern| fits(pattern, &facts.name)) else { continue };
        match account.map_or_else(|| id_of(pattern, &facts.name), |account| id_of_users(pattern, &facts.name, account)) {
            Ok(id) => finds.services.push(Managed { id, ..facts.managed.clone() }),
            Err(reason) => finds.faults.push(fault(&facts.name, &reason)),
        }
    }
    if state.has_more {
        let whose = called(account);
        finds.faults.push(fault(&whose, "it has more units of these names than are looked at"));
    }
}

/// How a manager is called in a sentence: the system's, or an account's own.
pub fn called(account: Option<&str>) -> String {
    account.map_or_else(|| "systemd".to_owned(), |account| format!("the systemd of {account}"))
}

/// A claim for each instance that is a unit; `of` finds the manager that has it, and whose that is.
pub fn claims(roster: &Roster, of: impl Fn(&Declared) -> Option<(Arc<State>, Option<String>)>) -> Arc<[Claim]> {
    let own = roster.instances.iter().filter(|declared| declared.supervisor == SupervisorKind::Systemd);
    let claim = |declared: &Arc<Declared>| {
        let nothing = || Claim::nothing(declared.id.clone(), false);
        of(declared).map_or_else(nothing, |(state, account)| claim(declared, &state, account.as_deref()))
    };
    own.map(claim).collect()
}

fn claim(declared: &Declared, state: &State, account: Option<&str>) -> Claim {
    let facts = declared.unit.as_ref().and_then(|unit| state.units.get(unit.name.as_str()));
    let Some(facts) = facts else { return Claim::nothing(declared.id.clone(), false) };
    let activity = facts.activity();
    let exit = facts.last_exit();
    Claim {
        main: facts.main,
        wished_up: Some(!matches!(activity, Activity::Inactive | Activity::Stopping)),
        // What runs has not ended: its last end is of the run before.
        exit: exit.filter(|_| facts.main.is_none()),
        started_at: facts.started_at,
        restarts: facts.restarts,
        again: exit.filter(|_| activity == Activity::Waiting).and_then(|exit| again(facts, exit)),
        service: Some(Arc::new(service(facts, activity, state, account))),
        ..Claim::nothing(declared.id.clone(), false)
    }
}

fn again(facts: &Facts, exit: LastExit) -> Option<Again> {
    let at = exit.at.checked_add(jiff::SignedDuration::try_from(facts.restart_delay).ok()?).ok()?;
    Some(Again::At { at, tries: facts.restarts.saturating_add(1) })
}

fn service(facts: &Facts, activity: Activity, state: &State, account: Option<&str>) -> Service {
    let unanswered = |why: &Shown| Shown::new(&format!("{} cannot be asked ({why})", called(account)));

    Service {
        name: Shown::new(&facts.name),
        activity,
        told: Shown::new(&format!("{} ({})", facts.active_state, facts.sub_state)),
        result: facts.failure().map(Shown::new),
        since: facts.since,
        group: facts.group.as_deref().map(Shown::new),
        project: None,
        limits: facts.managed.limits,
        unanswered: state.lost.as_ref().map(|(since, why)| (*since, unanswered(why))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::facts::tests::unit;
    use super::*;
    use crate::domain::{ExitStatus, ManagedId, ProcessKey};

    fn known(units: impl IntoIterator<Item = Facts>) -> State {
        State { units: units.into_iter().map(|facts| (facts.name.clone(), Arc::new(facts))).collect(), ..State::default() }
    }

    #[test]
    fn what_is_looked_for_is_found_and_a_name_that_is_none_is_told() {
        let patterns = ["mcp@*.service".to_owned()];
        let state = known(["mcp@alice.service", r"mcp@a\x20b.service", "ssh.service"].map(|name| unit(name, "active", "running")));
        let mut found = Finds::default();
        finds(&patterns, None, &state, &mut found);
        assert_eq!((found.services.len(), found.faults.len()), (1, 1));
        assert!(matches!(&found.services[0].id, ManagedId::Named(id) if id.owner() == "alice"));
        assert_eq!(found.services[0].account, "alice");
    }

    #[test]
    fn a_users_manager_says_nothing_of_anybody_else() {
        let patterns = ["mcp@*.service".to_owned()];
        let own = ["mcp@alice.service", "mcp@bob.service"].map(|name| unit(name, "active", "running").of_user(crate::domain::Uid(1001)));
        let (mut found, mut state) = (Finds::default(), known(own));
        state.has_more = true;
        finds(&patterns, Some("bob"), &state, &mut found);
        let ids: Vec<&ManagedId> = found.services.iter().map(|service| &service.id).collect();
        assert!(matches!(ids[..], [ManagedId::OfAccount(name), ManagedId::Named(id)] if name == "alice" && id.owner() == "bob"));
        assert!(found.services.iter().all(|service| service.account == "1001" && service.is_users));
        assert_eq!((found.faults.len(), found.faults[0].file.as_str()), (1, "the systemd of bob"));
    }

    #[test]
    fn what_waits_for_its_next_try_says_when() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let mut facts = unit("mcp@alice.service", "activating", "auto-restart");
        (facts.exit, facts.restarts, facts.restart_delay) = (Some((ExitStatus::Signal(9), at)), 2, std::time::Duration::from_secs(5));
        let exit = facts.last_exit().unwrap();
        assert_eq!(again(&facts, exit), Some(Again::At { at: Timestamp::from_second(1_700_000_005).unwrap(), tries: 3 }));
    }

    #[test]
    fn what_nobody_answers_for_says_so_in_its_service() {
        let mut state = known([unit("mcp@alice.service", "active", "running")]);
        state.lost = Some((Timestamp::UNIX_EPOCH, Shown::new("it does not answer")));
        let facts = Arc::clone(&state.units["mcp@alice.service"]);
        let told = service(&facts, facts.activity(), &state, None);
        assert_eq!(told.unanswered.unwrap().1.as_str(), "systemd cannot be asked (it does not answer)");
        assert_eq!(told.told.as_str(), "active (running)");
        let mut dead = unit("mcp@alice.service", "active", "running");
        dead.main = Some(ProcessKey { pid: 1, start_time: 1 });
        assert_eq!(dead.let_go().main, None);
    }
}
