//! Makes the rows: what is known of each instance and of each unmanaged listener, with the reason where nothing is.
//!
//! It must never put a number where there is none: what does not run uses `Gone`, what is hidden `Denied`, what is not read yet `Unasked`.

use std::collections::HashMap;
use std::sync::Arc;

use super::Earlier;
use super::join::Subject;
use super::rates::Rates;
use super::rule::{Facts, distinct};
use super::state::{self, Circumstances, START_TIMEOUT, Verdict};
use super::unmanaged::Stranger;
use crate::domain::{
    Code, Endpoint, Finding, Health, HealthState, InstanceId, Probed, Probes, Process, ProcessKey, Reading, Row, Shown, State,
    SupervisorKind, Uid, Wish,
};

/// Every row: the instances in the roster's order, then the unmanaged listeners by port.
pub(super) fn rows(facts: &Facts<'_>, rates: &Rates, findings: &[Finding], earlier: &Earlier<'_>) -> Vec<Arc<Row>> {
    let mut codes: HashMap<&InstanceId, Vec<Code>> = HashMap::new();
    for finding in findings {
        for id in &finding.instances {
            codes.entry(id).or_default().push(finding.code);
        }
    }
    let finish = |mut row: Row, previous: Option<&Arc<Row>>| {
        row.findings.extend(codes.get(&row.id).into_iter().flatten());
        row.findings.sort_unstable_by_key(|code| (code.level(), *code));
        row.findings.dedup();
        // An unchanged row is the same row: presenters see at a glance that there is nothing to do.
        match previous {
            Some(same) if **same == row => Arc::clone(same),
            _ => Arc::new(row),
        }
    };
    let mut rows: Vec<Arc<Row>> = Vec::with_capacity(facts.subjects().len() + facts.strangers.len());
    for (index, subject) in facts.subjects().iter().enumerate() {
        let previous = earlier.row(&subject.declared.id);
        rows.push(finish(instance(facts, index, subject, rates, previous.map(|row| &**row)), previous));
    }
    rows.sort_by(|one, two| one.id.cmp(&two.id));
    for stranger in facts.strangers {
        let previous = earlier.row(&stranger.id);
        rows.push(finish(unmanaged(facts, stranger, rates, previous.map(|row| &**row)), previous));
    }
    rows
}

fn instance(facts: &Facts<'_>, index: usize, subject: &Subject<'_>, rates: &Rates, previous: Option<&Row>) -> Row {
    let declared = subject.declared;
    let Verdict { state, why, exit } = verdict(facts, index, subject, previous);
    // What is held for it by whoever holds others', too, is told with that one.
    let holding: Vec<ProcessKey> = subject.tree.iter().copied().chain(subject.publisher).collect();
    let mut listening = listening(facts, &subject.listening, &holding);
    if subject.claimed_main.is_some() {
        // Published by the packet filter alone it is held by nobody, and leads to it all the same.
        let known =
            |endpoint: &Endpoint| listening.iter().any(|(known, _)| (known.address, known.port) == (endpoint.address, endpoint.port));
        let more: Vec<_> = subject.published.iter().filter(|endpoint| !known(endpoint)).map(|endpoint| (*endpoint, None)).collect();
        listening.extend(more);
    }
    let processes = processes(facts, &subject.tree, subject.main.as_ref().known().copied());
    let absent = match (state, subject.main) {
        (State::Unknown, _) => Reading::Denied,
        (_, Reading::Known(_)) => Reading::Unasked,
        (_, main) => main.map(|_| ()),
    };
    let seen = subject.main.known().and_then(|main| facts.census.get(main)).map(|person| person.started_at);
    let started_at = seen.or_else(|| subject.claimed_main.and(subject.claim).and_then(|claim| claim.started_at));
    let probed = probed(facts.input.probes, &declared.id, &subject.main).filter(|_| state.is_up());
    let health = health(state, probed);
    Row {
        id: declared.id.clone(),
        user: declared.account.clone().unwrap_or_else(|| Shown::new(&declared.uid.to_string())),
        uid: declared.uid,
        supervisor: declared.supervisor,
        state,
        why,
        wish: match subject.wished_up(facts.input.viewer) {
            Some(true) => Some(Wish::Up),
            Some(false) => Some(Wish::Down),
            None => None,
        },
        port: subject.port.or_else(|| listening.first().map(|(endpoint, _)| endpoint.port)),
        host: declared.host,
        main: if state == State::Unknown && subject.main == Reading::Gone { Reading::Denied } else { subject.main },
        // A container has a parent of its engine's, which is no keeper of berth's.
        keeper: subject.keeper.filter(|_| !declared.supervisor.is_container()),
        publisher: subject.publisher,
        started_at,
        cpu_percent: if processes.is_empty() { absent.map(|()| 0.0) } else { rates.percent(&processes, previous) },
        memory_bytes: sum(&processes, absent, |process| Reading::Known(process.memory_bytes)),
        tasks: sum(&processes, absent, |process| Reading::Known(process.tasks)),
        open_files: sum(&processes, absent, |process| process.open_files),
        restarts: subject.claim.map_or(0, |claim| claim.restarts),
        health,
        probed: probed.cloned(),
        exit,
        exits: subject.claim.map(|claim| Arc::clone(&claim.exits)).unwrap_or_default(),
        limits: subject.main.known().and_then(|main| facts.input.sample.limits.get(&main.pid)).cloned(),
        disk: facts.input.storage.uses.get(&declared.id).cloned(),
        service: subject.claim.and_then(|claim| claim.service.clone()),
        findings: Vec::new(),
        declared: Some(Arc::clone(declared)),
        listening,
        processes,
    }
}

