//! A log with older files, asked in every way.

use super::*;
use crate::logs::seek::time_before;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use std::fs;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

const BEGIN: Timestamp = Timestamp::constant(1_795_230_000, 0);

struct Log(tempfile::TempDir);

impl Opener for Log {
    fn open(&self) -> io::Result<File> {
        self.beside("")
    }
    fn beside(&self, suffix: &str) -> io::Result<File> {
        File::open(self.path(suffix))
    }
}

impl Log {
    fn new(files: &[(&str, &str)]) -> Self {
        let log = Self(tempfile::tempdir().unwrap());
        for (suffix, text) in files {
            log.write(suffix, text);
        }
        log
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.0.path().join(format!("log{suffix}"))
    }

    fn write(&self, suffix: &str, text: &str) {
        let bytes = if suffix.ends_with(".gz") {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(text.as_bytes()).unwrap();
            packer.finish().unwrap()
        } else {
            text.as_bytes().to_vec()
        };
        fs::write(self.path(suffix), bytes).unwrap();
    }

    fn asked(&self, query: Query) -> Vec<String> {
        let told = |line: io::Result<LogLine>| {
            let line = line.unwrap();
            if line.kind == LogLineKind::Mark { format!("# {}", line.text) } else { line.text.to_string() }
        };
        history(self, query).unwrap().map(told).collect()
    }
}

fn last(count: usize) -> Query {
    Query { last: Some(count), ..Query::default() }
}

fn grep(expression: &str) -> Query {
    Query { grep: Some(Pattern::new(expression).unwrap()), ..Query::default() }
}

fn at(second: i64) -> Option<Timestamp> {
    Some(BEGIN + second.seconds())
}

/// Lines of these seconds.
fn timed(seconds: std::ops::Range<i64>) -> String {
    seconds.map(|second| format!("{} line {second}\n", BEGIN + second.seconds())).collect()
}

/// The numbers that are left of such lines.
fn numbers(lines: &[String]) -> Vec<i64> {
    lines.iter().filter_map(|line| line.rsplit_once("line ")?.1.parse().ok()).collect()
}

