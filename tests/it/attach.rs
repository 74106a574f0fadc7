//! The console attached to a real daemon: it shows what the daemon shows, acts through it, outlives it and comes back; and beside it a
//! console with an engine of its own, which only looks.
//!
//! It must never leave a daemon or a console behind: each is ended by its pid.

use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::actions::BERTH;
use super::api::{ask, get, until};
use super::serve::Site;
use super::stage::PATIENCE;
use super::terminal::Terminal;

fn console(site: &Site, columns: u16, rows: u16, words: &[&str], state: &Path) -> Terminal {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (config, state, home) = (text(&site.tree.config()), text(state), text(&site.tree.path().join("home")));
    std::fs::create_dir_all(&home).unwrap();
    let environment = [("BERTH_STATE", state.as_str()), ("HOME", home.as_str()), ("TZ", "UTC")];
    let words: Vec<&str> = ["--config", &config].into_iter().chain(words.iter().copied()).collect();
    Terminal::start(columns, rows, BERTH, &words, &environment)
}

fn shown(terminal: &Terminal, what: &str) {
    terminal.until(what, PATIENCE, |text| text.contains(what));
}

/// What a process has open, by name.
fn holds(pid: i32, name: &str) -> bool {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    open.flatten().any(|one| std::fs::read_link(one.path()).is_ok_and(|path| path.to_string_lossy().contains(name)))
}

#[test]
fn f20_a_console_is_attached_acts_outlives_the_daemon_and_comes_back() {
    let site = Site::new(&["zoe", "yan"]);
    let state = site.tree.path().join("state");
    let daemon = site.daemon();
    // A state of its own would be opened by a console that has an engine.
    let own = site.tree.path().join("console-state");
    let mut terminal = console(&site, 80, 24, &[], &own);
    terminal.until("attached", PATIENCE, |text| text.contains("attached") && text.contains("zoe") && text.contains("yan"));
    assert!(!own.join("registry.db").exists() && !own.join("events.db").exists());

    // By a key, over the daemon.
    terminal.keys("/zoe\r");
    shown(&terminal, "following");
    terminal.keys("s");
    shown(&terminal, "Start zoe?");
    terminal.keys("y");
    until("zoe runs", || site.instance("zoe")["state"] == "running");
    shown(&terminal, "1 up");
    let pid = site.instance("zoe")["pid"].as_i64().unwrap();
    let text = site.tree.berth(&["ls", "--json"]).1;
    let ls: Value = serde_json::from_str(&text).unwrap();
    assert!(ls["instances"].as_array().unwrap().iter().any(|one| one["pid"].as_i64() == Some(pid)), "{ls:#}");
    assert!(state.join("events.db").exists(), "the daemon recorded it");
    assert!(!holds(terminal.pid(), "events.db") && !holds(terminal.pid(), "registry.db"));

    assert_eq!(daemon.end(Signal::SIGKILL), None);
    shown(&terminal, "daemon gone");
    shown(&terminal, "the daemon is gone since");
    terminal.keys("S");
    shown(&terminal, "the daemon does not answer");
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists(), "the instance is untouched");

    let again = site.daemon();
    shown(&terminal, "attached");
    terminal.until("the line is gone", PATIENCE, |text| !text.contains("the daemon is gone since"));
    assert_eq!(site.instance("zoe")["pid"].as_i64(), Some(pid));
    terminal.keys("S");
    shown(&terminal, "Stop zoe?");
    terminal.keys("y");
    until("zoe is stopped", || site.instance("zoe")["state"] == "stopped");
    terminal.keys("q");
    terminal.end(PATIENCE);
    assert_eq!(again.end(Signal::SIGTERM), Some(0));
}

#[test]
fn what_was_given_up_is_not_done_later() {
    let site = Site::new(&["zoe", "yan"]);
    let daemon = site.daemon();
    let mut terminal = console(&site, 80, 24, &[], &site.tree.path().join("console-state"));
    shown(&terminal, "attached");
    terminal.keys("/zoe\r");
    shown(&terminal, "following");
    terminal.keys("s");
    shown(&terminal, "Start zoe?");
    super::actions::signal(daemon.pid(), Signal::SIGSTOP);
    terminal.keys("y");
    shown(&terminal, "the daemon has not answered yet");
    shown(&terminal, "the daemon does not answer");
    // What waits at its socket by now is an order that nobody stands behind any more.
    super::actions::signal(daemon.pid(), Signal::SIGCONT);
    let started = site.tree.berth(&["start", "yan"]);
    assert_eq!(started.0, 0, "{started:?}");
    let told = site.tree.berth(&["events", "--json"]).1;
    assert!(told.contains("yan") && !told.contains("zoe"), "{told}");
    assert_eq!(site.instance("zoe")["state"], "stopped");
    terminal.keys("q");
    terminal.end(PATIENCE);
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
}

