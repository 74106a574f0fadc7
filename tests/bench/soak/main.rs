//! The console for a long time on a host where everything goes wrong: kills, restarts, conflicts, log storms and resizes from a seed.
//!
//! `cargo bench --bench soak -- [--minutes N] [--instances N] [--seed N] [--smoke]`, as root: the servers have an account of their own.
//! Prints what the console holds over time, and fails where descriptors, threads or children leaked, or, in a run of twenty minutes or
//! more, memory grew. It must never leave a process or a file behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot be taken has nothing better to do than to say so")]

mod chaos;
#[path = "../fleet/hosts.rs"]
mod hosts;
#[allow(dead_code, reason = "shared by benches that need different parts of it")]
#[path = "../fleet/load.rs"]
mod load;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../measure.rs"]
mod measure;
mod options;
mod random;
mod reading;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../fleet/starting.rs"]
mod starting;

#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../../support/terminal.rs"]
mod terminal;

use std::path::Path;
use std::time::{Duration, Instant};

use chaos::{Chaos, Done};
use load::Load;
use options::Options;
use reading::Reading;
use terminal::Terminal;

/// The program that is soaked; another one may be named by `BERTH_BENCH_PROGRAM`.
const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long what seems to have leaked may take to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// The memory of the last stretch may be this much of that of the first one.
const GROWTH: f64 = 1.05;

/// How long the stretches are that are compared at the ends of a run: a sixth of it, ten minutes of an hour.
const STRETCH: u32 = 6;

fn main() {
    if hidden() {
        return;
    }
    assert!(nix::unistd::geteuid().is_root(), "this needs root: its servers run as {}", hosts::ACCOUNT);
    let options = Options::read();
    let berth = std::env::var("BERTH_BENCH_PROGRAM").unwrap_or_else(|_| BERTH.to_owned());
    // A few that ran before berth came, and are left alone. Before any thread: it forks.
    let ran_before = options.instances / 20 + 1;
    let load = Load::start(ran_before, options.instances - ran_before, hosts::ACCOUNT);
    let directory = tempfile::tempdir().unwrap();
    let server = hosts::make_room(directory.path());
    let config = hosts::lay_out(directory.path(), &load, &server);
    restart_on_failure(&config);
    let home = directory.path().to_str().unwrap().to_owned();
    let state = directory.path().join("state").display().to_string();
    let environment = [("HOME", home.as_str()), ("XDG_CONFIG_HOME", home.as_str()), ("BERTH_STATE", state.as_str())];
    let config = config.to_str().unwrap();
    let ports: Vec<u16> = (load.last() + 1..=load.last_spare()).collect();
    // Also of those that ran before: what is typed in the console may have been a restart of one.
    let all: Vec<u16> = (load.first()..=load.last_spare()).collect();

    println!("{} instances, {} s, --seed {}", options.instances, options.length.as_secs(), options.seed);
    let mut chaos = Chaos::new(&berth, config, &environment, directory.path(), ports, options.seed);
    let guard = Guard(&server);
    let failures = soak(&options, &mut chaos);
    let left = stop(&chaos, &all);
    drop(guard);
    drop(load);
    assert!(left.is_empty(), "still there after the stop: {left:?}");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    println!("nothing leaked, nothing left");
}

/// The other life of this program: a server that berth starts.
fn hidden() -> bool {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve", port] => load::serve(port.parse().unwrap()),
        _ => false,
    }
}

/// Here servers come up again by themselves.
fn restart_on_failure(config: &Path) {
    let text = std::fs::read_to_string(config).unwrap();
    let changed = text.replace("restart = \"no\"", "restart = \"on-failure\"");
    assert_ne!(text, changed);
    std::fs::write(config, changed).unwrap();
}

