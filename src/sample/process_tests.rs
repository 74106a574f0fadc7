//! The kept process, on real ones.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::patience::until_so;

fn proc() -> Proc {
    Proc::open_at(Path::new("/proc")).unwrap()
}

fn own() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

/// A child that ends with the test.
struct Reaped(Child);

impl Reaped {
    fn shell(script: &str) -> Self {
        Self(Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    fn wait_for_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    fn say(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn this_process_is_read_as_the_kernel_tells_it() {
    let (proc, clock) = (proc(), Clock::new());
    let kept = Kept::open(&proc, &clock, own(), true).unwrap();
    let process = kept.process();
    let theirs = procfs::process::Process::myself().unwrap();
    let status = theirs.status().unwrap();
    assert_eq!(process.uid, Uid(status.euid));
    assert_eq!(process.parent, status.ppid);
    assert_eq!(process.key.start_time, theirs.stat().unwrap().starttime);
    let counted = procfs::process::Process::myself().unwrap().fd_count().unwrap();
    let known = usize::try_from(process.open_files.known().unwrap()).unwrap();
    assert!(known.abs_diff(counted) < 64, "{known} {counted}"); // other tests open and close theirs
    let resident = status.vmrss.unwrap() * 1024;
    assert!(process.memory_bytes.abs_diff(resident) < 32 << 20);
    let first = theirs.cmdline().unwrap().join(" ");
    assert_eq!(process.command.as_str(), first);
    let age = jiff::Timestamp::now().duration_since(process.started_at);
    assert!(age.is_positive() && age.as_secs() < 3600);
}

#[test]
fn opened_files_are_counted_within_a_few_readings() {
    let (proc, clock) = (proc(), Clock::new());
    let mut child = Reaped::shell("echo ready; read x; exec 7</dev/null 8</dev/null; echo opened; read y");
    child.wait_for_line();
    let mut kept = Kept::open(&proc, &clock, child.pid(), true).unwrap();
    let before = kept.process().open_files.known().unwrap();
    child.say("\n");
    child.wait_for_line();
    for _ in 0..FILES_EVERY {
        kept.refresh(&proc, &mut [0; LINE], false);
    }
    assert_eq!(kept.process().open_files, Reading::Known(before + 2));
}

#[test]
fn a_process_that_ends_is_gone_and_stays_gone() {
    let (proc, clock) = (proc(), Clock::new());
    for keep in [true, false] {
        let child = Reaped::shell("read x");
        let mut kept = Kept::open(&proc, &clock, child.pid(), keep).unwrap();
        assert_eq!(kept.holds_descriptors(), keep);
        assert_ne!(kept.refresh(&proc, &mut [0; LINE], false), Change::Gone);
        drop(child);
        assert_eq!(kept.refresh(&proc, &mut [0; LINE], false), Change::Gone);
        assert_eq!(kept.refresh(&proc, &mut [0; LINE], false), Change::Gone);
    }
}

#[test]
fn a_zombie_keeps_its_command() {
    let (proc, clock) = (proc(), Clock::new());
    let mut child = Reaped::shell("echo ready; read x; exit 3");
    child.wait_for_line();
    let mut kept = Kept::open(&proc, &clock, child.pid(), true).unwrap();
    let command = kept.process().command.clone();
    child.say("\n");
    until_so(|| {
        kept.refresh(&proc, &mut [0; LINE], false);
        kept.process().state == 'Z'
    });
    assert_eq!((kept.process().state, kept.process().open_files), ('Z', Reading::Known(0)));
    assert_eq!(kept.process().command, command);
}

#[test]
fn an_exec_is_another_command() {
    let (proc, clock) = (proc(), Clock::new());
    // The same name before and after: only the image tells that another program runs.
    let mut child = Reaped::shell("echo ready; read x; exec sh -c 'echo again; read y'");
    child.wait_for_line();
    let mut kept = Kept::open(&proc, &clock, child.pid(), true).unwrap();
    assert!(kept.process().command.as_str().contains("echo ready"));
    child.say("\n");
    child.wait_for_line();
    assert_eq!(kept.refresh(&proc, &mut [0; LINE], false), Change::Identity);
    assert_eq!(kept.process().command.as_str(), "sh -c echo again; read y");
    assert_ne!(kept.refresh(&proc, &mut [0; LINE], false), Change::Identity);
}

#[test]
fn what_rests_is_the_same_and_what_it_does_then_is_seen_at_once() {
    let (proc, clock) = (proc(), Clock::new());
    let mut child = Reaped::shell("echo ready; read x; exec sh -c 'echo again; read y'");
    child.wait_for_line();
    let mut kept = Kept::open(&proc, &clock, child.pid(), true).unwrap();
    let rests = |kept: &mut Kept| {
        let before = Arc::clone(kept.process());
        kept.refresh(&proc, &mut [0; LINE], false) == Change::Nothing && Arc::ptr_eq(&before, kept.process())
    };
    // Whatever it still had to do after its line was written.
    assert!(until_so(|| (0..8).all(|_| rests(&mut kept))));
    child.say("\n");
    child.wait_for_line();
    let seen: Vec<Change> = (0..2).map(|_| kept.refresh(&proc, &mut [0; LINE], false)).collect();
    assert_eq!(seen[0], Change::Identity, "{seen:?}");
    assert_eq!(kept.process().command.as_str(), "sh -c echo again; read y");
}

#[test]
fn a_uid_given_up_is_noticed() {
    if !nix::unistd::geteuid().is_root() {
        return; // only root may become somebody else
    }
    let (proc, clock) = (proc(), Clock::new());
    let mut child = Reaped::shell("read x; exec setpriv --reuid 65534 --clear-groups sh -c 'echo now; read y'");
    let mut kept = Kept::open(&proc, &clock, child.pid(), true).unwrap();
    assert_eq!(kept.process().uid, Uid::ROOT);
    child.say("\n");
    child.wait_for_line();
    assert_eq!(kept.refresh(&proc, &mut [0; LINE], false), Change::Identity);
    assert_eq!(kept.process().uid, Uid(65534));
}

#[test]
fn what_there_is_no_process_for_is_an_error() {
    assert!(is_gone(&Kept::open(&proc(), &Clock::new(), i32::MAX, true).err().unwrap()));
}

#[test]
fn command_lines_are_joined_and_harmless() {
    let cases: [(&[u8], &str); 6] = [
        (b"node\0src/main.js\0", "node src/main.js"),
        (b"", "[comm]"),
        (b"\0\0", "[comm]"),
        (b"nginx: worker process\0\0\0", "nginx: worker process"),
        (b"a\0\0b\0", "a  b"),
        (b"\x1b[2J\0", "␛[2J"),
    ];
    for (arguments, expected) in cases {
        assert_eq!(joined(arguments.to_vec(), b"comm").as_str(), expected);
    }
}

#[test]
fn the_unified_cgroup_goes_first() {
    let cases = [
        ("0::/system.slice/x.service\n", Some("/system.slice/x.service")),
        ("12:pids:/a\n1:name=systemd:/b\n0::/c\n", Some("/c")),
        ("12:pids:/a\n1:name=systemd:/b\n", Some("/b")),
        ("12:pids:/a\n", Some("/a")),
        ("", None),
        ("junk", None),
    ];
    for (text, expected) in cases {
        assert_eq!(cgroup_of(text.as_bytes()).as_ref().map(Shown::as_str), expected, "{text:?}");
    }
}

#[test]
fn what_was_opened_of_another_process_is_not_believed() {
    let (proc, clock) = (proc(), Clock::new());
    let inode = proc.identity(own()).unwrap().st_ino;
    let meet =
        |inode: u64, opened| Kept::meet(&proc, &clock, own(), Meeting { keep: true, listed: Some((inode, opened)), holds_socket: true });
    for listed in [inode, inode ^ 1] {
        let kept = meet(listed, Some(Opened::read(&proc, own()).unwrap())).unwrap();
        assert_eq!(kept.process().uid, Uid(nix::unistd::geteuid().as_raw()));
        assert!(kept.holds_descriptors() && !kept.process().elsewhere);
    }
    // It had the pid before.
    let mut before = Reaped::shell("exec sleep 60");
    let opened = Opened::read(&proc, before.pid()).unwrap();
    before.0.kill().unwrap();
    before.0.wait().unwrap();
    assert!(meet(inode ^ 1, Some(opened)).is_err());
}
