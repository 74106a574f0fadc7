//! A host with a real systemd, in namespaces of its own: booted, entered, and gone with everything in it when it is dropped.
//!
//! It must never change anything outside of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::parts::Everything;
use crate::terminal::Terminal;

/// Makes the namespaces and becomes its init.
const BOOT: &str = include_str!("boot.sh");

/// How long anything may take that another process does in its own time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What berth is run with, apart from everybody's.
const ENVIRONMENT: [&str; 5] = [
    "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    "HOME=/run",
    "XDG_CONFIG_HOME=/run/none",
    "BERTH_STATE=/run/berth-state",
];

/// It.
pub struct Host {
    unshare: Child,
    /// Its init, as it is called outside.
    pub init: i32,
    group: Option<PathBuf>,
    directory: TempDir,
}

impl Host {
    /// Boots one and waits until its bus answers. `node` has to be where an ordinary account can run it.
    pub fn boot(everything: &Everything) -> Self {
        let directory = crate::world::enterable();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        let group = own_group(directory.path());
        let mut command = Command::new("bash");
        command.args(["-c", BOOT, "boot"]).arg(&root).arg(env!("CARGO_BIN_EXE_berth")).arg(&everything.modules);
        command.arg(group.clone().unwrap_or_default()).env_clear().env("PATH", ENVIRONMENT[0].trim_start_matches("PATH="));
        let unshare = command.stdin(Stdio::null()).spawn().unwrap();
        let mut host = Self { unshare, init: 0, group, directory };
        host.until("its init", |host| {
            let outside = host.unshare.id();
            let children = fs::read_to_string(format!("/proc/{outside}/task/{outside}/children")).unwrap_or_default();
            let child = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
            // Before it is systemd it is the shell that lays everything out.
            let name = child.map(|pid: i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default());
            name.is_some_and(|name| name.trim() == "systemd") && {
                host.init = child.unwrap();
                true
            }
        });
        host.until("its bus", |host| host.enter(&["busctl", "--system", "status", "org.freedesktop.systemd1"]).status.success());
        host
    }

    /// Runs a program in it.
    pub fn enter(&self, words: &[&str]) -> Output {
        self.inside(words).output().unwrap()
    }

    fn inside(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(self.entering(words)).stdin(Stdio::null());
        command
    }

    /// What nsenter is told, so that it runs these words.
    fn entering(&self, words: &[&str]) -> Vec<String> {
        let init = self.init.to_string();
        let entering = ["-t", &init, "-m", "-p", "-u", "-i", "-C", "-n", "--", "env", "-i"];
        entering.iter().chain(&ENVIRONMENT).chain(words).map(|word| (*word).to_owned()).collect()
    }

    /// Opens the console in it.
    pub fn console(&self, columns: u16, rows: u16) -> Terminal {
        let words = self.entering(&[&["TERM=xterm-256color"], Self::berth_words(&[]).as_slice()].concat());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Terminal::start(columns, rows, "nsenter", &words, &[])
    }

    /// Runs a line of shell that must succeed, and gives what it wrote.
    pub fn shell(&self, line: &str) -> String {
        let output = self.enter(&["sh", "-ec", line]);
        assert!(output.status.success(), "{line}\n{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Puts a file there that everybody may read.
    pub fn put(&self, path: &str, content: &str) {
        let parent = Path::new(path).parent().unwrap().display();
        self.shell(&format!("mkdir -p '{parent}'; chmod 755 '{parent}'; cat > '{path}' <<'END'\n{content}\nEND\nchmod 644 '{path}'"));
    }

    fn berth_words<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
        [&["berth", "--config", "/etc/berth-test/berth.toml"], arguments].concat()
    }

    /// Runs berth in it: its exit code, and what it said.
    pub fn berth(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.enter(&Self::berth_words(arguments));
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    /// Runs berth, which must succeed.
    pub fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.berth(arguments);
        assert_eq!(code, Some(0), "berth {}: {said}", arguments.join(" "));
        said
    }

    /// Starts berth and does not wait for it.
    pub fn berth_meanwhile(&self, arguments: &[&str]) -> Child {
        self.inside(&Self::berth_words(arguments)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// All rows.
    pub fn rows(&self) -> Vec<Value> {
        let output = self.enter(&Self::berth_words(&["ls", "--json"]));
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
        list["instances"].as_array().unwrap().clone()
    }

    /// A row.
    pub fn row(&self, id: &str) -> Value {
        let rows = self.rows();
        rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("{id} is not in {rows:#?}")).clone()
    }

    /// Waits until a row is so, and gives it.
    pub fn row_until(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let row = self.row(id);
            if is_so(&row) {
                return row;
            }
            assert!(begun.elapsed() < PATIENCE, "{id} never was {what}: {row:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            let log = || fs::read_to_string(self.directory.path().join("root.log")).unwrap_or_default();
            assert!(begun.elapsed() < PATIENCE, "{what} did not come: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Its init goes with it (--kill-child), and with that everything in its pid namespace; it may have been stopped.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        if self.init > 0 {
            let gone = || !Path::new(&format!("/proc/{}", self.init)).exists();
            for _ in 0..200 {
                if gone() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if let Some(group) = &self.group {
            remove_groups(group);
        }
    }
}

/// What a program writes, line by line; the program ends with this.
pub struct Lines {
    child: Child,
    lines: Receiver<String>,
}

impl Lines {
    /// Of a program whose standard output is a pipe.
    pub fn of(mut child: Child) -> Self {
        let written = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || written.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, lines }
    }

    /// Waits for a line of which something can be made, and gives that.
    pub fn until<T>(&self, what: &str, of: impl Fn(&str) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut last = String::new();
        while begun.elapsed() < PATIENCE {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else { break };
            if let Some(made) = of(&line) {
                return made;
            }
            last = line;
        }
        panic!("{what} did not come; the last line was {last}");
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A control group of its own below the unified hierarchy, so that what systemd makes there can be taken away again.
fn own_group(directory: &Path) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let unified = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| words.get(2) == Some(&"cgroup2"))?;
    Some(Path::new(unified[1]).join(directory.file_name()?))
}

fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        remove_groups(&entry.path());
    }
    // The kernel may still be at its last process.
    for _ in 0..50 {
        if fs::remove_dir(group).is_ok() || !group.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What was written.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
