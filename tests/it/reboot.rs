//! The machine begins anew, as far as a test can have it: all that runs is killed, what lies in /run is gone, and the boot has another name.
//! And crashes that come while a daemon is down, or has just been killed.
//!
//! It must never leave a daemon or a server behind.

use std::process::Stdio;

use berth::failpoint::{BOOT, VARIABLE};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::actions::{BERTH, Tree, signal, told};
use super::api::{get, until};
use super::serve::{Daemon, Site};

/// A command in a boot.
fn berth(site: &Site, boot: &str, words: &[&str]) -> (i32, String, String) {
    told(site.tree.command(words).env(BOOT, boot).output().unwrap())
}

/// A daemon in a boot that has seen to everything.
fn daemon(site: &Site, boot: &str) -> Daemon {
    let daemon = site.daemon_with(&[(BOOT, boot)]);
    let mark = site.tree.path().join("state/boot");
    until("it has seen to everything", || std::fs::read_to_string(&mark).is_ok_and(|text| text == boot));
    daemon
}

/// Who was started after a reboot, as whom, and with which exit code, by id.
fn restored(site: &Site) -> Vec<(String, String, Option<i64>)> {
    let connection = rusqlite::Connection::open(site.tree.path().join("state/events.db")).unwrap();
    let of = "SELECT instance, name, exit_code FROM actions WHERE reason = 'after a reboot' ORDER BY instance, id";
    let mut statement = connection.prepare(of).unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
}

/// The server and the keeper of an instance that runs.
fn processes(site: &Site, id: &str) -> Option<(i64, i64)> {
    let pid = site.instance(id)["pid"].as_i64()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let keeper: i64 = stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(keeper > 1, "{id}: {stat}");
    Some((pid, keeper))
}

/// The keeper and the server of an instance are killed, as by a power cut.
fn cut_power(site: &Site, ids: &[&str]) {
    for id in ids {
        let Some((pid, keeper)) = processes(site, id) else { continue };
        signal(keeper, Signal::SIGKILL);
        signal(pid, Signal::SIGKILL);
    }
}

#[test]
fn f20_after_a_reboot_what_was_wished_up_runs_again() {
    let site = Site::new(&["amy", "ben", "cat", "dan", "eve", "sam"]);
    let state = |id: &str| site.instance(id)["state"].as_str().unwrap_or_default().to_owned();
    let first = daemon(&site, "one");
    assert_eq!(berth(&site, "one", &["start", "amy", "ben", "cat", "dan", "eve"]).0, 0);
    assert_eq!(berth(&site, "one", &["stop", "cat"]).0, 0);
    signal(site.instance("eve")["pid"].as_i64().unwrap(), Signal::SIGKILL);
    until("eve crashed", || state("eve") == "crashed");
    // In the same boot nothing is started that was stopped or has crashed for good.
    assert_eq!(first.end(Signal::SIGKILL), None);
    let again = daemon(&site, "one");
    until("it has served for a while", || get(&site.socket, "/health")["serving_s"].as_u64() >= Some(2));
    assert_eq!((state("cat"), state("eve"), restored(&site)), ("stopped".into(), "crashed".into(), vec![]));

    cut_power(&site, &["amy", "ben", "dan"]);
    assert_eq!(again.end(Signal::SIGKILL), None);
    std::fs::remove_dir_all(site.socket.parent().unwrap()).unwrap();
    // dan's port is sam's by then.
    let dans = site.tree.ports[3];
    site.tree.configure("sam", &format!("{{\"port\": {dans}, \"host\": \"127.0.0.1\"}}"));
    let (code, out, errors) = berth(&site, "two", &["start", "sam"]);
    assert_eq!(code, 0, "{out}{errors}");
    let second = daemon(&site, "two");
    until("what was wished up runs", || ["amy", "ben", "eve", "sam"].iter().all(|id| state(id) == "running"));
    assert_eq!(state("cat"), "stopped");
    assert_ne!(state("dan"), "running");
    let by_berth = |id: &str, code| (id.to_owned(), "berth".to_owned(), Some(code));
    let all = [by_berth("amy", 0), by_berth("ben", 0), by_berth("dan", 5), by_berth("eve", 0)];
    assert_eq!(restored(&site), all);
    let events = get(&site.socket, "/v1/events?lines=1000").to_string();
    assert_eq!(events.matches("start by berth (after a reboot): ").count(), all.len(), "{events}");
    // Begun anew in the same boot it leaves alone what was tried.
    assert_eq!(second.end(Signal::SIGKILL), None);
    let third = daemon(&site, "two");
    until("it has served for a while", || get(&site.socket, "/health")["serving_s"].as_u64() >= Some(2));
    assert_eq!(restored(&site).len(), all.len());

    // Where that is not wanted nothing is started.
    cut_power(&site, &["amy", "ben", "eve", "sam"]);
    assert_eq!(third.end(Signal::SIGKILL), None);
    let text = std::fs::read_to_string(site.tree.config()).unwrap();
    std::fs::write(site.tree.config(), text.replace("[daemon]\n", "[daemon]\nrestore = \"off\"\n")).unwrap();
    let fourth = daemon(&site, "three");
    assert_eq!((restored(&site).len(), state("amy").as_str()), (all.len(), "crashed"));
    assert_eq!(fourth.end(Signal::SIGTERM), Some(0));
}

