//! Servers that answer a probe with everything but an answer: the verdict is right each time, nobody goes where they point, and those
//! beside them are asked as ever.
//!
//! It must never count on how fast anything is: each verdict is waited for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::actions::BERTH;
use super::stage::{PATIENCE, free};

/// What each does with a connection, by the owner's name.
const SERVER: &str = r#"
import socket, struct, sys, threading, time
kind, port, elsewhere = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def answer(connection):
    say = lambda text: connection.sendall(text if isinstance(text, bytes) else text.encode())
    connection.recv(4096)
    if kind == 'well': say('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}')
    elif kind == 'guarded': say('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n')
    elif kind == 'sick': say('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
    elif kind == 'frank': say('HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"status":"degraded"}')
    elif kind == 'redirect': say('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n' % elsewhere)
    elif kind == 'bomb': say(b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n\x1f\x8b' + bytes(998))
    elif kind == 'endless':
        say('HTTP/1.1 200 OK\r\n\r\n')
        while True: say('endless ' * 512)
    elif kind == 'flood':
        say('HTTP/1.1 200 OK\r\n')
        while True: say('X-Flood: y\r\n' * 512)
    elif kind == 'drip':
        say('HTTP/1.1 200 OK\r\nX: ')
        while True: say('y'); time.sleep(0.1)
    elif kind == 'tls': say(b'\x15\x03\x01\x00\x02\x02\x46')
    elif kind == 'reset': connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    elif kind == 'garbage': say('SSH-2.0-OpenSSH_9.6\r\n')
    elif kind == 'silent': time.sleep(100000)

def serve(connection):
    try: answer(connection)
    except OSError: pass
    connection.close()

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('127.0.0.1', port))
listener.listen(64)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"#;

/// The verdict on each, and the instance's state.
const VERDICTS: [(&str, &str, &str); 13] = [
    ("bomb", "healthy", "running"),
    ("drip", "unhealthy", "degraded"),
    ("endless", "healthy", "running"),
    ("flood", "unhealthy", "degraded"),
    ("frank", "degraded", "degraded"),
    ("garbage", "unhealthy", "degraded"),
    ("guarded", "guarded", "running"),
    ("redirect", "healthy", "running"),
    ("reset", "unhealthy", "degraded"),
    ("sick", "degraded", "degraded"),
    ("silent", "unhealthy", "degraded"),
    ("tls", "unhealthy", "degraded"),
    ("well", "healthy", "running"),
];

struct Zoo {
    directory: tempfile::TempDir,
}

impl Zoo {
    /// One instance of each kind, all started.
    fn open(elsewhere: u16) -> Self {
        let zoo = Self { directory: tempfile::tempdir().unwrap() };
        let (base, uid, first) = (zoo.directory.path(), nix::unistd::geteuid(), free());
        fs::write(base.join("server.py"), SERVER).unwrap();
        for (place, (kind, ..)) in (first..).zip(VERDICTS) {
            let home = base.join("users").join(kind);
            for folder in ["config", "workspace", "logs"] {
                fs::create_dir_all(home.join(folder)).unwrap();
            }
            fs::write(home.join("config/config.json"), format!("{{\"port\": {place}, \"host\": \"127.0.0.1\"}}")).unwrap();
        }
        let base = base.display();
        let text = format!(
            "[ports]\nrange = \"{first}-{}\"\n[layout]\nbase = \"{base}\"\n[template.default]\nrun_as = \"{uid}\"\ndirectory = \"{base}\"\n\
             command = [\"python3\", \"{base}/server.py\", \"{{user}}\", \"{{port}}\", \"{elsewhere}\"]\nstart_timeout = \"20s\"\n\
             stop_timeout = \"5s\"\nrestart = \"no\"\nmemory_max = \"off\"\ncpu_max = \"off\"\ntasks_max = \"off\"\n\
             [sampling]\nprobes = \"1s\"\n[[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n",
            first + 20
        );
        fs::write(zoo.directory.path().join("berth.toml"), text).unwrap();
        let started = zoo.command(&["start", "--all", "--yes"]).output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        zoo
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BERTH);
        command.arg("--config").arg(self.directory.path().join("berth.toml")).args(words);
        command.env("BERTH_STATE", self.directory.path().join("state"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn show(&self, id: &str) -> Value {
        let output = self.command(&["--json", "show", id]).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["instance"].clone()
    }
}

impl Drop for Zoo {
    fn drop(&mut self) {
        let _ = self.command(&["stop", "--all", "--yes"]).output();
    }
}

/// A command that goes on; ended when it is dropped.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a11_hostile_servers_get_the_verdict_that_they_deserve() {
    let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let zoo = Zoo::open(elsewhere.local_addr().unwrap().port());
    let expected: BTreeMap<&str, (&str, &str)> = VERDICTS.iter().map(|(kind, health, state)| (*kind, (*health, *state))).collect();
    let mut watching = Watching(zoo.command(&["--json", "ls", "--watch"]).spawn().unwrap());
    let pictures = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let begun = Instant::now();
    let mut seen = BTreeMap::new();
    for picture in pictures {
        let picture: Value = serde_json::from_str(&picture.unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = picture["instances"].as_array().unwrap().iter();
        seen = rows.map(|row| (text(&row["id"]), (text(&row["health"]["state"]), text(&row["state"])))).collect();
        if expected.iter().all(|(kind, (health, state))| seen.get(*kind).is_some_and(|(one, other)| one == health && other == state)) {
            break;
        }
        assert!(begun.elapsed() < 2 * PATIENCE, "{seen:#?}");
    }
    assert_eq!(seen.len(), expected.len(), "{seen:#?}");
    drop(watching);

    let why = |id: &str| zoo.show(id)["health"]["why"].as_str().unwrap_or_default().to_owned();
    let told = [
        ("silent", "it did not answer within 2 s"),
        ("flood", "it answered with headers that have no end"),
        ("garbage", "it answered what is not HTTP"),
        ("tls", "it broke off the handshake of TLS, or speaks neither TLS 1.2 nor 1.3"),
        ("sick", "it answered 503 to GET /health"),
        ("frank", "it says of itself at /health: degraded"),
        ("guarded", "it is alive and answers nobody without credentials"),
    ];
    for (id, expected) in told {
        assert_eq!(why(id), expected, "{id}");
    }
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody went where the redirect points");
}
