//! The sampler on this host: sockets and processes that the tests make and end themselves.

use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::domain::{Listener, Reading};
use crate::patience::{until, until_so};

fn own() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

fn own_key() -> ProcessKey {
    find_process(own()).unwrap().key
}

/// A child that ends with the test.
struct Reaped(Child);

impl Reaped {
    fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    fn sleep() -> Self {
        Self::start(Command::new("sleep").arg("60"))
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sampler_of(port: u16) -> Sampler {
    Sampler::new(PortRange { first: port, last: port }).unwrap()
}

fn listening(address: &str) -> (TcpListener, u16) {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Ends it also where a child that another test is just starting has a copy of the descriptor until its exec.
fn stop_listening(listener: TcpListener) {
    rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).unwrap();
}

fn at(sampler: &mut Sampler, port: u16, inode: u64) -> Option<Listener> {
    let listeners = sampler.sample().listeners.clone().known().unwrap();
    listeners.iter().find(|listener| listener.endpoint.port == port && listener.inode == inode).cloned()
}

fn inode(listener: &TcpListener) -> u64 {
    rustix::fs::fstat(listener).unwrap().st_ino
}

fn holders(listener: &Listener) -> Vec<i32> {
    let mut pids: Vec<i32> = listener.holders.as_ref().known().unwrap().iter().map(|holder| holder.key.pid).collect();
    pids.sort_unstable();
    pids
}

/// Makes a child have the listener as well, by inheritance.
fn inheriting(listener: &TcpListener) -> Reaped {
    use rustix::io::{FdFlags, fcntl_setfd};
    fcntl_setfd(listener, FdFlags::empty()).unwrap();
    let child = Reaped::sleep();
    fcntl_setfd(listener, FdFlags::CLOEXEC).unwrap();
    child
}

#[test]
fn a_listener_comes_with_its_holder_and_goes() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (listener, port) = listening(address);
        let inode = inode(&listener);
        let mut sampler = sampler_of(port);
        assert!(sampler.ports(&Watched::default()));
        let found = at(&mut sampler, port, inode).unwrap();
        assert_eq!(found.endpoint.address, listener.local_addr().unwrap().ip());
        assert_eq!(found.uid, Uid(nix::unistd::geteuid().as_raw()));
        let holder = found.holders.known().unwrap().iter().find(|holder| holder.key.pid == own()).cloned().unwrap();
        assert_eq!(holder.key, own_key());
        assert_eq!(holder.parent, nix::unistd::getppid().as_raw());
        assert!(!holder.command.is_empty());
        stop_listening(listener);
        assert!(sampler.ports(&Watched::default()));
        assert!(at(&mut sampler, port, inode).is_none());
    }
}

#[test]
fn a_listener_that_comes_later_is_seen_at_the_next_look() {
    let (probe, port) = listening("127.0.0.1:0");
    stop_listening(probe);
    let mut sampler = sampler_of(port);
    sampler.ports(&Watched::default());
    let before = jiff::Timestamp::now();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert!(sampler.ports(&Watched::default()));
    let found = at(&mut sampler, port, inode(&listener)).unwrap();
    assert!(holders(&found).contains(&own()));
    assert!(found.since >= before);
}

#[test]
fn holders_outside_the_range_are_only_looked_for_when_asked() {
    let (listener, port) = listening("127.0.0.1:0");
    let mut sampler = sampler_of(1);
    sampler.ports(&Watched::default());
    assert_eq!(at(&mut sampler, port, inode(&listener)).unwrap().holders, Reading::Unasked);
    let watched = Watched { ports: HashSet::from([port]), ..Watched::default() };
    assert!(sampler.ports(&watched));
    assert!(holders(&at(&mut sampler, port, inode(&listener)).unwrap()).contains(&own()));
}

#[test]
fn an_heir_of_the_socket_is_its_holder_when_the_other_lets_go() {
    let (listener, port) = listening("127.0.0.1:0");
    let inode = inode(&listener);
    let mut sampler = sampler_of(port);
    let watched = Watched::default();
    sampler.ports(&watched);
    // It came after the socket was found: it is asked because its parent holds it.
    let child = inheriting(&listener);
    sampler.processes(&watched);
    assert!(holders(&at(&mut sampler, port, inode).unwrap()).contains(&child.pid()));
    // The parent closes it and lives on: found out within a round of checks.
    drop(listener);
    (0..=processes::ROUNDS).for_each(|_| sampler.processes(&watched));
    sampler.ports(&watched);
    let left = holders(&at(&mut sampler, port, inode).unwrap());
    assert!(left.contains(&child.pid()) && !left.contains(&own()), "{left:?}");
    // The last holder ends: pidfd says so, and the socket goes with it.
    let key = find_process(child.pid()).unwrap().key;
    drop(child);
    sampler.forget(key);
    sampler.ports(&watched);
    assert!(!sampler.sample().processes.contains_key(&key.pid));
}

