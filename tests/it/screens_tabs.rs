//! The tabs about ports and findings, the list of remedies and the page that says why, at the sizes that people have.

use std::sync::Arc;

use berth::domain::{InstanceId, PortRange, Reading, Row, Shown, Snapshot};
use berth::tui::event::Event;
use crossterm::event::KeyCode;

use super::console::Console;
use super::fleet;

/// The sizes that are kept.
const SIZES: [(u16, u16); 2] = [(60, 15), (120, 40)];

#[test]
fn a_large_range_with_reserved_ports_and_some_outside() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.show(Snapshot { reserved: vec![PortRange { first: 8200, last: 8219 }], ..wide() });
        console.keys("2/");
        console.keys("8207");
        console.press(KeyCode::Enter);
        insta::assert_snapshot!(format!("ports_wide_{width}x{height}"), console.screen());
        console.keys("G");
        console.press(KeyCode::Right);
        insta::assert_snapshot!(format!("ports_outside_{width}x{height}"), console.screen());
    }
}

#[test]
fn finding_a_port() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("2/nobody");
    console.press(KeyCode::Enter);
    insta::assert_snapshot!("ports_find_80x24", console.screen());
}

#[test]
fn the_map_without_unicode() {
    let mut console = Console::with_fleet(80, 24).ascii();
    console.keys("jjp");
    let screen = console.screen();
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!("ports_ascii_80x24", screen);
}

#[test]
fn the_remedy_of_a_stranger() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("3jjF");
    insta::assert_snapshot!("fix_stranger_80x24", console.screen());
}

#[test]
fn why_of_what_is_well() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("w");
    insta::assert_snapshot!("why_well_80x24", console.screen());
}

#[test]
fn a_filtered_list() {
    let mut console = Console::with_fleet(80, 24);
    console.show(many());
    console.keys("3/user1 stranger");
    console.press(KeyCode::Enter);
    insta::assert_snapshot!("findings_filtered_80x24", console.screen());
    console.keys("/ nobody");
    console.press(KeyCode::Enter);
    insta::assert_snapshot!("findings_no_match_80x24", console.screen());
}

#[test]
fn no_size_makes_them_panic() {
    for keys in ["2", "2G", "3", "3jj", "F", "jjF", "jjw", "2/abc"] {
        let mut console = Console::with_fleet(80, 24);
        console.show(wide());
        console.keys(keys);
        for (width, height) in (0..=60u16).step_by(3).flat_map(|width| (0..=30u16).map(move |height| (width, height))) {
            console.event(Event::Resized(width, height));
            let _ = console.screen();
        }
        for (width, height) in [(300, 200), (40, 10), (41, 11), (300, 10), (100, 30)] {
            console.event(Event::Resized(width, height));
            console.press(KeyCode::PageDown);
            console.press(KeyCode::Down);
            let _ = console.screen();
        }
    }
}

#[test]
fn hostile_text_stays_in_its_place() {
    let evil = Shown::new("\u{1b}[2J\u{202e}日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語 e\u{301}\u{301}");
    let mut snapshot = fleet::fleet();
    for finding in &mut snapshot.findings {
        finding.evidence = evil.clone();
    }
    for row in &mut snapshot.rows {
        let row = Arc::make_mut(row);
        (row.user, row.why) = (evil.clone(), Some(evil.clone()));
    }
    let Reading::Known(listeners) = &snapshot.listeners else { panic!() };
    let mut listeners = listeners.to_vec();
    for listener in &mut listeners {
        let Reading::Known(holders) = &listener.holders else { panic!() };
        let mut holders = holders.to_vec();
        holders.iter_mut().for_each(|holder| (holder.name, holder.command) = (evil.clone(), evil.clone()));
        listener.holders = Reading::Known(holders.into());
    }
    snapshot.listeners = Reading::Known(listeners.into());
    for keys in ["jjp", "3", "3F", "jjF", "jjw"] {
        let mut console = Console::with_fleet(80, 24);
        console.show(snapshot.clone());
        console.keys(keys);
        for (width, height) in [(40, 10), (80, 24), (120, 40)] {
            console.event(Event::Resized(width, height));
            let screen = console.screen();
            assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'), "{keys}");
        }
    }
}

/// A row with another name and port.
fn other(snapshot: &Snapshot, name: &str, port: u16) -> Arc<Row> {
    let mut row = (*snapshot.rows[0]).clone();
    row.id = InstanceId::parse(name).unwrap();
    row.port = Some(port);
    row.listening.iter_mut().for_each(|(endpoint, _)| endpoint.port = port);
    Arc::new(row)
}

/// The fixture fleet in a range of thousands, and two instances outside it.
pub fn wide() -> Snapshot {
    let mut snapshot = fleet::fleet();
    snapshot.range = PortRange { first: 8005, last: 12_999 };
    for (name, port) in [("zoe", 9443), ("victor", 12_999), ("walter", 7000), ("0day", 443), ("1001", 8300)] {
        let row = other(&snapshot, name, port);
        snapshot.rows.push(row);
    }
    snapshot
}

/// Thirty findings of each level.
pub fn many() -> Snapshot {
    let mut snapshot = fleet::fleet();
    let kinds = snapshot.findings.clone();
    snapshot.findings.clear();
    for kind in kinds {
        for number in 0..30u16 {
            let mut finding = kind.clone();
            finding.instances = vec![fleet::id(&format!("user{number:02}"))];
            finding.port = Some(8200 + number);
            snapshot.findings.push(finding);
        }
    }
    snapshot
}
