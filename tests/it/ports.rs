//! The real binary where a port is not simply free or listened on: had by a socket that does not listen, beside another one's, in
//! another network namespace, told by files because sock_diag is refused, held by somebody who may not be seen.
//!
//! It must never leave a control group or a process behind.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::unistd::{Uid, geteuid, setfsuid};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use serde_json::Value;

use crate::actions::{Tree, told};

const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// An account that nobody has.
const OTHER: u32 = 61_001;

fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can be two users");
    }
    is_root
}

fn bound(port: u16) -> OwnedFd {
    // Not for berth to inherit.
    let held = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&held, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
    held
}

fn document(tree: &Tree, words: &[&str]) -> Value {
    let (_, text, errors) = tree.berth(&[&["--json"], words].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {errors}"))
}

fn finding(document: &Value, code: &str) -> Option<Value> {
    document["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code).cloned()
}

#[test]
fn a_port_that_nobody_listens_on_and_that_is_not_free_is_explained() {
    let tree = Tree::new(&["zoe"]);
    let (port, own) = (tree.ports[0], std::process::id());
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connection = bound(port);
    connect(&connection, &server.local_addr().unwrap()).unwrap();
    let (code, _, errors) = tree.berth(&["start", "zoe"]);
    let expected = format!("{port} is the local port of an outgoing connection of pid {own} (");
    assert!(code == 5 && errors.contains(&expected) && errors.contains(&server.local_addr().unwrap().to_string()), "{code} {errors}");
    assert_eq!(tree.row("zoe")["state"], "stopped");
    drop(connection);
    drop(server);

    // Whoever closed first keeps the port for a minute; a new one without that history.
    let tree = Tree::new(&["zoe"]);
    let held = bound(tree.ports[0]);
    let (code, _, errors) = tree.berth(&["start", "zoe"]);
    let expected = format!("{} is bound, but not listened on, by pid {own} (", tree.ports[0]);
    if code == 5 {
        assert!(errors.contains(&expected), "{errors}");
    } else {
        eprintln!("skipped: a kernel before 6.8 does not tell sockets that are only bound");
    }
    drop(held);
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
}

#[test]
fn a_server_beside_another_owners_starts_and_it_is_said() {
    if !is_root() {
        return;
    }
    let Ok(probe) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        eprintln!("skipped: this host has no IPv6");
        return;
    };
    drop(probe);
    let tree = Tree::new(&["zoe"]);
    let port = tree.ports[0];
    // A socket's owner is the uid with which it was made, whoever has it open.
    setfsuid(Uid::from_raw(OTHER));
    let shadow = TcpListener::bind((IpAddr::V6(Ipv6Addr::LOCALHOST), port));
    setfsuid(geteuid());
    let shadow = shadow.unwrap();
    let (code, out, errors) = tree.berth(&["start", "zoe"]);
    assert!(code == 0 && out.contains("may reach the wrong one"), "{code} {out} {errors}");
    let row = tree.row("zoe");
    assert_eq!((&row["state"], &row["findings"]), (&"degraded".into(), &serde_json::json!(["port-shadowed"])), "{row:#}");
    let found = finding(&document(&tree, &["check"]), "port-shadowed").unwrap();
    assert_eq!((&found["level"], &found["pids"]), (&"error".into(), &serde_json::json!([std::process::id()])), "{found:#}");
    assert!(found["evidence"].as_str().unwrap().starts_with(&format!("[::1]:{port} is listened on by pid")), "{found:#}");
    let list = document(&tree, &["ls"]);
    assert_eq!(list["totals"]["conflicts"], 1);
    let ports = document(&tree, &["ports"]);
    assert_eq!((&ports["ports"][0]["state"], &ports["ports"][0]["instance"]), (&"conflict".into(), &"zoe".into()), "{ports:#}");
    drop(shadow);
    assert_eq!(tree.row("zoe")["state"], "running");
}

#[test]
fn another_network_namespace_is_another_world() {
    if !is_root() {
        return;
    }
    let tree = Tree::new(&["zoe"]);
    let port = tree.ports[0];
    let text = fs::read_to_string(tree.config()).unwrap();
    let there = text.replace("command = [", "command = [\"unshare\", \"--net\", ");
    fs::write(tree.config(), there).unwrap();
    tree.configure("zoe", &format!("{{\"port\": {port}, \"host\": \"0.0.0.0\"}}"));
    let (code, _, errors) = tree.berth(&["start", "zoe", "--timeout", "1s"]);
    assert!(code == 1 && errors.contains("in a network namespace of its own"), "{code} {errors}");
    // It has the port there, so that here it is free.
    let _here = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
    let row = tree.row("zoe");
    assert_eq!((&row["state"], &row["findings"], &row["listening"]), (&"running".into(), &serde_json::json!([]), &serde_json::json!([])));
}

/// Refuses sockets of sock_diag with EPERM, as a hardened service or container does: seccomp(2).
fn without_sock_diag(command: &mut Command) {
    let load = |offset| filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let unless_allow = |value, allow| filter(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, allow, value);
    let end = |value| filter(libc::BPF_RET | libc::BPF_K, 0, 0, value);
    // struct seccomp_data: the call's number at 0, its arguments of 8 bytes each from 16 on; their low halves.
    let low = if cfg!(target_endian = "little") { 0 } else { 4 };
    let program = [
        load(0),
        unless_allow(u32::try_from(libc::SYS_socket).unwrap(), 5),
        load(16 + low),
        unless_allow(u32::try_from(libc::AF_NETLINK).unwrap(), 3),
        load(32 + low),
        unless_allow(u32::try_from(libc::NETLINK_SOCK_DIAG).unwrap(), 1),
        end(libc::SECCOMP_RET_ERRNO | u32::try_from(libc::EPERM).unwrap()),
        end(libc::SECCOMP_RET_ALLOW),
    ];
    // SAFETY: between fork and exec nothing but two system calls is made, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            let filter = libc::sock_fprog { len: 8, filter: program.as_ptr().cast_mut() };
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) != 0
            {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
}

fn filter(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k }
}

