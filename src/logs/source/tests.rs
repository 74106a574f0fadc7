//! A log on disk, and all that is done to one.

use super::*;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::patience::bytes_read;

const TRUNCATED: &str = "# the log was truncated: lines may be missing here";
const COPIED: &str = "# the log was copied and truncated: lines that were written between the two may be missing here";

struct Plain(PathBuf);

impl Opener for Plain {
    fn open(&self) -> io::Result<File> {
        File::open(&self.0)
    }

    fn beside(&self, suffix: &str) -> io::Result<File> {
        File::open(format!("{}{suffix}", self.0.display()))
    }
}

/// Fails as it is told.
struct Failing(Mutex<io::Error>);

impl Opener for Failing {
    fn open(&self) -> io::Result<File> {
        let error = self.0.lock().unwrap();
        Err(error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error))
    }
}

struct Log {
    _directory: tempfile::TempDir,
    path: PathBuf,
    source: Source,
}

impl Log {
    fn new(keep: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.log");
        let source = Source::new(Arc::new(Plain(path.clone())), Shown::new("/l/server.log"), Shown::new("alice"), keep);
        Self { _directory: directory, path, source }
    }

    fn with(keep: usize, text: &str) -> Self {
        let log = Self::new(keep);
        log.add(text);
        log
    }

    fn add(&self, text: &str) {
        append(&self.path, text);
    }

    fn look(&mut self) -> Vec<String> {
        self.source.look().told()
    }

