//! What is read from words, and what is refused.

use super::*;
use crate::domain::Pace;
use clap::CommandFactory;
use clap::error::ErrorKind;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(std::iter::once("berth").chain(line.split_whitespace()))
}

fn action(line: &str) -> Action {
    match parse(line).unwrap().command {
        Some(Command::Start(action) | Command::Stop(action)) => action,
        Some(Command::Restart(words)) => words.action,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn the_states_are_the_domains() {
    let all = [
        State::Stopped,
        State::Starting,
        State::Running,
        State::Degraded,
        State::Stopping,
        State::Crashed,
        State::CrashLoop,
        State::Unknown,
    ];
    assert_eq!(all.map(State::word), STATES);
}

#[test]
fn global_options_stand_anywhere() {
    for line in ["--config /x --json ls", "ls --config /x --json", "ls --json --config=/x"] {
        let global = parse(line).unwrap().global;
        assert_eq!((global.config, global.json), (Some(PathBuf::from("/x")), true), "{line}");
    }
    assert!(parse("").unwrap().command.is_none());
    assert_eq!(parse("--color never").unwrap().global.color, ColorWhen::Never);
    assert!(parse("stop alice --read-only -v").unwrap().global.read_only);
}

#[test]
fn what_is_read() {
    let named = action("start alice bob/tools --parallel 8 --timeout 90s --reason planned");
    assert_eq!(named.ids.iter().map(ToString::to_string).collect::<Vec<_>>(), ["alice", "bob/tools"]);
    assert_eq!((named.parallel, named.timeout, named.reason.as_deref()), (Some(8), Some(Duration::from_secs(90)), Some("planned")));
    let chosen = action("stop --user bob --state crashed,degraded -y");
    assert!(chosen.yes && chosen.wants_state(State::Crashed) && !chosen.wants_state(State::Running));
    assert!(action("restart --all").wants_state(State::Running));
    let Some(Command::Logs(logs)) = parse("logs alice -f -n 5").unwrap().command else { panic!("logs") };
    assert_eq!((logs.follow, logs.lines), (true, Some(5)));
    let Some(Command::Ports(ports)) = parse("ports --free --range 8100-8110").unwrap().command else { panic!("ports") };
    assert_eq!((ports.free, ports.range), (true, Some(PortRange { first: 8100, last: 8110 })));
}

#[test]
fn what_is_refused_is_usage() {
    let lines = [
        "start",
        "start --yes",
        "start alice --all",
        "start alice --state crashed",
        "start ../etc",
        "start --state dead",
        "stop alice --parallel 0",
        "stop alice --timeout soon",
        "stop alice --timeout 0s",
        "stop alice --timeout 99999h",
        "logs",
        "logs alice -f -p",
        "logs alice --since yesterday",
        "logs alice --grep (",
        "ports --range 9-8",
        "show",
        "port a b",
        "--color sometimes",
        "--host",
        "frobnicate",
    ];
    for line in lines {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
    assert_eq!(parse("--help").unwrap_err().kind(), ErrorKind::DisplayHelp);
    assert_eq!(parse("--version").unwrap_err().exit_code(), 0);
}

#[test]
fn times_have_units() {
    let cases = [("500ms", 500), ("30s", 30_000), ("30", 30_000), ("2m", 120_000), ("1h", 3_600_000)];
    for (text, milliseconds) in cases {
        assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "s", "-1s", "1.5s", "1d", "1 s"] {
        assert!(duration(text).is_err(), "{text}");
    }
}

#[test]
fn how_fast() {
    let pace = |line: &str| match parse(line).unwrap().command {
        Some(Command::Restart(words)) => words.pace(),
        other => panic!("{other:?}"),
    };
    for (line, expected) in [
        ("restart alice", Pace::of(64)),
        ("restart alice --parallel 3", Pace::of(3)),
        ("restart alice --rolling", Pace::rolling(1, 1)),
        ("restart --all --rolling --parallel 4 --max-failures 3", Pace::rolling(4, 3)),
    ] {
        assert_eq!(pace(line), expected, "{line}");
    }
}
