//! Places that fail: a full disk, a mount that does not answer, a /proc that hides, no descriptors, rights that are missing.
//!
//! It must never mount anything that the test's end leaves behind.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::host::{Host, RESTS};
use crate::accounts::Account;
use crate::parts;

/// How long anything may take on a busy machine beside one of which somebody else waits for an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Something mounted, gone when dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: &Path, kind: &str, options: &str) -> Self {
        let mounted = Command::new("mount").args(["-t", kind, "-o", options, "none"]).arg(path).status().unwrap();
        assert!(mounted.success(), "mount {kind}");
        Self(path.to_owned())
    }

    /// A file system of which nobody ever answers a question: what is asked there waits for as long as it stands.
    fn dead(path: &Path) -> (Self, File) {
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let word = |text: &str| std::ffi::CString::new(text).unwrap();
        let (source, target, kind, options) = (word("berth-test"), word(path.to_str().unwrap()), word("fuse"), word(&options));
        // SAFETY: plain strings that live for the call.
        let result = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast()) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        (Self(path.to_owned()), device)
    }
}

/// Reads what is asked of a file system and answers that it is there, and nothing else ever: who asks waits where no signal reaches them.
/// Ends when the file system is taken away.
fn say_nothing(mut device: File) {
    let mut request = vec![0; 1 << 17];
    while let Ok(length @ 40..) = device.read(&mut request) {
        let number = |at: usize| u32::from_le_bytes(request[at..at + 4].try_into().unwrap());
        // FUSE_INIT of <linux/fuse.h>: version 7.31, then flags and sizes.
        if length >= 40 && number(4) == 26 {
            let mut answer = [80u32.to_le_bytes(), [0; 4]].concat();
            answer.extend_from_slice(&request[8..16]);
            for word in [7u32, 31, 65_536, 0, 12 << 16 | 16, 65_536, 1, 16] {
                answer.extend_from_slice(&word.to_le_bytes());
            }
            answer.resize(80, 0);
            device.write_all(&answer).unwrap();
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--force", "--lazy", "--no-canonicalize"]).arg(&self.0).stderr(Stdio::null()).status();
    }
}

/// berth under another program.
fn under(host: &Host, before: &[&str], words: &[&str]) -> Output {
    let mut command = Command::new(before[0]);
    command.args(&before[1..]).arg(env!("CARGO_BIN_EXE_berth")).arg("--config").arg(&host.berth.config).args(words);
    command.env("BERTH_STATE", &host.berth.state).env("HOME", &host.berth.home).env("XDG_CONFIG_HOME", &host.berth.home);
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn f06_no_space() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    fs::create_dir(&host.berth.state).unwrap();
    let _full = Mounted::at(&host.berth.state, "tmpfs", "size=512k,mode=700");
    host.berth.done(&["start", &alice.name]);
    host.berth.done(&["stop", &alice.name]);
    host.berth.done(&["start", &alice.name]);
    let before = fs::read(host.berth.state.join("events.db")).unwrap();
    let mut filler = File::create(host.berth.state.join("filler")).unwrap();
    while filler.write_all(&[b'x'; 512]).is_ok() {}
    while filler.write_all(b"x").is_ok() {}
    for verb in ["start", "restart"] {
        let ran = host.berth.run(&[verb, &bob.name]);
        assert_eq!(ran.code, Some(1), "{verb}: {}", ran.text);
        let why = ["could not be recorded", "cannot write the record"].into_iter().any(|why| ran.text.contains(why));
        assert!(why && ran.text.contains("No space left"), "{verb}: {}", ran.text);
        assert!(bob.processes().is_empty(), "{verb}: refused before anything was started");
    }
    let row = host.berth.instance(&alice.name);
    assert_eq!((row["state"].as_str(), row["wish"].as_str()), (Some("running"), Some("up")), "{row:#}");
    let ran = host.berth.run(&["stop", &alice.name]);
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    alice.assert_idle();
    let row = host.berth.instance(&alice.name);
    assert_eq!(row["state"], "stopped", "{row:#}");
    // What stood there stands there: nothing was half overwritten, and with room again all goes on.
    assert!(fs::read(host.berth.state.join("events.db")).unwrap().len() >= before.len());
    drop(filler);
    fs::remove_file(host.berth.state.join("filler")).unwrap();
    host.berth.done(&["start", &alice.name, &bob.name]);
    host.berth.done(&["stop", &alice.name, &bob.name]);
}

#[test]
fn f08_no_descriptors() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS]);
    let alice = &host.owners[0];
    for limit in [256, 64, 40, 32, 28, 24, 20, 16, 12] {
        let few = format!("--nofile={limit}:{limit}");
        host.berth.done(&["start", &alice.name]);
        for words in [&["ls"][..], &["check"], &["ports"], &["show", &alice.name], &["logs", &alice.name]] {
            let output = under(&host, &["prlimit", &few, "--"], words);
            let text = text(&output);
            assert!(output.status.code().is_some_and(|code| code < 100), "{limit} {words:?}: {:?} {text}", output.status);
            assert!(!text.contains("panicked"), "{limit} {words:?}: {text}");
            // Nothing that runs is called stopped because it could not be looked at.
            let is_wrong = words[0] == "ls" && text.lines().any(|line| line.contains(&alice.name) && line.contains("stopped"));
            assert!(!is_wrong, "{limit}: {text}");
        }
        let output = under(&host, &["prlimit", &few, "--"], &["stop", &alice.name]);
        let (code, text) = (output.status.code(), text(&output));
        assert!(code.is_some_and(|code| code < 100) && !text.contains("panicked"), "{limit}: {code:?} {text}");
        if limit >= 32 {
            assert_eq!(code, Some(0), "{limit}: {text}");
        }
        assert!(code != Some(0) || alice.processes().is_empty(), "{limit}: {text}");
        host.berth.done(&["stop", &alice.name]);
    }
}

