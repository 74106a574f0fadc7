//! Containers: what is published counts on the host, whoever holds it, and what is inside does not.

use std::sync::Arc;

use super::testing::{Host, findings, key, row, state};
use crate::domain::{Activity, Code, Endpoint, Limits, Process, Service, State, SupervisorKind};

/// A container of root's engine (pid 50) that is to be published here.
fn declare(host: &mut Host, name: &str, published: &[&str]) {
    host.declare(name, 0, published.first().unwrap_or(&"?:0"));
    host.redeclare(name, |declared| declared.supervisor = SupervisorKind::Docker);
    let at = |text: &&str| {
        let (address, port) = text.rsplit_once(':').unwrap();
        Endpoint::new(address.parse().unwrap(), port.parse().unwrap())
    };
    host.claim(name).published = published.iter().map(at).collect();
    host.claim(name).engine = Some(key(50));
    serve(host, name, Activity::Inactive);
}

fn serve(host: &mut Host, name: &str, activity: Activity) {
    host.claim(name).service = Some(Arc::new(Service {
        name: name.into(),
        activity,
        told: "".into(),
        result: None,
        since: None,
        group: None,
        project: None,
        limits: Limits::default(),
        unanswered: None,
    }));
}

/// It runs: conmon or a shim (pid), and the server below it (pid + 1) under some account, in a network of its own.
fn run(host: &mut Host, name: &str, pid: i32, uid: u32) {
    host.process(pid, 1, 0, "conmon").process(pid + 1, pid, uid, "httpd");
    let inside = Process { elsewhere: true, ..host.sample.processes[&(pid + 1)].clone() };
    host.sample.processes.insert(pid + 1, inside);
    (host.claim(name).keeper, host.claim(name).main) = (Some(key(pid)), Some(key(pid + 1)));
    serve(host, name, Activity::Active);
}

fn taken(host: &Host) -> Vec<(String, String)> {
    findings(&host.judge(), Code::PortTaken)
}

#[test]
fn whoever_holds_a_published_port_for_it_is_no_stranger() {
    for holder in ["conmon", "docker-proxy", "dockerd", "nobody"] {
        let mut host = Host::new();
        declare(&mut host, "alice", &["127.0.0.1:8081"]);
        run(&mut host, "alice", 100, 1003);
        host.process(50, 1, 0, "dockerd").process(60, 50, 0, "docker-proxy");
        match holder {
            "conmon" => drop(host.listen(100, "127.0.0.1:8081")),
            "docker-proxy" => drop(host.listen(60, "127.0.0.1:8081")),
            "dockerd" => drop(host.listen(50, "127.0.0.1:8081")),
            _ => {}
        }
        let snapshot = host.judge();
        let alice = row(&snapshot, "alice");
        assert_eq!((alice.state, alice.main.known().map(|key| key.pid), alice.keeper), (State::Running, Some(101), None), "{holder}");
        assert_eq!(alice.listening, [(Endpoint::new("127.0.0.1".parse().unwrap(), 8081), None)], "{holder}");
        assert!(snapshot.findings.is_empty(), "{holder}: {:?}", snapshot.findings);
        assert_eq!(snapshot.rows.len(), 1, "{holder}");
    }
}

#[test]
fn a_process_on_a_published_port_is_in_its_way_whether_it_runs_or_not() {
    let mut host = Host::new();
    declare(&mut host, "alice", &["127.0.0.1:8081", "127.0.0.1:8085"]);
    // root's as well, as its engine is.
    host.process(4711, 1, 0, "nginx").listen(4711, "127.0.0.1:8085");
    let evidence = "8085 is held by pid 4711 (nginx, root), since 03:11:54; alice's instance is assigned it";
    assert_eq!(taken(&host), [("alice".to_owned(), evidence.to_owned())]);
    assert_eq!(state(&host.judge(), "alice"), State::Stopped);
    run(&mut host, "alice", 100, 0);
    assert_eq!(taken(&host).len(), 1, "published by the packet filter alone it runs beside what listens there");
}

#[test]
fn whoever_cleans_up_behind_a_container_is_no_part_of_it() {
    let mut host = Host::new();
    declare(&mut host, "alice", &[]);
    run(&mut host, "alice", 100, 1003);
    host.end(&[101]).process(102, 100, 0, "podman");
    serve(&mut host, "alice", Activity::Failed);
    let snapshot = host.judge();
    assert_eq!((state(&snapshot, "alice"), row(&snapshot, "alice").processes.len()), (State::Crashed, 0));
}

#[test]
fn another_address_and_an_inner_port_are_no_conflict() {
    let mut host = Host::new();
    declare(&mut host, "alice", &["127.0.0.1:8081"]);
    declare(&mut host, "bob", &[]);
    host.redeclare("bob", |declared| declared.port = Some(8090));
    run(&mut host, "bob", 200, 1002);
    host.process(4711, 1, 1002, "nc").listen(4711, "127.0.0.2:8081").process(4712, 1, 1002, "nc").listen(4712, "127.0.0.1:8090");
    assert_eq!(taken(&host), []);
}

#[test]
fn another_containers_publisher_is_in_the_way() {
    let mut host = Host::new();
    declare(&mut host, "alice", &["127.0.0.1:8081"]);
    declare(&mut host, "bob", &["127.0.0.1:8081"]);
    run(&mut host, "bob", 200, 1002);
    host.listen(200, "127.0.0.1:8081");
    assert_eq!(findings(&host.judge(), Code::PortTaken).len(), 1);
    assert_eq!(findings(&host.judge(), Code::PortDuplicate).len(), 1);
}
