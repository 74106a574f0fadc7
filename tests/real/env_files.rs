//! Ten `.env.USER` under one service account, in every form people write them: ten rows that start, stop and show their own log.
//!
//! It must never let a secret be seen: one stands in every file, and in nothing that berth prints, records or starts programs with.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::accounts::Account;
use crate::berth::Berth;
use crate::parts::{self, Everything};
use crate::world::{RANGE, SERVER, enterable, free_range};

/// Makes each server's log tell whose it is, from a variable that only its environment file sets.
const SAYS_WHO: &str = "console.log('this is ' + process.env.SDP_INSTANCE_NAME);\n";

/// The first port of the deployments, counted from the first of the managed range: they lie outside of it.
const OUTSIDE: u16 = 8;

/// The forms. `<name>`, `<port>` and `<canary>` stand for the owner's.
const FORMS: [&str; 10] = [
    // As the guide has it.
    "# .env.<name>\nSDP_CLIENT_ID=id-<name>\nSDP_CLIENT_SECRET=<canary>\nSDP_INSTANCE_NAME=<name>-instance\n\n# Unique port for this user\nSDP_HTTP_PORT=<port>\n",
    // Saved by an editor of another system.
    "\u{feff}SDP_CLIENT_ID=id-<name>\r\nSDP_CLIENT_SECRET=<canary>\r\nSDP_INSTANCE_NAME=<name>-instance\r\nSDP_HTTP_PORT=<port>\r\n",
    "export SDP_CLIENT_ID='id-<name>'\nexport SDP_CLIENT_SECRET='<canary>'\nexport SDP_INSTANCE_NAME='<name>-instance'\nexport SDP_HTTP_PORT=<port>",
    "SDP_CLIENT_ID=\"id-<name>\" # the portal's\nSDP_CLIENT_SECRET=\"<canary>\" # secret\nSDP_INSTANCE_NAME=\"<name>-instance\"#\nSDP_HTTP_PORT=<port> # mine\n",
    "SDP_CLIENT_ID = id-<name>\nSDP_CLIENT_SECRET = <canary>  \n  SDP_INSTANCE_NAME\t=\t<name>-instance\nSDP_HTTP_PORT = \"<port>\"\n",
    // Empty, and twice: the last one counts.
    "SDP_HTTP_PORT=1\nSDP_PROXY=\nSDP_CLIENT_ID=id-<name>\nSDP_CLIENT_SECRET=\nSDP_INSTANCE_NAME=x\nSDP_HTTP_PORT=<port>\nSDP_CLIENT_SECRET=<canary>\nSDP_INSTANCE_NAME=<name>-instance\n",
    "SDP_PRIVATE_KEY=\"-----BEGIN KEY-----\n<canary>=\n-----END KEY-----\"\nSDP_CLIENT_ID=id-<name>\nSDP_CLIENT_SECRET=<canary>\nSDP_INSTANCE_NAME=<name>-instance\nSDP_HTTP_PORT=<port>\n",
    "SDP_PASSWORD='$HOME `id` <canary>'\nSDP_TEXT=\"one\\ntwo \\\"<canary>\\\"\"\nSDP_CLIENT_ID=id-<name>\nSDP_CLIENT_SECRET=<canary>\nSDP_INSTANCE_NAME=<name>-instance\nSDP_HTTP_PORT=<port>\n",
    "SDP_CLIENT_ID: id-<name>\nSDP_CLIENT_SECRET: <canary>\nSDP_INSTANCE_NAME: '<name>-instance'\nSDP_HTTP_PORT: <port>\n",
    // A copy of the example in which one value was forgotten.
    "SDP_CLIENT_ID=<name>_client_id_here\nSDP_CLIENT_SECRET=<canary>\nSDP_INSTANCE_NAME=<name>-instance\nSDP_HTTP_PORT=<port>\n",
];

const EXAMPLE: &str =
    "SDP_CLIENT_ID=your_client_id_here\nSDP_CLIENT_SECRET=your_client_secret_here\nSDP_INSTANCE_NAME=your-instance\nSDP_HTTP_PORT=3456\n";

struct Owner {
    name: String,
    port: u16,
    canary: String,
    /// As its file has them.
    file: PathBuf,
    text: String,
}

