//! Two accounts, each with a PM2 of its own that runs real servers, and berth on them.
//!
//! It must never ask berth whether berth was right: what PM2 itself says, and /proc, are the witnesses.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::accounts::Account;
use crate::berth::Berth;
use crate::parts::{Everything, Pm2};
use crate::world::{RANGE, SERVER, enterable, free_range};

/// How long anything may take that another process does in its own time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Listens on its port, ends by SIGTERM only, and notes each SIGINT.
/// What its daemon's end breaks (its pipes, PM2's own messages) does not end it.
const STUBBORN: &str = "const fs = require('fs');
process.on('uncaughtException', () => {});
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.on('SIGINT', () => fs.appendFileSync(process.env.NOTES, 'asked\\n'));
require('http').createServer((_, answer) => answer.end('here')).listen(process.env.PORT, () => console.log('listening'));
";

/// Tests run beside each other, and every PM2 of the host is looked for.
static COUNTER: AtomicU32 = AtomicU32::new(1);

/// It.
pub struct Host {
    /// What the names of its apps end in.
    pub tag: String,
    /// Whose PM2s these are.
    pub owners: Vec<Account>,
    /// The first of the ports.
    pub first: u16,
    /// berth on them.
    pub berth: Berth,
    node: PathBuf,
    modules: PathBuf,
    pm2: PathBuf,
    directory: TempDir,
}

