//! Other hosts by a real sshd: two daemons, each behind an sshd of the test's own, in one console; one of them is cut off and comes back.
//!
//! It must never touch the machine's sshd, its keys, or anybody's ssh configuration: keys, configurations and ports are the test's own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::api::{PATIENCE, get, until};
use crate::parts;
use crate::terminal::Terminal;
use crate::world::{configuration, enterable, free_range};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_berth");

/// Listens on its port and says so.
const SERVER: &str = r#"use IO::Socket::INET; $| = 1;
my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => $ENV{PORT}, ReuseAddr => 1) or die "no port";
print "listening at NAME\n";
while (1) { sleep 1; print "still at NAME\n" }
"#;

const TEMPLATE: &str = r#"command = ["/usr/bin/perl", "{base}/users/{user}/server.pl"]
host = "127.0.0.1"
environment = { PORT = "{port}" }
start_timeout = "60s"
stop_timeout = "5s""#;

struct Ended(Child);

impl Ended {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}

fn quiet(command: &mut Command) -> Ended {
    Ended(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn key(path: &Path) -> String {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(made.success());
    fs::read_to_string(path.with_extension("pub")).unwrap()
}

/// A "host": a tree with root's instance, a state and a daemon of its own, and an sshd that leads there.
struct Site {
    folder: PathBuf,
    port: u16,
    daemon: Option<Ended>,
    sshd: Option<Ended>,
}

impl Site {
    fn new(root: &Path, name: &str, first: u16, authorized: &str) -> Self {
        let folder = root.join(name);
        let base = folder.join("mcp-server");
        let tree = base.join("users/root");
        for folder in [&folder, &base, &base.join("users"), &tree, &tree.join("config"), &tree.join("logs"), &folder.join("bin")] {
            fs::create_dir(folder).unwrap();
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(tree.join("server.pl"), SERVER.replace("NAME", name)).unwrap();
        fs::write(tree.join("config/config.json"), serde_json::json!({ "port": first }).to_string()).unwrap();
        let config =
            configuration(&base, first, TEMPLATE) + &format!("\n[daemon]\nsocket = \"{}\"\n", folder.join("run/berth.sock").display());
        fs::write(folder.join("berth.toml"), config).unwrap();
        let (toml, state) = (folder.join("berth.toml"), folder.join("state"));
        // What a command that comes by ssh finds as `berth` there.
        let berth = format!("#!/bin/sh\nBERTH_STATE='{}' exec '{PROGRAM}' --config '{}' \"$@\"\n", state.display(), toml.display());
        script(&folder.join("bin/berth"), &berth);
        key(&folder.join("host_key"));
        fs::write(folder.join("authorized"), authorized).unwrap();
        let port = free_port();
        let sshd = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             SetEnv PATH={0}/bin:/usr/bin:/bin\n",
            folder.display()
        );
        fs::write(folder.join("sshd_config"), sshd).unwrap();
        let mut site = Self { folder, port, daemon: None, sshd: None };
        site.serve();
        site.listen();
        site
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("run/berth.sock")
    }

    fn serve(&mut self) {
        let berth = self.folder.join("bin/berth");
        self.daemon = Some(quiet(Command::new(berth).arg("serve").env("HOME", &self.folder).env("XDG_CONFIG_HOME", &self.folder)));
        until("the daemon answers", || UnixStream::connect(self.socket()).is_ok());
        until("it has looked", || get(&self.socket(), "/health")["status"] == "ok");
    }

    fn listen(&mut self) {
        let config = self.folder.join("sshd_config");
        self.sshd = Some(quiet(Command::new("/usr/sbin/sshd").args(["-D", "-f"]).arg(config)));
        until("sshd listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    fn instance(&self) -> Value {
        get(&self.socket(), "/v1/instances/root")["instance"].clone()
    }

    fn is(&self, state: &str) -> bool {
        self.instance()["state"] == state
    }

    /// Cuts it off: nobody listens any more, the connections that there are end, and the daemon with them.
    fn cut(&mut self) {
        self.daemon = None;
        let sshd = self.sshd.as_mut().unwrap();
        let parent = sshd.0.id().to_string();
        // A connection's own process is the child of the one that listens.
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let is_child = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.split_ascii_whitespace().nth(1) == Some(parent.as_str()));
            if let (true, Some(pid)) = (is_child, entry.file_name().to_str().and_then(|pid| pid.parse().ok())) {
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
            }
        }
        sshd.end();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let stop = Command::new(self.folder.join("bin/berth")).args(["stop", "root"]).env("HOME", &self.folder).output();
        drop(stop);
    }
}

/// Both hosts, and a person's ssh that knows them.
struct World {
    web1: Site,
    web2: Site,
    bin: PathBuf,
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        // Where it was never run the directory that it gives its rights up in is missing.
        let _ = fs::create_dir_all("/run/sshd");
        let directory = enterable();
        let root = directory.path();
        let authorized = key(&root.join("id"));
        let first = free_range();
        // While somebody has one of them the next are others.
        let held = TcpListener::bind(("127.0.0.1", first)).unwrap();
        let second = free_range();
        drop(held);
        let (web1, web2) = (Site::new(root, "web1", first, &authorized), Site::new(root, "web2", second, &authorized));
        let mut config = format!(
            "Host *\n  User root\n  IdentityFile {0}/id\n  IdentitiesOnly yes\n  UserKnownHostsFile {0}/known\n  GlobalKnownHostsFile /dev/null\n\
             \x20 StrictHostKeyChecking yes\n",
            root.display()
        );
        // One that is slow to come, and one whose key is not known; both are the second.
        for (name, further) in
            [("slow", String::new()), ("strange", format!("  StrictHostKeyChecking ask\n  UserKnownHostsFile {}/none\n", root.display()))]
        {
            config = format!("Host {name}\n  HostName 127.0.0.1\n  HostKeyAlias {name}\n  Port {}\n{further}", web2.port) + &config;
        }
        let mut known = format!("slow {}", fs::read_to_string(web2.folder.join("host_key.pub")).unwrap());
        for (name, site) in [("web1", &web1), ("web2", &web2)] {
            config.push_str(&format!("Host {name}\n  HostName 127.0.0.1\n  Port {}\n", site.port));
            let key = fs::read_to_string(site.folder.join("host_key.pub")).unwrap();
            known.push_str(&format!("[127.0.0.1]:{} {key}", site.port));
        }
        fs::write(root.join("ssh_config"), config).unwrap();
        fs::write(root.join("known"), known).unwrap();
        let bin = root.join("bin");
        fs::create_dir(&bin).unwrap();
        // ssh reads the configuration of the account's home and not of $HOME.
        let waits = "case \" $* \" in *' slow '*) for turn in $(seq 1200); do [ -e \"$HOME/go\" ] && break; sleep 0.1; done;; esac";
        script(&bin.join("ssh"), &format!("#!/bin/sh\n{waits}\nexec /usr/bin/ssh -F '{}/ssh_config' \"$@\"\n", root.display()));
        Self { web1, web2, bin, directory }
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let home = self.directory.path().display().to_string();
        let path = format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap());
        vec![
            ("BERTH_STATE", format!("{home}/own-state")),
            ("HOME", home.clone()),
            ("XDG_CONFIG_HOME", home.clone()),
            ("XDG_RUNTIME_DIR", home),
            ("TZ", "UTC".to_owned()),
            ("PATH", path),
        ]
    }

    fn berth(&self, words: &[&str]) -> Output {
        Command::new(PROGRAM).args(words).envs(self.environment()).current_dir(self.directory.path()).stdin(Stdio::null()).output().unwrap()
    }

    fn console(&self, columns: u16, rows: u16, words: &[&str]) -> Terminal {
        let environment = self.environment();
        let pairs: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Terminal::start(columns, rows, PROGRAM, words, &pairs)
    }
}