/// Listens until it is told not to: then only its record tells that it runs.
const FALLS_SILENT: &str = "$SIG{USR1} = sub { close $listener }; sleep 1 while 1;";

/// A server that runs and listens nowhere.
fn silent(host: &Host, owner: &Account) -> i32 {
    host.berth.done(&["start", &owner.name]);
    let pid = i32::try_from(host.berth.instance(&owner.name)["pid"].as_i64().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGUSR1).unwrap();
    let row = host.until(owner, "silent", |row| row["listening"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(row["pid"].as_i64(), Some(pid.into()), "{row:#}");
    pid
}

#[test]
fn f08_what_could_not_be_found_is_no_end() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[FALLS_SILENT]);
    let alice = &host.owners[0];
    let pid = silent(&host, alice);
    let record = host.berth.state.join(format!("instances/{}+default.jsonl", alice.name));
    let aside = host.berth.state.join("aside");
    fs::rename(&record, &aside).unwrap();
    // The kernel refuses to read it, as it does without a descriptor and as a failing disk does.
    fs::create_dir(&record).unwrap();
    let row = host.berth.instance(&alice.name);
    assert_eq!((row["state"].as_str(), row["wish"].is_null()), (Some("unknown"), true), "{row:#}");
    for verb in ["stop", "start", "restart"] {
        let ran = host.berth.run(&[verb, &alice.name, "--timeout", "2s"]);
        assert_eq!(ran.code, Some(1), "{verb}: {}", ran.text);
        let why = if verb == "stop" { "What runs of it could not be found" } else { "Whether it runs is not known" };
        assert!(ran.text.contains(why), "{verb}: {}", ran.text);
        let servers = alice
            .processes()
            .into_iter()
            .filter(|pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|text| text.contains("server.pl")));
        assert_eq!(servers.collect::<Vec<_>>(), [pid], "{verb}");
    }
    fs::remove_dir(&record).unwrap();
    fs::rename(&aside, &record).unwrap();
    host.berth.done(&["stop", &alice.name]);
    alice.assert_idle();

    // The same for want of descriptors, wherever it is that the last one is missing.
    let mut told = 0;
    for limit in [40, 32, 28, 24, 22, 20, 18, 16, 14, 12, 10, 8] {
        let pid = silent(&host, alice);
        let few = format!("--nofile={limit}:{limit}");
        let output = under(&host, &["prlimit", &few, "--"], &["ls"]);
        let list = text(&output);
        let is_wrong = list.lines().any(|line| line.contains(&alice.name) && line.contains("stopped"));
        assert!(!is_wrong && !list.contains("panicked"), "{limit}: {list}");
        let output = under(&host, &["prlimit", &few, "--"], &["stop", &alice.name, "--timeout", "2s"]);
        let (code, text) = (output.status.code(), text(&output));
        assert!(!text.contains("panicked"), "{limit}: {text}");
        told += usize::from(text.contains("What runs of it could not be found"));
        let is_there = alice.processes().contains(&pid);
        assert!(code != Some(0) || !is_there, "{limit}: {text}");
        host.berth.done(&["stop", &alice.name]);
    }
    println!("{told} times for want of descriptors");
}

