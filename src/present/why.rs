//! Why an instance is as it is, in plain sentences: what it does and how that is known, how it ended, what was found, what to do.
//!
//! It must never guess: what is not known is said not to be known.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::doctor::{self, Checks};
use super::mend::{self, Giver, How, Mend};
use super::paint::Tone;
use super::{units, wording};
use crate::domain::{
    ExitStatus, HealthState, LogLevel, LogLine, Outcome, Reading, Row, Snapshot, State, SupervisorKind, Verb, Verdict, Wish, words,
};

/// How many lines of the log are quoted.
const QUOTED: usize = 5;

/// What the page is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'state> {
    /// Whom it is about.
    pub row: &'state Row,
    /// The picture that the row is of.
    pub snapshot: &'state Snapshot,
    /// What was asked of it last, and what came of it.
    pub order: Option<(Verb, &'state Outcome)>,
    /// What keeps it from working, as far as that was looked at.
    pub checks: Checks<'state>,
    /// The lines of its log that are at hand; `None` when it was not read.
    pub log: Option<&'state [LogLine]>,
    /// Who reads, and how he calls berth.
    pub giver: Giver<'state>,
    /// The time zone that times are told in.
    pub zone: &'state TimeZone,
}

/// What a line of the page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer in one sentence, or what comes next.
    Heading,
    /// A sentence.
    Sentence,
    /// Something that was looked at, and what that came to.
    Check(Verdict),
    /// A line as it was written elsewhere: of a log, or a command.
    Quote,
}

/// A line of the page, before it is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What it is.
    pub kind: Kind,
    /// In words.
    pub text: String,
    /// How bad.
    pub tone: Tone,
}

/// The page.
pub fn why(sources: &Sources<'_>) -> Vec<Said> {
    let mut page = vec![said(Kind::Heading, answer(sources.row), Tone::of_state(sources.row.state))];
    page.extend(doctor::cause(sources.checks));
    page.extend(known(sources).into_iter().map(sentence));
    if let Checks::Made(diagnosis) = sources.checks {
        let heading = format!("what was looked at: {}", doctor::summary(diagnosis));
        section(&mut page, &heading, doctor::lines(diagnosis, sources.giver.program));
    }
    let ended = ended(sources.row, sources.snapshot.taken.wall, sources.zone);
    section(&mut page, "how it ended", ended.into_iter().map(sentence).collect());
    section(&mut page, "what was asked of it last", asked(sources));
    section(&mut page, "what berth found", found(sources));
    section(&mut page, "what its log says", logged(sources));
    section(&mut page, "what to do", to_do(sources));
    page
}

/// The page as Markdown, for a ticket.
pub fn markdown(page: &[Said]) -> String {
    let mut text = String::new();
    for said in page {
        match said.kind {
            Kind::Heading if text.is_empty() => text.push_str(&format!("# {}\n\n", said.text)),
            Kind::Heading => text.push_str(&format!("\n## {}\n\n", said.text)),
            Kind::Sentence => text.push_str(&format!("- {}\n", said.text)),
            Kind::Check(verdict) => text.push_str(&format!("- {} {}\n", doctor::sign(verdict, false), said.text)),
            Kind::Quote => text.push_str(&format!("      {}\n", said.text)),
        }
    }
    text
}

fn said(kind: Kind, text: impl Into<String>, tone: Tone) -> Said {
    Said { kind, text: text.into(), tone }
}

fn sentence(text: String) -> Said {
    said(Kind::Sentence, text, Tone::Plain)
}

/// Adds lines below a heading; no heading without lines.
fn section(page: &mut Vec<Said>, heading: &str, lines: Vec<Said>) {
    if !lines.is_empty() {
        page.push(said(Kind::Heading, heading, Tone::Strong));
        page.extend(lines);
    }
}

/// What it does, in one sentence.
fn answer(row: &Row) -> String {
    let who = words::instance(&row.id);
    if row.id.is_unmanaged() {
        return format!("{who} belongs to no instance");
    }
    match (row.state, row.wish) {
        (State::Running, _) => format!("{who} runs"),
        (State::Degraded, _) => format!("{who} runs, but not well"),
        (State::Crashed, _) => format!("{who} has crashed: it ended, and nobody had asked it to"),
        (State::CrashLoop, _) => format!("{who} crashes again and again"),
        (State::Starting, _) => format!("{who} is being started"),
        (State::Stopping, _) => format!("{who} is being stopped"),
        (State::Stopped, Some(Wish::Up)) => format!("{who} does not run, though it should"),
        (State::Stopped, Some(Wish::Down)) => format!("{who} does not run, and is not meant to"),
        (State::Stopped, _) => format!("{who} does not run"),
        (State::Unknown, _) => format!("it is not known what {who} does; that is not the same as stopped"),
    }
}

