//! More than anybody types: a paste of ten megabytes, keys as fast as a terminal takes them. Nothing of it is kept for later.

use super::pty::{ROLE, arguments, program};
use super::terminal::Terminal;

/// How long anything may take on a busy machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(240);

/// What the console may need beyond what it had, bytes: the paste itself while it is read, and once more as a text.
const PASTE: u64 = 96 << 20;

/// What it may need for 280,000 keys, bytes: had each that opens a log kept its task until its turn, it would be 80 MiB.
const KEYS: u64 = 8 << 20;

/// A console that keeps what is chosen below a folder.
fn console(state: &tempfile::TempDir) -> Terminal {
    let environment = [(ROLE, "shows"), ("XDG_STATE_HOME", state.path().to_str().unwrap())];
    let terminal = Terminal::start(80, 24, &program(), &arguments(), &environment);
    terminal.until("the fleet", PATIENCE, |text| text.contains("alice") && text.contains("following"));
    terminal
}

/// The most memory that it ever had, bytes (proc_pid_status(5)).
fn most_memory(terminal: &Terminal) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", terminal.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}

#[test]
fn f04_a_paste_of_ten_megabytes_is_a_line_of_input() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = console(&state);
    let before = most_memory(&terminal);
    let line = "bob ".repeat(2_500_000) + "\nq\nq\nSy\n";
    // Where nothing can be typed it is refused, and where something can it is one line, cut.
    for (opens, told) in [("", "pasted text is not taken for keys"), ("/", "bob bob bob")] {
        terminal.keys(opens);
        terminal.keys(&format!("\u{1b}[200~{line}\u{1b}[201~"));
        terminal.until(told, PATIENCE, |text| text.contains(told));
    }
    terminal.keys("\r?");
    terminal.until("an answer to the next key", PATIENCE, |text| text.contains("┌ Keys"));
    let grown = most_memory(&terminal).saturating_sub(before);
    assert!(grown < PASTE, "{} MiB more than before", grown >> 20);
    terminal.keys("qq");
    assert_eq!(terminal.end(PATIENCE), 0);
    terminal.until("the last words", PATIENCE, |text| text.contains("left"));
    assert!(!terminal.text().contains("order:"), "{}", terminal.text());
}

#[test]
fn f13_a_flood_of_keys_is_taken_as_it_comes() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = console(&state);
    terminal.keys(&"jkeett41".repeat(200));
    let before = most_memory(&terminal);
    // The terminal holds some thousand; the rest was taken before this returns. `j` opens a log, `t` has a file written, `4` one read.
    terminal.keys(&"jkeett41".repeat(35_000));
    let grown = most_memory(&terminal).saturating_sub(before);
    assert!(grown < KEYS, "{} MiB more than before", grown >> 20);
    terminal.keys("q");
    assert_eq!(terminal.end(PATIENCE), 0);
    terminal.until("the first screen", PATIENCE, |_| !terminal.is_alternate() && terminal.has_cursor());
}
