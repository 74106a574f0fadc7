//! A server that counts what it does, with the guide's library and names: its figures in `show` and, as rates, at the daemon.
//!
//! It must never tell a figure that the server did not count: each is held against what the test itself asked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;

use serde_json::Value;

use super::{introduced, node, servers};
use crate::api::{get, until};
use crate::parts;
use crate::world::World;

/// What a client of the modern era calls the tool with.
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"time","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// Asks the server as any client would, and gives what it answered.
fn ask(world: &World, line: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", world.ports[0])).unwrap();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: application/json, text/event-stream\r\n\
         Content-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: time\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `show` says that it counts.
fn counted(world: &World) -> Value {
    world.berth.json(&["show", world.names()[0]])["instance"]["health"]["metrics"].clone()
}

#[test]
fn what_it_counts_is_told() {
    let Some(()) = parts::root() else { return };
    let Some(modern) = parts::modern() else { return };
    let world = node(&modern, servers::COUNTING);
    let socket = world.berth.home.join("run/berth.sock");
    let text = std::fs::read_to_string(&world.berth.config).unwrap();
    let chosen = "[template.default]\nmetrics = [\"process_resident_memory_bytes\", \"no_such_series\"]";
    let text = text.replace("[template.default]", chosen) + &format!("\n[daemon]\nsocket = \"{}\"\n", socket.display());
    std::fs::write(&world.berth.config, text).unwrap();
    let id = world.names()[0];
    world.berth.done(&["start", id]);
    introduced(&world);
    for _ in 0..40 {
        assert!(ask(&world, "POST /mcp", CALL).contains("\"content\""), "the tool answers");
    }
    for _ in 0..20 {
        assert!(ask(&world, "GET /broken", "").starts_with("HTTP/1.1 500"));
    }
    let told = counted(&world);
    // Of all that it was asked, berth's own questions included, 20 failed; of 40 calls the cache knew 30.
    let errors = told["error_percent"].as_f64().unwrap_or_else(|| panic!("{told:#}"));
    assert!((10.0..=33.4).contains(&errors), "{told:#}");
    assert_eq!(told["cache_hit_percent"], 75.0, "{told:#}");
    assert!(told["p95_ms"].as_f64().is_some_and(|milliseconds| milliseconds > 0.0), "{told:#}");
    assert!(told["chosen"]["process_resident_memory_bytes"].as_f64().is_some_and(|bytes| bytes > 1e7), "{told:#}");
    assert_eq!(told["chosen"].as_object().unwrap().len(), 1, "{told:#}");
    assert!(told["tool_calls_per_second"].is_null() && told["requests_per_second"].is_null(), "one look makes no rate: {told:#}");
    let shown = world.berth.run(&["show", id]);
    assert!(shown.text.contains("cache 75.0 %") && shown.text.contains("% errors"), "{}", shown.text);

    // Who looks on has rates.
    let _served = Served(world.berth.meanwhile(&["serve"]));
    until("the daemon answers", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
    let mut last = Value::Null;
    until("calls a second are told", || {
        ask(&world, "POST /mcp", CALL);
        last = get(&socket, &format!("/v1/instances/{id}"))["instance"]["health"]["metrics"].clone();
        last["tool_calls_per_second"].as_f64().is_some_and(|rate| rate > 0.0)
            && last["requests_per_second"].as_f64().is_some_and(|rate| rate > 0.0)
    });
    assert!(last["requests_per_second"].as_f64() >= last["tool_calls_per_second"].as_f64(), "{last:#}");
}
