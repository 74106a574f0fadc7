//! The screens as text, at the three sizes that people have, from one fixture at one moment.

use std::time::Duration;

use berth::domain::{Outcome, Shown, Snapshot, Stage, Underway, Verb};
use crossterm::event::KeyCode;

use super::console::Console;
use super::fleet;

/// The sizes that are kept.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

#[test]
fn the_fleet() {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("fleet_{width}x{height}"), Console::with_fleet(width, height).screen());
    }
}

#[test]
fn a_large_fleet_sorted_and_filtered() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.show(many());
        console.keys("Pjj/");
        console.keys("state:run");
        insta::assert_snapshot!(format!("typing_{width}x{height}"), console.screen());
        console.press(KeyCode::Enter);
        insta::assert_snapshot!(format!("filtered_{width}x{height}"), console.screen());
    }
}

#[test]
fn the_detail_of_what_is_wrong() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.keys("jj");
        insta::assert_snapshot!(format!("wrong_{width}x{height}"), console.screen());
        console.keys("kk");
        console.press(KeyCode::Enter);
        insta::assert_snapshot!(format!("detail_{width}x{height}"), console.screen());
    }
}

#[test]
fn the_log_large_and_paused() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("lkkkk");
    insta::assert_snapshot!("log_80x24", console.screen());
    console.keys("fw");
    insta::assert_snapshot!("log_wrapped_80x24", console.screen());
}

#[test]
fn questions() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut console = Console::with_fleet(width, height);
        console.keys("jS");
        insta::assert_snapshot!(format!("stop_{width}x{height}"), console.screen());
        console.press(KeyCode::Tab);
        console.keys("planned maintenance");
        insta::assert_snapshot!(format!("reason_{width}x{height}"), console.screen());
    }
    let mut console = Console::with_fleet(80, 24);
    console.keys("S");
    let mut later = fleet::fleet();
    later.rows.remove(0);
    console.show(later);
    insta::assert_snapshot!("changed_80x24", console.screen());
    let mut console = Console::with_fleet(80, 24);
    console.keys("Ga");
    insta::assert_snapshot!("menu_80x24", console.screen());
}

#[test]
fn help() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.keys("?");
        insta::assert_snapshot!(format!("help_{width}x{height}"), console.screen());
    }
}

#[test]
fn what_is_being_done_and_what_came_of_it() {
    let mut snapshot = fleet::fleet();
    let since = snapshot.taken.boot - Duration::from_secs(3);
    let ended = |exit_code, sentence: &str, hint: &str| {
        let hints = Some(hint).filter(|hint| !hint.is_empty()).map(Shown::from).into_iter().collect();
        Stage::Ended(Outcome { exit_code, sentence: Shown::from(sentence), hints, log_lines: Vec::new() })
    };
    let under = |id: &str, verb, stage: Stage| Underway { verb, id: fleet::id(id), since, ended: None, stage };
    snapshot.underway = vec![
        under("gina", Verb::Stop, Stage::Doing(Shown::from("waiting for 3 processes"))),
        under("alice", Verb::Restart, ended(0, "restarted after 1.2 s", "")),
        under("carol", Verb::Start, ended(5, "not started. 8107 is held by pid 4711 (python3, bob) since 03:09:41", "berth stop bob")),
    ];
    for (width, height) in [(80, 24), (120, 40)] {
        let mut console = Console::with_fleet(width, height);
        console.show(snapshot.clone());
        console.keys("jj");
        insta::assert_snapshot!(format!("underway_{width}x{height}"), console.screen());
    }
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
fn locked_held_old_and_refused() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("VZ");
    insta::assert_snapshot!("locked_80x24", console.screen());
    console.keys("S");
    insta::assert_snapshot!("refused_80x24", console.screen());
}

#[test]
fn nothing_yet_and_nothing_found() {
    insta::assert_snapshot!("looking_80x24", Console::new(80, 24).screen());
    let mut console = Console::new(80, 24);
    let mut empty = fleet::fleet();
    (empty.rows, empty.findings, empty.totals) = (Vec::new(), Vec::new(), berth::domain::Totals::default());
    empty.notices = vec![Shown::from("/opt/mcp-server/users/*/config/config.json: nothing there")];
    console.show(empty);
    insta::assert_snapshot!("empty_80x24", console.screen());
}

#[test]
fn too_small_a_terminal_says_so() {
    assert_eq!(Console::with_fleet(30, 8).screen().trim_end(), "30x8 is too small\nberth needs 40x10\nq quits");
    insta::assert_snapshot!("smallest_40x10", Console::with_fleet(40, 10).screen());
}

/// Forty-two running instances and the fixture's.
fn many() -> Snapshot {
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
