//! Ports given to real instances: while somebody squats on one, and where the file lies in a directory of root's.
//!
//! It must never take berth's word for what a server listens on or what a file says.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::accounts::Account;
use crate::adding::Empty;
use crate::parts;
use crate::world::World;

/// Listens on the port that it is given, and says so when it does.
const LISTENER: &str = "require('net').createServer().listen(+process.argv[1], '0.0.0.0', () => console.log('listening'))";

/// Who squats; gone with the test.
struct Squatter(Child);

impl Squatter {
    fn on(account: &Account, node: &Path, port: u16) -> Self {
        let mut child = account.command(node).args(["-e", LISTENER, &port.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "listening\n");
        Self(child)
    }
}

impl Drop for Squatter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a server answers to a client's first message.
fn greeting(port: u16) -> String {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !String::from_utf8_lossy(&answer).contains("serverInfo") {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(length) => answer.extend_from_slice(&part[..length]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn while_alices_port_is_squatted_assign_has_her_serve_on_another_one() {
    let Some(()) = parts::root() else { return };
    let Some(everything) = parts::everything() else { return };
    let world = World::new(&everything, 3);
    let names = world.names();
    let (alice, old) = (&world.owners[0], world.ports[0]);
    world.berth.done(&[&["start"], names.as_slice()].concat());
    let others: Vec<_> = names[1..].iter().map(|name| world.berth.instance(name)["pid"].clone()).collect();
    // Her server ends, and before it is started again somebody else has its port.
    let pid = world.berth.instance(&alice.name)["pid"].as_i64().unwrap();
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    let begun = Instant::now();
    while world.berth.instance(&alice.name)["state"] != "crashed" || TcpListener::bind(("0.0.0.0", old)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:#}", world.berth.instance(&alice.name));
        std::thread::sleep(Duration::from_millis(50));
    }
    let stranger = Account::make();
    let _squatter = Squatter::on(&stranger, &world.node, old);
    let config = world.base.join("users").join(&alice.name).join("config/config.json");
    let before = fs::read_to_string(&config).unwrap();

    let ran = world.berth.run(&["assign", &alice.name, "--port", "auto", "--reason", "squatted"]);
    assert!(ran.code == Some(0) && ran.text.contains("; running: pid "), "{}", ran.text);

    // She serves there, and it is her process that does.
    let row = world.berth.instance(&alice.name);
    let new = u16::try_from(row["port"].as_u64().unwrap()).unwrap();
    assert!(new != old && !world.ports.contains(&new), "{new}");
    assert_eq!((&row["state"], &row["listening"][0]["port"], &row["uid"]), (&"running".into(), &new.into(), &alice.uid.into()), "{row:#}");
    assert!(greeting(new).contains("serverInfo"), "{}", greeting(new));
    // That one value changed in her file, which is hers as before.
    assert_eq!(fs::read_to_string(&config).unwrap(), before.replace(&format!("\"port\":{old}"), &format!("\"port\":{new}")));
    assert!(before.contains(&format!("\"port\":{old}")), "{before}");
    let facts = fs::metadata(&config).unwrap();
    assert_eq!((facts.uid(), facts.mode() & 0o7777), (alice.uid, 0o600));
    // It is recorded, with why; the clients' entry is right, and nobody else was touched.
    let events = rusqlite::Connection::open(world.berth.state.join("events.db")).unwrap();
    let last =
        "SELECT verb || ' ' || instance || ' ' || exit_code || ' ' || reason || ': ' || result FROM actions ORDER BY id DESC LIMIT 1";
    let told: String = events.query_row(last, [], |row| row.get(0)).unwrap();
    assert!(told.starts_with(&format!("assign auto {} 0 squatted: has port {new} instead of {old} ({old} ", alice.name)), "{told}");
    let snippet = world.berth.json(&["client", &alice.name, "--for", "claude-code"]);
    assert!(snippet.to_string().contains(&format!("http://127.0.0.1:{new}/mcp")), "{snippet:#}");
    assert_eq!(world.berth.run(&["port", &alice.name]).text, format!("{new}\n"));
    let still: Vec<_> = names[1..].iter().map(|name| world.berth.instance(name)["pid"].clone()).collect();
    assert_eq!(still, others);
}

/// Whose it is, and who may read it.
fn facts(path: &Path) -> (u32, u32, u32) {
    let facts = fs::symlink_metadata(path).unwrap();
    (facts.uid(), facts.gid(), facts.mode() & 0o7777)
}

#[test]
fn a_file_in_a_directory_of_roots_is_changed_there_and_its_owner_stays() {
    let Some(()) = parts::root() else { return };
    let (world, svc) = (Empty::new(), Account::make());
    let desk = world.base.join("desk");
    fs::create_dir_all(&desk).unwrap();
    let file = desk.join(format!(".env.{}", svc.name));
    let text = |port: &str| format!("# the port\nA_PORT={port}\nA_SECRET=x\n");
    // The directory's owner and mode, the file's, and whether it is changed; as the guides have them first.
    let cases = [
        ((0, 0o755), (svc.uid, svc.gid, 0o600), true),
        ((0, 0o755), (0, svc.gid, 0o640), true),
        ((0, 0o755), (svc.uid, 0, 0o640), true),
        ((svc.uid, 0o755), (svc.uid, svc.gid, 0o600), true),
        // Where the account may put another file in the place of root's, root leaves it alone; and it is not the account's to change.
        ((svc.uid, 0o755), (0, svc.gid, 0o640), false),
        ((0, 0o777), (0, svc.gid, 0o640), false),
    ];
    for ((owner, mode), (uid, gid, file_mode), is_changed) in cases {
        let case = format!("directory of {owner} {mode:o}, file of {uid} {gid} {file_mode:o}");
        let _ = fs::remove_file(&file);
        fs::write(&file, text("1")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(file_mode)).unwrap();
        chown(&file, Some(uid), Some(gid)).unwrap();
        chown(&desk, Some(owner), Some(owner)).unwrap();
        fs::set_permissions(&desk, fs::Permissions::from_mode(mode)).unwrap();
        let ran = world.berth.run(&["assign", &svc.name, "--port", "auto"]);
        let said = fs::read_to_string(&file).unwrap();
        if is_changed {
            assert_eq!(ran.code, Some(0), "{case}: {}", ran.text);
            let port = world.berth.run(&["port", &svc.name]).text;
            assert!(said == text(port.trim()) && port.trim() != "1", "{case}: {said}");
        } else {
            assert!(ran.code == Some(3) && ran.text.contains("was not changed") && said == text("1"), "{case}: {}", ran.text);
        }
        assert_eq!(facts(&file), (uid, gid, file_mode), "{case}");
        assert_eq!(fs::read_dir(&desk).unwrap().count(), 1, "{case}: nothing is left beside it");
    }
    // A second name, and a link in the place of the file, lead nowhere.
    chown(&desk, Some(0), Some(0)).unwrap();
    fs::set_permissions(&desk, fs::Permissions::from_mode(0o755)).unwrap();
    fs::hard_link(&file, world.base.join("second")).unwrap();
    let ran = world.berth.run(&["assign", &svc.name, "--port", "auto"]);
    assert!(ran.code == Some(1) && ran.text.contains("hard link"), "{}", ran.text);
    assert_eq!(fs::read_to_string(&file).unwrap(), text("1"));
}
