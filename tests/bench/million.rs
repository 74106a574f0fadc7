//! A log of a million lines, and one line of 90,000 characters: read, scrolled, searched and sifted while each key is timed.
//!
//! It must never time a key before the one before it was answered.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::keys::{self, Delays, wrapping};
use crate::storm::line;
use crate::table::Table;
use crate::terminal::Terminal;

/// How many lines the log has.
pub const LINES: u64 = 1_000_000;

/// How often each key is timed.
const TIMES: usize = 60;

/// Writes the log: so many lines, the long one as the last but 2,000.
pub fn write(path: &Path, lines: u64) {
    let mut log = std::io::BufWriter::new(File::create(path).unwrap());
    let now = Timestamp::now();
    for number in 0..lines {
        log.write_all(line(number, now).as_bytes()).unwrap();
        if number + 2_000 == lines {
            let long: String = (0..15_000).map(|word| format!("{word:05} ")).collect();
            writeln!(log, "{now:.3} WARN  long {long}").unwrap();
        }
    }
    log.flush().unwrap();
}

/// All that is timed on it. The log is shown large already.
pub fn measure(terminal: &mut Terminal, lines: u64, table: &mut Table) {
    let first = "line 000000000000 ".to_owned();
    let last = format!("line {:012} ", lines - 1);
    // What is older is read because somebody goes there.
    terminal.keys("g");
    let mut answered = 0;
    let reading = wrapping(terminal, |terminal, count| {
        answered = count;
        count < TIMES / 4 || terminal.text().contains("reading older lines")
    });
    tell(table, &format!("while {lines} lines are being read"), &reading);
    terminal.until("the oldest line", keys::PATIENCE, |text| text.contains(&first));
    let mut scrolling = Delays::default();
    for _ in 0..TIMES / 2 {
        scrolling.key(terminal, "G", |text| text.contains(&last));
        for key in ["\x1b[5~", "\x1b[5~", "k", "\x1b[6~"] {
            changing(&mut scrolling, terminal, key);
        }
        scrolling.key(terminal, "g", |text| text.contains(&first));
    }
    tell(table, "G, g, page up and down in them", &scrolling);
    terminal.keys("/");
    terminal.keys("line 0000[0-9]*77 ");
    terminal.keys("\r");
    let searching = wrapping(terminal, |terminal, count| count < TIMES / 4 || terminal.text().contains("searching"));
    tell(table, "while they are searched", &searching);
    let mut matches = Delays::default();
    for number in 0..TIMES * 2 {
        changing(&mut matches, terminal, if number % 3 == 2 { "N" } else { "n" });
    }
    tell(table, "n and N", &matches);
    escape(terminal);
    terminal.keys("&");
    terminal.keys("line 0000[0-9]*5 ");
    terminal.keys("\r");
    let sifting = wrapping(terminal, |terminal, count| count < TIMES / 4 || terminal.text().contains("filtering"));
    tell(table, "while they are sifted by &", &sifting);
    let mut sifted = Delays::default();
    for number in 0..TIMES * 2 {
        changing(&mut sifted, terminal, ["G", "\x1b[5~", "\x1b[5~", "g", "\x1b[6~"][number % 5]);
    }
    tell(table, "G, g, page up and down in what & leaves", &sifted);
    // The long line, wrapped: it is higher than the screen.
    escape(terminal);
    terminal.keys("/");
    terminal.keys("WARN  long");
    terminal.keys("\r");
    terminal.until("the long line", keys::PATIENCE, |text| text.contains("WARN  long") && !text.contains("searching"));
    let mut long = wrapping(terminal, |terminal, count| count < TIMES / 2 || !terminal.text().contains("wrapped"));
    for number in 0..TIMES {
        changing(&mut long, terminal, if number % 12 < 6 { "\x1b[5~" } else { "\x1b[6~" });
    }
    tell(table, "a line of 90,000 characters wrapped and scrolled", &long);
}

/// One step back. A key that follows at once would be taken for one with Alt.
fn escape(terminal: &mut Terminal) {
    terminal.keys("\x1b");
    std::thread::sleep(Duration::from_millis(300));
}

/// A key after which the lines, or what the title says of them, are others. Nothing is written to the log.
fn changing(delays: &mut Delays, terminal: &mut Terminal, key: &str) {
    let lines = |text: &str| text.lines().skip(2).collect::<Vec<_>>().join("\n");
    // What the key before it changes is drawn by then.
    std::thread::sleep(Duration::from_millis(20));
    let before = lines(&terminal.text());
    delays.key(terminal, key, |text| lines(text) != before);
}

fn tell(table: &mut Table, what: &str, delays: &Delays) {
    let name = format!("key p99, {what} ({} keys, median {:.1})", delays.count(), delays.percent(50));
    println!("{name}: {:.1} ms", delays.percent(99));
    table.at_most(&name, delays.percent(99), 16.0, "ms");
}
