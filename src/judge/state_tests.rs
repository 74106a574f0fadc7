//! The state machine: cases.

use jiff::tz::TimeZone;

use super::*;
use crate::domain::{InstanceId, Reading, Uid};
use crate::judge::testing::{Host, id, row, state as state_of, wall};

static ZONE: TimeZone = TimeZone::UTC;

fn order(verb: Verb, since: u64) -> Underway {
    let id = InstanceId::parse("alice").unwrap();
    Underway { verb, id, by: Some(Uid::ROOT), since: Duration::from_secs(since), stage: Stage::Doing("waiting".into()), ended: None }
}

#[test]
fn while_an_order_is_carried_out_and_while_it_runs() {
    struct Case {
        name: &'static str,
        verb: Option<Verb>,
        /// Whether it runs, since when, and whether it listens.
        runs: Option<(Option<u64>, Option<bool>)>,
        taken: bool,
        expected: State,
    }
    let case = |name, verb, runs, taken, expected| Case { name, verb, runs, taken, expected };
    let cases = [
        case("listens", None, Some((Some(10), Some(true))), false, State::Running),
        case("listens, just started", None, Some((Some(990), Some(true))), false, State::Running),
        case("silent and young", None, Some((Some(990), Some(false))), false, State::Starting),
        case("silent and old", None, Some((Some(10), Some(false))), false, State::Running),
        case("young, listeners not to be seen", None, Some((Some(990), None)), false, State::Running),
        case("age not known", None, Some((None, Some(false))), false, State::Running),
        case("its port is another's", None, Some((Some(10), Some(false))), true, State::Degraded),
        case("young and its port another's", None, Some((Some(990), Some(false))), true, State::Starting),
        case("being stopped", Some(Verb::Stop), Some((Some(10), Some(true))), false, State::Stopping),
        case("being stopped, gone already", Some(Verb::Stop), None, false, State::Stopping),
        case("being started", Some(Verb::Start), None, false, State::Starting),
        case("being restarted, the old one", Some(Verb::Restart), Some((Some(10), Some(true))), false, State::Stopping),
        case("being restarted, in between", Some(Verb::Restart), None, false, State::Starting),
        case("being restarted, the new one", Some(Verb::Restart), Some((Some(996), Some(false))), false, State::Starting),
        case("its log is read", Some(Verb::Logs), Some((Some(10), Some(true))), false, State::Running),
    ];
    for case in cases {
        let underway = case.verb.map(|verb| order(verb, 995));
        let verdict = state(&Circumstances {
            underway: underway.as_ref(),
            claim: None,
            wished_up: Some(false),
            previous: None,
            kept: false,
            runs: case.runs.is_some(),
            listens: case.runs.and_then(|(_, listens)| listens),
            started: case.runs.and_then(|(started, _)| started).map(Duration::from_secs),
            start_timeout: Duration::from_secs(60),
            taken: case.taken,
            failing: None,
            hidden: None,
            boot: Duration::from_secs(1000),
            looked: wall(),
            wall: wall(),
            zone: &ZONE,
        });
        assert_eq!(verdict.state, case.expected, "{}", case.name);
        let is_doing = case.verb.is_some_and(Verb::changes);
        assert_eq!(verdict.why, is_doing.then(|| "waiting".into()), "{}", case.name);
    }
}

#[test]
fn what_does_not_run() {
    let exit = Some(LastExit { status: ExitStatus::Code(1), at: wall(), over_memory: None });
    let hidden = Some("hidden");
    let cases = [
        (Some(false), None, None, State::Stopped),
        (Some(false), exit, None, State::Stopped),
        (Some(true), exit, None, State::Crashed),
        (Some(true), None, None, State::Crashed),
        (Some(true), exit, hidden, State::Crashed),
        (Some(true), None, hidden, State::Unknown),
        (Some(false), None, hidden, State::Unknown),
        (None, None, None, State::Unknown),
        (None, None, hidden, State::Unknown),
    ];
    for (wished_up, exit, hidden, expected) in cases {
        let claim = Claim { wished_up, exit, ..Claim::nothing(id("alice"), false) };
        let verdict = state(&Circumstances { hidden, ..not_running(&claim) });
        assert_eq!(verdict.state, expected, "{claim:?} {hidden:?}");
        assert_eq!(verdict.exit, if expected == State::Crashed { exit } else { None });
        assert_eq!(verdict.why.is_some(), expected == State::Unknown);
    }
}

