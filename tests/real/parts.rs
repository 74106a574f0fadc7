//! Which real parts there are on this machine, and what happens where one is missing.
//!
//! It must never let a test pass for done that was not run where it is required.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether a part is there. Where it is missing the reason is printed, or the test fails when the part is required.
pub fn part<T>(name: &str, found: Result<T, String>) -> Option<T> {
    match found {
        Ok(part) => Some(part),
        Err(reason) => {
            let required = env::var("BERTH_TEST_REQUIRE").unwrap_or_default();
            assert!(!is_required(&required, name), "`{name}` is required and missing: {reason}");
            println!("skipped, `{name}` is missing: {reason}");
            None
        }
    }
}

fn is_required(required: &str, name: &str) -> bool {
    required.split([',', ' ']).any(|word| word == "all" || word == name)
}

/// Root, who may make accounts and start processes as them.
pub fn root() -> Option<()> {
    part("root", check_root())
}

fn check_root() -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("these tests make accounts and run as root".into());
    }
    for program in ["useradd", "userdel", "setpriv", "ps"] {
        in_path(program).ok_or_else(|| format!("there is no {program} in PATH"))?;
    }
    Ok(())
}

/// A systemd with its bus and journal that can be booted in namespaces, and what makes those.
pub fn systemd() -> Option<()> {
    part("systemd", check_systemd())
}

fn check_systemd() -> Result<(), String> {
    check_root()?;
    if !Path::new("/lib/systemd/systemd").is_file() {
        return Err("there is no /lib/systemd/systemd: apt-get install systemd".into());
    }
    for program in ["unshare", "nsenter", "ip", "systemctl", "systemd-run", "systemd-analyze", "busctl", "journalctl", "dbus-daemon"] {
        in_path(program).ok_or_else(|| format!("there is no {program} in PATH: apt-get install systemd dbus iproute2 util-linux"))?;
    }
    Ok(())
}

/// A Podman with a runtime, and a busybox that is an image by itself.
pub fn podman() -> Option<()> {
    part("podman", check_podman())
}

fn check_podman() -> Result<(), String> {
    check_root()?;
    for program in ["podman", "runc", "conmon", "tar"] {
        in_path(program).ok_or_else(|| format!("there is no {program} in PATH: apt-get install podman runc"))?;
    }
    if !Path::new("/bin/busybox").is_file() {
        return Err("there is no /bin/busybox: apt-get install busybox-static".into());
    }
    Ok(())
}

/// A Docker daemon with its client, and a busybox that is an image by itself.
pub fn docker() -> Option<()> {
    part("docker", check_docker())
}

fn check_docker() -> Result<(), String> {
    check_root()?;
    for program in ["dockerd", "containerd", "runc", "docker", "busybox", "unshare", "nsenter", "ip", "tar"] {
        in_path(program).ok_or_else(|| format!("there is no {program} in PATH: apt-get install docker.io busybox-static"))?;
    }
    Ok(())
}

/// Debian's Prometheus, with promtool.
pub fn prometheus() -> Option<()> {
    part("prometheus", check_prometheus())
}

fn check_prometheus() -> Result<(), String> {
    for program in ["prometheus", "promtool"] {
        in_path(program).ok_or_else(|| format!("there is no {program} in PATH: apt-get install prometheus"))?;
    }
    Ok(())
}

/// OpenSSH's server and client; the test has them use its own keys and ports.
pub fn sshd() -> Option<()> {
    part("sshd", check_sshd())
}

fn check_sshd() -> Result<(), String> {
    check_root()?;
    for program in ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"] {
        if !Path::new(program).is_file() {
            return Err(format!("there is no {program}: apt-get install openssh-server"));
        }
    }
    Ok(())
}

/// What a user needs to run a Podman of their own: user ids to give to containers.
pub fn rootless() -> Option<()> {
    part("rootless", check_rootless())
}

fn check_rootless() -> Result<(), String> {
    in_path("newuidmap").ok_or("there is no newuidmap in PATH: apt-get install uidmap")?;
    if !Path::new("/etc/subuid").is_file() {
        return Err("there is no /etc/subuid, so that useradd gives nobody ids for containers".into());
    }
    Ok(())
}

/// Node.js and npm's server-everything.
pub struct Everything {
    /// Node's program, which every account may run.
    pub node: PathBuf,
    /// The directory `node_modules` with the server and all that it needs.
    pub modules: PathBuf,
}

