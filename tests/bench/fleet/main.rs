//! The budget, line by line: the console and the command line on many instances, beside the programs that people use today, in one run,
//! without and with established sockets beside them.
//!
//! `cargo bench --bench fleet -- [--instances N] [--started N] [--many N] [--only-keys] [--sockets N] [--seconds S] [--times N] [--runs N] [--smoke]`, as root:
//! the load has an account of its own. Figures of different runs are not to be compared.
//! It must never leave a process or a file behind: the load dies with it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot be taken has nothing better to do than to say so")]

mod connections;
mod delays;
mod floor;
mod hosts;
#[path = "../keys.rs"]
mod keys;
mod load;
#[path = "../measure.rs"]
mod measure;
mod options;
mod peers;
mod starting;
#[allow(dead_code, reason = "shared by benches that need different parts of it")]
#[path = "../storm.rs"]
mod storm;
mod table;
mod writers;

#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../../support/terminal.rs"]
mod terminal;

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use connections::Connections;
use load::Load;
use measure::{SETTLE, Screen, on_a_screen, walls};
use options::Options;
use table::Table;
use terminal::Terminal;

/// The program that is measured, built as it is released.
const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// What every measurement needs.
struct Bench<'a> {
    options: Options,
    load: &'a Load,
    config: &'a str,
    environment: [(&'a str, &'a str); 3],
}

/// What is compared between the two rounds.
struct Round {
    console: f64,
    ports: f64,
    peers: Vec<(&'static str, f64)>,
    table: Table,
}

fn main() {
    if hidden() {
        return;
    }
    assert!(nix::unistd::geteuid().is_root(), "this needs root: its load runs as {}", hosts::ACCOUNT);
    let options = Options::read();
    // Before any thread: it forks.
    let load = Load::start(options.instances, options.started, hosts::ACCOUNT);
    let directory = tempfile::tempdir().unwrap();
    let server = hosts::make_room(directory.path());
    let config = hosts::lay_out(directory.path(), &load, &server);
    let writers = writers::Writers::start(&directory.path().join("mcp-server/users"));
    let home = directory.path().to_str().unwrap().to_owned();
    let state = directory.path().join("state").display().to_string();
    let environment = [("HOME", home.as_str()), ("XDG_CONFIG_HOME", home.as_str()), ("BERTH_STATE", state.as_str())];
    let bench = Bench { options, load: &load, config: config.to_str().unwrap(), environment };
    if options.only_keys {
        let mut table = Table::default();
        bench.typing(&mut bench.console(), directory.path(), &mut table);
        return table.print();
    }
    for name in peers::missing() {
        println!("{name} is not installed: not compared with");
    }

    println!("{} instances on 127.0.0.1:{}-{}, 200x50, {} s each", load.count(), load.first(), load.last(), options.seconds);
    let (stats, listing) = (floor::stats(&load), floor::listing());
    println!("the kernel's floor here: {stats:.2} ms for the stat of each once, {listing:.2} ms for a listing of /proc");
    println!("the kernel's floor for asking 1,000 every 10 s: {:.2} % of a core", floor::questions(&load));
    let mut plain = bench.round();
    bench.acting(directory.path(), &mut plain.table);
    if let Some(script) = peers::monitor_script(directory.path(), &load, options.script_ports) {
        let whole = script * f64::from(load.count()) / 1000.0;
        println!("\nthe guide's monitor_ports.sh: {script:.0} ms a port, {whole:.1} s for {} ports", load.count());
    }
    plain.table.print();

    if options.sockets > 0 {
        let connections = Connections::start(options.sockets);
        println!("\nthe same with {} established sockets beside them", connections.sockets());
        let mut crowded = bench.round();
        crowded.table.at_most("console, CPU with sockets against without", crowded.console / plain.console, 1.1, "times");
        if let Some((name, ss)) = crowded.peers.iter().find(|(name, _)| name.starts_with("ss ")) {
            crowded.table.at_most(&format!("berth ports --json with sockets, against a fifth of {name}"), crowded.ports, ss / 5.0, "ms");
        }
        crowded.table.print();
    }
    bench.check_ports();
    drop((load, writers));
    if options.many > 0 {
        // Anew: what forks must not have threads.
        let (many, times) = (options.many.to_string(), options.times.to_string());
        println!("\nonly keys, with {many} instances");
        let words = ["--only-keys", "--instances", &many, "--started", "1", "--times", &times];
        assert!(std::process::Command::new(std::env::current_exe().unwrap()).args(words).status().unwrap().success());
    }
}

/// The other lives of this program: a server that berth starts, a process that writes logs, one that holds sockets.
fn hidden() -> bool {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve", port] => load::serve(port.parse().unwrap()),
        ["--write", users] => writers::write(Path::new(users)),
        ["--connect", index, count] => connections::connect(index.parse().unwrap(), count.parse().unwrap()),
        _ => return false,
    }
    true
}

