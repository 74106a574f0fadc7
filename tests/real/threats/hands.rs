//! The hand and the keeper run as the account that they act for: its user may kill and stop them, and must not get anything by it.
//!
//! Nothing here may depend on how quickly the user is: they are always quick enough in one of the rounds.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::canary::Victim;
use super::host::{ByHand, Host, RESTS};
use crate::accounts::Account;
use crate::parts;

/// Sends a signal to every hand of its own account that it finds, as fast as it can.
const HUNTS: &str = r#"my ($signal, $uid) = @ARGV;
while (1) {
    opendir(my $all, "/proc"); my @pids = grep { /^\d+$/ } readdir($all);
    for my $pid (@pids) {
        open(my $status, "<", "/proc/$pid/status") or next; my $text = join "", <$status>;
        kill $signal, $pid if $text =~ /^Name:\tberth-zygote$/m && $text =~ /^Uid:\t$uid\t/m;
    }
}"#;

/// The longest that root may be kept: each step has a deadline of its own.
const AT_MOST: Duration = Duration::from_secs(60);

fn hunter(owner: &Account, signal: &str) -> ByHand {
    let mut command = owner.command(Path::new("/usr/bin/perl"));
    ByHand::of(command.args(["-e", HUNTS, signal, &owner.uid.to_string()]))
}

fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// Whether this machine's groups can be killed: without one, what a user keeps alive is named.
fn is_killable() -> bool {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    mounts.lines().any(|line| line.contains(" cgroup ") && line.contains("freezer")) || Path::new("/sys/fs/cgroup/cgroup.kill").exists()
}

#[test]
fn who_kills_or_stops_the_hands_is_stopped_all_the_same() {
    let Some(()) = parts::root() else { return };
    for (signal, to_keeper) in [("KILL", Signal::SIGSTOP), ("STOP", Signal::SIGSTOP), ("KILL", Signal::SIGKILL), ("STOP", Signal::SIGKILL)]
    {
        let host = Host::new(&[RESTS]);
        let alice = &host.owners[0];
        host.berth.done(&["start", &alice.name]);
        let server = host.berth.instance(&alice.name)["pid"].as_i64().unwrap();
        send(host.keeper(alice), to_keeper);
        let hunter = hunter(alice, signal);
        let begun = Instant::now();
        let ran = host.berth.run(&["stop", &alice.name]);
        assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
        let is_there = alice.processes().contains(&i32::try_from(server).unwrap());
        if is_killable() {
            assert_eq!(ran.code, Some(0), "hands get {signal}, the keeper {to_keeper}: {}", ran.text);
            assert!(!is_there, "hands get {signal}, the keeper {to_keeper}: {server} is there: {}", ran.text);
        } else {
            assert_eq!(ran.code == Some(0), !is_there, "{}", ran.text);
        }
        drop(hunter);
        host.berth.done(&["stop", &alice.name]);
        alice.assert_idle();
    }
}

#[test]
fn who_stops_the_hands_of_one_keeps_nobody_elses_waiting() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name, &bob.name]);
    send(host.keeper(alice), Signal::SIGSTOP);
    let hunter = hunter(alice, "STOP");
    let ran = host.berth.run(&["stop", &alice.name, &bob.name]);
    bob.assert_idle();
    assert!(ran.text.contains(&format!("{}: stopped", bob.name)), "{}", ran.text);
    drop(hunter);
}

#[test]
fn a_user_can_neither_trace_nor_read_what_acts_for_it() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS]);
    let alice = &host.owners[0];
    host.berth.done(&["start", &alice.name]);
    let keeper = host.keeper(alice);
    let record = host.berth.state.join(format!("instances/{}+default.jsonl", alice.name));
    let before = fs::read(&record).unwrap();
    let number = if cfg!(target_arch = "x86_64") { 101 } else { 117 };
    let attempts = format!(
        r#"my $pid = {keeper}; my @got;
push @got, "attached" if syscall({number}, 16, $pid, 0, 0) == 0;
push @got, "seized" if syscall({number}, 0x4206, $pid, 0, 0) == 0;
for my $file (qw(environ mem maps auxv stack)) {{ open(my $f, "<", "/proc/$pid/$file") and read($f, my $b, 1) and push @got, $file; }}
push @got, "fds" if opendir(my $d, "/proc/$pid/fd") && grep {{ /^\d/ }} readdir($d);
for my $fd (0..20) {{ open(my $f, ">>", "/proc/$pid/fd/$fd") and push @got, "fd $fd"; }}
push @got, "exe" if readlink("/proc/$pid/exe"); push @got, "cwd" if readlink("/proc/$pid/cwd");
print "@got";"#
    );
    let mut command = alice.command(Path::new("/usr/bin/perl"));
    let output = command.args(["-e", &attempts]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(fs::read(&record).unwrap(), before, "the record is root's");
    host.berth.done(&["stop", &alice.name]);
}

#[test]
fn a_user_without_a_process_left_gets_words_and_others_live() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS]);
    let alice = &host.owners[0];
    let mut own = Victim::of(alice);
    let words: Vec<String> =
        ["--nproc=1", "--", env!("CARGO_BIN_EXE_berth"), "--config", &host.berth.config.display().to_string(), "start", &alice.name]
            .map(str::to_owned)
            .to_vec();
    let mut command = Command::new("prlimit");
    command.args(words).env("BERTH_STATE", &host.berth.state).env("HOME", &host.berth.home).env("XDG_CONFIG_HOME", &host.berth.home);
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("not started"), "{text}");
    own.assert_unharmed("a start without room for a process");
    assert_eq!(alice.processes(), [i32::try_from(own.pid()).unwrap()]);
    host.berth.done(&["start", &alice.name]);
}
