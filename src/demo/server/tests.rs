//! A real server on a real port, asked over a bare socket.

use super::*;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;

/// Serves on a free port in a thread of its own, which ends with the test process.
fn served() -> u16 {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap().port()).unwrap();
            let settings: Settings = serde_json::from_str(r#"{"port":1,"serverName":"Alice MCP Server","serverVersion":"1.2.3"}"#).unwrap();
            axum::serve(listener, routes(settings, &Arc::new(Journal::new(false)))).await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

/// Sends one request and reads the answer to its end.
fn ask(port: u16, method: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"0"}}}"#;

#[test]
fn initialize_is_answered_and_a_tool_can_be_called() {
    let port = served();
    let answer = ask(port, "POST", "/mcp", "", INITIALIZE);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""name":"Alice MCP Server""#) && answer.contains(r#""version":"1.2.3""#), "{answer}");
    let session = answer.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("mcp-session-id: ").map(str::to_owned)).unwrap();
    let headers = format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n");
    let ready = ask(port, "POST", "/mcp", &headers, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert!(ready.starts_with("HTTP/1.1 202"), "{ready}");
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"add","arguments":{"a":2,"b":40}}}"#;
    let sum = ask(port, "POST", "/mcp", &headers, call);
    assert!(sum.contains(r#""text":"42""#), "{sum}");
}

#[test]
fn health_is_json_and_metrics_are_openmetrics() {
    let port = served();
    let health = ask(port, "GET", "/health", "", "");
    assert!(health.to_ascii_lowercase().contains("content-type: application/json"), "{health}");
    let body: serde_json::Value = serde_json::from_str(health.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((body["status"].as_str(), body["server"].as_str()), (Some("ok"), Some("Alice MCP Server")));
    let metrics = ask(port, "GET", "/metrics", "", "");
    assert!(metrics.contains("application/openmetrics-text") && metrics.ends_with("# EOF\n"), "{metrics}");
}

#[test]
fn a_foreign_origin_and_a_foreign_host_are_refused() {
    let port = served();
    let answer = ask(port, "POST", "/mcp", "Origin: http://evil.example\r\n", INITIALIZE);
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[test]
fn a_taken_port_ends_the_server_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    fs::write(&config, format!(r#"{{"port":{},"host":"127.0.0.1"}}"#, taken.local_addr().unwrap().port())).unwrap();
    assert_eq!(run(&config), 1);
    fs::write(&config, "{").unwrap();
    assert_eq!(run(&config), 2);
    fs::write(&config, r#"{"port":1,"demo":"failing"}"#).unwrap();
    assert_eq!(run(&config), FAILED);
}
