//! What an instance is doing: the state machine of one row.
//!
//! It must never say "stopped" of what may not be seen, nor "crashed" of what was asked to end (DESIGN invariant 5).

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::service;
use crate::domain::{Again, Claim, ExitStatus, LastExit, Row, Shown, Stage, State, Underway, Verb, Wish, words};

/// How long a start may take where the configuration is too broken to tell.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What the state of one instance follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    /// What is being done to it, or was just done.
    pub underway: Option<&'a Underway>,
    /// What its supervisor claims.
    pub claim: Option<&'a Claim>,
    /// Whether it was asked to run; `None` where this caller may not know.
    pub wished_up: Option<bool>,
    /// Its row in the snapshot before.
    pub previous: Option<&'a Row>,
    /// Whether its keeper is alive.
    pub kept: bool,
    /// Whether anything of it runs.
    pub runs: bool,
    /// Whether it listens anywhere; `None` when that may not be seen.
    pub listens: Option<bool>,
    /// When its main process started, on the boot clock.
    pub started: Option<Duration>,
    /// How long a start may take.
    pub start_timeout: Duration,
    /// Whether its port is another's, or another gets what is meant for it.
    pub taken: bool,
    /// Why it does not answer as it should, when that is so.
    pub failing: Option<&'a Shown>,
    /// Why nothing of it can be seen, when that is so.
    pub hidden: Option<&'a str>,
    /// Now, on the boot clock.
    pub boot: Duration,
    /// When the processes were looked at, on the wall.
    pub looked: Timestamp,
    /// Now, on the wall.
    pub wall: Timestamp,
    /// The zone in which times are told.
    pub zone: &'a TimeZone,
}

/// The state, why, and the end that led to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    /// What it is doing.
    pub state: State,
    /// Why it is unknown, or what is being done.
    pub why: Option<Shown>,
    /// How it ended, when it does not run.
    pub exit: Option<LastExit>,
}

impl Verdict {
    pub(super) fn plain(state: State) -> Self {
        Self { state, why: None, exit: None }
    }
}

/// The state that follows.
pub(super) fn state(given: &Circumstances<'_>) -> Verdict {
    if let Some((state, words)) = being_done(given) {
        // What is about to be started ended as it did until it has.
        let exit = given.previous.filter(|_| state == State::Starting && !given.runs).and_then(|row| row.exit);
        return Verdict { state, why: Some(words), exit };
    }
    if let Some(service) = given.claim.and_then(|claim| claim.service.as_deref()) {
        return service::state(given, service);
    }
    if !given.runs {
        return not_running(given);
    }
    up(given)
}

/// Of what runs.
pub(super) fn up(given: &Circumstances<'_>) -> Verdict {
    let state = running(given);
    // A finding tells of the port; of this nothing else does.
    Verdict { why: given.failing.filter(|_| state == State::Degraded && !given.taken).cloned(), ..Verdict::plain(state) }
}

/// The state while an order is carried out. A restart is a stop until the process is one that started after the order.
fn being_done(given: &Circumstances<'_>) -> Option<(State, Shown)> {
    let underway = given.underway?;
    let Stage::Doing(words) = &underway.stage else { return None };
    let state = match underway.verb {
        Verb::Start => State::Starting,
        Verb::Stop => State::Stopping,
        // It is moved, and before that nothing happens to it.
        Verb::Assign(_) if given.runs && given.started.is_none_or(|started| started < underway.since) => return None,
        Verb::Assign(_) if !given.runs => return None,
        Verb::Assign(_) => State::Starting,
        Verb::Restart if given.runs && given.started.is_none_or(|started| started < underway.since) => State::Stopping,
        Verb::Restart => State::Starting,
        Verb::Logs | Verb::Signal(_) | Verb::Trust(_) => return None,
    };
    Some((state, words.clone()))
}

fn running(given: &Circumstances<'_>) -> State {
    let is_young = given.started.is_some_and(|started| given.boot.saturating_sub(started) < given.start_timeout);
    if is_young && given.listens == Some(false) {
        State::Starting
    } else if given.taken || given.failing.is_some() {
        State::Degraded
    } else {
        State::Running
    }
}

fn not_running(given: &Circumstances<'_>) -> Verdict {
    let recorded = given.claim.and_then(|claim| claim.exit);
    let crashed = |exit| Verdict { state: State::Crashed, why: None, exit };
    match given.wished_up {
        // The keeper saw it end: no need to see more.
        Some(true) if recorded.is_some() => crashed_under_a_keeper(given, recorded),
        _ if given.hidden.is_some() => unknown(given.hidden.unwrap_or_default()),
        Some(true) if is_being_kept(given) || was_just_ordered(given) => Verdict::plain(State::Starting),
        Some(true) => crashed(vanished(given).or_else(|| stuck(given))),
        Some(false) if given.claim.is_some_and(|claim| claim.ended_outside) => ended_outside(recorded),
        Some(false) if was_asked(given) => Verdict::plain(State::Stopped),
        // What was refused a start never ran, whatever the picture of the order said.
        Some(false) => match vanished(given).filter(|_| ran(given)).or_else(|| stuck(given)) {
            Some(exit) if is_asked(exit.status) => ended_outside(Some(exit)),
            Some(exit) => crashed(Some(exit)),
            None => Verdict::plain(State::Stopped),
        },
        None => unknown("nothing of it listens; whether it was stopped or crashed is in records that may not be read"),
    }
}