#[test]
fn f21_where_sock_diag_is_refused_files_are_read_and_it_is_said() {
    let tree = Tree::new(&["zoe", "yan"]);
    let port = tree.ports[0];
    let refused = |words: &[&str]| {
        let mut command = tree.command(words);
        without_sock_diag(&mut command);
        told(command.output().unwrap())
    };
    let (code, out, errors) = refused(&["start", "zoe"]);
    assert!(code == 0 && out.contains(&format!("listens on 127.0.0.1:{port}")), "{code} {out} {errors}");
    let (_, text, errors) = refused(&["--json", "ls"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    let zoe = list["instances"].as_array().unwrap().iter().find(|row| row["id"] == "zoe").unwrap().clone();
    assert_eq!((&zoe["state"], zoe["listening"][0]["port"].as_u64()), (&"running".into(), Some(u64::from(port))), "{list:#}");
    assert_eq!(zoe["listening"][0]["pid"], zoe["pid"]);
    let (_, _, plainly) = refused(&["-v", "ls"]);
    let said = "socket diagnosis is refused (Operation not permitted (os error 1)): listening ports are read from /proc/net/tcp";
    assert!(plainly.contains(said), "{plainly} {errors}");
    assert!(!tree.berth(&["-v", "ls"]).2.contains("diagnosis"));
    // Somebody who takes yan's port is seen by files just as well: under yan's account it counts as yan's instance.
    let _taker = TcpListener::bind((Ipv4Addr::LOCALHOST, tree.ports[1])).unwrap();
    let (_, text, _) = refused(&["--json", "ports"]);
    let ports: Value = serde_json::from_str(&text).unwrap();
    let yans = ports["ports"].as_array().unwrap().iter().find(|facts| facts["port"] == tree.ports[1]).unwrap();
    assert_eq!(
        (&yans["state"], &yans["instance"], &yans["pid"]),
        (&"listening".into(), &"yan".into(), &std::process::id().into()),
        "{yans:#}"
    );
}

/// A control group that goes with the test.
struct Group(PathBuf);

impl Group {
    fn make() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let root = text.lines().find(|line| line.contains(" - cgroup2 ")).and_then(|line| line.split(' ').nth(4)).map(PathBuf::from)?;
        let path = root.join(format!("berth-it-{}", std::process::id()));
        fs::create_dir(&path).ok().map(|()| Self(path))
    }

    fn run(&self, command: &mut Command) -> Child {
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        if let Err(error) = fs::write(self.0.join("cgroup.procs"), child.id().to_string()) {
            let _ = child.kill();
            panic!("{error}");
        }
        child
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..200 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_viewer_without_rights_sees_which_group_holds_a_port() {
    if !is_root() {
        return;
    }
    let Some(group) = Group::make() else {
        eprintln!("skipped: no unified control groups that could be written to");
        return;
    };
    // What everybody may run, whatever the way to it is.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("berth");
    fs::hard_link(BERTH, &program).or_else(|_| fs::copy(BERTH, &program).map(drop)).unwrap();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let config = folder.path().join("berth.toml");
    fs::write(&config, format!("[ports]\nrange = \"{port}\"\n[[discover]]\nconfig = \"/nonexistent/*/config.json\"\n")).unwrap();
    // It is put into the group before it listens: the group is the one that the socket is made in.
    let gate = format!("while ! grep -q berth-it /proc/self/cgroup; do :; done; exec {BERTH} demo-stranger --port {port}");
    let mut holder = group.run(Command::new("sh").args(["-c", &gate]));
    let text = (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(20));
        let text = seen_by_other(&program, &config);
        text.contains("port-stranger").then_some(text)
    });
    let _ = holder.kill();
    let _ = holder.wait();
    let text = text.unwrap_or_else(|| seen_by_other(&program, &config));
    let expected = format!(
        "{port} is listened on by a process of root that may not be seen, made in /{}",
        group.0.file_name().unwrap().to_string_lossy()
    );
    assert!(text.contains(&expected), "{text}");
}

fn seen_by_other(program: &Path, config: &Path) -> String {
    let output = Command::new("setpriv")
        .args([&format!("--reuid={OTHER}"), &format!("--regid={OTHER}"), "--clear-groups", "--"])
        .arg(program)
        .arg("--config")
        .arg(config)
        .args(["--json", "check"])
        .env("BERTH_STATE", "/nonexistent")
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .current_dir("/")
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
