//! What the real daemon keeps of what happens on real servers: a crash, a conflict and its end, an action; and whom it tells.
//!
//! It must never rely on how soon anything is written.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::actions::signal;
use super::api::{Events, ask, get, until};
use super::serve::{Daemon, Site};

/// A site whose configuration says more.
fn site(owners: &[&str], more: &str) -> Site {
    let site = Site::new(owners);
    let text = fs::read_to_string(site.tree.config()).unwrap();
    fs::write(site.tree.config(), format!("{text}\n{more}")).unwrap();
    site
}

/// A daemon that keeps the events by now: what stood at its beginning is written.
fn daemon(site: &Site) -> Daemon {
    let daemon = site.daemon();
    let pid = format!("(pid {})", daemon.pid());
    until("the events are kept", || kept(site).iter().any(|event| event["kind"] == "began" && says(event, &pid)));
    daemon
}

fn says(event: &Value, text: &str) -> bool {
    event["sentence"].as_str().unwrap().contains(text)
}

fn told(site: &Site, words: &[&str]) -> Vec<Value> {
    let (code, text, errors) = site.tree.berth(&[&["events", "--json"], words].concat());
    assert_eq!(code, 0, "{errors}");
    serde_json::from_str::<Value>(&text).unwrap()["events"].as_array().unwrap().clone()
}

fn kept(site: &Site) -> Vec<Value> {
    told(site, &["-n", "10000"])
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).collect()
}

/// Has an instance run, then end without being asked.
fn crash(site: &Site, owner: &str) {
    assert_eq!(ask(&site.socket, "POST", &format!("/v1/instances/{owner}/start"), "").status, 200);
    until("it runs", || site.instance(owner)["state"] == "running");
    signal(site.instance(owner)["pid"].as_i64().unwrap(), Signal::SIGKILL);
    until("it is seen to have ended", || site.instance(owner)["state"] == "crashed");
}

#[test]
fn what_berth_ended_is_no_crash() {
    let site = site(&["zoe", "yan"], "");
    let text = fs::read_to_string(site.tree.config()).unwrap();
    fs::write(site.tree.config(), text.replace("stop_timeout = \"20s\"", "stop_timeout = \"1s\"")).unwrap();
    let _daemon = daemon(&site);
    let order = |what: &str| ask(&site.socket, "POST", &format!("/v1/instances/{what}"), "").status;
    assert_eq!(order("zoe/start"), 200);
    let pid = || site.instance("zoe")["pid"].as_i64();
    until("it runs", || site.instance("zoe")["state"] == "running");
    // What does not end when it is asked to is killed, three times.
    for _ in 0..3 {
        let before = pid();
        signal(before.unwrap(), Signal::SIGSTOP);
        assert_eq!(order("zoe/restart"), 200);
        until("another runs", || site.instance("zoe")["state"] == "running" && pid().is_some() && pid() != before);
    }
    crash(&site, "yan");
    let told = |owner: &str| of_kind(&kept(&site), "crashed").iter().filter(|event| event["id"] == owner).count();
    until("a crash is kept", || told("yan") > 0);
    assert_eq!((told("zoe"), told("yan")), (0, 1), "{:#?}", of_kind(&kept(&site), "crashed"));
}

#[test]
fn a_crash_is_an_event_beside_the_action_before_it() {
    let site = site(&["zoe", "yan"], "");
    let first = daemon(&site);
    crash(&site, "zoe");
    until("the crash is kept", || of_kind(&kept(&site), "crashed").len() == 1);
    let events = kept(&site);
    let crash = of_kind(&events, "crashed")[0];
    assert_eq!((&crash["id"], &crash["level"]), (&"zoe".into(), &"error".into()), "{crash:#}");
    assert!(says(crash, "killed by signal 9"), "{crash:#}");
    let action = of_kind(&events, "action")[0];
    assert_eq!((&action["action"]["verb"], &action["action"]["done"]), (&"start".into(), &true.into()), "{action:#}");
    // What the start brought about is not told beside it.
    let states = of_kind(&events, "state");
    assert!(states.iter().all(|event| !says(event, "-> running")), "{states:#?}");
    assert_eq!(told(&site, &["--user", "yan"]), [] as [Value; 0]);
    assert!(told(&site, &["--id", "zoe"]).len() >= 2);
    assert_eq!(told(&site, &["-n", "1"]).len(), 1);
    assert_eq!(told(&site, &["--since", "2126-01-01"]), [] as [Value; 0]);
    let (code, text, _) = site.tree.berth(&["events"]);
    assert!(code == 0 && text.contains("zoe  running -> crashed: killed by signal 9"), "{text}");
    // Begun again, it does not tell of it once more.
    assert_eq!(first.end(Signal::SIGTERM), Some(0));
    let _second = daemon(&site);
    assert_eq!(of_kind(&kept(&site), "crashed").len(), 1);
    assert_eq!(of_kind(&get(&site.socket, "/v1/events?id=zoe")["events"].as_array().unwrap().clone(), "crashed").len(), 1);
    assert_eq!(ask(&site.socket, "GET", "/v1/events?since=never", "").status, 400);
}