/// It was asked to end, but not by way of berth: the guide's script, or kill(1).
fn ended_outside(exit: Option<LastExit>) -> Verdict {
    Verdict { state: State::Stopped, why: Some(Shown::new("somebody ended it without berth")), exit }
}

/// The signals that ask a program to end; nothing goes wrong by them.
fn is_asked(status: ExitStatus) -> bool {
    // SIGHUP, SIGINT, SIGTERM: signal(7).
    matches!(status, ExitStatus::Signal(1 | 2 | 15))
}

/// What a keeper makes of the end: nothing, a try at a time, or no more tries.
fn crashed_under_a_keeper(given: &Circumstances<'_>, exit: Option<LastExit>) -> Verdict {
    let over_memory = exit.and_then(|exit| exit.over_memory).map(|_| "it was killed for using more memory than it may");
    let (state, why) = match given.claim.and_then(|claim| claim.again) {
        Some(Again::Never { ends, within }) => {
            (State::CrashLoop, Some(format!("it ended {ends} times within {} and is not started again", span(within))))
        }
        // Without its keeper nobody starts it again.
        Some(Again::At { at, tries }) if given.kept => {
            // At a time, not in so many seconds: a sentence that changes with every look is painted with every look.
            let at = words::clock(at, given.wall, given.zone);
            (State::Crashed, Some(format!("it is started again at {at}, try {tries}")))
        }
        Some(Again::At { .. }) | None => (State::Crashed, over_memory.map(str::to_owned)),
    };
    Verdict { state, why: why.as_deref().map(Shown::new), exit }
}

/// "2 min", "90 s".
fn span(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds >= 60 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

fn unknown(why: &str) -> Verdict {
    Verdict { state: State::Unknown, why: Some(Shown::new(why)), exit: None }
}

/// A keeper without a process below it is about to start one, for as long as a start may take.
fn is_being_kept(given: &Circumstances<'_>) -> bool {
    let started_at = given.claim.and_then(|claim| claim.started_at);
    given.kept && started_at.is_none_or(|at| given.wall.duration_since(at).unsigned_abs() < given.start_timeout)
}

/// Whether it was asked to run after the processes were looked at, or since the picture before: then that nothing of it was seen says nothing.
fn was_just_ordered(given: &Circumstances<'_>) -> bool {
    let is_news = given.claim.and_then(|claim| claim.started_at).is_some_and(|at| at >= given.looked);
    is_news || given.previous.is_some_and(|row| row.state == State::Stopped && row.wish == Some(Wish::Down))
}

/// Whether its end was asked for: by an order from here, or by somebody else's, which shows in the wish.
fn was_asked(given: &Circumstances<'_>) -> bool {
    let ordered = given.underway.is_some_and(|underway| matches!(underway.verb, Verb::Stop | Verb::Restart));
    let earlier = given.previous.is_some_and(|row| row.state == State::Stopping || row.wish == Some(Wish::Up));
    ordered || earlier || was_asked_of_it(given)
}

/// Whether what ran was asked to end after it was started. A picture between the order and the end shows it running, with the new wish
/// already; a stop of long ago was for another.
fn was_asked_of_it(given: &Circumstances<'_>) -> bool {
    let asked = given.claim.and_then(|claim| claim.stop_asked_at);
    let previous = given.previous.filter(|row| row.state.is_up());
    // Of what is ending, a picture may show no more than that it has its keeper still: then its record's start is its own.
    let kept = previous.zip(given.claim).filter(|(row, claim)| row.keeper.is_some() && row.keeper == claim.keeper);
    let started = previous.and_then(|row| row.started_at).or_else(|| kept.and_then(|(_, claim)| claim.started_at));
    asked.zip(started).is_some_and(|(asked, started)| asked >= started)
}

/// The end of what ran in the snapshot before and is gone: as it was recorded since, else unknown and now.
fn vanished(given: &Circumstances<'_>) -> Option<LastExit> {
    let previous = given.previous.filter(|row| row.state.is_up())?;
    // A picture between its death and this one may have shown it without a start: an end that was told then is that of an earlier run.
    let is_its = |exit: &LastExit| previous.started_at.map_or(previous.exit != Some(*exit), |started| exit.at >= started);
    let recorded = given.claim.and_then(|claim| claim.exit).filter(is_its);
    Some(recorded.unwrap_or(LastExit { status: ExitStatus::Unknown, at: given.wall, over_memory: None }))
}

/// Whether the picture before showed anything that could end.
fn ran(given: &Circumstances<'_>) -> bool {
    given
        .previous
        .is_none_or(|row| row.state != State::Starting || row.main.known().is_some() || row.keeper.is_some() || row.started_at.is_some())
}

/// The end that an earlier snapshot told of, and that nothing has come after.
fn stuck(given: &Circumstances<'_>) -> Option<LastExit> {
    let told = given.previous.filter(|row| row.state == State::Crashed || row.why.is_some()).and_then(|row| row.exit)?;
    // The kernel tells how it ended only once its parent has reaped it.
    Some(given.claim.and_then(|claim| claim.exit).filter(|exit| exit.at == told.at).unwrap_or(told))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