/// The real MCP server, installed by `.ci/run` under `BERTH_TEST_NPM` or `target/real/npm`.
pub fn everything() -> Option<Everything> {
    part("everything", find_everything())
}

fn find_everything() -> Result<Everything, String> {
    let node = find_node()?;
    let cache = cache();
    let modules = cache.join("node_modules");
    if !modules.join(crate::world::SERVER).is_file() {
        return Err(format!("npm install --prefix {} @modelcontextprotocol/server-everything", cache.display()));
    }
    Ok(Everything { node, modules })
}

fn find_node() -> Result<PathBuf, String> {
    let node = in_path("node").ok_or("there is no node in PATH")?;
    can_be_run(&node)?;
    Ok(node)
}

/// A program below root's home is none for the accounts of the tests.
fn can_be_run(program: &Path) -> Result<(), String> {
    let ran = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        .arg("--version")
        .current_dir("/")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if ran.is_ok_and(|status| status.success()) { Ok(()) } else { Err(format!("an ordinary account cannot run {}", program.display())) }
}

/// Node.js with the packages for servers of the modern era; the older server's are another version of the same ones.
pub fn modern() -> Option<Everything> {
    part("modern", find_modern())
}

fn find_modern() -> Result<Everything, String> {
    let node = find_node()?;
    let prefix = cache().join("modern");
    let modules = prefix.join("node_modules");
    let needed = ["@modelcontextprotocol/server", "@modelcontextprotocol/node", "prom-client"];
    if !needed.iter().all(|name| modules.join(name).is_dir()) {
        return Err(format!("npm install --prefix {} {}", prefix.display(), needed.join(" ")));
    }
    Ok(Everything { node, modules })
}

/// The system's Python, which every account may run.
pub const PYTHON: &str = "/usr/bin/python3";

/// The Python packages of one directory: `mcp` is the SDK of today, `memory` is mcp-memory-service with the SDK of the older era. Installed
/// by `.ci/run` under `BERTH_TEST_PIP` or `target/real/pip`.
pub fn python(name: &str) -> Option<PathBuf> {
    part(&format!("python-{name}"), find_python(name))
}

fn find_python(name: &str) -> Result<PathBuf, String> {
    can_be_run(Path::new(PYTHON))?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/real/pip");
    let packages = env::var_os("BERTH_TEST_PIP").map_or(here, PathBuf::from).join(name);
    let ran = Command::new(PYTHON).args(["-c", "import mcp"]).env("PYTHONPATH", &packages).stderr(Stdio::null()).status();
    if ran.is_ok_and(|status| status.success()) {
        return Ok(packages);
    }
    let package = if name == "memory" { "mcp-memory-service" } else { name };
    Err(format!("{PYTHON} -m pip install --target {} {package}", packages.display()))
}

/// npm's PM2.
pub struct Pm2 {
    /// The directory `node_modules` with it and all that it needs.
    pub modules: PathBuf,
}

/// The real PM2, installed by `.ci/run` beside the server, in a directory of its own: its packages are many.
pub fn pm2() -> Option<Pm2> {
    part("pm2", find_pm2())
}

fn find_pm2() -> Result<Pm2, String> {
    let modules = cache().join("pm2/node_modules");
    if !modules.join("pm2/bin/pm2").is_file() {
        return Err(format!("npm install --prefix {} pm2", cache().join("pm2").display()));
    }
    Ok(Pm2 { modules })
}

/// Where npm's packages are.
fn cache() -> PathBuf {
    env::var_os("BERTH_TEST_NPM").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/real/npm"), PathBuf::from)
}

/// What reads clients' configurations here: jq, and a Python with tomllib.
pub fn readers() -> Option<()> {
    part("readers", find_readers())
}

fn find_readers() -> Result<(), String> {
    in_path("jq").ok_or("there is no jq in PATH")?;
    let ran = Command::new("python3").args(["-c", "import json, tomllib"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if ran.is_ok_and(|status| status.success()) { Ok(()) } else { Err("there is no python3 of 3.11 or later".into()) }
}

fn in_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[test]
fn what_is_required_is_read_from_a_list() {
    assert!(is_required("all", "root") && is_required("node,root", "root") && is_required("node root", "root"));
    assert!(!is_required("", "root") && !is_required("rootless", "root"));
}