struct Deployment {
    service: Account,
    owners: Vec<Owner>,
    berth: Berth,
    base: PathBuf,
    node: PathBuf,
    _directory: TempDir,
}

impl Deployment {
    fn new(everything: &Everything) -> Self {
        let directory = enterable();
        let service = Account::make();
        let base = directory.path().join("sdp-mcp");
        fs::create_dir(&base).unwrap();
        fs::create_dir(directory.path().join("etc")).unwrap();
        let copied = Command::new("cp").arg("-r").arg(&everything.modules).arg(base.join("node_modules")).status().unwrap();
        assert!(copied.success());
        fs::write(base.join("says-who.cjs"), SAYS_WHO).unwrap();
        let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(directory.path()).status().unwrap();
        assert!(opened.success());
        chown(&base, Some(service.uid), Some(service.gid)).unwrap();

        let first = free_range();
        let owner = |(index, form): (usize, &&str)| {
            let (name, port) = (format!("user{}", index + 1), first + OUTSIDE + u16::try_from(index).unwrap());
            let canary = format!("canary{}{name}{}", std::process::id(), "q7Zx");
            let text = form.replace("<name>", &name).replace("<port>", &port.to_string()).replace("<canary>", &canary);
            Owner { file: base.join(format!(".env.{name}")), name, port, canary, text }
        };
        let owners: Vec<Owner> = FORMS.iter().enumerate().map(owner).collect();
        for owner in &owners {
            service.file(&owner.file, &owner.text);
        }
        service.file(&base.join(".env.example"), EXAMPLE);
        for no_configuration in [".env.user1.bak", ".env.user1~", ".env.user1.swp", ".#.env.user1", "#.env.user1#", ".env.sample", ".env"] {
            service.file(&base.join(no_configuration), &owners[0].text);
        }
        let config = directory.path().join("etc/berth.toml");
        fs::write(&config, configuration(&base, &everything.node, first, &service.name)).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
        let berth = Berth { config, state: directory.path().join("state"), home: directory.path().to_owned() };
        Self { service, owners, berth, base, node: everything.node.clone(), _directory: directory }
    }

    fn names(&self) -> Vec<&str> {
        self.owners.iter().map(|owner| owner.name.as_str()).collect()
    }

    /// Fails when a text holds any owner's secret.
    fn holds_no_secret(&self, what: &str, text: &str) {
        for owner in &self.owners {
            assert!(!text.contains(&owner.canary), "{what} holds the secret of {}:\n{text}", owner.name);
        }
    }

    /// Runs a command whose output must hold no secret.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let ran = self.berth.run(arguments);
        self.holds_no_secret(&format!("berth {}", arguments.join(" ")), &ran.text);
        (ran.code, ran.text)
    }

    fn rows(&self) -> HashMap<String, Value> {
        let list = self.berth.json(&["ls"]);
        let rows = list["instances"].as_array().unwrap().iter();
        rows.map(|row| (row["id"].as_str().unwrap().to_owned(), row.clone())).collect()
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let names = self.names();
        let _ = self.berth.run(&[&["stop"], names.as_slice()].concat());
    }
}

fn configuration(base: &Path, node: &Path, first: u16, account: &str) -> String {
    let (base, node) = (base.display(), node.display());
    assert!(usize::from(OUTSIDE) + FORMS.len() <= usize::from(RANGE), "the ports that were looked for are these");
    format!(
        r#"[ports]
range = "{first}-{}"

[template.sdp]
run_as = "{account}"
command = ["{node}", "{{base}}/node_modules/{SERVER}", "streamableHttp"]
directory = "{{base}}"
environment = {{ PORT = "{{port}}", NODE_OPTIONS = "--require {{base}}/says-who.cjs" }}
restart = "no"

[[discover]]
env = "{base}/.env.*"
port_key = "SDP_HTTP_PORT"
template = "sdp"
"#,
        first + OUTSIDE - 1
    )
}

/// A process's variables, as the kernel shows them to root.
fn environment(pid: i64) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
    bytes.split(|byte| *byte == 0).map(|variable| String::from_utf8_lossy(variable).into_owned()).collect()
}

fn pid(row: &Value) -> i64 {
    row["pid"].as_i64().unwrap_or_else(|| panic!("no pid: {row:#}"))
}

