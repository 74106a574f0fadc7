//! The whole judgement: order, identity and cost.

use std::sync::Arc;

use crate::domain::{Code, ConfigFault};
use crate::judge::testing::{Host, wall};

#[test]
fn rows_are_ordered_by_id_and_unmanaged_ones_by_port_at_the_end() {
    let mut host = Host::new();
    host.declare("zoe", 1003, "127.0.0.1:8081").declare("alice/b", 1001, "127.0.0.1:8082").declare("alice", 1001, "127.0.0.1:8083");
    host.process(300, 1, 1002, "x").listen(300, "127.0.0.1:8099").hidden(1001, "127.0.0.1:8090");
    let ids: Vec<String> = host.judge().rows.iter().map(|row| row.id.to_string()).collect();
    assert_eq!(ids, ["alice/b", "alice", "zoe", "alice/:8090", "bob/:8099"]);
}

#[test]
fn findings_are_the_worst_first_then_the_oldest() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").declare("carol", 1003, "127.0.0.1:8083");
    host.process(300, 1, 1002, "x").listen(300, "127.0.0.1:8090").listen(300, "127.0.0.1:8083").listen(300, "127.0.0.1:8081");
    host.listeners[1].since = wall() - std::time::Duration::from_secs(5);
    host.sample.listeners = crate::domain::Reading::Known(host.listeners.clone().into());
    let found: Vec<(Code, Option<u16>)> = host.judge().findings.iter().map(|finding| (finding.code, finding.port)).collect();
    assert_eq!(found, [(Code::PortTaken, Some(8081)), (Code::PortTaken, Some(8083)), (Code::PortStranger, Some(8090))]);
}

#[test]
fn an_unchanged_row_is_the_same_row_and_the_number_rises() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081")).declare("bob", 1002, "127.0.0.1:8082");
    let first = host.judge();
    host.keep("bob", 200, None);
    let second = host.judge_after(Some(&first));
    assert!(Arc::ptr_eq(&first.rows[0], &second.rows[0]));
    assert!(!Arc::ptr_eq(&first.rows[1], &second.rows[1]));
    assert_eq!((first.sequence, second.sequence), (1, 2));
}

#[test]
fn what_was_looked_for_in_vain_is_said() {
    let mut host = Host::new();
    host.roster.looked_for = vec!["/opt/*/config.json".into(), "/etc/*/config.json".into()];
    host.roster.faults.push(ConfigFault { file: "/opt/-x".into(), line: None, column: None, reason: "is no name".into(), denied: false });
    let notices: Vec<String> = host.judge().notices.iter().map(ToString::to_string).collect();
    let expected = ["/opt/-x: is no name", "no instance is configured", "looked for /opt/*/config.json", "looked for /etc/*/config.json"];
    assert_eq!(notices, expected);
}
