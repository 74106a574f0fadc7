//! A command that is told by its standard input: started without a shell, bounded in time and in what it says, ended with all it started.
//!
//! It must never run a program that others may change, nor leave anything behind.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::{DEADLINE, check};
use crate::domain::{ProcessKey, Shown};
use crate::hand::{end_tree, process_facts};

/// Where a program that it names without a path is looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How much of what it says is kept: the last of it.
const KEPT: usize = 2048;

/// The variable that marks what it started.
const MARK: &str = "BERTH_HOOK";

/// How much of an environment is looked through, bytes: the mark was set among its first.
const ENVIRONMENT: u64 = 256 * 1024;

/// How often what it started is looked for.
const ROUNDS: usize = 5;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tells a command; why that failed.
pub fn run(command: &[String], text: &str) -> Result<(), String> {
    run_within(command, text, DEADLINE)
}

fn run_within(command: &[String], text: &str, deadline: Duration) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let shown = Shown::new(program);
    check(Path::new(program), "berth runs what lies there").map_err(|why| format!("{shown} was not told: {why}"))?;
    let mark = mark();
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .env(MARK, &mark)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{shown} was not told: it cannot be started: {error}"))?;
    let mut heard = Heard::of(child.stderr.take());
    let told = write(&mut child, text, begun, deadline);
    while told && !has_ended(&child) && begun.elapsed() < deadline {
        heard.read();
        std::thread::sleep(LOOK_EVERY);
    }
    let was_late = !has_ended(&child);
    let since = process_facts(child.id().cast_signed()).map(|facts| facts.key.start_time);
    end(&mut child, was_late);
    if let Ok(since) = since {
        end_marked(&mark, since);
    }
    let status = child.wait().map_err(|error| format!("{shown}: {error}"))?;
    heard.read();
    match (was_late, status.success()) {
        (true, _) => Err(format!("{shown} was ended, since it took longer than {} s{}", deadline.as_secs(), heard.told())),
        (false, true) => Ok(()),
        (false, false) => Err(format!("{shown} failed ({status}){}", heard.told())),
    }
}

/// Hands it the text; what takes none of it is given up at the deadline. False then.
fn write(child: &mut Child, text: &str, begun: Instant, deadline: Duration) -> bool {
    let Some(mut stdin) = child.stdin.take() else { return true };
    if nonblocking(&stdin).is_err() {
        return true;
    }
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match stdin.write(rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock && begun.elapsed() < deadline => std::thread::sleep(LOOK_EVERY),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // It does not want to know.
            Err(_) => return true,
        }
    }
    true
}

/// Whether it has ended; it is not waited for yet, so that its number stays its own.
fn has_ended(child: &Child) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(child.id().cast_signed()) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

/// Ends what is left of it: its group, and, where it was late, everything below it.
fn end(child: &mut Child, was_late: bool) {
    let pid = child.id().cast_signed();
    if was_late && let Ok(facts) = process_facts(pid) {
        end_tree(None, &[facts.key], Duration::ZERO, || ());
    }
    // Not waited for yet, it still has its number, and so has its group.
    let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
}

/// A word that nobody can guess, by which what it started is known though it has a session and a parent of its own.
fn mark() -> String {
    let mut bytes = [0; 16];
    // Without one it has none, and who has none is not looked for.
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).is_ok();
    if filled { bytes.iter().map(|byte| format!("{byte:02x}")).collect() } else { String::new() }
}

/// Ends what has the mark in its environment and began no sooner than the hook. Again while some are found: they may start others.
fn end_marked(mark: &str, since: u64) {
    if mark.is_empty() {
        return;
    }
    for _ in 0..ROUNDS {
        let marked = marked(mark, since);
        if marked.is_empty() {
            return;
        }
        end_tree(None, &marked, Duration::ZERO, || ());
    }
}

fn marked(mark: &str, since: u64) -> Vec<ProcessKey> {
    let assignment = format!("{MARK}={mark}");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let keys = pids.filter_map(|pid| Some(process_facts(pid).ok()?.key)).filter(|key| key.start_time >= since);
    keys.filter(|key| {
        let mut environment = Vec::new();
        let file = std::fs::File::open(format!("/proc/{}/environ", key.pid));
        let read = file.and_then(|file| file.take(ENVIRONMENT).read_to_end(&mut environment));
        read.is_ok() && environment.split(|byte| *byte == 0).any(|one| one == assignment.as_bytes())
    })
    .collect()
}

