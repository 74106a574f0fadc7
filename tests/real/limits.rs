//! Servers that want more than they may have: memory, CPU, processes, and a life after `stop`. Each is held to its limit and told of.
//!
//! It must never ask berth whether a limit held: the kernel's own counters and /proc are the witnesses.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::accounts::Account;
use crate::berth::Berth;
use crate::parts;
use crate::world::{configuration, enterable, free_range};

/// What every one of them does first: listen, and wait until its file is there.
const WAITING: &str = r#"use IO::Socket::INET; use POSIX qw(setsid);
my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => $ENV{PORT}, ReuseAddr => 1) or die "no port";
select(undef, undef, undef, 0.05) until -e "$ENV{WORKSPACE}/go";
"#;

const MEMORY_HOG: &str = r#"my @held; push @held, "x" x 1048576 while 1;"#;
const CPU_HOG: &str = "1 while 1;";
const FORK_BOMB: &str = r#"$SIG{TERM} = "IGNORE"; while (1) { fork; select(undef, undef, undef, 0.005); }"#;
/// Two forks, a session of its own, deaf to SIGTERM.
const ESCAPEE: &str = r#"unless (fork) { setsid; unless (fork) { $SIG{TERM} = "IGNORE"; sleep 1 while 1; } exit; } sleep 1 while 1;"#;

const MEMORY: u64 = 64 << 20;
const TASKS: usize = 40;

/// What limits one can have where this test runs.
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];

struct Fleet {
    owners: Vec<Account>,
    base: PathBuf,
    berth: Berth,
    _directory: TempDir,
}

impl Fleet {
    fn new(programs: &[&str]) -> Self {
        let directory = enterable();
        let base = directory.path().join("mcp-server");
        for folder in [base.clone(), base.join("users")] {
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let first = free_range();
        let owners: Vec<Account> = programs.iter().map(|_| Account::make()).collect();
        for ((owner, port), program) in owners.iter().zip(first..).zip(programs) {
            let tree = base.join("users").join(&owner.name);
            for folder in [tree.clone(), tree.join("config"), tree.join("workspace"), tree.join("logs")] {
                owner.directory(&folder);
            }
            owner.file(&tree.join("workspace/server.pl"), &format!("{WAITING}{program}\n"));
            let config = serde_json::json!({ "port": port, "workspace": tree.join("workspace") });
            owner.file(&tree.join("config/config.json"), &config.to_string());
        }
        chown(base.join("users"), Some(0), Some(0)).unwrap();
        let config = directory.path().join("berth.toml");
        fs::write(&config, configuration(&base, first, &template())).unwrap();
        let berth = Berth { config, state: directory.path().join("state"), home: directory.path().to_owned() };
        Self { owners, base, berth, _directory: directory }
    }

    fn go(&self, owner: &Account) {
        owner.file(&self.base.join("users").join(&owner.name).join("workspace/go"), "");
    }

    fn show(&self, owner: &Account) -> Value {
        self.berth.json(&["show", &owner.name])["instance"].clone()
    }

    fn until(&self, owner: &Account, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let row = self.show(owner);
            if is_so(&row) {
                return row;
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "never {what}: {row:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let names: Vec<&str> = self.owners.iter().map(|owner| owner.name.as_str()).collect();
        let _ = self.berth.run(&[&["stop"], names.as_slice()].concat());
    }
}

fn template() -> String {
    format!(
        r#"command = ["/usr/bin/perl", "{{workspace}}/server.pl"]
host = "127.0.0.1"
environment = {{ PORT = "{{port}}", WORKSPACE = "{{workspace}}" }}
start_timeout = "60s"
stop_timeout = "1s"
memory_max = "64M"
cpu_max = "20%"
tasks_max = {TASKS}"#
    )
}

/// Where a controller's groups are: the mount and whether it is of version 2.
fn mounted(controller: &str) -> Option<(PathBuf, bool)> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let of = |kind: &str, is_it: &dyn Fn(&str, &str) -> bool| {
        mounts.lines().find_map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            (words[2] == kind && is_it(words[1], words[3])).then(|| PathBuf::from(words[1]))
        })
    };
    let first = of("cgroup", &|_, options| options.split(',').any(|option| option == controller)).map(|point| (point, false));
    first.or_else(|| {
        let has = |point: &str, _: &str| {
            let offered = fs::read_to_string(Path::new(point).join("cgroup.controllers")).unwrap_or_default();
            offered.split_ascii_whitespace().any(|name| name == controller)
        };
        of("cgroup2", &has).map(|point| (point, true))
    })
}

/// The directories of an account's groups, in every hierarchy.
fn groups(owner: &Account) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let points = mounts.lines().filter(|line| line.contains(" cgroup")).map(|line| line.split(' ').nth(1).unwrap());
    let folders = points.flat_map(|point| fs::read_dir(Path::new(point).join("berth")).into_iter().flatten().flatten());
    folders.map(|entry| entry.path()).filter(|path| path.display().to_string().contains(&format!("/{}+", owner.name))).collect()
}

