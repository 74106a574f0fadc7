//! A Podman that a user runs without root's rights, beside the host's: found where such an engine listens, and asked as its user.
//!
//! It must never leave anything in the user's runtime directory, which lies where logind makes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::engine::{DEAF, Engine, SERVER, free_ports, row_until, text};
use super::published;
use crate::accounts::Account;
use crate::parts;

/// It; without a network of its own, for which the user would need a device that is root's.
struct Rootless<'a> {
    account: &'a Account,
    directory: TempDir,
    runtime: PathBuf,
    service: Child,
}

impl<'a> Rootless<'a> {
    fn start(account: &'a Account, image: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("berth-rootless-").tempdir().unwrap();
        fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        account.directory(&directory.path().join("home"));
        let runtime = PathBuf::from(format!("/run/user/{}", account.uid));
        fs::create_dir_all(runtime.parent().unwrap()).unwrap();
        account.directory(&runtime);
        account.directory(&runtime.join("podman"));
        fs::copy(image, directory.path().join("image.tar")).unwrap();
        let command = |words: &[&str]| command(account, directory.path(), &runtime, words);
        let said = command(&["import", directory.path().join("image.tar").to_str().unwrap(), "bb"]).output().unwrap();
        assert!(said.status.success(), "{}", text(&said));
        let address = format!("unix://{}", runtime.join("podman/podman.sock").display());
        let mut service = command(&["system", "service", "--time=0", &address]);
        let service = service.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { account, directory, runtime, service }
    }

    fn podman(&self, words: &[&str]) -> String {
        let said = command(self.account, self.directory.path(), &self.runtime, words).output().unwrap();
        assert!(said.status.success(), "podman {}: {}", words.join(" "), text(&said));
        text(&said).trim().to_owned()
    }

    fn inspect(&self, what: &str) -> String {
        self.podman(&["inspect", "-f", what, "mcp-own"])
    }

    fn pid(&self) -> i64 {
        self.inspect("{{.State.Pid}}").parse().unwrap()
    }
}

impl Drop for Rootless<'_> {
    fn drop(&mut self) {
        let remove = ["rm", "-f", "-a", "-t", "0"];
        let _ = command(self.account, self.directory.path(), &self.runtime, &remove).output();
        let _ = self.service.kill();
        let _ = self.service.wait();
        // What holds its namespace open runs on; files of the container's users are theirs, and root's to remove.
        for pid in self.account.processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        self.account.assert_idle();
        let _ = fs::remove_dir_all(&self.runtime);
    }
}

fn command(account: &Account, directory: &Path, runtime: &Path, words: &[&str]) -> Command {
    let mut command = account.command(Path::new("podman"));
    command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]).args(words);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", directory.join("home")).env("XDG_RUNTIME_DIR", runtime).stdin(Stdio::null());
    command
}

#[test]
fn a_users_own_engine_is_shown_beside_the_hosts_and_speaks_for_nobody_else() {
    let (Some(()), Some(())) = (parts::podman(), parts::rootless()) else { return };
    let engine = Engine::start();
    let ports: [u16; 2] = free_ports();
    engine.run("mcp-amy", &["-p", &published(ports[0]), "--label", "berth.user=amy"], SERVER);
    let account = Account::make();
    let own = Rootless::start(&account, &engine.image());
    let script = format!("trap 'exit 0' TERM; httpd -f -p 127.0.0.1:{} & wait", ports[1]);
    let host = ["run", "-d", "--network", "host", "--name"];
    own.podman(&[&host[..], &["mcp-own", "bb", "/bin/sh", "-c", &script]].concat());
    // Whoever runs an engine may write any label on a container.
    own.podman(&[&host[..], &["mcp-false", "--label", "berth.user=amy", "bb", "/bin/sh", "-c", DEAF]].concat());
    let berth = engine.berth(&ports);
    let amy = row_until(&berth, "amy", "running", |row| row["state"] == "running");
    assert_eq!((amy["pid"].as_i64(), amy["uid"].as_u64()), (Some(engine.pid("mcp-amy")), Some(0)), "{amy:#}");
    let id = &*format!("{}/mcp-own", account.name);
    let row = row_until(&berth, id, "running", |row| row["state"] == "running" && row["port"] == ports[1]);
    assert_eq!((row["pid"].as_i64(), row["supervisor"].as_str()), (Some(own.pid()), Some("podman")), "{row:#}");
    assert!(row["memory_bytes"].as_u64().unwrap() > 0, "{row:#}");

    let said = berth.run(&["ls", "-v"]).text;
    let told = format!("its label berth.user says amy, and it is in the engine of {}", account.name);
    assert!(said.contains(&told), "{said}");

    berth.done(&["stop", id]);
    assert_eq!(own.inspect("{{.State.Status}}"), "exited");
    row_until(&berth, id, "stopped", |row| row["state"] == "stopped");
    berth.done(&["start", id]);
    let before = own.pid();
    berth.done(&["restart", id]);
    assert_ne!(own.pid(), before);
    kill(Pid::from_raw(i32::try_from(own.pid()).unwrap()), Signal::SIGKILL).unwrap();
    row_until(&berth, id, "crashed", |row| row["state"] == "crashed");
    assert_eq!(row_until(&berth, "amy", "running", |row| row["state"] == "running")["pid"], amy["pid"]);
}