fn nonblocking(descriptor: &impl AsFd) -> nix::Result<()> {
    fcntl(descriptor, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)
}

/// The last of what it says.
struct Heard {
    from: Option<ChildStderr>,
    text: Vec<u8>,
}

impl Heard {
    fn of(from: Option<ChildStderr>) -> Self {
        Self { from: from.filter(|from| nonblocking(from).is_ok()), text: Vec::new() }
    }

    /// Reads what is there, and no more than a little of it at a time.
    fn read(&mut self) {
        let Some(from) = &mut self.from else { return };
        let mut bytes = [0; 4096];
        for _ in 0..16 {
            match from.read(&mut bytes) {
                Ok(count) if count > 0 => self.text.extend_from_slice(&bytes[..count]),
                _ => break,
            }
            self.text.drain(..self.text.len().saturating_sub(KEPT));
        }
    }

    fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.text);
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if last.is_empty() { String::new() } else { format!(": {}", Shown::new(last)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn script(directory: &Path, text: &str) -> Vec<String> {
        let path = directory.join("hook");
        fs::write(&path, format!("#!/bin/busybox ash\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        vec![path.to_str().unwrap().to_owned(), directory.to_str().unwrap().to_owned()]
    }

    fn interpreter() -> bool {
        Path::new("/bin/busybox").exists()
    }

    #[test]
    fn it_gets_the_text_and_what_it_says_is_told_when_it_fails() {
        if !interpreter() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let good = script(directory.path(), "cat > $1/told");
        let text = "x".repeat(200_000);
        assert_eq!(run(&good, &text), Ok(()));
        assert_eq!(fs::read_to_string(directory.path().join("told")).unwrap(), text);
        let bad = script(directory.path(), "echo 'no such\u{1b}[2J host' >&2; exit 3");
        let why = run(&bad, "{}").unwrap_err();
        assert!(why.contains("exit status: 3") && why.ends_with(": no such␛[2J host"), "{why}");
    }

    #[test]
    fn what_takes_too_long_is_ended_with_its_tree() {
        if !interpreter() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let slow = script(directory.path(), "sleep 1000 & echo $! > $1/pid; sleep 1001");
        let why = run_within(&slow, "{}", Duration::from_secs(1)).unwrap_err();
        assert!(why.contains("longer than 1 s"), "{why}");
        // On a machine that is busy it may not have come so far; then there is nothing that could be left.
        if let Ok(pid) = fs::read_to_string(directory.path().join("pid")).map(|text| text.trim().parse::<i32>().unwrap_or(0))
            && pid > 0
        {
            assert!(crate::patience::until_so(|| process_facts(pid).map_or(true, |facts| matches!(facts.state, 'Z' | 'X'))));
        }
    }

    #[test]
    fn what_left_its_tree_is_ended_too() {
        if !interpreter() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        // A session of its own, and a parent that is gone.
        let script = script(
            directory.path(),
            "setsid ash -c 'echo $$ > '$1'/pid.new; mv '$1'/pid.new '$1'/pid; sleep 1002' & \
            while [ ! -e $1/pid ]; do sleep 0.01; done",
        );
        run_within(&script, "{}", Duration::from_secs(600)).unwrap();
        let pid: i32 = fs::read_to_string(directory.path().join("pid")).unwrap().trim().parse().unwrap();
        assert!(crate::patience::until_so(|| process_facts(pid).map_or(true, |facts| matches!(facts.state, 'Z' | 'X'))));
    }

    #[test]
    fn a_program_that_others_may_change_is_not_run() {
        let directory = tempfile::tempdir().unwrap();
        let hook = script(directory.path(), "true");
        fs::set_permissions(&hook[0], fs::Permissions::from_mode(0o777)).unwrap();
        assert!(run(&hook, "").unwrap_err().contains("others may write it"));
        assert!(run(&["/no/such/program".to_owned()], "").unwrap_err().contains("was not told"));
    }
}
