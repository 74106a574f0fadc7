//! The command line of real accounts beside a daemon of root's: who may have what done, what is said and put down of it, and a console of
//! an owner's.
//!
//! It must never take a command's word for who gave it: each runs with that account's uid and gid, and no other groups.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::host::Host;
use super::socket::{NOBODY, PLANTED, Served, as_user, host};
use crate::accounts::Account;
use crate::api::{ask, get, until};
use crate::parts;
use crate::terminal::Terminal;

/// How long a console may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// What each is asked for, in this order, and how it ends for root, an admin by its group, the owner, another user and nobody: the owner may
/// start, restart and read, and nobody sees nothing. ID is the owner's instance, NEW an account without one, PORT a free port.
const TABLE: &[(&[&str], [i32; 5])] = &[
    (&["ls"], [0, 0, 0, 0, 0]),
    (&["show", "ID"], [0, 0, 0, 0, 0]),
    (&["start", "ID"], [0, 0, 0, 3, 4]),
    (&["restart", "ID"], [0, 0, 0, 3, 4]),
    (&["start", "ID", "--reason", "again"], [0, 0, 0, 3, 4]),
    // An admin who is not root reads others' logs at the daemon.
    (&["logs", "ID"], [0, 3, 0, 3, 3]),
    (&["assign", "ID", "--port", "PORT", "--dry-run"], [0, 0, 3, 3, 4]),
    (&["assign", "ID", "--port", "PORT"], [-1, -1, 3, 3, 4]),
    (&["adopt", "ID", "--dry-run"], [0, 0, 3, 3, 3]),
    (&["adopt", "ID"], [-1, -1, 3, 3, 3]),
    (&["add", "NEW", "--dry-run"], [0, 0, 3, 3, 3]),
    (&["add", "NEW"], [-1, -1, 3, 3, 3]),
    (&["remove", "ID", "--dry-run"], [0, 0, 3, 3, 3]),
    (&["remove", "ID", "--yes"], [-1, -1, 3, 3, 3]),
    (&["ports", "--reserve", "PORT", "--dry-run"], [0, 0, 3, 3, 3]),
    (&["ports", "--reserve", "PORT"], [-1, -1, 3, 3, 3]),
    (&["stop", "ID"], [0, 0, 3, 3, 4]),
];

/// A signal goes by the form of consoles: to no process, so that whoever may is told that none was named.
const SIGNAL: [Option<u64>; 5] = [Some(2), Some(2), Some(3), Some(3), None];

/// The program where everybody may run it.
fn program(host: &Host) -> PathBuf {
    let program = host.base.join("berth");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_berth"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    program
}

/// The words before the program that make it somebody's.
fn becoming((uid, gid): (u32, u32)) -> [String; 4] {
    [format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned(), "--".to_owned()]
}

/// Runs it as somebody: the exit code, and what it says.
fn run(host: &Host, who: (u32, u32), words: &[&str]) -> (i32, String) {
    let mut command = Command::new("setpriv");
    command.args(becoming(who)).arg(program(host)).arg("--config").arg(&host.berth.config).args(words).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").current_dir("/").stdin(Stdio::null());
    if who.0 == 0 {
        command.env("BERTH_STATE", &host.berth.state);
    }
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap_or(-1), text)
}

