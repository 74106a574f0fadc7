//! The instances of a round: every one a real process that listens on a port of its own, declared and run as its kind is.
//!
//! It must never leave one running: the next round counts processes, too.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::engine::{Container, Engine};
use crate::host::{BERTH, SELF, until};

/// The account that all of them run as: root's own tree has nobody else's.
const ACCOUNT: &str = "nobody";

/// Below it everything lies.
const BASE: &str = "/srv/kinds";

/// The first port. It is a network namespace of its own.
const FIRST: u16 = 12_000;

/// They.
pub struct Fleet {
    /// The configuration over them.
    pub config: PathBuf,
    children: Vec<Child>,
    units: Vec<String>,
    _engine: Option<Engine>,
}

/// Whose a port is.
fn owner(port: u16) -> String {
    format!("user-{port}")
}

/// The port of an owner.
pub fn port_of(owner: &str) -> u16 {
    owner.rsplit_once('-').unwrap().1.parse().unwrap()
}

impl Fleet {
    /// Four times so many instances: of four kinds, or all plain processes.
    pub fn start(is_of_kinds: bool, each: u16) -> Self {
        let account = nix::unistd::User::from_name(ACCOUNT).unwrap().unwrap_or_else(|| panic!("there is no account {ACCOUNT}"));
        let ids = (account.uid.as_raw(), account.gid.as_raw());
        let _ = fs::remove_dir_all(BASE);
        let processes = if is_of_kinds { each } else { each * 4 };
        let ports = |kind: u16| FIRST + kind * each..FIRST + (kind + 1) * each;
        let mut fleet = Self { config: Path::new(BASE).join("berth.toml"), children: Vec::new(), units: Vec::new(), _engine: None };
        for port in FIRST..FIRST + processes {
            fleet.process(port, ids);
        }
        if is_of_kinds {
            fleet.units(ports(1));
            let shims: Vec<(u16, u32)> = ports(2).map(|port| (port, fleet.run(&["--shim", &port.to_string()], None))).collect();
            fleet._engine = Some(Engine::serve(shims.into_iter().map(|(port, shim)| Container { port, pid: only_child(shim) }).collect()));
            fleet.god(ports(3), ids);
        }
        let text = format!(
            "[ports]\nrange = \"{FIRST}-{}\"\n[sampling]\nprobes = \"off\"\n[layout]\nbase = \"{BASE}\"\n[template.default]\nrun_as = \"{ACCOUNT}\"\n\
             command = [\"{SELF}\", \"--serve\", \"{{port}}\"]\ndirectory = \"/\"\n[[discover]]\nconfig = \"{BASE}/users/*/config/config.json\"\n\
             [[discover]]\nsystemd = \"mcp@*.service\"\n[[discover]]\ndocker = \"mcp-*\"\n[[discover]]\npm2 = \"mcp-*\"\n",
            FIRST + each * 4
        );
        fs::write(&fleet.config, text).unwrap();
        fleet
    }

    /// A process with a configuration and a PID file.
    fn process(&mut self, port: u16, ids: (u32, u32)) {
        let tree = Path::new(BASE).join("users").join(owner(port));
        for folder in ["config", "logs", "workspace"] {
            fs::create_dir_all(tree.join(folder)).unwrap();
        }
        let pid = self.run(&["--serve", &port.to_string()], Some(ids));
        fs::write(tree.join("config/config.json"), format!("{{\"port\": {port}, \"host\": \"127.0.0.1\"}}\n")).unwrap();
        fs::write(tree.join("server.pid"), format!("{pid}\n")).unwrap();
        fs::write(tree.join("logs/server.log"), "listening\n").unwrap();
        for path in ["", "config", "logs", "workspace", "config/config.json", "server.pid", "logs/server.log"] {
            chown(tree.join(path), Some(ids.0), Some(ids.1)).unwrap();
        }
    }

