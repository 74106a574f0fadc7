//! Damage at every page, kill -9 at every step, a full disk: what is held stays held.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rusqlite::Connection;

use super::super::book::holding;
use super::*;

/// Where a child of these tests is to end itself.
pub(super) const KILL_AT: &str = "BERTH_TEST_KILL_AT";

/// The state directory that such a child works in.
const DIRECTORY: &str = "BERTH_TEST_REGISTRY";

const LONG: Duration = Duration::from_secs(600);

fn store(directory: &Path) -> Store {
    Store::below(directory, LONG)
}

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn give(store: &Store, port: u16, id: &str) -> Vec<Shown> {
    store.write(&[], |sheet| sheet.assign(port, holding(id))).unwrap().1
}

/// `PORT ID` of all that is given, and `PORT -ID` of what was released.
fn told(book: &Book) -> Vec<String> {
    let assigned = book.assigned().map(|(port, holding)| format!("{port} {}", holding.id));
    assigned.chain(book.released().map(|(port, released)| format!("{port} -{}", released.id))).collect()
}

fn read(directory: &Path) -> Vec<String> {
    told(&store(directory).read().unwrap().0)
}

/// What a writer finds, and what it says.
fn found(directory: &Path, known: &[(u16, Holding)]) -> (Vec<String>, Vec<String>) {
    let (book, notices) = store(directory).write(known, |sheet| Ok(told(sheet.book()))).unwrap();
    (book, notices.iter().map(ToString::to_string).collect())
}

/// A registry of some pages: sixty assignments and three releases.
fn filled(directory: &Path) -> Vec<String> {
    let work = |sheet: &mut Sheet<'_>| {
        for port in 8080..8143 {
            sheet.assign(port, holding(&format!("owner-with-a-longer-name-{port}/instance")))?;
        }
        for port in 8140..8143 {
            let id = holding(&format!("owner-with-a-longer-name-{port}/instance")).id;
            sheet.release(&id, at("2026-11-21T12:00:00Z"))?;
        }
        Ok(())
    };
    store(directory).write(&[], work).unwrap();
    read(directory)
}

fn aside(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".damaged-") && !name.ends_with("-journal")).collect()
}

#[test]
fn looking_makes_nothing_and_writing_makes_what_is_only_its_own() {
    let tree = tempfile::tempdir().unwrap();
    let state = tree.path().join("state");
    assert_eq!(read(&state), Vec::<String>::new());
    assert!(!state.exists());
    assert!(give(&store(&state), 8080, "amy").is_empty());
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&state).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["registry.db", "registry.db-journal", "registry.db.good", "registry.lock"]);
    assert_eq!(read(&state), ["8080 amy"]);
}

#[test]
fn what_fails_changes_nothing() {
    let tree = tempfile::tempdir().unwrap();
    give(&store(tree.path()), 8080, "amy");
    let work = |sheet: &mut Sheet<'_>| {
        sheet.release(&holding("amy").id, at("2026-11-21T12:00:00Z"))?;
        sheet.assign(8081, holding("bob"))?;
        sheet.assign(8081, holding("carol"))
    };
    assert!(store(tree.path()).write(&[], work).is_err());
    assert_eq!(read(tree.path()), ["8080 amy"]);
    // Nor is one instance given two.
    assert!(store(tree.path()).write(&[], |sheet| sheet.assign(8082, holding("amy"))).is_err());
    assert_eq!(read(tree.path()), ["8080 amy"]);
}

#[test]
fn one_writes_at_a_time_and_who_waits_too_long_is_told() {
    let tree = tempfile::tempdir().unwrap();
    let store = Store::below(tree.path(), Duration::ZERO);
    let inner = store.write(&[], |_| Ok(store.write(&[], |_| Ok(())).map(drop))).unwrap().0;
    let error = inner.unwrap_err();
    assert_eq!((error.kind(), error.way_out().is_some_and(|way| way.starts_with("fuser"))), (Kind::Busy, true));
}

