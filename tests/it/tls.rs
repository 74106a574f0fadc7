//! Servers of TLS with certificates of their own: taken at first sight, told when they are others, and sent no key until somebody accepts them.
//!
//! The key must never be seen by who shows another certificate.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;

use crate::stage::free;

const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// How long a server on a busy machine is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

const KEY: &str = "canary-of-the-https-server-5Kd";

/// An MCP server of the older kind that wants a key, and writes down each that it is sent.
const SERVER: &str = r#"
import http.server, json, ssl, sys
port, base, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def say(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.say(200, {'status': 'ok'})
    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        given = self.headers.get('Authorization')
        if given:
            open(base + '/keys', 'a').write(given + '\n')
        if given != 'Bearer ' + key:
            return self.say(401, {'error': 'who are you?'})
        if question['method'] != 'initialize':
            return self.say(200, {'jsonrpc': '2.0', 'id': 1, 'error': {'code': -32601, 'message': 'no such method'}})
        told = {'protocolVersion': '2025-11-25', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 'shy', 'version': '1.0'}}
        self.say(200, {'jsonrpc': '2.0', 'id': 1, 'result': told})
    def log_message(self, *words): pass

server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(base + '/certificate.pem', base + '/key.pem')
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"#;

struct Host {
    directory: tempfile::TempDir,
}

impl Host {
    /// One instance, shy, whose configuration says that much of TLS; not started.
    fn new(says: &str) -> Self {
        let host = Self { directory: tempfile::tempdir().unwrap() };
        let (base, uid, port) = (host.directory.path(), nix::unistd::geteuid(), free());
        fs::write(base.join("server.py"), SERVER).unwrap();
        for folder in ["config", "workspace", "logs"] {
            fs::create_dir_all(base.join("users/shy").join(folder)).unwrap();
        }
        fs::write(base.join("users/shy/config/config.json"), format!("{{\"port\": {port}, \"host\": \"127.0.0.1\"{says}}}")).unwrap();
        let base = base.display();
        let text = format!(
            "[ports]\nrange = \"{port}-{}\"\n[layout]\nbase = \"{base}\"\n[findings]\naccept = [\"runs-as-root\", \"auth-missing\"]\n\
             [template.default]\nrun_as = \"{uid}\"\ndirectory = \"{base}\"\nstart_timeout = \"60s\"\nstop_timeout = \"5s\"\nrestart = \"no\"\n\
             command = [\"python3\", \"{base}/server.py\", \"{{port}}\", \"{base}\", \"{KEY}\"]\nenvironment = {{ MCP_API_KEY = \"{KEY}\" }}\n\
             memory_max = \"off\"\ncpu_max = \"off\"\ntasks_max = \"off\"\n[sampling]\nprobes = \"1s\"\n\
             [[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n",
            port + 20
        );
        fs::write(host.directory.path().join("berth.toml"), text).unwrap();
        host
    }