#[test]
fn a_conflict_has_a_beginning_and_an_end_and_so_has_one_that_ends_unseen() {
    let site = site(&["zoe", "yan"], "");
    let first = daemon(&site);
    let duplicate = |kind: &str| of_kind(&kept(&site), kind).iter().filter(|event| event["finding"] == "port-duplicate").count();
    let configure = |port: u16| site.tree.configure("yan", &format!("{{\"port\": {port}, \"host\": \"127.0.0.1\"}}"));
    let [zoes, yans] = site.tree.ports[..] else { panic!("two ports") };
    configure(zoes);
    until("it is found", || duplicate("found") == 1);
    configure(yans);
    until("it is over", || duplicate("over") == 1);
    configure(zoes);
    until("it is found again", || duplicate("found") == 2);
    assert_eq!(first.end(Signal::SIGKILL), None);
    configure(yans);
    let text = fs::read_to_string(site.tree.config()).unwrap();
    fs::write(site.tree.config(), format!("{text}\n[events]\nmost = 8\n")).unwrap();
    let _second = site.daemon();
    until("its end is told", || {
        kept(&site).iter().any(|event| says(event, &format!("port-duplicate of {zoes} is over; it ended while nobody looked")))
    });
    // And the changed configuration, and not many more than eight.
    until("the change is told", || kept(&site).iter().any(|event| says(event, "events.most 100000 -> 8")));
    assert!(kept(&site).iter().filter(|event| event["kind"] != "action").count() <= 10);
}

#[test]
fn a_damaged_file_is_put_aside_and_acting_goes_on() {
    let site = site(&["zoe"], "");
    fs::create_dir_all(site.tree.path().join("state")).unwrap();
    fs::write(site.tree.path().join("state/events.db"), "this is no database, however long it is. ".repeat(200)).unwrap();
    assert_eq!(site.tree.berth(&["start", "zoe"]).0, 0);
    let events = kept(&site);
    assert!(says(of_kind(&events, "lost")[0], "events.db was damaged"), "{events:#?}");
    assert_eq!(of_kind(&events, "action").len(), 1);
}

#[test]
fn the_journal_hears_of_events_and_actions() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("journal");
    let journal = UnixDatagram::bind(&place).unwrap();
    journal.set_read_timeout(Some(super::api::PATIENCE)).unwrap();
    let site = site(&["zoe"], &format!("[events]\njournal = \"{}\"\n", place.display()));
    let _daemon = daemon(&site);
    crash(&site, "zoe");
    let (mut started, mut crashed) = (false, false);
    while !(started && crashed) {
        let mut bytes = [0; 8192];
        let length = journal.recv(&mut bytes).unwrap();
        let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
        started |= text.contains("\nBERTH_VERB=start\n") && text.contains("\nBERTH_ID=zoe\n");
        crashed |= text.contains("\nBERTH_KIND=crashed\n") && text.contains("\nPRIORITY=3\n");
    }
}

