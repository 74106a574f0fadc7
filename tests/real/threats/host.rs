//! A small host for attacks: accounts with a tree each, and in it a server of a few lines that its owner may change.
//!
//! It must never keep an owner from anything that the kernel allows: they are the attackers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::accounts::Account;
use crate::berth::Berth;
use crate::world::{configuration, enterable, free_range};

/// Listens on its port and says so, then does what stands behind.
const LISTENS: &str = r#"use IO::Socket::INET; $| = 1;
my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => $ENV{PORT}, ReuseAddr => 1) or die "no port";
print "listening\n";
"#;

/// What a server does that wants no harm.
pub const RESTS: &str = "sleep 1 while 1;";

/// The accounts, their trees, berth over them.
pub struct Host {
    /// The accounts.
    pub owners: Vec<Account>,
    /// Their ports.
    pub ports: Vec<u16>,
    /// The directory of all.
    pub base: PathBuf,
    /// berth.
    pub berth: Berth,
    directory: TempDir,
}

impl Host {
    /// One account for each program.
    pub fn new(programs: &[&str]) -> Self {
        Self::with(programs, "")
    }

    /// The same with more in the template.
    pub fn with(programs: &[&str], template: &str) -> Self {
        let owners = programs.iter().map(|_| Account::make()).collect();
        Self::of(owners, programs, template)
    }

    /// The same of accounts that there are.
    pub fn of(owners: Vec<Account>, programs: &[&str], template: &str) -> Self {
        let directory = enterable();
        let base = directory.path().join("mcp-server");
        for folder in [base.clone(), base.join("users")] {
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let first = free_range();
        let ports: Vec<u16> = (first..).take(owners.len()).collect();
        for ((owner, port), program) in owners.iter().zip(&ports).zip(programs) {
            let tree = base.join("users").join(&owner.name);
            for folder in [tree.clone(), tree.join("config"), tree.join("workspace"), tree.join("logs")] {
                owner.directory(&folder);
            }
            owner.file(&tree.join("workspace/server.pl"), &format!("{LISTENS}{program}\n"));
            owner.file(&tree.join("config/config.json"), &serde_json::json!({ "port": port }).to_string());
        }
        chown(base.join("users"), Some(0), Some(0)).unwrap();
        let config = directory.path().join("berth.toml");
        fs::write(&config, configuration(&base, first, &format!("{TEMPLATE}\n{template}"))).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
        let berth = Berth { config, state: directory.path().join("state"), home: directory.path().to_owned() };
        Self { owners, ports, base, berth, directory }
    }

    /// A directory beside the host's, which nobody of the owners may write.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// An owner's tree.
    pub fn tree(&self, owner: &Account) -> PathBuf {
        self.base.join("users").join(&owner.name)
    }

    /// An owner's program, run by the owner and not by berth.
    pub fn by_hand(&self, index: usize) -> ByHand {
        let owner = &self.owners[index];
        let mut command = owner.command(Path::new("/usr/bin/perl"));
        command.arg(self.tree(owner).join("workspace/server.pl"));
        let config = format!("--config={}", self.tree(owner).join("config/config.json").display());
        command.arg(config).env("PORT", self.ports[index].to_string());
        ByHand::of(&mut command)
    }

    /// The row as soon as it is as wanted.
    pub fn until(&self, owner: &Account, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let row = self.berth.instance(&owner.name);
            if is_so(&row) {
                return row;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "never {what}: {row:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The pid that berth recorded of an owner's keeper.
    pub fn keeper(&self, owner: &Account) -> i32 {
        let record = fs::read_to_string(self.berth.state.join(format!("instances/{}+default.jsonl", owner.name))).unwrap();
        let event = |line: &str| serde_json::from_str::<Value>(line).ok();
        let mut keepers = record.lines().filter_map(event).filter_map(|event| event["started"]["keeper"][0].as_i64());
        i32::try_from(keepers.next_back().unwrap()).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let names: Vec<&str> = self.owners.iter().map(|owner| owner.name.as_str()).collect();
        let _ = self.berth.run(&[&["stop"], names.as_slice()].concat());
    }
}

/// A process of somebody's, ended with the test.
pub struct ByHand(pub Child);

impl ByHand {
    /// Starts it.
    pub fn of(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What stands in every template.
const TEMPLATE: &str = r#"command = ["/usr/bin/perl", "{base}/users/{user}/workspace/server.pl"]
host = "127.0.0.1"
environment = { PORT = "{port}" }
start_timeout = "30s"
stop_timeout = "2s""#;
