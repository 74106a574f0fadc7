//! Ten thousand accounts and a range of twenty thousand ports: how fast they are given their ports, listed, fenced, and scrolled through.
//!
//! `cargo bench --bench plan -- [--accounts N] [--times N] [--runs N] [--smoke]`, as root. Its accounts are only in a mount namespace of its own.
//! It must never touch the machine's own accounts, nor leave a file behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot be taken has nothing better to do than to say so")]

mod accounts;
#[allow(dead_code, reason = "shared by benches that need different parts of it")]
#[path = "../keys.rs"]
mod keys;
#[allow(dead_code, reason = "shared by benches that need different parts of it")]
#[path = "../measure.rs"]
mod measure;
#[path = "../fleet/table.rs"]
mod table;

#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../../support/terminal.rs"]
mod terminal;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use keys::Delays;
use serde_json::Value;
use table::Table;
use terminal::Terminal;

/// The program that is measured; another one may be named by `BERTH_BENCH_PROGRAM`.
const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// The range, below the ports that the kernel gives to outgoing connections.
const RANGE: (u16, u16) = (10_000, 29_999);

struct Options {
    accounts: usize,
    times: usize,
    runs: usize,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { accounts: 10_000, times: 200, runs: 9 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{word} wants a number"));
            match word.as_str() {
                "--accounts" => options.accounts = number(),
                "--times" => options.times = number(),
                "--runs" => options.runs = number(),
                "--smoke" => options = Self { accounts: 300, times: 10, runs: 3 },
                // Cargo's own.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}

/// What every measurement needs.
struct Bench<'a> {
    options: Options,
    program: &'a str,
    config: &'a str,
    environment: [(&'a str, &'a str); 3],
}

fn main() {
    let options = Options::read();
    let directory = tempfile::tempdir().unwrap();
    // Before any thread: the namespace is the process's.
    let names = accounts::make(directory.path(), options.accounts);
    let config = lay_out(directory.path());
    let list = directory.path().join("list");
    fs::write(&list, names.iter().map(|name| format!("{name}\n")).collect::<String>()).unwrap();
    let program = std::env::var("BERTH_BENCH_PROGRAM").unwrap_or_else(|_| BERTH.to_owned());
    let home = directory.path().to_str().unwrap();
    let state = directory.path().join("state").display().to_string();
    let environment = [("HOME", home), ("XDG_CONFIG_HOME", home), ("BERTH_STATE", state.as_str())];
    let bench = Bench { options, program: &program, config: &config, environment };
    let mut table = Table::default();
    bench.adding(list.to_str().unwrap(), &mut table);
    bench.listing(&names, &mut table);
    bench.scrolling(&mut table);
    table.print();
}

/// An empty base of root's, and the configuration over it.
fn lay_out(directory: &Path) -> String {
    let base = directory.join("mcp-server");
    fs::create_dir_all(base.join("users")).unwrap();
    let config = directory.join("berth.toml");
    let (base, (first, last)) = (base.display(), RANGE);
    let text = format!(
        "[ports]\nrange = \"{first}-{last}\"\n[layout]\nbase = \"{base}\"\n[template.default]\ncommand = [\"sleep\", \"1000\"]\n\
         [[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n"
    );
    fs::write(&config, text).unwrap();
    config.display().to_string()
}

impl Bench<'_> {
    /// Runs it to its end; milliseconds, and what it printed.
    fn run(&self, words: &[&str]) -> (f64, String) {
        let begin = Instant::now();
        let output = measure::command(self.program, &[&["--config", self.config], words].concat(), &self.environment).output().unwrap();
        let taken = begin.elapsed().as_secs_f64() * 1000.0;
        assert!(output.status.success(), "{words:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        (taken, String::from_utf8(output.stdout).unwrap())
    }

    /// All of them at once, with their files: then the same again, when there is nothing to be done.
    fn adding(&self, list: &str, table: &mut Table) {
        let count = self.options.accounts;
        let words = ["add", "--from", list, "--no-start"];
        for (what, more) in
            [("would be added (--dry-run)", Some("--dry-run")), ("added with their files", None), ("found to be there", None)]
        {
            let (taken, text) = self.run(&words.into_iter().chain(more).collect::<Vec<_>>());
            assert!(text.lines().last().is_some_and(|line| line.starts_with(&format!("{count} "))), "{text}");
            println!("{count} accounts {what}: {taken:.0} ms, {:.0} a second", count as f64 / taken * 1000.0);
            table.at_most(&format!("add --from --no-start, {count} {what}, each"), taken / count as f64, 1.0, "ms");
        }
    }

    /// Whole processes that tell of all of them.
    fn listing(&self, names: &[String], table: &mut Table) {
        let (_, text) = self.run(&["ports", "--json"]);
        let document: Value = serde_json::from_str(&text).unwrap();
        let ports = document["ports"].as_array().unwrap();
        let whose: HashSet<&str> = ports.iter().filter_map(|port| port["instance"].as_str()).collect();
        assert_eq!((ports.len(), whose.len()), (usize::from(RANGE.1 - RANGE.0) + 1, names.len()));
        for (words, budget) in
            [(vec!["ports", "--json"], Some(100.0)), (vec!["ports", "--plan", "registry"], None), (vec!["deploy", "nftables"], None)]
        {
            let mut times: Vec<f64> = (0..self.options.runs).map(|_| self.run(&words).0).collect();
            times.sort_by(f64::total_cmp);
            let (name, middle) = (format!("berth {}, whole process, {} instances", words.join(" "), names.len()), times[times.len() / 2]);
            match budget {
                Some(budget) => table.at_most(&name, middle, budget, "ms"),
                None => println!("{name}: {middle:.0} ms"),
            }
        }
    }

    /// The map of ports in the console: a cell, a line, a page, from one end to the other.
    fn scrolling(&self, table: &mut Table) {
        let mut terminal = Terminal::start(200, 50, self.program, &["--config", self.config], &self.environment);
        terminal.until("the first frame", keys::PATIENCE * 3, |text| text.contains("plan"));
        terminal.keys("2");
        terminal.until("the map", keys::PATIENCE, |text| cursor(text).is_some());
        let ways = [
            ("a cell", "\x1b[C", "\x1b[D", 10),
            ("a line", "j", "k", 10),
            ("a page", "\x1b[6~", "\x1b[5~", 4),
            ("the whole of it", "G", "g", 1),
        ];
        for (what, forth, back, stretch) in ways {
            let mut delays = Delays::default();
            terminal.keys("g");
            terminal.until("its beginning", keys::PATIENCE, |text| cursor(text) == Some(RANGE.0));
            for round in 0..self.options.times {
                let before = cursor(&terminal.text());
                // As far back as it went forth, and never to an end, where a key changes nothing: a page is some thousand ports.
                let key = if round / stretch % 2 == 0 { forth } else { back };
                delays.key(&mut terminal, key, |text| cursor(text).is_some_and(|port| Some(port) != before));
            }
            table.at_most(
                &format!("key to changed frame, {what} of the map, p99 (median {:.1})", delays.percent(50)),
                delays.percent(99),
                16.0,
                "ms",
            );
        }
        drop(terminal);
        let floor = keys::through_cat(self.options.times);
        table.at_most(&format!("the same through cat, p99 (median {:.1})", floor.percent(50)), floor.percent(99), 16.0, "ms");
    }
}

/// The port under the cursor: it is the title of what is told of it.
fn cursor(text: &str) -> Option<u16> {
    let title = |line: &str| line.strip_prefix(['─', '-'])?.split_whitespace().next()?.parse().ok();
    text.lines().find_map(title)
}
