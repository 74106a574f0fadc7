//! Five instances on ports of their own for the tests that press keys and the mouse: two that run, two that want the same port, one
//! with a log of six moments; and the console on them.
//!
//! It must never share a port with a test beside it: strangers would stand in its table.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use jiff::{Timestamp, ToSpan};

use super::actions::BERTH;
use super::terminal::Terminal;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Below the ports that the kernel gives to whoever asks for any, ip(7).
const LOWEST: u16 = 20_000;

/// How many ports the range has: several lines of the map.
const RANGE: u16 = 60;

/// The stage; its servers are stopped when it goes.
pub struct Stage {
    directory: tempfile::TempDir,
    pub first: u16,
}

impl Stage {
    /// Sets it: ann and ben run, cat wants ann's port, dan has a log, eve has nothing.
    pub fn set() -> Self {
        let stage = Self { directory: tempfile::tempdir().unwrap(), first: free() };
        for (owner, place) in [("ann", 0), ("ben", 1), ("cat", 0), ("dan", 3), ("eve", 45)] {
            let home = stage.path().join("users").join(owner);
            for folder in ["config", "workspace", "logs"] {
                fs::create_dir_all(home.join(folder)).unwrap();
            }
            let port = stage.first + place;
            let text = format!("{{\"port\": {port}, \"host\": \"127.0.0.1\", \"serverName\": \"{owner}\"}}");
            fs::write(home.join("config/config.json"), text).unwrap();
            stage.write(owner, &format!("INFO  the log of {owner}"));
        }
        let (base, uid) = (stage.path().display(), nix::unistd::geteuid());
        let (first, last) = (stage.first, stage.first + RANGE - 1);
        let text = format!(
            "[ports]\nrange = \"{first}-{last}\"\n[layout]\nbase = \"{base}\"\n[findings]\naccept = [\"runs-as-root\", \"auth-missing\"]\n\
             [template.default]\nrun_as = \"{uid}\"\n\
             directory = \"{base}\"\ncommand = [\"{BERTH}\", \"demo-server\", \"--config={{config}}\"]\nstart_timeout = \"20s\"\n\
             stop_timeout = \"5s\"\nrestart = \"no\"\n[[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n"
        );
        fs::write(stage.config(), text).unwrap();
        stage.log_of_dan();
        fs::create_dir(stage.path().join("home")).unwrap();
        for owner in ["ann", "ben"] {
            assert!(stage.command(&["start", owner]).status().unwrap().success(), "{owner} did not start");
        }
        stage
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("berth.toml")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BERTH);
        command.arg("--config").arg(self.config()).args(words).env("BERTH_STATE", self.path().join("state"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Adds a line to a log, of now.
    pub fn write(&self, owner: &str, text: &str) {
        self.append(owner, &format!("{:.3} {text}\n", Timestamp::now()));
    }

    fn append(&self, owner: &str, text: &str) {
        let path = self.path().join("users").join(owner).join("logs/server.log");
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Thirty lines and an error of each of six moments: each choice of time shows another number of them, with minutes to spare
    /// at either side, however long the test takes.
    fn log_of_dan(&self) {
        fs::remove_file(self.path().join("users/dan/logs/server.log")).unwrap();
        let now = Timestamp::now();
        let mut text = String::new();
        for (minutes, word) in [(600, "first"), (110, "old"), (45, "forty"), (22, "twenty"), (10, "ten")] {
            let at = now - minutes.minutes();
            (0..30).for_each(|number| text.push_str(&format!("{at:.3} INFO  {word} line {number}\n")));
            text.push_str(&format!("{at:.3} ERROR {word} failed\n"));
        }
        text.push_str(&format!("{now:.3} INFO  wide {} its end\n{now:.3} INFO  last of all\n", "x".repeat(160)));
        self.append("dan", &text);
    }

    /// The console on it, once it shows all five.
    pub fn console(&self, columns: u16, rows: u16) -> Terminal {
        let (config, state, home) = (self.config(), self.path().join("state"), self.path().join("home"));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (config, state, home) = (text(&config), text(&state), text(&home));
        let environment = [("BERTH_STATE", state.as_str()), ("HOME", home.as_str()), ("TZ", "UTC")];
        let terminal = Terminal::start(columns, rows, BERTH, &["--config", &config], &environment);
        terminal
            .until("the fleet", PATIENCE, |text| text.contains("● 2 up") && text.contains("ann was first") && text.contains("following"));
        terminal
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.command(&["stop", "--all", "--yes"]).status();
    }
}

/// The first of so many ports in a row that nobody has; each stage of this program begins to look elsewhere.
pub fn free() -> u16 {
    static STAGES: AtomicU16 = AtomicU16::new(0);
    let place = u16::try_from(std::process::id() % 90).unwrap() + 2 * STAGES.fetch_add(1, Ordering::Relaxed);
    let begin = LOWEST + place * RANGE;
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
    let mut firsts = (begin..begin + 6_000).step_by(usize::from(RANGE));
    firsts.find(|first| (*first..first + RANGE).all(is_free)).unwrap_or_else(|| panic!("no {RANGE} ports in a row are free"))
}
