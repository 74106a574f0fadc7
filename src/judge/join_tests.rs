//! Whose is what: cases.

use crate::domain::{Code, ConfigFault, ProcessKey, Reading, Snapshot, State, Uid, Wish};
use crate::judge::testing::{Host, NOW, findings, key, row, state};

/// The row's state, main pid and the pids of its tree.
fn picture(host: &Host, name: &str) -> (State, Option<i32>, Vec<i32>) {
    let snapshot = host.judge();
    let row = row(&snapshot, name);
    (row.state, row.main.known().map(|key| key.pid), row.processes.iter().map(|process| process.key.pid).collect())
}

fn alice() -> Host {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081");
    host
}

#[test]
fn a_keeper_has_the_tree_below_it_and_is_not_in_it() {
    let mut host = alice();
    host.keep("alice", 100, Some("127.0.0.1:8081"))
        .process(102, 101, 1001, "worker")
        .process(103, 102, 1001, "worker")
        .process(500, 1, 1001, "bash");
    assert_eq!(picture(&host, "alice"), (State::Running, Some(101), vec![101, 102, 103]));
    assert_eq!(row(&host.judge(), "alice").keeper, Some(key(100)));
}

#[test]
fn the_main_process_is_the_one_that_holds_the_listener() {
    let mut host = alice();
    host.keep("alice", 100, None).process(102, 101, 1001, "node").listen(102, "127.0.0.1:8081");
    assert_eq!(picture(&host, "alice"), (State::Running, Some(102), vec![102, 101]));
}

#[test]
fn of_several_holders_it_is_the_one_the_others_were_forked_from() {
    let mut host = alice();
    host.keep("alice", 100, Some("127.0.0.1:8081")).process(102, 101, 1001, "worker").listen(102, "127.0.0.1:8081");
    let (Reading::Known(one), Reading::Known(two)) = (host.listeners[0].holders.clone(), host.listeners[1].holders.clone()) else {
        panic!()
    };
    host.listeners.truncate(1);
    host.listeners[0].holders = Reading::Known([two[0].clone(), one[0].clone()].into());
    host.sample.listeners = Reading::Known(host.listeners.clone().into());
    assert_eq!(picture(&host, "alice").1, Some(101));
}

#[test]
fn without_a_keeper_the_claimed_main_process_is_the_root() {
    let mut host = alice();
    host.keep("alice", 100, Some("127.0.0.1:8081")).process(102, 101, 1001, "worker").end(&[100]);
    host.sample.processes.get_mut(&101).unwrap().parent = 1;
    assert_eq!(picture(&host, "alice"), (State::Running, Some(101), vec![101, 102]));
}

#[test]
fn a_claimed_pid_that_another_process_has_now_is_not_it() {
    let mut host = alice();
    host.process(101, 1, 1001, "node");
    host.claim("alice").main = Some(ProcessKey { pid: 101, start_time: 7 });
    assert_eq!(picture(&host, "alice"), (State::Stopped, None, vec![]));
}

#[test]
fn a_claimed_main_process_under_another_uid_is_not_it() {
    let mut host = alice();
    host.process(101, 1, 1002, "node").listen(101, "127.0.0.1:8081");
    host.claim("alice").main = Some(key(101));
    assert_eq!(picture(&host, "alice"), (State::Stopped, None, vec![]));
}

#[test]
fn what_was_started_after_the_listing_is_believed() {
    let mut host = alice();
    let main = ProcessKey { pid: 700, start_time: NOW * 100 + 5 };
    let claim = host.claim("alice");
    (claim.main, claim.wished_up, claim.started_at) = (Some(main), Some(true), Some(super::super::testing::wall()));
    let snapshot = host.judge();
    let row = row(&snapshot, "alice");
    assert_eq!((row.state, row.main, row.memory_bytes), (State::Starting, Reading::Known(main), Reading::Unasked));
    assert_eq!(row.started_at, Some(super::super::testing::wall()));
}

#[test]
fn one_instances_tree_ends_where_anothers_begins() {
    let mut host = alice();
    host.declare("bob", 1002, "127.0.0.1:8082").keep("alice", 100, Some("127.0.0.1:8081")).keep("bob", 200, Some("127.0.0.1:8082"));
    host.sample.processes.get_mut(&200).unwrap().parent = 101;
    assert_eq!(picture(&host, "alice").2, [101]);
    assert_eq!(picture(&host, "bob").2, [201]);
}

