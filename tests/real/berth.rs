//! The real binary on a world: run with a given configuration and state, and in nobody's environment.
//!
//! It must never read the machine's own configuration of the account that runs the tests.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::terminal::Terminal;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_berth");

/// How long a command may take on a busy machine: who waits for ever is told from who is slow.
const AT_MOST: Duration = Duration::from_secs(180);

/// berth with its configuration and state.
pub struct Berth {
    /// The configuration.
    pub config: PathBuf,
    /// The state directory; it need not exist yet.
    pub state: PathBuf,
    /// A home without anything in it.
    pub home: PathBuf,
}

/// What a run gave.
pub struct Ran {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output and then standard error.
    pub text: String,
}

impl Berth {
    fn environment(&self) -> Vec<(&'static str, String)> {
        let home = self.home.display().to_string();
        vec![("BERTH_STATE", self.state.display().to_string()), ("XDG_CONFIG_HOME", home.clone()), ("HOME", home)]
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(&self.config).args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
        command.env("PATH", std::env::var("PATH").unwrap_or_default()).env("LANG", "C.UTF-8").envs(self.environment());
        command
    }

    /// Starts a command that goes on; whoever has it ends it.
    pub fn meanwhile(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Runs a command in which this place fails, and gives what it says of that.
    pub fn failing(&self, place: &str, arguments: &[&str]) -> String {
        let output = self.command(arguments).env("BERTH_FAILPOINT", place).stderr(Stdio::piped()).output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Runs a command, its outputs apart.
    pub fn output(&self, arguments: &[&str]) -> Output {
        let child = self.command(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed());
        let (ended, end) = mpsc::channel();
        let watchdog = std::thread::spawn(move || {
            if end.recv_timeout(AT_MOST) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Its exit has not been asked for: the pid is still its own.
                kill(pid, Signal::SIGKILL).unwrap();
            }
        });
        let output = child.wait_with_output().unwrap();
        // Gone when it had to be used.
        let _ = ended.send(());
        watchdog.join().unwrap();
        output
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.output(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ran { code: output.status.code(), text }
    }

    /// Runs a command that must succeed.
    pub fn done(&self, arguments: &[&str]) {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "berth {}:\n{}", arguments.join(" "), ran.text);
    }

    /// Runs a command that prints one JSON document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.output(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "berth {}: {error}\n{}{}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// An instance in `ls --json`.
    pub fn instance(&self, id: &str) -> Value {
        let list = self.json(&["ls"]);
        let found = list["instances"].as_array().and_then(|rows| rows.iter().find(|row| row["id"] == id));
        found.unwrap_or_else(|| panic!("{id} is not in {list:#}")).clone()
    }

    /// The console.
    pub fn console(&self, columns: u16, rows: u16) -> Terminal {
        let environment = self.environment();
        let pairs: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Terminal::start(columns, rows, PROGRAM, &["--config", self.config.to_str().unwrap()], &pairs)
    }
}
