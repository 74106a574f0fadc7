//! The screens of marks, questions about many, bulk actions, signals and copying.

use std::time::Duration;

use berth::domain::{Outcome, Shown, Stage, Uid, Underway, Verb};
use crossterm::event::KeyCode;

use super::console::Console;
use super::fleet;

/// The sizes that are kept.
const SIZES: [(u16, u16); 2] = [(60, 15), (80, 24)];

/// At these sizes, what a function leaves on the screen.
fn at_small_sizes(name: &str, arrange: impl Fn(&mut Console)) {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        arrange(&mut console);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), console.screen());
    }
}

#[test]
fn a_question_about_many_of_which_some_are_hidden_and_one_changed() {
    at_small_sizes("bulk_changed", |console| {
        console.keys("*/b");
        console.press(KeyCode::Enter);
        console.keys("S");
        let mut later = fleet::fleet();
        later.rows.remove(0);
        console.show(later);
        console.press(KeyCode::Tab);
        console.keys("planned");
    });
}

/// A bulk restart in which two have ended, one of them badly.
pub fn under_way(console: &mut Console) {
    console.keys("*r");
    let count = console.state.bulk.as_ref().unwrap().number();
    console.keys(&count.to_string());
    console.press(KeyCode::Enter);
    let mut snapshot = fleet::fleet();
    let since = snapshot.taken.boot;
    let ended = |exit_code, sentence: &str| {
        Stage::Ended(Outcome { exit_code, sentence: Shown::from(sentence), hints: Vec::new(), log_lines: Vec::new() })
    };
    let under =
        |id: &str, stage: Stage| Underway { verb: Verb::Restart, id: fleet::id(id), by: Some(Uid::ROOT), since, ended: None, stage };
    snapshot.underway = vec![
        under("alice", ended(0, "restarted after 1.2 s, pid 9001")),
        under("bob/tools", Stage::Doing(Shown::from("stopping"))),
        under("carol", ended(5, "not started. 8107 is held by pid 4711 (python3, bob) since 03:09:41")),
        under("dave", Stage::Doing(Shown::from("waiting for 127.0.0.1:8104"))),
    ];
    snapshot.taken.boot += Duration::from_secs(1);
    snapshot.sequence += 1;
    console.show(snapshot);
}

#[test]
fn a_bulk_action_in_the_background() {
    at_small_sizes("progress_behind", |console| {
        under_way(console);
        console.keys("b");
    });
}

#[test]
fn copying_the_last_action() {
    at_small_sizes("copy_after", |console| {
        console.keys("r");
        console.press(KeyCode::Tab);
        console.keys("it's slow");
        console.press(KeyCode::Enter);
        console.keys("yy");
    });
}

#[test]
fn without_unicode() {
    let mut console = Console::with_fleet(80, 24).ascii();
    under_way(&mut console);
    let screen = console.screen();
    assert!(screen.replace('…', "").is_ascii(), "{screen}");
    console.keys("b*S");
    assert!(console.screen().replace('…', "").is_ascii());
}
