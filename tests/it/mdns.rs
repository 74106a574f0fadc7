//! What servers announce, on a network of the test's own: heard when asked for, joined to the instances, and cut off where it is a flood.
//!
//! It must never multicast anything on a network that somebody else is on.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mdns_sd::{ServiceDaemon, ServiceInfo};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::actions::{BERTH, signal, told};
use super::api::{get, until};
use super::link::{HERE, apart};
use super::serve::Site;
use super::stage::{PATIENCE, Stage};

const KIND: &str = "_mcp._tcp.local.";

/// Announces a service, without asking first whether the name is somebody's.
fn announce(name: &str, host: &str, address: Ipv4Addr, port: u16) -> ServiceDaemon {
    let daemon = ServiceDaemon::new().unwrap();
    let texts = [("path", "/mcp"), ("note", "\u{1b}[2Jgone")];
    let mut service = ServiceInfo::new(KIND, name, host, IpAddr::from(address), port, &texts[..]).unwrap();
    service.set_requires_probe(false);
    daemon.register(service).unwrap();
    daemon
}

fn berth(stage: &Stage, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(BERTH);
    command.arg("--config").arg(stage.config()).args(words).env("BERTH_STATE", stage.path().join("state"));
    told(command.stdin(Stdio::null()).output().unwrap())
}

/// A document as soon as it is as wanted.
fn document(stage: &Stage, words: &[&str], is_wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let (code, text, errors) = berth(stage, words);
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {code} {text} {errors}"));
        if is_wanted(&document) {
            return document;
        }
        assert!(begun.elapsed() < PATIENCE, "{words:?}: {document:#}");
    }
}

/// Name, instance and whether it is here.
fn services(document: &Value) -> Vec<(&str, Option<&str>, bool)> {
    let all = document["services"].as_array().unwrap().iter();
    all.map(|service| (service["name"].as_str().unwrap(), service["instance"].as_str(), service["here"].as_bool().unwrap())).collect()
}

#[test]
fn what_is_announced_is_heard_and_joined_to_the_instances() {
    apart(|| {
        let stage = Stage::set();
        let (code, text, errors) = berth(&stage, &["discover", "--for", "500ms"]);
        assert_eq!((code, text.as_str()), (0, "no service was announced within 0.5 s\n"), "{errors}");
        let here = Ipv4Addr::from(HERE);
        let announcers = [
            announce("Ann's", "a.local.", here, stage.first),
            announce("Other", "b.local.", Ipv4Addr::new(10, 77, 0, 9), 8000),
            announce("Left over", "c.local.", here, 9),
        ];
        let heard = document(&stage, &["discover", "--json", "--for", "2s"], |document| services(document).len() == 3);
        assert_eq!(services(&heard), [("Ann's", Some("ann"), true), ("Left over", None, true), ("Other", None, false)], "{heard:#}");
        let first = &heard["services"][0];
        assert_eq!((&first["type"], &first["host"], &first["addresses"][0]), (&KIND.into(), &"a.local.".into(), &"10.77.0.1".into()));
        assert_eq!((first["port"].as_u64(), &first["txt"]["path"]), (Some(stage.first.into()), &"/mcp".into()));
        assert!(first["txt"]["note"].as_str().unwrap().contains("[2Jgone") && !heard.to_string().contains("\\u001b"), "{first:#}");
        assert!(heard["findings"].as_array().unwrap().is_empty(), "{heard:#}");
        let (_, text, _) = berth(&stage, &["discover", "_mcp._tcp", "--for", "2s"]);
        assert!(text.contains("instance  ann\n") && text.contains("on other hosts\n") && !text.contains('\u{1b}'), "{text}");
        // Of a type that nobody announces there is nothing.
        let (code, text, _) = berth(&stage, &["discover", "_none._tcp", "--for", "500ms"]);
        assert!(code == 0 && text.starts_with("no service"), "{text}");
        // Not configured: nobody listens.
        let (_, text, _) = berth(&stage, &["show", "ann", "--json"]);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["instance"]["announced"], Value::Null);

        // Another instance under the same name.
        let second = announce("Ann's", "d.local.", here, stage.first + 1);
        let mut config = fs::read_to_string(stage.config()).unwrap();
        config.push_str(&format!("[[discover]]\nmdns = \"{KIND}\"\n"));
        fs::write(stage.config(), config).unwrap();
        let is_shared = |document: &Value| {
            let is = |finding: &Value| finding["code"] == "mdns-name-shared" && finding["instances"] == serde_json::json!(["ann", "ben"]);
            document["findings"].as_array().unwrap().iter().any(is)
        };
        let checked = document(&stage, &["check", "--json"], is_shared);
        let finding = checked["findings"].as_array().unwrap().iter().find(|one| one["code"] == "mdns-name-shared").unwrap();
        let expected = "ann's instance and ben's instance announce one name, Ann's (_mcp._tcp.local.), and hide each other";
        assert_eq!((&finding["evidence"], &finding["level"]), (&expected.into(), &"warning".into()));
        let shown = document(&stage, &["show", "ann", "--json"], |document| !document["instance"]["announced"][0].is_null());
        assert_eq!(shown["instance"]["announced"][0]["name"], "Ann's");
        let (_, text, _) = berth(&stage, &["show", "ann"]);
        assert!(text.contains("announced as   Ann's (_mcp._tcp.local.) at 10.77.0.1, port"), "{text}");

        // The console shows it, too, and what is nobody's on the host's tab.
        let mut console = stage.console(160, 50);
        console.keys("\r");
        console.until("it is in the detail", PATIENCE, |text| text.contains("Ann's (_mcp._tcp.local.)"));
        console.keys("5");
        console
            .until("the others are on the tab", PATIENCE, |text| text.contains("ANNOUNCED") && text.contains("Other (_mcp._tcp.local.)"));
        drop((announcers, second));
    });
}