/// What is known, and from where.
fn known(sources: &Sources<'_>) -> Vec<String> {
    let (row, now) = (sources.row, sources.snapshot.taken.wall);
    let mut all: Vec<String> = row.why.iter().map(ToString::to_string).collect();
    match row.main {
        Reading::Known(key) => {
            let name = row.processes.iter().find(|process| process.key == key).map(|process| format!(" ({})", process.name));
            let since = row.started_at.map(|at| format!(", since {}", words::clock(at, now, sources.zone)));
            let others = match row.processes.len() {
                0 | 1 => String::new(),
                count => format!(", with {} more processes in its tree", count - 1),
            };
            all.push(format!(
                "the kernel shows its process: pid {}{}{}{others}",
                key.pid,
                name.unwrap_or_default(),
                since.unwrap_or_default()
            ));
            match row.keeper {
                Some(keeper) => all.push(format!("berth's keeper, pid {}, is its parent, so how it ends will be known", keeper.pid)),
                None if row.supervisor == SupervisorKind::None => {}
                None => all.push("it was not started by berth, so how it ends will not be known".to_owned()),
            }
        }
        Reading::Denied => all.push("its process may not be seen by this account".to_owned()),
        Reading::Gone => all.push("the kernel shows no process of it".to_owned()),
        Reading::Unasked => all.push("the kernel was not asked for its process yet".to_owned()),
    }
    let places: Vec<String> = row.listening.iter().map(|(endpoint, _)| endpoint.to_string()).collect();
    match (places.is_empty(), row.port) {
        (false, _) => all.push(format!("it listens on {}", words::list(&places))),
        (true, Some(port)) if row.main.known().is_some() => all.push(format!("it listens on nothing; its port is {port}")),
        (true, _) => {}
    }
    all.extend(health(row, now));
    all
}

/// How it answered.
fn health(row: &Row, now: Timestamp) -> Option<String> {
    let after = row.health.latency_ms.map(|latency| format!(" after {}", units::latency(latency))).unwrap_or_default();
    let told = row.probed.as_ref().and_then(|probed| probed.why.as_ref());
    let answer = match row.health.state {
        HealthState::Healthy => format!("it answered{after}"),
        HealthState::Slow => format!("it answered late,{after}"),
        HealthState::Degraded | HealthState::Unhealthy if told.is_some() => told.map(ToString::to_string).unwrap_or_default(),
        HealthState::Degraded => format!("it said of itself that something is wrong,{after}"),
        HealthState::Unhealthy => "it did not answer".to_owned(),
        HealthState::Guarded => format!("it answered{after} that it wants credentials, so it is alive"),
        HealthState::Starting | HealthState::Unknown if row.state.is_up() && !row.id.is_unmanaged() => {
            return Some("whether it answers was not asked yet".to_owned());
        }
        HealthState::Starting | HealthState::Unknown => return None,
    };
    let when = row.health.checked_at.map_or_else(|| "asked".to_owned(), |at| format!("asked {} ago", wording::age(at, now)));
    Some(format!("{when}, {answer}"))
}

/// Its last end, and what that means.
fn ended(row: &Row, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(last) = &row.exit {
        let at = words::clock(last.at, now, zone);
        all.push(format!("it {} at {at}, {} ago", was(&wording::ended(last)), wording::age(last.at, now)));
        if last.over_memory.is_none() {
            all.extend(meaning(last.status));
        }
    }
    match row.restarted().known().unwrap_or(0) {
        0 => {}
        1 => all.push("it was started again once".to_owned()),
        count => all.push(format!("it was started again {count} times")),
    }
    all
}

/// "was killed by", but "exited with".
fn was(ended: &str) -> String {
    if ended.starts_with("killed") { format!("was {ended}") } else { ended.to_owned() }
}

/// What an end means, where that is a convention.
fn meaning(status: ExitStatus) -> Option<String> {
    Some(match status {
        ExitStatus::Code(0) => "0 says that it ended by itself, content".to_owned(),
        ExitStatus::Code(126) => "126 is a shell's word for a program that may not be executed".to_owned(),
        ExitStatus::Code(127) => "127 is a shell's word for a program that is not there".to_owned(),
        ExitStatus::Code(code @ 129..=192) => {
            format!("{code} is a shell's word for a program that was {}", wording::exit(ExitStatus::Signal(code - 128)))
        }
        ExitStatus::Signal(4 | 7 | 8 | 11) => {
            "the program itself is at fault: it did what the processor or the memory does not allow".to_owned()
        }
        ExitStatus::Signal(6) => "the program gave itself up; its log may say why".to_owned(),
        ExitStatus::Signal(9) => "KILL comes from a person, or from the kernel when the host has no memory left".to_owned(),
        ExitStatus::Signal(1 | 2 | 15) => "that is a request to end: somebody, or a session that ended, sent it".to_owned(),
        ExitStatus::Code(_) | ExitStatus::Signal(_) | ExitStatus::Unknown => return None,
    })
}

