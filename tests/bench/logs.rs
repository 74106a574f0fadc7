//! Large logs and log storms: the end of 10 GB, of real gigabytes, and a hundred megabytes a second while somebody types.
//!
//! `cargo bench --bench logs -- [--megabytes N] [--seconds S] [--lines N] [--only processes|storm|million|follow] [--smoke]`. It must never leave a process or a file behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot be taken has nothing better to do than to say so")]

#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../support/terminal.rs"]
mod terminal;

#[allow(dead_code, reason = "shared by benches that need different parts of it")]
mod keys;
mod million;
mod storm;
#[path = "fleet/table.rs"]
mod table;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use keys::Delays;
use storm::{Block, line};
use table::Table;
use terminal::Terminal;

/// The program that is measured; another one may be named by `BERTH_BENCH_PROGRAM`.
const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// How many runs the times of whole processes are the middle of.
const RUNS: usize = 9;

struct Options {
    megabytes: u64,
    seconds: u64,
    lines: u64,
    only: Option<String>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { megabytes: 2000, seconds: 10, lines: million::LINES, only: None };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{word} wants a number"));
            match word.as_str() {
                "--megabytes" => options.megabytes = number(),
                "--seconds" => options.seconds = number(),
                "--lines" => options.lines = number(),
                "--only" => options.only = words.next(),
                "--smoke" => (options.megabytes, options.seconds, options.lines) = (50, 2, 20_000),
                // Cargo's own.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}

/// A host with five instances that do not run, each with a log.
struct Host {
    directory: tempfile::TempDir,
    program: String,
}

impl Host {
    fn new() -> Self {
        let program = std::env::var("BERTH_BENCH_PROGRAM").unwrap_or_else(|_| BERTH.to_owned());
        let host = Self { directory: tempfile::tempdir().unwrap(), program };
        for owner in ["little", "hole", "large", "million", "storm"] {
            let home = host.directory.path().join("users").join(owner);
            fs::create_dir_all(home.join("config")).unwrap();
            fs::create_dir_all(home.join("logs")).unwrap();
            fs::write(home.join("config/config.json"), "{\"port\": 8199, \"host\": \"127.0.0.1\"}").unwrap();
        }
        let (base, uid) = (host.directory.path().display(), nix::unistd::geteuid());
        let text = format!(
            "[layout]\nbase = \"{base}\"\n[template.default]\nrun_as = \"{uid}\"\n[[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n"
        );
        fs::write(host.config(), text).unwrap();
        host
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("berth.toml")
    }

    fn log(&self, owner: &str) -> PathBuf {
        self.directory.path().join("users").join(owner).join("logs/server.log")
    }

    fn start(&self, words: &[&str], output: Stdio) -> Child {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.config()).args(words).env("BERTH_STATE", self.directory.path().join("state"));
        command.stdin(Stdio::null()).stdout(output).spawn().unwrap()
    }

    /// The middle of several runs in milliseconds, and the most memory that one of them took.
    fn run(&self, words: &[&str]) -> (f64, u64) {
        let mut times = Vec::new();
        let mut most = 0;
        for _ in 0..RUNS {
            let begin = Instant::now();
            let child = self.start(words, Stdio::null());
            most = most.max(wait(child));
            times.push(begin.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        (times[RUNS / 2], most)
    }
}

/// Waits for a program's end; says the most memory that it took, in bytes.
#[allow(unsafe_code, reason = "the standard library does not tell what a child used")]
fn wait(child: Child) -> u64 {
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    let pid = i32::try_from(child.id()).unwrap();
    // SAFETY: both places live until the call returns; the child was not waited for.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    assert_eq!((waited, status), (pid, 0));
    // SAFETY: it was zeroed, and the kernel has filled it.
    let usage = unsafe { usage.assume_init() };
    usage.ru_maxrss.unsigned_abs() * 1024
}

/// `berth logs` on logs of different sizes.
fn whole_processes(host: &Host, options: &Options) {
    let now = Timestamp::now();
    let few: String = (0..200).map(|number| line(number, now)).collect();
    fs::write(host.log("little"), &few).unwrap();
    let hole = File::create(host.log("hole")).unwrap();
    hole.set_len(10 << 30).unwrap();
    hole.write_all_at(format!("\n{few}").as_bytes(), 10 << 30).unwrap();
    let mut large = File::create(host.log("large")).unwrap();
    let mut number = 0;
    for megabyte in 0..options.megabytes {
        // A day in all; a megabyte is of one moment.
        let ago = (86_400_000 - megabyte * 86_400_000 / options.megabytes).cast_signed();
        let mut block = Block::new(now - ago.milliseconds());
        number = block.fill(number);
        large.write_all(&block.bytes).unwrap();
    }
    drop(large);
    println!("{:<46}{:>12}{:>12}{:>14}", "whole process (looking at the fleet included)", "ms", "RSS MB", "budget");
    let (little, base) = host.run(&["logs", "little", "-n", "50"]);
    let tell = |name: &str, words: &[&str], budget: &str| {
        let (taken, most) = host.run(words);
        let more = (most.saturating_sub(base) as f64) / 1e6;
        println!("{name:<46}{taken:>12.1}{:>12.1}{budget:>14}   {:+.1} ms, {more:+.1} MB", most as f64 / 1e6, taken - little);
    };
    println!("{:<46}{little:>12.1}{:>12.1}{:>14}", "last 50 of 20 kB", base as f64 / 1e6, "");
    tell("last 50 of 10 GB with a hole", &["logs", "hole", "-n", "50"], "+20 ms, +2 MB");
    let size = format!("of {} MB", options.megabytes);
    tell(&format!("last 50 {size}"), &["logs", "large", "-n", "50"], "+20 ms, +2 MB");
    tell(&format!("--since 1m {size}"), &["logs", "large", "--since", "1m"], "");
    tell(&format!("--since 23h -n 50 {size}"), &["logs", "large", "--since", "23h", "-n", "50"], "");
    tell(&format!("--grep, one line in 10,000, last 50 {size}"), &["logs", "large", "--grep", "line [0-9]*7777 ", "-n", "50"], "");
    tell(&format!("--grep nothing, all {size}"), &["logs", "large", "--grep", "no such words", "-n", "50"], "");
}

fn in_storm<T>(host: &Host, what: impl FnOnce() -> T) -> (T, storm::Written) {
    let _ = fs::remove_file(host.log("storm"));
    fs::write(host.log("storm"), line(0, Timestamp::now())).unwrap();
    storm::during(&host.log("storm"), what)
}

/// The seconds of CPU that a process has used.
fn used(pid: i32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// The most memory that it has had, in bytes.
fn most_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A console on the log of one of them, large.
fn open(host: &Host, keys: &str, shown: impl Fn(&str) -> bool) -> Terminal {
    let state = host.directory.path().join("state").display().to_string();
    let (config, home) = (host.config().display().to_string(), host.directory.path().display().to_string());
    let environment = [("HOME", home.as_str()), ("BERTH_STATE", state.as_str())];
    let mut terminal = Terminal::start(160, 45, &host.program, &["--config", &config], &environment);
    terminal.until("the fleet", Duration::from_secs(20), |text| text.contains("storm"));
    terminal.keys(keys);
    terminal.until("the log", Duration::from_secs(20), shown);
    terminal.keys("l");
    thread::sleep(Duration::from_millis(300));
    terminal
}

/// The console on a log: CPU in % of a core, the most memory, and how long each key took.
fn type_into_console(host: &Host, seconds: u64, keys: &str, shown: impl Fn(&str) -> bool) -> (f64, u64, Delays) {
    let mut terminal = open(host, keys, shown);
    let (before, begin) = (used(terminal.pid()), Instant::now());
    let delays = keys::wrapping(&mut terminal, |_, _| begin.elapsed() < Duration::from_secs(seconds));
    ((used(terminal.pid()) - before) / begin.elapsed().as_secs_f64() * 100.0, most_memory(terminal.pid()), delays)
}

/// The console on a log that storms, and somebody who types; beside it the same on a log that rests, and through a program that does
/// nothing.
fn console(host: &Host, options: &Options) {
    // The third of five.
    let (_, _, quiet) = type_into_console(host, options.seconds, "gjj", |text| text.contains("line 000000000199"));
    let idle = keys::through_cat(quiet.count());
    let mut floor = None;
    let ((cpu, memory, keys), written) = in_storm(host, || {
        let result = type_into_console(host, options.seconds, "G", |text| text.contains("dropped"));
        floor = Some(keys::through_cat(result.2.count()));
        result
    });
    let mut table = Table::default();
    table.at_most("CPU of one core", cpu, 50.0, "%");
    table.at_most("RSS, the most", memory as f64 / 1e6, 64.0, "MB");
    let mut tell = |name: &str, keys: &Delays| {
        table.at_most(&format!("key p99, {name} (median {:.1})", keys.percent(50)), keys.percent(99), 16.0, "ms");
    };
    tell("in the storm", &keys);
    tell("on a log that rests", &quiet);
    tell("through cat, in the storm", &floor.unwrap());
    tell("through cat, at rest", &idle);
    println!("\nthe console on a log of {:.0} MB/s, {} keys", written.rate, keys.count());
    table.print();
}

/// The console on a log of a million lines.
fn million(host: &Host, options: &Options) {
    // The long one is one, too.
    let lines = options.lines - 1;
    million::write(&host.log("million"), lines);
    let last = format!("line {:012}", lines - 1);
    let mut terminal = open(host, "gjjj", |text| text.contains(&last));
    let mut table = Table::default();
    million::measure(&mut terminal, lines, &mut table);
    table.at_most("RSS, the most", most_memory(terminal.pid()) as f64 / 1e6, 64.0, "MB");
    println!("\nthe console on a log of {} lines", options.lines);
    table.print();
}

/// `berth logs -f` in a storm: what it costs, and whether every line is shown or told to be missing.
fn follow(host: &Host, options: &Options) {
    let ((cpu, memory, shown, told, silent), storm::Written { lines, rate }) = in_storm(host, || {
        let mut child = host.start(&["logs", "storm", "-f", "-n", "1"], Stdio::piped());
        let output = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
        let reader = thread::spawn(move || {
            let (mut shown, mut told, mut silent, mut next, mut missing) = (0_u64, 0_u64, 0_u64, None, 0_u64);
            for line in output.lines().map_while(Result::ok) {
                if let Some(mark) = line.strip_prefix("-- ") {
                    missing += mark.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
                } else if let Some(number) =
                    line.split("line ").nth(1).and_then(|rest| rest.get(..12)).and_then(|word| word.parse::<u64>().ok())
                {
                    let gap: u64 = number - next.unwrap_or(number);
                    let expected = if next.is_some() { missing } else { 0 };
                    silent += gap.abs_diff(expected);
                    told += expected;
                    (next, missing) = (Some(number + 1), 0);
                    shown += 1;
                }
            }
            (shown, told, silent)
        });
        let pid = i32::try_from(child.id()).unwrap();
        thread::sleep(Duration::from_secs(1));
        let (before, begin) = (used(pid), Instant::now());
        thread::sleep(Duration::from_secs(options.seconds));
        let (cpu, memory) = ((used(pid) - before) / begin.elapsed().as_secs_f64() * 100.0, most_memory(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        let (shown, told, silent) = reader.join().unwrap();
        (cpu, memory, shown, told, silent)
    });
    println!("\nberth logs -f on a log of {rate:.0} MB/s, {lines} lines written");
    let mut table = Table::default();
    table.at_most("CPU of one core", cpu, 50.0, "%");
    table.at_most("RSS, the most", memory as f64 / 1e6, 64.0, "MB");
    table.at_most("lines missing or doubled without a word", silent as f64, 0.0, "");
    table.print();
    println!("{shown} lines shown, {told} told to be missing");
}

fn main() {
    let options = Options::read();
    let host = Host::new();
    let does = |part: &str| options.only.as_deref().is_none_or(|only| only == part);
    if does("processes") {
        whole_processes(&host, &options);
        fs::remove_file(host.log("large")).unwrap();
    }
    if does("storm") {
        fs::write(host.log("little"), (0..200).map(|number| line(number, Timestamp::now())).collect::<String>()).unwrap();
        console(&host, &options);
    }
    if does("million") {
        million(&host, &options);
    }
    if does("follow") {
        follow(&host, &options);
    }
}