#[test]
fn what_its_keeper_makes_of_an_end() {
    let exit = Some(LastExit { status: ExitStatus::Code(3), at: wall(), over_memory: None });
    let soon = Again::At { at: wall() + Duration::from_secs(8), tries: 4 };
    let never = Again::Never { ends: 5, within: Duration::from_secs(120) };
    let cases = [
        (None, true, State::Crashed, None),
        (Some(soon), true, State::Crashed, Some("it is started again at 03:12:12, try 4")),
        // Nobody is left who would.
        (Some(soon), false, State::Crashed, None),
        (Some(never), false, State::CrashLoop, Some("it ended 5 times within 2 min and is not started again")),
    ];
    for (again, kept, expected, why) in cases {
        let claim = Claim { wished_up: Some(true), exit, again, ..Claim::nothing(id("alice"), false) };
        let verdict = state(&Circumstances { kept, ..not_running(&claim) });
        assert_eq!((verdict.state, verdict.why.as_ref().map(Shown::as_str), verdict.exit), (expected, why, exit), "{again:?} {kept}");
    }
}

#[test]
fn what_a_script_stopped_says_how_it_ended() {
    let exit = Some(LastExit { status: ExitStatus::Signal(15), at: wall(), over_memory: None });
    let claim = Claim { exit, ended_outside: true, ..Claim::nothing(id("alice"), false) };
    let verdict = state(&not_running(&claim));
    assert_eq!((verdict.state, verdict.exit), (State::Stopped, exit));
    assert!(verdict.why.is_some());
}

#[test]
fn a_stop_from_elsewhere_is_no_crash_although_it_was_seen_to_run_with_the_new_wish() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 200, Some("127.0.0.1:8081"));
    let before = row(&host.judge(), "alice").clone();
    let ran = Row { wish: Some(Wish::Down), started_at: Some(wall() - jiff::SignedDuration::from_secs(60)), ..before };
    for (asked, expected) in [(5, State::Stopped), (120, State::Crashed)] {
        let stop_asked_at = Some(wall() - jiff::SignedDuration::from_secs(asked));
        let claim = Claim { stop_asked_at, ..Claim::nothing(id("alice"), false) };
        let verdict = state(&Circumstances { previous: Some(&ran), ..not_running(&claim) });
        assert_eq!(verdict.state, expected, "asked {asked} s ago");
    }
    // Its process was ending, and nothing could be read of it but that its keeper was there.
    let keeper = ran.keeper;
    assert!(keeper.is_some());
    let ran = Row { started_at: None, ..ran };
    for (its, asked, expected) in [(keeper, 5, State::Stopped), (keeper, 120, State::Crashed), (None, 5, State::Crashed)] {
        let ago = |seconds| Some(wall() - jiff::SignedDuration::from_secs(seconds));
        let claim = Claim { stop_asked_at: ago(asked), started_at: ago(60), keeper: its, ..Claim::nothing(id("alice"), false) };
        let verdict = state(&Circumstances { previous: Some(&ran), ..not_running(&claim) });
        assert_eq!(verdict.state, expected, "asked {asked} s ago of {its:?}");
    }
}

#[test]
fn what_was_ordered_after_the_look_has_not_crashed() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081");
    let stopped = row(&host.judge(), "alice").clone();
    assert_eq!((stopped.state, stopped.wish), (State::Stopped, Some(Wish::Down)));
    let claim = Claim { wished_up: Some(true), ..Claim::nothing(id("alice"), false) };
    let first = state(&Circumstances { previous: Some(&stopped), ..not_running(&claim) });
    assert_eq!(first, Verdict::plain(State::Starting));
    // A picture later it was to be seen.
    let next = Row { state: State::Starting, wish: Some(Wish::Up), ..stopped };
    assert_eq!(state(&Circumstances { previous: Some(&next), ..not_running(&claim) }).state, State::Crashed);
    // Unless nobody has looked since.
    let claim = Claim { started_at: Some(wall()), ..claim };
    assert_eq!(state(&Circumstances { previous: Some(&next), ..not_running(&claim) }).state, State::Starting);
    let looked = wall() + Duration::from_secs(1);
    assert_eq!(state(&Circumstances { looked, previous: Some(&next), ..not_running(&claim) }).state, State::Crashed);
}

