//! The tabs about ports and findings, the list of remedies and the page that says why, at the sizes that people have.

use std::sync::Arc;

use berth::domain::{InstanceId, PortRange, Row, Snapshot};
use crossterm::event::KeyCode;

use super::console::Console;
use super::fleet;

/// The sizes that are kept.
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 50), (60, 15)];

#[test]
fn the_map_of_ports() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.keys("jjp");
        insta::assert_snapshot!(format!("ports_{width}x{height}"), console.screen());
    }
}

#[test]
fn a_large_range_with_reserved_ports_and_some_outside() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.state.ports.reserved = vec![PortRange { first: 8200, last: 8219 }];
        console.show(wide());
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
fn the_findings() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.keys("3");
        insta::assert_snapshot!(format!("findings_{width}x{height}"), console.screen());
        console.show(many());
        console.press(KeyCode::PageDown);
        console.keys("j");
        insta::assert_snapshot!(format!("findings_many_{width}x{height}"), console.screen());
    }
}

#[test]
fn nothing_is_wrong() {
    let mut console = Console::with_fleet(80, 24);
    let mut snapshot = fleet::fleet();
    snapshot.findings.clear();
    console.show(snapshot);
    console.keys("3");
    insta::assert_snapshot!("findings_none_80x24", console.screen());
}

#[test]
fn the_remedies() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.keys("F");
        insta::assert_snapshot!(format!("fix_{width}x{height}"), console.screen());
    }
    let mut console = Console::with_fleet(80, 24);
    console.keys("GkF");
    insta::assert_snapshot!("fix_two_80x24", console.screen());
    let mut console = Console::with_fleet(80, 24);
    console.keys("3jjF");
    insta::assert_snapshot!("fix_stranger_80x24", console.screen());
}

#[test]
fn why() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.keys("jjw");
        insta::assert_snapshot!(format!("why_{width}x{height}"), console.screen());
    }
    let mut console = Console::with_fleet(80, 24);
    console.keys("w");
    insta::assert_snapshot!("why_well_80x24", console.screen());
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
fn wide() -> Snapshot {
    let mut snapshot = fleet::fleet();
    snapshot.range = PortRange { first: 8005, last: 12_999 };
    for (name, port) in [("zoe", 9443), ("victor", 12_999), ("walter", 7000), ("0day", 443), ("1001", 8300)] {
        let row = other(&snapshot, name, port);
        snapshot.rows.push(row);
    }
    snapshot
}

/// Thirty findings of each level.
fn many() -> Snapshot {
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
