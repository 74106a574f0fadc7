//! What instances cost over the four kinds: a quarter processes, units, containers and PM2 apps, against as many plain processes in one run.
//!
//! `cargo bench --bench kinds -- [--each N] [--seconds S] [--smoke]`, as root, on a host of its own that a real systemd is booted for. The
//! units are real ones. The container engine and the PM2 daemon are stand-ins that speak the real protocols over real sockets, with real
//! processes behind them, each container's below one that stands for its shim: berth cannot tell them from real ones, and they cost it the same.
//! It must never leave a process behind: everything lives in a pid namespace that ends with this.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot be taken has nothing better to do than to say so")]

mod daemon;
mod engine;
mod fleet;
mod host;
#[path = "../fleet/table.rs"]
mod table;

#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../../support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use table::Table;
use terminal::Terminal;

/// What is let pass between the first frame and the measurement: starting up is another figure.
const SETTLE: Duration = Duration::from_secs(8);

/// How long anything may take that another process does in its own time.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What is measured.
#[derive(Clone, Copy)]
struct Options {
    each: u16,
    seconds: u64,
    is_smoke: bool,
}

impl Options {
    fn read(words: &[String]) -> Self {
        let mut options = Self { each: 125, seconds: 20, is_smoke: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{word} wants a number"));
            match word.as_str() {
                "--each" => options.each = number(),
                "--seconds" => options.seconds = number().into(),
                "--smoke" => options = Self { each: 25, seconds: 4, is_smoke: true },
                // Cargo's own.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve", port] => fleet::serve(port.parse().unwrap()),
        ["--unit", owner] => fleet::serve(fleet::port_of(owner)),
        ["--shim", port] => fleet::shim(port),
        ["--god", home, first, count] => daemon::run(Path::new(home), first.parse().unwrap(), count.parse().unwrap()),
        ["--round", kinds, ref rest @ ..] => {
            round(kinds == "kinds", Options::read(&rest.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()))
        }
        _ => compare(Options::read(&words)),
    }
}

/// Both rounds, one after the other on one host.
fn compare(options: Options) {
    assert!(nix::unistd::geteuid().is_root(), "this needs root: it boots a systemd in namespaces of its own");
    let host = host::Host::boot(env!("CARGO_BIN_EXE_berth"));
    let count = options.each * 4;
    println!("{count} instances, {} of each kind; {} s each", options.each, options.seconds);
    println!("real: the processes, the units and their systemd. Stand-ins with the real protocols: the container engine, PM2's daemon.");
    let words = |kinds: &'static str| {
        let (each, seconds) = (options.each.to_string(), options.seconds.to_string());
        let mut words: Vec<String> = ["--round", kinds, "--each", &each, "--seconds", &seconds].map(str::to_owned).into();
        words.extend(options.is_smoke.then(|| "--smoke".to_owned()));
        words
    };
    let (plain, kinds) = (host.measure(&words("plain")), host.measure(&words("kinds")));
    println!("\n{:<34}{:>16}{:>16}{:>8}", "berth's CPU, % of one core", "plain processes", "four kinds", "ratio");
    let mut table = Table::default();
    for ((name, plain), (_, kinds)) in plain.iter().zip(&kinds) {
        println!("{name:<34}{plain:>16.3}{kinds:>16.3}{:>8.2}", kinds / plain);
        table.at_most(&format!("{name}: four kinds against plain processes"), kinds / plain, 2.0, "times");
    }
    table.print();
}

/// One of them, inside: lays out a fleet, and says what berth costs on it.
fn round(is_of_kinds: bool, options: Options) {
    let fleet = fleet::Fleet::start(is_of_kinds, options.each);
    let expected = usize::from(options.each) * 4;
    let config = fleet.config.to_str().unwrap();
    let measured = Duration::from_secs(options.seconds);
    let mut screens: Vec<(&str, Vec<&str>)> = vec![("console", vec!["--config", config])];
    if !options.is_smoke {
        screens.push(("ls --watch", vec!["--config", config, "ls", "--watch"]));
    }
    fleet.check(expected);
    for (name, arguments) in screens {
        let environment = [("HOME", "/root"), ("BERTH_STATE", "/run/berth-state"), ("XDG_CONFIG_HOME", "/run/none")];
        let terminal = Terminal::start(200, 50, host::BERTH, &arguments, &environment);
        terminal.until("the first frame", PATIENCE, |text| text.matches("running").count() >= 10);
        thread::sleep(SETTLE);
        let (before, begin) = (spent(terminal.pid()), Instant::now());
        thread::sleep(measured);
        let share = (spent(terminal.pid()) - before) / begin.elapsed().as_secs_f64() * 100.0;
        println!("{}{name}={share}", host::RESULT);
    }
}

/// Seconds of CPU that the threads of a process used so far, by the scheduler's own clock: ticks of 10 ms are too coarse for so little.
fn spent(pid: i32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let of = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or_default()
    };
    threads.map(of).sum::<f64>() / 1e9
}