/// Ends every server of ours that is still there, however the run ends.
struct Guard<'a>(&'a Path);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let state = self.0.with_file_name("state");
        let is_server = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program == self.0);
        // A keeper that waits before its next try is known by the record that it writes, its first descriptor beyond the standard ones.
        let is_keeper = |pid: i32| {
            let record = std::fs::read_link(format!("/proc/{pid}/fd/4"));
            chaos::is_keeper(pid) && record.is_ok_and(|record| record.starts_with(&state))
        };
        let is_ours = |pid: i32| is_server(pid) || is_keeper(pid);
        // A keeper starts its server again until it is told not to; then nobody does.
        for _ in 0..20 {
            let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
            let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
            if pids.filter(|pid| chaos::end(*pid, || is_ours(*pid))).count() == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// The run: all that is wrong with it in the end.
fn soak(options: &Options, chaos: &mut Chaos<'_>) -> Vec<String> {
    starting::start(chaos.berth, chaos.config, chaos.environment, &chaos.ports);
    let mut terminal = Terminal::start(140, 45, chaos.berth, &["--config", chaos.config], chaos.environment);
    let some = hosts::owner(chaos.ports[0] - 1);
    terminal.until("the first frame", Duration::from_secs(60), |text| text.contains(&some));
    let before = settled(chaos, &mut terminal);
    let kinds = reading::kinds(terminal.pid());

    heading();
    line("before", &[before], chaos.done);
    let begin = Instant::now();
    let mut all: Vec<(Duration, Reading)> = Vec::new();
    let (mut stretch, mut minute) = (Vec::new(), 1);
    let mut next_look = begin;
    while begin.elapsed() < options.length {
        chaos.happen(&mut terminal);
        if Instant::now() >= next_look {
            next_look += LOOK;
            let Some(reading) = Reading::of(terminal.pid()) else {
                return vec![format!("the console ended after {} s:\n{}", begin.elapsed().as_secs(), terminal.text())];
            };
            all.push((begin.elapsed(), reading));
            stretch.push(reading);
        }
        if begin.elapsed() >= options.line * minute && !stretch.is_empty() {
            line(&format!("{:.1} min", begin.elapsed().as_secs_f64() / 60.0), &stretch, chaos.done);
            stretch.clear();
            minute += 1;
        }
        std::thread::sleep(Duration::from_millis(100 + chaos.random.below(150)));
    }

    chaos.calm(&mut terminal);
    let mut after = settled(chaos, &mut terminal);
    // What is only late goes by itself: threads that wait for work, a hand that ends. What leaked stays.
    let patience = Instant::now();
    while !leaks(before, after, &kinds, terminal.pid()).is_empty() && patience.elapsed() < PATIENCE {
        std::thread::sleep(LOOK);
        after = Reading::of(terminal.pid()).unwrap_or(after);
    }
    line("after", &[after], chaos.done);
    let mut failures = leaks(before, after, &kinds, terminal.pid());
    failures.extend(grown(options, &all));
    if chaos.done.errors > 0 {
        failures.push(format!("{} orders ended neither well nor refused", chaos.done.errors));
    }
    failures.extend(leave(&mut terminal));
    failures
}

/// Every instance runs again, and the console has nothing more to do: what it holds then is what it needs.
fn settled(chaos: &mut Chaos<'_>, terminal: &mut Terminal) -> Reading {
    let begin = Instant::now();
    let mut ids: Vec<String> = chaos.ports.iter().map(|port| hosts::owner(*port)).collect();
    ids.sort();
    loop {
        let mut words = vec!["--config", chaos.config, "start"];
        words.extend(ids.iter().map(String::as_str));
        let output = measure::command(chaos.berth, &words, chaos.environment).output().unwrap();
        let odd = chaos.odd();
        if output.status.success() && odd.is_empty() {
            break;
        }
        let told =
            || [&output.stdout[..], &output.stderr[..]].concat().split(|byte| *byte == b'\n').filter_map(about(&odd)).collect::<String>();
        assert!(begin.elapsed() < Duration::from_secs(180), "not every one has one server and one keeper: {odd:?}\n{}", told());
        std::thread::sleep(Duration::from_secs(1));
    }
    // What acts looks with eyes of its own from the first order on, knows a process whole from its second look on, and lets go of those
    // that ended when it looks the next time.
    chaos.home(terminal);
    // Every tab and a log, since what they need is opened with the first look at them.
    for key in ["2", "3", "4", "5", "1", "l", "\x1b"] {
        terminal.keys(key);
        std::thread::sleep(Duration::from_millis(200));
    }
    for port in chaos.ports.iter().cycle().take(3) {
        chaos.press(terminal, *port, "r");
        std::thread::sleep(Duration::from_secs(2));
    }
    chaos.home(terminal);
    // The same one is chosen each time: its log is open.
    for keys in ["/", &hosts::owner(chaos.ports[0]), "\r"] {
        terminal.keys(keys);
        std::thread::sleep(Duration::from_millis(100));
    }
    // Until it holds the same for some seconds: what is looked at seldom is let go of seldom.
    let mut last = Reading::default();
    let mut same = 0;
    loop {
        std::thread::sleep(LOOK);
        let Some(reading) = Reading::of(terminal.pid()) else { panic!("the console is gone:\n{}", terminal.text()) };
        let holds = |reading: Reading| (reading.descriptors, reading.threads, reading.children, reading.zombies);
        same = if holds(reading) == holds(last) { same + 1 } else { 0 };
        last = reading;
        if same >= 5 || begin.elapsed() > Duration::from_secs(240) {
            return reading;
        }
    }
}

/// What was said of these ports' instances.
fn about(odd: &[chaos::Odd]) -> impl Fn(&[u8]) -> Option<String> {
    move |line| {
        let line = String::from_utf8_lossy(line);
        odd.iter().any(|odd| line.contains(&hosts::owner(odd.port))).then(|| format!("{line}\n"))
    }
}

fn leaks(before: Reading, after: Reading, kinds: &[(String, usize)], pid: i32) -> Vec<String> {
    let mut failures = Vec::new();
    let counts = [
        ("descriptors", before.descriptors, after.descriptors),
        ("threads", before.threads, after.threads),
        ("children", before.children, after.children),
        ("zombies", 0, after.zombies),
    ];
    for (what, before, after) in counts.into_iter().filter(|(_, before, after)| after > before) {
        failures.push(format!("{what} leaked: {before} before, {after} after"));
    }
    if after.descriptors > before.descriptors {
        for (kind, count) in reading::kinds(pid) {
            let had = kinds.iter().find(|(known, _)| *known == kind).map_or(0, |(_, count)| *count);
            if count > had {
                failures.push(format!("  {had} -> {count} {kind}"));
            }
        }
    }
    failures
}

/// Whether memory grew from the first stretch to the last.
fn grown(options: &Options, all: &[(Duration, Reading)]) -> Option<String> {
    let stretch = options.length / STRETCH;
    let mean = |from: Duration, to: Duration| {
        let of: Vec<f64> = all.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, reading)| reading.resident as f64 / 1e6).collect();
        of.iter().sum::<f64>() / of.len().max(1) as f64
    };
    let (first, last) = (mean(Duration::ZERO, stretch), mean(options.length - stretch, Duration::MAX));
    let seconds = stretch.as_secs();
    println!("\nRSS of the console: first {seconds} s {first:.2} MB, last {seconds} s {last:.2} MB, ratio {:.3}", last / first);
    let is_long = options.length >= Duration::from_secs(20 * 60);
    (is_long && last > first * GROWTH).then(|| format!("memory grew from {first:.2} to {last:.2} MB"))
}

