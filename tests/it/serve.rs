//! The real daemon on a real socket: it answers as the command line does, acts, and can be ended in every way without an instance noticing.
//!
//! It must never leave a daemon behind: each is ended by its pid.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::actions::{BERTH, Tree, signal};
use super::api::{ask, connect, get, until};

/// A tree and the place of its daemon's socket.
pub struct Site {
    pub tree: Tree,
    pub socket: PathBuf,
}

impl Site {
    pub fn new(owners: &[&str]) -> Self {
        Self::of(Tree::new(owners))
    }

    /// A daemon's place beside this tree.
    pub fn of(tree: Tree) -> Self {
        std::fs::set_permissions(tree.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let socket = tree.path().join("run/berth.sock");
        let mut text = std::fs::read_to_string(tree.config()).unwrap();
        text.push_str(&format!("\n[daemon]\nsocket = \"{}\"\n", socket.display()));
        std::fs::write(tree.config(), text).unwrap();
        Self { tree, socket }
    }

    /// Starts a daemon and waits until it answers.
    pub fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    /// The same with these variables in its environment.
    pub fn daemon_with(&self, variables: &[(&str, &str)]) -> Daemon {
        let mut command = self.tree.command(&["serve"]);
        command.envs(variables.iter().copied());
        let daemon = Daemon(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("the daemon answers", || UnixStream::connect(&self.socket).is_ok());
        until("it has looked", || get(&self.socket, "/health")["status"] == "ok");
        daemon
    }

    /// Has a daemon begin anew, and waits until it has: it has served for a while before, so that the one can be told from the other.
    fn begins_anew(&self, daemon: &Daemon) {
        let serving = || get(&self.socket, "/health")["serving_s"].as_u64();
        until("it has served for a while", || serving() >= Some(2));
        signal(daemon.pid(), Signal::SIGHUP);
        until("it began anew", || serving() < Some(2));
    }

    pub fn instance(&self, id: &str) -> Value {
        get(&self.socket, &format!("/v1/instances/{id}"))["instance"].clone()
    }
}

/// A daemon that is ended with its test.
pub struct Daemon(pub Child);

impl Daemon {
    pub fn pid(&self) -> i64 {
        self.0.id().into()
    }

    /// Sends a signal and waits for the end.
    pub fn end(mut self, by: Signal) -> Option<i32> {
        signal(self.pid(), by);
        self.0.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After `end` there is none, and its pid is nobody's that is asked here.
        if let Ok(None) = self.0.try_wait() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn lives(pid: i64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn it_answers_as_the_command_line_does_and_acts() {
    let site = Site::new(&["zoe", "yan"]);
    let daemon = site.daemon();
    let (ls, snapshot) = (serde_json::from_str::<Value>(&site.tree.berth(&["ls", "--json"]).1).unwrap(), get(&site.socket, "/v1/snapshot"));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&snapshot), keys(&ls));
    assert_eq!(keys(&snapshot["instances"][0]), keys(&ls["instances"][0]));
    assert_eq!(snapshot["totals"]["instances"], 2);

    let started = ask(&site.socket, "POST", "/v1/instances/zoe/start", r#"{"reason":"a test"}"#);
    assert_eq!((started.status, &started.json()["results"][0]["done"]), (200, &json!(true)), "{}", started.text);
    until("it runs", || site.instance("zoe")["state"] == "running");
    assert_eq!(site.instance("zoe")["pid"], site.tree.row("zoe")["pid"]);
    let me = get(&site.socket, "/v1/me");
    assert_eq!(
        (me["uid"].as_u64(), me["instances"].as_array().unwrap().len()),
        (Some(nix::unistd::geteuid().as_raw().into()), 2),
        "{me:#}"
    );
    assert_eq!(me["instances"][1]["url"], format!("http://127.0.0.1:{}/mcp", site.tree.ports[0]));
    assert_eq!(get(&site.socket, "/v1/ports/zoe")["ports"][0]["port"], site.tree.ports[0]);
    let again = ask(&site.socket, "POST", "/v1/instances/zoe%2Fdefault/restart", "");
    assert_eq!(again.status, 200, "{}", again.text);
    let stopped = ask(&site.socket, "POST", "/v1/instances/zoe/default/stop", "");
    assert_eq!((stopped.status, site.tree.row("zoe")["state"].as_str()), (200, Some("stopped")), "{}", stopped.text);
    let trail = rusqlite::Connection::open(site.tree.path().join("state/events.db")).unwrap();
    let told: Vec<(String, Option<String>, i64)> = trail
        .prepare("SELECT verb, reason, exit_code FROM actions ORDER BY id")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let verbs: Vec<_> = told.iter().map(|(verb, ..)| verb.as_str()).collect();
    assert_eq!((verbs, told[0].1.as_deref()), (vec!["start", "restart", "stop"], Some("a test")), "{told:?}");
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
    assert!(!site.socket.exists());
}

#[test]
fn what_cannot_be_answered_is_an_error_with_its_kind() {
    let site = Site::new(&["zoe", "yan"]);
    site.tree.configure("yan", &format!("{{\"port\": {}, \"host\": \"127.0.0.1\"}}", site.tree.ports[0]));
    let _daemon = site.daemon();
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(5000));
    let cases = [
        ("GET", "/v1/instances/nobody", "", 404, "no-such-instance", 4),
        ("POST", "/v1/instances/nobody/start", "", 404, "no-such-instance", 4),
        ("GET", "/v1/instances/..%2f..", "", 400, "usage", 2),
        ("GET", "/v1/instances/a%2Fb/c", "", 400, "usage", 2),
        ("GET", "/v1/instances/%ff", "", 400, "usage", 2),
        ("GET", "/v1/ports/nobody", "", 404, "no-such-instance", 4),
        ("GET", "/nothing", "", 404, "no-such-instance", 4),
        ("GET", "/v1/instances/zoe/start", "", 405, "usage", 2),
        ("DELETE", "/v1/snapshot", "", 405, "usage", 2),
        ("POST", "/v1/instances/zoe/start", "{", 400, "usage", 2),
        ("POST", "/v1/instances/zoe/start", "[]", 400, "usage", 2),
        ("POST", "/v1/instances/zoe/start", r#"{"timeout":1}"#, 400, "usage", 2),
        ("POST", "/v1/instances/zoe/start", &long, 400, "usage", 2),
    ];
    for (method, path, body, status, kind, code) in cases {
        let answered = ask(&site.socket, method, path, body);
        let error = &answered.json()["error"];
        assert_eq!((answered.status, &error["kind"], &error["exit_code"]), (status, &json!(kind), &json!(code)), "{method} {path}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    assert_eq!(site.instance("zoe")["state"], "stopped");
    // Its port is somebody else's: as the command line's 5.
    assert_eq!(ask(&site.socket, "POST", "/v1/instances/zoe/start", "").status, 200);
    let taken = ask(&site.socket, "POST", "/v1/instances/yan/start", "");
    assert_eq!((taken.status, &taken.json()["error"]["exit_code"]), (409, &json!(5)), "{}", taken.text);
}

#[test]
fn nobody_can_take_more_than_a_share() {
    let site = Site::new(&["zoe"]);
    let _daemon = site.daemon();
    // A head without an end is given up, and before that at its size.
    let mut endless = connect(&site.socket);
    let _ = endless.write_all(format!("GET /health HTTP/1.1\r\nX: {}", "x".repeat(100_000)).as_bytes());
    let mut answer = Vec::new();
    let _ = endless.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let mut many = connect(&site.socket);
    let headers: String = (0..100).map(|number| format!("X-{number}: 1\r\n")).collect();
    write!(many, "GET /health HTTP/1.1\r\n{headers}\r\n").unwrap();
    let mut answer = [0; 12];
    many.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
    drop((endless, many));
    // One that says nothing is given up; until then it has a place, and root has 128 of them.
    let silent: Vec<UnixStream> = (0..200).map(|_| connect(&site.socket)).collect();
    let refused = ask(&site.socket, "GET", "/health", "");
    assert_eq!((refused.status, &refused.json()["error"]["kind"]), (503, &json!("busy")));
    drop(silent);
    until("there is room again", || ask(&site.socket, "GET", "/health", "").status == 200);
    let mut silent = connect(&site.socket);
    assert_eq!(silent.read_to_end(&mut Vec::new()).unwrap(), 0, "who says nothing is let go");
}

#[test]
fn what_a_file_says_is_what_is_started_however_soon() {
    let site = Site::new(&["zoe", "yan"]);
    let _daemon = site.daemon();
    for round in 1..6 {
        let port = site.tree.ports[round % 2];
        site.tree.configure("zoe", &format!("{{\"port\": {port}}}"));
        let started = ask(&site.socket, "POST", "/v1/instances/zoe/start", "");
        assert!(started.text.contains(&format!("listens on 127.0.0.1:{port} ")), "{}", started.text);
        assert_eq!(ask(&site.socket, "POST", "/v1/instances/zoe/stop", "").status, 200);
    }
}

#[test]
fn there_is_one_daemon() {
    let site = Site::new(&["zoe"]);
    let first = site.daemon();
    let (code, _, errors) = site.tree.berth(&["serve"]);
    assert_eq!(code, 5, "{errors}");
    assert!(errors.contains(&format!("pid {} (berth", first.pid())), "{errors}");
    // From another state, at the same socket.
    let output = site.tree.command(&["serve"]).env("BERTH_STATE", site.tree.path().join("other")).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stderr).contains("answers at"));
    assert_eq!(get(&site.socket, "/health")["status"], "ok", "the first one answers still");
}

#[test]
fn f20_instances_outlive_a_daemon_that_is_killed_ended_or_begun_anew() {
    let site = Site::new(&["zoe"]);
    let mut daemon = site.daemon();
    assert_eq!(ask(&site.socket, "POST", "/v1/instances/zoe/start", "").status, 200);
    let pid = site.tree.row("zoe")["pid"].as_i64().unwrap();
    for by in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGKILL, Signal::SIGINT] {
        let code = daemon.end(by);
        assert_eq!(code, (by != Signal::SIGKILL).then_some(0), "{by}");
        assert_eq!(site.socket.exists(), by == Signal::SIGKILL, "a killed one cannot take its socket away");
        assert!(lives(pid), "{by}");
        daemon = site.daemon();
        until("it is known again", || site.instance("zoe")["state"] == "running");
        let row = site.instance("zoe");
        assert_eq!((row["pid"].as_i64(), &row["wish"], &row["restarts"]), (Some(pid), &json!("up"), &json!(0)), "{by}: {row:#}");
    }
    site.begins_anew(&daemon);
    assert_eq!(site.instance("zoe")["pid"].as_i64(), Some(pid));
    assert_eq!(ask(&site.socket, "POST", "/v1/instances/zoe/stop", "").status, 200);
    assert!(!lives(pid));
}

/// A manager that hears what it is told.
fn manager(directory: &Path) -> (UnixDatagram, PathBuf) {
    let place = directory.join("notify");
    let manager = UnixDatagram::bind(&place).unwrap();
    manager.set_read_timeout(Some(super::api::PATIENCE)).unwrap();
    (manager, place)
}

/// Hears until something begins so.
fn hears(manager: &UnixDatagram, beginning: &str) -> String {
    loop {
        let mut bytes = [0; 4096];
        let length = manager.recv(&mut bytes).unwrap_or_else(|error| panic!("{beginning}: {error}"));
        let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
        if text.starts_with(beginning) {
            return text;
        }
    }
}

#[test]
fn the_service_manager_is_told_and_a_wrong_configuration_changes_nothing() {
    let site = Site::new(&["zoe"]);
    let (manager, place) = manager(site.tree.path());
    let mut command = site.tree.command(&["serve"]);
    command.env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "200000").stdout(Stdio::null()).stderr(Stdio::null());
    let daemon = Daemon(command.spawn().unwrap());
    assert!(hears(&manager, "READY=1").contains("answers at"));
    hears(&manager, "WATCHDOG=1");
    hears(&manager, "WATCHDOG=1");

    let right = std::fs::read_to_string(site.tree.config()).unwrap();
    for wrong in [right.replace("range", "rnage"), right.replace("run/berth.sock", "run/other.sock")] {
        std::fs::write(site.tree.config(), wrong).unwrap();
        signal(daemon.pid(), Signal::SIGHUP);
        hears(&manager, "RELOADING=1\nMONOTONIC_USEC=");
        assert!(hears(&manager, "READY=1").contains("the old configuration is kept: "));
        assert_eq!(get(&site.socket, "/health")["status"], "ok");
    }

    let range = |socket: &Path| get(socket, "/v1/snapshot")["range"]["last"].as_u64();
    let was = range(&site.socket).unwrap();
    let (from, to) = (format!("-{was}\""), format!("-{}\"", was + 7));
    std::fs::write(site.tree.config(), right.replace(&from, &to)).unwrap();
    signal(daemon.pid(), Signal::SIGHUP);
    hears(&manager, "RELOADING=1");
    // Whoever comes meanwhile waits and is not turned away.
    let early = ask(&site.socket, "GET", "/v1/me", "");
    assert_eq!(early.status, 200);
    assert!(hears(&manager, "READY=1").contains("answers at"));
    until("the new configuration holds", || range(&site.socket) == Some(was + 7));
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    assert_eq!(u64::from_str_radix(ignored.trim(), 16).unwrap() & 1, 0, "it hears SIGHUP again");
    until("the old zygote is gone", || {
        let all = Command::new("ps").args(["--no-headers", "-o", "stat", "--ppid", &daemon.pid().to_string()]).output().unwrap();
        String::from_utf8_lossy(&all.stdout).lines().count() == 1
    });
    signal(daemon.pid(), Signal::SIGTERM);
    hears(&manager, "STOPPING=1");
    drop(daemon);
}

#[test]
fn a_socket_that_is_handed_over_is_taken_and_left_where_it_is() {
    let site = Site::new(&["zoe"]);
    std::fs::create_dir(site.socket.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(&site.socket).unwrap();
    let start = |variables: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{variables} exec \"$0\" --config \"$1\" serve"), BERTH]).arg(site.tree.config());
        command.env("BERTH_STATE", site.tree.path().join("state")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let descriptor = listener.as_raw_fd();
        // SAFETY: dup2(2) and fcntl(2) after the fork.
        unsafe {
            command.pre_exec(move || {
                let is_there = if descriptor == 3 { libc::fcntl(3, libc::F_SETFD, 0) } else { libc::dup2(descriptor, 3) };
                if is_there < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
            });
        }
        Daemon(command.spawn().unwrap())
    };
    // What is for another process is not taken: somebody answers at that place.
    let mut other = start("LISTEN_PID=1 LISTEN_FDS=1");
    assert_eq!(other.0.wait().unwrap().code(), Some(5));
    let daemon = start("LISTEN_PID=$$ LISTEN_FDS=1");
    assert_eq!(get(&site.socket, "/v1/me")["uid"], nix::unistd::geteuid().as_raw());
    site.begins_anew(&daemon);
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
    assert!(site.socket.exists(), "it is the service manager's");
}

#[test]
fn a_panic_behind_a_request_is_no_end() {
    let site = Site::new(&["zoe"]);
    let mut command = site.tree.command(&["serve"]);
    command.env(berth::failpoint::VARIABLE, "daemon-work").stdout(Stdio::null()).stderr(Stdio::null());
    let daemon = Daemon(command.spawn().unwrap());
    until("it listens", || UnixStream::connect(&site.socket).is_ok());
    let mut stream = connect(&site.socket);
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: berth\r\n\r\n");
    // Who it is could not be told: nothing is answered, and nobody else is the worse for it.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    assert!(lives(daemon.pid()));
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
}
