//! `berth logs` as a whole: older files, moments, patterns, several logs as one, colours, following through rotations.
//!
//! It must never need a server: a log is a file.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use jiff::{Timestamp, ToSpan};

const BERTH: &str = env!("CARGO_BIN_EXE_berth");

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(owners: &[&str]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for owner in owners {
            fs::create_dir_all(tree.path().join("users").join(owner).join("config")).unwrap();
            fs::create_dir_all(tree.log(owner).parent().unwrap()).unwrap();
            fs::write(tree.path().join("users").join(owner).join("config/config.json"), "{\"port\": 8199}").unwrap();
        }
        let (base, uid) = (tree.path().display(), nix::unistd::geteuid());
        let text = format!(
            "[layout]\nbase = \"{base}\"\n[template.default]\nrun_as = \"{uid}\"\n[[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n"
        );
        fs::write(tree.path().join("berth.toml"), text).unwrap();
        tree
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn log(&self, owner: &str) -> PathBuf {
        self.path().join("users").join(owner).join("logs/server.log")
    }

    fn write(&self, owner: &str, suffix: &str, text: &str) {
        fs::write(format!("{}{suffix}", self.log(owner).display()), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BERTH);
        command.arg("--config").arg(self.path().join("berth.toml")).arg("logs").args(words);
        command.env("BERTH_STATE", self.path().join("state")).env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    fn told(&self, words: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        assert!(status.success(), "{words:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }
}

/// A line of so many minutes ago.
fn ago(minutes: i64, text: &str) -> String {
    format!("{:.3} {text}\n", Timestamp::now() - minutes.minutes())
}

fn words(told: &str) -> Vec<&str> {
    told.lines().map(|line| line.rsplit(' ').next().unwrap()).collect()
}

#[test]
fn a_moment_a_pattern_and_older_files() {
    let tree = Tree::new(&["zoe"]);
    tree.write("zoe", ".1", &[ago(90, "a"), ago(70, "b")].concat());
    tree.write("zoe", "", &[ago(50, "c"), "  at x\n".to_owned(), ago(5, "ERROR d"), ago(1, "e")].concat());
    assert_eq!(words(&tree.told(&["zoe"])), ["a", "b", "c", "x", "d", "e"]);
    assert_eq!(words(&tree.told(&["zoe", "-n", "2"])), ["d", "e"]);
    assert_eq!(words(&tree.told(&["zoe", "--since", "1h"])), ["c", "x", "d", "e"]);
    assert_eq!(words(&tree.told(&["zoe", "--since", "80m", "-n", "5"])), ["b", "c", "x", "d", "e"]);
    assert_eq!(words(&tree.told(&["zoe", "--grep", "error|at x"])), ["x", "d"]);
    assert_eq!(words(&tree.told(&["zoe", "--grep", "[a-c]$", "-n", "2"])), ["b", "c"]);
    let refused = tree.command(&["zoe", "-p"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not running"), "{refused:?}");
}

#[test]
fn several_logs_are_one_by_time() {
    let tree = Tree::new(&["yan", "zoe"]);
    tree.write("zoe", "", &[ago(9, "1"), ago(7, "3"), "trace 4\n".to_owned(), ago(1, "6")].concat());
    tree.write("yan", "", &[ago(8, "2"), ago(5, "5")].concat());
    let told = tree.told(&["zoe", "yan"]);
    assert_eq!(words(&told), ["1", "2", "3", "4", "5", "6"]);
    assert!(told.starts_with("zoe | ") && told.contains("\nyan | "), "{told}");
    let document: serde_json::Value = serde_json::from_str(&tree.told(&["zoe", "yan", "--json"])).unwrap();
    let lines = document["lines"].as_array().unwrap();
    assert_eq!((&document["schema"], lines.len(), &lines[4]["id"]), (&1.into(), 6, &"yan".into()));
    assert!(lines.windows(2).all(|two| two[0]["at"].as_str() <= two[1]["at"].as_str()), "{document:#}");
}

#[test]
fn only_berths_own_sequences_reach_a_terminal() {
    let tree = Tree::new(&["zoe"]);
    tree.write("zoe", "", "\u{1b}[1;31mred\u{1b}[0m \u{1b}]52;c;eA==\u{7}\u{1b}[2J\u{1b}[8mhidden\u{9b}5m\r\u{202e}\n");
    assert_eq!(tree.told(&["zoe"]), "red ␛]52;c;eA==␇␛[2Jhidden\u{fffd}5m␍\u{fffd}\n");
    let painted = tree.told(&["zoe", "--color", "always"]);
    assert_eq!(painted, "\u{1b}[1;31mred\u{1b}[0m ␛]52;c;eA==␇␛[2Jhidden\u{fffd}5m␍\u{fffd}\n");
}

#[test]
fn following_goes_through_rotations_and_waits_for_whole_lines() {
    let tree = Tree::new(&["zoe"]);
    tree.write("zoe", "", "line 0\n");
    let mut child = tree.command(&["zoe", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "line 0");
    let log = tree.log("zoe");
    for number in 1..=30 {
        let mut file = OpenOptions::new().append(true).create(true).open(&log).unwrap();
        file.write_all(b"li").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(10));
        file.write_all(format!("ne {number}\n").as_bytes()).unwrap();
        if number % 3 == 0 {
            let name = |number: u32| format!("{}.{number}", log.display());
            for number in (1..9).rev() {
                let _ = fs::rename(name(number), name(number + 1));
            }
            fs::rename(&log, name(1)).unwrap();
        }
    }
    let mut seen = Vec::new();
    while seen.last().map(String::as_str) != Some("line 30") {
        seen.push(lines.next().unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let numbers: Vec<_> = seen.iter().filter(|line| line.starts_with("line")).cloned().collect();
    assert_eq!(numbers, (1..=30).map(|number| format!("line {number}")).collect::<Vec<_>>(), "{seen:?}");
}

#[test]
fn a_growing_log_is_searched_narrowed_and_saved_on_the_screen() {
    use std::time::Duration;

    use super::terminal::Terminal;

    const PATIENCE: Duration = Duration::from_secs(60);
    let tree = Tree::new(&["zoe"]);
    let many: String = (0..30_000).map(|number| format!("line {number}\n")).collect();
    tree.write("zoe", "", &many);
    let (config, home) = (tree.path().join("berth.toml").display().to_string(), tree.path().display().to_string());
    let state = tree.path().join("state").display().to_string();
    let environment = [("HOME", home.as_str()), ("BERTH_STATE", state.as_str()), ("PAGER", "head -n 1"), ("TZ", "UTC")];
    let mut terminal = Terminal::start(120, 30, BERTH, &["--config", &config], &environment);
    terminal.until("the fleet", PATIENCE, |text| text.contains("zoe"));
    terminal.keys("l");
    terminal.until("the log", PATIENCE, |text| text.contains("line 29999"));
    let append = |text: &str| OpenOptions::new().append(true).open(tree.log("zoe")).unwrap().write_all(text.as_bytes()).unwrap();
    append("ERROR it grows\n");
    terminal.until("what was written", PATIENCE, |text| text.contains("ERROR it grows"));
    // Far before what was kept at first.
    terminal.keys("/");
    terminal.until("the prompt", PATIENCE, |text| text.contains("Enter search"));
    terminal.keys("line 77$\r");
    terminal.until("the line", PATIENCE, |text| text.contains("line 77 ") || text.contains("line 77\n"));
    terminal.until("its place among all", PATIENCE, |text| text.contains("/ line 77$ 1/1"));
    append("ERROR again\n");
    terminal.until("what came meanwhile", PATIENCE, |text| text.contains("1 new error"));
    terminal.keys("\u{1b}");
    terminal.until("no search", PATIENCE, |text| !text.contains("/ line 77$ 1/1"));
    terminal.keys("0&");
    terminal.until("the prompt", PATIENCE, |text| text.contains("Enter keep"));
    terminal.keys("line .*999$\r");
    terminal.until("what is kept", PATIENCE, |text| text.contains("30 of 30002") && text.contains("line 19999"));
    let file = tree.path().join("saved.log");
    terminal.keys("W");
    terminal.until("the prompt", PATIENCE, |text| text.contains("Enter save"));
    terminal.keys(&format!("\u{15}{}\r", file.display()));
    terminal.until("that it is saved", PATIENCE, |text| text.contains("30 lines saved"));
    let saved = fs::read_to_string(&file).unwrap();
    assert_eq!((saved.lines().count(), saved.lines().next()), (30, Some("line 999")));
    // The pager has the terminal and gives it back.
    terminal.keys("|");
    terminal.until("the log again", PATIENCE, |text| text.contains("30 of 30002"));
    terminal.keys("\u{1b}");
    terminal.until("all of it", PATIENCE, |text| text.contains("ERROR again"));
    terminal.keys("qq");
    assert_eq!(terminal.end(PATIENCE), 0);
}
