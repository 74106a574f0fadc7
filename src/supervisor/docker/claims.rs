//! What the containers say of the instances that they are: finds for the roster, claims for the judge. Pure.
//!
//! It must never let a user's engine name another owner than him: what it says is what he says.

use std::sync::Arc;

use crate::domain::{
    Activity, Again, Claim, ConfigFault, Declared, Finds, InstanceId, Managed, ManagedId, Service, Shown, SupervisorKind, Uid,
};

use super::facts::{self, Facts, NAME, OWNER};
use super::sockets::Place;
use super::state::State;
use crate::supervisor::systemd::name::fits;

/// The containers of one engine. `account` is whose it is, where that is not root.
pub fn finds(patterns: &[String], place: &Place, account: Option<&str>, state: &State, finds: &mut Finds) {
    let Some(kind) = state.kind else { return };
    for facts in state.containers.values() {
        match id_of(patterns, facts, place.uid, account) {
            Ok(id) => finds.services.push(managed(id, kind, place, facts)),
            Err(reason) => finds.faults.push(fault(&facts.name, &reason)),
        }
    }
    if state.has_more {
        finds.faults.push(fault(&place.path.to_string_lossy(), "it has more containers than are looked at"));
    }
}

fn fault(name: &str, reason: &str) -> ConfigFault {
    ConfigFault { file: Shown::new(name), line: None, column: None, reason: Shown::new(reason), denied: false }
}

/// Who a container is an instance of: its label says it, or what the only `*` of a pattern stands for, or whose engine it is.
fn id_of(patterns: &[String], facts: &Facts, engine: Uid, account: Option<&str>) -> Result<ManagedId, String> {
    let own = || {
        // Only to be told of a name that is none while the container is at hand.
        InstanceId::new("x", &facts.name).map_err(|wrong| format!("{} is no name for an instance: {wrong}", facts.name))?;
        Ok(ManagedId::OfAccount(facts.name.clone()))
    };
    let pattern = patterns.iter().find(|pattern| fits(pattern, &facts.name));
    let captured = pattern.and_then(|pattern| captured(pattern, &facts.name));
    let Some(owner) = facts.owner.as_deref().or(captured).filter(|owner| engine.is_root() || Some(*owner) == account) else {
        return match facts.owner.as_deref().filter(|_| !engine.is_root()) {
            Some(other) => {
                Err(format!("its label {OWNER} says {other}, and it is in the engine of {}", account.unwrap_or("another account")))
            }
            None => own(),
        };
    };
    match &facts.instance {
        Some(name) => InstanceId::new(owner, name).map_err(|wrong| format!("its label {NAME} makes no name for an instance: {wrong}")),
        None => InstanceId::of_owner(owner).map_err(|wrong| format!("{owner} is no name for an owner: {wrong}")),
    }
    .map(ManagedId::Named)
}

/// What the only `*` of a pattern stands for; one that the name begins or ends with names no owner.
fn captured<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    let (first, last) = pattern.split_once('*')?;
    if last.contains('*') || first.is_empty() {
        return None;
    }
    name.strip_prefix(first)?.strip_suffix(last).filter(|owner| !owner.is_empty())
}

fn managed(id: ManagedId, kind: SupervisorKind, place: &Place, facts: &Facts) -> Managed {
    Managed {
        id,
        kind,
        name: Shown::new(&facts.name),
        // Whoever may speak to its engine may do anything to it, whatever account its processes have.
        account: place.uid.0.to_string(),
        is_users: !place.uid.is_root(),
        definition: place.path.clone(),
        command: facts.command.clone(),
        directory: facts.directory.clone().into(),
        host: facts.published.first().map(|endpoint| endpoint.address),
        port: facts.published.first().map(|endpoint| endpoint.port).or(facts.port),
        start_timeout: facts::start_timeout(),
        stop_timeout: facts.stop_timeout,
        restart: facts.restart,
        limits: facts.limits,
        logs: Vec::new(),
    }
}

