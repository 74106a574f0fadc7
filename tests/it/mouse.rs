//! The mouse, pasting and the window's focus, as a terminal tells them, in the real console on real instances.
//!
//! It must never wait for a time: it waits for the screen.

use std::time::{Duration, Instant};

use super::stage::{PATIENCE, Stage};
use super::terminal::Terminal;

/// A button goes down, moves or is let go, or the wheel turns: xterm's SGR mouse mode, 1006. Columns and lines count from 0.
fn mouse(console: &mut Terminal, button: u8, (x, y): (usize, usize), end: char) {
    console.keys(&format!("\u{1b}[<{button};{};{}{end}", x + 1, y + 1));
}

fn click(console: &mut Terminal, at: (usize, usize)) {
    mouse(console, 0, at, 'M');
    mouse(console, 0, at, 'm');
}

fn drag(console: &mut Terminal, from: (usize, usize), to: (usize, usize)) {
    mouse(console, 0, from, 'M');
    mouse(console, 32, to, 'M');
    mouse(console, 0, to, 'm');
}

/// Where a text stands on the screen: column and line. Each character of these screens has one cell.
fn place(text: &str, wanted: &str) -> Option<(usize, usize)> {
    text.lines().enumerate().find_map(|(y, line)| line.find(wanted).map(|at| (line[..at].chars().count(), y)))
}

fn find(console: &Terminal, wanted: &str) -> (usize, usize) {
    console.until(wanted, PATIENCE, |text| text.contains(wanted));
    let text = console.text();
    place(&text, wanted).unwrap_or_else(|| panic!("{wanted} went away:\n{text}"))
}

fn chosen(text: &str, owner: &str) -> bool {
    text.lines().any(|line| line.starts_with(&format!("> {owner} ")))
}

#[test]
fn rows_headings_tabs_borders_cells_and_the_wheel_answer_the_mouse() {
    let stage = Stage::set();
    let mut console = stage.console(120, 40);
    console.until("the mouse", PATIENCE, |_| console.has_mouse());

    let (_, y) = find(&console, "  cat  ");
    click(&mut console, (4, y));
    console.until("cat chosen", PATIENCE, |text| chosen(text, "cat"));

    let at = find(&console, "MEMORY");
    click(&mut console, at);
    console.until("by memory", PATIENCE, |text| text.contains("by MEMORY ▾") && chosen(text, "cat"));
    let at = find(&console, "OWNER");
    click(&mut console, at);
    console.until("by owner", PATIENCE, |text| text.contains("OWNER▴"));

    mouse(&mut console, 65, (4, y), 'M');
    console.until("the wheel's last row", PATIENCE, |text| chosen(text, "eve"));
    mouse(&mut console, 64, (4, y), 'M');
    console.until("the wheel's way back", PATIENCE, |text| chosen(text, "ben"));

    // The rule between the table and what is below it, then the one between the detail and the log.
    let at = find(&console, "─ ben ─");
    let to = (at.0 + 3, at.1 + 5);
    drag(&mut console, (at.0 + 3, at.1), to);
    console.until("the lower panes five lines lower", PATIENCE, |text| place(text, "─ ben ─").is_some_and(|(_, y)| y == to.1));
    let (x, y) = find(&console, "┬");
    drag(&mut console, (x, y + 3), (x + 12, y + 3));
    console.until("the detail twelve columns wider", PATIENCE, |text| place(text, "┬") == Some((x + 12, y)));

    let at = find(&console, "2 Ports");
    click(&mut console, at);
    let number = format!(">{}", stage.first);
    let (x, y) = find(&console, &number);
    let line = console.text().lines().nth(y).unwrap().to_owned();
    let cells = line.chars().collect::<Vec<_>>();
    // The sign of dan's port, the fourth of its block.
    let x = (x + number.len()..cells.len()).filter(|x| cells[*x] != ' ').nth(3).unwrap();
    click(&mut console, (x, y));
    let told = format!("─ {} ─", stage.first + 3);
    console.until("dan's port", PATIENCE, |text| text.contains(&told) && text.contains("to dan, stopped"));
    let cell = (u16::try_from(x).unwrap(), u16::try_from(y).unwrap());
    console.until("the cell reversed", PATIENCE, |_| console.is_reversed(cell.0, cell.1));
    console.keys("\r");
    console.until("dan", PATIENCE, |text| chosen(text, "dan"));
}

#[test]
fn the_mouse_is_let_go_and_taken_again() {
    let stage = Stage::set();
    let mut console = stage.console(120, 40);
    console.until("the mouse", PATIENCE, |_| console.has_mouse());
    for (is_taken, said) in [(false, "the mouse is the terminal's"), (true, "the mouse is berth's again")] {
        console.keys(":");
        console.until("the palette", PATIENCE, |text| text.contains("Enter choose"));
        console.keys("mouse\r");
        console.until("what is said", PATIENCE, |text| text.contains(said));
        console.until("the sequence", PATIENCE, |_| console.has_mouse() == is_taken);
    }
    console.keys("q");
    assert_eq!(console.end(PATIENCE), 0);
    console.until("the mouse given back", PATIENCE, |_| !console.has_mouse());
}

#[test]
fn a_paste_goes_into_the_filter_and_is_no_key_anywhere() {
    let stage = Stage::set();
    let mut console = stage.console(120, 40);
    console.keys("/");
    console.until("the filter's line", PATIENCE, |text| text.contains("Enter keep it"));
    // Of several lines the first is taken, and none of them is Enter.
    console.keys("\u{1b}[200~user:ben\rann\r\u{1b}[201~");
    console.until("who is left", PATIENCE, |text| text.contains("filter: user:ben ") && text.contains("1 of 5") && chosen(text, "ben"));
    assert!(console.text().contains("Enter keep it"), "the line is still open");
    console.keys("\u{1b}");
    console.until("all", PATIENCE, |text| !text.contains("filter:"));
    // Where nothing is typed it is no key: no question, no end.
    console.keys("\u{1b}[200~Sy\rq\u{1b}[201~");
    console.until("a word about it", PATIENCE, |text| text.contains("pasted text is not taken for keys"));
    assert!(!console.text().contains("Stop ann?"));
}

/// Without its window's focus the console says something every few seconds only; with it, a clock's second and what servers log.
#[test]
fn a_window_without_the_focus_is_hardly_drawn_and_is_up_to_date_at_once_when_it_comes_back() {
    /// More than a second: with the focus, the clock alone is drawn within it.
    const QUIET: Duration = Duration::from_millis(2_500);
    let stage = Stage::set();
    let mut console = stage.console(120, 40);
    console.keys("\u{1b}[O");
    // One frame may be on its way still, and one comes every five seconds: between two there is a long silence.
    let begun = Instant::now();
    let (mut count, mut since) = (console.bytes(), Instant::now());
    while since.elapsed() < QUIET {
        assert!(begun.elapsed() < PATIENCE, "it goes on drawing");
        if console.bytes() != count {
            (count, since) = (console.bytes(), Instant::now());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    stage.write("ann", "INFO  written while nobody looked");
    console.keys("\u{1b}[I");
    console.until("what was written meanwhile", PATIENCE, |text| text.contains("written while nobody"));
    let seen = console.bytes();
    console.until("the clock going on", PATIENCE, |_| console.bytes() > seen);
}
