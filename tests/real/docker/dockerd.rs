//! A Docker daemon of a test's own, in a network of its own: what it publishes is held by its proxy, and is its container's all the same.
//!
//! It must never touch the machine's own network, nor a daemon that runs already.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::engine::{PATIENCE, SERVER, image, text};
use crate::parts;

const PORT: u16 = 18_080;

/// It, with the namespaces that its mounts and bridges are gone with.
struct Daemon {
    directory: TempDir,
    namespace: Child,
    daemon: Child,
}

impl Daemon {
    fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("berth-docker-").tempdir().unwrap();
        let mut sleeper = Command::new("unshare");
        sleeper.args(["--net", "--mount", "--propagation", "private", "sh", "-c", "ip link set lo up && exec sleep 1000"]);
        let namespace = sleeper.stdin(Stdio::null()).spawn().unwrap();
        let its = |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        until("its namespaces", || its(&namespace.id().to_string()) == "sleep\n");
        let at = |name: &str| directory.path().join(name).display().to_string();
        let mut daemon = within(&namespace, &["dockerd", "--host", &format!("unix://{}", at("api.sock"))]);
        daemon.args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")]);
        // What the proxy does is enough: rules in the kernel would be the namespace's, and need modules that this kernel may lack.
        daemon.args(["--iptables=false", "--ip6tables=false", "--storage-driver=vfs", "--exec-opt", "native.cgroupdriver=cgroupfs"]);
        let daemon = daemon.stdout(Stdio::null()).stderr(fs::File::create(directory.path().join("log")).unwrap()).spawn().unwrap();
        let daemon = Self { directory, namespace, daemon };
        until("its socket", || UnixStream::connect(daemon.socket()).is_ok());
        daemon.docker(&["import", image(daemon.directory.path()).to_str().unwrap(), "bb"]);
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("api.sock")
    }

    fn docker(&self, words: &[&str]) -> String {
        let mut command = Command::new("docker");
        command.arg("--host").arg(format!("unix://{}", self.socket().display())).args(words).env("HOME", self.directory.path());
        let said = command.output().unwrap();
        let log = || fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        assert!(said.status.success(), "docker {}: {}\n{}", words.join(" "), text(&said), log());
        text(&said).trim().to_owned()
    }

    fn inspect(&self, what: &str) -> String {
        self.docker(&["inspect", "-f", what, "mcp-amy"])
    }

    fn pid(&self) -> i64 {
        self.inspect("{{.State.Pid}}").parse().unwrap()
    }

    /// berth in that network: its code and all that it says.
    fn berth(&self, words: &[&str]) -> (Option<i32>, String) {
        let directory = self.directory.path();
        let config = directory.join("berth.toml");
        if !config.exists() {
            let sockets = format!("[docker]\nsockets = [\"{}\"]\n", self.socket().display());
            let accepted = "[findings]\naccept = [\"runs-as-root\"]\n";
            fs::write(&config, format!("[ports]\nrange = \"{PORT}-{PORT}\"\n{sockets}{accepted}[[discover]]\ndocker = \"*mcp*\"\n"))
                .unwrap();
        }
        let program = [env!("CARGO_BIN_EXE_berth"), "--config", config.to_str().unwrap()];
        let mut command = within(&self.namespace, &[&program, words].concat());
        command.env("BERTH_STATE", directory.join("state")).env("XDG_CONFIG_HOME", directory);
        let said = command.output().unwrap();
        (said.status.code(), text(&said))
    }

    fn row_until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut row = Value::Null;
        until(what, || {
            let list: Value = serde_json::from_str(&self.berth(&["ls", "--json"]).1).unwrap();
            row = list["instances"].as_array().unwrap().iter().find(|row| row["id"] == "amy").cloned().unwrap_or_default();
            is_so(&row)
        });
        row
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut remove = Command::new("docker");
        remove.arg("--host").arg(format!("unix://{}", self.socket().display())).args(["rm", "-f", "mcp-amy"]);
        let _ = remove.stdout(Stdio::null()).stderr(Stdio::null()).status();
        // It ends its containerd with itself when it is asked to, and only then.
        let _ = kill(Pid::from_raw(self.daemon.id().cast_signed()), Signal::SIGTERM);
        let begun = Instant::now();
        while !matches!(self.daemon.try_wait(), Ok(Some(_))) && begun.elapsed() < PATIENCE {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        let _ = self.namespace.kill();
        let _ = self.namespace.wait();
    }
}

fn within(namespace: &Child, words: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &namespace.id().to_string(), "--net", "--mount", "--"]).args(words).current_dir(Path::new("/"));
    command.stdin(Stdio::null());
    command
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "still not so: {what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn containers_of_a_docker_daemon_are_shown_with_what_its_proxy_holds_and_obey() {
    let Some(()) = parts::docker() else { return };
    let daemon = Daemon::start();
    let published = format!("127.0.0.1:{PORT}:80");
    let named = ["run", "-d", "--name", "mcp-amy", "--label", "berth.user=amy"];
    daemon.docker(&[&named[..], &["--memory", "256m", "-p", &published, "bb", "/bin/sh", "-c", SERVER]].concat());
    let row = daemon.row_until("running", |row| row["state"] == "running");
    assert_eq!(
        (row["supervisor"].as_str(), row["port"].as_u64(), row["pid"].as_i64()),
        (Some("docker"), Some(PORT.into()), Some(daemon.pid()))
    );
    assert!(row["memory_bytes"].as_u64().unwrap() > 0 && row["cpu_percent"].is_number(), "{row:#}");
    assert_eq!((&row["findings"], row["listening"][0]["port"].as_u64()), (&json!([]), Some(PORT.into())), "{row:#}");
    let (_, log) = daemon.berth(&["logs", "amy"]);
    assert!(log.contains("to the output") && log.contains("[stderr] to the error"), "{log}");

    assert_eq!(daemon.berth(&["stop", "amy"]).0, Some(0));
    assert_eq!(daemon.inspect("{{.State.Status}}"), "exited");
    let mut stranger = within(&daemon.namespace, &["busybox", "httpd", "-f", "-p", &format!("127.0.0.1:{PORT}")]).spawn().unwrap();
    daemon.row_until("in conflict", |row| row["findings"] == json!(["port-taken"]));
    assert_eq!(daemon.berth(&["start", "amy"]).0, Some(5));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    daemon.row_until("without a conflict", |row| row["findings"] == json!([]));
    assert_eq!(daemon.berth(&["start", "amy"]).0, Some(0));
    let before = daemon.pid();
    assert_eq!(daemon.berth(&["restart", "amy"]).0, Some(0));
    assert_ne!(daemon.pid(), before);
    kill(Pid::from_raw(i32::try_from(daemon.pid()).unwrap()), Signal::SIGKILL).unwrap();
    let row = daemon.row_until("crashed", |row| row["state"] == "crashed");
    assert_eq!(row["exit"]["signal"], 9, "{row:#}");
}
