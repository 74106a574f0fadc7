//! Filters as tables.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::{Code, Finding, Process, ProcessKey, Reading, Snapshot, State, Uid};
use crate::tui::testing;

fn bob() -> Row {
    testing::row("bob/tools", |row| {
        row.state = State::Degraded;
        row.port = Some(8102);
        row.findings = vec![Code::PortTaken];
        row.processes = vec![Arc::new(Process {
            key: ProcessKey { pid: 7, start_time: 7 },
            parent: 1,
            uid: Uid(1001),
            name: "node".into(),
            command: "/usr/bin/node /opt/mcp/src/main.js --config=/Srv/Config.json".into(),
            state: 'S',
            cpu_ticks: 0,
            memory_bytes: 0,
            tasks: 1,
            open_files: Reading::Unasked,
            cgroup: Reading::Unasked,
            elsewhere: false,
            started_at: testing::moment(0).wall,
        })];
    })
}

fn hit(text: &str) -> Option<Hit> {
    Query::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}")).hit(&bob(), &mut String::new())
}

#[test]
fn words_are_met_or_not() {
    let kept = [
        "",
        "bob",
        "BOB",
        "8102",
        "tools degraded",
        "config.json",
        "mcp/src",
        "port:81",
        "port:8100-8110",
        "port:8100-",
        "port:8100-8",
        "port:9000,8102",
        "state:deg",
        "state:crashed,degraded",
        "STATE:Degraded",
        "state:up",
        "!alice",
        "finding:taken",
        "finding:error",
        "finding:drift,port-taken",
        "supervisor:proc",
        "by:process",
        "user:bob",
        "user:BO",
        "user:=bob",
        "owner:al,bob",
        "user:1001",
        "state:!running",
        "!state:down",
        "!!alice",
        "state:",
        "state:do",
        "state:,,",
        "user:=",
        "port:-",
        "!",
        "/",
        "//",
        "/^bob/",
        "/NODE/",
        "/main.js --config/",
        "/t[ao]ken",
        "!/alice/",
        "/opt/mcp/",
        "/bob/ state:degraded",
    ];
    for text in kept {
        assert_eq!(hit(text), Some(Hit::Exact), "{text}");
    }
    let left_out = [
        "alice",
        "!bob",
        "port:9",
        "port:8200-8300",
        "port:8300-8200",
        "state:down",
        "state:running,stopped",
        "finding:drift",
        "bob alice",
        "state:!degraded",
        "z",
        "user:=bo",
        "supervisor:systemd",
        "!/bob/",
        "/^tools/",
        "!state:!crashed",
    ];
    for text in left_out {
        assert_eq!(hit(text), None, "{text}");
    }
}

#[test]
fn letters_in_order_are_near_when_they_are_close() {
    for text in ["btls", "bt", "bbtools", "ptaken", "nde", "bo/t"] {
        assert_eq!(hit(text), Some(Hit::Near), "{text}");
    }
    // Scattered, out of order, from a word's middle, one letter, or only in the long command.
    for text in ["bs", "slotbob", "ols8", "olb", "x", "umj", "pnken"] {
        assert_eq!(hit(text), None, "{text}");
    }
    assert_eq!(hit("!btls"), Some(Hit::Exact), "letters in order exclude nobody");
}

#[test]
fn what_is_wrong_is_said() {
    let cases = [
        ("colour:red", "there is no field colour: but user: port: state: supervisor: finding:"),
        (
            "state:broken",
            "there is no state broken: running, degraded, crashed, crash-loop, starting, stopping, stopped, unknown, up or down",
        ),
        ("state:running,x", "there is no state x"),
        ("port:http", "http is no port"),
        ("port:99999", "99999 is no port"),
        ("port:1-x", "1-x is no port"),
        ("bob /a(/", "wrong expression: unclosed group"),
        ("/a(", "wrong expression: unclosed group"),
        (r"/\w{9000}/", "the expression is too large"),
    ];
    for (text, expected) in cases {
        let wrong = Query::parse(text).unwrap_err();
        assert!(wrong.as_str().starts_with(expected), "{text}: {wrong}");
    }
}

