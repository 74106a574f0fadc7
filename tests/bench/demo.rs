//! A smoke run of the released program: the demo comes up as promised, and nothing of it is left after its end, asked or killed.
//!
//! It must never look into the demo itself: only at what `berth ls` says and at what the kernel still knows afterwards.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a smoke run fails loudly")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// How long the fleet may take to be complete.
const UP: Duration = Duration::from_secs(15);

/// How long its end may take.
const DOWN: Duration = Duration::from_secs(15);

/// The demo, killed when this is dropped.
struct Demo {
    child: Child,
    config: PathBuf,
}

impl Demo {
    fn start() -> Self {
        let mut child = Command::new(BERTH).args(["demo", "--headless"]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let config = lines
            .flat_map(|line| line.split_ascii_whitespace().map(PathBuf::from).collect::<Vec<_>>())
            .find(|word| word.is_absolute() && word.is_file());
        let Some(config) = config else { panic!("it did not say where its configuration is: {:?}", child.wait()) };
        Self { child, config }
    }

    fn list(&self) -> Value {
        let output = Command::new(BERTH).arg("--config").arg(&self.config).args(["ls", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    fn end(&mut self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// At least six instances, one conflict and one crash.
fn complete(list: &Value) -> bool {
    let instances = list["instances"].as_array().map_or(&[][..], Vec::as_slice);
    let managed = instances.iter().filter(|row| row["wish"] != "none").count();
    let crashed = instances.iter().any(|row| row["state"].as_str().is_some_and(|state| state.starts_with("crash")));
    managed >= 6 && crashed && list["totals"]["conflicts"].as_u64().is_some_and(|count| count > 0)
}

/// What on this machine still has to do with a directory: the directory, and processes that name it or stand in it.
fn left(directory: &Path) -> Vec<String> {
    let mut found: Vec<String> = directory.exists().then(|| directory.display().to_string()).into_iter().collect();
    let name = directory.as_os_str().as_encoded_bytes();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        if entry.file_name().to_str().is_none_or(|name| name.parse::<u32>().is_err()) {
            continue;
        }
        let path = entry.path();
        let says = |file: &str| fs::read(path.join(file)).is_ok_and(|bytes| bytes.windows(name.len()).any(|window| window == name));
        let stands = fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(directory));
        if stands || says("cmdline") || says("environ") {
            found.push(path.display().to_string());
        }
    }
    found
}

fn main() {
    for (signal, how) in [(Signal::SIGTERM, "asked to end"), (Signal::SIGKILL, "killed")] {
        let begin = Instant::now();
        let mut demo = Demo::start();
        let directory = temporary(&demo.config);
        let mut list = demo.list();
        while !complete(&list) {
            assert!(begin.elapsed() < UP, "not complete after {UP:?}: {list:#}");
            thread::sleep(Duration::from_millis(100));
            list = demo.list();
        }
        println!("the fleet was complete after {:.1} s; {} instances", begin.elapsed().as_secs_f64(), list["totals"]["instances"]);
        assert!(!left(&directory).is_empty(), "the demo cannot be recognised by {}", directory.display());
        let begin = Instant::now();
        demo.end(signal);
        while !left(&directory).is_empty() {
            assert!(begin.elapsed() < DOWN, "{how}, and after {DOWN:?} there is left: {:?}", left(&directory));
            thread::sleep(Duration::from_millis(50));
        }
        println!("{how}, it was gone after {:.1} s", begin.elapsed().as_secs_f64());
    }
}

/// The demo's own directory: the topmost one of its configuration's path below the temporary directory.
fn temporary(config: &Path) -> PathBuf {
    let temporary = std::env::temp_dir();
    let below = config.strip_prefix(&temporary).unwrap_or_else(|_| panic!("{} is not below {}", config.display(), temporary.display()));
    temporary.join(below.components().next().unwrap())
}
