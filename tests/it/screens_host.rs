//! The events and the host as text, at the sizes that people have, in colours and without, from one fixture at one moment.

use std::sync::Arc;
use std::time::Duration;

use berth::domain::{
    Code, Deed, DeedResult, ExitStatus, Finding, LastExit, Notified, Outcome, Pressures, Reading, Shown, Snapshot, Stage, State, Trail,
    Uid, Underway, Verb,
};
use berth::tui::event::Event;
use crossterm::event::KeyCode;

use super::console::Console;
use super::fleet;

/// The fixture, so many seconds later, changed.
fn later(seconds: u64, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = fleet::fleet();
    snapshot.taken.boot += Duration::from_secs(seconds);
    snapshot.taken.wall += Duration::from_secs(seconds);
    snapshot.sequence += seconds;
    change(&mut snapshot);
    snapshot
}

fn in_state(snapshot: &mut Snapshot, name: &str, state: State) {
    let row = snapshot.rows.iter_mut().find(|row| row.id == fleet::id(name)).unwrap();
    let row = Arc::make_mut(row);
    row.state = state;
    if state == State::Crashed {
        row.exit = Some(LastExit { status: ExitStatus::Signal(9), at: snapshot.taken.wall, over_memory: Some(512 << 20) });
    }
}

/// What was done before the console was opened, the day before and in the night.
fn trail() -> Trail {
    let deed = |number, before: u64, verb: Verb, name: &str, by: &str, reason: Option<&str>, (done, sentence): (bool, &str)| {
        let asked_at = fleet::now() - Duration::from_secs(before);
        Deed {
            number,
            asked_at,
            uid: Uid(0),
            by: by.into(),
            verb: verb.word().into(),
            id: Some(fleet::id(name)),
            reason: reason.map(Shown::from),
            result: Some(DeedResult { at: asked_at, done, sentence: sentence.into() }),
        }
    };
    let held = "not started. 8107 is held by pid 4711 (python3, bob) since 03:09:41";
    let deeds = vec![
        deed(1, 29_530, Verb::Restart, "alice", "amy as root", Some("new workspace"), (true, "restarted after 1.2 s")),
        deed(2, 29_100, Verb::Start, "dave", "root", None, (true, "started after 0.8 s")),
        deed(3, 62, Verb::Start, "carol", "root", None, (false, held)),
    ];
    Trail { deeds, events: Vec::new(), missing: None }
}

/// A console that has seen a busy minute.
pub fn busy(width: u16, height: u16) -> Console {
    let mut console = Console::with_fleet(width, height);
    console.show(later(1, |snapshot| in_state(snapshot, "erin", State::Running)));
    let example = fleet::fleet().findings[2].clone();
    let mut more = |seconds, change: fn(&mut Snapshot, &Finding)| console.show(later(seconds, |snapshot| change(snapshot, &example)));
    more(20, |snapshot, _| {
        in_state(snapshot, "erin", State::Running);
        in_state(snapshot, "dave", State::Crashed);
    });
    more(21, |snapshot, example| {
        in_state(snapshot, "erin", State::Running);
        in_state(snapshot, "dave", State::Crashed);
        snapshot.findings.remove(0);
        let evidence = "8190 is listened on by pid 4800 (nc, bob), since 03:02:04, and dave's instance is assigned it".into();
        snapshot.findings.insert(0, Finding { code: Code::PortShadowed, evidence, instances: vec![fleet::id("dave")], ..example.clone() });
    });
    more(30, |snapshot, example| {
        in_state(snapshot, "erin", State::Running);
        in_state(snapshot, "dave", State::Starting);
        let since = snapshot.taken.boot;
        let outcome = Outcome { exit_code: 0, sentence: "started after 0.9 s".into(), hints: Vec::new(), log_lines: Vec::new() };
        snapshot.underway = vec![Underway {
            verb: Verb::Start,
            id: fleet::id("dave"),
            by: Some(Uid::ROOT),
            since,
            stage: Stage::Ended(outcome),
            ended: Some(since),
        }];
        snapshot.findings.extend((0..40).map(|port| Finding { code: Code::LimitsMissing, port: Some(port), ..example.clone() }));
    });
    console.keys("4");
    console.event(Event::TrailRead(Ok(trail())));
    console
}

#[test]
fn the_events_paused_and_narrowed() {
    let mut console = busy(80, 24);
    console.keys("kk");
    console.show(later(60, |snapshot| in_state(snapshot, "alice", State::Degraded)));
    insta::assert_snapshot!("events_paused_80x24", console.screen());
    console.keys(" ");
    insta::assert_snapshot!("events_only_80x24", console.screen());
    console.keys(" e/8107");
    insta::assert_snapshot!("events_typing_80x24", console.screen());
    console.press(KeyCode::Enter);
    insta::assert_snapshot!("events_filtered_80x24", console.screen());
}

