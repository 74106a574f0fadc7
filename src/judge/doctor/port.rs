//! The check of the port: is it free, or the instance's own?
//!
//! It must never call a port free by a log's word, nor taken by it where the kernel shows it free: then it was taken, and is not now.

use super::says::Saying;
use super::{Given, berth, check, with};
use crate::domain::{Check, Code, Finding, InstanceId, ProcessKey, Shown, Step, Topic, Verdict};

/// The findings that keep an instance from its port, the worst first.
const WRONG: [Code; 4] = [Code::PortTaken, Code::PortDuplicate, Code::PortShadowed, Code::PortDrift];

/// Of how many others the command is told.
const MOST_MOVED: usize = 3;

/// Whether it can have its port, or has it.
pub(super) fn port(given: &Given<'_>) -> Check {
    let id = given.id();
    let another = || berth(&["assign", &id, "--port", "auto"], "gives it a free one");
    let found = |code: Code| given.snapshot.findings_of(&given.row.id).find(move |finding| finding.code == code && harms(given, finding));
    if let Some(finding) = WRONG.into_iter().find_map(found) {
        let steps = match finding.code {
            Code::PortDrift => drifted(given, finding),
            Code::PortDuplicate if is_its(given, finding) => others_move(given, finding),
            _ => vec![another()],
        };
        return quoting(given, with(Topic::Port, Verdict::Bad, finding.evidence.as_str(), steps));
    }
    let of_another = given.snapshot.findings_of(&given.row.id).find(|finding| finding.code == Code::PortDuplicate);
    if let Some(finding) = of_another.filter(|_| given.is_well) {
        return with(Topic::Port, Verdict::Suspect, finding.evidence.as_str(), others_move(given, finding));
    }
    if let Some(obstacle) = &given.checkup.obstacle {
        return quoting(given, with(Topic::Port, Verdict::Bad, obstacle.as_str(), vec![another()]));
    }
    let Some(port) = given.row.port else {
        let sentence = if given.declared.fault.is_some() { "it is not known which one it is to have" } else { "no port is configured" };
        return check(Topic::Port, Verdict::Unknown, sentence);
    };
    if given.said.is_some_and(|said| said.what == Saying::PortTaken) {
        let sentence = format!("{port} was taken when it last began to listen, and is free now");
        let steps = vec![berth(&["start", &id], "tries again"), berth(&["ports"], "shows who has which port")];
        return quoting(given, with(Topic::Port, Verdict::Bad, &sentence, steps));
    }
    if let Some((endpoint, _)) = given.row.listening.first() {
        return check(Topic::Port, Verdict::Good, &format!("it listens on {endpoint}"));
    }
    if let Some(finding) = found(Code::PortSilent) {
        let steps = vec![berth(&["logs", &id], "shows what it is doing"), berth(&["restart", &id], "starts it anew")];
        return with(Topic::Port, Verdict::Symptom, finding.evidence.as_str(), steps);
    }
    if given.row.state.is_up() {
        return check(Topic::Port, Verdict::Unknown, &format!("it listens on nothing yet; its port is {port}"));
    }
    check(Topic::Port, Verdict::Good, &format!("{port} is free"))
}

/// Two that are configured with one port: whose it is has nothing to complain about, unless another one is there.
fn harms(given: &Given<'_>, finding: &Finding) -> bool {
    finding.code != Code::PortDuplicate || !is_its(given, finding) || (!has_it(given, finding) && !finding.processes.is_empty())
}

/// Whether a port that several name is this one's: the registry's word comes first, then who is there.
fn is_its(given: &Given<'_>, finding: &Finding) -> bool {
    let allotted = given.snapshot.own_of(finding).allotted();
    let was_given = |id: &InstanceId| finding.port.is_some_and(|port| allotted.is_some_and(|all| all.is_of(port, id)));
    match finding.instances.iter().find(|id| was_given(id)) {
        Some(id) => *id == given.row.id,
        None => finding.processes.iter().any(|key| is_own(given, *key)),
    }
}

/// Whether it listens on the port itself, or is named as who does.
fn has_it(given: &Given<'_>, finding: &Finding) -> bool {
    let listens = given.row.listening.iter().any(|(endpoint, _)| Some(endpoint.port) == finding.port);
    listens || finding.processes.iter().any(|key| is_own(given, *key))
}

fn is_own(given: &Given<'_>, key: ProcessKey) -> bool {
    given.row.processes.iter().any(|process| process.key == key)
}

/// The others that name its port get another one.
fn others_move(given: &Given<'_>, finding: &Finding) -> Vec<Step> {
    let others = finding.instances.iter().filter(|id| **id != given.row.id).take(MOST_MOVED);
    others.map(|id| berth(&["assign", &id.to_string(), "--port", "auto"], "gives that one a free port")).collect()
}

fn drifted(given: &Given<'_>, finding: &Finding) -> Vec<Step> {
    let id = given.id();
    let own = |port: u16| berth(&["assign", &id, "--port", &port.to_string()], "goes back to that port, and restarts it");
    let real = given.row.listening.first().map(|(endpoint, _)| endpoint.port);
    let keep = |port: u16| berth(&["assign", &id, "--port", &port.to_string()], "lets it have the one that it is on");
    real.map(keep).into_iter().chain(finding.port.map(own)).collect()
}

/// With the log's line, where it says the same; and that it had said before that it listens.
fn quoting(given: &Given<'_>, check: Check) -> Check {
    let Some(said) = given.said.filter(|said| said.what == Saying::PortTaken) else { return check };
    let before = if said.listened { ", although its log says before that it listens" } else { "" };
    Check { sentence: Shown::new(&format!("{}{before}", check.sentence)), quotes: vec![said.line.clone()], ..check }
}
