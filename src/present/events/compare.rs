//! What happened between two pictures, one after the other.
//!
//! Pure, and cheap where nothing did: it is asked at every picture. It must never count what an unmanaged listener does: its finding tells.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Happening, What};
use crate::domain::{Code, Finding, HealthState, InstanceId, Level, Reading, Row, Shown, Snapshot, State};
use crate::present::wording;

/// More findings of one kind at once than this are told in one line.
const MANY: usize = 5;

/// The first picture: nothing happened yet but that it is looked at.
pub fn beginning(first: &Snapshot) -> Happening {
    let mut parts = vec![counted(first.totals.instances, "instance")];
    for level in [Level::Error, Level::Warning] {
        let count = first.findings.iter().filter(|finding| finding.level() == level).count();
        parts.extend((count > 0).then(|| counted(count, level.word())));
    }
    let sentence = format!("berth looks from now on: {}", parts.join(", "));
    Happening { at: first.taken.wall, about: None, what: What::Said(Shown::new(&sentence)) }
}

/// "1 error", "2 errors".
fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// What happened from one picture to a later one, in the order in which it did.
pub fn compare(before: &Snapshot, after: &Snapshot) -> Vec<Happening> {
    let mut happenings = Vec::new();
    rows(before, after, &mut happenings);
    findings(before, after, &mut happenings);
    happenings.sort_by_key(|happening| happening.at);
    happenings
}

fn rows(before: &Snapshot, after: &Snapshot, happenings: &mut Vec<Happening>) {
    let is_same_fleet = before.rows.len() == after.rows.len()
        && before.rows.iter().zip(&after.rows).all(|(one, other)| Arc::ptr_eq(one, other) || one.id == other.id);
    if is_same_fleet {
        for (one, other) in before.rows.iter().zip(&after.rows).filter(|(one, other)| !Arc::ptr_eq(one, other)) {
            happenings.extend(row(one, other, before, after));
        }
        return;
    }
    let mut known: HashMap<&InstanceId, &Arc<Row>> = before.rows.iter().map(|row| (&row.id, row)).collect();
    for now in &after.rows {
        match known.remove(&now.id) {
            Some(then) => happenings.extend(row(then, now, before, after)),
            None if now.id.is_unmanaged() => {}
            None => {
                let what = What::Appeared { state: now.state, port: now.port };
                happenings.push(Happening { at: after.taken.wall, about: Some(now.id.clone()), what });
            }
        }
    }
    for row in before.rows.iter().filter(|row| known.contains_key(&row.id) && !row.id.is_unmanaged()) {
        happenings.push(Happening { at: after.taken.wall, about: Some(row.id.clone()), what: What::Disappeared });
    }
}

/// What became of one instance.
fn row(then: &Row, now: &Row, before: &Snapshot, after: &Snapshot) -> Option<Happening> {
    if now.id.is_unmanaged() {
        return None;
    }
    // The number may come a picture after the process that it counts: that one was told of when it came.
    let is_told = then.state == now.state && then.state.is_up() && then.main.known().is_some() && then.main == now.main;
    let restarted = (now.restarts > then.restarts && !is_told).then(|| format!("restart {}", now.restarts));
    // A start that was refused leaves it as it had ended: that was told when it did.
    if then.state == State::Starting && now.exit.is_some() && then.exit == now.exit && !now.state.is_up() {
        return None;
    }
    let (at, what) = if then.state != now.state {
        let ended = now.exit.map(|exit| exit.at).filter(|at| !now.state.is_up() && (before.taken.wall..=after.taken.wall).contains(at));
        (ended, What::Became { from: then.state, to: now.state, detail: detail(now, restarted) })
    } else {
        let replaced = match (then.main, now.main) {
            (Reading::Known(old), Reading::Known(new)) if old != new => Some(format!("{new} in place of {old}")),
            _ => None,
        };
        let parts: Vec<String> = restarted.into_iter().chain(replaced).collect();
        if parts.is_empty() { (None, answers(then, now)?) } else { (None, What::Restarted { detail: parts.join(", ") }) }
    };
    Some(Happening { at: at.unwrap_or(after.taken.wall), about: Some(now.id.clone()), what })
}

