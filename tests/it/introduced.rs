//! A server that wants a key and keeps sessions is asked who it is: without the key first, with it then, and its session is ended.
//!
//! It must never let the key be seen anywhere but in the server's own environment.

use std::fs;

use serde_json::{Value, json};

use super::actions::Tree;

/// Writes each question down; answers nobody without the key, then as servers of the older kind do.
const SERVER: &str = r#"
import http.server, json, os, sys
config = json.load(open(sys.argv[1]))
asked = os.path.join(os.path.dirname(sys.argv[1]), 'asked')

class Handler(http.server.BaseHTTPRequestHandler):
    def note(self, what):
        key = 'with the key' if self.headers.get('Authorization') == 'Bearer ' + os.environ['MCP_API_KEY'] else 'without'
        with open(asked, 'a') as file: file.write('%s %s %s\n' % (what, self.path, key))
        return key != 'without'
    def say(self, status, value, **headers):
        body = b'' if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items(): self.send_header(name.replace('_', '-'), text)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.say(200, {'status': 'ok'}) if self.path == '/health' else self.say(404, None)
    def do_POST(self):
        method = json.loads(self.rfile.read(int(self.headers['Content-Length'])))['method']
        if not self.note(method): self.say(401, {'error': 'unauthorized'}, WWW_Authenticate='Bearer')
        elif method == 'initialize':
            info = {'name': 'keyed', 'version': '3.1'}
            result = {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}, 'resources': {}}, 'serverInfo': info}
            self.say(200, {'jsonrpc': '2.0', 'id': 1, 'result': result}, Mcp_Session_Id='session-7')
        else: self.say(400, {'jsonrpc': '2.0', 'id': 1, 'error': {'code': -32600, 'message': 'no session'}})
    def do_DELETE(self):
        self.note('DELETE ' + self.headers.get('Mcp-Session-Id', 'nothing'))
        self.say(200, None)

http.server.ThreadingHTTPServer(('127.0.0.1', config['port']), Handler).serve_forever()
"#;

const KEY: &str = "canary-of-the-key-9Zq";

#[test]
fn who_wants_a_key_is_asked_with_it_and_its_session_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("server.py");
    fs::write(&program, SERVER).unwrap();
    let tree = Tree::with(&["amy"], &format!("restart = \"no\"\nenvironment = {{ MCP_API_KEY = \"{KEY}\" }}"));
    let config = fs::read_to_string(tree.config()).unwrap();
    let begin = config.find("command = ").unwrap();
    let end = begin + config[begin..].find('\n').unwrap();
    let command = format!("command = [\"python3\", \"{}\", \"{{config}}\"]", program.display());
    fs::write(tree.config(), format!("{}{command}{}", &config[..begin], &config[end..])).unwrap();
    let (code, text, errors) = tree.berth(&["start", "amy"]);
    assert_eq!(code, 0, "{text}{errors}");

    let row = tree.until("amy", |row| row["health"]["state"] == "healthy");
    assert_eq!(row["health"]["server"], Value::Null, "one that is looked at with all others is not asked");
    let (_, text, errors) = tree.berth(&["--json", "show", "amy"]);
    assert!(!text.contains(KEY) && !errors.contains(KEY), "{text}{errors}");
    let health = serde_json::from_str::<Value>(&text).unwrap()["instance"]["health"].clone();
    assert_eq!(health["state"], "guarded", "{health:#}");
    let expected = json!({
        "name": "keyed", "version": "3.1", "protocol": "2025-06-18", "transport": "http", "path": "/mcp", "era": "legacy",
        "capabilities": ["tools", "resources"], "sessions": true, "wants_key": true,
    });
    assert_eq!(health["server"], expected, "{health:#}");
    let asked = fs::read_to_string(tree.path().join("users/amy/config/asked")).unwrap();
    let expected = [
        "server/discover /mcp without",
        "server/discover /mcp with the key",
        "initialize /mcp with the key",
        "DELETE session-7 /mcp with the key",
    ];
    assert_eq!(asked.lines().collect::<Vec<_>>(), expected);
    let (_, text, _) = tree.berth(&["show", "amy"]);
    assert!(text.contains("keyed 3.1 · 2025-06-18 · http · sessions · wants credentials · tools resources"), "{text}");
    assert!(!text.contains(KEY));
}