    /// Units of a template, by the real systemd.
    fn units(&mut self, ports: std::ops::Range<u16>) {
        let unit = format!("[Service]\nUser={ACCOUNT}\nExecStart={SELF} --unit %I\n[Install]\nWantedBy=multi-user.target\n");
        fs::write("/etc/systemd/system/mcp@.service", unit).unwrap();
        self.units = ports.map(|port| format!("mcp@{}.service", owner(port).replace('-', "\\x2d"))).collect();
        for words in [&["daemon-reload"][..], &["start"]] {
            let units = if words == ["start"] { &self.units[..] } else { &[] };
            assert!(Command::new("systemctl").args(words).args(units).status().unwrap().success());
        }
    }

    /// A daemon of PM2's, with its apps.
    fn god(&mut self, ports: std::ops::Range<u16>, ids: (u32, u32)) {
        let home = Path::new(BASE).join("pm2");
        fs::create_dir_all(&home).unwrap();
        chown(&home, Some(ids.0), Some(ids.1)).unwrap();
        let mut command = Command::new(SELF);
        command.arg0(format!("PM2 v6.0.14: God Daemon ({})", home.display())).arg("--god").arg(&home);
        command.args([ports.start.to_string(), ports.len().to_string()]).gid(ids.1).uid(ids.0).stdin(Stdio::null());
        self.children.push(command.spawn().unwrap());
        until("PM2's sockets", || home.join("pub.sock").exists() && home.join("rpc.sock").exists());
    }

    fn run(&mut self, words: &[&str], ids: Option<(u32, u32)>) -> u32 {
        let mut command = Command::new(SELF);
        command.args(words).stdin(Stdio::null());
        if let Some((uid, gid)) = ids {
            command.gid(gid).uid(uid);
        }
        let child = command.spawn().unwrap();
        let pid = child.id();
        self.children.push(child);
        pid
    }

    /// What is measured must also be there: so many rows that run, each with its port.
    pub fn check(&self, expected: usize) {
        let mut seen = (0, String::new());
        until("every instance", || {
            let mut command = Command::new(BERTH);
            command.args(["--config", self.config.to_str().unwrap(), "ls", "--json"]).env("BERTH_STATE", "/run/berth-state");
            let output = command.output().unwrap();
            let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let rows = list["instances"].as_array().cloned().unwrap_or_default();
            let is_up = |row: &&serde_json::Value| row["state"] == "running" && row["port"].is_number() && row["pid"].is_number();
            let up = rows.iter().filter(|row| row["supervisor"] != "none").filter(is_up).count();
            let mut kinds = std::collections::BTreeMap::<String, usize>::new();
            rows.iter().for_each(|row| *kinds.entry(format!("{} {}", row["supervisor"], row["state"])).or_default() += 1);
            if seen.1 != format!("{kinds:?}") {
                seen = (up, format!("{kinds:?}"));
                eprintln!("{up} of {expected} run: {}", seen.1);
            }
            up >= expected
        });
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if !self.units.is_empty() {
            let _ = Command::new("systemctl").arg("stop").args(&self.units).status();
        }
        for child in &mut self.children {
            let _ = child.kill();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// The process below one that stands for a shim.
fn only_child(shim: u32) -> u32 {
    let mut found = 0;
    until("a container's process", || {
        let children = fs::read_to_string(format!("/proc/{shim}/task/{shim}/children")).unwrap_or_default();
        found = children.split_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap_or_default();
        found > 0
    });
    found
}

/// Has the kernel end this process with its parent.
fn end_with_parent() {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// A server: listens at once, answers.
pub fn serve(port: u16) -> ! {
    end_with_parent();
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else { std::process::exit(1) };
    loop {
        let Ok((mut stream, _)) = listener.accept() else { continue };
        let mut request = [0; 512];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

/// What stands between an engine and a container's process.
pub fn shim(port: &str) -> ! {
    end_with_parent();
    let mut child = Command::new(SELF).args(["--serve", port]).stdin(Stdio::null()).spawn().unwrap();
    let _ = child.wait();
    std::process::exit(1)
}