fn shown(terminal: &Terminal, what: &str) {
    terminal.until(what, PATIENCE, |text| text.contains(what));
}

/// The lines of the table that name a host.
fn line_of<'a>(text: &'a str, host: &str) -> Option<&'a str> {
    text.lines().find(|line| line.contains("root") && line.contains(host) && !line.contains('·') && !line.contains("ssh"))
}

#[test]
fn two_hosts_are_one_table_and_one_is_cut_off_and_comes_back() {
    let Some(()) = parts::sshd() else { return };
    let mut world = World::new();
    let mut terminal = world.console(120, 40, &["--host", "ssh://web1", "--host", "ssh://root@web2"]);
    terminal.until("both", PATIENCE, |text| {
        ["web1", "web2"].iter().all(|host| line_of(text, host).is_some_and(|line| line.contains("stopped"))) && text.contains("2 hosts")
    });

    // By a key on each: the id is the same.
    for (host, other) in [("web2", "web1"), ("web1", "web2")] {
        terminal.keys(&format!("/host:{host}\r"));
        terminal.until("one row", PATIENCE, |text| line_of(text, host).is_some() && line_of(text, other).is_none());
        terminal.keys("s");
        shown(&terminal, &format!("Start {host}:root?"));
        terminal.keys("y");
        let site = if host == "web1" { &world.web1 } else { &world.web2 };
        until("it runs there", || site.is("running"));
        if host == "web2" {
            assert!(world.web1.is("stopped"), "the other one of this name was left alone");
        }
        terminal.until("it is seen", PATIENCE, |text| line_of(text, host).is_some_and(|line| line.contains("running")));
        // Its log comes as lines, and goes on.
        shown(&terminal, &format!("still at {host}"));
        terminal.keys("\x1b");
        terminal.until("both again", PATIENCE, |text| line_of(text, other).is_some());
    }

    world.web2.cut();
    terminal.until("cut off", PATIENCE, |text| {
        text.contains("1 unreachable") && line_of(text, "web2").is_some_and(|line| line.contains("as of "))
    });
    terminal.until("the other goes on", PATIENCE, |text| {
        line_of(text, "web1").is_some_and(|line| line.contains("running") && !line.contains("as of"))
    });
    world.web2.serve();
    world.web2.listen();
    terminal.until("it is back", PATIENCE, |text| {
        !text.contains("unreachable") && line_of(text, "web2").is_some_and(|line| line.contains("running") && !line.contains("as of"))
    });
    terminal.keys("/host:web2\r");
    terminal.until("one row", PATIENCE, |text| line_of(text, "web1").is_none());
    terminal.until("it may be asked", PATIENCE, |_| true);
    terminal.keys("S");
    shown(&terminal, "Stop web2:root?");
    terminal.keys("y");
    until("it is stopped there", || world.web2.is("stopped"));
    assert!(world.web1.is("running"));
    terminal.keys("q");
    terminal.end(PATIENCE);
    // Nothing of ssh's is left: neither sockets nor their directories.
    until("ssh's directories are gone", || {
        !fs::read_dir(world.directory.path()).unwrap().flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("berth-"))
    });
}