/// Quits; the console ends by itself and well.
fn leave(terminal: &mut Terminal) -> Option<String> {
    terminal.keys("\x03");
    let code = terminal.end(Duration::from_secs(20));
    (code != 0).then(|| format!("the console ended with {code}"))
}

/// Stops what was started; what is still there then.
fn stop(chaos: &Chaos<'_>, ports: &[u16]) -> Vec<u16> {
    let mut left = Vec::new();
    for _ in 0..5 {
        starting::stop(chaos.berth, chaos.config, chaos.environment, ports);
        left = chaos.servers().iter().map(|server| server.port).collect();
        if left.is_empty() {
            break;
        }
    }
    left
}

fn heading() {
    let words = [
        "RSS MB", "of all", "descr.", "threads", "children", "zombies", "kills", "orders", "confl.", "klines", "resizes", "refused",
        "errors",
    ];
    print!("\n{:<9}", "");
    words.iter().for_each(|word| print!("{word:>9}"));
    println!();
}

/// A line: memory as the mean of the stretch, everything else the most of it.
fn line(name: &str, stretch: &[Reading], done: Done) {
    let mean = |of: fn(&Reading) -> u64| stretch.iter().map(of).sum::<u64>() as f64 / stretch.len() as f64 / 1e6;
    let most = |of: fn(&Reading) -> u64| stretch.iter().map(of).max().unwrap_or(0);
    print!("{name:<9}{:>9.2}{:>9.2}", mean(|reading| reading.resident), mean(|reading| reading.resident_of_all));
    let counts = [
        most(|reading| reading.descriptors),
        most(|reading| reading.threads),
        most(|reading| reading.children),
        most(|reading| reading.zombies),
    ];
    let happened = [done.kills, done.orders, done.conflicts, done.lines, done.resizes, done.refused, done.errors];
    counts.into_iter().chain(happened).for_each(|count| print!("{count:>9}"));
    println!();
}