/// Changes the database in `from`, copied to a place of its own, and holds what a writer and a reader find there against what was in it.
fn damaged(from: &Path, expected: &[String], what: &str, change: impl FnOnce(&mut Vec<u8>)) -> bool {
    let tree = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(from.join(FILE)).unwrap();
    change(&mut bytes);
    fs::write(tree.path().join(FILE), &bytes).unwrap();
    fs::copy(from.join(COPY), tree.path().join(COPY)).unwrap();
    let (seen, notice) = store(tree.path()).read().unwrap();
    assert_eq!(told(&seen), expected, "{what}: {notice:?}");
    let (book, notices) = found(tree.path(), &[]);
    assert_eq!(book, expected, "{what}: {notices:?}");
    // What was put aside is told, and what is told was put aside, as it was.
    let kept = aside(tree.path());
    assert_eq!(kept.len(), usize::from(!notices.is_empty() && !bytes.is_empty()), "{what}: {notices:?}");
    if let [name] = kept.as_slice() {
        assert!(notices[0].contains(name.as_str()) && notices[0].contains("60 assignments are from its last good copy"), "{notices:?}");
    }
    // From then on it is well again.
    assert_eq!(found(tree.path(), &[]), (expected.to_vec(), Vec::new()), "{what}");
    !notices.is_empty()
}

#[test]
fn f07_damage_at_any_page_loses_nothing() {
    let tree = tempfile::tempdir().unwrap();
    let expected = filled(tree.path());
    assert_eq!(expected.len(), 63);
    let length = fs::metadata(tree.path().join(FILE)).unwrap().len() as usize;
    let pages = length / 4096;
    assert!(pages >= 5, "{length}");
    // The header byte by byte; of each page its own header, the first cells' places, and bytes all over its content.
    let mut places: Vec<usize> = (0..100).collect();
    for page in 0..pages {
        let first = if page == 0 { 100 } else { 0 };
        places.extend([first, first + 1, first + 4, first + 6, first + 9, first + 13].map(|at| page * 4096 + at));
        places.extend((1..16).map(|part| page * 4096 + part * 256 - 9));
    }
    let mended = places.iter().filter(|at| damaged(tree.path(), &expected, &format!("byte {at}"), |bytes| bytes[**at] ^= 0xff)).count();
    // Not every byte says something; most pages' do.
    assert!(mended > pages * 2, "{mended} of {}", places.len());
    for page in 0..pages {
        let all = |bytes: &mut Vec<u8>| bytes[page * 4096..(page + 1) * 4096].fill(0);
        assert!(damaged(tree.path(), &expected, &format!("page {page} is empty"), all), "page {page}");
    }
}

#[test]
fn f07_a_file_cut_off_anywhere_loses_nothing() {
    let tree = tempfile::tempdir().unwrap();
    let expected = filled(tree.path());
    let length = fs::metadata(tree.path().join(FILE)).unwrap().len() as usize;
    for cut in [0, 1, 15, 99, 100, 512, 4095, 4096, 4097, 8192, length / 2, length - 4096, length - 1] {
        assert!(damaged(tree.path(), &expected, &format!("cut at {cut}"), |bytes| bytes.truncate(cut)));
    }
    assert!(damaged(tree.path(), &expected, "a text", |bytes| *bytes = b"not a database, by any means\n".repeat(300)));
    assert!(damaged(tree.path(), &expected, "another program's", |bytes| *bytes = foreign()));
}

#[test]
fn f07_what_was_not_written_by_berth_is_damage() {
    let tree = tempfile::tempdir().unwrap();
    let expected = filled(tree.path());
    // Each is sound for SQLite, and says something else.
    for change in [
        "UPDATE assigned SET uid = uid + 1 WHERE port = (SELECT min(port) FROM assigned)",
        "UPDATE assigned SET port = (SELECT max(port) + 1 FROM assigned) WHERE port = (SELECT min(port) FROM assigned)",
        "DELETE FROM assigned WHERE port = (SELECT max(port) FROM assigned)",
        "DELETE FROM released",
    ] {
        let sql = |bytes: &mut Vec<u8>| {
            let beside = tempfile::tempdir().unwrap();
            let path = beside.path().join(FILE);
            fs::write(&path, &*bytes).unwrap();
            assert!(Connection::open(&path).unwrap().execute(change, []).unwrap() > 0, "{change}");
            *bytes = fs::read(path).unwrap();
        };
        assert!(damaged(tree.path(), &expected, change, sql), "{change}");
    }
}

