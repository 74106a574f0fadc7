//! A fourth account's process takes a stopped instance's port: it is named at once, on the screen and in JSON, and nothing is started over it.
//!
//! It must never count the time before the stranger listens: what is measured begins with listen().

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::accounts::Account;
use crate::parts;
use crate::world::World;

/// Listens on the port that it is given, and says so when it does.
const LISTENER: &str = "require('net').createServer().listen(+process.argv[1], '0.0.0.0', () => console.log('listening'))";

/// A process that listens, killed when dropped.
struct Stranger(Child);

impl Stranger {
    fn listen(account: &Account, node: &Path, port: u16) -> Self {
        let mut child = account.command(node).args(["-e", LISTENER, &port.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "listening\n");
        Self(child)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a09_a_stranger_on_a_stopped_owners_port_is_named_and_never_started_over() {
    let Some(()) = parts::root() else { return };
    let Some(everything) = parts::everything() else { return };
    let world = World::new(&everything, 3);
    let names = world.names();
    let (victim, port) = (&world.owners[0], world.ports[0]);
    world.berth.done(&[&["start"], names.as_slice()].concat());
    world.berth.done(&["stop", &victim.name]);

    let stranger = Account::make();
    let mut console = world.berth.console(200, 50);
    console.until("all three owners", Duration::from_secs(60), |text| names.iter().all(|name| text.contains(name)));
    let taker = Stranger::listen(&stranger, &world.node, port);
    // setpriv executes the program in its own place: the pid is the listener's.
    let pid = taker.0.id();
    let named = |text: &str| [stranger.name.as_str(), &port.to_string(), &pid.to_string()].iter().all(|word| text.contains(word));
    let took = console.until("the port, the pid and the account that took it", Duration::from_secs(60), |text| text.lines().any(named));
    println!("on the screen after {took:?}");
    console.keys("q");
    assert_eq!(console.end(Duration::from_secs(60)), 0);

    let list = world.berth.json(&["ls"]);
    let finding = list["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == "port-taken");
    let finding = finding.unwrap_or_else(|| panic!("no port-taken in {list:#}"));
    assert_eq!(finding["instances"], serde_json::json!([victim.name]), "{finding:#}");
    assert_eq!(finding["pids"], serde_json::json!([pid]), "{finding:#}");
    assert_eq!(finding["port"], port);
    let evidence = finding["evidence"].as_str().unwrap();
    assert!(named(evidence), "{evidence}");
    let row = world.berth.instance(&victim.name);
    assert_eq!(row["findings"], serde_json::json!(["port-taken"]), "{row:#}");
    assert_eq!(world.berth.run(&["check"]).code, Some(1));

    let ran = world.berth.run(&["start", &victim.name]);
    assert_eq!(ran.code, Some(5), "{}", ran.text);
    assert!(named(&ran.text), "{}", ran.text);
    victim.assert_idle();

    drop(taker);
    world.berth.done(&["start", &victim.name]);
    assert_eq!(world.berth.instance(&victim.name)["findings"], serde_json::json!([]));
}
