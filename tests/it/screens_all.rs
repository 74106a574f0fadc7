//! Every tab and every dialogue, at every size that people have, in colours and without, from one fixture at one moment.
//!
//! A snapshot holds the text and below it, line by line, how it looks: a colour that changes is seen as much as a word.

use berth::domain::{Caller, InstanceId, Role, Shown, Uid, Verb};
use berth::tui::event::{Answer, Event, Purpose};
use crossterm::event::KeyCode;

use super::console::Console;
use super::screens::{done, many as many_rows};
use super::screens_host::{busy, watched};
use super::screens_marks::under_way;
use super::screens_palette::nothing;
use super::screens_tabs::{many as many_findings, wide};

/// The sizes.
const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 50)];

/// A screen's name, and how to come to it from the fleet.
type Screen = (&'static str, fn(&mut Console));

/// The five tabs, and what stands in them when there is much, little or nothing.
const TABS: [Screen; 18] = [
    ("fleet", |_| {}),
    ("fleet_wrong", |console| console.keys("jj")),
    ("fleet_many", |console| {
        console.show(many_rows());
        console.keys("Pjj");
    }),
    ("fleet_doing", |console| {
        console.show(done());
        console.keys("jj");
    }),
    ("fleet_marked", |console| console.keys("  j ")),
    ("fleet_grouped", |console| console.keys("tjj")),
    ("fleet_scrolled", |console| (0..4).for_each(|_| console.press(KeyCode::Right))),
    ("fleet_nothing_left", |console| {
        console.keys("e/user:nobody");
        console.press(KeyCode::Enter);
    }),
    ("first_run", |console| console.show(nothing())),
    ("ports", |console| console.keys("jjp")),
    ("ports_wide", |console| {
        console.show(wide());
        console.keys("2G");
    }),
    ("findings", |console| console.keys("3")),
    ("findings_many", |console| {
        console.show(many_findings());
        console.keys("3");
        console.press(KeyCode::PageDown);
    }),
    ("findings_none", |console| {
        let mut snapshot = super::fleet::fleet();
        snapshot.findings.clear();
        console.show(snapshot);
        console.keys("3");
    }),
    ("events", |console| *console = busy(console.state.size.0, console.state.size.1)),
    ("events_nothing_left", |console| {
        *console = busy(console.state.size.0, console.state.size.1);
        console.keys("e/zebra");
        console.press(KeyCode::Enter);
    }),
    ("host", |console| *console = watched(console.state.size.0, console.state.size.1)),
    ("locked", |console| console.keys("VZS")),
];

/// The panes below the table, large.
const PANES: [Screen; 12] = [
    ("detail", |console| console.press(KeyCode::Enter)),
    ("detail_wrong", |console| {
        console.keys("jj");
        console.press(KeyCode::Enter);
    }),
    ("detail_no_rights", |console| {
        let caller = Caller { uid: Uid(1042), name: Shown::from("vera"), login: None, role: Role::Viewer, read_only: false };
        console.state.settings.caller = caller;
        console.keys("jjjjj");
        console.press(KeyCode::Enter);
        let why = || Some(Shown::from("vera may look and not touch: this instance runs as another user"));
        let verbs = [Verb::Start, Verb::Stop, Verb::Restart, Verb::Logs].map(|verb| (verb, why())).to_vec();
        console.event(Event::Answered(Answer { id: InstanceId::parse("frank").unwrap(), purpose: Purpose::Keys, verbs }));
    }),
    ("log", |console| console.keys("lkkkk")),
    ("log_search", |console| {
        console.keys("l/slow");
        console.press(KeyCode::Enter);
        console.keys("N");
    }),
    ("log_typing", |console| console.keys("l/upstream|retry")),
    ("log_filtered", |console| {
        console.keys("l4tw!cache|session");
        console.press(KeyCode::Enter);
        console.keys("&03:1");
        console.press(KeyCode::Enter);
    }),
    ("log_chosen", |console| {
        console.keys("lmkkkvkkk");
        console.write(Some(berth::domain::LogLevel::Error), "03:12:04 ERROR out of memory");
    }),
    ("log_several", |console| console.keys("Lttt")),
    ("log_nothing_left", |console| {
        console.keys("l&no such words");
        console.press(KeyCode::Enter);
    }),
    ("log_none", |console| {
        console.keys("jjl");
        console.state.log.view.lines.clear();
        console.state.log.view.notice = Some(Shown::from("there is no log yet at /opt/mcp-server/users/carol/logs/server.log"));
    }),
    ("log_no_rights", |console| {
        console.keys("l");
        let serial = console.state.log.serial;
        console.event(Event::LogOpened(serial, Err(Shown::from("alice's log is another user's; admins and alice may read it"))));
        console.state.log.view.lines.clear();
    }),
];

/// What floats above them, and what is typed in the last line.
const DIALOGUES: [Screen; 22] = [
    ("help", |console| console.keys("?")),
    ("help_log", |console| console.keys("l?")),
    ("palette", |console| console.keys(":")),
    ("palette_typed", |console| console.keys("V:st")),
    ("filter", |console| console.keys("/")),
    ("filter_completed", |console| {
        console.keys("/state:c");
        console.press(KeyCode::Tab);
    }),
    ("filter_wrong", |console| console.keys("/state:cr /(a/")),
    ("users", |console| console.keys("u")),
    ("columns", |console| {
        console.keys("C");
        [KeyCode::Down, KeyCode::Down, KeyCode::Enter].into_iter().for_each(|key| console.press(key));
    }),
    ("themes", |console| {
        console.keys(":theme");
        console.press(KeyCode::Enter);
    }),
    ("menu", |console| console.keys("a")),
    ("menu_marked", |console| console.keys("  a")),
    ("stop", |console| console.keys("jS")),
    ("stop_gone", |console| {
        console.keys("S");
        let mut later = super::fleet::fleet();
        later.rows.remove(0);
        console.show(later);
    }),
    ("restart_many", |console| {
        console.keys("*r9");
        console.press(KeyCode::Enter);
    }),
    ("progress", under_way),
    ("signals", |console| console.keys("K")),
    ("signal", |console| {
        console.keys("Kterm");
        console.press(KeyCode::Enter);
    }),
    ("fix", |console| console.keys("GkF")),
    ("why", |console| console.keys("jjw")),
    ("copy", |console| console.keys("y")),
    ("client", |console| console.keys("jjjc")),
];

/// At every size, each screen of a list.
fn every(screens: &[Screen]) {
    for (name, arrange) in screens {
        for (width, height) in SIZES {
            let mut console = Console::with_fleet(width, height);
            arrange(&mut console);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), console.picture());
        }
    }
}

#[test]
fn every_tab() {
    every(&TABS);
}

#[test]
fn every_pane() {
    every(&PANES);
}

#[test]
fn every_dialogue() {
    every(&DIALOGUES);
}

#[test]
fn before_the_first_look() {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("looking_{width}x{height}"), Console::new(width, height).picture());
    }
}

#[test]
fn too_small_a_terminal_says_so() {
    assert_eq!(Console::with_fleet(30, 8).screen().trim_end(), "30x8 is too small\nberth needs 40x10\nq quits");
    insta::assert_snapshot!("smallest_40x10", Console::with_fleet(40, 10).picture());
}

#[test]
fn every_screen_has_its_ascii_form() {
    for (name, arrange) in TABS.iter().chain(&PANES).chain(&DIALOGUES) {
        for (width, height) in SIZES {
            let mut console = Console::with_fleet(width, height).ascii();
            arrange(&mut console);
            console.state.settings.glyphs = &berth::tui::glyphs::ASCII;
            let screen = console.screen();
            assert!(screen.is_ascii(), "{name} {width}x{height}\n{screen}");
        }
    }
}
