//! Commands while a daemon acts: it carries them out, and they look, answer and end as they do without one.
//!
//! It must never leave a daemon behind: each is ended by its pid.

use std::path::Path;
use std::process::{Command, Output};

use nix::sys::signal::Signal;

use super::actions::{Tree, signal, told};
use super::assign::Place;
use super::serve::Site;

/// Every action of a trail: the verb, the exit code.
fn trail(state: &Path) -> Vec<(String, Option<i64>)> {
    let connection = rusqlite::Connection::open(state.join("events.db")).unwrap();
    let mut statement = connection.prepare("SELECT verb, exit_code FROM actions ORDER BY id").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// The same words with a state of their own, in which an engine of their own would write.
fn command(tree: &Tree, own: &Path, words: &[&str]) -> Command {
    let mut command = tree.command(words);
    command.env("BERTH_STATE", own);
    command
}

#[test]
fn what_a_command_asks_for_is_done_by_the_daemon() {
    let site = Site::new(&["zoe", "yan"]);
    let daemon = site.daemon();
    let own = site.tree.path().join("own");
    let ran = |words: &[&str]| told(command(&site.tree, &own, words).output().unwrap());
    let cases: [(&[&str], &str, &str); 7] = [
        (&["start", "zoe", "--reason", "a test"], "start", "zoe: running: pid "),
        (&["restart", "zoe"], "restart", "zoe: running: pid "),
        (&["adopt", "zoe"], "adopt", "zoe: has port "),
        (&["stop", "zoe", "yan"], "stop", "zoe: stopped after "),
        (&["restart", "--rolling", "--all", "--state", "stopped", "--yes"], "restart", "zoe: running: pid "),
        (&["stop", "--all", "--yes"], "stop", "zoe: stopped after "),
        (&["remove", "yan", "--yes"], "remove", "yan: "),
    ];
    for (words, verb, said) in cases {
        let (code, out, errors) = ran(words);
        assert!(code == 0 && out.contains(said), "{words:?}: {code} {out}{errors}");
        let trail = trail(&site.tree.path().join("state"));
        assert!(trail.last().is_some_and(|(last, code)| last.starts_with(verb) && *code == Some(0)), "{words:?}: {trail:?}");
    }
    for file in ["events.db", "registry.db", "instances"] {
        assert!(!own.join(file).exists(), "an engine of the command's own has acted: {file}");
    }
    // Without the daemon its own engine does it, in that state.
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
    assert_eq!(ran(&["start", "zoe"]).0, 0);
    assert_eq!(trail(&own), [("start".to_owned(), Some(0))]);
    assert_eq!(ran(&["stop", "zoe"]).0, 0);
}

#[test]
fn what_is_added_is_added_by_the_daemon() {
    let place = Place::take();
    let site = Site::of(super::add::tree(&place));
    let _daemon = site.daemon();
    let own = site.tree.path().join("own");
    let ran = |words: &[&str]| told(command(&site.tree, &own, words).output().unwrap());
    let list = site.tree.path().join("list");
    std::fs::write(&list, "uma\nvera\n").unwrap();
    let (code, out, errors) = ran(&["add", "wim", "--dry-run"]);
    assert!(code == 0 && out.contains("config.json"), "{code} {out}{errors}");
    let (code, out, errors) = ran(&["ports", "--reserve", &place.last().to_string()]);
    assert!(code == 0 && out.contains("reserved: it is given to nobody"), "{code} {out}{errors}");
    let (code, out, errors) = ran(&["--json", "add", "wim", "--no-start"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {code} {out}{errors}"));
    assert!(code == 0 && document["port"].is_u64() && document["url"].is_string(), "{code} {document:#}{errors}");
    let (code, out, errors) = ran(&["add", "--from", list.to_str().unwrap(), "--no-start"]);
    assert!(code == 0 && out.contains("uma") && out.contains("vera"), "{code} {out}{errors}");
    assert!(!own.join("registry.db").exists() && !own.join("events.db").exists());
    let verbs: Vec<String> = trail(&site.tree.path().join("state")).into_iter().map(|(verb, _)| verb).collect();
    assert_eq!(verbs, ["reserve", "add", "add", "add"]);
}

/// Without numbers and times, which differ from run to run.
fn plain((code, out, errors): (i32, String, String)) -> (i32, String) {
    let text: String = format!("{out}|{errors}").chars().map(|one| if one.is_ascii_digit() { '#' } else { one }).collect();
    let mut short = text.clone();
    while short.contains("##") {
        short = short.replace("##", "#");
    }
    (code, short)
}

#[test]
fn words_and_exit_codes_are_those_of_an_engine_of_its_own() {
    let commands: [&[&str]; 12] = [
        &["start", "nobody"],
        &["stop", "zoe"],
        &["start", "zoe"],
        &["start", "zoe"],
        &["--json", "start", "zoe"],
        &["start", "yan"],
        &["--json", "start", "yan"],
        &["remove", "nobody", "--yes"],
        &["adopt", "yan"],
        &["assign", "yan", "--port", "1", "--dry-run"],
        &["remove", "yan", "--dry-run"],
        &["stop", "--all", "--yes"],
    ];
    let run = |has_daemon: bool| {
        let site = Site::new(&["zoe", "yan"]);
        // yan is to have zoe's port.
        site.tree.configure("yan", &format!("{{\"port\": {}, \"host\": \"127.0.0.1\"}}", site.tree.ports[0]));
        let _daemon = has_daemon.then(|| site.daemon());
        let base = site.tree.path().display().to_string();
        let plain = |words: &[&str]| {
            let (code, text) = plain(site.tree.berth(words));
            let base: String = plain_text(&base);
            (words.join(" "), code, text.replace(&base, "BASE"))
        };
        commands.map(plain)
    };
    assert_eq!(run(true), run(false));
}

fn plain_text(text: &str) -> String {
    let (_, short) = plain((0, text.to_owned(), String::new()));
    short.trim_end_matches('|').to_owned()
}

#[test]
fn f20_a_daemon_that_hangs_is_given_up_and_nothing_is_done_beside_it() {
    let site = Site::new(&["zoe"]);
    let daemon = site.daemon();
    signal(daemon.pid(), Signal::SIGSTOP);
    let ends: Vec<Output> = std::thread::scope(|scope| {
        let words: [&[&str]; 3] = [&["start", "zoe"], &["stop", "--all", "--yes"], &["remove", "zoe", "--yes"]];
        let running = words.map(|words| scope.spawn(|| site.tree.command(words).output().unwrap()));
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    signal(daemon.pid(), Signal::SIGCONT);
    for end in ends {
        let (code, out, errors) = told(end);
        assert!(code == 6 && errors.contains("the daemon does not answer"), "{code} {out}{errors}");
    }
    assert_eq!(site.tree.row("zoe")["state"], "stopped");
    // Where its lock is held and nobody answers where it is asked, nobody acts either.
    let text = std::fs::read_to_string(site.tree.config()).unwrap();
    std::fs::write(site.tree.config(), text.replace("run/berth.sock", "run/elsewhere.sock")).unwrap();
    let (code, out, errors) = site.tree.berth(&["start", "zoe"]);
    assert!(code == 5 && errors.contains(&format!("pid {} ", daemon.pid())), "{code} {out}{errors}");
    assert_eq!(site.tree.row("zoe")["state"], "stopped");
}

#[test]
fn the_daemon_of_another_configuration_is_not_asked() {
    let (site, other) = (Site::new(&["zoe"]), Tree::new(&["zoe"]));
    let daemon = site.daemon();
    let mut text = std::fs::read_to_string(other.config()).unwrap();
    text.push_str(&format!("\n[daemon]\nsocket = \"{}\"\n", site.socket.display()));
    std::fs::write(other.config(), text).unwrap();
    let (code, out, errors) = other.berth(&["start", "zoe"]);
    assert_eq!(code, 0, "{out}{errors}");
    assert_eq!((site.instance("zoe")["state"].as_str(), other.row("zoe")["state"].as_str()), (Some("stopped"), Some("running")));
    assert_eq!(trail(&other.path().join("state")), [("start".to_owned(), Some(0))]);
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
}