#[test]
fn a18_a19_f18_as_the_groups_of_this_machine_are() {
    let Some(()) = parts::root() else { return };
    let have: Vec<&str> = CONTROLLERS.into_iter().filter(|controller| mounted(controller).is_some()).collect();
    println!("controllers: {have:?}");
    let fleet = Fleet::new(&[MEMORY_HOG, CPU_HOG, ESCAPEE, FORK_BOMB]);
    let [memory, cpu, escapee, bomb] = &fleet.owners[..] else { panic!("four owners") };
    for owner in &fleet.owners {
        fleet.berth.done(&["start", &owner.name]);
        is_told(&fleet, owner, &have);
    }
    if have.contains(&"memory") {
        is_killed_for_memory(&fleet, memory);
    }
    if have.contains(&"cpu") {
        fleet.go(cpu);
        let row = fleet.until(cpu, "throttled", |row| row["limits"]["in_force"]["cpu"]["throttled_seconds"].as_f64() > Some(0.2));
        assert_eq!(row["limits"]["in_force"]["cpu"]["max_percent"], 20.0, "{row:#}");
        let text = fleet.berth.run(&["show", &cpu.name]).text;
        let line = text.lines().find(|line| line.contains("cpu 20 % of a core, ")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(" % used, throttled for "), "{line}");
    }
    if have.contains(&"pids") {
        is_a_bounded_bomb(&fleet, bomb);
    }
    ends_without_its_keeper(&fleet, escapee);
    for owner in &fleet.owners {
        fleet.berth.done(&["stop", &owner.name]);
        owner.assert_idle();
        assert_eq!(groups(owner), [] as [PathBuf; 0], "what berth made it took away");
    }
}

/// In force what can be, and of the rest it is said that it is not.
fn is_told(fleet: &Fleet, owner: &Account, have: &[&str]) {
    let row = fleet.show(owner);
    let text = fleet.berth.run(&["show", &owner.name]).text;
    let force = &row["limits"]["in_force"];
    for (controller, key, limit) in [("memory", "memory", MEMORY), ("pids", "tasks", TASKS as u64)] {
        let expected = have.contains(&controller).then_some(limit);
        assert_eq!(force[key]["max"].as_u64(), expected, "{controller}: {row:#}\n{text}");
    }
    assert_eq!(force["cpu"].is_null(), !have.contains(&"cpu"), "{row:#}");
    assert!(force["open_files"]["max"].as_u64() > Some(0), "{row:#}");
    let is_missing = row["findings"].as_array().unwrap().iter().any(|code| code == "limits-missing");
    assert_eq!(is_missing, have.len() < CONTROLLERS.len(), "{text}");
    assert_eq!(text.contains("limit is in force: "), is_missing, "{text}");
    let pid = row["pid"].as_i64().unwrap();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    assert!(limits.lines().any(|line| line.starts_with("Max core file size") && line.contains(" 0 ")), "{limits}");
}

fn is_killed_for_memory(fleet: &Fleet, owner: &Account) {
    fleet.go(owner);
    let row = fleet.until(owner, "killed", |row| row["state"] == "crashed" && !row["exit"]["signal"].is_null());
    assert_eq!((row["exit"]["signal"].as_u64(), row["exit"]["over_memory"].as_u64()), (Some(9), Some(MEMORY)), "{row:#}");
    let listed = fleet.berth.instance(&owner.name);
    assert_eq!(listed["exit"], row["exit"]);
    let text = fleet.berth.run(&["show", &owner.name]).text;
    assert!(text.contains("killed by signal 9 (KILL): over its memory limit of 64 MiB"), "{text}");
    assert!(text.contains("crashed: it was killed for using more memory than it may"), "{text}");
    // The kernel's own count of the most that it ever had; not every kernel keeps one.
    let (point, is_second) = mounted("memory").unwrap();
    let counter = if is_second { "memory.peak" } else { "memory.max_usage_in_bytes" };
    for group in groups(owner).iter().filter(|group| group.starts_with(&point)) {
        let Ok(peak) = fs::read_to_string(group.join(counter)) else { continue };
        assert!(peak.trim().parse::<u64>().unwrap() <= MEMORY, "{peak}");
    }
}

fn is_a_bounded_bomb(fleet: &Fleet, owner: &Account) {
    fleet.go(owner);
    let begun = Instant::now();
    while owner.processes().len() < TASKS / 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not fork");
        std::thread::sleep(Duration::from_millis(50));
    }
    for _ in 0..20 {
        // Its keeper runs under the account too, outside of the group.
        assert!(owner.processes().len() <= TASKS + 1, "{}", owner.processes().len());
        std::thread::sleep(Duration::from_millis(50));
    }
    let ran = fleet.berth.run(&["stop", &owner.name]);
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    owner.assert_idle();
}

/// What left its session and lost its keeper is nobody's child; it is still in the group.
fn ends_without_its_keeper(fleet: &Fleet, owner: &Account) {
    fleet.go(owner);
    let begun = Instant::now();
    while owner.processes().len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not fork: {:?}", owner.processes());
        std::thread::sleep(Duration::from_millis(20));
    }
    let is_killable = mounted("freezer").is_some() || groups(owner).iter().any(|group| group.join("cgroup.kill").exists());
    if !is_killable {
        println!("no group to kill: {:?}", groups(owner));
        return;
    }
    let keeper = fs::read_to_string(fleet.berth.state.join(format!("instances/{}+default.jsonl", owner.name))).unwrap();
    let event = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let keeper = keeper.lines().map(event).find_map(|event| event["started"]["keeper"][0].as_i64()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(keeper).unwrap()), nix::sys::signal::Signal::SIGKILL).unwrap();
    fleet.berth.done(&["stop", &owner.name]);
    owner.assert_idle();
}
