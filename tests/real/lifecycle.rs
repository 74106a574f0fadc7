//! Three accounts' real servers: started, told rightly, stopped to the last process, restarted on the same port.
//!
//! It must never ask berth whether berth was right: ps and /proc are the witnesses.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::accounts::Account;
use crate::parts;
use crate::world::World;

#[test]
fn three_owners_servers_are_started_told_stopped_and_restarted() {
    let Some(()) = parts::root() else { return };
    let Some(everything) = parts::everything() else { return };
    let world = World::new(&everything, 3);
    let names = world.names();
    world.berth.done(&[&["start"], names.as_slice()].concat());

    let mut pids = HashMap::new();
    for (owner, port) in world.owners.iter().zip(&world.ports) {
        let row = world.berth.instance(&owner.name);
        is_told_rightly(&row, owner, *port);
        answers(*port);
        let pid = row["pid"].as_i64().unwrap();
        let written = fs::read_to_string(world.base.join("users").join(&owner.name).join("server.pid")).unwrap();
        assert_eq!(written.trim(), pid.to_string(), "the PID file that the guide's tools read");
        pids.insert(owner.name.clone(), pid);
    }
    let list = world.berth.json(&["ls"]);
    assert_eq!((list["schema"].as_i64(), list["totals"]["running"].as_i64()), (Some(1), Some(3)), "{list:#}");

    // What is already as wished is done, and is not done again.
    world.berth.done(&["start", names[0]]);
    assert_eq!(world.berth.instance(names[0])["pid"].as_i64(), pids.get(names[0]).copied());

    let stopped = &world.owners[0];
    assert!(stopped.processes().len() >= 2, "the server and its child that left its session: {:?}", stopped.processes());
    world.berth.done(&["stop", &stopped.name]);
    stopped.assert_idle();
    let row = world.berth.instance(&stopped.name);
    assert_eq!(
        (row["state"].as_str(), row["pid"].is_null(), row["port"].as_u64()),
        (Some("stopped"), true, Some(world.ports[0].into())),
        "{row:#}"
    );
    assert_eq!(world.berth.instance(names[1])["pid"].as_i64(), pids.get(names[1]).copied(), "the others live on");

    let restarted = &world.owners[1];
    world.berth.done(&["restart", &restarted.name]);
    let row = world.berth.instance(&restarted.name);
    is_told_rightly(&row, restarted, world.ports[1]);
    assert_ne!(row["pid"].as_i64(), pids.get(&restarted.name).copied());
    answers(world.ports[1]);

    world.berth.done(&[&["stop"], names.as_slice()].concat());
    world.owners.iter().for_each(Account::assert_idle);
}

/// Holds a row of `ls --json` against what ps and /proc say.
fn is_told_rightly(row: &Value, owner: &Account, port: u16) {
    assert_eq!(row["state"].as_str(), Some("running"), "{row:#}");
    assert_eq!(row["user"].as_str(), Some(owner.name.as_str()), "{row:#}");
    assert_eq!(row["uid"].as_u64(), Some(owner.uid.into()), "{row:#}");
    assert_eq!(row["port"].as_u64(), Some(port.into()), "{row:#}");
    let pid = row["pid"].as_i64().unwrap_or_else(|| panic!("no pid: {row:#}"));
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(command.contains(crate::world::SERVER), "pid {pid} is {command:?}");
    assert!(row["listening"].as_array().unwrap().iter().any(|listener| listener["port"] == port && listener["pid"] == pid), "{row:#}");
    let memory = row["memory_bytes"].as_f64().unwrap_or_else(|| panic!("no memory: {row:#}"));
    let real = resident(owner);
    assert!((memory - real).abs() <= real * 0.1, "berth says {memory} bytes, ps {real}");
}

/// What ps says of the memory of the server and all that came of it. Its keeper runs under the account too and is not the instance's.
fn resident(owner: &Account) -> f64 {
    let output = Command::new("ps").args(["-ww", "-o", "rss=,args=", "-U", &owner.uid.to_string()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let servers = text.lines().filter(|line| !line.contains("berth keeper"));
    servers.map(|line| line.split_ascii_whitespace().next().unwrap().parse::<f64>().unwrap() * 1024.0).sum()
}

/// The server itself answers, and not only its port.
fn answers(port: u16) {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = vec![0; 4096];
    let count = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