/// A database, and not berth's.
fn foreign() -> Vec<u8> {
    let tree = tempfile::tempdir().unwrap();
    let path = tree.path().join("x.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE assigned (port INTEGER); INSERT INTO assigned VALUES (1);").unwrap();
    fs::read(path).unwrap()
}

#[test]
fn without_a_good_copy_what_the_configurations_say_is_left() {
    let tree = tempfile::tempdir().unwrap();
    give(&store(tree.path()), 8080, "amy");
    fs::write(tree.path().join(FILE), "x".repeat(5000)).unwrap();
    fs::write(tree.path().join(COPY), "y".repeat(5000)).unwrap();
    // Who only looks is not told that there was nothing.
    let error = store(tree.path()).read().unwrap_err();
    assert!(error.chain().contains("is damaged (it is no database), and there is no good copy"), "{}", error.chain());
    let known = [(8081, holding("bob")), (8081, holding("carol")), (8085, holding("dave"))];
    let (book, notices) = found(tree.path(), &known);
    assert_eq!(book, ["8081 bob", "8085 dave"]);
    let expected = "the registry was damaged (it is no database) and was made anew: there is no good copy, 2 from the configurations, not \
                    those of carol (8081); the damaged one is kept as";
    assert!(notices[0].starts_with(expected), "{notices:?}");
}

#[test]
fn a_copy_is_completed_by_the_configurations_and_counts_for_more() {
    let tree = tempfile::tempdir().unwrap();
    give(&store(tree.path()), 8080, "amy");
    fs::remove_file(tree.path().join(FILE)).unwrap();
    assert_eq!(read(tree.path()), ["8080 amy"]);
    let (book, notices) = found(tree.path(), &[(8080, holding("bob")), (8081, holding("amy")), (8082, holding("carol"))]);
    assert_eq!(book, ["8080 amy", "8082 carol"]);
    assert!(notices[0].contains("(it is not there)") && notices[0].ends_with("the damaged one is gone"), "{notices:?}");
}

#[test]
fn a_damaged_copy_is_made_anew_before_anything_changes() {
    let tree = tempfile::tempdir().unwrap();
    let expected = filled(tree.path());
    fs::write(tree.path().join(COPY), "y").unwrap();
    assert_eq!(found(tree.path(), &[]), (expected.clone(), Vec::new()));
    fs::remove_file(tree.path().join(FILE)).unwrap();
    assert_eq!(read(tree.path()), expected);
}

#[test]
fn what_a_newer_berth_wrote_is_left_alone() {
    let tree = tempfile::tempdir().unwrap();
    give(&store(tree.path()), 8080, "amy");
    let path = tree.path().join(FILE);
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2; UPDATE state SET schema = 2;").unwrap();
    let before = fs::read(&path).unwrap();
    for error in [store(tree.path()).read().unwrap_err(), store(tree.path()).write(&[], |_| Ok(())).unwrap_err()] {
        assert!(error.chain().ends_with("was written by a newer berth (schema 2, this one knows 1)"), "{}", error.chain());
    }
    assert!(fs::read(&path).unwrap() == before && aside(tree.path()).is_empty());
}

/// Starts this test again as a process that gives `bob` a port and is killed at a point.
fn killed(test: &str, directory: &Path, point: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("registry::store::tests::{test}")]);
    let status = command.env(DIRECTORY, directory).env(KILL_AT, point).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGKILL), "{point} was not reached: {status}");
}

fn is_child() -> bool {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return false };
    give(&store(Path::new(&directory)), 8081, "bob");
    true
}

#[test]
fn f01_kill_nine_at_every_step_leaves_before_or_after() {
    const NAME: &str = "f01_kill_nine_at_every_step_leaves_before_or_after";
    if is_child() {
        return;
    }
    let mut after = BTreeMap::new();
    for point in ["begun", "assigned", "sealed", "committed", "copied"] {
        let tree = tempfile::tempdir().unwrap();
        give(&store(tree.path()), 8080, "amy");
        killed(NAME, tree.path(), point);
        let book = read(tree.path());
        assert!(book == ["8080 amy"] || book == ["8080 amy", "8081 bob"], "{point}: {book:?}");
        after.insert(point, book.len() == 2);
        // The next writer says nothing of damage, and the same command completes.
        let done = store(tree.path()).write(&[], |sheet| match sheet.book().port_of(&holding("bob").id) {
            Some(_) => Ok(()),
            None => sheet.assign(8081, holding("bob")),
        });
        assert_eq!((done.unwrap().1, read(tree.path())), (Vec::new(), vec!["8080 amy".to_owned(), "8081 bob".to_owned()]), "{point}");
        assert!(aside(tree.path()).is_empty());
    }
    let expected = [("assigned", false), ("begun", false), ("committed", true), ("copied", true), ("sealed", false)];
    assert_eq!(after, BTreeMap::from(expected));
}

