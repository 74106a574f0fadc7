//! What `berth client` prints, read by what clients read with: jq, Python's json and tomllib; and followed to a real server that answers.
//!
//! It must never take berth's word for it: the URL is taken from the printed text by the readers alone.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};

use crate::parts;
use crate::world::World;

/// For each client the jq program that finds the URL where that client looks for it; Codex's file is TOML.
const CLIENTS: [(&str, Option<&str>); 5] = [
    ("claude-code", Some(".mcpServers[] | select(.type == \"http\") | .url")),
    ("claude-desktop", Some(".mcpServers[] | select(.command == \"npx\" and .args[1] == \"mcp-remote\") | .args[2]")),
    ("vscode", Some(".servers[] | select(.type == \"http\") | .url")),
    ("cursor", Some(".mcpServers[] | select(has(\"type\") | not) | .url")),
    ("codex", None),
];

/// Reads the text as its client's language, finds the only URL in it, and greets the server there as a client does.
const GREET: &str = r#"
import json, sys, tomllib, urllib.request
text = sys.stdin.read()
document = tomllib.loads(text) if sys.argv[1] == "codex" else json.loads(text)
def strings(value):
    if isinstance(value, str): yield value
    elif isinstance(value, dict):
        for inner in value.values(): yield from strings(inner)
    elif isinstance(value, list):
        for inner in value: yield from strings(inner)
url, = [text for text in strings(document) if text.startswith("http://")]
body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"}}}
headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
answer = open_url(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=60)
lines = [line for line in answer.read().decode().splitlines() if "serverInfo" in line]
print(url, json.loads(lines[0].removeprefix("data:"))["result"]["serverInfo"]["name"])
"#;

/// What a program makes of a text.
fn read_by(program: &str, arguments: &[&str], text: &str) -> String {
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?} on {text}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_clients_entry_leads_to_the_owners_server_also_after_it_had_to_move() {
    let (Some(()), Some(())) = (parts::root(), parts::readers()) else { return };
    let Some(everything) = parts::everything() else { return };
    let world = World::new(&everything, 1);
    let (name, port) = (world.names()[0], world.ports[0]);
    let snippet = |client: &str| {
        let output = world.berth.output(&["client", name, "--for", client]);
        assert_eq!(output.status.code(), Some(0), "{client}");
        String::from_utf8(output.stdout).unwrap()
    };
    let all_lead_to = |port: u64| {
        let url = format!("http://127.0.0.1:{port}/mcp");
        for (client, path) in CLIENTS {
            let text = snippet(client);
            if let Some(path) = path {
                assert_eq!(read_by("jq", &["-er", path], &text), url, "{client}: {text}");
            }
            let greeted = read_by("python3", &["-c", GREET, client], &text);
            assert!(greeted.starts_with(&format!("{url} ")) && greeted.contains("everything"), "{client}: {greeted}");
        }
    };
    world.berth.done(&["start", name]);
    all_lead_to(port.into());

    world.berth.done(&["stop", name]);
    let squatter = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    world.berth.done(&["assign", name, "--port", "auto"]);
    world.berth.done(&["start", name]);
    let moved = world.berth.instance(name)["port"].as_u64().unwrap();
    assert_ne!(moved, u64::from(port));
    all_lead_to(moved);
    drop(squatter);
}
