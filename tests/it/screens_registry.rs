//! What the registry says on the map, and the questions about a port, at the sizes that people have.

use std::sync::Arc;
use std::time::Duration;

use berth::domain::{Allotment, Allotments, Code, Finding, Quarantine, Reading, Remedy, Snapshot, Uid};
use crossterm::event::KeyCode;

use super::console::Console;
use super::fleet;

/// The sizes that are kept.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// The fixture fleet with a registry: two are assigned what they have, one is assigned another port, one is gone, and two ports are kept.
fn registered() -> Snapshot {
    let mut snapshot = fleet::fleet();
    let mut all = Allotments::default();
    for (name, port) in [("alice", 8101), ("hank", 8109), ("dave", 8112), ("zoe", 8114)] {
        let (at, strategy, by) = (fleet::now() - Duration::from_secs(30 * 3600), "registry".into(), "root".into());
        all.assign(port, Allotment { id: fleet::id(name), uid: Uid(1001), strategy, by, at });
    }
    for (name, port, hours) in [("bob", 8116, 20), ("dave", 8118, 1)] {
        all.keep(port, Quarantine { of: fleet::id(name), until: fleet::now() + Duration::from_secs(hours * 3600 + 60) });
    }
    let dave = snapshot.rows.iter_mut().find(|row| row.id == fleet::id("dave")).unwrap();
    Arc::make_mut(dave).port = Some(8112);
    Arc::make_mut(dave).findings = vec![Code::PortDrift];
    snapshot.findings.push(Finding {
        code: Code::PortDrift,
        instances: vec![fleet::id("dave")],
        port: Some(8112),
        processes: Vec::new(),
        since: fleet::now(),
        evidence: "dave's instance listens on 127.0.0.1:8104 and not on 8112, which it is assigned since 19 Nov 21:12; its configuration says 8104"
            .into(),
        remedies: vec![Remedy::AdoptPort, Remedy::KeepPort],
    });
    snapshot.allotments = Reading::Known(Arc::new(all));
    snapshot
}

#[test]
fn what_is_given_and_what_is_kept() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.show(registered());
        console.keys("2/8116");
        console.press(KeyCode::Enter);
        insta::assert_snapshot!(format!("ports_registry_{width}x{height}"), console.screen());
    }
}

#[test]
fn what_strays_is_adopted_or_brought_back() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.show(registered());
        console.keys("2/8112");
        console.press(KeyCode::Enter);
        console.keys("F");
        insta::assert_snapshot!(format!("fix_drift_{width}x{height}"), console.screen());
    }
}

#[test]
fn a_port_is_assigned_from_the_map() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.show(registered());
        console.keys("2/8120");
        console.press(KeyCode::Enter);
        console.keys("A");
        insta::assert_snapshot!(format!("assign_whom_{width}x{height}"), console.screen());
        console.keys("carol");
        console.press(KeyCode::Enter);
        insta::assert_snapshot!(format!("assign_{width}x{height}"), console.screen());
    }
}

#[test]
fn a_registry_that_cannot_be_read_leaves_nothing_free_on_the_map() {
    let mut console = Console::with_fleet(80, 24);
    console.show(Snapshot { allotments: Reading::Denied, ..fleet::fleet() });
    console.keys("2/8120");
    console.press(KeyCode::Enter);
    insta::assert_snapshot!("ports_registry_denied_80x24", console.screen());
}
