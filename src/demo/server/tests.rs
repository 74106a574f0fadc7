//! The demo server, asked over real sockets.
//!
//! It must never take a port that it was not given by the kernel.

use std::fs;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a\ntest","version":"1"}}}"#;

fn settings(port: u16, workspace: &Path) -> Settings {
    Settings {
        port,
        host: IpAddr::from([127, 0, 0, 1]),
        server_name: "Alice MCP Server".to_owned(),
        server_version: "1.0.0".to_owned(),
        workspace: workspace.to_owned(),
    }
}

/// Sends a request and reads until `until` is in the answer; an event stream has no end.
async fn ask(address: SocketAddr, request: &str, until: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&bytes).contains(until) {
            assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "{}", String::from_utf8_lossy(&bytes));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

fn post(body: &str, session: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n\
         {session}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

#[tokio::test]
async fn it_is_an_mcp_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (journal, stop) = (Arc::new(Journal::new()), CancellationToken::new());
    let serving = tokio::spawn(serve(listener, settings(address.port(), Path::new("/nonexistent")), Arc::clone(&journal), stop.clone()));
    let answer = ask(address, &post(INITIALIZE, ""), "Alice MCP Server").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("Alice MCP Server"), "{answer}");
    let session = format!("mcp-session-id: {}\r\nmcp-protocol-version: 2025-06-18\r\n", header(&answer, "mcp-session-id").unwrap());
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert!(ask(address, &post(initialized, &session), "\r\n\r\n").await.starts_with("HTTP/1.1 202"));
    let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    let answer = ask(address, &post(list, &session), "\"time\"").await;
    assert!(["echo", "add", "time"].iter().all(|tool| answer.contains(&format!("\"name\":\"{tool}\""))), "{answer}");
    let call = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"add","arguments":{"a":19,"b":23}}}"#;
    assert!(ask(address, &post(call, &session), "\"42\"").await.contains("\"content\""));
    let health = ask(address, "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n", "}").await;
    assert!(health.contains("application/json") && health.contains("\"status\":\"healthy\""), "{health}");
    let metrics = ask(address, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n", "# EOF").await;
    assert!(metrics.contains("mcp_sessions_total 1") && metrics.contains("mcp_tool_calls_total 1"), "{metrics}");
    let origin = ask(address, &post(INITIALIZE, "origin: http://evil.example\r\n"), "\r\n\r\n").await;
    assert!(origin.starts_with("HTTP/1.1 403"), "{origin}");
    stop.cancel();
    serving.abort();
}

#[tokio::test]
async fn a_taken_port_is_told_and_ends_it() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = settings(holder.local_addr().unwrap().port(), Path::new("/nonexistent"));
    assert_eq!(live(&settings, "dave", &Arc::new(Journal::new())).await, 1);
}

#[tokio::test]
async fn a_damaged_database_ends_it() {
    let workspace = tempfile::tempdir().unwrap();
    fs::write(workspace.path().join("memory.db"), [0xde; 64]).unwrap();
    assert_eq!(live(&settings(0, workspace.path()), "frank", &Arc::new(Journal::new())).await, DATABASE_UNUSABLE);
}

#[test]
fn a_database_is_known_by_its_head() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("memory.db");
    assert_eq!(database_fault(&path), None);
    for (bytes, fine) in [(&b""[..], true), (b"SQLite format 3\0rest", true), (b"SQLite", false), (&[0xde; 100], false)] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(database_fault(&path).is_none(), fine, "{bytes:?}");
    }
}

#[test]
fn the_guides_configuration_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let text = r#"{ "port": 8081, "host": "0.0.0.0", "serverName": "x", "serverVersion": "1", "workspace": "/w" }"#;
    fs::write(&path, text).unwrap();
    assert_eq!(read(&path).unwrap().port, 8081);
    assert_eq!(main(&[]), 2);
    assert_eq!(main(&["--config=/nonexistent".into()]), 2);
}