#[test]
fn older_files_fill_up_what_is_missing() {
    let log = Log::new(&[("", "e\nf"), (".1", "c\nd\n"), (".2.gz", "a\nb\n")]);
    assert_eq!(log.asked(last(1)), ["f"]);
    assert_eq!(log.asked(last(3)), ["d", "e", "f"]);
    assert_eq!(log.asked(last(5)), ["b", "c", "d", "e", "f"]);
    assert_eq!(log.asked(last(50)), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(log.asked(Query::default()), ["a", "b", "c", "d", "e", "f"]);
    assert!(log.asked(last(0)).is_empty());
    // Just renamed, or not there at all.
    fs::remove_file(log.path("")).unwrap();
    assert_eq!(log.asked(last(3)), ["b", "c", "d"]);
    assert_eq!(history(&Log::new(&[]), last(1)).map(|_| ()).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_moment_reaches_back_as_far_as_it_has_to() {
    let log = Log::new(&[("", &timed(20..30)), (".1", &timed(10..20)), (".2.gz", &timed(0..10))]);
    let since = |second| Query { since: at(second), ..Query::default() };
    assert_eq!(numbers(&log.asked(since(25))), (25..30).collect::<Vec<_>>());
    assert_eq!(numbers(&log.asked(since(12))), (12..30).collect::<Vec<_>>());
    assert_eq!(numbers(&log.asked(since(5))), (5..30).collect::<Vec<_>>());
    assert_eq!(numbers(&log.asked(since(-5))), (0..30).collect::<Vec<_>>());
    assert!(log.asked(since(31)).is_empty());
    assert_eq!(numbers(&log.asked(Query { last: Some(3), ..since(5) })), [27, 28, 29]);
    assert_eq!(numbers(&log.asked(Query { last: Some(30), ..since(28) })), [28, 29]);
    assert_eq!(numbers(&log.asked(Query { since: at(9), ..grep("9$") })), [9, 19, 29]);
    assert_eq!(numbers(&log.asked(Query { since: at(10), last: Some(1), ..grep("[14]$") })), [24]);
}

#[test]
fn what_has_no_time_belongs_to_the_line_before_it() {
    let text = format!("lead\n{}  at x\n  at y\n{}", timed(0..1), timed(5..6));
    let log = Log::new(&[("", &text)]);
    assert_eq!(log.asked(Query { since: at(0), ..Query::default() }).len(), 4);
    assert_eq!(log.asked(Query { since: at(1), ..Query::default() }).len(), 1);
    let lines: Vec<_> = history(&log, last(3)).unwrap().map(|line| line.unwrap().at).collect();
    assert_eq!(lines, [at(0), at(0), at(5)]);
    let lines: Vec<_> = history(&log, Query { last: Some(1), ..grep("at y") }).unwrap().map(|line| line.unwrap().at).collect();
    assert_eq!(lines, [at(0)]);
}

#[test]
fn without_times_a_moment_is_not_pretended() {
    let log = Log::new(&[("", "a\nb\n"), (".1", "c\n")]);
    let told = log.asked(Query { since: at(0), ..Query::default() });
    assert_eq!(told, ["# the lines of this log have no times: these are the last ones", "a", "b"]);
    let previous = Query { previous: true, started: at(0), ..last(10) };
    assert_eq!(history(&log, previous).map(|_| ()).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn the_run_before_ends_where_this_one_was_started() {
    let log = Log::new(&[("", &timed(20..30)), (".1", &timed(10..20)), (".2.gz", &timed(0..10))]);
    let previous = |started, count| Query { previous: true, started: at(started), last: count, ..Query::default() };
    assert_eq!(numbers(&log.asked(previous(25, Some(3)))), [22, 23, 24]);
    assert_eq!(numbers(&log.asked(previous(21, Some(3)))), [18, 19, 20]);
    assert_eq!(numbers(&log.asked(previous(20, Some(3)))), [17, 18, 19]);
    assert_eq!(numbers(&log.asked(previous(8, Some(3)))), [5, 6, 7]);
    assert_eq!(numbers(&log.asked(previous(3, None))), [0, 1, 2]);
    assert_eq!(numbers(&log.asked(Query { grep: Some(Pattern::new("5$").unwrap()), ..previous(28, Some(2)) })), [15, 25]);
    // Otherwise the place is marked, once.
    let told = log.asked(Query { started: at(27), ..last(5) });
    assert_eq!(told.iter().position(|line| line == "# the process that runs now was started here"), Some(2), "{told:?}");
    assert_eq!(told.len(), 6);
    assert_eq!(log.asked(Query { started: at(20), ..last(5) }).len(), 5);
}

#[test]
fn the_last_that_match_are_found_from_the_end() {
    let text: String = (0..100_000)
        .map(|number| format!("{} {number}\n", if number % 1000 == 7 { "Found" } else { "other and longer than that" }))
        .collect();
    let log = Log::new(&[("", &text), (".1", "Found in the older one\n")]);
    let asked = |count, expression| log.asked(Query { last: Some(count), ..grep(expression) });
    assert_eq!(asked(3, "found"), ["Found 97007", "Found 98007", "Found 99007"]);
    assert_eq!(asked(1, "Found 7$"), ["Found 7"]);
    let all = asked(1000, "Found");
    assert_eq!((all.len(), all[0].as_str(), all[1].as_str()), (101, "Found in the older one", "Found 7"));
    assert!(asked(5, "FOUND").is_empty());
}

#[test]
fn a_match_is_found_in_what_is_shown() {
    let long = "x".repeat(3_000_000);
    let log = Log::new(&[("", &format!("\u{1b}[31mER\u{1b}[0mROR\n{long}\nlast\n{long}end"))]);
    assert_eq!(log.asked(Query { last: Some(1), ..grep("^error$") }), ["ERROR"]);
    let lines = log.asked(Query { last: Some(9), ..grep("xx|last") });
    assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [128 * 1024 + 3, 4, 128 * 1024 + 3]);
}

#[test]
fn a_packed_file_that_ends_too_early_is_told_as_far_as_it_goes() {
    let log = Log::new(&[("", "z\n")]);
    let text: String = (0..50_000).map(|number| format!("line {number} {}\n", number * 7919 % 10_007)).collect();
    log.write(".1.gz", &text);
    let packed = fs::read(log.path(".1.gz")).unwrap();
    fs::write(log.path(".1.gz"), &packed[..packed.len() / 2]).unwrap();
    let told = log.asked(Query::default());
    assert_eq!(told[0], "line 0 0");
    assert!(told.iter().any(|line| line.starts_with("# an older file of this log cannot be read further")));
    assert_eq!(told.last().unwrap(), "z");
}

#[test]
fn ten_gigabytes_are_asked_in_no_time() {
    let log = Log::new(&[("", &timed(0..10))]);
    let file = File::options().write(true).open(log.path("")).unwrap();
    let size = 10 * 1024 * 1024 * 1024;
    file.set_len(size).unwrap();
    file.write_all_at(format!("\n{}", timed(100..200)).as_bytes(), size).unwrap();
    assert_eq!(numbers(&log.asked(last(50))), (150..200).collect::<Vec<_>>());
    assert_eq!(numbers(&log.asked(Query { since: at(190), ..Query::default() })), (190..200).collect::<Vec<_>>());
    let times = Times::new(TimeZone::UTC, BEGIN);
    assert_eq!(time_before(&file_of(&log), size + 1, &times).unwrap(), None);
}

fn file_of(log: &Log) -> File {
    log.open().unwrap()
}