#[test]
fn f01_kill_nine_while_the_first_one_is_made() {
    const NAME: &str = "f01_kill_nine_while_the_first_one_is_made";
    if is_child() {
        return;
    }
    for point in ["made anew", "put aside", "copied", "begun", "sealed", "committed"] {
        let tree = tempfile::tempdir().unwrap();
        killed(NAME, tree.path(), point);
        let book = read(tree.path());
        assert_eq!(book.len(), usize::from(point == "committed"), "{point}: {book:?}");
        assert_eq!(give(&store(tree.path()), 8080, "amy"), Vec::new(), "{point}");
    }
}

#[test]
fn f01_kill_nine_while_damage_is_mended() {
    const NAME: &str = "f01_kill_nine_while_damage_is_mended";
    if is_child() {
        return;
    }
    for point in ["made anew", "put aside", "begun"] {
        let tree = tempfile::tempdir().unwrap();
        give(&store(tree.path()), 8080, "amy");
        fs::write(tree.path().join(FILE), "x".repeat(5000)).unwrap();
        killed(NAME, tree.path(), point);
        assert_eq!(read(tree.path()), ["8080 amy"], "{point}");
        give(&store(tree.path()), 8081, "bob");
        assert_eq!((read(tree.path()), aside(tree.path()).len()), (vec!["8080 amy".to_owned(), "8081 bob".to_owned()], 1), "{point}");
    }
}

#[test]
fn f06_a_full_disk_changes_nothing_and_says_so() {
    let tree = tempfile::tempdir().unwrap();
    let mount = |words: &[&str]| Command::new(words[0]).args(&words[1..]).arg(tree.path()).stderr(Stdio::null()).status();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "berth-test"]).is_ok_and(|status| status.success()) {
        eprintln!("skipped: a small file system needs root");
        return;
    }
    let before = filled(tree.path());
    let filler = tree.path().join("filler");
    let (mut refused, mut done) = (Vec::new(), 0);
    // Less and less room, until there is none; then more again.
    for room in (0..30).rev().chain(0..30) {
        fs::write(&filler, "").unwrap();
        while let Ok(mut file) = OpenOptions::new().append(true).open(&filler)
            && io::Write::write_all(&mut file, &[0; 4096]).is_ok()
        {}
        let full = fs::metadata(&filler).unwrap().len();
        OpenOptions::new().write(true).open(&filler).unwrap().set_len(full.saturating_sub(room * 4096)).unwrap();
        let id = format!("late-{room}");
        let (held, port) = (read(tree.path()), 9000 + u16::try_from(room).unwrap());
        match store(tree.path()).write(&[], |sheet| sheet.assign(port, holding(&id))) {
            Ok(_) => {
                done += 1;
                store(tree.path())
                    .write(&[], |sheet| sheet.release(&holding(&id).id, at("2026-11-21T12:00:00Z")))
                    .map(drop)
                    .unwrap_or_default();
            }
            Err(error) => {
                assert_eq!(read(tree.path()), held, "{room}: {}", error.chain());
                refused.push(error);
            }
        }
    }
    fs::remove_file(&filler).unwrap();
    let after = read(tree.path());
    let well = found(tree.path(), &[]);
    assert!(mount(&["umount"]).is_ok_and(|status| status.success()));
    assert!(done > 0 && !refused.is_empty(), "{done} done, {} refused", refused.len());
    assert!(before.iter().all(|line| after.contains(line)), "{after:?}");
    assert_eq!(well, (after, Vec::new()));
    for error in refused {
        let told = (error.chain(), error.way_out().unwrap_or_default().to_owned());
        assert!(told.1.starts_with("make room on the file system of") && told.1.ends_with("nothing was changed"), "{told:?}");
    }
}
