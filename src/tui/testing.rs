//! Rows, snapshots and states for the console's unit tests.

// A fixture that cannot be made fails its test; clippy takes only #[test] functions for tests.
#![allow(clippy::unwrap_used)]
#![cfg_attr(fuzzing, allow(dead_code))]

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::*;
use crate::present::command::Program;

use super::effect::Effect;
use super::event::{Answer, Event, Purpose};
use super::palette::Depth;
use super::state::{Settings, State as Console};
use super::update::update;
use super::{glyphs, theme, themes};

/// A moment, so many seconds after the test's beginning.
pub fn moment(seconds: u64) -> Moment {
    let wall: Timestamp = "2026-11-21T03:12:04Z".parse().unwrap();
    Moment { boot: Duration::from_secs(100_000 + seconds), wall: wall + Duration::from_secs(seconds) }
}

/// A running instance, then changed.
pub fn row(id: &str, change: impl FnOnce(&mut Row)) -> Row {
    let id = InstanceId::parse(id).unwrap();
    let pid = 2000 + id.to_string().bytes().map(i32::from).sum::<i32>();
    let mut row = Row {
        user: Shown::new(id.owner()),
        id,
        uid: Uid(1001),
        supervisor: SupervisorKind::Process,
        state: State::Running,
        why: None,
        wish: Some(Wish::Up),
        port: Some(8101),
        host: None,
        listening: vec![],
        main: Reading::Known(ProcessKey { pid, start_time: 77 }),
        keeper: None,
        publisher: None,
        processes: vec![],
        started_at: Some(moment(0).wall - Duration::from_secs(7_900)),
        cpu_percent: Reading::Known(1.5),
        memory_bytes: Reading::Known(80 << 20),
        tasks: Reading::Known(11),
        open_files: Reading::Known(23),
        restarts: 0,
        health: Health::UNKNOWN,
        probed: None,
        exit: None,
        exits: Arc::default(),
        limits: None,
        disk: None,
        service: None,
        findings: vec![],
        declared: None,
    };
    change(&mut row);
    row
}

/// A snapshot of rows.
pub fn snapshot(sequence: u64, rows: Vec<Row>) -> Arc<Snapshot> {
    let mut totals = Totals { instances: rows.len(), ..Totals::default() };
    for row in &rows {
        *totals.states.entry(row.state).or_default() += 1;
    }
    Arc::new(Snapshot {
        host: Shown::from("mcp-3"),
        taken: moment(sequence),
        range: PortRange { first: 8080, last: 9080 },
        reserved: vec![],
        allotments: Reading::Known(Arc::default()),
        ephemeral: None,
        rows: rows.into_iter().map(Arc::new).collect(),
        findings: vec![],
        totals,
        host_reading: HostReading::default(),
        listeners: Reading::Unasked,
        announced: None,
        notified: None,
        file_systems: vec![],
        underway: vec![],
        notices: vec![],
        sequence,
        cpu_baseline: CpuBaseline::default(),
        hosts: Default::default(),
    })
}

/// A console of this size for an admin, before the first snapshot.
pub fn console(width: u16, height: u16) -> Console {
    let caller = Caller { uid: Uid::ROOT, name: Shown::from("root"), login: None, role: Role::Admin, read_only: false };
    let settings = Settings {
        glyphs: &glyphs::UNICODE,
        theme: theme::Theme::plain(),
        default_theme: themes::DEFAULT.to_owned(),
        themes: Arc::new(themes::Themes::built_in(Depth::True).unwrap()),
        keymap: Arc::default(),
        configured: false,
        program: Program::default(),
        zone: TimeZone::UTC,
        read_only: false,
        caller,
    };
    Console::new(settings, (width, height), moment(0))
}

/// A console that shows these instances, all running.
pub fn showing(ids: &[&str]) -> Console {
    let mut console = console(120, 40);
    update(&mut console, Event::Snapshot(snapshot(1, ids.iter().map(|id| row(id, |_| {})).collect())));
    console
}

/// Presses a key.
pub fn press(console: &mut Console, code: KeyCode) -> Vec<Effect> {
    update(console, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// Types characters, as keys; what the last one wants done. Questions to the door are answered with "it can be asked".
pub fn keys(console: &mut Console, text: &str) -> Vec<Effect> {
    let mut last = Vec::new();
    for character in text.chars() {
        last = press(console, KeyCode::Char(character));
        last = answer(console, last);
    }
    last
}

/// Lets the door say that everything can be asked; what else is wanted.
pub fn answer(console: &mut Console, effects: Vec<Effect>) -> Vec<Effect> {
    let mut rest = Vec::new();
    for effect in effects {
        match effect {
            Effect::Ask(id, purpose) => rest.extend(reply(console, id, purpose, None)),
            Effect::AskMany(verb, ids) => {
                let answers = ids.into_iter().map(|id| (id, None)).collect();
                rest.extend(update(console, Event::AnsweredMany(verb, answers)));
            }
            other => rest.push(other),
        }
    }
    rest
}

/// Lets the door answer with one reason for all that changes something.
pub fn reply(console: &mut Console, id: InstanceId, purpose: Purpose, why: Option<&str>) -> Vec<Effect> {
    let verbs = Verb::ALL.into_iter().map(|verb| (verb, why.filter(|_| verb.changes()).map(Shown::from))).collect();
    update(console, Event::Answered(Answer { id, purpose, verbs }))
}

/// The id that is chosen.
pub fn chosen(console: &Console) -> String {
    console.fleet.chosen.as_ref().map(ToString::to_string).unwrap_or_default()
}
