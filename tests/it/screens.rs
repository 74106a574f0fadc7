//! Screens as text at one size: what screens_all has no table line for.

use std::time::Duration;

use berth::domain::{Outcome, Shown, Snapshot, Stage, Uid, Underway, Verb};
use crossterm::event::KeyCode;

use super::console::Console;
use super::fleet;

#[test]
fn the_log_large_and_paused() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("lkkkk");
    insta::assert_snapshot!("log_80x24", console.screen());
    console.keys("fw");
    insta::assert_snapshot!("log_wrapped_80x24", console.screen());
}

#[test]
fn a_question_with_a_reason() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("jS");
    console.press(KeyCode::Tab);
    console.keys("planned maintenance");
    insta::assert_snapshot!("reason_80x24", console.screen());
    let mut console = Console::with_fleet(80, 24);
    console.keys("Ga");
    insta::assert_snapshot!("menu_80x24", console.screen());
}

/// The fixture with what is being done and what came of it.
pub fn done() -> Snapshot {
    let mut snapshot = fleet::fleet();
    let since = snapshot.taken.boot - Duration::from_secs(3);
    let ended = |exit_code, sentence: &str, hint: &str| {
        let hints = Some(hint).filter(|hint| !hint.is_empty()).map(Shown::from).into_iter().collect();
        Stage::Ended(Outcome { exit_code, sentence: Shown::from(sentence), hints, log_lines: Vec::new() })
    };
    let under = |id: &str, verb, stage: Stage| Underway { verb, id: fleet::id(id), by: Some(Uid::ROOT), since, ended: None, stage };
    snapshot.underway = vec![
        under("gina", Verb::Stop, Stage::Doing(Shown::from("waiting for 3 processes"))),
        under("alice", Verb::Restart, ended(0, "restarted after 1.2 s", "")),
        under("carol", Verb::Start, ended(5, "not started. 8107 is held by pid 4711 (python3, bob) since 03:09:41", "berth stop bob")),
    ];
    snapshot
}

#[test]
fn without_unicode() {
    let mut console = Console::with_fleet(120, 40).ascii();
    console.keys("jS");
    let screen = console.screen();
    assert!(screen.replace('…', "").is_ascii(), "{screen}");
    insta::assert_snapshot!("ascii_120x40", screen);
}

#[test]
fn nothing_found() {
    let mut console = Console::new(80, 24);
    let mut empty = fleet::fleet();
    (empty.rows, empty.findings, empty.totals) = (Vec::new(), Vec::new(), berth::domain::Totals::default());
    empty.notices = vec![Shown::from("/opt/mcp-server/users/*/config/config.json: nothing there")];
    console.show(empty);
    insta::assert_snapshot!("empty_80x24", console.screen());
}

/// Forty-two running instances and the fixture's.
pub fn many() -> Snapshot {
    let mut snapshot = fleet::fleet();
    let alice = snapshot.rows[0].clone();
    for number in 0..42u16 {
        let mut row = (*alice).clone();
        row.id = fleet::id(&format!("user{number:02}"));
        row.port = Some(8200 + number);
        row.cpu_percent = row.cpu_percent.map(|percent| percent * f32::from(number % 7) / 4.0);
        snapshot.rows.push(row.into());
    }
    snapshot
}