#[test]
fn an_engine_of_its_own_only_looks_while_a_daemon_acts() {
    let site = Site::new(&["zoe", "yan"]);
    let state = site.tree.path().join("state");
    let daemon = site.daemon();
    let mut terminal = console(&site, 80, 24, &["--embedded"], &state);
    terminal.until("it looks", PATIENCE, |text| text.contains("looks only") && text.contains("zoe"));
    terminal.keys("/zoe\r");
    shown(&terminal, "1 of ");
    terminal.keys("s");
    // The reason and the way out stand before the edge of the screen; which daemon it is may not.
    shown(&terminal, "zoe cannot be started: the daemon acts, this one looks; leave --embedded off");
    assert_eq!(site.instance("zoe")["state"], "stopped");
    // When there is none any more it acts as ever.
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
    until("it may", || {
        terminal.keys("s");
        std::thread::sleep(std::time::Duration::from_millis(500));
        terminal.text().contains("Start zoe?")
    });
    shown(&terminal, "own engine");
    terminal.keys("y");
    shown(&terminal, "1 up");
    let (code, ..) = site.tree.berth(&["stop", "zoe"]);
    assert_eq!(code, 0);
    terminal.keys("q");
    terminal.end(PATIENCE);
}

#[test]
fn without_a_daemon_it_says_that_the_engine_is_its_own() {
    let site = Site::new(&["zoe"]);
    let mut terminal = console(&site, 80, 24, &[], &site.tree.path().join("state"));
    terminal.until("its own", PATIENCE, |text| text.contains("own engine") && text.contains("zoe"));
    terminal.keys("q");
    terminal.end(PATIENCE);
}

#[test]
fn a_log_is_opened_by_the_daemon_and_read_by_the_console() {
    let site = Site::new(&["zoe"]);
    let log = site.tree.path().join("users/zoe/logs/server.log");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "INFO  first of all\n").unwrap();
    let _daemon = site.daemon();
    let mut terminal = console(&site, 120, 40, &[], &site.tree.path().join("console-state"));
    terminal.until("the log", PATIENCE, |text| text.contains("attached") && text.contains("first of all"));
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    std::io::Write::write_all(&mut file, b"INFO  and then more\n").unwrap();
    shown(&terminal, "and then more");
    // Renamed, the new file is found through the daemon, too.
    std::fs::rename(&log, log.with_extension("log.1")).unwrap();
    std::fs::write(&log, "INFO  in the new file\n").unwrap();
    shown(&terminal, "in the new file");
    terminal.keys("q");
    terminal.end(PATIENCE);
}

#[test]
fn a_panic_of_the_thread_that_reads_along_ends_the_console_in_order() {
    let site = Site::new(&["zoe"]);
    let _daemon = site.daemon();
    let config = site.tree.config();
    let (words, state) = (["--config", config.to_str().unwrap()], site.tree.path().join("console-state"));
    let environment = [("BERTH_STATE", state.to_str().unwrap()), (berth::failpoint::VARIABLE, "berth-attach")];
    let mut terminal = Terminal::start(80, 24, BERTH, &words, &environment);
    terminal.end(PATIENCE);
    assert!(!terminal.is_alternate());
}

#[test]
fn the_forms_for_consoles_answer_and_refuse_in_words() {
    let site = Site::new(&["zoe"]);
    let _daemon = site.daemon();
    let hello = get(&site.socket, "/v1/console");
    assert_eq!(
        (hello["protocol"].as_u64(), hello["version"].as_str()),
        (Some(u64::from(berth::link::wire::PROTOCOL)), Some(env!("CARGO_PKG_VERSION")))
    );
    let events = r#"{"Events":{"last":5,"since":null,"user":null,"id":null}}"#;
    for (body, status) in [("", 400), ("{\"Nothing\":1}", 400), ("{\"Diagnose\":\"nobody\"}", 200), ("{\"Trail\":5}", 200), (events, 200)] {
        let answered = ask(&site.socket, "POST", "/v1/console/call", body);
        assert_eq!(answered.status, status, "{body}: {}", answered.text);
    }
    let large = format!("{{\"Diagnose\":\"{}\"}}", "x".repeat(100_000));
    assert_eq!(ask(&site.socket, "POST", "/v1/console/call", &large).status, 400);
    assert!(ask(&site.socket, "POST", "/v1/console/call", "{\"Diagnose\":\"nobody\"}").text.contains("no such instance"));
    let log = ask(&site.socket, "POST", "/v1/console/log", "[\"nobody\",null]");
    assert!(log.text.contains("Refused") || log.status == 404, "{}", log.text);
}