#[test]
fn a_tree_is_read_from_its_root_down() {
    let child = Reaped::start(Command::new("sh").args(["-c", "sleep 60 & wait"]));
    let stranger = Reaped::sleep();
    let root = find_process(child.pid()).unwrap().key;
    let mut sampler = sampler_of(1);
    let watched = Watched { roots: vec![root], ..Watched::default() };
    assert!(until_so(|| {
        sampler.processes(&watched);
        sampler.sample().processes.len() > 1
    }));
    let sample = sampler.sample();
    let grandchild = sample.processes.values().find(|process| process.parent == child.pid()).unwrap();
    assert!(sample.processes.contains_key(&root.pid));
    assert!(!sample.processes.contains_key(&stranger.pid()));
    assert!(!sample.processes.contains_key(&own()));
    assert!(sample.processes_taken > Duration::ZERO);
    assert!(sample.accounts.contains_key(&grandchild.uid));
    let sleeping = grandchild.key.pid;
    drop(child);
    // Its parent is gone, and with it the tree: what is left belongs to no root.
    sampler.processes(&watched);
    assert!(sampler.sample().processes.is_empty());
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(sleeping), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[test]
fn a_resting_orphan_has_its_new_parent_in_the_next_look() {
    let mut shell = Reaped::start(Command::new("sh").args(["-c", "sleep 60 >/dev/null & echo $!; wait"]).stdout(Stdio::piped()));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.0.stdout.take().unwrap()), &mut line).unwrap();
    let orphan = find_process(line.trim().parse().unwrap()).unwrap().key;
    let watched = Watched { roots: vec![orphan], ..Watched::default() };
    let mut sampler = sampler_of(1);
    // Long enough that it is only read when it ran.
    (0..12).for_each(|_| sampler.processes(&watched));
    assert_eq!(sampler.sample().processes[&orphan.pid].parent, shell.pid());
    let (shape, shell_pid) = (sampler.sample().shape, shell.pid());
    drop(shell);
    // Its parent is no member: only the listing tells that it is gone, and that is made when a pid was given or at least in ten looks.
    let moved = until_so(|| {
        sampler.processes(&watched);
        sampler.processes(&watched);
        sampler.sample().processes[&orphan.pid].parent != shell_pid
    });
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(orphan.pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert!(moved);
    assert_ne!(sampler.sample().shape, shape);
}

#[test]
fn a_look_at_what_did_not_change_hands_out_the_same() {
    let child = Reaped::sleep();
    let root = find_process(child.pid()).unwrap().key;
    let watched = Watched { roots: vec![root], ..Watched::default() };
    let mut sampler = sampler_of(1);
    // It rests when it has done what it does before it sleeps.
    assert!(until_so(|| {
        let before = sampler.sample().clone();
        sampler.processes(&watched);
        let after = sampler.sample();
        let same = after.processes.get(root.pid).zip(before.processes.get(root.pid)).is_some_and(|(now, then)| Arc::ptr_eq(now, then));
        same && after.shape == before.shape && after.processes_taken > before.processes_taken
    }));
    sampler.forget(root);
    let shape = sampler.sample().shape;
    assert!(!sampler.sample().processes.contains_key(&root.pid));
    // It lives: the next listing finds it again.
    let found = until_so(|| {
        sampler.processes(&watched);
        sampler.sample().processes.contains_key(&root.pid)
    });
    assert!(found);
    assert_ne!(sampler.sample().shape, shape);
}

#[test]
fn gathering_makes_sure_of_who_is_there_and_counts_nothing() {
    let mut sampler = sampler_of(1);
    sampler.processes(&Watched::default());
    let before = sampler.sample().clone();
    let child = Reaped::sleep();
    let key = find_process(child.pid()).unwrap().key;
    drop(child);
    assert!(sampler.gather(&Watched { roots: vec![key], ..Watched::default() }));
    let after = sampler.sample();
    assert!(!after.processes.contains_key(&key.pid));
    assert!(after.gathered > before.gathered);
    assert_eq!(after.processes_taken, before.processes_taken);
}

#[test]
fn a_root_with_another_start_is_no_root() {
    let child = Reaped::sleep();
    let key = find_process(child.pid()).unwrap().key;
    let mut sampler = sampler_of(1);
    sampler.processes(&Watched { roots: vec![ProcessKey { start_time: key.start_time + 1, ..key }], ..Watched::default() });
    assert!(sampler.sample().processes.is_empty());
}

#[test]
fn a_name_that_looks_like_fields_moves_nothing() {
    // A8: the file's name becomes the process's.
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join(std::ffi::OsStr::from_bytes(b"x) Z 1\n"));
    std::fs::copy("/bin/sleep", &program).unwrap();
    let child = Reaped::start(Command::new(&program).arg("60"));
    let process = until(|| find_process(child.pid()).filter(|process| process.name.as_str().starts_with('x'))).unwrap();
    assert_eq!(process.name.as_str(), "x) Z 1␊");
    assert_eq!(process.parent, own());
    assert_ne!(process.state, 'Z');
    let mut sampler = sampler_of(1);
    sampler.processes(&Watched { roots: vec![process.key], ..Watched::default() });
    assert_eq!(sampler.sample().processes[&child.pid()].name, process.name);
}

#[test]
fn readings_move_on_between_looks() {
    let child = Reaped::start(Command::new("sh").args(["-c", "while :; do :; done"]));
    let root = find_process(child.pid()).unwrap().key;
    let watched = Watched { roots: vec![root], ..Watched::default() };
    let mut sampler = sampler_of(1);
    sampler.processes(&watched);
    let before = sampler.sample().clone();
    assert!(until_so(|| {
        sampler.processes(&watched);
        sampler.sample().processes[&root.pid].cpu_ticks > before.processes[&root.pid].cpu_ticks
    }));
    let after = sampler.sample();
    assert!(after.processes_taken > before.processes_taken);
    assert!(after.processes[&root.pid].memory_bytes > 0);
    assert!(after.host.cores > 0 && after.ticks_per_second > 0);
}

#[test]
fn what_is_not_there_is_not_found() {
    assert!(find_process(i32::MAX).is_none());
    assert!(find_process(-1).is_none());
}