#[test]
fn a_server_started_by_a_script_is_adopted_by_its_port_and_uid() {
    let mut host = alice();
    host.process(300, 1, 1001, "node main.js").process(301, 300, 1001, "worker").listen(300, "0.0.0.0:8081");
    assert_eq!(picture(&host, "alice"), (State::Running, Some(300), vec![300, 301]));
    assert!(host.judge().findings.iter().all(|finding| finding.code == Code::BindPublic));
}

#[test]
fn a_foreign_uid_on_its_port_is_not_adopted() {
    let mut host = alice();
    host.process(300, 1, 1002, "node main.js --config=/opt/alice/config.json").listen(300, "127.0.0.1:8081");
    assert_eq!(picture(&host, "alice").0, State::Stopped);
    assert_eq!(findings(&host.judge(), Code::PortTaken).len(), 1);
}

#[test]
fn a_command_names_its_configuration() {
    let cases = [
        ("node main.js --config=/opt/alice/config.json", true),
        ("node main.js --config /opt/alice/config.json --verbose", true),
        ("node main.js --settings=/opt/alice/config.json", true),
        ("node main.js --config=/opt/alice/config.json.bak", false),
        ("node main.js --config=/x/opt/alice/config.json", false),
        ("vim /opt/alice/config.json", false),
        ("tail -f /opt/alice/config.json", false),
    ];
    for (command, adopted) in cases {
        let mut host = alice();
        host.process(300, 1, 1001, command);
        assert_eq!(picture(&host, "alice").1.is_some(), adopted, "{command}");
    }
}

#[test]
fn a_shell_around_the_server_is_in_the_tree_and_not_the_main_process() {
    let mut host = alice();
    host.process(300, 1, 1001, "sh -c node --config=/opt/alice/config.json").process(
        301,
        300,
        1001,
        "node --config=/opt/alice/config.json",
    );
    assert_eq!(picture(&host, "alice"), (State::Running, Some(301), vec![301, 300]));
}

#[test]
fn two_of_one_account_on_one_port_are_told_apart_by_the_configuration_or_not_at_all() {
    let mut host = Host::new();
    host.declare("a", 900, "127.0.0.1:8081").declare("b", 900, "127.0.0.1:8081");
    host.process(300, 1, 900, "node main.js").listen(300, "127.0.0.1:8081");
    assert_eq!((picture(&host, "a").0, picture(&host, "b").0), (State::Stopped, State::Stopped));
    assert_eq!(findings(&host.judge(), Code::PortTaken).len(), 2);
    host.end(&[300]).process(300, 1, 900, "node main.js --config=/opt/b/config.json").listen(300, "127.0.0.1:8081");
    assert_eq!((picture(&host, "a").0, picture(&host, "b").0), (State::Stopped, State::Running));
}

#[test]
fn one_that_has_a_process_leaves_the_listener_to_the_other() {
    let mut host = Host::new();
    host.declare("a", 900, "127.0.0.1:8081").declare("b", 900, "127.0.0.1:8081").keep("a", 100, None);
    host.process(300, 1, 900, "node main.js").listen(300, "127.0.0.1:8081");
    assert_eq!(picture(&host, "b").1, Some(300));
}

#[test]
fn a_live_keeper_means_that_nothing_is_adopted() {
    let mut host = alice();
    host.keep("alice", 100, None).process(300, 1, 1001, "node --config=/opt/alice/config.json").listen(300, "127.0.0.1:8081");
    assert_eq!(picture(&host, "alice"), (State::Degraded, Some(101), vec![101]));
}

#[test]
fn hidden_holders_are_known_by_uid_and_port() {
    let mut host = alice();
    host.hidden(1001, "127.0.0.1:8081");
    let snapshot = host.judge();
    let row = row(&snapshot, "alice");
    assert_eq!(
        (row.state, row.main, row.memory_bytes, row.cpu_percent),
        (State::Running, Reading::Denied, Reading::Denied, Reading::Denied)
    );
    assert_eq!(
        row.listening.iter().map(|(endpoint, pid)| (endpoint.to_string(), *pid)).collect::<Vec<_>>(),
        [("127.0.0.1:8081".to_owned(), None)]
    );
    assert!(snapshot.findings.is_empty());
    assert_eq!(snapshot.rows.len(), 1);
}

#[test]
fn hidden_holders_of_a_shared_account_may_be_either() {
    let mut host = Host::new();
    host.declare("a", 900, "127.0.0.1:8081").declare("b", 900, "127.0.0.1:8081").hidden(900, "127.0.0.1:8081");
    let snapshot = host.judge();
    assert_eq!((state(&snapshot, "a"), state(&snapshot, "b")), (State::Unknown, State::Unknown));
    assert!(row(&snapshot, "a").why.as_ref().unwrap().as_str().contains("whose it is may not be seen"));
    assert_eq!(snapshot.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::PortDuplicate]);
    assert!(snapshot.findings[0].evidence.as_str().starts_with("8081: one of a and b has it, and which one may not be seen; one of"));
    assert_eq!(snapshot.rows.len(), 2);
}

