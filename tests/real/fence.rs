//! What `berth deploy nftables` writes, in the kernel's own hands: in a network of the test's own, with real accounts and real servers.
//!
//! It must never load a rule into the machine's own network.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use berth::deploy::nftables;
use berth::domain::{Allowed, Fence, Gate, Gid, InstanceId, Network, Shown, Uid};

use crate::accounts::Account;
use crate::parts;
use crate::world::World;

/// Another's table, which is to stay as it is.
const ANOTHERS: &str = "table inet anothers {\n set kept {\n type inet_service;\n elements = { 1, 2 }\n }\n}\n";

/// A network of its own that lasts as long as this.
struct Net(Child);

impl Net {
    /// Makes one with its loopback device up. The reason where this kernel or this machine cannot.
    fn make() -> Result<Self, String> {
        let child =
            Command::new("unshare").args(["--net", "sleep", "1000"]).stdin(Stdio::null()).spawn().map_err(|error| error.to_string())?;
        let net = Self(child);
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let begun = Instant::now();
        // It is another's from the moment on that unshare(1) has become the sleeper.
        while namespace(&net.pid()).is_none_or(|its| Some(its) == namespace("self")) {
            assert!(begun.elapsed() < Duration::from_secs(60), "unshare made no network");
            std::thread::sleep(Duration::from_millis(10));
        }
        net.try_run(&["ip", "link", "set", "lo", "up"])?;
        net.try_run(&["nft", "add", "table", "inet", "anothers"])?;
        Ok(net)
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid(), "--net", "--"]).args(words).current_dir("/");
        command
    }

    fn output(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn try_run(&self, words: &[&str]) -> Result<String, String> {
        let output = self.command(words).output().map_err(|error| error.to_string())?;
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(text) } else { Err(format!("{}: {text}", words.join(" "))) }
    }

    /// Runs what must succeed, and gives what it printed.
    fn run(&self, words: &[&str]) -> String {
        self.try_run(words).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Loads a ruleset after nft has only read it.
    fn load(&self, text: &str) {
        for options in [&["-c", "-f", "-"][..], &["-f", "-"]] {
            let mut child = self.command(&[&["nft"], options].concat()).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Whether an account that asks for something there is served, or refused; anything else fails.
    fn is_served(&self, (uid, gid): (u32, u32), address: &str, port: u16) -> bool {
        let script = format!("exec 3<>/dev/tcp/{address}/{port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -c 5 <&3");
        let ids = [format!("--reuid={uid}"), format!("--regid={gid}")];
        let output = self.output(&["timeout", "60", "setpriv", &ids[0], &ids[1], "--clear-groups", "--", "bash", "-c", &script]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        match (output.stdout.as_slice(), error.contains("Connection refused")) {
            (b"HTTP/", _) => true,
            (b"", true) => false,
            _ => panic!("{address} {port} as {uid}: {output:?}"),
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// berth in that network.
fn command(net: &Net, world: &World, words: &[&str]) -> Command {
    let berth = &world.berth;
    let program = [env!("CARGO_BIN_EXE_berth"), "--config", berth.config.to_str().unwrap()];
    let mut command = net.command(&[&program, words].concat());
    command.env("BERTH_STATE", &berth.state).env("XDG_CONFIG_HOME", &berth.home);
    command
}

/// What it prints, where it must succeed.
fn berth(net: &Net, world: &World, words: &[&str]) -> String {
    let output = command(net, world, words).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "berth {}:\n{text}{}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    text
}

fn configure(config: &Path, text: &str) {
    let mut file = fs::OpenOptions::new().append(true).open(config).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn only_the_owner_is_served() {
    let (Some(()), Some(everything)) = (parts::root(), parts::everything()) else { return };
    let Some(net) = parts::part("nftables", Net::make()) else { return };
    let (world, zoe, eve) = (World::new(&everything, 2), Account::make(), Account::make());
    configure(&world.berth.config, &format!("[firewall]\nallow = [\"%{}\"]\naddresses = [\"192.0.2.2\"]\n", zoe.name));
    world.accept_nothing();
    let (alice, bob) = (&world.owners[0], &world.owners[1]);
    berth(&net, &world, &[&["start"], world.names().as_slice()].concat());
    // bob's is in the registry, alice's is only discovered.
    berth(&net, &world, &["adopt", &bob.name]);

    let open = |level: &str| {
        let output = command(&net, &world, &["check", "--json"]).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let all = document["findings"].as_array().unwrap().iter().filter(|one| one["code"] == "auth-missing");
        let levels: Vec<&str> = all.map(|one| one["level"].as_str().unwrap()).collect();
        assert_eq!(levels, [level; 2], "{document:#}");
    };
    open("error");

    net.load(ANOTHERS);
    let kept = net.run(&["nft", "list", "table", "inet", "anothers"]);
    let folder = world.base.join("rules");
    berth(&net, &world, &["deploy", "nftables", "--out", folder.to_str().unwrap()]);
    let file = folder.join("berth.nft");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(berth(&net, &world, &["deploy", "nftables"]), text);
    net.load(&text);
    let loaded = net.run(&["nft", "list", "table", "inet", "berth"]);
    for again in ["-c", "-n"] {
        net.run(&["nft", again, "-f", file.to_str().unwrap()]);
        assert_eq!(net.run(&["nft", "list", "table", "inet", "berth"]), loaded);
    }
    assert_eq!(net.run(&["nft", "list", "table", "inet", "anothers"]), kept);

    let ids = |account: &Account| (account.uid, account.gid);
    for (owner, other, port) in [(alice, bob, world.ports[0]), (bob, alice, world.ports[1])] {
        for address in ["127.0.0.1", "::1", "127.0.0.2"] {
            let accounts = [ids(owner), (0, 0), ids(&zoe), ids(other), ids(&eve), (65_534, 65_534)];
            let served = accounts.map(|who| net.is_served(who, address, port));
            let expected = [true, true, true, false, false, false];
            assert_eq!(served, expected, "{address}:{port}: owner, root, allowed group, another owner, a stranger, nobody");
        }
    }
    // Nobody is refused, and yet berth's own questions, which are nobody's, are answered.
    for owner in [alice, bob] {
        let shown: serde_json::Value = serde_json::from_str(&berth(&net, &world, &["show", &owner.name, "--json"])).unwrap();
        assert!(matches!(shown["instance"]["health"]["state"].as_str(), Some("healthy" | "slow")), "{shown:#}");
    }
    // They answer whoever comes to them, and nobody does but whom the rules let through.
    open("warning");
    from_another_host(&net, &world);
    berth(&net, &world, &[&["stop"], world.names().as_slice()].concat());
}

/// A host beside it: only the address that the configuration names is served; and what this host itself asks of its public address is judged by
/// who asks.
fn from_another_host(net: &Net, world: &World) {
    let Some(far) = parts::part("nftables", Net::make()) else { return };
    let port = world.ports[0];
    net.run(&["ip", "link", "add", "berth0", "type", "veth", "peer", "name", "berth1", "netns", &far.pid()]);
    net.run(&["ip", "address", "add", "192.0.2.1/24", "dev", "berth0"]);
    net.run(&["ip", "link", "set", "berth0", "up"]);
    far.run(&["ip", "link", "set", "berth1", "up"]);
    for (own, expected) in [("192.0.2.2/24", true), ("192.0.2.3/24", false)] {
        far.run(&["ip", "address", "add", own, "dev", "berth1"]);
        assert_eq!(far.is_served((0, 0), "192.0.2.1", port), expected, "{own}");
        far.run(&["ip", "address", "del", own, "dev", "berth1"]);
    }
    let ids = |account: &Account| (account.uid, account.gid);
    let served = [&world.owners[0], &world.owners[1]].map(|account| net.is_served(ids(account), "192.0.2.1", port));
    assert_eq!(served, [true, false]);
}

#[test]
fn nft_reads_whatever_a_name_holds() {
    let Some(()) = parts::root() else { return };
    let Some(net) = parts::part("nftables", Net::make()) else { return };
    net.load(ANOTHERS);
    let tables = "table inet anothers\ntable inet berth\n";
    let empty = nftables(&Fence::default());
    net.load(&empty);
    assert_eq!(net.run(&["nft", "list", "tables"]), tables);
    let hostile =
        ["x\" } } ; flush ruleset ; #", "a\nflush ruleset\n", "a\\", "$x", "é\u{202e}\u{1b}[2J", "include \"/etc/passwd\"", "", "\"", "*/"];
    let long = "n\"".repeat(300);
    for name in hostile.into_iter().chain([long.as_str()]) {
        let networks = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.1", "::/0", "2001:db8::/32", "::2"];
        let allowed = Allowed {
            users: [(Uid(7), Shown::new(name)), (Uid(u32::MAX - 1), Shown::new(name))].into(),
            groups: [(Gid(7), Shown::new(name))].into(),
            addresses: networks.iter().map(|text| Network::parse(text).unwrap()).collect(),
        };
        let gate = |port| Gate { ids: vec![InstanceId::unmanaged(name, port)], owners: [Uid(7), Uid(8)].into() };
        let fence =
            Fence { gates: [1, 8081, 65_535].map(|port| (port, gate(port))).into(), allowed, left_open: [(9, Shown::new(name))].into() };
        net.load(&nftables(&fence));
        assert_eq!(net.run(&["nft", "list", "tables"]), tables, "{name:?}");
        assert!(net.run(&["nft", "list", "set", "inet", "berth", "owners"]).contains("65535 . "), "{name:?}");
    }
}
