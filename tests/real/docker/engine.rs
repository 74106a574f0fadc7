//! A Podman of a test's own, with an image of nothing but busybox: its API on a socket, and gone with all containers when it is dropped.
//!
//! It must never touch another engine's containers, nor need a registry.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::berth::Berth;

/// How long anything may take that another process does in its own time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Says where it is written to, serves, and ends as soon as it is asked to.
pub const SERVER: &str = "trap 'exit 0' TERM; echo to the output; echo to the error >&2; httpd -f -p 80 & wait";

/// The same, but it takes no notice of being asked.
pub const DEAF: &str = "trap '' TERM; while :; do sleep 1; done";

/// It.
pub struct Engine {
    directory: TempDir,
    service: Child,
}

impl Engine {
    /// Starts it, and waits until it answers.
    pub fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("berth-podman-").tempdir().unwrap();
        fs::create_dir(directory.path().join("networks")).unwrap();
        let archive = image(directory.path());
        let said = podman(directory.path()).arg("import").arg(&archive).arg("bb").output().unwrap();
        assert!(said.status.success(), "{}", text(&said));
        let service = serve(directory.path());
        let engine = Self { directory, service };
        engine.until("its socket", |engine| std::os::unix::net::UnixStream::connect(engine.socket()).is_ok());
        engine
    }

    /// Where its API is.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("api.sock")
    }

    /// The image, for others.
    pub fn image(&self) -> PathBuf {
        self.directory.path().join("image.tar")
    }

    /// The process that serves it.
    pub fn service(&self) -> Pid {
        Pid::from_raw(self.service.id().cast_signed())
    }

    /// Ends it, and starts it anew at the same place.
    pub fn come_again(&mut self) {
        self.end_service();
        self.service = serve(self.directory.path());
    }

    /// Ends it; its containers go on.
    pub fn end_service(&mut self) {
        // Stopped it would not end.
        let _ = kill(self.service(), Signal::SIGCONT);
        self.service.kill().unwrap();
        self.service.wait().unwrap();
    }

    /// A command of its own, which must succeed.
    pub fn podman(&self, words: &[&str]) -> String {
        let said = podman(self.directory.path()).args(words).output().unwrap();
        assert!(said.status.success(), "podman {}: {}", words.join(" "), text(&said));
        text(&said).trim().to_owned()
    }

    /// A container that runs a shell with this script.
    pub fn run(&self, name: &str, options: &[&str], script: &str) {
        let limits = ["--ulimit", "nofile=1024:2048", "--ulimit", "nproc=1000:1000"];
        self.podman(&[&["run", "-d", "--name", name], &limits[..], options, &["bb", "/bin/sh", "-c", script]].concat());
    }

    /// A container's main process.
    pub fn pid(&self, name: &str) -> i64 {
        self.podman(&["inspect", "-f", "{{.State.Pid}}", name]).parse().unwrap()
    }

    /// berth, told where this engine is, with these ports in its range.
    pub fn berth(&self, ports: &[u16]) -> Berth {
        let directory = self.directory.path();
        let config = directory.join("berth.toml");
        let (first, last) = (ports.iter().min().unwrap(), ports.iter().max().unwrap());
        let configuration = format!(
            "[ports]\nrange = \"{first}-{last}\"\n[docker]\nsockets = [\"{}\"]\n[findings]\naccept = [\"runs-as-root\"]\n[[discover]]\ndocker = \"*mcp*\"\n",
            self.socket().display()
        );
        fs::write(&config, configuration).unwrap();
        let home = directory.join("home");
        fs::create_dir_all(&home).unwrap();
        Berth { config, state: directory.join("state"), home }
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(begin.elapsed() < PATIENCE, "still not so: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end_service();
        // A test that failed has said so already; what cannot be removed lies below a temporary directory.
        let _ = podman(self.directory.path()).args(["rm", "-f", "-a", "-t", "0"]).output();
        let _ = podman(self.directory.path()).args(["rmi", "-f", "-a"]).output();
    }
}

/// Looks until an instance is as wanted.
pub fn row_until(berth: &Berth, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let list = berth.json(&["ls"]);
        let row = list["instances"].as_array().unwrap().iter().find(|row| row["id"] == id);
        if let Some(row) = row.filter(|row| is_so(row)) {
            return row.clone();
        }
        assert!(begin.elapsed() < PATIENCE, "{id} is not {what}: {list:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Ports that nobody has at the moment.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held = [(); COUNT].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

fn podman(directory: &Path) -> Command {
    let mut command = Command::new("podman");
    for (option, below) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp"), ("--network-config-dir", "networks")] {
        command.arg(option).arg(directory.join(below));
    }
    // Its events in a file: there need be no journal. crun refuses hierarchies of both versions.
    command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]).stdin(Stdio::null());
    command
}

fn serve(directory: &Path) -> Child {
    let socket = directory.join("api.sock");
    let _ = fs::remove_file(&socket);
    let mut command = podman(directory);
    command.args(["system", "service", "--time=0"]).arg(format!("unix://{}", socket.display()));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// An image of nothing but busybox, made in a directory.
pub fn image(directory: &Path) -> PathBuf {
    let root = directory.join("image/bin");
    fs::create_dir_all(&root).unwrap();
    fs::copy("/bin/busybox", root.join("busybox")).unwrap();
    for name in ["sh", "httpd", "sleep"] {
        std::os::unix::fs::symlink("busybox", root.join(name)).unwrap();
    }
    let archive = directory.join("image.tar");
    let packed = Command::new("tar").arg("-C").arg(directory.join("image")).arg("-cf").arg(&archive).arg(".").status();
    assert!(packed.unwrap().success());
    archive
}

/// All that a program said.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
