//! The ways in which loggers write a time.

use super::*;
use proptest::prelude::*;

fn times() -> Times {
    let zone = TimeZone::fixed(Offset::constant(2));
    Times::new(zone, "2026-11-21T04:00:00Z".parse().unwrap())
}

fn own(line: &str) -> Option<String> {
    times().own(line).map(|at| at.to_string())
}

#[test]
fn every_logger_has_its_own_way() {
    let table = [
        ("2026-11-21T03:12:04.120Z started", "2026-11-21T03:12:04.12Z"),
        ("2026-11-21T03:12:04+01:00 x", "2026-11-21T02:12:04Z"),
        ("2026-11-21T03:12:04.123456789123Z x", "2026-11-21T03:12:04.123456789Z"),
        ("2026-11-21 03:12:04,120 - app - INFO - x", "2026-11-21T01:12:04.12Z"),
        ("[2026-11-21 03:12:04 +0000] [12] [INFO] x", "2026-11-21T03:12:04Z"),
        ("[2026-11-21 03:12] x", "2026-11-21T01:12:00Z"),
        ("INFO 2026-11-21 03:12:04.5 x", "2026-11-21T01:12:04.5Z"),
        ("2026/11/21 03:12:04 [error] 31#31: x", "2026-11-21T01:12:04Z"),
        ("2026-11-21, 03:12:04 x", "2026-11-21T01:12:04Z"),
        ("2026-11-21 03:12:60 UTC x", "2026-11-21T03:12:59Z"),
        ("127.0.0.1 - - [21/Nov/2026:03:12:04 +0100] \"GET / HTTP/1.1\" 200", "2026-11-21T02:12:04Z"),
        ("Nov 21 03:12:04 host app[12]: x", "2026-11-21T01:12:04Z"),
        ("Nov  3 03:12:04 host app[12]: x", "2026-11-03T01:12:04Z"),
        ("Dec 31 03:12:04 host app[12]: x", "2025-12-31T01:12:04Z"),
        ("Sat Nov 21 03:12:04 2020 x", "2020-11-21T01:12:04Z"),
        ("<13>Nov 21 03:12:04 x", "2026-11-21T01:12:04Z"),
        ("I1121 03:12:04.500000       1 server.go:1] x", "2026-11-21T01:12:04.5Z"),
        ("1795230724 x", "2026-11-21T03:12:04Z"),
        ("[1795230724.25] x", "2026-11-21T03:12:04.25Z"),
        ("1795230724120 x", "2026-11-21T03:12:04.12Z"),
        ("{\"level\":30,\"time\":1795230724120,\"msg\":\"x\"}", "2026-11-21T03:12:04.12Z"),
        ("{\"ts\": 1795230724.5, \"msg\":\"x\"}", "2026-11-21T03:12:04.5Z"),
        ("{\"timestamp\":\"2026-11-21T03:12:04Z\"}", "2026-11-21T03:12:04Z"),
        ("{\"asctime\":\"2026-11-21 03:12:04,120\"}", "2026-11-21T01:12:04.12Z"),
        ("time=2026-11-21T03:12:04Z level=info msg=x", "2026-11-21T03:12:04Z"),
        ("level=info ts=\"2026-11-21 03:12:04\" msg=x", "2026-11-21T01:12:04Z"),
        ("level=info msg=\"a rather long text before the time comes at last\" ts=1795230724.5", "2026-11-21T03:12:04.5Z"),
    ];
    for (line, at) in table {
        assert_eq!(own(line).as_deref(), Some(at), "{line}");
    }
}

#[test]
fn what_is_no_time_is_none() {
    for line in [
        "",
        "listening on 127.0.0.1:8101",
        "2026-11-21",
        "2026-13-21 03:12:04 x",
        "2026-11-31 03:12:04 x",
        "2026-11-21 25:12:04 x",
        "2026-11-21 03",
        "12345-11-21 03:12:04",
        "8080 connections",
        "1795230724120x",
        "pid 1795230724 x",
        "Nov 21",
        "November 21 03:12:04",
        "I1121 x",
        "{\"time\":12}",
        "{\"message\":\"time\"}",
        "time=now",
        "03:12:04 x",
        "größe 日本 2026",
    ] {
        assert_eq!(own(line), None, "{line}");
    }
}

#[test]
fn a_line_without_a_time_has_that_of_the_one_before() {
    let mut times = times();
    assert_eq!(times.next("Traceback:"), None);
    let at = times.next("2026-11-21 03:12:04 ERROR x");
    assert!(at.is_some());
    assert_eq!(times.next("  at y"), at);
    times.set_last(None);
    assert_eq!(times.next("  at y"), None);
}

proptest! {
    #[test]
    fn nothing_panics(line in "([0-9]{1,20}|[-:/., TZ+]|Nov|Sat|\\{\"time\":|time=|\"|é|[a-zA-Z\\[\\]]){0,40}") {
        let _ = times().own(&line);
    }
}