/// As which login whoever is started here acts, if the kernel keeps that.
fn login() -> Option<u32> {
    fs::read_to_string("/proc/self/loginuid").ok()?.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

#[test]
fn a17_who_may_what_by_the_command_line() {
    let Some(()) = parts::root() else { return };
    let (host, admin) = host();
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let served = Served::on(&host);
    let of = |account: &Account| (account.uid, account.gid);
    let callers = [("root", (0, 0)), ("admin", of(&admin)), ("owner", of(alice)), ("other", of(bob)), ("nobody", (NOBODY, NOBODY))];
    let port = (host.ports[1] + 5).to_string();
    for (column, (name, who)) in callers.into_iter().enumerate() {
        for (words, expected) in TABLE {
            let expected = expected[column];
            if expected == -1 {
                continue;
            }
            let put = |word: &&str| match *word {
                "ID" => alice.name.clone(),
                "NEW" => admin.name.clone(),
                "PORT" => port.clone(),
                other => other.to_owned(),
            };
            let words: Vec<String> = words.iter().map(put).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let pid = || get(&served.1, &format!("/v1/instances/{}", alice.name))["instance"]["pid"].clone();
            let before = pid();
            let (code, text) = run(&host, who, &words);
            assert_eq!(code, expected, "{name}: {words:?}: {text}");
            if expected != 0 {
                assert_eq!(pid(), before, "{name}: {words:?}");
            }
            let may_read = ["root", "owner", "admin"].contains(&name);
            assert!(may_read || !text.contains(PLANTED), "{name}: {words:?}: {text}");
        }
        let order = format!(
            r#"{{"CarryOut":{{"verb":{{"Signal":"User1"}},"id":"{}","target":"Whatever","reason":null,"timeout":null}}}}"#,
            alice.name
        );
        let answered = as_user(who.0, who.1, || ask(&served.1, "POST", "/v1/console/call", &order));
        match SIGNAL[column] {
            Some(code) => assert!(answered.text.contains(&format!("\"exit_code\":{code}")), "{name}: {}", answered.text),
            None => assert_eq!(answered.status, 404, "{name}: {}", answered.text),
        }
        if name == "owner" {
            assert_eq!(run(&host, (0, 0), &["stop", &alice.name]).0, 0);
        }
    }
    // Over the API the same is 403, and in the trail it stands as that one's.
    let start = as_user(bob.uid, bob.gid, || ask(&served.1, "POST", &format!("/v1/instances/{}/start", alice.name), ""));
    assert_eq!((start.status, start.json()["error"]["exit_code"].as_u64()), (403, Some(3)), "{}", start.text);
    let trail = rusqlite::Connection::open(host.berth.state.join("events.db")).unwrap();
    let count = |uid: u32, verb: &str, code: u8, login: Option<u32>| -> i64 {
        let of = "SELECT count(*) FROM actions WHERE uid = ?1 AND verb = ?2 AND exit_code = ?3 AND login_uid IS ?4";
        trail.query_row(of, (uid, verb, code, login), |row| row.get(0)).unwrap()
    };
    assert_eq!((count(alice.uid, "start", 0, login()), count(alice.uid, "stop", 3, login())), (2, 1));
    assert_eq!((count(bob.uid, "start", 3, login()), count(bob.uid, "restart", 3, login()), count(bob.uid, "stop", 3, login())), (3, 1, 1));
    assert_eq!((count(0, "start", 0, login()), count(0, "start", 0, Some(admin.uid))), (2, 2), "an admin acts as root, in the own name");
    // So do changes of the fleet that were refused, and none that was only asked about.
    for account in [alice, bob] {
        let counts = ["adopt", "add", "remove", "reserve"].map(|verb| count(account.uid, verb, 3, login()));
        assert_eq!(counts, [1; 4], "{}", account.name);
    }
    let of = "SELECT instance || ': ' || result FROM actions WHERE uid = ?1 AND verb = 'reserve'";
    let told: String = trail.query_row(of, [bob.uid], |row| row.get(0)).unwrap();
    assert!(told.contains(&port) && told.contains("refused: only admins change the fleet"), "{told}");
    for account in [alice, bob, &admin] {
        assert!(!host.beside(&account.name).exists(), "no engine of its own has written anything");
    }
}

#[test]
fn a17_an_owners_console_at_roots_daemon() {
    let Some(()) = parts::root() else { return };
    let (host, _admin) = host();
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let served = Served::on(&host);
    host.berth.done(&["start", &alice.name, &bob.name]);
    let instance = |account: &Account| get(&served.1, &format!("/v1/instances/{}", account.name))["instance"].clone();
    until("both run", || [alice, bob].iter().all(|one| instance(one)["state"] == "running"));
    let (hers, his) = (instance(alice)["pid"].clone(), instance(bob)["pid"].clone());
    alice.directory(&host.beside("home"));
    let (config, program, home) = (host.berth.config.clone(), program(&host), host.beside("home"));
    let becoming = becoming((alice.uid, alice.gid));
    let mut words: Vec<&str> = becoming.iter().map(String::as_str).collect();
    words.extend([program.to_str().unwrap(), "--config", config.to_str().unwrap()]);
    let mut terminal = Terminal::start(120, 30, "setpriv", &words, &[("HOME", home.to_str().unwrap()), ("TZ", "UTC")]);
    let shown = |terminal: &Terminal, what: &str| {
        terminal.until(what, PATIENCE, |text| text.contains(what));
    };
    shown(&terminal, "attached");
    terminal.until("the role", PATIENCE, |text| text.lines().next().is_some_and(|line| line.contains("(viewer)")));
    // Another user's: all that changes something is refused, with the reason.
    let rows = |text: &str, name: &str| text.lines().skip(1).any(|line| line.contains(name));
    terminal.keys(&format!("/{}\r", bob.name));
    terminal.until("his alone", PATIENCE, |text| rows(text, &bob.name) && !rows(text, &alice.name));
    for key in ["r", "S"] {
        terminal.keys(key);
        shown(&terminal, "may look and not touch");
    }
    // The own one: what owners may not is shown as that, and a restart by a key is done.
    terminal.keys("\u{1b}");
    // By the names in the table they cannot be told from another: long ones are cut there.
    terminal.until("both", PATIENCE, |text| !text.contains("filter: "));
    terminal.keys(&format!("/{}\r", alice.name));
    terminal.until("hers alone", PATIENCE, |text| !rows(text, &bob.name) && rows(text, &alice.name));
    terminal.keys("S");
    shown(&terminal, "owners may not stop here");
    terminal.keys("r");
    shown(&terminal, &format!("Restart {}?", alice.name));
    terminal.keys("y");
    until("hers was restarted", || instance(alice)["state"] == "running" && instance(alice)["pid"] != hers);
    assert_eq!(instance(bob)["pid"], his);
    terminal.keys("q");
    terminal.end(PATIENCE);
}