#[test]
fn a14_ten_owners_of_one_service_account_start_stop_and_show_their_own_log() {
    let Some(()) = parts::root() else { return };
    let Some(everything) = parts::everything() else { return };
    let fleet = Deployment::new(&everything);
    let names = fleet.names();

    // Ten rows and no more, before anything runs; one value was forgotten.
    let rows = fleet.rows();
    assert_eq!(rows.len(), 10, "{rows:#?}");
    for owner in &fleet.owners {
        let row = &rows[&owner.name];
        assert_eq!((row["state"].as_str(), row["port"].as_u64()), (Some("stopped"), Some(owner.port.into())), "{row:#}");
        assert_eq!((row["user"].as_str(), row["uid"].as_u64()), (Some(fleet.service.name.as_str()), Some(fleet.service.uid.into())));
    }
    let check = fleet.berth.json(&["check"]);
    let found = |code: &str| check["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == code).collect::<Vec<_>>();
    assert_eq!(found("key-missing").len(), 1, "{check:#}");
    assert_eq!(found("key-missing")[0]["instances"], json!(["user10"]));
    let evidence = found("key-missing")[0]["evidence"].as_str().unwrap();
    assert!(evidence.contains(".env.user10 leaves SDP_CLIENT_ID at its placeholder"), "{evidence}");
    assert!(found("port-out-of-range").is_empty() && found("config-invalid").is_empty(), "{check:#}");

    let (code, text) = fleet.run(&[&["start"], names.as_slice()].concat());
    assert_eq!(code, Some(0), "{text}");
    let rows = fleet.rows();
    for owner in &fleet.owners {
        let row = &rows[&owner.name];
        assert_eq!((row["state"].as_str(), row["port"].as_u64()), (Some("running"), Some(owner.port.into())), "{row:#}");
        assert!(row["listening"].as_array().unwrap().iter().all(|listener| listener["port"] == owner.port), "{row:#}");
        let variables = environment(pid(row));
        for expected in [format!("SDP_CLIENT_SECRET={}", owner.canary), format!("SDP_INSTANCE_NAME={}-instance", owner.name)] {
            assert_eq!(variables.iter().filter(|variable| **variable == expected).count(), 1, "{expected}: {variables:?}");
        }
        let (_, log) = fleet.run(&["logs", &owner.name]);
        assert!(log.contains(&format!("this is {}-instance", owner.name)), "{log}");
        let others = fleet.owners.iter().filter(|other| other.port != owner.port);
        assert!(!others.into_iter().any(|other| log.contains(&format!("this is {}-instance", other.name))), "{log}");
    }
    assert!(
        environment(pid(&rows["user7"]))
            .contains(&format!("SDP_PRIVATE_KEY=-----BEGIN KEY-----\n{}=\n-----END KEY-----", fleet.owners[6].canary))
    );
    let variables = environment(pid(&rows["user8"]));
    assert!(variables.contains(&format!("SDP_PASSWORD=$HOME `id` {}", fleet.owners[7].canary)), "{variables:?}");
    assert!(variables.contains(&format!("SDP_TEXT=one\ntwo \"{}\"", fleet.owners[7].canary)), "{variables:?}");

    no_secret_is_seen(&fleet);
    one_ends_and_the_others_live(&fleet, &rows);
    a_broken_file_is_told_without_its_secret(&fleet);
    let (code, text) = fleet.run(&[&["stop"], names.as_slice()].concat());
    assert_eq!(code, Some(0), "{text}");
    fleet.service.assert_idle();
    what_the_guides_script_started_is_its_owners(&fleet);
}

/// Not in what is printed, not in what is recorded, not in any program's arguments, nor in a keeper's environment.
fn no_secret_is_seen(fleet: &Deployment) {
    for command in [&["ls"][..], &["ls", "--json"], &["check"], &["check", "--json"], &["ports", "--json"], &["-v", "ls"], &["config"]] {
        fleet.run(command);
    }
    for owner in &fleet.owners {
        let (_, text) = fleet.run(&["show", &owner.name]);
        assert!(text.contains(&owner.file.display().to_string()) && text.contains("SDP_CLIENT_SECRET=***"), "{text}");
        let (_, text) = fleet.run(&["show", &owner.name, "--json"]);
        assert!(text.contains("\"SDP_CLIENT_SECRET\""), "{text}");
    }
    for entry in fs::read_dir("/proc").unwrap().flatten().filter(|entry| entry.file_name().as_encoded_bytes()[0].is_ascii_digit()) {
        let command = String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).unwrap_or_default()).replace('\0', " ");
        fleet.holds_no_secret("the arguments of a process", &command);
        if command.contains("berth keeper") {
            let inherited = fs::read(entry.path().join("environ")).unwrap_or_default();
            fleet.holds_no_secret("a keeper's environment", &String::from_utf8_lossy(&inherited));
        }
    }
    let mut folders = vec![fleet.berth.state.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let bytes = fs::read(entry.path()).unwrap();
                fleet.holds_no_secret(&entry.path().display().to_string(), &String::from_utf8_lossy(&bytes));
            }
        }
    }
}

