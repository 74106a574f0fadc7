//! What servers say of themselves, as they really say it and as they might.

use super::*;

const LEGACY_RESULT: &str = r#"{"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"prompts":{}},"serverInfo":{"name":"everything","version":"2.0.0"}},"jsonrpc":"2.0","id":1}"#;

const MODERN_RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2025-11-25","2026-07-28"],"capabilities":{"tools":{}},"ttlMs":5,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"1"}}}}"#;

fn read(body: &str) -> Option<Told> {
    answer(body.as_bytes()).map(|answer| told(&answer))
}

#[test]
fn an_answer_is_found_in_json_and_in_a_stream() {
    let expected = Told {
        name: Some("everything".into()),
        version: Some("2.0.0".into()),
        protocol: Some("2025-11-25".into()),
        capabilities: vec!["tools".into(), "prompts".into()],
    };
    let streams = [
        LEGACY_RESULT.to_owned(),
        format!("[{{\"method\":\"x\"}},{LEGACY_RESULT}]"),
        format!("event: message\ndata: {LEGACY_RESULT}\n\n"),
        format!("id: 1\ndata:\n\nevent: message\r\nid: 2\r\ndata: {LEGACY_RESULT}\r\n\r\n"),
        format!(": hello\n\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}}\n\ndata: {LEGACY_RESULT}\n\n"),
    ];
    for stream in &streams {
        assert_eq!(read(stream), Some(expected.clone()), "{stream}");
    }
    for part in
        ["", "{", "event: message\ndata: {\"id\":1", &format!("data: {LEGACY_RESULT}\n"), "<html>", "data: {\"id\":2,\"result\":1}\n\n"]
    {
        assert_eq!(read(part), None, "{part}");
    }
}

#[test]
fn the_modern_kind_is_known_by_its_answers_only() {
    let of = |body: &str| era(answer(body.as_bytes()).as_ref());
    let error =
        |code: i64| format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"x","data":{{"supported":["2026-07-28"]}}}}}}"#);
    assert_eq!(of(MODERN_RESULT), Era::Modern);
    for code in [-32_020, -32_021, -32_022] {
        assert_eq!(of(&error(code)), Era::Modern);
    }
    for code in [-32_000, -32_600, -32_601] {
        assert_eq!(of(&error(code)), Era::Legacy);
    }
    for body in ["", "Not Found", r#"{"jsonrpc":"2.0","error":{"code":-32000},"id":null}"#, r#"{"id":1,"result":{}}"#] {
        assert_eq!(of(body), Era::Legacy, "{body}");
    }
    assert_eq!(read(MODERN_RESULT).unwrap().protocol.unwrap().as_str(), "2026-07-28");
    assert_eq!(read(MODERN_RESULT).unwrap().name.unwrap().as_str(), "new");
    assert_eq!(read(&error(-32_022)).unwrap().protocol.unwrap().as_str(), "2026-07-28");
}

#[test]
fn what_a_server_calls_itself_is_short_and_harmless() {
    let long = "x".repeat(10_000);
    let many: String = (0..500).map(|number| format!("\"c{number}\":{{}},")).collect();
    let body = format!(
        r#"{{"id":1,"result":{{"protocolVersion":7,"capabilities":{{{many}"z":1}},"serverInfo":{{"name":"\u001b]52;c;eA==\u0007","version":"{long}"}}}}}}"#
    );
    let told = read(&body).unwrap();
    assert!(!told.name.unwrap().as_str().contains(['\u{1b}', '\u{7}']));
    assert_eq!(told.version.unwrap().as_str().chars().count(), LONGEST + 1);
    assert_eq!((told.protocol, told.capabilities.len()), (None, MOST_CAPABILITIES));
    let odd = r#"{"id":1,"result":{"serverInfo":[1],"capabilities":"all","supportedVersions":[3,{}]}}"#;
    assert_eq!(read(odd), Some(Told::default()));
}

#[test]
fn the_questions_are_json() {
    for (text, method) in [(discover(), "server/discover"), (initialize(), "initialize")] {
        let question: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(question["method"], method);
    }
}

#[test]
fn the_older_transport_is_known_by_its_first_event() {
    assert!(has_endpoint(b"event: endpoint\ndata: /message?sessionId=1\n\n"));
    assert!(has_endpoint(b": hi\n\nevent:endpoint\r\ndata:/m\r\n\r\n"));
    assert!(!has_endpoint(b"event: endpoint\n") && !has_endpoint(b"data: endpoint\n\n") && !has_endpoint(b""));
}