/// Whether anybody on this thread's network has the port of mDNS.
fn is_heard(pid: i64) -> bool {
    let tables = ["udp", "udp6"].map(|name| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap());
    tables.iter().any(|table| table.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|place| place.ends_with(":14E9"))))
}

#[test]
fn nothing_is_multicast_where_nobody_asked_for_it() {
    apart(|| {
        let site = Site::new(&["zoe"]);
        let daemon = site.daemon();
        until("it has served for a while", || get(&site.socket, "/health")["serving_s"].as_u64() >= Some(3));
        assert!(!is_heard(daemon.pid()));
        daemon.end(Signal::SIGTERM);
        let mut config = fs::read_to_string(site.tree.config()).unwrap();
        config.push_str("[[discover]]\nmdns = \"_mcp._tcp\"\n");
        fs::write(site.tree.config(), config).unwrap();
        let daemon = site.daemon();
        until("it listens", || is_heard(daemon.pid()));
        until("it listens no more", || !is_heard(daemon.pid()));
        daemon.end(Signal::SIGTERM);
    });
}

/// A name of the wire.
fn name(labels: &[&[u8]]) -> Vec<u8> {
    let mut bytes: Vec<u8> = labels.iter().flat_map(|label| [&[u8::try_from(label.len()).unwrap()], *label].concat()).collect();
    bytes.push(0);
    bytes
}

/// A record, RFC 1035 section 3.2.1.
fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 120]);
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

