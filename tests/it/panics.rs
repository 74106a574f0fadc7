//! A panic in every thread, one after the other: the console gives the terminal back, says what happened and ends; a command says it too,
//! and never ends by a signal.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use berth::failpoint::{PLACES, VARIABLE};

use super::actions::BERTH;
use super::stage::{PATIENCE, Stage};
use super::terminal::Terminal;

/// What is typed, one after the other as soon as each text is there, until a thread begins that panics.
const IN_THE_CONSOLE: &[(&str, &[(&str, &str)])] = &[
    ("berth-chronicle", &[]),
    ("berth-engine", &[]),
    ("berth-events", &[]),
    ("berth-probe", &[]),
    ("berth-registry", &[]),
    ("berth-sockets", &[]),
    ("berth-storage", &[]),
    ("keys", &[]),
    ("log", &[]),
    ("log-open", &[]),
    ("terminal", &[]),
    ("watchdog", &[]),
    ("berth-order", &[("following", "G"), ("eve", "s"), ("Start eve?", "y")]),
    ("clients", &[("following", "\r")]),
    ("foresee", &[("following", "2"), ("next free", "G"), ("nothing listens on it", "A"), ("assign ", "\r")]),
    ("log-close", &[("following", "j")]),
    ("log-task", &[("following", "l"), ("v choose + INFO", "vky")]),
    ("pager", &[("following", "l"), ("v choose + INFO", "|")]),
    ("preferences", &[("following", "t")]),
    ("trail", &[("following", "4")]),
    ("why", &[("following", "w")]),
];

/// Those without which a look still is one: what is missing is looked up by somebody else, or told.
const DONE_WITHOUT: &[&str] = &["accounts", "berth-first", "berth-half", "berth-reader"];

/// Those that a command starts for itself, with the command.
const IN_A_COMMAND: &[(&str, &[&str])] =
    &[("batch", &["stop", "ann", "ben", "--yes"]), ("berth-mdns", &["discover"]), ("log-tail", &["logs", "ann", "-f"])];

/// Those of the daemon's own, tried in `serve` and `reboot`.
const IN_THE_DAEMON: [&str; 2] = ["daemon-work", "berth-restore"];

/// That of a console that is attached, tried in `attach`.
const ATTACHED: &str = "berth-attach";

/// Not to be reached on purpose: they begin when something else is slow (a page that is not at hand), where a terminal takes no clipboard,
/// and in the demo, which has a fleet of its own. Those of supervisors are tried where there is one: tests/real.
const BY_CHANCE: &[&str] = &[
    "berth-carried",
    "berth-connect",
    "berth-docker",
    "berth-joined",
    "berth-journal",
    "berth-notify",
    "berth-pm2",
    "berth-systemd",
    "berth-trail",
    "berth-unit",
    "berth-user-units",
    "demo",
    "file",
    "log-page",
];

fn environment(stage: &Stage, place: &str) -> Vec<(&'static str, String)> {
    let path = |name: &str| stage.path().join(name).to_str().unwrap().to_owned();
    vec![
        ("BERTH_STATE", path("state")),
        ("HOME", path("home")),
        ("TZ", "UTC".to_owned()),
        ("PAGER", "cat".to_owned()),
        (VARIABLE, place.to_owned()),
    ]
}

fn console(stage: &Stage, place: &str) -> Terminal {
    let environment = environment(stage, place);
    let pairs: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Terminal::start(120, 40, BERTH, &["--config", stage.config().to_str().unwrap()], &pairs)
}

/// A command with its code and all that it says.
fn command(stage: &Stage, place: &str, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(BERTH);
    command.arg("--config").arg(stage.config()).args(words).envs(environment(stage, place)).stdin(Stdio::null());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_place_is_tried() {
    let console = IN_THE_CONSOLE.iter().map(|(place, _)| *place);
    let tried: Vec<&str> = console
        .chain(DONE_WITHOUT.iter().copied())
        .chain(IN_THE_DAEMON)
        .chain([ATTACHED])
        .chain(IN_A_COMMAND.iter().map(|(place, _)| *place))
        .chain(BY_CHANCE.iter().copied())
        .collect();
    assert_eq!(tried.iter().copied().collect::<BTreeSet<_>>(), PLACES.into_iter().collect());
    assert_eq!(tried.len(), PLACES.len());
}

#[test]
fn f04_a_panic_in_any_thread_of_the_console_gives_the_terminal_back_and_is_told() {
    let stage = Stage::set();
    let fresh = Terminal::start(80, 24, "sleep", &["600"], &[]).settings();
    for (place, keys) in IN_THE_CONSOLE {
        let mut terminal = console(&stage, place);
        for (before, key) in *keys {
            // Of the log's own screen, and once there is something on it: the table has a log as well, and a key of before is another one's.
            terminal.until(before, PATIENCE, |text| before.split(" + ").all(|part| text.contains(part)));
            terminal.keys(key);
        }
        let code = if *place == "pager" {
            // The pager has the terminal then: its end is waited for, and the console goes on.
            let is_told = || String::from_utf8_lossy(&terminal.sent()).contains("the failpoint pager was passed");
            terminal.until("the console behind it", PATIENCE, |text| is_told() && terminal.is_alternate() && text.contains("ann · log"));
            terminal.keys("\u{3}");
            0
        } else {
            101
        };
        assert_eq!(terminal.end(PATIENCE), code, "{place}: {}", terminal.text());
        terminal.until("the words", PATIENCE, |text| text.contains(&format!("the failpoint {place} was passed")));
        let is_back = || !terminal.is_alternate() && terminal.has_cursor() && !terminal.has_mouse();
        terminal.until("the first screen", PATIENCE, |_| is_back());
        assert_eq!(terminal.settings(), fresh, "{place}");
    }
    // Nothing of it touched what runs.
    assert_eq!(command(&stage, "", &["ls"]).1.matches("● running").count(), 2);
}

#[test]
fn f04_a_panic_in_a_thread_of_a_command_is_told_and_counted() {
    let stage = Stage::set();
    for place in DONE_WITHOUT {
        let (code, text) = command(&stage, place, &["ls"]);
        assert!(code.is_some_and(|code| code <= 1 || code == 101), "{place}: {code:?} {text}");
        // With few processes on the host nobody is asked for the second half.
        assert!(text.contains(&format!("the failpoint {place} was passed")) || *place == "berth-half", "{place}: {text}");
        if *place == "berth-reader" {
            // Without it no configuration is found: that is said, and nobody is told to end what may be an instance's.
            assert!(text.contains("the directory cannot be listed") && !text.contains("kill "), "{text}");
        } else {
            let ann = text.lines().find(|line| line.starts_with("ann")).unwrap_or_else(|| panic!("{place}: no row: {text}"));
            assert!(ann.contains("running"), "{place}: {text}");
        }
    }
    for (place, words) in IN_A_COMMAND {
        let (code, text) = command(&stage, place, words);
        assert!(code.is_some_and(|code| code != 0), "{place}: {code:?} {text}");
        assert!(text.contains(&format!("the failpoint {place} was passed")), "{place}: {text}");
    }
    assert_eq!(command(&stage, "", &["ls"]).1.matches("● running").count(), 2, "what panicked before its deed did nothing");
}
