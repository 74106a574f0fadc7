//! One daemon, many eyes: what a daemon on many instances costs with one console attached to it and with fifty, and how soon a console that is
//! attached shows what happened. The consoles are real ones, each in a terminal of its own; one of the fifty has stopped reading.
//!
//! `cargo bench --bench eyes -- [--instances N] [--consoles N] [--seconds S] [--times N] [--smoke]`, as root: the load has an account of its own.
//! It must never leave a process or a file behind: the load dies with it, the daemon and the consoles are ended by their pids.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot be taken has nothing better to do than to say so")]

mod daemon;
#[allow(dead_code, reason = "shared by benches that need different parts of it")]
#[path = "../fleet/delays.rs"]
mod delays;
#[allow(dead_code, reason = "shared by benches that need different parts of it")]
#[path = "../fleet/hosts.rs"]
mod hosts;
#[allow(dead_code, reason = "shared by benches that need different parts of it")]
#[path = "../fleet/load.rs"]
mod load;
#[allow(dead_code, reason = "shared by benches that need different parts of it")]
#[path = "../measure.rs"]
mod measure;
#[path = "../fleet/table.rs"]
mod table;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../../support/terminal.rs"]
mod terminal;

use std::thread::sleep;
use std::time::Duration;

use daemon::{Cost, Daemon};
use load::Load;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use table::Table;
use terminal::Terminal;

/// The program that is measured, built as it is released.
const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// How long everything is left alone before it is measured: who attaches is told the whole.
const SETTLE: Duration = Duration::from_secs(15);

/// Free ports behind the load, for foreign listeners.
const SPARE: u16 = 20;

/// The words after `--`.
struct Options {
    instances: u16,
    consoles: usize,
    seconds: u64,
    times: usize,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { instances: 1000, consoles: 50, seconds: 30, times: 100 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse::<u16>().ok()).unwrap_or_else(|| panic!("{word} wants a number"));
            match word.as_str() {
                "--instances" => options.instances = number(),
                "--consoles" => options.consoles = number().into(),
                "--seconds" => options.seconds = number().into(),
                "--times" => options.times = number().into(),
                "--smoke" => options = Self { instances: 50, consoles: 5, seconds: 2, times: 5 },
                // Cargo's own.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}

fn main() {
    // The server that the load's template names; nothing starts it here.
    if let ["--serve", port] = std::env::args().skip(1).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>()[..] {
        load::serve(port.parse().unwrap());
    }
    assert!(nix::unistd::geteuid().is_root(), "this needs root: its load runs as {}", hosts::ACCOUNT);
    let options = Options::read();
    // Before any thread: it forks.
    let load = Load::start(options.instances, SPARE, hosts::ACCOUNT);
    let directory = tempfile::tempdir().unwrap();
    let server = hosts::make_room(directory.path());
    let config = hosts::lay_out(directory.path(), &load, &server);
    let socket = directory.path().join("run/berth.sock");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}[daemon]\nsocket = \"{}\"\n", socket.display())).unwrap();
    let home = directory.path().to_str().unwrap().to_owned();
    let state = directory.path().join("state").display().to_string();
    let environment = [("HOME", home.as_str()), ("XDG_CONFIG_HOME", home.as_str()), ("BERTH_STATE", state.as_str())];
    let words = ["--config", config.to_str().unwrap()];
    println!("{} instances on 127.0.0.1:{}-{}, consoles of 200x50", load.count(), load.first(), load.last());

    let daemon = Daemon::start(&words, &environment, &socket);
    let seconds = Duration::from_secs(options.seconds);
    let attach = || {
        let console = Terminal::start(200, 50, BERTH, &words, &environment);
        let shows = |text: &str| text.contains("attached") && text.contains(&hosts::owner(load.first()));
        console.until("the daemon's picture", Duration::from_secs(60), shows);
        console
    };
    let measured = |what: &str| {
        sleep(SETTLE);
        let cost = daemon.cost(seconds);
        println!("{what:<44}{:>8.2} % of a core{:>10.1} MB", cost.cpu_percent, cost.resident as f64 / 1e6);
        cost
    };
    measured("the daemon, nobody attached");
    let mut consoles = vec![attach()];
    let one = measured("the daemon, one console");
    let spare: Vec<u16> = (load.last() + 1..=load.last_spare()).collect();
    let alone = delays::foreign_listeners(&mut consoles[0], &spare, options.times);
    delays::filter(&mut consoles[0], "");
    consoles.extend((1..options.consoles).map(|_| attach()));
    let fifty = measured(&format!("the daemon, {} consoles", options.consoles));
    let mut table = Table::default();
    tell(&mut table, &one, &fifty, options.consoles);

    let stopped = consoles.pop().unwrap();
    kill(Pid::from_raw(stopped.pid()), Signal::SIGSTOP).unwrap();
    measured("the same, one of them has stopped reading");
    let among = delays::foreign_listeners(&mut consoles[0], &spare, options.times);
    kill(Pid::from_raw(stopped.pid()), Signal::SIGCONT).unwrap();
    table.at_most("foreign listen() to the flagged row, attached, p99", delays::p99(alone), 200.0, "ms");
    let name = format!("the same beside {} others, one of which does not read", options.consoles - 1);
    table.at_most(&name, delays::p99(among), 200.0, "ms");
    table.print();
    drop((stopped, consoles, daemon, load));
}

/// The daemon's budget: twice the CPU of one console, and 0.3 MB each.
fn tell(table: &mut Table, one: &Cost, many: &Cost, consoles: usize) {
    let name = format!("the daemon's CPU with {consoles} consoles, against one");
    table.at_most(&name, many.cpu_percent / one.cpu_percent.max(0.01), 2.0, "times");
    let budget = 20.0 + 0.3 * consoles as f64;
    table.at_most(&format!("the daemon's RSS with {consoles} consoles"), many.resident as f64 / 1e6, budget, "MB");
}