/// What is said of one instance by the container that it is.
pub fn claim(declared: &Declared, facts: &Facts, state: &State) -> Claim {
    let activity = facts.activity();
    Claim {
        keeper: facts.parent.filter(|_| facts.main.is_some()),
        main: facts.main,
        wished_up: Some(!matches!(activity, Activity::Inactive | Activity::Stopping)),
        // What runs has not ended: its last end is of the run before.
        exit: facts.last_exit().filter(|_| activity != Activity::Active),
        started_at: facts.started_at,
        restarts: facts.restarts,
        again: None::<Again>,
        service: Some(Arc::new(service(facts, activity, state))),
        published: facts.published.as_slice().into(),
        engine: state.engine,
        ..Claim::nothing(declared.id.clone(), false)
    }
}

fn service(facts: &Facts, activity: Activity, state: &State) -> Service {
    let engine = state.kind.map_or("its engine", SupervisorKind::word);
    let project = facts.project.as_deref().map(|project| match &facts.service {
        Some(service) => format!("{project}/{service}"),
        None => project.to_owned(),
    });
    Service {
        name: Shown::new(&facts.name),
        activity,
        told: Shown::new(&facts.told()),
        result: facts.result().map(Shown::new),
        since: if activity == Activity::Active { facts.started_at } else { facts.exit.map(|(_, at)| at) },
        group: None,
        project: project.as_deref().map(Shown::new),
        limits: facts.limits,
        unanswered: state.lost.as_ref().map(|(since, why)| (*since, Shown::new(&format!("{engine} cannot be asked ({why})")))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::container;
    use super::*;

    fn id(patterns: &[&str], facts: &Facts, engine: u32, account: Option<&str>) -> String {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        match id_of(&patterns, facts, Uid(engine), account) {
            Ok(ManagedId::Named(id)) => id.to_string(),
            Ok(ManagedId::OfAccount(name)) => format!("(account)/{name}"),
            Err(reason) => reason,
        }
    }

    #[test]
    fn whose_a_container_is_follows_from_its_label_or_its_name() {
        let labelled = |owner: &str, name: Option<&str>| Facts {
            owner: Some(owner.to_owned()),
            instance: name.map(str::to_owned),
            ..container("web", "running")
        };
        assert_eq!(id(&["*mcp*"], &labelled("alice", None), 0, None), "alice");
        assert_eq!(id(&["*mcp*"], &labelled("alice", Some("files")), 0, None), "alice/files");
        assert_eq!(id(&["*mcp*"], &container("mcp-files", "running"), 0, None), "(account)/mcp-files");
        assert_eq!(id(&["sdp-*"], &container("sdp-bob", "running"), 0, None), "bob");
        assert!(id(&[], &labelled("a b", None), 0, None).contains("is no name for an owner"));
    }

    #[test]
    fn a_users_engine_has_his_instances_and_nobody_elses() {
        let labelled = |owner: &str| Facts { owner: Some(owner.to_owned()), ..container("mcp-x", "running") };
        assert_eq!(id(&["*mcp*"], &labelled("alice"), 1001, Some("alice")), "alice");
        let refused = id(&["*mcp*"], &labelled("bob"), 1001, Some("alice"));
        assert_eq!(refused, "its label berth.user says bob, and it is in the engine of alice");
        assert_eq!(id(&["mcp-*"], &container("mcp-bob", "running"), 1001, Some("alice")), "(account)/mcp-bob");
        assert_eq!(id(&["mcp-*"], &container("mcp-alice", "running"), 1001, Some("alice")), "alice");
        assert!(id(&["mcp-*"], &labelled("alice"), 1001, None).contains("another account"));
    }

    #[test]
    fn what_nobody_answers_for_says_so_in_its_service() {
        let lost = Some((jiff::Timestamp::UNIX_EPOCH, Shown::new("it does not answer")));
        let state = State { kind: Some(SupervisorKind::Podman), lost, ..State::default() };
        let shop = Facts { project: Some("shop".into()), service: Some("web".into()), ..container("shop-web-1", "running") };
        let told = service(&shop, shop.activity(), &state);
        assert_eq!(told.unanswered.unwrap().1.as_str(), "podman cannot be asked (it does not answer)");
        assert_eq!((told.told.as_str(), told.project.unwrap().as_str()), ("running", "shop/web"));
    }
}