#[test]
fn f09_rights_missing() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name, &bob.name]);
    // A program that the others may run, whatever the way to it is.
    let program = host.base.join("berth");
    fs::copy(env!("CARGO_BIN_EXE_berth"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (uid, gid) = (bob.uid, bob.gid);
    let as_bob = format!("exec setpriv --reuid={uid} --regid={gid} --clear-groups -- {}", program.display());
    let config = host.berth.config.display();
    for hide in ["", "mount -t proc -o hidepid=2 none /proc && ", "mount -t proc -o hidepid=1 none /proc && "] {
        for words in ["ls --json", "ls", "check", "ports", "show"] {
            let words = if words == "show" { format!("show {}", alice.name) } else { words.to_owned() };
            let script = format!("{hide}{as_bob} --config {config} {words}");
            let mut command = Command::new("unshare");
            command.args(["--mount", "--", "sh", "-c", &script]).env_remove("BERTH_STATE").env("HOME", "/nonexistent").current_dir("/");
            let output = command.env("BERTH_STATE", &host.berth.state).stdin(Stdio::null()).output().unwrap();
            let told = text(&output);
            assert!(output.status.code().is_some_and(|code| code <= 1), "{hide}{words}: {told}");
            if words != "ls --json" {
                continue;
            }
            let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{hide}{error}: {told}"));
            let row = |name: &str| list["instances"].as_array().unwrap().iter().find(|row| row["id"] == name).cloned();
            for owner in [alice, bob] {
                // Whoever may not see the configuration sees no row of it; a row is never a wrong one.
                let Some(row) = row(&owner.name) else { continue };
                assert_ne!(row["state"], "stopped", "{hide}: {row:#}");
                if row["pid"].is_null() {
                    // The group that root's berth made tells whose a listener is, and not which process has it.
                    assert!(row["state"] == "unknown" || row["unknown"]["pid"] == "denied", "{hide}: {row:#}");
                    assert!(!row["unknown"].as_object().unwrap().is_empty(), "{hide}: it says why: {row:#}");
                }
                for number in ["cpu_percent", "memory_bytes", "open_files"] {
                    let is_told = row["unknown"].as_object().is_some_and(|unknown| unknown.contains_key(number));
                    assert!(
                        !(row[number].is_null() && row["pid"].is_i64()) || is_told || number == "cpu_percent",
                        "{hide}{number}: {row:#}"
                    );
                    assert_ne!(row[number].as_f64().filter(|_| number == "memory_bytes"), Some(0.0), "{hide}: denied is not zero: {row:#}");
                }
            }
            let own = row(&bob.name).unwrap_or_else(|| panic!("{hide}: bob sees the own one: {list:#}"));
            assert!(own["pid"].is_i64(), "{hide}: {own:#}");
        }
    }
}

#[test]
fn f22_dead_mount() {
    let Some(()) = parts::root() else { return };
    let Some(()) = parts::part("fuse", Path::new("/dev/fuse").exists().then_some(()).ok_or_else(|| "no /dev/fuse".to_owned())) else {
        return;
    };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &bob.name]);
    let tree = host.tree(alice);
    let dead = Mounted::dead(&tree);
    // Who waits for the mount for ever is ended after a while, and then has no code.
    let ended = |words: &[&str]| {
        let ran = host.berth.run(words);
        assert!(ran.code.is_some(), "{words:?}: {}", ran.text);
        ran
    };
    let told = ended(&["check"]);
    assert!(told.text.contains("does not answer"), "{}", told.text);
    let row = host.berth.instance(&bob.name);
    assert_eq!(row["state"], "running", "{row:#}");
    ended(&["ls"]);
    ended(&["show", &alice.name]);
    assert_ne!(ended(&["logs", &alice.name]).code, Some(0));
    assert_ne!(ended(&["start", &alice.name, "--timeout", "2s"]).code, Some(0));
    assert_eq!(ended(&["restart", &bob.name]).code, Some(0));
    ended(&["stop", &alice.name]);
    // The console goes on too.
    let mut console = host.berth.console(120, 40);
    console.until("the other's row", PATIENCE, |text| text.contains("● 1 up"));
    console.keys("?");
    console.until("an answer to a key", PATIENCE, |text| text.contains("Esc"));
    console.keys("\u{3}");
    console.end(PATIENCE);
    drop(dead);
    host.berth.done(&["stop", &alice.name, &bob.name]);
    alice.assert_idle();
    host.berth.done(&["start", &alice.name]);
}