#[test]
fn a_start_that_was_refused_is_no_crash() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081");
    let shown = host.order(Verb::Start, "alice", false).judge();
    let starting = row(&shown, "alice").clone();
    assert_eq!((starting.state, starting.wish), (State::Starting, Some(Wish::Down)));
    let claim = Claim::nothing(id("alice"), false);
    assert_eq!(claim.wished_up, Some(false));
    assert_eq!(state(&Circumstances { previous: Some(&starting), ..not_running(&claim) }), Verdict::plain(State::Stopped));
    // One that had crashed is what it was.
    let exit = Some(LastExit { status: ExitStatus::Code(1), at: wall(), over_memory: None });
    let crashed = Row { state: State::Crashed, exit, ..starting.clone() };
    let order = order(Verb::Start, 990);
    let asked = state(&Circumstances { underway: Some(&order), previous: Some(&crashed), ..not_running(&claim) });
    assert_eq!((asked.state, asked.exit), (State::Starting, exit));
    let refused = Row { exit, why: asked.why, ..starting.clone() };
    assert_eq!(
        state(&Circumstances { previous: Some(&refused), ..not_running(&claim) }),
        Verdict { exit, ..Verdict::plain(State::Crashed) }
    );
    // What it had begun is another matter.
    let begun = Row { started_at: Some(wall()), ..starting };
    assert_eq!(state(&Circumstances { previous: Some(&begun), ..not_running(&claim) }).state, State::Crashed);
}

fn not_running(claim: &Claim) -> Circumstances<'_> {
    Circumstances {
        underway: None,
        claim: Some(claim),
        wished_up: claim.wished_up,
        previous: None,
        kept: false,
        runs: false,
        listens: Some(false),
        started: None,
        start_timeout: Duration::from_secs(60),
        taken: false,
        failing: None,
        hidden: None,
        boot: Duration::from_secs(1000),
        looked: wall(),
        wall: wall(),
        zone: &ZONE,
    }
}

/// A server that somebody started by hand, and that berth adopted.
fn adopted() -> Host {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").process(300, 1, 1001, "node main.js").listen(300, "127.0.0.1:8081");
    host
}

#[test]
fn what_vanishes_unasked_has_crashed_and_stays_so() {
    let mut host = adopted();
    let first = host.judge();
    let second = host.end(&[300]).pass(1).judge_after(Some(&first));
    let exit = Some(LastExit { status: ExitStatus::Unknown, at: host.sample.taken.wall, over_memory: None });
    assert_eq!((state_of(&second, "alice"), row(&second, "alice").exit), (State::Crashed, exit));
    let third = host.pass(1).judge_after(Some(&second));
    assert_eq!((state_of(&third, "alice"), row(&third, "alice").exit), (State::Crashed, exit));
    let fourth = host.process(301, 1, 1001, "node").listen(301, "127.0.0.1:8081").judge_after(Some(&third));
    assert_eq!((state_of(&fourth, "alice"), row(&fourth, "alice").exit), (State::Running, None));
}

#[test]
fn how_it_ended_may_be_told_later() {
    for (status, state, kept) in
        [(ExitStatus::Code(7), State::Crashed, State::Crashed), (ExitStatus::Signal(15), State::Stopped, State::Stopped)]
    {
        let mut host = adopted();
        let first = host.judge();
        host.end(&[300]).pass(1);
        let at = host.sample.taken.wall;
        host.claim("alice").exit = Some(LastExit { status: ExitStatus::Unknown, at, over_memory: None });
        let second = host.judge_after(Some(&first));
        assert_eq!(state_of(&second, "alice"), State::Crashed);
        let exit = Some(LastExit { status, at, over_memory: None });
        host.claim("alice").exit = exit;
        let third = host.pass(1).judge_after(Some(&second));
        assert_eq!((state_of(&third, "alice"), row(&third, "alice").exit), (state, exit));
        let fourth = host.pass(1).judge_after(Some(&third));
        assert_eq!((state_of(&fourth, "alice"), row(&fourth, "alice").exit), (kept, exit));
    }
}

