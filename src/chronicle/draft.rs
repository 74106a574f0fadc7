//! From what changed between two pictures to events: which kind, how bad, whose, and what others may know of it. Pure.
//!
//! It must never give others a word of what only the owner may read.

use std::sync::Arc;

use crate::control::told_to_others;
use crate::domain::{Code, Declared, Event, EventKind, Finding, InstanceId, Level, Row, Shown, Snapshot, Stands, State, Uid};
use crate::present::events::{Happening, What, compare};

/// What happened between two pictures.
pub fn between(before: &Snapshot, after: &Snapshot) -> Vec<Event> {
    let mut events: Vec<Event> = compare(before, after).into_iter().filter_map(|happening| event(happening, before, after)).collect();
    events.extend(configurations(before, after));
    events
}

/// What a finding's beginning is, as an event.
pub fn found(finding: &Finding, snapshot: &Snapshot) -> Event {
    let what = What::Found { code: finding.code, evidence: finding.evidence.clone() };
    of(&Happening { at: finding.since, about: finding.instances.first().cloned(), what }, uid_of_all(finding, snapshot))
}

/// What a finding is known by later.
pub fn stands(finding: &Finding, snapshot: &Snapshot) -> Stands {
    Stands { code: finding.code, id: finding.instances.first().cloned(), port: finding.port, uid: uid_of_all(finding, snapshot) }
}

/// The end of a finding that nobody saw, as an event.
pub fn over(stood: &Stands, now: &Snapshot) -> Event {
    let port = stood.port.map_or_else(String::new, |port| format!(" of {port}"));
    let sentence = Shown::new(&format!("{}{port} is over; it ended while nobody looked", stood.code.word()));
    let what = What::Over { code: stood.code, port: stood.port, lasted: std::time::Duration::ZERO };
    let event = of(&Happening { at: now.taken.wall, about: stood.id.clone(), what }, stood.uid);
    Event { brief: event.brief.as_ref().map(|_| sentence.clone()), sentence, ..event }
}

/// Many beginnings or ends of a kind, as one event.
pub fn many(code: Code, count: usize, over: bool, now: &Snapshot) -> Event {
    of(&Happening { at: now.taken.wall, about: None, what: What::Many { code, count, over } }, None)
}

/// The end of an instance that nobody asked for, as an event.
pub fn crashed(row: &Row, snapshot: &Snapshot) -> Event {
    let at = row.exit.map_or(snapshot.taken.wall, |exit| exit.at);
    let detail = row.exit.as_ref().map(crate::present::wording::ended).unwrap_or_default();
    let what = What::Became { from: State::Running, to: row.state, detail };
    of(&Happening { at, about: Some(row.id.clone()), what }, Some(row.uid))
}

fn event(happening: Happening, before: &Snapshot, after: &Snapshot) -> Option<Event> {
    let code = match &happening.what {
        What::Found { code, .. } | What::Over { code, .. } => Some(*code),
        // What was done is in the trail, and what is said is the console's.
        What::Done { .. } | What::Said(_) | What::Recorded { .. } => return None,
        _ => None,
    };
    let about = happening.about.as_ref();
    let uid = match code {
        Some(code) => {
            let is_it = |finding: &&Finding| finding.code == code && finding.instances.first() == about;
            let finding = after.findings.iter().find(is_it).map(|finding| (finding, after));
            let finding = finding.or_else(|| before.findings.iter().find(is_it).map(|finding| (finding, before)));
            finding.and_then(|(finding, snapshot)| uid_of_all(finding, snapshot))
        }
        None => about.and_then(|id| uid_of(id, after).or_else(|| uid_of(id, before))),
    };
    Some(of(&happening, uid))
}

fn uid_of(id: &InstanceId, snapshot: &Snapshot) -> Option<Uid> {
    snapshot.row(id).map(|row| row.uid)
}

/// The account of everybody whom a finding is about; `None` where they are several, or nobody.
fn uid_of_all(finding: &Finding, snapshot: &Snapshot) -> Option<Uid> {
    let mut all = finding.instances.iter().map(|id| uid_of(id, snapshot));
    let first = all.next()??;
    all.all(|uid| uid == Some(first)).then_some(first)
}