/// Whether a thread of a process waits for a mount.
fn waits_for_mount(pid: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut where_to = threads.map(|thread| fs::read_to_string(thread.path().join("wchan")).unwrap_or_default());
    where_to.any(|place| place.contains("fuse") || place.contains("request_wait"))
}

/// The keeper's thread waits for the mount, and with it the kernel's name that everybody else who looks waits for.
fn beside_a_waiting_keeper(answers: bool) {
    let Some(()) = parts::root() else { return };
    let Some(()) = parts::part("fuse", Path::new("/dev/fuse").exists().then_some(()).ok_or_else(|| "no /dev/fuse".to_owned())) else {
        return;
    };
    let host = Host::with(&[RESTS, RESTS], "log_max = \"1M\"");
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name, &bob.name]);
    let (dead, device) = Mounted::dead(&host.tree(alice));
    let silence = answers.then(|| {
        let device = device.try_clone().unwrap();
        std::thread::spawn(|| say_nothing(device))
    });
    let keeper = host.keeper(alice);
    let begun = Instant::now();
    while !waits_for_mount(keeper) {
        assert!(begun.elapsed() < PATIENCE, "the keeper never looked at its log");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Each ends, is collected, and leaves nobody behind who holds its output: this waits for all three.
    let ended = |words: &[&str]| {
        let ran = host.berth.run(words);
        assert!(ran.code.is_some(), "{words:?}: {}", ran.text);
        ran
    };
    let told = ended(&["check"]);
    assert!(told.text.contains("does not answer") && told.text.contains(&alice.name), "{}", told.text);
    ended(&["ls"]);
    ended(&["show", &alice.name]);
    assert_ne!(ended(&["logs", &alice.name]).code, Some(0));
    assert_eq!(host.berth.instance(&bob.name)["state"], "running");
    // The console goes on, and can be left and killed.
    for is_killed in [false, true] {
        let mut console = host.berth.console(120, 40);
        console.until("the other's row", PATIENCE, |text| text.contains("● 2 up"));
        console.keys("?");
        console.until("an answer to a key", PATIENCE, |text| text.contains("Esc"));
        if is_killed {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(console.pid()), nix::sys::signal::Signal::SIGKILL).unwrap();
        } else {
            console.keys("\u{3}");
        }
        console.end(PATIENCE);
    }
    assert_eq!(ended(&["restart", &bob.name]).code, Some(0));
    let stopped = ended(&["stop", &alice.name]);
    if stopped.code == Some(0) {
        alice.assert_idle();
    } else {
        assert!(stopped.text.contains("in state"), "it names what is left: {}", stopped.text);
    }
    drop((dead, device));
    if let Some(thread) = silence {
        thread.join().unwrap();
    }
    // Whoever was killed in the mount ends with it.
    let begun = Instant::now();
    while !alice.processes().is_empty() && stopped.code != Some(0) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", alice.processes());
        std::thread::sleep(Duration::from_millis(20));
    }
    host.berth.done(&["stop", &alice.name, &bob.name]);
    alice.assert_idle();
    host.berth.done(&["start", &alice.name]);
}

#[test]
fn f22_dead_mount_that_a_keeper_waits_for() {
    beside_a_waiting_keeper(false);
}

#[test]
fn f22_silent_mount_that_a_keeper_waits_for() {
    beside_a_waiting_keeper(true);
}