/// Two owners of one service account.
fn service_account() -> Host {
    let mut host = Host::new();
    host.declare("amy", 900, "127.0.0.1:3456").declare("ben", 900, "127.0.0.1:3457");
    host
}

#[test]
fn under_one_service_account_the_port_tells_whose_a_script_started_server_is() {
    let mut host = service_account();
    host.process(200, 1, 900, "node dist/indexSSE.js").listen(200, "0.0.0.0:3457");
    host.process(300, 1, 900, "node dist/indexSSE.js").listen(300, "0.0.0.0:3456");
    assert_eq!(picture(&host, "amy"), (State::Running, Some(300), vec![300]));
    assert_eq!(picture(&host, "ben"), (State::Running, Some(200), vec![200]));
    // A port outside the range that a deployment brought along is its own.
    let snapshot = host.judge();
    let of_ports = |name: &str| row(&snapshot, name).findings.iter().any(|code| code.word().starts_with("port-"));
    assert!(!of_ports("amy") && !of_ports("ben"), "{:?}", snapshot.findings);
}

#[test]
fn under_one_service_account_nobodys_server_is_another_owners() {
    let mut host = service_account();
    // Ben's script-started server sits on amy's port while amy's keeper lives: it is not amy's, and not known to be ben's.
    host.keep("amy", 100, None).process(200, 1, 900, "node dist/indexSSE.js").listen(200, "127.0.0.1:3456");
    assert_eq!(picture(&host, "amy"), (State::Degraded, Some(101), vec![101]));
    assert_eq!(picture(&host, "ben"), (State::Stopped, None, vec![]));
    assert_eq!(findings(&host.judge(), Code::PortTaken).len(), 1);
    // A third port of the account is nobody's.
    let mut host = service_account();
    host.process(200, 1, 900, "node dist/indexSSE.js").listen(200, "127.0.0.1:8090");
    assert_eq!((picture(&host, "amy").0, picture(&host, "ben").0), (State::Stopped, State::Stopped));
}

#[test]
fn a_server_that_another_owners_server_started_is_its_own_owners() {
    let mut host = service_account();
    host.process(200, 1, 900, "node").listen(200, "127.0.0.1:3456");
    host.process(201, 200, 900, "node").listen(201, "127.0.0.1:3457").process(202, 201, 900, "worker");
    assert_eq!(picture(&host, "amy"), (State::Running, Some(200), vec![200]));
    assert_eq!(picture(&host, "ben"), (State::Running, Some(201), vec![201, 202]));
}

#[test]
fn the_environment_file_in_a_command_names_its_instance() {
    for option in ["--env-file=/opt/amy/config.json", "--env-file /opt/amy/config.json"] {
        let mut host = service_account();
        host.process(200, 1, 900, &format!("node {option} dist/indexSSE.js"));
        assert_eq!(picture(&host, "amy").2, vec![200], "{option}");
        assert_eq!(picture(&host, "ben").2, Vec::<i32>::new());
    }
}

fn unread(host: &mut Host, name: &str) {
    host.redeclare(name, |declared| {
        let fault = ConfigFault { file: "/opt/x.json".into(), line: None, column: None, reason: "denied".into(), denied: true };
        (declared.fault, declared.port, declared.launch) = (Some(fault), None, None);
    });
}

#[test]
fn what_only_this_caller_may_not_read_is_unknown_and_no_fault() {
    let mut host = Host::new();
    host.viewer = Uid(1002);
    host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082").declare("carol", 1003, "127.0.0.1:8083");
    unread(&mut host, "alice");
    // carol's may be read: nothing of it shows, and what it was asked is recorded where bob may not look.
    let snapshot = host.judge();
    assert_eq!(["alice", "bob", "carol"].map(|name| state(&snapshot, name)), [State::Unknown, State::Stopped, State::Unknown]);
    let alice = row(&snapshot, "alice");
    assert_eq!(alice.why.as_ref().map(ToString::to_string).as_deref(), Some("/opt/x.json may not be read by this account"));
    assert_eq!((alice.wish, alice.main, alice.own_port(), alice.restarted()), (None, Reading::Denied, Reading::Denied, Reading::Denied));
    assert_eq!((snapshot.findings.len(), row(&snapshot, "bob").wish), (0, Some(Wish::Down)));
    assert_eq!(snapshot.notices.len(), 1, "{:?}", snapshot.notices);
    assert!(snapshot.notices[0].as_str().starts_with("the files of 1 of 3 instances may not be read"), "{:?}", snapshot.notices);
    // Where the account itself may not read its file, its server may not either.
    host.redeclare("alice", |declared| declared.fault.as_mut().unwrap().denied = false);
    assert_eq!(row(&host.judge(), "alice").findings, [Code::ConfigInvalid]);
}