#[test]
fn a_colon_alone_makes_no_field() {
    let stranger = testing::row("bob/:8190", |row| row.port = Some(8190));
    for text in ["bob/:8190", ":8190"] {
        assert!(Query::parse(text).unwrap().keeps(&stranger), "{text}");
    }
    assert!(!Query::parse("127.0.0.1:8081").unwrap().keeps(&stranger));
    assert!(Query::parse("  ").unwrap().is_empty());
}

#[test]
fn words_about_users_are_taken_out() {
    assert_eq!(without_users("user:=bob state:up owner:x !user:eve /user:a b/"), "state:up !user:eve /user:a b/");
    assert_eq!(without_users("user:bob"), "");
}

fn snapshot() -> Snapshot {
    let rows = vec![
        testing::row("alice", |_| {}),
        testing::row("bob", |row| row.state = State::Crashed),
        bob(),
        testing::row("bobby", |row| row.state = State::CrashLoop),
    ];
    let mut snapshot = (*testing::snapshot(1, rows)).clone();
    snapshot.findings = vec![Finding {
        code: Code::PortDrift,
        instances: vec![],
        port: None,
        processes: vec![],
        since: testing::moment(0).wall,
        evidence: "it listens elsewhere".into(),
        remedies: vec![],
    }];
    snapshot
}

#[test]
fn fields_and_what_the_fleet_has_are_offered() {
    let snapshot = snapshot();
    let cases: [(&str, usize, &str); 18] = [
        ("", 0, "user: port: state: supervisor: finding: host:"),
        ("s", 0, "state: supervisor:"),
        ("bob !S", 5, "state: supervisor:"),
        ("bob ", 4, "user: port: state: supervisor: finding: host:"),
        ("x", 0, ""),
        ("user:", 5, "alice bob bobby"),
        ("user:bo", 5, "bob bobby"),
        ("user:=bob", 6, "bobby"),
        ("owner:A", 6, "alice"),
        ("state:", 6, "running degraded crashed crash-loop up down"),
        ("state:cr", 6, "crashed crash-loop"),
        ("state:crashed,c", 14, "crash-loop"),
        ("state:!cr", 7, "crashed crash-loop"),
        ("supervisor:", 11, "process"),
        ("finding:port", 8, "port-drift port-taken"),
        ("port:810", 5, "8101 8102"),
        ("/sta", 0, ""),
        ("colour:", 0, ""),
    ];
    for (text, start, expected) in cases {
        let found = complete(text, text.len(), Some(&snapshot));
        assert_eq!((found.start, found.options.join(" ").as_str()), (start, expected), "{text}");
        assert_eq!(found.end, text.len());
    }
    assert_eq!(complete("state:cr bob", 8, Some(&snapshot)).options, ["crashed", "crash-loop"], "in the middle");
    assert_eq!(complete("user:", 5, None).options, [""; 0]);
}

proptest! {
    #[test]
    fn any_text_is_read_and_any_row_compared(text in "[ !/:,=()\\\\a-z0-9\u{e9}-]{0,40}|\\PC{0,40}|(!|/|state:|port:|user:|bob|-|,|8| ){0,12}") {
        if let Ok(query) = Query::parse(&text) {
            query.keeps(&bob());
        }
        for cursor in 0..=text.len() {
            let found = complete(&text, cursor, Some(&snapshot()));
            prop_assert!(text.is_char_boundary(found.start) && found.start <= found.end && found.end <= text.len());
        }
    }

    #[test]
    fn words_lose_nothing_but_blanks(text in "[ !/a:]{0,20}") {
        let joined: String = split(&text).iter().map(|(at, word)| { assert!(text[*at..].starts_with(word)); *word }).collect();
        let without = |text: &str| text.chars().filter(|character| *character != ' ').collect::<String>();
        prop_assert_eq!(without(&joined), without(&text));
    }
}
