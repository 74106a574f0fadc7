//! What a server gets of the world that it is started from, and what it can take of another's.
//!
//! It must never believe what the server says where /proc says it too.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::host::{ByHand, Host, RESTS};
use crate::parts;
use crate::terminal::Terminal;

/// Tries to get at the terminal that it was started from, and tells what it has.
const LOOKS_AROUND: &str = r#"print "tty: ", (open(my $t, "+<", "/dev/tty") ? "open" : "none"), "\n";
for my $fd (0..2) { open(my $f, "+<&=", $fd) or next; my $c = "x"; print "typed on $fd\n" if ioctl($f, 0x5412, $c); }
print "environment: ", join(" ", sort keys %ENV), "\n";
opendir(my $d, "/proc/self/fd"); print "open: ", join(" ", grep { readlink("/proc/self/fd/$_") !~ /socket|\/proc\// } grep { /\d/ } readdir($d)), "\n";
print "inc: ", ($INC{"evil.pm"} ? "evil" : "clean"), "\n"; print "done\n"; sleep 1 while 1;"#;

#[test]
fn a15_started_from_a_terminal() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[LOOKS_AROUND]);
    let alice = &host.owners[0];
    let tree = host.tree(alice);
    alice.file(&tree.join(".profile"), "touch owned\n");
    alice.file(&tree.join("workspace/evil.pm"), "1;");
    let workspace = tree.join("workspace").display().to_string();
    let state = host.berth.state.display().to_string();
    let home = host.berth.home.display().to_string();
    let environment = [
        ("BERTH_STATE", state.as_str()),
        ("XDG_CONFIG_HOME", &home),
        ("HOME", &home),
        ("LD_LIBRARY_PATH", &workspace),
        ("PERL5LIB", &workspace),
        ("PERL5OPT", "-Mevil"),
        ("BASH_ENV", &workspace),
        ("NODE_OPTIONS", "--require evil"),
        ("ROOTS_SECRET", "canary"),
    ];
    let config = host.berth.config.display().to_string();
    let mut terminal = Terminal::start(100, 30, env!("CARGO_BIN_EXE_berth"), &["--config", &config, "start", &alice.name], &environment);
    assert_eq!(terminal.end(Duration::from_secs(60)), 0, "{}", terminal.text());
    let log = tree.join("logs/server.log");
    let begun = std::time::Instant::now();
    let told = loop {
        let told = fs::read_to_string(&log).unwrap_or_default();
        if told.contains("done\n") {
            break told;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{told}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(told.contains("tty: none\n") && !told.contains("typed on"), "{told}");
    assert!(told.contains("environment: HOME LANG LOGNAME NODE_ENV PATH PORT USER\n"), "{told}");
    assert!(told.contains("inc: clean\n") && told.contains("open: 0 1 2\n"), "{told}");
    let pid = host.berth.instance(&alice.name)["pid"].as_i64().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().split_ascii_whitespace().collect::<Vec<_>>();
    let (uid, gid) = (alice.uid.to_string(), alice.gid.to_string());
    assert_eq!((of("Uid:"), of("Gid:"), of("Groups:")), (vec![&*uid; 4], vec![&*gid; 4], vec![&*gid]));
    for rights in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(of(rights), ["0000000000000000"], "{rights}");
    }
    assert_eq!(of("NoNewPrivs:"), ["1"]);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    assert_eq!((fields[3], fields[4]), (pid.to_string().as_str(), "0"), "its own session, no terminal: {stat}");
    assert!(!host.base.join("owned").exists() && !tree.join("owned").exists());
}

/// Listens on an address of the caller's choice.
const BESIDE: &str = r#"use Socket; my ($address, $port) = @ARGV; my $six = $address =~ /:/;
socket(my $s, $six ? PF_INET6 : PF_INET, SOCK_STREAM, 0) or die;
bind($s, $six ? pack_sockaddr_in6($port, Socket::inet_pton(AF_INET6, $address)) : pack_sockaddr_in($port, inet_aton($address))) or die "bind $!";
listen($s, 5) or die; sleep 1 while 1;"#;

#[test]
fn a09_the_same_port_beside() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let port = host.ports[0].to_string();
    host.berth.done(&["start", &alice.name]);
    let pid = host.berth.instance(&alice.name)["pid"].clone();
    for address in ["127.0.0.2", "::1", "0.0.0.0", "::"] {
        let beside = ByHand::of(bob.command(Path::new("/usr/bin/perl")).args(["-e", BESIDE, address, &port]));
        let mut beside = beside;
        let found = loop {
            let list = host.berth.json(&["ls"]);
            let all = list["findings"].as_array().unwrap().clone();
            let about = |finding: &&serde_json::Value| finding["pids"].as_array().is_some_and(|pids| pids.contains(&beside.0.id().into()));
            if let Some(finding) = all.iter().find(about) {
                break Some(finding.clone());
            }
            // The kernel refuses some of them beside the owner's: then there is nobody to be found.
            if beside.0.try_wait().unwrap().is_some() {
                break None;
            }
        };
        let Some(finding) = found else {
            println!("{address}: the kernel does not let it listen there");
            continue;
        };
        println!("{address}: {}", finding["evidence"]);
        assert!(["port-shadowed", "port-taken"].contains(&finding["code"].as_str().unwrap()), "{address}: {finding:#}");
        assert!(finding["evidence"].as_str().unwrap().contains(&bob.name), "{address}: {finding:#}");
        let row = host.berth.instance(&alice.name);
        assert_eq!((row["pid"].clone(), row["state"].as_str()), (pid.clone(), Some("degraded")), "{address}: {row:#}");
        assert_eq!(host.berth.run(&["check"]).code, Some(1), "{address}");
    }
}