/// How it answers, where that is something else than before. Its first answer is no change.
fn answers(then: &Row, now: &Row) -> Option<What> {
    let (from, to) = (then.health.state, now.health.state);
    let is_verdict = |state| !matches!(state, HealthState::Unknown | HealthState::Starting);
    if from == to || !is_verdict(from) || !is_verdict(to) {
        return None;
    }
    let why = now.probed.as_ref().and_then(|probed| probed.why.as_ref());
    Some(What::Answers { from, to, detail: why.map(ToString::to_string).unwrap_or_default() })
}

/// More about a new state, in words.
fn detail(now: &Row, restarted: Option<String>) -> String {
    let own = match now.state {
        State::Crashed | State::CrashLoop => now.exit.as_ref().map(wording::ended),
        State::Running => now.listening.first().map(|(endpoint, pid)| match pid {
            Some(pid) => format!("{endpoint}, pid {pid}"),
            None => endpoint.to_string(),
        }),
        State::Degraded => match &now.why {
            Some(why) => Some(why.to_string()),
            None => Some(now.findings.iter().map(|code| code.word()).collect::<Vec<_>>().join(", ")).filter(|words| !words.is_empty()),
        },
        State::Unknown => now.why.as_ref().map(ToString::to_string),
        State::Stopped | State::Starting | State::Stopping => None,
    };
    restarted.into_iter().chain(own).collect::<Vec<_>>().join(", ")
}

fn findings(before: &Snapshot, after: &Snapshot, happenings: &mut Vec<Happening>) {
    let (then, now) = (&before.findings, &after.findings);
    if then.len() == now.len() && then.iter().zip(now).all(|(one, other)| one.is_same(other)) {
        return;
    }
    let came = missing(now, then);
    let mut went = missing(then, now);
    // What is at another port by now, or about others too, goes on: that it is so is told, and not that it was over.
    let mut goes_on: HashMap<Brief<'_>, usize> = HashMap::new();
    came.iter().for_each(|finding| *goes_on.entry(brief(finding)).or_default() += 1);
    went.retain(|finding| match goes_on.get_mut(&brief(finding)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    let at = after.taken.wall;
    told(&went, true, at, happenings, |finding| {
        let lasted = at.duration_since(finding.since);
        let lasted = if lasted.is_negative() { std::time::Duration::ZERO } else { lasted.unsigned_abs() };
        What::Over { code: finding.code, port: finding.port, lasted }
    });
    told(&came, false, at, happenings, |finding| What::Found { code: finding.code, evidence: finding.evidence.clone() });
}

/// What is wrong with whom, wherever.
type Brief<'a> = (Code, Option<&'a InstanceId>);

fn brief(finding: &Finding) -> Brief<'_> {
    (finding.code, finding.instances.first())
}

/// What a finding is known by, [`Finding::is_same`].
type Key<'a> = (Code, Option<u16>, &'a [InstanceId]);

/// Those of the first that are not among the second.
fn missing<'a>(these: &'a [Finding], those: &'a [Finding]) -> Vec<&'a Finding> {
    fn key(finding: &Finding) -> Key<'_> {
        (finding.code, finding.port, &finding.instances)
    }
    let known: std::collections::HashSet<Key<'_>> = those.iter().map(key).collect();
    these.iter().filter(|finding| !known.contains(&key(finding))).collect()
}

/// One line for each, or one for all of a kind where there are many.
fn told(findings: &[&Finding], over: bool, at: Timestamp, happenings: &mut Vec<Happening>, what: impl Fn(&Finding) -> What) {
    let mut counts: HashMap<Code, usize> = HashMap::new();
    findings.iter().for_each(|finding| *counts.entry(finding.code).or_default() += 1);
    for finding in findings {
        let Some(count) = counts.get(&finding.code).copied() else { continue };
        if count > MANY {
            counts.remove(&finding.code);
            happenings.push(Happening { at, about: None, what: What::Many { code: finding.code, count, over } });
        } else {
            happenings.push(Happening { at, about: finding.instances.first().cloned(), what: what(finding) });
        }
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