/// Reads lines of a child until it is dropped.
struct Following(Child);

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn who_follows_is_told_each_once() {
    let site = site(&["zoe"], "");
    let _daemon = daemon(&site);
    let mut child = Following(site.tree.command(&["events", "--follow", "--json", "-n", "1"]).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    next();
    let mut stream = Events::of(&site.socket, "/v1/events?follow=1&lines=1");
    crash(&site, "zoe");
    let mut actions = 0;
    loop {
        let event = next();
        actions += usize::from(event["kind"] == "action");
        if event["kind"] == "crashed" {
            break;
        }
    }
    assert_eq!(actions, 1, "it comes before the crash, once");
    let has_crash = |value: &Value| value["events"].as_array().unwrap().iter().any(|event| event["kind"] == "crashed");
    stream.until("the crash", |name, value| name == "events" && has_crash(value));
}

/// A program that adds what it is told to a file, a line a time.
fn hook(directory: &Path) -> (PathBuf, PathBuf) {
    let (program, told) = (directory.join("hook"), directory.join("told"));
    fs::write(
        &program,
        format!("#!/usr/bin/env python3\nimport sys\ntext = sys.stdin.read()\nopen({:?}, 'a').write(text + '\\n')\n", told),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, told)
}

fn lines_of(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A web server that fails twice, then answers; what it was sent.
fn failing_twice() -> (u16, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let told = Arc::clone(&heard);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(value) = posted(stream.unwrap(), if number < 2 { "503 Busy" } else { "200 OK" }) else { return };
            told.lock().unwrap().push(value);
        }
    });
    (port, heard)
}

fn posted(stream: TcpStream, status: &str) -> std::io::Result<Value> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(serde_json::from_slice(&body).unwrap())
}

#[test]
fn a_hook_and_a_webhook_are_told_of_a_crash_once() {
    let directory = tempfile::tempdir().unwrap();
    let (program, told) = hook(directory.path());
    let (port, heard) = failing_twice();
    let more = format!(
        "[[notify]]\nevents = [\"crashed\"]\ncommand = [\"{}\"]\n[[notify]]\nevents = [\"crashed\"]\nurl = \"http://127.0.0.1:{port}/hook\"\n\
         [[notify]]\nevents = [\"crashed\"]\ncommand = [\"/no/such/program\"]\n",
        program.display()
    );
    let site = site(&["zoe"], &more);
    let _daemon = daemon(&site);
    crash(&site, "zoe");
    until("the hook is told", || lines_of(&told).len() == 1);
    let line = &lines_of(&told)[0];
    assert_eq!((&line["event"]["kind"], &line["event"]["id"], &line["schema"]), (&"crashed".into(), &"zoe".into(), &1.into()), "{line:#}");
    assert!(line["sentence"].as_str().unwrap().starts_with("zoe: running -> crashed"), "{line:#}");
    until("the webhook is told at the third time", || heard.lock().unwrap().len() == 3);
    let host = nix::unistd::gethostname().unwrap();
    assert!(heard.lock().unwrap().iter().all(|told| told["host"] == host.to_str().unwrap()), "whose it is");
    assert!(heard.lock().unwrap().iter().all(|value| value["event"] == line["event"]));
    until("who could not be told is named", || {
        of_kind(&kept(&site), "untold").iter().any(|event| says(event, "/no/such/program was not told"))
    });
    // Another one comes by itself, the first does not come again.
    crash(&site, "zoe");
    until("the second", || lines_of(&told).len() == 2 && heard.lock().unwrap().len() == 4);
}

#[test]
fn a_storm_is_told_as_one() {
    let directory = tempfile::tempdir().unwrap();
    let (program, told) = hook(directory.path());
    let owners: Vec<String> = (0..150).map(|number| format!("u{number:03}")).collect();
    let names: Vec<&str> = owners.iter().map(String::as_str).collect();
    let site = site(&names, &format!("[[notify]]\nevents = [\"configuration\"]\ncommand = [\"{}\"]\n", program.display()));
    let _daemon = daemon(&site);
    for (owner, port) in owners.iter().zip(&site.tree.ports) {
        site.tree.configure(owner, &format!("{{\"port\": {port}, \"host\": \"127.0.0.1\", \"workspace\": \"/srv/{owner}\"}}"));
    }
    let all = || {
        let lines = lines_of(&told);
        let single = lines.iter().filter(|line| line["more"] == 0).count() as u64;
        (single, lines.iter().map(|line| line["more"].as_u64().unwrap()).sum::<u64>(), lines.len())
    };
    until("all are told, most of them as a number", || {
        let (single, more, _) = all();
        single + more >= 150
    });
    let (single, more, lines) = all();
    assert!(more > 0 && lines < 150, "{single} one by one, {more} in numbers, {lines} in all");
}