impl Host {
    /// With this many accounts; nothing runs yet.
    pub fn new(everything: &Everything, pm2: &Pm2, count: usize) -> Self {
        let directory = enterable();
        let owners: Vec<Account> = (0..count).map(|_| Account::make()).collect();
        let at_hand = |from: &Path, name: &str| -> PathBuf {
            let can = owners[0].command(Path::new("test")).arg("-x").arg(from).status().is_ok_and(|status| status.success());
            if can {
                return from.to_owned();
            }
            // The cache may lie in a home that others cannot enter.
            let copy = directory.path().join(name);
            assert!(Command::new("cp").arg("-r").arg(from).arg(&copy).status().unwrap().success());
            assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(&copy).status().unwrap().success());
            copy
        };
        let modules = at_hand(&everything.modules, "servers");
        let pm2 = at_hand(&pm2.modules, "pm2");
        let first = free_range();
        for owner in &owners {
            owner.directory(&directory.path().join(&owner.name));
        }
        let config = directory.path().join("berth.toml");
        // No name in which the default pattern finds them: somebody else's tests may run on this host.
        let tag = format!("x{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        let text = format!("[ports]\nrange = \"{first}-{}\"\n\n[[discover]]\npm2 = \"t*{tag}\"\n", first + RANGE - 1);
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
        let berth = Berth { config, state: directory.path().join("state"), home: directory.path().to_owned() };
        Self { tag, owners, first, berth, node: everything.node.clone(), modules, pm2, directory }
    }

    /// The name of an app, which is short: the screen is.
    pub fn name(&self, kind: &str) -> String {
        format!("t{kind}{}", self.tag)
    }

    /// The id of an account's app.
    pub fn id(&self, owner: &Account, kind: &str) -> String {
        format!("{}/{}", owner.name, self.name(kind))
    }

    /// A directory of an account's own.
    pub fn home(&self, owner: &Account) -> PathBuf {
        self.directory.path().join(&owner.name)
    }

    /// Runs an account's PM2, which must succeed, and gives what it wrote.
    pub fn pm2(&self, owner: &Account, arguments: &[&str]) -> String {
        let home = self.home(owner);
        let mut command = owner.command(&self.node);
        command.arg(self.pm2.join("pm2/bin/pm2")).args(arguments).current_dir(&home).env_clear();
        command.env("PATH", std::env::var("PATH").unwrap_or_default()).env("HOME", &home).stdin(Stdio::null());
        // Its daemon must not keep this test's pipes.
        let output = self.directory.path().join(format!("{}.pm2", owner.name));
        let written = fs::File::create(&output).unwrap();
        let status = command.stdout(written.try_clone().unwrap()).stderr(written).status().unwrap();
        let text = fs::read_to_string(output).unwrap();
        assert!(status.success(), "pm2 {arguments:?}: {text}");
        text
    }

    /// Has an account's PM2 start these apps.
    pub fn start(&self, owner: &Account, apps: &Value) {
        let file = self.home(owner).join("ecosystem.json");
        owner.file(&file, &serde_json::json!({ "apps": apps }).to_string());
        self.pm2(owner, &["start", file.to_str().unwrap()]);
    }

    /// An app of the real server.
    pub fn server(&self, kind: &str, port: u16, further: &Value) -> Value {
        self.app(kind, &self.modules.join(SERVER), port, further)
    }

    /// An app that takes its time to end; how often it was asked to stands in the file.
    pub fn stubborn(&self, owner: &Account, kind: &str, port: u16) -> (Value, PathBuf) {
        let (script, notes) = (self.home(owner).join("stubborn.js"), self.home(owner).join("notes"));
        owner.file(&script, STUBBORN);
        owner.file(&notes, "");
        // What PM2 puts into each app ends it, with code 1, within a second of the daemon's own end; it is left out with this.
        let further = serde_json::json!({ "kill_timeout": 30_000, "pmx": false, "env": { "PORT": port, "NOTES": notes } });
        (self.app(kind, &script, port, &further), notes)
    }

    fn app(&self, kind: &str, script: &Path, port: u16, further: &Value) -> Value {
        let mut app = serde_json::json!({
            "name": self.name(kind), "script": script, "args": "streamableHttp", "env": { "PORT": port }, "interpreter": self.node, "vizion": false,
        });
        for (key, value) in further.as_object().unwrap() {
            app[key] = value.clone();
        }
        app
    }

    /// What PM2 itself says of an app's processes: pid and status.
    pub fn told(&self, owner: &Account, kind: &str) -> Vec<(i64, String)> {
        let name = self.name(kind);
        let text = self.pm2(owner, &["jlist"]);
        let list = text.lines().find(|line| line.starts_with("[{")).unwrap_or_else(|| panic!("no list: {text}"));
        let list: Vec<Value> = serde_json::from_str(list).unwrap();
        let own = list.iter().filter(|process| process["name"] == name.as_str());
        own.map(|process| (process["pid"].as_i64().unwrap(), process["pm2_env"]["status"].as_str().unwrap().to_owned())).collect()
    }

    /// The daemon of an account.
    pub fn daemon(&self, owner: &Account) -> i32 {
        let is_daemon = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("PM2 v"));
        owner.processes().into_iter().find(is_daemon).unwrap()
    }

    /// Waits until a row is so, and gives it.
    pub fn row_until(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let list = self.berth.json(&["ls"]);
            let row = list["instances"].as_array().unwrap().iter().find(|row| row["id"] == id).cloned();
            if let Some(row) = row.clone().filter(|row| is_so(row)) {
                return row;
            }
            assert!(begun.elapsed() < PATIENCE, "{id} never was {what}: {row:#?} in {list:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A list that is printed anew with each change; it ends with this.
pub struct Watching {
    child: Child,
    lists: Receiver<Value>,
}

impl Watching {
    /// Of all instances.
    pub fn of(host: &Host) -> Self {
        let mut child = host.berth.meanwhile(&["ls", "--watch", "--json"]);
        let written = BufReader::new(child.stdout.take().unwrap());
        let (tell, lists) = channel();
        std::thread::spawn(move || {
            let lines = written.lines().map_while(Result::ok);
            lines.map(|line| serde_json::from_str(&line).unwrap()).try_for_each(|list| tell.send(list))
        });
        Self { child, lists }
    }

    /// Waits for a list of which something can be made, and gives that.
    pub fn until<T>(&self, what: &str, of: impl Fn(&Value) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut last = Value::Null;
        while begun.elapsed() < PATIENCE {
            let Ok(list) = self.lists.recv_timeout(PATIENCE) else { break };
            if let Some(made) = of(&list) {
                return made;
            }
            last = list;
        }
        panic!("{what} did not come; the last list was {last:#}");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