    /// Another certificate from the next start on.
    fn certificate(&self, until: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 2));
        let base = self.directory.path();
        fs::write(base.join("certificate.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(base.join("key.pem"), key.serialize_pem()).unwrap();
    }

    /// From the next start on it speaks plain HTTP.
    fn without_tls(&self) {
        let line = SERVER.lines().find(|line| line.contains("wrap_socket")).unwrap();
        fs::write(self.directory.path().join("server.py"), SERVER.replace(line, "pass")).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BERTH);
        command.arg("--config").arg(self.directory.path().join("berth.toml")).args(words);
        command.env("BERTH_STATE", self.directory.path().join("state"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, words: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        (status.code().unwrap_or(-1), [String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)].concat())
    }

    fn done(&self, words: &[&str]) -> String {
        let (code, text) = self.run(words);
        assert_eq!(code, 0, "{words:?}: {text}");
        text
    }

    /// Its health, once that is what is wanted.
    fn health(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let output = self.command(&["--json", "show", "shy"]).output().unwrap();
            let health = serde_json::from_slice::<Value>(&output.stdout).unwrap()["instance"]["health"].clone();
            if is_wanted(&health) {
                return health;
            }
            assert!(begun.elapsed() < PATIENCE, "{health:#}");
        }
    }

    /// The sentence of certificate-changed, if it is a finding.
    fn changed(&self) -> Option<String> {
        let output = self.command(&["--json", "check"]).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = document["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == "certificate-changed")?;
        assert_eq!((&found["level"], &found["remedies"]), (&"warning".into(), &serde_json::json!(["trust"])));
        found["evidence"].as_str().map(str::to_owned)
    }

    fn keys_sent(&self) -> usize {
        fs::read_to_string(self.directory.path().join("keys")).unwrap_or_default().lines().count()
    }

    /// Has an engine look for as long as it takes to keep the certificate.
    fn kept(&self) -> String {
        let mut watching = self.command(&["--json", "ls", "--watch"]).stdout(Stdio::null()).spawn().unwrap();
        let (file, begun) = (self.directory.path().join("state/certificates"), Instant::now());
        let text = loop {
            match fs::read_to_string(&file) {
                Ok(text) => break text,
                Err(_) => assert!(begun.elapsed() < PATIENCE, "{} was not written", file.display()),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let _ = watching.kill();
        let _ = watching.wait();
        text
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.command(&["stop", "--all", "--yes"]).output();
    }
}

#[test]
fn a11_a_certificate_is_taken_at_first_sight_and_another_one_is_told_and_sent_no_key() {
    let host = Host::new(", \"https\": true");
    host.certificate(2040);
    host.done(&["start", "shy"]);
    let first = host.health(|health| health["server"]["name"] == "shy");
    assert_eq!((&first["state"], &first["server"]["wants_key"]), (&"guarded".into(), &true.into()), "{first:#}");
    let print = first["certificate"]["sha256"].as_str().unwrap().to_owned();
    assert_eq!(first["certificate"]["ends_at"], "2040-01-02T00:00:00.000Z", "{first:#}");
    assert!(host.keys_sent() > 0);
    assert!(!host.directory.path().join("state/certificates").exists(), "who only looks writes nothing");
    let kept = host.kept();
    assert!(kept.contains(&print) && !kept.contains(KEY), "{kept}");
    assert_eq!(host.changed(), None);
    assert!(
        host.done(&["client", "shy", "--for", "vscode"]).contains("\"https://127.0.0.1:"),
        "{}",
        host.done(&["client", "shy", "--for", "vscode"])
    );
    assert!(host.done(&["show", "shy"]).contains("known since"));

    host.certificate(2041);
    host.done(&["restart", "shy"]);
    fs::remove_file(host.directory.path().join("keys")).unwrap();
    let second = host.health(|health| !health["certificate"].is_null() && !health["server"].is_null());
    assert_eq!((&second["certificate"]["known_sha256"], &second["state"]), (&print.as_str().into(), &"guarded".into()), "{second:#}");
    assert_eq!(second["server"]["name"], Value::Null, "{second:#}");
    let evidence = host.changed().unwrap();
    assert!(evidence.contains("which holds until 2041-01-0") && evidence.contains("so it is sent no key"), "{evidence}");
    assert!(host.run(&["check"]).1.contains("trust shy"), "{}", host.run(&["check"]).1);
    assert_eq!(host.keys_sent(), 0, "the key went to who shows another certificate");

    // Not another one than was named, and not by who may change nothing.
    assert_eq!(host.run(&["trust", "shy", "--certificate", &print]).0, 1);
    assert_eq!(host.run(&["--read-only", "trust", "shy"]).0, 3);
    assert!(host.changed().is_some());
    let new = second["certificate"]["sha256"].as_str().unwrap();
    host.done(&["trust", "shy", "--certificate", new, "--reason", "renewed"]);
    assert_eq!(host.changed(), None);
    host.health(|health| health["server"]["name"] == "shy");
    assert!(host.keys_sent() > 0);

    // One that has ended is told in words.
    host.certificate(2021);
    host.done(&["restart", "shy"]);
    let ended = host.health(|health| health["state"] == "degraded");
    assert_eq!(ended["why"], "its certificate held until 2021-01-02: clients refuse it");
}

#[test]
fn who_had_a_certificate_does_not_get_the_key_by_having_none() {
    let host = Host::new("");
    host.certificate(2040);
    host.done(&["start", "shy"]);
    host.health(|health| health["server"]["name"] == "shy");
    host.kept();
    host.without_tls();
    host.done(&["restart", "shy"]);
    fs::remove_file(host.directory.path().join("keys")).unwrap();
    let plain = host.health(|health| health["state"] == "degraded" && !health["server"].is_null());
    assert_eq!(plain["why"], "it was known by a certificate, and answers without TLS; berth trust accepts that");
    assert_eq!(host.keys_sent(), 0);
    host.done(&["trust", "shy"]);
    host.health(|health| health["state"] == "guarded" && health["server"]["name"] == "shy");
}

#[test]
fn who_says_nothing_of_tls_is_found_out_and_a_damaged_file_is_believed_in_nothing() {
    let host = Host::new("");
    host.certificate(2040);
    host.done(&["start", "shy"]);
    host.health(|health| health["server"]["name"] == "shy" && !health["certificate"].is_null());
    host.kept();
    let file = host.directory.path().join("state/certificates");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    fs::remove_file(host.directory.path().join("keys")).unwrap();
    let unknown = host.health(|health| !health["server"].is_null());
    assert_eq!((&unknown["certificate"]["known_sha256"], &unknown["server"]["name"]), (&Value::Null, &Value::Null), "{unknown:#}");
    assert_eq!(host.keys_sent(), 0);
    assert!(host.run(&["check"]).1.contains("certificates is damaged"), "{}", host.run(&["check"]).1);
    assert_eq!(host.run(&["trust", "shy"]).0, 1);
    assert_eq!(fs::read(&file).unwrap(), &whole[..whole.len() - 3], "nobody wrote over it");
}

#[test]
fn who_says_https_and_speaks_without_is_told_so_and_sent_no_key() {
    let host = Host::new(", \"scheme\": \"https\"");
    host.certificate(2040);
    host.without_tls();
    host.done(&["start", "shy"]);
    let health = host.health(|health| health["state"] == "degraded" && !health["server"].is_null());
    assert_eq!(health["why"], "its configuration says https, and it answers without TLS");
    assert_eq!(host.keys_sent(), 0);
}