/// The last order and its result.
fn asked(sources: &Sources<'_>) -> Vec<Said> {
    let Some((verb, outcome)) = sources.order else { return Vec::new() };
    let tone = if outcome.is_done() { Tone::Good } else { Tone::Bad };
    let mut all = vec![said(Kind::Sentence, order(verb, outcome.sentence.as_str()), tone)];
    all.extend(outcome.log_lines.iter().map(|line| said(Kind::Quote, line.as_str(), Tone::Plain)));
    all.extend(outcome.hints.iter().map(|hint| said(Kind::Quote, sources.giver.program.hint(hint.as_str()), Tone::Plain)));
    all
}

/// "start: not started …", but "stopped after 0.1 s": some sentences name what was asked themselves.
fn order(verb: Verb, sentence: &str) -> String {
    if sentence.starts_with(verb.done()) { sentence.to_owned() } else { format!("{}: {sentence}", verb.word()) }
}

/// The findings with their evidence.
fn found(sources: &Sources<'_>) -> Vec<Said> {
    let now = sources.snapshot.taken.wall;
    let tell = |finding: &crate::domain::Finding| {
        let since = words::clock(finding.since, now, sources.zone);
        // The evidence often says since when itself.
        let since = if finding.evidence.as_str().contains("since ") { String::new() } else { format!(", since {since}") };
        said(Kind::Sentence, format!("{}{since}: {}", finding.code.word(), finding.evidence), Tone::of_level(finding.level()))
    };
    let all: Vec<Said> = sources.snapshot.findings_of(&sources.row.id).map(tell).collect();
    if !all.is_empty() {
        return all;
    }
    let is_well = !matches!(sources.row.state, State::Crashed | State::CrashLoop | State::Degraded | State::Unknown);
    vec![sentence(
        match (is_well, errors(sources).next().is_some()) {
            (true, _) => "nothing that is wrong with it",
            (false, true) => "nothing by itself; its log names an error",
            (false, false) => "nothing that would explain it",
        }
        .to_owned(),
    )]
}

/// The lines of its log that are at hand and name an error.
fn errors<'state>(sources: &Sources<'state>) -> impl Iterator<Item = &'state LogLine> + use<'state> {
    sources.log.unwrap_or_default().iter().filter(|line| line.level == Some(LogLevel::Error))
}

/// The last lines of its log that name an error.
fn logged(sources: &Sources<'_>) -> Vec<Said> {
    let Some(lines) = sources.log else { return Vec::new() };
    let errors: Vec<&LogLine> = errors(sources).collect();
    if lines.is_empty() {
        return vec![sentence("there is nothing in its log, or no log".to_owned())];
    }
    if errors.is_empty() {
        return vec![sentence("none of its last lines names an error".to_owned())];
    }
    let first = errors.len().saturating_sub(QUOTED);
    errors.iter().skip(first).map(|line| said(Kind::Quote, line.text.as_str(), Tone::Bad)).collect()
}

/// What helps, the finding's remedies first.
fn to_do(sources: &Sources<'_>) -> Vec<Said> {
    let mut mends: Vec<Mend> = Vec::new();
    let row = sources.row;
    let of_findings = sources.snapshot.findings_of(&row.id).flat_map(|finding| mend::of_finding(finding, sources.snapshot, sources.giver));
    let after_crash = matches!(row.state, State::Crashed | State::CrashLoop).then(|| mend::of_crash(&row.id)).into_iter().flatten();
    for mend in of_findings.chain(after_crash) {
        if !mends.contains(&mend) {
            mends.push(mend);
        }
    }
    let mut all = Vec::new();
    for mend in mends {
        let (text, command) = match &mend.how {
            How::Tell(words) => (format!("{}: {words}", mend.label), None),
            How::Command { why, .. } => (format!("{} ({why})", mend.label), mend.command(sources.giver.program)),
            How::Ask(..) | How::Log(_) => (mend.label.clone(), mend.command(sources.giver.program)),
        };
        all.push(sentence(text));
        all.extend(command.map(|command| said(Kind::Quote, command, Tone::Strong)));
    }
    all
}

#[cfg(test)]
#[path = "why_tests.rs"]
mod tests;
