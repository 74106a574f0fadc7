//! The console's loop on a real terminal, behind it a door without a host: ways out, signals, sizes, bytes.
//!
//! The program in the terminal is this test binary itself, told by its environment to be the console.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth::domain::Reading;
use berth::tui::{Options, run};
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

use super::fake_door::FakeDoor;
use super::fleet;
use super::race;
use super::terminal::Terminal;

/// Names what the console is to do beside being one.
pub const ROLE: &str = "BERTH_TEST_CONSOLE";

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// No test: the console that the tests below open in their terminals.
#[test]
fn the_console_itself() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let door = FakeDoor::new();
    door.log("listening on 127.0.0.1:8101");
    let other = Arc::clone(&door);
    std::thread::spawn(move || match role.as_str() {
        "panics" => {
            std::thread::sleep(Duration::from_millis(500));
            panic!("a thread panicked on purpose");
        }
        "idles" => idle(&other),
        _ => {}
    });
    let result = run(Arc::clone(&door) as Arc<dyn berth::link::Door>, Options::default());
    let mut stdout = std::io::stdout();
    for order in door.orders.lock().unwrap().iter() {
        writeln!(stdout, "order: {} {} {:?}\r", order.verb, order.id, order.reason).unwrap();
    }
    match result {
        Ok(()) => writeln!(stdout, "left\r").unwrap(),
        Err(error) => writeln!(stdout, "error {}: {} | {:?}\r", error.exit_code(), error.chain(), error.way_out()).unwrap(),
    }
}

/// What an idle fleet's engine publishes: every second the same with a little noise.
fn idle(door: &FakeDoor) {
    let mut snapshot = fleet::fleet();
    for second in 0u64.. {
        snapshot.taken.boot += Duration::from_secs(1);
        snapshot.taken.wall += Duration::from_secs(1);
        snapshot.sequence += 1;
        let noisy = usize::try_from(second).unwrap() % snapshot.rows.len();
        let row = Arc::make_mut(&mut snapshot.rows[noisy]);
        row.cpu_percent = row.cpu_percent.map(|percent| percent + 0.1);
        row.memory_bytes = row.memory_bytes.map(|bytes| bytes + 100_000);
        if row.cpu_percent == Reading::Gone {
            row.restarts += 1;
        }
        door.publish(snapshot.clone());
        std::thread::sleep(Duration::from_secs(1));
    }
}

pub fn arguments() -> [&'static str; 3] {
    ["pty::the_console_itself", "--exact", "--nocapture"]
}

pub fn program() -> String {
    std::env::current_exe().unwrap().to_str().unwrap().to_owned()
}

/// A terminal with the console in it, once it is drawn.
fn console(columns: u16, rows: u16, role: &str) -> Terminal {
    let terminal = Terminal::start(columns, rows, &program(), &arguments(), &[(ROLE, role)]);
    terminal.until("the fleet", PATIENCE, |text| text.contains("alice") && text.contains("following"));
    terminal
}