    fn beside(&self) -> PathBuf {
        self.path.with_extension("log.1")
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn it_begins_with_the_last_lines_and_goes_on() {
    let mut log = Log::with(2, "one\ntwo\nthree\n");
    assert_eq!(log.look(), ["one", "two", "three"]);
    assert!(log.look().is_empty());
    log.add("four\nfi");
    let batch = log.source.look();
    assert_eq!(batch.told(), ["four"]);
    assert_eq!(batch.open_text().unwrap(), "fi");
    log.add("ve\n");
    let batch = log.source.look();
    assert_eq!(batch.told(), ["five"]);
    assert_eq!(batch.open_text(), None);
}

#[test]
fn of_a_long_log_only_the_end_is_taken_and_nothing_counts_as_dropped() {
    let text: String = (0..50_000).map(|number| format!("line {number}\n")).collect();
    let mut log = Log::with(100, &text);
    let batch = log.source.look();
    assert_eq!(batch.told().len(), 100);
    assert_eq!(batch.told()[0], "line 49900");
    assert_eq!(batch.dropped, 0);
}

#[test]
fn f14_ten_gigabytes_begin_at_once() {
    let mut log = Log::with(2, "");
    let file = OpenOptions::new().write(true).open(&log.path).unwrap();
    file.set_len(10 << 30).unwrap();
    file.write_all_at(b"\none\ntwo\n", 10 << 30).unwrap();
    let before = bytes_read();
    assert_eq!(log.look(), ["one", "two"]);
    assert!(bytes_read() - before < 1 << 20);
}

#[test]
fn what_comes_too_fast_is_counted_exactly() {
    let mut log = Log::with(100, "before\nhal");
    log.look();
    let text: String = (0..50_000).map(|number| format!("line {number}\n")).collect();
    log.add(&text);
    let batch = log.source.look();
    let told = batch.told();
    assert_eq!(told[0], "# 49900 lines were passed over: they came faster than they can be kept");
    assert_eq!((told.len(), told[1].as_str(), told[100].as_str()), (101, "line 49900", "line 49999"));
    assert_eq!(batch.dropped, 49_900);
    log.add("next\n");
    assert_eq!(log.look(), ["next"]);
}

#[test]
fn a_line_longer_than_all_that_is_taken_in_is_told_in_bytes() {
    let mut log = Log::with(100, "before\n");
    log.look();
    log.add(&"x".repeat(6_000_000));
    let batch = log.source.look();
    assert_eq!(batch.told(), ["# 2 MB were passed over: they came faster than they can be kept"]);
    assert!(batch.open_text().unwrap().starts_with("…x"));
    log.add("y\nnext\n");
    let told = log.look();
    assert!(told[0].starts_with("…x") && told[0].ends_with('…'));
    assert_eq!(told[1], "next");
}

#[test]
fn a_rename_is_followed_and_the_old_file_read_to_its_end() {
    let mut log = Log::with(100, "one\n");
    log.look();
    log.add("two\nlast without end");
    fs::rename(&log.path, log.beside()).unwrap();
    log.add("three as a line of its own\n");
    assert_eq!(log.look(), ["two", "last without end", "# the log was rotated", "three as a line of its own"]);
    append(&log.beside(), "written to the old one later\n");
    log.add("four\n");
    assert_eq!(log.look(), ["four"]);
}

#[test]
fn until_the_writer_changes_over_the_old_file_is_followed() {
    let mut log = Log::with(100, "one\n");
    log.look();
    fs::rename(&log.path, log.beside()).unwrap();
    log.add("");
    append(&log.beside(), "two\n");
    assert_eq!(log.look(), ["two"]);
    append(&log.beside(), "three\n");
    assert_eq!(log.look(), ["three"]);
    append(&log.beside(), "four\n");
    log.add("five\n");
    assert_eq!(log.look(), ["four", "# the log was rotated", "five"]);
}

#[test]
fn a_log_that_is_gone_for_a_moment_was_only_rotated() {
    let mut log = Log::with(100, "one\n");
    log.look();
    fs::rename(&log.path, log.beside()).unwrap();
    assert!(log.look().is_empty());
    append(&log.beside(), "two\n");
    assert_eq!(log.look(), ["two"]);
    log.add("three\n");
    assert_eq!(log.look(), ["# the log was rotated", "three"]);
}

#[test]
fn a_removed_log_is_told_once_and_still_followed() {
    let mut log = Log::with(100, "one\n");
    let writer = OpenOptions::new().append(true).open(&log.path).unwrap();
    log.look();
    fs::remove_file(&log.path).unwrap();
    let told: Vec<_> = (0..20).flat_map(|_| log.look()).collect();
    assert_eq!(told, ["# the log was removed; what is still written to it is shown"]);
    (&writer).write_all(b"two\n").unwrap();
    assert_eq!(log.look(), ["two"]);
    log.add("three\n");
    assert_eq!(log.look(), ["# the log was removed and begun anew: lines may be missing here", "three"]);
}

#[test]
fn a_shorter_log_was_truncated() {
    let mut log = Log::with(100, "one\ntwo\nhalf");
    log.look();
    fs::write(&log.path, "new\n").unwrap();
    assert_eq!(log.look(), ["half", TRUNCATED, "new"]);
}

#[test]
fn copied_and_truncated_and_longer_again_is_noticed() {
    let mut log = Log::with(100, "one line and another\ntwo\n");
    log.look();
    fs::copy(&log.path, log.beside()).unwrap();
    fs::write(&log.path, "a new beginning\nand more than there was before that\n").unwrap();
    // The copy holds nothing that was not seen.
    assert_eq!(log.look(), [COPIED, "a new beginning", "and more than there was before that"]);
    log.add("on\n");
    assert_eq!(log.look(), ["on"]);
}

#[test]
fn an_inode_that_is_used_again_is_no_trap() {
    let mut log = Log::with(100, "one\n");
    log.look();
    for round in 0..20 {
        fs::remove_file(&log.path).unwrap();
        log.add(&format!("round {round}\n"));
        assert_eq!(log.look(), [format!("# {REPLACED}"), format!("round {round}")]);
    }
}

#[test]
fn a_log_that_appears_later_is_read_from_its_start() {
    let mut log = Log::new(100);
    for _ in 0..3 {
        let batch = log.source.look();
        assert!(batch.told().is_empty());
        assert_eq!(batch.notice.unwrap().as_str(), "there is no log yet at /l/server.log");
    }
    log.add("one\n");
    let batch = log.source.look();
    assert_eq!((batch.told(), batch.notice), (vec!["# the log is there now".to_owned(), "one".to_owned()], None));
    assert!(log.look().is_empty());
}

#[test]
fn why_there_is_nothing_is_said_in_words() {
    let cases = [
        (io::Error::from_raw_os_error(libc::ENOENT), "there is no log yet at /l"),
        (io::Error::from_raw_os_error(libc::EACCES), "/l may not be read by alice"),
        (io::ErrorKind::PermissionDenied.into(), "/l may not be read by alice"),
        (io::Error::from_raw_os_error(libc::ELOOP), "/l leads over a symbolic link, which is not followed"),
        (io::Error::from_raw_os_error(libc::EXDEV), "/l leads out of the tree that it should be in"),
        (io::ErrorKind::TimedOut.into(), "/l did not open in time"),
        (io::Error::from_raw_os_error(libc::EIO), "/l cannot be read: Input/output error (os error 5)"),
    ];
    for (error, words) in cases {
        let mut source = Source::new(Arc::new(Failing(Mutex::new(error))), Shown::new("/l"), Shown::new("alice"), 10);
        assert_eq!(source.look().notice.unwrap().as_str(), words);
    }
}

#[test]
fn an_openers_own_reason_is_told() {
    struct Others;
    impl Opener for Others {
        fn open(&self) -> io::Result<File> {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to bob"))
        }
    }
    let mut source = Source::new(Arc::new(Others), Shown::new("/l"), Shown::new("alice"), 10);
    assert_eq!(source.look().notice.unwrap().as_str(), "/l may not be read: it belongs to bob");
}

#[test]
fn a_character_that_is_written_in_two_halves_is_whole() {
    let mut log = Log::with(100, "");
    log.look();
    let bytes = "größe\n".as_bytes();
    let mut file = OpenOptions::new().append(true).open(&log.path).unwrap();
    file.write_all(&bytes[..3]).unwrap();
    assert_eq!(log.source.look().open_text().unwrap(), "gr");
    file.write_all(&bytes[3..]).unwrap();
    assert_eq!(log.look(), ["größe"]);
}

#[test]
fn rotating_without_a_pause_loses_the_thread_but_never_the_way() {
    let mut log = Log::with(100, "begin\n");
    log.look();
    for round in 0..100 {
        log.add(&format!("a {round}\n"));
        if round % 3 == 0 {
            fs::rename(&log.path, log.beside()).unwrap();
        } else if round % 3 == 1 {
            fs::write(&log.path, "").unwrap();
        }
        log.add(&format!("b {round}\n"));
        let told = log.look();
        assert_eq!(told.last().unwrap(), &format!("b {round}"), "{told:?}");
        assert_eq!(told.iter().filter(|line| **line == format!("b {round}")).count(), 1);
    }
}

#[test]
fn what_was_written_before_a_copy_and_truncation_is_read_from_the_copy() {
    let mut log = Log::with(100, "one line and another\ntwo\nhal");
    log.look();
    log.add("f\nthree\n");
    fs::copy(&log.path, log.beside()).unwrap();
    fs::write(&log.path, "four as another line\n").unwrap();
    assert_eq!(log.look(), ["half", "three", COPIED, "four as another line"]);
    // Twice between two looks.
    log.add("five\n");
    fs::rename(log.beside(), log.path.with_extension("log.2")).unwrap();
    fs::copy(&log.path, log.beside()).unwrap();
    fs::write(&log.path, "six\n").unwrap();
    fs::rename(log.beside(), log.path.with_extension("log.2")).unwrap();
    fs::copy(&log.path, log.beside()).unwrap();
    fs::write(&log.path, "seven\n").unwrap();
    assert_eq!(log.look(), ["five", COPIED, "six", COPIED, "seven"]);
}

#[test]
fn every_gap_is_counted() {
    let mut log = Log::with(100, "one line and another\ntwo\n");
    log.look();
    for (text, gaps) in [("three\n", 1), ("this is four\n", 1), ("", 1)] {
        fs::write(&log.path, text).unwrap();
        let batch = log.source.look();
        assert_eq!((batch.gaps, batch.told()[0].as_str()), (gaps, TRUNCATED), "{text:?}");
    }
    log.add("on\n");
    assert_eq!(log.source.look().gaps, 0);
}

#[test]
fn what_grew_from_very_little_after_a_truncation_may_be_another_filling() {
    let mut log = Log::with(100, "one line and another\ntwo\n");
    log.look();
    fs::write(&log.path, "line ").unwrap();
    assert_eq!(log.look(), [TRUNCATED]);
    fs::write(&log.path, "line 9\n").unwrap();
    assert_eq!(log.look(), [TRUNCATED, "line 9"]);
}

#[test]
fn an_old_copy_is_not_taken_for_a_new_one() {
    let mut log = Log::with(100, "banner\n");
    fs::write(log.beside(), "banner\nof another day\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    log.add("one\n");
    log.look();
    fs::write(&log.path, "banner\n").unwrap();
    assert_eq!(log.look(), [TRUNCATED, "banner"]);
}

#[test]
fn files_that_came_and_went_between_two_looks_are_read() {
    let mut log = Log::with(100, "zero\n");
    log.look();
    let older = |number: u32| log.path.with_extension(format!("log.{number}"));
    let rotate = |text: &str| {
        for number in (1..4).rev() {
            let _ = fs::rename(older(number), older(number + 1));
        }
        fs::rename(&log.path, older(1)).unwrap();
        append(&log.path, text);
    };
    append(&log.path, "one\n");
    for text in ["two\n", "three\n", "four\n"] {
        rotate(text);
    }
    let rotated = "# the log was rotated";
    let told = log.source.look().told();
    assert_eq!(told, ["one", rotated, "two", rotated, "three", rotated, "four"]);
    // More often than files are kept: what was followed is gone, what is left is read, and the gap is told.
    std::thread::sleep(std::time::Duration::from_millis(20));
    for text in ["a\n", "b\n", "c\n", "d\n", "e\n", "f\n"] {
        let _ = fs::remove_file(log.path.with_extension("log.3"));
        let older = |number: u32| log.path.with_extension(format!("log.{number}"));
        for number in (1..3).rev() {
            let _ = fs::rename(older(number), older(number + 1));
        }
        fs::rename(&log.path, older(1)).unwrap();
        append(&log.path, text);
        let _ = fs::remove_file(older(4));
    }
    let told = log.look();
    assert_eq!(
        told,
        [
            "# the log was rotated faster than it could be followed: lines may be missing here",
            rotated,
            "c",
            rotated,
            "d",
            rotated,
            "e",
            rotated,
            "f"
        ]
    );
}
