//! The console and the command line on many listeners, beside the programs that people use today, in one run.
//!
//! `cargo bench --bench fleet -- [--instances N] [--seconds S] [--bare] [--smoke]`: figures of different runs are not to be compared.
//! It must never leave a process or a file behind: the load dies with it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot be taken has nothing better to do than to say so")]

mod load;
mod measure;

#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../support/terminal.rs"]
mod terminal;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use load::Load;
use measure::{Screen, on_a_screen, walls};

/// The program that is measured, built as it is released.
const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// How many runs the times of whole processes are the middle of.
const RUNS: usize = 9;

struct Options {
    instances: u16,
    seconds: u64,
    /// Only listeners, no configurations for them.
    bare: bool,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { instances: 1000, seconds: 10, bare: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse::<u16>().ok()).unwrap_or_else(|| panic!("{word} wants a number"));
            match word.as_str() {
                "--instances" => options.instances = number(),
                "--seconds" => options.seconds = number().into(),
                "--bare" => options.bare = true,
                "--smoke" => (options.instances, options.seconds) = (50, 2),
                // Cargo's own.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}

fn main() {
    let options = Options::read();
    // Before any thread: it forks.
    let load = Load::start(options.instances);
    let directory = tempfile::tempdir().unwrap();
    let config = lay_out(directory.path(), &load, options.bare);
    let config = config.to_str().unwrap();
    let home = directory.path().to_str().unwrap().to_owned();
    let state = directory.path().join("state").display().to_string();
    let environment = [("HOME", home.as_str()), ("XDG_CONFIG_HOME", home.as_str()), ("BERTH_STATE", state.as_str())];

    let kind = if options.bare { "bare listeners" } else { "configured instances" };
    println!("{} {kind} on 127.0.0.1:{}-{}, 200x50, {} s each", load.count(), load.first(), load.last(), options.seconds);
    let measured = Duration::from_secs(options.seconds);
    let rows = |text: &str| ports_in(text, &load) >= 10;
    let mut screens = vec![on_a_screen("berth", BERTH, &["--config", config], &environment, measured, rows)];
    // A tenth of a second is htop's unit: once a second, as berth.
    screens.extend(there("htop").then(|| on_a_screen("htop", "htop", &["-d", "10"], &environment, measured, |text| text.contains("PID"))));
    print_screens(&screens);

    let mut commands: Vec<(&str, &str, Vec<&str>)> = vec![
        ("berth ls", BERTH, vec!["--config", config, "ls"]),
        ("berth ports --json", BERTH, vec!["--config", config, "ports", "--json"]),
    ];
    if there("ss") {
        commands.push(("ss -tlnp", "ss", vec!["-tlnp"]));
    }
    println!("\n{:<22}{:>12}{:>12}{:>12}", "whole process", "median ms", "least", "most");
    for (name, [least, median, most]) in walls(&commands, &environment, RUNS) {
        println!("{name:<22}{median:>12.1}{least:>12.1}{most:>12.1}");
    }
    check_ports(config, &environment, &load);
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
    for name in ["htop", "ss"].into_iter().filter(|name| !there(name)) {
        println!("{name} is not installed: nothing to compare with");
    }
}

/// What was timed must also be right.
fn check_ports(config: &str, environment: &[(&str, &str)], load: &Load) {
    let output = measure::command(BERTH, &["--config", config, "ports", "--json"], environment).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ports: HashSet<u64> = document["ports"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|port| port["pid"].is_number())
        .filter_map(|port| port["port"].as_u64())
        .collect();
    let missing = (load.first()..=load.last()).filter(|port| !ports.contains(&u64::from(*port))).count();
    assert_eq!(missing, 0, "{missing} of {} listeners are not in `berth ports --json`", load.count());
}

/// How many of the load's ports stand on a screen.
fn ports_in(text: &str, load: &Load) -> usize {
    let numbers = text.split(|character: char| !character.is_ascii_digit()).filter_map(|word| word.parse::<u16>().ok());
    numbers.filter(|number| (load.first()..=load.last()).contains(number)).collect::<HashSet<_>>().len()
}

/// The tree of the guide with one owner a listener, and a configuration over it.
fn lay_out(directory: &Path, load: &Load, bare: bool) -> std::path::PathBuf {
    let base = directory.join("mcp-server");
    if !bare {
        for (port, pid) in load.listeners() {
            let tree = base.join(format!("users/user-{port}"));
            fs::create_dir_all(tree.join("config")).unwrap();
            fs::write(tree.join("config/config.json"), format!("{{\"port\": {port}, \"host\": \"127.0.0.1\"}}\n")).unwrap();
            fs::write(tree.join("server.pid"), format!("{pid}\n")).unwrap();
        }
    }
    let config = directory.join("berth.toml");
    let (base, first, last) = (base.display(), load.first(), load.last());
    let text = format!(
        "[ports]\nrange = \"{first}-{last}\"\n[layout]\nbase = \"{base}\"\n[[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n"
    );
    fs::write(&config, text).unwrap();
    config
}

fn there(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
