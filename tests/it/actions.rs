//! The real binary on real servers under one account: start, see, crash, stop, and several who want the same at once.
//!
//! It must never need root, and ends what it started through the keepers it started.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::race;

use serde_json::Value;

pub const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// A tree as the guide lays it out, with its own state directory; everything is stopped when it goes.
pub struct Tree {
    directory: tempfile::TempDir,
    pub ports: Vec<u16>,
}

impl Tree {
    pub fn new(owners: &[&str]) -> Self {
        Self::with(owners, "restart = \"no\"")
    }

    /// With these lines in the template.
    pub fn with(owners: &[&str], template: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let held: Vec<TcpListener> = owners.iter().map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        let ports: Vec<u16> = held.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(held);
        let tree = Self { directory, ports };
        for (owner, port) in owners.iter().zip(&tree.ports) {
            tree.configure(owner, &format!("{{\"port\": {port}, \"host\": \"127.0.0.1\", \"serverName\": \"{owner}\"}}"));
        }
        let (base, uid) = (tree.path().display(), nix::unistd::geteuid());
        let (first, last) = (tree.ports.iter().min().unwrap(), tree.ports.iter().max().unwrap());
        let text = format!(
            "[ports]\nrange = \"{first}-{last}\"\n[layout]\nbase = \"{base}\"\n[findings]\naccept = [\"runs-as-root\", \"auth-missing\"]\n\
             [template.default]\nrun_as = \"{uid}\"\ndirectory = \"{base}\"\n\
             command = [\"{BERTH}\", \"demo-server\", \"--config={{config}}\"]\nstart_timeout = \"60s\"\nstop_timeout = \"20s\"\n{template}\n\
             [[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n"
        );
        std::fs::write(tree.config(), text).unwrap();
        tree
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("berth.toml")
    }

