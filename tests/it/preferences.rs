//! What a person chose is there the next time; a damaged file is said and does no harm.

use std::fs;
use std::path::Path;

use super::pty::{PATIENCE, ROLE, arguments, program};
use super::terminal::Terminal;

/// A console that keeps what is chosen below a folder.
fn console(state: &Path) -> Terminal {
    let environment = [(ROLE, "shows"), ("XDG_STATE_HOME", state.to_str().unwrap())];
    let terminal = Terminal::start(80, 24, &program(), &arguments(), &environment);
    terminal.until("the fleet", PATIENCE, |text| text.contains("alice") && text.contains("following"));
    terminal
}

#[test]
fn what_was_chosen_is_there_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = console(folder.path());
    assert!(!terminal.text().contains("1 stranger"));
    terminal.keys("t");
    terminal.until("a heading", PATIENCE, |text| text.contains("1 stranger"));
    terminal.keys("q");
    assert_eq!(terminal.end(PATIENCE), 0);
    let file = folder.path().join("berth/console.toml");
    assert!(fs::read_to_string(&file).unwrap().contains("grouped = true"));

    let mut terminal = console(folder.path());
    terminal.until("a heading", PATIENCE, |text| text.contains("1 stranger"));
    terminal.keys("q");
    assert_eq!(terminal.end(PATIENCE), 0);

    fs::write(&file, "grouped = tru").unwrap();
    let mut terminal = console(folder.path());
    terminal.until("what became of it", PATIENCE, |text| text.contains("console.toml.damaged") && !text.contains("1 stranger"));
    terminal.keys("q");
    assert_eq!(terminal.end(PATIENCE), 0);
    assert!(!file.exists());
}