/// An instance's record.
fn record(site: &Site, id: &str) -> std::path::PathBuf {
    site.tree.path().join(format!("state/instances/{id}+default.jsonl"))
}

#[test]
fn f23_after_a_reboot_nothing_is_started_as_somebody_else() {
    let site = Site::new(&["amy", "ben"]);
    let state = |id: &str| site.instance(id)["state"].as_str().unwrap_or_default().to_owned();
    let first = daemon(&site, "one");
    assert_eq!(berth(&site, "one", &["start", "amy", "ben"]).0, 0);
    cut_power(&site, &["amy", "ben"]);
    assert_eq!(first.end(Signal::SIGKILL), None);
    // amy ran under another uid; ben's record is an older berth's, which put none down.
    let own = format!(",\"uid\":{}}}", nix::unistd::geteuid());
    for (id, other) in [("amy", ",\"uid\":4242}"), ("ben", "}")] {
        let text = std::fs::read_to_string(record(&site, id)).unwrap();
        assert!(text.contains(&own), "{text}");
        std::fs::write(record(&site, id), text.replace(&own, other)).unwrap();
    }
    let second = daemon(&site, "two");
    until("ben runs", || state("ben") == "running");
    let by_berth = |id: &str, code| (id.to_owned(), "berth".to_owned(), Some(code));
    assert_eq!(restored(&site), [by_berth("amy", 3), by_berth("ben", 0)]);
    assert_eq!(state("amy"), "crashed");
    let events = get(&site.socket, "/v1/events?lines=1000").to_string();
    assert!(events.contains("It ran as uid 4242 before, and would run as uid "), "{events}");
    // Whoever wants it so says it.
    assert_eq!(berth(&site, "two", &["start", "amy"]).0, 0);
    assert_eq!(second.end(Signal::SIGTERM), Some(0));
}