/// How it is told without what only the owner may read.
fn short(what: &What) -> Option<Shown> {
    let text = |what: &What| Some(Shown::new(&what.text()));
    match what {
        // Why it is degraded, or may not be seen, may quote what it said.
        What::Became { from, to, .. } if !matches!(to, State::Crashed | State::CrashLoop) => {
            text(&What::Became { from: *from, to: *to, detail: String::new() })
        }
        What::Answers { from, to, .. } => text(&What::Answers { from: *from, to: *to, detail: String::new() }),
        What::Found { code, evidence } => {
            told_to_others(*code, evidence).map(|evidence| Shown::new(&What::Found { code: *code, evidence }.text()))
        }
        What::Over { code, .. } | What::Many { code, .. } => told_to_others(*code, &Shown::default()).and_then(|_| text(what)),
        _ => text(what),
    }
}

fn of(happening: &Happening, uid: Option<Uid>) -> Event {
    let what = &happening.what;
    let problem = if what.is_problem() { Level::Warning } else { Level::Note };
    let (kind, level, code): (EventKind, Level, Option<Code>) = match what {
        What::Became { to: State::Crashed, .. } => (EventKind::Crashed, Level::Error, None),
        What::Became { to: State::CrashLoop, .. } => (EventKind::CrashLoop, Level::Error, None),
        // Started again by its policy: whoever was asked for that has an action of it.
        What::Became { to: State::Starting | State::Running, detail, .. } if detail.starts_with("restart ") => {
            (EventKind::Restarted, Level::Warning, None)
        }
        What::Became { from: State::Crashed | State::CrashLoop, to: State::Starting | State::Running | State::Degraded, .. } => {
            (EventKind::Restarted, Level::Warning, None)
        }
        What::Became { .. } => (EventKind::State, problem, None),
        What::Restarted { .. } => (EventKind::Restarted, Level::Warning, None),
        What::Answers { .. } => (EventKind::Health, problem, None),
        What::Appeared { .. } => (EventKind::Appeared, Level::Note, None),
        What::Disappeared => (EventKind::Gone, Level::Note, None),
        What::Found { code, .. } | What::Many { code, over: false, .. } => (EventKind::Found, code.level(), Some(*code)),
        What::Over { code, .. } | What::Many { code, over: true, .. } => (EventKind::Over, Level::Note, Some(*code)),
        What::Done { .. } | What::Said(_) | What::Recorded { .. } => (EventKind::Began, Level::Note, None),
    };
    Event {
        id: happening.about.clone(),
        uid,
        finding: code.map(|code| Shown::from(code.word())),
        brief: short(what),
        ..Event::of_host(happening.at, kind, level, &what.text())
    }
}

/// Instances whose configuration says something else.
fn configurations(before: &Snapshot, after: &Snapshot) -> Vec<Event> {
    let mut events = Vec::new();
    let is_same_fleet = before.rows.len() == after.rows.len();
    for (place, row) in after.rows.iter().enumerate() {
        let then = before.rows.get(place).filter(|then| is_same_fleet && then.id == row.id).or_else(|| before.row(&row.id));
        let Some((old, new)) = then.and_then(|then| then.declared.as_ref()).zip(row.declared.as_ref()) else { continue };
        if Arc::ptr_eq(old, new) {
            continue;
        }
        let changed = changes(old, new);
        if !changed.is_empty() {
            let sentence = format!("its configuration was changed: {}", changed.join(", "));
            let event = Event::of_host(after.taken.wall, EventKind::Configuration, Level::Note, &sentence);
            events.push(Event { id: Some(row.id.clone()), uid: Some(row.uid), ..event });
        }
    }
    events
}