fn signal(terminal: &Terminal, name: &str) {
    let sent = Command::new("kill").args([name, &terminal.pid().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The terminal as it was: settings, first screen, cursor.
fn assert_given_back(terminal: &Terminal, fresh: &str, way: &str) {
    // The program has ended; its last bytes may still be on their way to this screen.
    terminal.until(&format!("{way}: the first screen and a cursor"), PATIENCE, |_| !terminal.is_alternate() && terminal.has_cursor());
    assert_eq!(terminal.settings(), fresh, "{way}");
}

/// The settings of a terminal that nothing has touched.
fn fresh() -> String {
    let terminal = Terminal::start(80, 24, "sleep", &["60"], &[]);
    terminal.settings()
}

#[test]
fn f04_every_way_out_gives_the_terminal_back() {
    let fresh = fresh();
    for way in ["q", "\u{3}", "-TERM", "-HUP", "-INT", "panic"] {
        let mut terminal = console(120, 40, if way == "panic" { "panics" } else { "shows" });
        assert!(way == "panic" || terminal.is_alternate());
        match way {
            "panic" => {}
            name if name.starts_with('-') => signal(&terminal, name),
            keys => terminal.keys(keys),
        }
        let code = terminal.end(PATIENCE);
        terminal.until("the last words", PATIENCE, |text| text.contains(if way == "panic" { "on purpose" } else { "left" }));
        assert_eq!(code != 0, way == "panic", "{way:?}");
        assert_given_back(&terminal, &fresh, way);
    }
}

#[test]
fn a_question_is_answered_with_y_and_the_order_goes_out() {
    let mut terminal = console(80, 24, "shows");
    terminal.keys("jS");
    terminal.until("the question", PATIENCE, |text| text.contains("Stop bob/tools?"));
    terminal.keys("\tplanned\ry");
    terminal.until("the question's end", PATIENCE, |text| !text.contains("Stop bob/tools?"));
    terminal.keys("q");
    terminal.until("the order", PATIENCE, |text| text.contains("order: stop bob/tools Some(\"planned\")"));
}

#[test]
fn a_paste_is_not_typed() {
    let mut terminal = console(80, 24, "shows");
    terminal.keys("\u{1b}[200~Sy\r\u{1b}[201~");
    terminal.until("a word about it", PATIENCE, |text| text.contains("pasted text is not taken for keys"));
    terminal.keys("q");
    terminal.until("the end", PATIENCE, |text| text.contains("left"));
    assert!(!terminal.text().contains("order:"));
}

#[test]
fn f02_a_terminal_that_hangs_up_ends_the_console() {
    for blocked in [false, true] {
        let wrapper: &[&str] = if blocked { &["--block-signal=HUP"] } else { &[] };
        let program = program();
        let words: Vec<&str> = wrapper.iter().copied().chain([program.as_str()]).chain(arguments()).collect();
        let mut lost = open_and_hang_up(&words);
        let process = format!("/proc/{}/stat", lost.process_id().unwrap());
        let begin = Instant::now();
        loop {
            let state = std::fs::read_to_string(&process).unwrap_or_default();
            // What ended and was not waited for yet is a zombie.
            if state.is_empty() || state.contains(") Z ") {
                break;
            }
            if begin.elapsed() > PATIENCE {
                lost.kill().unwrap();
                panic!("still there, SIGHUP blocked: {blocked}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        println!("gone {:?} after the terminal, SIGHUP blocked: {blocked}", begin.elapsed());
        lost.wait().unwrap();
    }
}

/// Starts a program in a terminal, waits for its screen, and closes every end of the terminal that is ours.
fn open_and_hang_up(words: &[&str]) -> Box<dyn Child + Send + Sync> {
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new("env");
    command.args(words);
    for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), (ROLE, "shows")] {
        command.env(name, value);
    }
    let child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&shown).contains("following") {
        let count = reader.read(&mut buffer).unwrap();
        assert!(count > 0, "it ended by itself");
        shown.extend_from_slice(&buffer[..count]);
    }
    child
}

#[test]
fn f03_control_z_gives_the_terminal_to_the_shell_and_fg_comes_back() {
    let mut terminal = Terminal::start(100, 30, "bash", &["--norc", "--noprofile", "-i"], &[(ROLE, "shows"), ("PS1", "shell> ")]);
    terminal.until("a shell", PATIENCE, |text| text.contains("shell>"));
    terminal.keys(&format!("{} {}\n", program(), arguments().join(" ")));
    terminal.until("the fleet", PATIENCE, |text| text.contains("alice") && text.contains("following"));
    terminal.keys("\u{1a}");
    terminal.until("the shell", PATIENCE, |text| text.contains("Stopped"));
    assert!(!terminal.is_alternate() && terminal.has_cursor());
    terminal.keys("stty -a | grep -o -w -- '-*icanon'\n");
    terminal.until("a terminal that edits lines", PATIENCE, |text| text.lines().any(|line| line.trim() == "icanon"));
    terminal.resize(120, 40);
    terminal.keys("fg\n");
    terminal.until("the fleet again, in the new size", PATIENCE, |text| text.contains("alice") && text.contains("RESTARTS"));
    assert!(terminal.is_alternate());
    terminal.keys("q");
    terminal.until("the end", PATIENCE, |text| text.contains("left"));
}

#[test]
fn a_resize_is_drawn_and_too_small_is_survived() {
    let mut terminal = console(80, 24, "shows");
    terminal.resize(200, 50);
    terminal.until("all columns", PATIENCE, |text| text.contains("RESTARTS") && text.contains("FINDINGS"));
    terminal.resize(30, 8);
    terminal.until("a word about it", PATIENCE, |text| text.contains("30x8 is too small"));
    terminal.resize(0, 0);
    terminal.resize(1, 1);
    terminal.resize(80, 24);
    terminal.until("the fleet again", PATIENCE, |text| text.contains("alice") && text.contains("following"));
    terminal.keys("q");
    assert_eq!(terminal.end(PATIENCE), 0);
}

#[test]
fn a_key_behind_a_resize_needs_no_second_one() {
    let mut terminal = console(80, 24, "shows");
    for (columns, rows) in [(100, 30), (120, 40), (80, 24)] {
        terminal.keys("?");
        terminal.until("the help", PATIENCE, |text| text.contains("┌ keys"));
        terminal.keys("q");
        terminal.until("no help", PATIENCE, |text| !text.contains("┌ keys"));
        terminal.resize(columns, rows);
        terminal.until("the fleet", PATIENCE, |text| text.lines().nth(usize::from(rows) - 1).is_some_and(|line| line.contains("commands")));
    }
    terminal.keys("q");
    assert_eq!(terminal.end(PATIENCE), 0);
}

#[test]
fn f05_a_storm_of_sizes() {
    let fresh = fresh();
    let mut terminal = console(80, 24, "shows");
    // Not random: a size that ends it is the same one the next time.
    let (begun, mut number) = (Instant::now(), 1u64);
    while begun.elapsed() < race::length() {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let size = |shift: u32, most: u64| u16::try_from((number >> shift) % most).unwrap();
        terminal.resize(size(33, 301), size(45, 201));
        if number % 16 == 0 {
            terminal.keys(["j", "l", "?", "\u{1b}", "2", "1"][usize::from(size(20, 6))]);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    terminal.resize(80, 24);
    terminal.keys("\u{3}");
    assert_eq!(terminal.end(PATIENCE), 0);
    assert_given_back(&terminal, &fresh, "a storm of sizes");
}

#[test]
fn an_idle_fleet_costs_few_bytes() {
    let terminal = console(200, 50, "idles");
    std::thread::sleep(Duration::from_secs(2));
    let before = terminal.bytes();
    std::thread::sleep(Duration::from_secs(5));
    let each = (terminal.bytes() - before) / 5;
    assert!(each <= 800, "{each} bytes a second");
    assert!(each > 0, "the clock stands still");
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let output = Command::new(program()).args(arguments()).env(ROLE, "shows").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("error 2: ") && text.contains("berth ls"), "{text}");
}