#[test]
fn what_is_not_known_is_decided_when_it_is_and_what_is_stopped_before_stays_so() {
    let site = Site::new(&["amy", "ben", "cat", "dan"]);
    let state = |id: &str| site.instance(id)["state"].as_str().unwrap_or_default().to_owned();
    let mark = || std::fs::read_to_string(site.tree.path().join("state/boot")).unwrap();
    let aside = |id: &str| record(&site, id).with_extension("aside");
    let first = daemon(&site, "one");
    assert_eq!(berth(&site, "one", &["start", "amy", "ben", "cat", "dan"]).0, 0);
    // dan was ended as by a machine that is shut down.
    signal(processes(&site, "dan").unwrap().1, Signal::SIGTERM);
    until("dan has ended", || state("dan") == "stopped");
    cut_power(&site, &["amy", "ben", "cat"]);
    assert_eq!(first.end(Signal::SIGKILL), None);
    for id in ["amy", "ben"] {
        std::fs::rename(record(&site, id), aside(id)).unwrap();
        std::fs::create_dir(record(&site, id)).unwrap();
    }
    // Before the daemon has come to them.
    let (code, out, errors) = berth(&site, "two", &["stop", "cat", "dan"]);
    assert!(code == 0 && out.contains("dan: is stopped already, and stays so"), "{out}{errors}");
    let begin = |boot| site.daemon_with(&[(BOOT, boot)]);
    let second = begin("two");
    let waits = || ["two", "amy", "ben"].iter().all(|line| mark().lines().any(|one| one == *line));
    until("two wait", waits);
    // The next daemon knows of them.
    assert_eq!(second.end(Signal::SIGKILL), None);
    let third = begin("two");
    until("amy is not known", || state("amy") == "unknown" && state("ben") == "unknown");
    assert_ne!(berth(&site, "two", &["stop", "ben"]).0, 0, "what runs of it cannot be found");
    for id in ["amy", "ben"] {
        std::fs::remove_dir(record(&site, id)).unwrap();
        std::fs::rename(aside(id), record(&site, id)).unwrap();
    }
    until("amy runs, and nobody waits", || state("amy") == "running" && mark() == "two");
    let by_berth = |id: &str, code| (id.to_owned(), "berth".to_owned(), Some(code));
    assert_eq!(restored(&site), [by_berth("amy", 0)]);
    for id in ["ben", "cat", "dan"] {
        assert!(std::fs::read_to_string(record(&site, id)).unwrap().contains("stop-asked"), "{id}");
    }
    // After the next one they stay down, too.
    cut_power(&site, &["amy"]);
    assert_eq!(third.end(Signal::SIGKILL), None);
    let fourth = daemon(&site, "three");
    until("amy runs", || state("amy") == "running");
    assert_eq!(restored(&site), [by_berth("amy", 0), by_berth("amy", 0)]);
    assert!(["ben", "cat", "dan"].iter().all(|id| state(id) != "running"));
    assert_eq!(fourth.end(Signal::SIGTERM), Some(0));
}

#[test]
fn f20_a_crash_is_mended_and_told_whatever_became_of_the_daemon() {
    let site = Site::of(Tree::with(&["zoe"], "restart = \"on-failure\""));
    let first = site.daemon();
    assert_eq!(site.tree.berth(&["start", "zoe"]).0, 0);
    let row = |count: u64, not: i64| {
        let row = site.instance("zoe");
        (row["state"] == "running" && row["restarts"] == count && row["pid"].as_i64() != Some(not)).then(|| row["pid"].as_i64().unwrap())
    };
    let running = |count, not| {
        until("it runs again", || row(count, not).is_some());
        row(count, not).unwrap()
    };
    let pid = running(0, 0);
    assert_eq!(first.end(Signal::SIGKILL), None);
    // While there is no daemon its keeper sees to it, and the next daemon knows.
    signal(pid, Signal::SIGKILL);
    let second = site.daemon();
    let pid = running(1, pid);
    // The next daemon sees the next crash.
    assert_eq!(second.end(Signal::SIGKILL), None);
    let third = site.daemon();
    until("it is known", || row(1, 0) == Some(pid));
    // What it finds at its beginning is no event: from here on it keeps them.
    let begun = format!("from now on (pid {})", third.pid());
    until("it keeps the events", || get(&site.socket, "/v1/events?lines=1000").to_string().contains(&begun));
    signal(pid, Signal::SIGKILL);
    let pid = running(2, pid);
    let is_told = |value: &Value| value["id"] == "zoe" && (value["kind"] == "crashed" || value["kind"] == "restarted");
    until("it is told", || get(&site.socket, "/v1/events?lines=1000")["events"].as_array().unwrap().iter().any(is_told));
    assert_eq!(site.instance("zoe")["wish"], json!("up"));
    assert_eq!(site.tree.row("zoe")["pid"], json!(pid));
}