#[test]
fn the_events_without_unicode_and_without_rights() {
    let mut console = busy(120, 40).ascii();
    console.event(Event::TrailRead(Err("cannot read the audit trail /var/lib/berth/events.db: Permission denied".into())));
    let screen = console.screen();
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!("events_ascii_120x40", screen);
}

#[test]
fn what_the_trail_holds_may_be_hostile() {
    let mut console = busy(80, 24);
    let mut hostile = trail();
    hostile.deeds[0].number = 77;
    hostile.deeds[0].reason = Some(Shown::new("\u{1b}[2J\u{202e}日本語日本語 e\u{301}\u{301}"));
    console.event(Event::TrailRead(Ok(hostile)));
    for (width, height) in [(40, 10), (41, 11), (60, 15), (200, 50)] {
        console.event(Event::Resized(width, height));
        console.keys("gGkk");
        let screen = console.screen();
        assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'));
    }
}

/// A console that has looked at the host for an hour.
pub fn watched(width: u16, height: u16) -> Console {
    let mut console = Console::new(width, height);
    for point in (1..720u64).rev() {
        let mut before = later(0, |_| {});
        before.taken.boot -= Duration::from_secs(5 * point);
        let wave = [3.0, 5.0, 12.0, 40.0, 75.0, 97.0, 60.0, 30.0, 9.0, 4.0][usize::try_from(point / 7 % 10).unwrap()];
        before.host_reading.cpu_percent = wave;
        before.host_reading.memory_used = (4 << 30) + ((720 - point) << 24);
        console.show(before);
    }
    for second in 0..=10 {
        console.state.host.note_sent(Duration::from_secs(second), 640 * second);
    }
    console.show(fleet::fleet());
    console.keys("5");
    console
}

#[test]
fn the_end_of_the_host_and_the_host_without_unicode() {
    let mut console = watched(80, 24);
    console.keys("G");
    insta::assert_snapshot!("host_end_80x24", console.screen());
    let console = watched(120, 40).ascii();
    let screen = console.screen();
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!("host_ascii_120x40", screen);
}

#[test]
fn a_host_of_which_little_is_known() {
    let mut console = Console::new(120, 40);
    insta::assert_snapshot!("host_looking_120x40", {
        console.keys("5");
        console.screen()
    });
    console.show(later(0, |snapshot| {
        snapshot.file_systems = Vec::new();
        snapshot.listeners = Reading::Denied;
        snapshot.ephemeral = None;
        let reading = &mut snapshot.host_reading;
        reading.pressure = Pressures { memory: Reading::Denied, ..Pressures::default() };
        (reading.own, reading.swap_total, reading.cores) = (berth::domain::OwnCost::default(), 0, 1);
    }));
    insta::assert_snapshot!("host_unknown_120x40", console.screen());
}

/// Three who are to be told: one who is, one who is not, one of whom nothing was wanted yet.
#[test]
fn those_who_are_to_be_told_are_shown_with_what_became_of_it() {
    let at = |before| fleet::now() - Duration::from_secs(before);
    let told = Notified { told: 214, told_at: Some(at(70)), dropped: 12, ..Notified::nothing_yet("https://alerts.example:443") };
    let why = "/usr/local/bin/tell-the-night-shift failed (exit status: 75): the modem is gone\u{1b}[2J";
    let failing = Notified {
        told: 3,
        told_at: Some(at(90_000)),
        failed: 2,
        failed_at: Some((at(9), Shown::new(why))),
        ..Notified::nothing_yet("/usr/local/bin/tell-the-night-shift")
    };
    let all = [told, failing, Notified::nothing_yet("/run/alerts.sock")];
    for (width, height) in [(80, 24), (120, 40)] {
        let mut console = Console::with_fleet(width, height);
        console.show(later(1, |snapshot| snapshot.notified = Some(all.clone().into())));
        console.keys("5G");
        insta::assert_snapshot!(format!("host_notified_{width}x{height}"), console.screen());
    }
}

#[test]
fn the_host_is_scrolled_and_fits_every_size() {
    let mut console = watched(80, 24);
    for (width, height) in (40..=210u16).step_by(17).flat_map(|width| (10..=60u16).step_by(5).map(move |height| (width, height))) {
        console.event(Event::Resized(width, height));
        for keys in ["g", "jjj", "G", "k"] {
            console.keys(keys);
            assert_eq!(console.screen().lines().count(), usize::from(height));
        }
    }
}
