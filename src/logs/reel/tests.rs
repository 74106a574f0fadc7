//! A reel on real files: older lines, several logs, searching, storms.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;
use crate::logs::{Goal, Pattern};

struct Plain(PathBuf);

impl Opener for Plain {
    fn open(&self) -> io::Result<File> {
        File::open(&self.0)
    }

    fn beside(&self, suffix: &str) -> io::Result<File> {
        File::open(format!("{}{suffix}", self.0.display()))
    }
}

fn reel(paths: &[&Path]) -> Reel {
    let log = |path: &&Path| Log {
        opener: Arc::new(Plain(path.to_path_buf())),
        path: Shown::new(&path.to_string_lossy()),
        account: "alice".into(),
    };
    Reel::open(paths.iter().map(log).collect()).unwrap()
}

fn until(reel: &Reel, what: &str, ask: Ask, seen: impl Fn(&Page) -> bool) -> Page {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let page = reel.page(&ask);
        if seen(&page) {
            return page;
        }
        assert!(Instant::now() < deadline, "{what}: {page:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn texts(page: &Page) -> Vec<&str> {
    page.lines.iter().map(|line| line.text.as_str()).collect()
}

fn last(count: usize) -> Ask {
    Ask { count, ..Ask::default() }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_is_older_is_read_when_somebody_looks_for_it_and_no_line_twice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let lines = |range: std::ops::Range<u32>| range.map(|number| format!("line {number}\n")).collect::<String>();
    fs::write(directory.path().join("log.1"), lines(0..5_000)).unwrap();
    fs::write(&path, lines(5_000..40_000)).unwrap();
    let reel = reel(&[&path]);
    let page = until(&reel, "the last lines", last(2), |page| texts(page).last() == Some(&"line 39999"));
    assert_eq!((texts(&page), page.kept), (vec!["line 39998", "line 39999"], 2_000));
    // It is rotated and goes on before anybody looks further back.
    fs::rename(directory.path().join("log.1"), directory.path().join("log.2")).unwrap();
    fs::rename(&path, directory.path().join("log.1")).unwrap();
    append(&path, &lines(40_000..40_010));
    until(&reel, "the new file", last(1), |page| texts(page) == ["line 40009"]);
    let head = Ask { at: At::Oldest, count: 3, ..Ask::default() };
    let page = until(&reel, "the head", head, |page| page.kept > 40_000);
    assert_eq!(texts(&page), ["line 0", "line 1", "line 2"]);
    assert_eq!(page.kept, 40_011, "each line once, and the mark of the rotation");
    reel.sift(Want { keep: vec![Pattern::new("9999$").unwrap()], ..Want::default() });
    let page = until(&reel, "the kept ones", last(9), |page| page.sifting.is_none());
    assert_eq!(texts(&page), ["line 9999", "line 19999", "line 29999", "line 39999"]);
}

#[test]
fn a_search_that_needs_older_lines_answers_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    fs::write(&path, (0..30_000).map(|number| format!("line {number}\n")).collect::<String>()).unwrap();
    let reel = reel(&[&path]);
    until(&reel, "the last lines", last(2), |page| page.kept > 0);
    reel.sift(Want { search: Some(Pattern::new("line 12345$").unwrap()), ..Want::default() });
    let sought = Sought { goal: Goal::Match, from: None, forward: false, inclusive: true, wraps: true };
    assert_eq!(reel.find(&sought), Find::Later);
    let deadline = Instant::now() + Duration::from_secs(30);
    let number = loop {
        if let Find::At { number, wrapped } = reel.find(&sought) {
            assert!(!wrapped);
            break number;
        }
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(5));
    };
    let page = reel.page(&Ask { at: At::Ending(number), count: 1, since: None, current: Some(number) });
    assert_eq!((texts(&page), page.found, page.rank), (vec!["line 12345"], 1, 1));
}

#[test]
fn several_logs_are_one_by_time_and_what_cannot_be_read_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two, none) = (directory.path().join("one"), directory.path().join("two"), directory.path().join("none"));
    let at = |second: u32, text: &str| format!("2026-11-21T03:12:{second:02}Z {text}\n");
    fs::write(&one, [at(1, "a"), at(3, "c"), "  at c.js\n".to_owned()].concat()).unwrap();
    fs::write(&two, [at(2, "b"), at(4, "d")].concat()).unwrap();
    let reel = reel(&[&one, &two, &none]);
    let page = until(&reel, "all of them", last(9), |page| page.kept == 6);
    let told: Vec<(u16, &str)> = page.lines.iter().map(|line| (line.source, line.text.as_str().rsplit(' ').next().unwrap())).collect();
    let path = none.display().to_string();
    assert_eq!(told, [(2, path.as_str()), (0, "a"), (1, "b"), (0, "c"), (0, "c.js"), (1, "d")]);
    append(&two, &at(6, "f"));
    append(&one, &at(5, "e"));
    until(&reel, "what is new", last(1), |page| page.kept == 8);
}

#[test]
fn a_storm_under_a_search_is_survived_and_its_end_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    append(&path, "INFO the first\n");
    let reel = reel(&[&path]);
    reel.sift(Want { search: Some(Pattern::new("again 7").unwrap()), ..Want::default() });
    let block: String = (0..2000).map(|number| format!("INFO the same line again {number} and again\n")).collect();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(1) {
        append(&path, &block);
        assert!(reel.page(&last(50)).lines.len() <= 50);
        thread::sleep(Duration::from_millis(3));
    }
    append(&path, "ERROR the end\n");
    let page = until(&reel, "the end", last(1), |page| texts(page) == ["ERROR the end"] && page.sifting.is_none());
    assert!(page.found > 0);
}

#[test]
fn who_draws_does_not_wait_while_somebody_has_the_lines() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    append(&path, "one\ntwo\n");
    let reel = reel(&[&path]);
    until(&reel, "two lines", last(5), |page| page.lines.len() == 2);
    let held = reel.shared.now();
    assert_eq!(reel.page_at_once(&last(5)), None);
    drop(held);
    let deadline = Instant::now() + Duration::from_secs(30);
    let page = loop {
        if let Some(page) = reel.page_at_once(&last(5)) {
            break page;
        }
        assert!(Instant::now() < deadline, "nobody lets go of the lines");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(texts(&page), ["one", "two"]);
}
