//! What a program costs: on a screen of its own for some seconds, or as a whole process from start to end.
//!
//! It must never measure itself: what reads the terminal runs in this process, and only the program's own tree is counted.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::terminal::Terminal;

/// What is let pass between the first frame and the measurement: starting up is another figure, and berth reads its last thousand
/// files four seconds after it came.
pub const SETTLE: Duration = Duration::from_secs(8);

/// What a full-screen program costs.
pub struct Screen {
    /// What it is called.
    pub name: &'static str,
    /// Of one core, the program and what it started.
    pub cpu_percent: f64,
    /// Of the program, in bytes.
    pub resident: u64,
    /// Of the program and what it started, shared pages counted for each.
    pub resident_with_helpers: u64,
    /// To the terminal.
    pub bytes_per_second: f64,
    /// From before its start until it shows what is waited for.
    pub first_frame: Duration,
}

/// Runs a program in a terminal of 200x50, and measures it so long after its first frame. `complete` says whether a screen has all that this
/// should have.
pub fn on_a_screen(
    settle: Duration,
    name: &'static str,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
    measured: Duration,
    complete: impl Fn(&str) -> bool,
) -> Screen {
    let start = Instant::now();
    let terminal = Terminal::start(200, 50, program, arguments, environment);
    terminal.until("the first frame", Duration::from_secs(60), complete);
    let first_frame = start.elapsed();
    thread::sleep(settle);
    let (bytes_before, ticks_before, begin) = (terminal.bytes(), ticks(terminal.pid()), Instant::now());
    thread::sleep(measured);
    let (bytes, used, seconds) = (terminal.bytes() - bytes_before, ticks(terminal.pid()) - ticks_before, begin.elapsed().as_secs_f64());
    let tree = tree(terminal.pid());
    Screen {
        name,
        cpu_percent: used / seconds * 100.0,
        resident: resident(terminal.pid()),
        resident_with_helpers: tree.iter().map(|pid| resident(*pid)).sum(),
        bytes_per_second: bytes as f64 / seconds,
        first_frame,
    }
}

/// The least, the middle and the most milliseconds that each command takes, the runs of all of them taking turns.
pub fn walls(commands: &[(&'static str, &str, Vec<&str>)], environment: &[(&str, &str)], runs: usize) -> Vec<(&'static str, [f64; 3])> {
    let mut taken: Vec<Vec<f64>> = vec![Vec::new(); commands.len()];
    for _ in 0..runs {
        for ((name, program, arguments), times) in commands.iter().zip(&mut taken) {
            let begin = Instant::now();
            let output = command(program, arguments, environment).output().unwrap();
            times.push(begin.elapsed().as_secs_f64() * 1000.0);
            assert!(output.status.success(), "{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
    }
    let summary = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        [times[0], times[times.len() / 2], times[times.len() - 1]]
    };
    commands.iter().map(|(name, ..)| *name).zip(taken.into_iter().map(summary)).collect()
}

/// A program in an environment that holds only what is given.
pub fn command(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", std::env::var("PATH").unwrap_or_default()).env("LANG", "C.UTF-8");
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

/// The fields of proc_pid_stat(5) after the command's name, which may hold anything.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_ascii_whitespace().map(str::to_owned).collect())
}

/// A process and all below it.
pub fn tree(root: i32) -> HashSet<i32> {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse::<i32>().ok()) {
            parents.insert(pid, parent);
        }
    }
    let mut found = HashSet::from([root]);
    loop {
        let before = found.len();
        found.extend(parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>());
        if found.len() == before {
            return found;
        }
    }
}

/// Seconds of CPU that a process and all below it used so far: utime, stime, and those of children that were waited for.
pub fn ticks(root: i32) -> f64 {
    // USER_HZ is 100 on every Linux that berth runs on.
    let of = |pid: i32| stat(pid).map_or(0.0, |fields| (11..15).filter_map(|index| fields.get(index)?.parse::<f64>().ok()).sum());
    tree(root).into_iter().map(of).sum::<f64>() / 100.0
}

/// VmRSS in bytes.
pub fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
