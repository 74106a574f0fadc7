//! What happens to the host and to the console: kills, restarts, conflicts, log storms, resizes, keys.
//!
//! It must never signal a process whose program is not the soak's own server, and never by name.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::hosts::owner;
use crate::measure::command;
use crate::random::Random;
use crate::terminal::Terminal;

/// What was done so far.
#[derive(Clone, Copy, Default)]
pub struct Done {
    /// Servers and keepers that were killed.
    pub kills: u64,
    /// Restarts, starts and stops that were asked for, by key or by command.
    pub orders: u64,
    /// Listeners on others' ports.
    pub conflicts: u64,
    /// Log lines, in thousands.
    pub lines: u64,
    /// New sizes of the terminal.
    pub resizes: u64,
    /// Orders that ended with 5 or 1: somebody else acts, the port is taken, the server was killed meanwhile.
    pub refused: u64,
    /// Orders that ended in any other way but 0.
    pub errors: u64,
}

/// The host on which things happen.
pub struct Chaos<'a> {
    pub berth: &'a str,
    pub config: &'a str,
    pub environment: &'a [(&'a str, &'a str)],
    /// The program of every server.
    pub server: PathBuf,
    /// Where the owners' trees are.
    pub users: PathBuf,
    /// The ports of the instances that berth started.
    pub ports: Vec<u16>,
    pub random: Random,
    pub done: Done,
    listeners: Vec<(Instant, TcpListener)>,
    commands: Vec<std::process::Child>,
}

/// What is pressed at random. None of it leaves the console, and none of it changes anything: what does is asked for by `order`.
const KEYS: [&str; 30] = [
    "j", "k", "g", "G", "1", "2", "3", "4", "5", "\t", "\x1b[Z", "\r", "o", "O", "P", "M", "N", "A", "e", "l", "?", "T", "w", "\x1b",
    "\x0c", "\x1b[6~", "\x1b[5~", " ", "*", "U",
];

/// The size that the console has while something is asked of it.
const SIZE: (u16, u16) = (140, 45);

impl<'a> Chaos<'a> {
    /// Nothing has happened yet.
    pub fn new(
        berth: &'a str,
        config: &'a str,
        environment: &'a [(&'a str, &'a str)],
        directory: &Path,
        ports: Vec<u16>,
        seed: u64,
    ) -> Self {
        Self {
            berth,
            config,
            environment,
            server: directory.join("server"),
            users: directory.join("mcp-server/users"),
            ports,
            random: Random::new(seed),
            done: Done::default(),
            listeners: Vec::new(),
            commands: Vec::new(),
        }
    }