/// What the process that runs now told: what was told by the one before it, or by whoever had the port meanwhile, is nothing.
pub(super) fn probed<'a>(probes: &'a Probes, id: &InstanceId, main: &Reading<ProcessKey>) -> Option<&'a Arc<Probed>> {
    probes.get(id).filter(|probed| *main == Reading::Known(probed.of))
}

/// Why it does not do what it is there for, where it was asked; `None` where it does.
fn failing(probed: &Probed) -> Option<&Shown> {
    let fails = matches!(probed.health.state, HealthState::Unhealthy | HealthState::Degraded);
    probed.why.as_ref().filter(|_| fails)
}

/// How it answers. What is only being started answers to nobody.
pub(super) fn health(state: State, probed: Option<&Arc<Probed>>) -> Health {
    match (state, probed) {
        (State::Starting, _) => Health { state: HealthState::Starting, ..Health::UNKNOWN },
        (_, Some(probed)) => probed.health,
        (_, None) => Health::UNKNOWN,
    }
}

fn verdict(facts: &Facts<'_>, index: usize, subject: &Subject<'_>, previous: Option<&Row>) -> Verdict {
    let moment = facts.input.sample.taken;
    let knows_listeners = matches!(facts.input.sample.listeners, Reading::Known(_));
    let hidden = hidden(facts, subject);
    state::state(&Circumstances {
        underway: subject.underway,
        claim: subject.claim,
        wished_up: subject.wished_up(facts.input.viewer),
        previous,
        kept: subject.keeper.is_some(),
        runs: subject.runs(),
        listens: (knows_listeners && !subject.elsewhere).then_some(!subject.listening.is_empty() || subject.ambiguous),
        started: subject.main.known().map(|main| facts.census.started(main)),
        start_timeout: subject.declared.launch.as_ref().map_or(START_TIMEOUT, |launch| launch.start_timeout),
        taken: facts.taken.troubles(index),
        failing: probed(facts.input.probes, &subject.declared.id, &subject.main).and_then(|probed| failing(probed)),
        hidden: hidden.as_deref(),
        boot: moment.boot,
        looked: moment.wall - moment.boot.saturating_sub(facts.input.sample.gathered),
        wall: moment.wall,
        zone: facts.input.zone,
    })
}