/// An answer that nobody asked for: a service with much to say, and names to which nothing belongs.
fn forged(number: u32) -> Vec<u8> {
    let label = format!("\u{1b}]0;{number}\u{7}\u{202e}");
    let kind = name(&[b"_mcp", b"_tcp", b"local"]);
    let full = name(&[label.as_bytes(), b"_mcp", b"_tcp", b"local"]);
    let host = name(&[format!("h{number}").as_bytes(), b"local"]);
    let text: Vec<u8> = (0..4).flat_map(|_| [&[200][..], &[b'x'; 200]].concat()).collect();
    let mut records = vec![
        record(&kind, 12, &full),
        record(&full, 33, &[&[0, 0, 0, 0, 31, 64][..], &host].concat()),
        record(&full, 16, &text),
        record(&host, 1, &[10, 77, 0, 1]),
    ];
    records.extend((0..8).map(|more| record(&name(&[format!("{number}-{more}").as_bytes(), b"local"]), 1, &[10, 77, 1, more])));
    let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, u8::try_from(records.len()).unwrap(), 0, 0, 0, 0];
    packet.extend(records.concat());
    packet
}

/// The processes that hear for a process.
fn ears(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect::<Vec<_>>().join(" ");
    let is_ear = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("mdns-ear"));
    children.split_whitespace().map(|pid| pid.parse().unwrap()).filter(is_ear).collect()
}

/// The most memory that a process had, KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[test]
fn who_hears_has_nobodys_rights_and_ends_with_who_asked() {
    apart(|| {
        let stage = Stage::set();
        let mut command = Command::new(BERTH);
        command.arg("--config").arg(stage.config()).args(["discover", "--for", "60s"]).env("BERTH_STATE", stage.path().join("state"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let status = |pid: u32| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let is_ready = |pid: &u32| is_heard((*pid).into()) && status(*pid).contains("NoNewPrivs:\t1");
        until("it hears", || ears(child.id()).iter().any(is_ready));
        let ear = ears(child.id())[0];
        let told = status(ear);
        for expected in ["Uid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n"]
        {
            assert!(told.contains(expected), "{expected}: {told}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        until("it ended", || !Path::new(&format!("/proc/{ear}")).exists() || status(ear).contains("State:\tZ"));
    });
}

#[test]
fn where_who_hears_fails_it_is_said_and_all_else_goes_on() {
    apart(|| {
        let stage = Stage::set();
        let mut command = Command::new(BERTH);
        command.arg("--config").arg(stage.config()).args(["discover", "--for", "60s", "--json"]);
        let child = command.env("BERTH_STATE", stage.path().join("state")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("it hears", || ears(child.id()).iter().any(|pid| is_heard((*pid).into())));
        signal(ears(child.id())[0].into(), Signal::SIGKILL);
        let (code, text, errors) = told(child.wait_with_output().unwrap());
        assert!(code == 0 && text.contains("what is announced by mDNS cannot be heard: what hears them ended"), "{code} {text} {errors}");
    });
}

#[test]
fn a_flood_of_announcements_is_cut_off() {
    apart(|| {
        let stage = Stage::set();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let flood = std::thread::spawn(move || {
            let socket = UdpSocket::bind((Ipv4Addr::from(HERE), 0)).unwrap();
            for number in 0.. {
                // A full buffer is no concern of whoever floods.
                let _ = socket.send_to(&forged(number), (Ipv4Addr::new(224, 0, 0, 251), 5353));
                if over.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let mut command = Command::new(BERTH);
        command.arg("--config").arg(stage.config()).args(["discover", "--for", "20s", "--json"]);
        let mut child = command.env("BERTH_STATE", stage.path().join("state")).stdout(Stdio::piped()).spawn().unwrap();
        // Read while it runs: what it says is more than a pipe holds.
        let mut out = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || std::io::read_to_string(&mut out).unwrap());
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            most = std::iter::once(child.id()).chain(ears(child.id())).map(resident).sum::<u64>().max(most);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        is_over.store(true, Ordering::Relaxed);
        flood.join().unwrap();
        let text = reader.join().unwrap();
        println!("{} KiB at the most, {} characters said", most, text.len());
        let heard: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(heard["notices"][0].as_str().unwrap().starts_with("more is announced by mDNS than can be true"), "{heard:#}");
        assert!(heard["services"].as_array().unwrap().len() <= 256 && !text.contains("\\u001b") && !text.contains('\u{202e}'));
        assert!(most < 96 << 10, "{most} KiB");
    });
}
