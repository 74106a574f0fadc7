//! server-everything over both transports: berth says which server it is and that it is well, and leaves nothing behind in it; and what a
//! stranger answers on an owner's port is no health.
//!
//! It must never take a session that is still being closed for one that stays: each count is waited for.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::accounts::Account;
use crate::parts;
use crate::world::{SERVER, World};

/// So often an instance is looked at closely: each time it is asked who it is.
const LOOKS: usize = 25;

/// Answers everybody that all is well, and tells each question.
const STRANGER: &str = "require('http').createServer((q, a) => { console.log('asked ' + q.url); a.end('{\"status\":\"ok\"}') })
    .listen(+process.argv[1], '0.0.0.0', () => console.log('listening'))";

/// A process that is killed when dropped.
struct Stranger(Child);

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two owners, the second one's server over the older transport.
fn world(everything: &parts::Everything) -> World {
    let world = World::new(everything, 2);
    let other = &world.owners[1].name;
    let either =
        format!("process.argv[2] = process.argv[2] === '{other}' ? 'sse' : 'streamableHttp';\nawait import('./node_modules/{SERVER}');\n");
    let path = world.base.join("either.mjs");
    fs::write(&path, either).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let text = fs::read_to_string(&world.berth.config).unwrap();
    let command = format!("\"{{base}}/node_modules/{SERVER}\", \"streamableHttp\"");
    assert!(text.contains(&command), "{text}");
    fs::write(&world.berth.config, text.replace(&command, "\"{base}/either.mjs\", \"{user}\"")).unwrap();
    world
}

fn health(world: &World, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let shown = world.berth.json(&["show", id])["instance"]["health"].clone();
        if !shown["server"].is_null() {
            return shown;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{id}: {shown:#}");
    }
}

fn log(world: &World, id: &str) -> String {
    fs::read_to_string(world.base.join("users").join(id).join("logs/server.log")).unwrap()
}

/// Waits until a log tells of as many ends as of beginnings, and says how many that are.
fn balanced(world: &World, id: &str, begin: &str, end: &str) -> usize {
    let begun = Instant::now();
    loop {
        let log = log(world, id);
        let (begins, ends) = (log.matches(begin).count(), log.matches(end).count());
        if begins == ends {
            return begins;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{begins} times `{begin}` and {ends} times `{end}`:\n{log}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_says_which_server_it_is_and_leaves_no_session_behind() {
    let Some(()) = parts::root() else { return };
    let Some(everything) = parts::everything() else { return };
    let world = world(&everything);
    let names = world.names();
    world.berth.done(&[&["start"], names.as_slice()].concat());
    let (http, sse) = (names[0], names[1]);

    let told = health(&world, http);
    assert_eq!(told["state"], "healthy", "{told:#}");
    let server = &told["server"];
    assert!(server["name"].as_str().unwrap().contains("everything") && server["version"].is_string(), "{server:#}");
    for (key, expected) in [("protocol", "2025-11-25"), ("transport", "http"), ("era", "legacy"), ("path", "/mcp")] {
        assert_eq!(server[key], expected, "{server:#}");
    }
    assert_eq!((&server["sessions"], &server["wants_key"]), (&Value::Bool(true), &Value::Bool(false)));
    assert!(server["capabilities"].as_array().unwrap().contains(&"tools".into()), "{server:#}");
    let told = health(&world, sse);
    assert_eq!((&told["state"], &told["server"]["transport"], &told["server"]["path"]), (&"healthy".into(), &"sse".into(), &"/sse".into()));

    for _ in 0..LOOKS {
        for id in &names {
            world.berth.done(&["show", id]);
        }
    }
    let sessions = balanced(&world, http, "Session initialized with ID", "Transport closed for session");
    assert!(sessions > LOOKS, "{sessions}");
    let streams = balanced(&world, sse, "Client Connected", "Client Disconnected");
    assert!(streams > LOOKS, "{streams}");

    // Somebody else on the first one's port says that all is well.
    world.berth.done(&["stop", http]);
    let account = Account::make();
    let mut command = account.command(&world.node);
    let mut stranger = Stranger(command.args(["-e", STRANGER, &world.ports[0].to_string()]).stdout(Stdio::piped()).spawn().unwrap());
    let mut says = BufReader::new(stranger.0.stdout.take().unwrap()).lines();
    assert_eq!(says.next().unwrap().unwrap(), "listening");
    let row = world.berth.instance(http);
    assert_eq!(row["findings"], serde_json::json!(["port-taken"]), "{row:#}");
    assert_eq!((&row["health"]["state"], &row["health"]["server"]), (&"unknown".into(), &Value::Null), "{row:#}");
    world.berth.done(&["show", http]);
    drop(stranger);
    assert_eq!(says.next().map(Result::unwrap), None, "a stranger was asked");
}