/// What a configuration says otherwise. Of what could not be read the finding tells.
fn changes(old: &Declared, new: &Declared) -> Vec<String> {
    if old.fault.is_some() || new.fault.is_some() {
        return Vec::new();
    }
    let port = |port: Option<u16>| port.map_or_else(|| "none".to_owned(), |port| port.to_string());
    let moved = (old.port != new.port).then(|| format!("port {} -> {}", port(old.port), port(new.port)));
    let named = [
        (old.host != new.host, "the address"),
        (old.workspace != new.workspace, "the workspace"),
        (old.limits != new.limits, "the limits"),
        (old.log != new.log || old.log_max != new.log_max || old.log_keep != new.log_keep, "the log"),
        (old.env_file.as_ref().map(|file| &file.names) != new.env_file.as_ref().map(|file| &file.names), "the environment file"),
        (old.launch != new.launch && old.port == new.port, "what it is started with"),
    ];
    moved.into_iter().chain(named.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ExitStatus, LastExit};
    use crate::fixture::{fleet, id, now};

    fn later(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        let mut snapshot = fleet();
        snapshot.taken.wall += std::time::Duration::from_secs(1);
        change(&mut snapshot);
        snapshot
    }

    fn with(snapshot: &mut Snapshot, name: &str, change: impl FnOnce(&mut Row)) {
        let row = snapshot.rows.iter_mut().find(|row| row.id == id(name)).unwrap();
        change(Arc::make_mut(row));
    }

    fn line(event: &Event) -> String {
        let about = event.id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let finding = event.finding.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
        format!("{about} {}{finding} {}: {}", event.kind.word(), event.level.word(), event.brief.as_ref().map_or("(hidden)", Shown::as_str))
    }

    #[test]
    fn what_became_of_whom_and_what_others_may_know() {
        let after = later(|snapshot| {
            with(snapshot, "alice", |row| {
                row.state = State::Crashed;
                row.exit = Some(LastExit { status: ExitStatus::Signal(9), at: now(), over_memory: None });
            });
            with(snapshot, "bob/tools", |row| (row.state, row.restarts) = (State::Starting, row.restarts + 1));
            with(snapshot, "dave", |row| {
                row.state = State::Degraded;
                row.why = Some("the secret of dave".into());
            });
        });
        // What runs again is so by its policy, though nobody has counted it yet.
        let again = between(&after, &later(|snapshot| with(snapshot, "bob/tools", |row| row.restarts += 1)));
        assert_eq!(line(&again[0]), "alice restarted warning: crashed -> running");
        let events = between(&fleet(), &after);
        let lines: Vec<String> = events.iter().map(line).collect();
        let crashed = "alice crashed error: running -> crashed: killed by signal 9 (KILL)";
        assert_eq!(lines, [crashed, "bob/tools restarted warning: degraded -> starting", "dave state warning: running -> degraded"]);
        assert!(events[2].sentence.as_str().contains("secret"));
        assert_eq!(events[0].uid, fleet().row(&id("alice")).map(|row| row.uid));
        assert_eq!(between(&fleet(), &later(|_| ())), []);
    }

    #[test]
    fn a_finding_comes_and_goes_and_an_opening_is_nobody_elses() {
        let example = fleet().findings[0].clone();
        let of = |code| Finding { code, instances: vec![id("dave")], evidence: "at /home/dave".into(), ..example.clone() };
        let both = later(|snapshot| snapshot.findings.extend([of(Code::KeyMissing), of(Code::EnvReadable)]));
        let events = between(&fleet(), &both);
        let hidden = "dave found env-readable error: (hidden)";
        let told = "dave found key-missing warning: key-missing: its environment file is not complete; the owner is told what is missing";
        let mut lines: Vec<String> = events.iter().map(line).collect();
        lines.sort();
        assert_eq!(lines, [hidden, told]);
        let over = between(&both, &fleet());
        assert!(over.iter().all(|event| event.kind == EventKind::Over && event.uid.is_some()), "{over:?}");
        // What is about two accounts is in full for neither.
        let two = later(|snapshot| snapshot.findings.push(Finding { instances: vec![id("alice"), id("dave")], ..of(Code::SecretShared) }));
        assert_eq!(between(&fleet(), &two)[0].uid, None);
    }

    #[test]
    fn a_changed_configuration_is_named() {
        let after = later(|snapshot| {
            with(snapshot, "alice", |row| {
                let declared = row.declared.as_ref().unwrap();
                row.declared = Some(Arc::new(Declared { port: Some(8150), ..(**declared).clone() }));
            });
        });
        let events = between(&fleet(), &after);
        assert_eq!(events[0].sentence.as_str(), "its configuration was changed: port 8101 -> 8150");
        assert_eq!((events.len(), &events[0].brief), (1, &None));
    }
}
