//! A host as the deployment guide lays it out: a base that all may enter, a directory for each account, real servers in them.
//!
//! It must never lie where an ordinary account cannot come to, nor use a port that somebody has.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::accounts::Account;
use crate::berth::Berth;
use crate::parts::Everything;

/// The server's program below `node_modules`.
pub const SERVER: &str = "@modelcontextprotocol/server-everything/dist/index.js";

/// Gives each server a child that left its session: what `stop` must find too.
const WITH_A_CHILD: &str = "require('child_process').spawn('sleep', ['100000'], { detached: true, stdio: 'ignore' }).unref();\n";

/// How many ports the range has.
pub const RANGE: u16 = 20;

/// The accounts, their trees, and a configuration over them.
pub struct World {
    /// The instances' owners.
    pub owners: Vec<Account>,
    /// Their ports, in the same order.
    pub ports: Vec<u16>,
    /// berth on this world.
    pub berth: Berth,
    /// The directory of all.
    pub base: PathBuf,
    /// Node, where its servers run on it.
    pub node: PathBuf,
    _directory: TempDir,
}

impl World {
    /// Lays out one with this many owners.
    pub fn new(everything: &Everything, count: usize) -> Self {
        let mut world = Self::with(&[(&everything.modules, "node_modules")], count, &template(&everything.node));
        world.node.clone_from(&everything.node);
        world
    }

    /// One whose servers are run as a template says; what they need is copied below its base.
    pub fn with(needed: &[(&Path, &str)], count: usize, template: &str) -> Self {
        let directory = enterable();
        let base = directory.path().join("mcp-server");
        for folder in [base.clone(), base.join("users"), directory.path().join("etc")] {
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // The cache may lie in a home that others cannot enter: the servers get a copy.
        for (from, name) in needed {
            let copied = Command::new("cp").arg("-r").arg(from).arg(base.join(name)).status().unwrap();
            assert!(copied.success());
        }
        let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(&base).status().unwrap();
        assert!(opened.success());
        fs::write(base.join("with-a-child.cjs"), WITH_A_CHILD).unwrap();
        fs::set_permissions(base.join("with-a-child.cjs"), fs::Permissions::from_mode(0o644)).unwrap();
        let first = free_range();
        let owners: Vec<Account> = (0..count).map(|_| Account::make()).collect();
        let ports: Vec<u16> = (first..).take(count).collect();
        for (owner, port) in owners.iter().zip(&ports) {
            lay_out(&base, owner, *port);
        }
        let config = directory.path().join("etc/berth.toml");
        fs::write(&config, configuration(&base, first, template)).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
        let berth = Berth { config, state: directory.path().join("state"), home: directory.path().to_owned() };
        Self { owners, ports, berth, base, node: PathBuf::new(), _directory: directory }
    }

    /// From here on nothing that is open is taken for accepted.
    pub fn accept_nothing(&self) {
        let text = fs::read_to_string(&self.berth.config).unwrap();
        let accepted = text.lines().find(|line| line.starts_with("accept = ")).unwrap();
        fs::write(&self.berth.config, text.replace(accepted, "accept = []")).unwrap();
    }

    /// The owners' names.
    pub fn names(&self) -> Vec<&str> {
        self.owners.iter().map(|owner| owner.name.as_str()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The proper way first; what is left after it the accounts take with them.
        let names = self.names();
        let _ = self.berth.run(&[&["stop"], names.as_slice()].concat());
    }
}

/// A directory whose way in is open to everybody.
pub fn enterable() -> TempDir {
    let open = |path: &Path| path.ancestors().all(|folder| fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 != 0));
    let parent = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()].into_iter().find(|path| open(path)).unwrap();
    let directory = tempfile::Builder::new().prefix("berth-real-").tempdir_in(parent).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// The first of some ports in a row that nobody listens on, below those that the kernel gives away.
pub fn free_range() -> u16 {
    let offset = u16::try_from(std::process::id() % 400).unwrap() * RANGE;
    let thread = format!("{:?}", std::thread::current().id())
        .bytes()
        .filter(u8::is_ascii_digit)
        .fold(0, |sum, digit| (sum * 10 + u16::from(digit - b'0')) % 97);
    (0..400_u16)
        .map(|step| 20_000 + (offset + (thread + step) * RANGE) % 8_000)
        .find(|first| (*first..*first + RANGE).all(|port| TcpListener::bind(("0.0.0.0", port)).is_ok()))
        .unwrap()
}

fn lay_out(base: &Path, owner: &Account, port: u16) {
    let tree = base.join("users").join(&owner.name);
    for folder in [tree.clone(), tree.join("config"), tree.join("workspace"), tree.join("logs")] {
        owner.directory(&folder);
    }
    let config = serde_json::json!({
        "port": port, "host": "0.0.0.0", "serverName": format!("everything of {}", owner.name), "workspace": tree.join("workspace"),
    });
    owner.file(&tree.join("config/config.json"), &config.to_string());
    // The base is root's and so is nothing below a user's directory.
    chown(base.join("users"), Some(0), Some(0)).unwrap();
}

/// A range from `first` on, one base, and a configuration below each user's directory; `template` stands in `[template.default]`, and what
/// says nothing of it is not started again.
pub fn configuration(base: &Path, first: u16, template: &str) -> String {
    let (base, last) = (base.display(), first + RANGE - 1);
    let restart = if template.contains("restart = ") { "" } else { "restart = \"no\"\n" };
    format!(
        r#"[ports]
range = "{first}-{last}"

[layout]
base = "{base}"

[findings]
accept = ["bind-public", "auth-missing", "runs-as-root"]

[template.default]
directory = "{{base}}"
{restart}{template}

[[discover]]
config = "{base}/users/*/config/config.json"
"#
    )
}

fn template(node: &Path) -> String {
    format!(
        r#"command = ["{}", "{{base}}/node_modules/{SERVER}", "streamableHttp"]
host = "0.0.0.0"
environment = {{ PORT = "{{port}}", NODE_OPTIONS = "--require {{base}}/with-a-child.cjs" }}
start_timeout = "60s""#,
        node.display()
    )
}