/// All have one uid: what ends one must not touch another. A restart reads the file as it is then.
fn one_ends_and_the_others_live(fleet: &Deployment, before: &HashMap<String, Value>) {
    fleet.berth.done(&["stop", "user3"]);
    let owner = &fleet.owners[3];
    fleet.service.file(&owner.file, &owner.text.replace(&owner.canary, &format!("{}-renewed", owner.canary)));
    fleet.berth.done(&["restart", &owner.name]);
    let rows = fleet.rows();
    for other in fleet.owners.iter().filter(|other| !["user3", "user4"].contains(&other.name.as_str())) {
        assert_eq!(pid(&rows[&other.name]), pid(&before[&other.name]), "{} lives on", other.name);
    }
    assert_eq!((rows["user3"]["state"].as_str(), rows["user3"]["pid"].is_null()), (Some("stopped"), true), "{:#}", rows["user3"]);
    let restarted = &rows["user4"];
    assert_ne!(pid(restarted), pid(&before["user4"]));
    assert_eq!(restarted["port"].as_u64(), Some(owner.port.into()));
    assert!(environment(pid(restarted)).contains(&format!("SDP_CLIENT_SECRET={}-renewed", owner.canary)));
}

fn a_broken_file_is_told_without_its_secret(fleet: &Deployment) {
    let owner = &fleet.owners[2];
    for (broken, place) in [
        (format!("{}\nA=\"{}", owner.text, owner.canary), ":5:3: this quote is never closed"),
        (format!("SDP_HTTP_PORT={}\n", owner.canary), ":1:1: SDP_HTTP_PORT must be a number"),
        (format!("SDP_HTTP_PORT=1\n{} x", owner.canary), ":2:"),
    ] {
        fleet.service.file(&owner.file, &broken);
        let (code, text) = fleet.run(&["check"]);
        assert!(code == Some(1) && text.contains(&format!("{}{place}", owner.file.display())), "{text}");
        let (code, text) = fleet.run(&["start", &owner.name]);
        assert!(code == Some(1) && text.contains("not started"), "{text}");
        fleet.run(&["start", &owner.name, "--json"]);
        fleet.run(&["show", &owner.name, "--json"]);
        fleet.run(&["ls", "--json"]);
    }
    fleet.service.file(&owner.file, &owner.text);
}

/// `export $(cat .env.user1 | xargs)`, and the server: known by its port among ten of one uid, and stopped by berth.
fn what_the_guides_script_started_is_its_owners(fleet: &Deployment) {
    let owner = &fleet.owners[0];
    let script = format!(
        "cd {0} && export $(grep -v '^#' .env.{1} | xargs) && PORT=$SDP_HTTP_PORT exec {2} node_modules/{SERVER} streamableHttp",
        fleet.base.display(),
        owner.name,
        fleet.node.display()
    );
    let mut command = fleet.service.command(Path::new("/bin/bash"));
    let mut child = command.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    let row = loop {
        let row = fleet.rows().remove(&owner.name).unwrap();
        if row["state"] == "running" || begin.elapsed() > Duration::from_secs(60) {
            break row;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!((row["state"].as_str(), pid(&row)), (Some("running"), i64::from(child.id())), "{row:#}");
    let running = fleet.rows().into_iter().filter(|(_, row)| row["state"] == "running").count();
    assert_eq!(running, 1, "one server is one owner's");
    fleet.berth.done(&["stop", &owner.name]);
    assert!(!child.wait().unwrap().success());
    fleet.service.assert_idle();
}