impl Bench<'_> {
    /// Everything that is measured without and with sockets.
    fn round(&self) -> Round {
        let measured = Duration::from_secs(self.options.seconds);
        let shows_many = |text: &str| self.ports_in(text) >= 10;
        let console = on_a_screen(SETTLE, "berth", BERTH, &["--config", self.config], &self.environment, measured, shows_many);
        let asking = hosts::asking(Path::new(self.config));
        let words = ["--config", asking.to_str().unwrap()];
        // Each is asked once which server it is, four in a second: that is no part of what goes on for ever.
        let introduced = Duration::from_secs(20) + Duration::from_millis(250) * self.load.count().into();
        let asking = on_a_screen(introduced, "asking", BERTH, &words, &self.environment, measured, shows_many);
        // Held against one that has run for as long: a console that has just begun costs more, which would hide what asking costs.
        let plain = ["--config", self.config];
        let settled = on_a_screen(introduced, "settled", BERTH, &plain, &self.environment, measured, shows_many);
        let mut screens = vec![console, asking, settled];
        for (name, program, arguments, word) in peers::SCREENS.into_iter().filter(|(_, program, ..)| peers::is_there(program)) {
            screens.push(on_a_screen(SETTLE, name, program, arguments, &self.environment, measured, |text| text.contains(word)));
        }
        print_screens(&screens);

        let mut commands: Vec<(&str, &str, Vec<&str>)> = vec![
            ("berth ls", BERTH, vec!["--config", self.config, "ls"]),
            ("berth ports --json", BERTH, vec!["--config", self.config, "ports", "--json"]),
        ];
        let peers = peers::COMMANDS.into_iter().filter(|(_, program, _)| peers::is_there(program));
        commands.extend(peers.map(|(name, program, arguments)| (name, program, arguments.to_vec())));
        println!("\n{:<32}{:>12}{:>12}{:>12}", "whole process", "median ms", "least", "most");
        let walls = walls(&commands, &self.environment, self.options.runs);
        for (name, [least, median, most]) in &walls {
            println!("{name:<32}{median:>12.1}{least:>12.1}{most:>12.1}");
        }
        let peers: Vec<(&'static str, f64)> = walls.iter().map(|(name, [_, median, _])| (*name, *median)).collect();
        let median = |wanted: &str| peers.iter().find(|(name, _)| name.starts_with(wanted)).map(|(_, median)| *median);

        let mut table = Table::default();
        let console = &screens[0];
        table.at_most("console, CPU of one core", console.cpu_percent, 1.2, "%");
        table.at_most("the same asking each server every 10 s, CPU more", screens[1].cpu_percent - screens[2].cpu_percent, 1.0, "%");
        if let Some(htop) = screens.iter().find(|screen| screen.name == "htop") {
            table.at_most("console, CPU against half of htop's", console.cpu_percent, htop.cpu_percent / 2.0, "%");
        }
        table.at_most("first complete frame", console.first_frame.as_secs_f64() * 1000.0, 100.0, "ms");
        table.at_most("bytes to the terminal a second, idle fleet", console.bytes_per_second, 800.0, "B");
        table.at_most("RSS of the console", console.resident as f64 / 1e6, 20.0, "MB");
        let ports = median("berth ports").unwrap();
        if let Some(ss) = median("ss ") {
            table.at_most("berth ports --json, whole process, against ss -tlnp", ports, ss, "ms");
        }
        Round { console: console.cpu_percent, ports, peers, table }
    }

    /// What needs instances of berth's own: starting them, and how soon the console shows what happens to them.
    fn acting(&self, directory: &Path, table: &mut Table) {
        let spare: Vec<u16> = (self.load.last() + 1..=self.load.last_spare()).collect();
        let foreign = {
            let mut terminal = self.console();
            let foreign = delays::foreign_listeners(&mut terminal, &spare, self.options.times);
            self.typing(&mut terminal, directory, table);
            foreign
        };
        table.at_most("foreign listen() to the flagged row, p99", delays::p99(foreign), 150.0, "ms");
        let starting = starting::start(BERTH, self.config, &self.environment, &spare);
        let name = format!("start of {}, whole command, against twice the slowest tenth", spare.len());
        table.at_most(&name, starting.wall, 2.0 * starting.slowest_tenth, "ms");
        let deaths = delays::deaths(&mut self.console(), &starting.servers[..self.options.times.min(starting.servers.len())]);
        table.at_most("death to crashed on the screen, p99", delays::p99(deaths), 100.0, "ms");
        starting::stop(BERTH, self.config, &self.environment, &spare);
    }

    /// Keys in the table, and in a log beside it that grows by 100 MB/s.
    fn typing(&self, terminal: &mut Terminal, directory: &Path, table: &mut Table) {
        let (rows, times) = (self.load.count(), self.options.times * 2);
        delays::filter(terminal, "");
        let keys = delays::keys(terminal, times);
        table.at_most(&format!("key to changed frame, {rows} rows, p99"), delays::p99(keys), 16.0, "ms");
        let owner = hosts::owner(self.load.first());
        delays::filter(terminal, &owner);
        delays::filter(terminal, "");
        let log = directory.join("mcp-server/users").join(&owner).join("logs/server.log");
        // The detail lies between the table and the log.
        terminal.keys("\t\t");
        let (mut floor, mut delays) = (None, None);
        let ((), written) = storm::during(&log, || {
            keys::wait("the storm", || terminal.text().contains("dropped"));
            delays = Some(keys::wrapping(terminal, |_, count| count < times));
            floor = Some(keys::through_cat(times));
        });
        std::fs::write(&log, "").unwrap();
        for (what, delays) in [("", delays.unwrap()), (" through cat", floor.unwrap())] {
            let name = format!("the same{what} in a storm of {:.0} MB/s, p99 (median {:.1})", written.rate, delays.percent(50));
            table.at_most(&name, delays.percent(99), 16.0, "ms");
        }
    }

    /// A console with its first frame.
    fn console(&self) -> Terminal {
        let terminal = Terminal::start(200, 50, BERTH, &["--config", self.config], &self.environment);
        terminal.until("the first frame", Duration::from_secs(60), |text| self.ports_in(text) >= 10);
        terminal
    }

    /// What was timed must also be right.
    fn check_ports(&self) {
        let output = measure::command(BERTH, &["--config", self.config, "ports", "--json"], &self.environment).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let ports: HashSet<u64> = document["ports"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|port| port["pid"].is_number() && port["state"] == "listening")
            .filter_map(|port| port["port"].as_u64())
            .collect();
        let missing = (self.load.first()..=self.load.last()).filter(|port| !ports.contains(&u64::from(*port))).count();
        assert_eq!(missing, 0, "{missing} of {} listeners are not in `berth ports --json`", self.load.count());
    }

    /// How many of the load's ports stand on a screen.
    fn ports_in(&self, text: &str) -> usize {
        let numbers = text.split(|character: char| !character.is_ascii_digit()).filter_map(|word| word.parse::<u16>().ok());
        numbers.filter(|number| (self.load.first()..=self.load.last()).contains(number)).collect::<HashSet<_>>().len()
    }
}

fn print_screens(screens: &[Screen]) {
    println!("\n{:<10}{:>12}{:>12}{:>18}{:>12}{:>18}", "screen", "CPU % core", "RSS MB", "with helpers MB", "bytes/s", "first frame ms");
    for screen in screens {
        let megabytes = |bytes: u64| bytes as f64 / 1_000_000.0;
        println!(
            "{:<10}{:>12.2}{:>12.1}{:>18.1}{:>12.0}{:>18.0}",
            screen.name,
            screen.cpu_percent,
            megabytes(screen.resident),
            megabytes(screen.resident_with_helpers),
            screen.bytes_per_second,
            screen.first_frame.as_secs_f64() * 1000.0
        );
    }
}
