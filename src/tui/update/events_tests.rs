//! Events as a person meets them: following, pausing, narrowing, going to the instance, the trail.

use crossterm::event::KeyCode;

use crate::domain::{
    Code, Deed, DeedResult, ExitStatus, Finding, InstanceId, LastExit, Outcome, Row, Shown, Snapshot, Stage, State as Doing, Trail, Uid,
    Underway, Verb,
};
use crate::tui::effect::Effect;
use crate::tui::event::Event;
use crate::tui::state::{State, Tab};
use crate::tui::testing::{chosen, console, keys, moment, press, row, snapshot};
use crate::tui::update::update;

/// Texts of what is listed.
fn listed(console: &State) -> Vec<String> {
    let events = &console.events;
    let text = |line: usize| {
        let happening = &events.entry(line)?.happening;
        Some(format!("{} {}", happening.about.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string), happening.what.text()))
    };
    (0..events.lines.len()).filter_map(text).collect()
}

fn cursor(console: &State) -> String {
    let happening = &console.events.chosen_entry().unwrap().happening;
    happening.about.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn show(console: &mut State, sequence: u64, rows: Vec<Row>) {
    drop(update(console, Event::Snapshot(snapshot(sequence, rows))));
}

fn in_state(id: &str, state: Doing) -> Row {
    row(id, |row| row.state = state)
}

/// Twelve instances that crashed one after the other.
fn crashes() -> State {
    let mut console = console(80, 24);
    let names: Vec<String> = (0..12).map(|number| format!("u{number:02}")).collect();
    for sequence in 0..=12 {
        let rows = names.iter().enumerate().map(|(index, name)| {
            let state = if index < sequence { Doing::Crashed } else { Doing::Running };
            in_state(name, state)
        });
        show(&mut console, sequence as u64 + 1, rows.collect());
    }
    keys(&mut console, "4");
    console
}

#[test]
fn what_changes_is_listed_and_followed() {
    let mut console = console(120, 40);
    show(&mut console, 1, vec![in_state("amy", Doing::Running), in_state("bob", Doing::Running)]);
    assert_eq!(listed(&console), ["- berth looks from now on: 2 instances"]);
    let crashed = row("bob", |row| {
        row.state = Doing::Crashed;
        row.exit = Some(LastExit { status: ExitStatus::Code(1), at: moment(2).wall, over_memory: None });
    });
    show(&mut console, 2, vec![in_state("amy", Doing::Running), crashed]);
    assert_eq!(listed(&console)[1..], ["bob running -> crashed: exited with code 1"]);
    assert_eq!((cursor(&console).as_str(), console.events.chosen), ("bob", None));
}

#[test]
fn moving_up_pauses_and_counts_what_is_new() {
    let mut console = crashes();
    keys(&mut console, "kk");
    assert_eq!((cursor(&console).as_str(), console.events.unseen()), ("u09", 0));
    let rows = (0..12).map(|number| in_state(&format!("u{number:02}"), Doing::Running)).collect();
    show(&mut console, 20, rows);
    assert_eq!((cursor(&console).as_str(), console.events.unseen()), ("u09", 12));
    for (key, expected) in [("G", "u11"), ("k0", "u11"), ("kf", "u11")] {
        keys(&mut console, key);
        assert_eq!((cursor(&console).as_str(), console.events.chosen, console.events.unseen()), (expected, None, 0), "{key}");
    }
    keys(&mut console, "f");
    assert!(console.events.chosen.is_some());
    keys(&mut console, "kj");
    assert_eq!(console.events.chosen, None, "down to the last follows again");
}

#[test]
fn the_cursor_passes_over_days_and_stays_in_sight() {
    let mut console = crashes();
    keys(&mut console, "g");
    assert_eq!((cursor(&console).as_str(), console.events.top), ("-", 0));
    keys(&mut console, "j");
    assert_eq!(cursor(&console), "u00");
    press(&mut console, KeyCode::PageUp);
    assert_eq!(cursor(&console), "-");
    for _ in 0..30 {
        keys(&mut console, "j");
        let (top, at) = (console.events.top, console.events.cursor().unwrap());
        assert!(top <= at && at < top + crate::tui::view::events::page(&console), "{top} {at}");
    }
    assert_eq!(cursor(&console), "u11");
}

#[test]
fn enter_goes_to_the_instance_and_l_to_its_log() {
    let mut console = crashes();
    keys(&mut console, "kkk");
    press(&mut console, KeyCode::Enter);
    assert_eq!((console.tab, chosen(&console).as_str()), (Tab::Instances, "u08"));
    keys(&mut console, "4kl");
    assert_eq!((console.tab, console.log.of.as_ref().map(ToString::to_string).unwrap().as_str()), (Tab::Instances, "u07"));
    keys(&mut console, "l4g");
    press(&mut console, KeyCode::Enter);
    assert_eq!(console.tab, Tab::Events, "what is about nobody leads nowhere");
    assert!(console.status.message.is_some());
}

#[test]
fn the_list_is_narrowed_by_instance_by_problem_and_by_text() {
    let mut console = crashes();
    let all = listed(&console).len();
    keys(&mut console, "kk ");
    assert_eq!(listed(&console), ["u09 running -> crashed"]);
    keys(&mut console, " ");
    assert_eq!(listed(&console).len(), all);
    keys(&mut console, "e");
    assert_eq!(listed(&console).len(), 12, "the beginning is no problem");
    keys(&mut console, "/U1");
    press(&mut console, KeyCode::Enter);
    assert_eq!(listed(&console), ["u10 running -> crashed", "u11 running -> crashed"]);
    press(&mut console, KeyCode::Esc);
    assert_eq!((console.tab, listed(&console).len()), (Tab::Events, all));
    press(&mut console, KeyCode::Esc);
    assert_eq!(console.tab, Tab::Instances, "the next step is back");
}

fn deed(number: i64, verb: Verb, id: &str, reason: &str, seconds: u64) -> Deed {
    Deed {
        number,
        asked_at: moment(seconds).wall,
        uid: Uid::ROOT,
        by: "root".into(),
        verb: verb.word().into(),
        id: Some(InstanceId::parse(id).unwrap()),
        reason: Some(reason.into()),
        result: Some(DeedResult { at: moment(seconds).wall, done: true, sentence: "stopped after 1.2 s".into() }),
    }
}

/// Whether reading the trail is wanted.
fn wants_trail(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::ReadTrail(_)))
}

