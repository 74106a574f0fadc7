//! The page for each state of the fixture fleet.

use super::*;
use crate::domain::{InstanceId, LastExit, Shown, Uid};
use crate::present::command::Program;
use crate::present::fleet;

static PLAIN: std::sync::LazyLock<Program> = std::sync::LazyLock::new(Program::default);

/// Root, who named no file.
fn giver() -> Giver<'static> {
    Giver { uid: Uid::ROOT, program: &PLAIN }
}

/// The page about an instance, a line each: headings with #, quotes with >.
fn page(id: &str, log: Option<&[LogLine]>, change: impl FnOnce(&mut Row)) -> String {
    let snapshot = fleet::fleet();
    let mut row = (**snapshot.row(&InstanceId::parse(id).unwrap()).unwrap()).clone();
    change(&mut row);
    let sources =
        Sources { row: &row, snapshot: &snapshot, order: None, checks: Checks::Unasked, log, giver: giver(), zone: &TimeZone::UTC };
    let line = |said: &Said| match said.kind {
        Kind::Heading => format!("# {}\n", said.text),
        Kind::Sentence | Kind::Check(_) => format!("{}\n", said.text),
        Kind::Quote => format!("> {}\n", said.text),
    };
    why(&sources).iter().map(line).collect()
}

#[test]
fn one_that_crashed() {
    let line = |number, level, text: &str| LogLine::text(number, level, Shown::new(text));
    let log = [line(1, None, "starting"), line(2, Some(LogLevel::Error), "listen EADDRINUSE: address already in use 127.0.0.1:8107")];
    insta::assert_snapshot!(page("carol", Some(&log), |_| {}), @r"
    # carol's instance has crashed: it ended, and nobody had asked it to
    the kernel shows no process of it
    # how it ended
    it exited with code 1 at 03:11:58, 6 s ago
    it was started again 3 times
    # what berth found
    port-taken: 8107 is held by pid 4711 (python3, bob), since 03:09:41; carol's instance is assigned it
    # what its log says
    > listen EADDRINUSE: address already in use 127.0.0.1:8107
    # what to do
    give carol the free port 8110
    > berth assign carol --port 8110
    read carol's log
    > berth logs carol
    start carol again
    > berth start carol
    ");
}

#[test]
fn one_that_runs_well() {
    insta::assert_snapshot!(page("alice", Some(&[]), |_| {}), @r"
    # alice's instance runs
    the kernel shows its process: pid 2211 (node), since 17 Nov 01:12
    berth's keeper, pid 2210, is its parent, so how it ends will be known
    it listens on 127.0.0.1:8101
    asked 2 s ago, it answered after 3 ms
    # what berth found
    nothing that is wrong with it
    # what its log says
    there is nothing in its log, or no log
    ");
}

#[test]
fn a_crash_that_only_the_log_explains() {
    let line = |number, level, text: &str| LogLine::text(number, level, Shown::new(text));
    let of = |log: &[LogLine]| {
        let mut snapshot = fleet::fleet();
        snapshot.findings.clear();
        let sources = Sources {
            row: &snapshot.rows[2],
            snapshot: &snapshot,
            order: None,
            checks: Checks::Unasked,
            log: Some(log),
            giver: giver(),
            zone: &TimeZone::UTC,
        };
        why(&sources).into_iter().map(|said| said.text).collect::<Vec<_>>().join("\n")
    };
    let explained = of(&[line(1, Some(LogLevel::Error), "no such table: tickets")]);
    assert!(explained.contains("nothing by itself; its log names an error\nwhat its log says\nno such table: tickets"), "{explained}");
    let silent = of(&[line(1, None, "starting")]);
    assert!(silent.contains("nothing that would explain it\nwhat its log says\nnone of its last lines names an error"), "{silent}");
    assert!(of(&[]).contains("what its log says\nthere is nothing in its log, or no log"));
}

#[test]
fn one_that_may_not_be_seen_and_one_that_is_nobodys() {
    let hidden = page("frank", None, |_| {});
    assert!(hidden.starts_with("# it is not known what frank's instance does; that is not the same as stopped\n"), "{hidden}");
    assert!(hidden.contains("may not be seen by this account"), "{hidden}");
    let stranger = page("bob/:8190", None, |_| {});
    assert!(stranger.starts_with("# bob's listener :8190 belongs to no instance\n") && stranger.contains("> kill 4800\n"), "{stranger}");
    assert!(!stranger.contains("keeper") && !stranger.contains("not started by berth"), "{stranger}");
}

#[test]
fn every_state_has_its_sentence() {
    let cases = [
        ("bob/tools", "bob's instance tools runs, but not well", "it answered late, after 812 ms"),
        ("erin", "erin's instance is being started", "it listens on nothing; its port is 8105"),
        ("gina", "gina's instance is being stopped", "waiting for 3 processes"),
        ("hank", "hank's instance does not run, and is not meant to", "mend hank's configuration"),
    ];
    for (id, answer, part) in cases {
        let page = page(id, None, |_| {});
        assert!(page.starts_with(&format!("# {answer}\n")) && page.contains(part), "{page}");
    }
    assert!(page("hank", None, |row| row.wish = Some(Wish::Up)).starts_with("# hank's instance does not run, though it should"));
    assert!(page("alice", None, |row| row.keeper = None).contains("not started by berth"));
}

#[test]
fn an_end_is_explained_where_there_is_a_convention() {
    let cases = [
        (ExitStatus::Code(127), "127 is a shell's word for a program that is not there"),
        (ExitStatus::Code(137), "137 is a shell's word for a program that was killed by signal 9 (KILL)"),
        (ExitStatus::Signal(11), "it was killed by signal 11 (SEGV) at"),
        (ExitStatus::Signal(9), "KILL comes from a person"),
    ];
    for (status, expected) in cases {
        let page = page("carol", None, |row| row.exit = Some(LastExit { status, at: fleet::now(), over_memory: None }));
        assert!(page.contains(expected), "{page}");
    }
    let over = LastExit { status: ExitStatus::Signal(9), at: fleet::now(), over_memory: Some(512 << 20) };
    assert!(!page("carol", None, |row| row.exit = Some(over)).contains("from a person"), "it is known who it was");
}

#[test]
fn what_was_asked_last_is_told_and_the_page_is_markdown() {
    let snapshot = fleet::fleet();
    let outcome = Outcome {
        exit_code: 5,
        sentence: "not started. 8107 is held by pid 4711".into(),
        hints: vec!["berth stop bob".into()],
        log_lines: vec!["EADDRINUSE".into()],
    };
    let order = Some((Verb::Start, &outcome));
    let sources = Sources {
        row: &snapshot.rows[2],
        snapshot: &snapshot,
        order,
        checks: Checks::Unasked,
        log: None,
        giver: giver(),
        zone: &TimeZone::UTC,
    };
    let text = markdown(&why(&sources));
    assert!(text.starts_with("# carol's instance has crashed"), "{text}");
    assert!(
        text.contains("\n## what was asked of it last\n\n- start: not started. 8107 is held by pid 4711\n      EADDRINUSE\n"),
        "{text}"
    );
}