/// A server that is started as a user's script does.
fn by_hand(site: &Site) -> std::process::Child {
    let mut command = std::process::Command::new(BERTH);
    let config = site.tree.path().join("users/zoe/config/config.json");
    command.args(["demo-server", &format!("--config={}", config.display())]).current_dir(site.tree.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn what_was_adopted_and_starts_itself_again_is_not_started_beside_that() {
    let site = Site::of(Tree::with(&["zoe"], "restart = \"on-failure\""));
    let daemon = site.daemon();
    let pid_file = site.tree.path().join("users/zoe/server.pid");
    let mut child = by_hand(&site);
    std::fs::write(&pid_file, child.id().to_string()).unwrap();
    until("it is seen", || site.instance("zoe")["pid"].as_i64() == Some(i64::from(child.id())));
    assert_eq!(site.tree.berth(&["adopt", "zoe"]).0, 0);
    until("it is wished up", || site.instance("zoe")["wish"] == "up");
    // Its own next process does not serve yet.
    let mut next = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    std::fs::write(&pid_file, next.id().to_string()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    until("it has ended", || site.instance("zoe")["state"] == "crashed");
    let pass = get(&site.socket, "/health")["serving_s"].as_u64().unwrap() + 3;
    until("the daemon had time enough to start one", || get(&site.socket, "/health")["serving_s"].as_u64() >= Some(pass));
    assert!(site.instance("zoe")["pid"].is_null());
    let mut child = by_hand(&site);
    std::fs::write(&pid_file, child.id().to_string()).unwrap();
    next.kill().unwrap();
    next.wait().unwrap();
    let own = || Some(site.instance("zoe")).filter(|row| row["pid"].as_i64() == Some(i64::from(child.id())));
    until("it is berth's again", || own().is_some_and(|row| row["state"] == "running" && row["wish"] == "up"));
    let events = get(&site.socket, "/v1/events?lines=1000").to_string();
    assert_eq!(events.matches("start by berth").count(), 0, "{events}");
    assert_eq!(site.tree.berth(&["stop", "zoe"]).0, 0);
    child.wait().unwrap();
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
}

#[test]
fn what_was_adopted_is_started_again_and_left_alone_when_somebody_ended_it() {
    let site = Site::of(Tree::with(&["zoe"], "restart = \"on-failure\""));
    let mut daemon = site.daemon();
    let pid_file = site.tree.path().join("users/zoe/server.pid");
    // What the guide's script does: it starts it, writes its pid, and at its end removes that.
    for is_asked in [false, true] {
        let mut child = by_hand(&site);
        let pid = i64::from(child.id());
        std::fs::write(&pid_file, pid.to_string()).unwrap();
        until("it is seen", || site.instance("zoe")["pid"].as_i64() == Some(pid));
        let (code, out, errors) = site.tree.berth(&["adopt", "zoe"]);
        assert_eq!(code, 0, "{out}{errors}");
        until("it is wished up", || site.instance("zoe")["wish"] == "up");
        // Whether a daemon looks just then does not matter.
        assert_eq!(daemon.end(Signal::SIGKILL), None);
        if is_asked {
            std::fs::remove_file(&pid_file).unwrap();
        }
        signal(pid, if is_asked { Signal::SIGTERM } else { Signal::SIGKILL });
        child.wait().unwrap();
        daemon = site.daemon();
        if is_asked {
            until("it is known that somebody ended it", || site.instance("zoe")["wish"] == "down");
            assert_eq!(site.instance("zoe")["state"], "stopped");
        } else {
            let again = || Some(site.instance("zoe")).filter(|row| row["state"] == "running" && row["restarts"] == 1);
            until("it runs again", || again().is_some_and(|row| row["pid"].as_i64() != Some(pid)));
            let row = site.instance("zoe");
            // It has a keeper by now, which sees to the next end.
            signal(row["pid"].as_i64().unwrap(), Signal::SIGKILL);
            until("its keeper starts it", || site.instance("zoe")["restarts"] == 2 && site.instance("zoe")["state"] == "running");
            assert_eq!(site.tree.berth(&["stop", "zoe"]).0, 0);
        }
    }
    let events = get(&site.socket, "/v1/events?lines=1000").to_string();
    assert_eq!(events.matches("start by berth (it ended unasked): ").count(), 1, "{events}");
}

#[test]
fn a_daemon_whose_own_work_panics_answers_still() {
    let site = Site::new(&["zoe"]);
    let daemon = site.daemon_with(&[(VARIABLE, "berth-restore")]);
    assert_eq!(site.tree.berth(&["start", "zoe"]).0, 0);
    assert_eq!(daemon.end(Signal::SIGTERM), Some(0));
}