    /// One thing happens.
    pub fn happen(&mut self, terminal: &mut Terminal) {
        let now = Instant::now();
        self.listeners.retain(|(until, _)| *until > now);
        self.collect();
        match self.random.below(100) {
            0..=19 => self.kill(),
            20..=34 => self.command(),
            35..=46 => self.order(terminal),
            47..=61 => self.conflict(now),
            62..=71 => self.storm(terminal),
            72..=86 => self.resize(terminal),
            _ => {
                for _ in 0..self.random.below(12) {
                    let key = *self.random.one_of(&KEYS);
                    terminal.keys(key);
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    fn port(&mut self) -> u16 {
        *self.random.one_of(&self.ports)
    }

    /// A server is killed, or a server with its keeper.
    fn kill(&mut self) {
        let port = self.port();
        let Some(server) = self.servers().into_iter().find(|server| server.port == port) else { return };
        let with_keeper = self.random.below(4) == 0;
        if with_keeper && server.parent > 1 && is_keeper(server.parent) {
            self.done.kills += u64::from(end(server.parent, || is_keeper(server.parent)));
        }
        self.done.kills += u64::from(end(server.pid, || self.is_server(server.pid)));
    }

    /// Something is asked for by command, while the console is there; several at once.
    fn command(&mut self) {
        let verb = *self.random.one_of(&["restart", "restart", "start", "stop"]);
        let id = owner(self.port());
        let words = ["--config", self.config, verb, &id];
        let mut command = command(self.berth, &words, self.environment);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        self.commands.push(command.spawn().unwrap());
        self.done.orders += 1;
    }

    /// Something is asked for in the console.
    fn order(&mut self, terminal: &mut Terminal) {
        let port = self.port();
        let key = *self.random.one_of(&["r", "s", "S"]);
        self.press(terminal, port, key);
        self.done.orders += 1;
    }

    /// Asks the console for one thing for one instance, and says yes.
    pub fn press(&self, terminal: &mut Terminal, port: u16, key: &str) {
        terminal.resize(SIZE.0, SIZE.1);
        let id = owner(port);
        // An escape and what follows it are one key when they come together.
        for keys in ["\x1b", "\x1b", "\x1b", "1", "/", "\x15", &id, "\r", key, "y", "\x1b"] {
            terminal.keys(keys);
            std::thread::sleep(Duration::from_millis(60));
        }
    }

    /// Somebody listens where an instance's server is not, for some seconds.
    fn conflict(&mut self, now: Instant) {
        let port = self.port();
        let until = now + Duration::from_millis(500 + self.random.below(8_000));
        let listener = match self.random.below(3) {
            0 => TcpListener::bind((Ipv6Addr::LOCALHOST, port)),
            1 => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)),
            _ => TcpListener::bind((Ipv4Addr::LOCALHOST, port)),
        };
        if let Ok(listener) = listener {
            self.listeners.push((until, listener));
            self.done.conflicts += 1;
        }
    }

    /// Some log grows by thousands of lines, is cut, or gives its name to another file; the console may be looking.
    fn storm(&mut self, terminal: &mut Terminal) {
        let port = self.port();
        let log = self.users.join(owner(port)).join("logs/server.log");
        match self.random.below(8) {
            0 => drop(fs::rename(&log, log.with_extension("log.1"))),
            1 => drop(OpenOptions::new().write(true).truncate(true).open(&log)),
            _ => {}
        }
        let thousands = 1 + self.random.below(20);
        let Ok(mut file) = OpenOptions::new().create(true).append(true).open(&log) else { return };
        if let Ok(users) = fs::metadata(self.users.join(owner(self.ports[0]))) {
            use std::os::unix::fs::MetadataExt;
            let _ = std::os::unix::fs::fchown(&file, Some(users.uid()), Some(users.gid()));
        }
        terminal.keys("l");
        for number in 0..thousands {
            let line = |index: u64| {
                format!("2026-11-21T03:12:04Z INFO request {number}{index:03} answered \x1b[32mok\x1b[0m in some milliseconds\n")
            };
            let text: String = (0..1000).map(line).collect();
            if file.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
        // What is written does not stay: the disk is not what is soaked.
        if file.metadata().is_ok_and(|facts| facts.len() > 16 << 20) {
            let _ = file.set_len(0);
        }
        self.done.lines += thousands;
    }

    /// Several sizes one after the other, tiny ones among them.
    fn resize(&mut self, terminal: &mut Terminal) {
        for _ in 0..=self.random.below(6) {
            terminal.resize(self.random.within(1, 220), self.random.within(1, 70));
            self.done.resizes += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes the ends of commands in.
    fn collect(&mut self) {
        let (done, commands) = (&mut self.done, &mut self.commands);
        commands.retain_mut(|command| {
            let Some(status) = command.try_wait().unwrap() else { return true };
            match status.code() {
                Some(0) => {}
                Some(1 | 5) => done.refused += 1,
                _ => done.errors += 1,
            }
            false
        });
    }

    /// Ends what only makes trouble: listeners are closed, commands waited for.
    pub fn calm(&mut self, terminal: &mut Terminal) {
        self.listeners.clear();
        let begin = Instant::now();
        while !self.commands.is_empty() && begin.elapsed() < Duration::from_secs(120) {
            self.collect();
            std::thread::sleep(Duration::from_millis(50));
        }
        self.done.errors += self.commands.len() as u64;
        for mut command in self.commands.drain(..) {
            let _ = command.kill();
            let _ = command.wait();
        }
        self.home(terminal);
    }

    /// The console as it is after its start: the first tab, no filter, nothing marked, at its first size.
    pub fn home(&mut self, terminal: &mut Terminal) {
        terminal.resize(SIZE.0, SIZE.1);
        for keys in ["\x1b", "\x1b", "\x1b", "\x1b", "1", "/", "\x15", "\r", "U", "g"] {
            terminal.keys(keys);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Whether this is a server of ours: the program that runs is the copy that lies in our directory.
    fn is_server(&self, pid: i32) -> bool {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program == self.server)
    }

    /// The ports that have not one server, or more than one keeper.
    pub fn odd(&self) -> Vec<Odd> {
        let servers = self.servers();
        let keepers: Vec<(i32, String)> = pids().filter(|pid| is_keeper(*pid)).filter_map(|pid| Some((pid, title(pid)?))).collect();
        let of = |port: u16| Odd {
            port,
            servers: servers.iter().filter(|server| server.port == port).map(|server| (server.pid, server.parent)).collect(),
            keepers: keepers.iter().filter(|(_, title)| *title == owner(port)).map(|(pid, _)| *pid).collect(),
        };
        self.ports.iter().map(|port| of(*port)).filter(|odd| odd.servers.len() != 1 || odd.keepers.len() > 1).collect()
    }

    /// Every server that runs.
    pub fn servers(&self) -> Vec<Server> {
        pids().filter(|pid| self.is_server(*pid)).filter_map(server).collect()
    }
}

/// A port that is not as it should be.
#[derive(Debug)]
pub struct Odd {
    pub port: u16,
    /// Pid and parent of each.
    pub servers: Vec<(i32, i32)>,
    pub keepers: Vec<i32>,
}

fn pids() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whose keeper it is, as it calls itself.
fn title(keeper: i32) -> Option<String> {
    let words = fs::read(format!("/proc/{keeper}/cmdline")).ok()?;
    words.split(|byte| *byte == 0).nth(2).map(|word| String::from_utf8_lossy(word).into_owned())
}

/// A server's process.
pub struct Server {
    pub pid: i32,
    pub parent: i32,
    pub port: u16,
}

fn server(pid: i32) -> Option<Server> {
    let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let port = words.split(|byte| *byte == 0).nth(2).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok())?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
    Some(Server { pid, parent, port })
}

/// Whether this is a keeper: berth with its hidden subcommand.
pub fn is_keeper(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.starts_with(b"berth\0keeper\0"))
}

/// Kills a process that is held first and looked at then: its number cannot come to mean another one.
pub fn end(pid: i32, is_it: impl Fn() -> bool) -> bool {
    let Some(pid) = Pid::from_raw(pid) else { return false };
    let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    is_it() && pidfd_send_signal(&held, Signal::KILL).is_ok()
}