/// Why an instance could run without being seen.
fn hidden(facts: &Facts<'_>, subject: &Subject<'_>) -> Option<String> {
    let uid: Uid = subject.declared.uid;
    if let Some(fault) = subject.declared.fault.as_ref().filter(|fault| fault.denied) {
        return Some(format!("{} may not be read by this account", fault.file));
    }
    if subject.ambiguous {
        let account = facts.account(uid);
        return Some(format!("a process of {account} listens on the port that several of its instances have; whose it is may not be seen"));
    }
    if !matches!(facts.input.sample.listeners, Reading::Known(_)) {
        return Some("the kernel does not tell which ports are listened on".to_owned());
    }
    let sees = facts.input.sample.sees_all || facts.input.viewer == uid || facts.input.viewer.is_root();
    (!sees).then(|| format!("processes of {} may not be seen (hidepid)", facts.account(uid)))
}

fn unmanaged(facts: &Facts<'_>, stranger: &Stranger, rates: &Rates, previous: Option<&Row>) -> Row {
    let holders: Vec<ProcessKey> = distinct(stranger.listeners.iter().flat_map(|index| facts.holders(*index)));
    let first = holders.iter().copied().min_by_key(|key| (key.start_time, key.pid));
    let main = match (first, stranger.listeners.first().map(|index| &facts.listener(*index).0.holders)) {
        (Some(key), _) => Reading::Known(key),
        (None, Some(Reading::Denied)) => Reading::Denied,
        (None, Some(Reading::Unasked)) => Reading::Unasked,
        (None, _) => Reading::Gone,
    };
    let processes = processes(facts, &holders, first);
    let absent = if first.is_some() { Reading::Unasked } else { main.map(|_| ()) };
    let user = facts.input.sample.accounts.get(&stranger.uid).cloned().unwrap_or_else(|| Shown::new(&stranger.uid.to_string()));
    Row {
        id: stranger.id.clone(),
        user,
        uid: stranger.uid,
        supervisor: SupervisorKind::None,
        state: State::Running,
        why: None,
        wish: Some(Wish::None),
        port: Some(stranger.port),
        host: None,
        listening: listening(facts, &stranger.listeners, &holders),
        main,
        keeper: None,
        publisher: None,
        started_at: first.and_then(|key| facts.census.get(key)).map(|person| person.started_at),
        cpu_percent: if processes.is_empty() { absent.map(|()| 0.0) } else { rates.percent(&processes, previous) },
        memory_bytes: sum(&processes, absent, |process| Reading::Known(process.memory_bytes)),
        tasks: sum(&processes, absent, |process| Reading::Known(process.tasks)),
        open_files: sum(&processes, absent, |process| process.open_files),
        processes,
        restarts: 0,
        health: Health::UNKNOWN,
        probed: None,
        exit: None,
        exits: Arc::default(),
        limits: None,
        disk: None,
        service: None,
        findings: stranger.does.into_iter().collect(),
        declared: None,
    }
}

/// The endpoints with the process of the tree that holds each.
fn listening(facts: &Facts<'_>, listeners: &[usize], tree: &[ProcessKey]) -> Vec<(Endpoint, Option<i32>)> {
    let place = |index: &usize| {
        let holder = facts.holders(*index).into_iter().filter(|key| tree.contains(key)).min_by_key(|key| (key.start_time, key.pid));
        (facts.listener(*index).0.endpoint, holder.map(|key| key.pid))
    };
    distinct(listeners.iter().map(place))
}

/// The processes that were listed, the main one first.
fn processes(facts: &Facts<'_>, tree: &[ProcessKey], main: Option<ProcessKey>) -> Vec<Arc<Process>> {
    let rest = tree.iter().copied().filter(|key| Some(*key) != main);
    main.into_iter().chain(rest).filter_map(|key| facts.census.get(key)?.process).map(Arc::clone).collect()
}

/// The sum over a tree: known only when every part is; `absent` when no process is listed.
pub(super) fn sum(processes: &[Arc<Process>], absent: Reading<()>, of: impl Fn(&Process) -> Reading<u64>) -> Reading<u64> {
    if processes.is_empty() {
        return absent.map(|()| 0);
    }
    let mut total = 0u64;
    for process in processes {
        match of(process) {
            Reading::Known(part) => total = total.saturating_add(part),
            // It ended between being listed and being read: it has nothing open any more.
            Reading::Gone => {}
            other @ (Reading::Denied | Reading::Unasked) => return other,
        }
    }
    Reading::Known(total)
}