    pub(crate) fn configure(&self, owner: &str, text: &str) {
        let directory = self.path().join("users").join(owner).join("config");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::create_dir_all(directory.with_file_name("workspace")).unwrap();
        std::fs::write(directory.join("config.json"), text).unwrap();
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BERTH);
        command.arg("--config").arg(self.config()).args(words).env("BERTH_STATE", self.path().join("state"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn berth(&self, words: &[&str]) -> (i32, String, String) {
        told(self.command(words).output().unwrap())
    }

    pub fn row(&self, owner: &str) -> Value {
        let (_, text, errors) = self.berth(&["--json", "ls"]);
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {errors}"));
        document["instances"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["id"] == owner)
            .unwrap_or_else(|| panic!("no {owner}: {text}"))
            .clone()
    }

    /// The row as soon as it is as wanted.
    pub fn until(&self, owner: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let row = self.row(owner);
            if is_wanted(&row) {
                return row;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{owner} stays {row:#}");
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = self.berth(&["stop", "--all", "--yes"]);
    }
}

pub(crate) fn told(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

pub fn signal(pid: i64, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

#[test]
fn a_server_is_started_seen_and_stopped() {
    let tree = Tree::new(&["zoe"]);
    assert_eq!(tree.row("zoe")["state"], "stopped");
    let (code, out, errors) = tree.berth(&["start", "zoe"]);
    assert_eq!(code, 0, "{out}{errors}");
    let row = tree.row("zoe");
    assert_eq!((&row["state"], &row["wish"], row["port"].as_u64()), (&"running".into(), &"up".into(), Some(tree.ports[0].into())));
    let pid = row["pid"].as_i64().unwrap();
    let pid_file = std::fs::read_to_string(tree.path().join("users/zoe/server.pid")).unwrap();
    assert_eq!(pid_file.trim(), pid.to_string());
    // What is already as wished counts as done, and nothing is started twice.
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    assert_eq!(tree.row("zoe")["pid"].as_i64(), Some(pid));
    assert_eq!(tree.berth(&["restart", "zoe"]).0, 0);
    let again = tree.row("zoe");
    assert_ne!(again["pid"].as_i64(), Some(pid));
    assert_eq!(again["restarts"], 1);
    assert_eq!(tree.berth(&["stop", "zoe"]).0, 0);
    let row = tree.row("zoe");
    assert_eq!((&row["state"], &row["wish"], &row["pid"]), (&"stopped".into(), &"down".into(), &Value::Null));
    assert!(!tree.path().join("users/zoe/server.pid").exists());
}

#[test]
fn a15_a_server_inherits_nothing() {
    let tree = Tree::new(&["zoe"]);
    // A server without a handler of its own: what the keeper's side left ignored or blocked would still be so.
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let words = format!("\"{BERTH}\", \"demo-server\", \"--config={{config}}\"");
    std::fs::write(tree.config(), text.replace(&words, "\"sleep\", \"600\"")).unwrap();
    assert_eq!(tree.berth(&["start", "zoe", "--timeout", "1s"]).0, 1);
    let pid = tree.row("zoe")["pid"].as_i64().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let told = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned()).unwrap();
    assert_eq!((told("SigIgn:"), told("SigBlk:")), ("0".repeat(16), "0".repeat(16)));
    assert_eq!((told("NoNewPrivs:"), told("Umask:")), ("1".to_owned(), "0027".to_owned()));
    let open: Vec<String> =
        std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(open.len(), 3, "{open:?}");
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap(), Path::new("/dev/null"));
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let names: Vec<String> = String::from_utf8_lossy(&environment)
        .split('\0')
        .filter_map(|entry| entry.split_once('=').map(|(name, _)| name.to_owned()))
        .collect();
    assert!(names.iter().all(|name| ["HOME", "USER", "LOGNAME", "PATH", "LANG", "NODE_ENV"].contains(&name.as_str())), "{names:?}");
    let stopped = tree.berth(&["stop", "zoe"]);
    assert_eq!(stopped.0, 0);
    assert!(!stopped.1.contains("killed"), "SIGTERM was not enough: {}", stopped.1);
}

#[test]
fn an_end_that_nobody_asked_for_is_a_crash_with_its_signal() {
    let tree = Tree::new(&["zoe"]);
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    signal(tree.row("zoe")["pid"].as_i64().unwrap(), nix::sys::signal::Signal::SIGKILL);
    // A look may fall between the death and the keeper's word of it: the exit is unknown then, and is told by the next one.
    let row = tree.until("zoe", |row| row["state"] == "crashed" && !row["exit"].is_null());
    assert_eq!(row["exit"]["signal"], 9, "{row:#}");
}

#[test]
fn a_failed_start_tells_the_exit_status_and_the_logs_last_lines() {
    let tree = Tree::new(&["zoe"]);
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let broken = text.replace("\"demo-server\", \"--config={config}\"", "\"frob\"");
    std::fs::write(tree.config(), broken).unwrap();
    let (code, out, errors) = tree.berth(&["start", "zoe"]);
    assert_eq!(code, 1, "{out}{errors}");
    assert!(errors.contains("exited with code 2") && errors.contains("frob"), "{errors}");
}

#[test]
fn a_taken_port_is_named_and_nothing_is_started() {
    let tree = Tree::new(&["zoe", "yan"]);
    let port = tree.ports[0];
    tree.configure("yan", &format!("{{\"port\": {port}, \"host\": \"127.0.0.1\"}}"));
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    let pid = tree.row("zoe")["pid"].as_i64().unwrap();
    let (code, _, errors) = tree.berth(&["start", "yan"]);
    assert_eq!(code, 5, "{errors}");
    assert!(errors.contains(&format!("pid {pid}")), "{errors}");
    let row = tree.row("yan");
    assert_eq!(row["state"], "stopped");
    // One dispute, counted once wherever it is asked for, and with a verdict.
    assert_eq!(row["findings"], serde_json::json!(["port-duplicate", "port-taken"]), "{row:#}");
    assert!(errors.contains("so yan should move"), "{errors}");
    let list: serde_json::Value = serde_json::from_str(&tree.berth(&["ls", "--json"]).1).unwrap();
    let check: serde_json::Value = serde_json::from_str(&tree.berth(&["check", "--json"]).1).unwrap();
    let ports: serde_json::Value = serde_json::from_str(&tree.berth(&["ports", "--json"]).1).unwrap();
    let disputed = ports["ports"].as_array().unwrap().iter().filter(|one| one["state"] == "conflict").count();
    assert_eq!((list["totals"]["conflicts"].as_u64(), disputed), (Some(1), 1), "{list:#}");
    let evidences = |document: &serde_json::Value| -> Vec<String> {
        let about = document["findings"].as_array().unwrap().iter().filter(|finding| finding["port"] == port);
        about.map(|finding| finding["evidence"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((evidences(&check), evidences(&list).len()), (evidences(&list), 2));
    let verdict =
        |evidence: &String| evidence.starts_with(&format!("{port}: zoe was first (since ")) && evidence.contains("so yan should move");
    assert!(evidences(&list).iter().any(verdict), "{list:#}");
    assert_eq!(tree.berth(&["check"]).0, 1);
}

#[test]
fn f12_of_many_who_start_one_wins_and_one_process_runs() {
    let tree = Tree::new(&["zoe"]);
    let (begun, mut rounds) = (Instant::now(), 0);
    while rounds == 0 || begun.elapsed() < race::length() {
        let verb = if rounds % 3 == 2 { "restart" } else { "start" };
        let children: Vec<_> = (0..20).map(|_| tree.command(&[verb, "zoe"]).spawn().unwrap()).collect();
        let ends: Vec<_> = children.into_iter().map(|child| told(child.wait_with_output().unwrap())).collect();
        assert!(ends.iter().any(|(code, _, _)| *code == 0), "{ends:?}");
        for (code, _, errors) in &ends {
            // Too late is either told who is acting, or finds that it is done already.
            assert!(*code == 0 || (*code == 5 && errors.contains("is acting on it") && errors.contains("pid ")), "{ends:?}");
        }
        let servers = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            command.contains("demo-server") && command.contains(&*tree.path().to_string_lossy())
        });
        let servers = servers.count();
        assert_eq!(servers, 1, "{verb}: {ends:#?}\nnow {:#}", tree.row("zoe"));
        assert_eq!(tree.berth(&["stop", "zoe"]).0, 0);
        rounds += 1;
    }
    println!("{rounds} rounds of twenty");
}

#[test]
fn what_the_callers_shell_left_open_does_not_live_as_long_as_the_server() {
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::process::CommandExt;

    let tree = Tree::new(&["zoe"]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let raw = writer.as_raw_fd();
    let mut command = tree.command(&["start", "zoe"]);
    // SAFETY: dup(2) after the fork: a copy without the flag, as a shell's `200>lock` makes it.
    unsafe {
        command.pre_exec(move || if libc::dup2(raw, 200) == 200 { Ok(()) } else { Err(std::io::Error::last_os_error()) });
    }
    let (code, _, errors) = told(command.output().unwrap());
    assert_eq!(code, 0, "{errors}");
    drop((command, writer));
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || end.send(reader.read_to_end(&mut Vec::new()).unwrap()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(30)), Ok(0), "somebody still holds it");
    assert_eq!(tree.row("zoe")["state"], "running");
}

#[test]
fn a_broken_configuration_is_told_with_its_line_and_the_others_live_on() {
    let tree = Tree::new(&["zoe", "yan"]);
    tree.configure("yan", "{\n  \"port\": \"8101\"\n}");
    let row = tree.row("yan");
    assert_eq!(row["findings"][0], "config-invalid", "{row:#}");
    let (code, out, _) = tree.berth(&["check"]);
    assert_eq!(code, 1);
    assert!(out.contains("config.json:2") && out.contains("not a string"), "{out}");
    assert_eq!(tree.berth(&["start", "yan"]).0, 1);
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
}