#[test]
fn the_trail_is_read_while_the_tab_is_shown_and_not_otherwise() {
    let mut console = console(80, 24);
    let effects = update(&mut console, Event::Snapshot(snapshot(1, vec![in_state("amy", Doing::Running)])));
    assert!(!wants_trail(&effects));
    assert!(wants_trail(&press(&mut console, KeyCode::Char('4'))));
    assert!(!wants_trail(&update(&mut console, Event::Tick(moment(60)))), "one question at a time");
    let trail = Trail { deeds: vec![deed(1, Verb::Stop, "amy", "tired", 0)], events: Vec::new(), missing: None };
    assert!(wants_trail(&update(&mut console, Event::TrailRead(Ok(trail.clone())))), "a minute later it is time again");
    assert_eq!(listed(&console)[0], "amy stop by root (tired): stopped after 1.2 s");
    assert!(!wants_trail(&update(&mut console, Event::TrailRead(Ok(trail)))));
    assert_eq!(listed(&console).len(), 2, "what is known is not told again");
    assert!(!wants_trail(&update(&mut console, Event::Tick(moment(62)))));
    assert!(wants_trail(&update(&mut console, Event::Tick(moment(65)))));
    drop(update(&mut console, Event::TrailRead(Ok(Trail::default()))));
    keys(&mut console, "1");
    assert!(!wants_trail(&update(&mut console, Event::Tick(moment(99)))));
}

#[test]
fn who_may_not_read_the_trail_is_told_why_and_once() {
    let mut console = console(80, 24);
    show(&mut console, 1, vec![in_state("amy", Doing::Running)]);
    keys(&mut console, "4");
    for _ in 0..2 {
        drop(update(&mut console, Event::TrailRead(Err("cannot read the audit trail: permission denied".into()))));
    }
    assert_eq!(listed(&console)[1..], ["- what was done before is not shown: cannot read the audit trail: permission denied"]);
}

#[test]
fn ones_own_order_is_one_line_with_its_reason() {
    let mut console = console(80, 24);
    let rows = || vec![in_state("amy", Doing::Running)];
    show(&mut console, 1, rows());
    keys(&mut console, "4");
    let underway = |stage: Stage| {
        let mut picture: Snapshot = (*snapshot(3, rows())).clone();
        let id = InstanceId::parse("amy").unwrap();
        picture.underway = vec![Underway { verb: Verb::Stop, id, by: Some(Uid::ROOT), since: moment(2).boot, stage, ended: None }];
        Event::Snapshot(picture.into())
    };
    drop(update(&mut console, underway(Stage::Doing("stopping".into()))));
    assert_eq!(listed(&console)[1..], ["amy stop by root: on its way"]);
    drop(update(
        &mut console,
        Event::TrailRead(Ok(Trail { deeds: vec![deed(9, Verb::Stop, "amy", "tired", 2)], events: Vec::new(), missing: None })),
    ));
    let outcome = Outcome { exit_code: 0, sentence: "stopped after 1.2 s".into(), hints: vec![], log_lines: vec![] };
    drop(update(&mut console, underway(Stage::Ended(outcome))));
    assert_eq!(listed(&console)[1..], ["amy stop by root (tired): stopped after 1.2 s"]);
}

#[test]
fn a_held_picture_stands_still_and_goes_on() {
    let mut console = crashes();
    keys(&mut console, "Z");
    let top = console.events.top;
    let rows = (0..12).map(|number| in_state(&format!("u{number:02}"), Doing::Running)).collect();
    show(&mut console, 20, rows);
    assert_eq!((console.events.top, console.events.unseen()), (top, 12));
    keys(&mut console, "Z");
    assert_eq!((console.events.chosen, console.events.unseen()), (None, 0));
}

#[test]
fn a_host_wide_finding_is_about_nobody() {
    let mut console = console(80, 24);
    show(&mut console, 1, vec![in_state("amy", Doing::Running)]);
    let mut picture: Snapshot = (*snapshot(2, vec![in_state("amy", Doing::Running)])).clone();
    picture.findings.push(Finding {
        code: Code::RangeNearlyFull,
        instances: vec![],
        port: None,
        processes: vec![],
        since: moment(2).wall,
        evidence: Shown::from("900 of the 1001 ports are assigned"),
        remedies: vec![],
    });
    drop(update(&mut console, Event::Snapshot(picture.into())));
    assert_eq!(listed(&console)[1..], ["- range-nearly-full: 900 of the 1001 ports are assigned"]);
}