#[test]
fn a_hidden_listener_is_nobodys_only_where_every_configuration_was_read() {
    let mut host = Host::new();
    host.viewer = Uid(1002);
    host.declare("alice", 1001, "127.0.0.1:8081").hidden(1001, "127.0.0.1:8090").hidden(1003, "127.0.0.1:8091");
    let strangers = |host: &Host| -> Vec<String> {
        host.judge().rows.iter().filter(|row| row.id.is_unmanaged()).map(|row| row.id.to_string()).collect()
    };
    assert_eq!(strangers(&host), ["alice/:8090", "carol/:8091"]);
    unread(&mut host, "alice");
    assert_eq!(strangers(&host), ["carol/:8091"]);
    assert_eq!(state(&host.judge(), "alice"), State::Unknown);
}

#[test]
fn the_group_that_a_keeper_made_tells_whose_a_hidden_listener_is() {
    let cases = [
        ("/berth/alice+default.4711-815", true),
        ("/user.slice/berth/alice+default.4711-815", true),
        ("/berth/alice+default", false),
        ("/berth/alice+default.x-1", false),
        ("/birth/alice+default.4711-815", false),
        ("/berth/../alice.4711-815", false),
        ("/berth/bob+default.4711-815", false),
    ];
    for (group, is_told) in cases {
        let mut host = Host::new();
        host.viewer = Uid(1002);
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082");
        unread(&mut host, "alice");
        host.hidden(1001, "127.0.0.1:8090").grouped(group);
        let snapshot = host.judge();
        let alice = row(&snapshot, "alice");
        let expected = if is_told { (State::Running, Some(8090)) } else { (State::Unknown, None) };
        assert_eq!((alice.state, alice.port), expected, "{group}");
        assert_eq!((alice.main, alice.wish, alice.memory_bytes), (Reading::Denied, None, Reading::Denied), "{group}");
        assert_eq!(state(&snapshot, "bob"), State::Stopped, "{group}");
    }
}

/// PM2's daemon, pid 10, with workers of two accounts' apps: each has two, and the daemon holds their ports.
#[test]
fn what_a_daemon_holds_for_several_is_whose_port_it_is() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1001, "127.0.0.1:8082").declare("carol", 1003, "127.0.0.1:8083");
    host.process(10, 1, 1001, "PM2");
    for (name, pids) in [("alice", [20, 21]), ("bob", [30, 31])] {
        host.process(pids[0], 10, 1001, "node").process(pids[1], 10, 1001, "node");
        let claim = host.claim(name);
        (claim.main, claim.publisher) = (Some(key(pids[0])), Some(key(10)));
        claim.others = [key(pids[1])].into();
    }
    host.listen(10, "127.0.0.1:8081").listen(10, "127.0.0.1:8082").listen(10, "127.0.0.1:8090");
    let snapshot = host.judge();
    for (name, main, port) in [("alice", 20, 8081), ("bob", 30, 8082)] {
        let row = row(&snapshot, name);
        assert_eq!((row.state, &row.main, row.processes.len()), (State::Running, &Reading::Known(key(main)), 2), "{name}");
        let listening: Vec<_> = row.listening.iter().map(|(endpoint, pid)| (endpoint.port, *pid)).collect();
        assert_eq!(listening, [(port, Some(10))], "{name}");
    }
    assert!(snapshot.findings.is_empty(), "{:?}", snapshot.findings);
    // Of what says no port it is whatever is nobody else's.
    host.redeclare("bob", |declared| declared.port = None);
    let ports = |snapshot: &Snapshot| -> Vec<u16> { row(snapshot, "bob").listening.iter().map(|(endpoint, _)| endpoint.port).collect() };
    assert_eq!(ports(&host.judge()), [8082, 8090]);
    // Another account's port is not had by being held by a daemon.
    host.listen(10, "127.0.0.1:8083");
    host.redeclare("bob", |declared| declared.port = Some(8082));
    assert!(host.judge().findings.iter().any(|finding| finding.code == Code::PortTaken), "carol's port");
}