#[test]
fn hosts_are_connected_to_at_once_and_what_ssh_has_to_know_is_asked_before_the_console_opens() {
    let Some(()) = parts::sshd() else { return };
    let world = World::new();
    let mut terminal = world.console(120, 40, &["--host", "ssh://slow", "--host", "ssh://strange", "--host", "ssh://web1"]);
    shown(&terminal, "Are you sure you want to continue connecting");
    terminal.keys("yes\r");
    terminal.until("those that are there", PATIENCE, |text| {
        ["strange", "web1"].iter().all(|host| line_of(text, host).is_some_and(|line| line.contains("stopped")))
            && line_of(text, "slow").is_none()
    });
    shown(&terminal, "1 unreachable");
    fs::write(world.directory.path().join("go"), "").unwrap();
    terminal
        .until("all", PATIENCE, |text| line_of(text, "slow").is_some_and(|line| line.contains("stopped")) && !text.contains("unreachable"));
    terminal.keys("q");
    terminal.end(PATIENCE);
    let list = world.berth(&["--host", "ssh://slow", "--host", "ssh://strange", "--host", "ssh://web1", "ls", "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert!(list["hosts"].as_array().unwrap().iter().all(|host| host["reached"] == true), "{list:#}");
}

#[test]
fn commands_go_to_one_host_and_what_fails_says_why() {
    let Some(()) = parts::sshd() else { return };
    let mut world = World::new();
    let text = |output: &Output| String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
    let started = world.berth(&["--host", "ssh://web1", "start", "root"]);
    assert_eq!(started.status.code(), Some(0), "{}", text(&started));
    assert!(world.web1.is("running") && world.web2.is("stopped"));
    let list = world.berth(&["--host", "ssh://web1", "ls", "--json"]);
    let one: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!((&one["instances"][0]["id"], &one["instances"][0]["state"]), (&"root".into(), &"running".into()), "{one:#}");
    let log = world.berth(&["--host", "ssh://web1", "logs", "root"]);
    assert!(text(&log).contains("listening at web1"), "{}", text(&log));

    let events = world.berth(&["--host", "ssh://web1", "events", "--json"]);
    assert!(events.status.success() && text(&events).contains("\"verb\":\"start\""), "{}", text(&events));
    // The fleet there is changed as if it were done there.
    let removed = world.berth(&["--host", "ssh://web2", "remove", "root", "--yes"]);
    assert_eq!(removed.status.code(), Some(0), "{}", text(&removed));
    let there = || {
        let all = get(&world.web2.socket(), "/v1/snapshot")["instances"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["id"] == "root")
    };
    until("it is gone", || there().is_none());
    assert!(world.web1.is("running"));
    let added = world.berth(&["--host", "ssh://web2", "add", "root", "--no-start", "--json"]);
    let told: Value = serde_json::from_slice(&added.stdout).unwrap_or_default();
    assert_eq!((added.status.code(), &told["id"]), (Some(0), &"root".into()), "{}", text(&added));
    until("it is there", || there().is_some_and(|one| one["port"] == told["port"]));
    let origin = world.berth(&["--host", "ssh://web1", "check", "--origin"]);
    assert!(origin.status.code() == Some(2) && text(&origin).contains("ssh HOST berth check --origin"), "{}", text(&origin));

    world.web2.cut();
    let both = world.berth(&["--host", "ssh://web1", "--host", "ssh://web2", "ls", "--json"]);
    let both: Value = serde_json::from_slice(&both.stdout).unwrap();
    assert_eq!((&both["hosts"][0]["reached"], &both["hosts"][1]["reached"]), (&true.into(), &false.into()), "{both:#}");
    assert_eq!(both["instances"][0]["id"], "web1:root");
    let refused = world.berth(&["--host", "ssh://web2", "ls"]);
    assert_eq!(refused.status.code(), Some(6), "{}", text(&refused));
    assert!(text(&refused).contains("Connection refused"), "{}", text(&refused));
    // sshd is there, the daemon is not.
    world.web2.listen();
    let without = world.berth(&["--host", "ssh://web2", "ls"]);
    assert!(text(&without).contains("no daemon answers at"), "{}", text(&without));
    let stop = world.berth(&["--host", "ssh://web1", "--host", "ssh://web2", "stop", "root"]);
    assert_eq!(stop.status.code(), Some(2), "{}", text(&stop));
}

#[test]
fn no_address_is_an_option_of_ssh() {
    let Some(()) = parts::sshd() else { return };
    let world = World::new();
    let before = fs::read_dir(world.directory.path()).unwrap().count();
    for address in [
        "ssh://-oProxyCommand=touch x",
        "ssh://-oProxyCommand=touch${IFS}x",
        "ssh://root@-oProxyCommand=touch x",
        "ssh://web1;touch x",
        "ssh://$(touch x)",
        "-oProxyCommand=touch x",
    ] {
        for words in [vec!["ls"], vec![]] {
            let named = format!("--host={address}");
            let output = world.berth(&[&[named.as_str()], words.as_slice()].concat());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{address}: {said}");
            assert!(said.contains(address), "{said}");
        }
    }
    assert!(!world.directory.path().join("x").exists());
    assert_eq!(fs::read_dir(world.directory.path()).unwrap().count(), before);
}
