//! The console with two hosts: one table in which each row says its host, one of them not reached; ports and the host's tab of one at a time.
//!
//! It must never show a number of a host that does not answer as one of now.

use std::sync::Arc;

use berth::domain::{Caller, HostPart, Moment, Role, Shown, Snapshot, Standing, Uid};
use berth::link::many::joined;

use super::console::Console;
use super::fleet;

/// The fixture fleet as a host tells it that is called so.
fn part(name: &str, caller: &str, role: Role, standing: Standing) -> HostPart {
    let host: Arc<str> = name.into();
    let mut picture = fleet::fleet();
    for row in &mut picture.rows {
        let row = Arc::make_mut(row);
        row.id = row.id.at(Some(&host));
    }
    for id in picture.findings.iter_mut().flat_map(|finding| &mut finding.instances) {
        *id = id.at(Some(&host));
    }
    picture.host = Shown::new(name);
    let caller = Caller { uid: Uid(1000), name: Shown::new(caller), login: None, role, read_only: false };
    HostPart { name: host, standing, caller, picture: Arc::new(picture) }
}

fn lost() -> Standing {
    let since = Moment { boot: fleet::fleet().taken.boot, wall: fleet::now() };
    Standing::Lost { since, why: Shown::from("ssh: connect to host web2 port 22: Connection refused") }
}

fn two(web2: Standing, sequence: u64) -> Snapshot {
    let web1 = part("web1", "root", Role::Admin, Standing::Attached);
    joined(vec![web1, part("web2", "amy", Role::Viewer, web2)], sequence)
}

fn console(width: u16, height: u16, web2: Standing) -> Console {
    let mut console = Console::with_fleet(width, height);
    console.show(two(web2, 7));
    console
}

#[test]
fn two_hosts_are_one_table() {
    insta::assert_snapshot!("two_80x24", console(80, 24, Standing::Attached).screen());
    insta::assert_snapshot!("two_120x40", console(120, 40, Standing::Attached).screen());
}

#[test]
fn a_host_that_is_not_reached_is_old() {
    insta::assert_snapshot!("unreachable_80x24", console(80, 24, lost()).screen());
    insta::assert_snapshot!("unreachable_120x40", console(120, 40, lost()).screen());
    let mut console = console(120, 40, lost());
    console.show(two(Standing::Attached, 8));
    let screen = console.screen();
    assert!(screen.contains("web2 answers again") && !screen.contains("as of"), "{screen}");
}

#[test]
fn what_is_chosen_and_asked_for_is_of_its_host() {
    let mut console = console(120, 40, Standing::Attached);
    console.keys("j");
    let chosen = console.state.fleet.chosen.clone().unwrap();
    assert_eq!(chosen.to_string(), "web2:alice");
    let screen = console.screen();
    assert!(screen.contains("web2 · amy (viewer)"), "{screen}");
    console.keys("S");
    assert!(console.screen().contains("web2:alice"), "{}", console.screen());
    console.keys("n");
    console.keys("/host:web1\r");
    assert!(console.state.fleet.rows.iter().all(|row| row.id.host().map(AsRef::as_ref) == Some("web1")));
    assert_eq!(console.state.fleet.rows.len() * 2, console.state.fleet.total);
}

#[test]
fn on_how_many_hosts_the_caller_is_an_admin_is_said_where_they_differ() {
    let screen = console(160, 40, Standing::Attached).screen();
    assert!(screen.contains("admin on 1 of 2 hosts"), "{screen}");
    let mut same = Console::with_fleet(160, 40);
    same.show(joined(["web1", "web2"].map(|name| part(name, "root", Role::Admin, Standing::Attached)).into(), 7));
    assert!(same.screen().contains("2 hosts") && !same.screen().contains("admin on"), "{}", same.screen());
}

#[test]
fn ports_and_the_host_are_those_of_one() {
    let mut console = console(120, 40, Standing::Attached);
    console.keys("2");
    insta::assert_snapshot!("ports_120x40", console.screen());
    console.keys("5");
    assert!(console.screen().contains("host web1"), "{}", console.screen());
    console.keys("1j2");
    assert!(console.screen().contains("of web2"), "{}", console.screen());
}