#[test]
fn how_it_ended_is_told_although_a_picture_in_between_knew_no_start() {
    let mut host = adopted();
    let mut between = host.judge();
    for row in &mut between.rows {
        std::sync::Arc::make_mut(row).started_at = None;
    }
    host.end(&[300]).pass(1);
    let exit = Some(LastExit { status: ExitStatus::Code(7), at: host.sample.taken.wall, over_memory: None });
    host.claim("alice").exit = exit;
    assert_eq!(row(&host.judge_after(Some(&between)), "alice").exit, exit);
    // An end that was told while it ran is that of an earlier run.
    for row in &mut between.rows {
        std::sync::Arc::make_mut(row).exit = exit;
    }
    let told = row(&host.judge_after(Some(&between)), "alice").exit;
    assert_eq!(told.map(|exit| exit.status), Some(ExitStatus::Unknown));
}

#[test]
fn a_stop_ends_a_crash() {
    let mut host = adopted();
    let first = host.judge();
    let second = host.end(&[300]).judge_after(Some(&first));
    let third = host.order(Verb::Stop, "alice", true).judge_after(Some(&second));
    assert_eq!(state_of(&third, "alice"), State::Stopped);
    host.underway.clear();
    assert_eq!(state_of(&host.judge_after(Some(&third)), "alice"), State::Stopped);
}

#[test]
fn what_was_asked_to_end_has_not_crashed() {
    let mut host = adopted();
    let first = host.judge();
    host.order(Verb::Stop, "alice", false);
    let second = host.judge_after(Some(&first));
    assert_eq!(state_of(&second, "alice"), State::Stopping);
    host.underway.clear();
    let third = host.end(&[300]).order(Verb::Stop, "alice", true).judge_after(Some(&second));
    assert_eq!(state_of(&third, "alice"), State::Stopped);
}

#[test]
fn a_stop_by_another_console_shows_in_the_wish() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
    let first = host.judge();
    host.end(&[100, 101]).claim("alice").wished_up = Some(false);
    assert_eq!(state_of(&host.judge_after(Some(&first)), "alice"), State::Stopped);
}

#[test]
fn a_recorded_end_is_kept_with_its_code() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
    let first = host.judge();
    let exit = LastExit { status: ExitStatus::Signal(9), at: wall(), over_memory: None };
    host.end(&[100, 101]).claim("alice").exit = Some(exit);
    let second = host.pass(1).judge_after(Some(&first));
    assert_eq!((state_of(&second, "alice"), row(&second, "alice").exit), (State::Crashed, Some(exit)));
    assert_eq!(row(&second, "alice").main, Reading::Gone);
}

#[test]
fn a_keeper_that_has_just_begun_is_starting() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, None).end(&[101]);
    host.claim("alice").started_at = Some(wall());
    assert_eq!(state_of(&host.judge(), "alice"), State::Starting);
    host.pass(61);
    assert_eq!(state_of(&host.judge(), "alice"), State::Crashed);
}

#[test]
fn what_hidepid_hides_is_unknown_and_ones_own_is_not() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082");
    (host.sample.sees_all, host.viewer) = (false, Uid(1001));
    let snapshot = host.judge();
    assert_eq!((state_of(&snapshot, "alice"), state_of(&snapshot, "bob")), (State::Stopped, State::Unknown));
    assert_eq!(row(&snapshot, "bob").why.as_ref().unwrap().as_str(), "processes of bob may not be seen (hidepid)");
    assert_eq!(row(&snapshot, "bob").main, Reading::Denied);
    assert_eq!(snapshot.notices.len(), 1);
}

#[test]
fn without_the_list_of_sockets_nothing_is_said_to_be_stopped() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082").keep("bob", 100, None);
    host.sample.listeners = Reading::Denied;
    let snapshot = host.judge();
    assert_eq!((state_of(&snapshot, "alice"), state_of(&snapshot, "bob")), (State::Unknown, State::Running));
    assert!(snapshot.findings.is_empty());
}
