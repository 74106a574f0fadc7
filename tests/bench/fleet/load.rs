//! The load: processes that listen on ports in a row, answer HTTP with two letters, and say which MCP server they are.
//!
//! It must never outlive who started it: the kernel kills the processes with their parent, however that ends.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, User, fork, getpid, getppid, pipe, setgid, setuid};

/// Ports below this one are others'; above the last one begin those that the kernel gives away.
const LOWEST: u16 = 12_000;
const HIGHEST: u16 = 32_000;

/// What they answer to `server/discover`: who does not say what it is would be asked again and again.
const DISCOVERED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"load","version":"1"}}}}"#;

/// The listening processes.
pub struct Load {
    first: u16,
    spare: u16,
    children: Vec<Pid>,
}

impl Load {
    /// Starts this many as this account, with so many free ports behind them, and comes back when all of them listen. To be called before
    /// there is any thread.
    pub fn start(count: u16, spare: u16, account: &str) -> Self {
        assert!(count > 0, "no load");
        let first = free_row(count + spare);
        let account = User::from_name(account).unwrap().unwrap();
        let (ready, mut waiting) = pipe().map(|(read, write)| (write, std::fs::File::from(read))).unwrap();
        let parent = getpid();
        let mut load = Self { first, spare, children: Vec::with_capacity(count.into()) };
        for port in load.first..=load.first + (count - 1) {
            // SAFETY: this process has one thread, so the child may do what it likes.
            match unsafe { fork() }.unwrap() {
                ForkResult::Parent { child } => load.children.push(child),
                ForkResult::Child => {
                    if setgid(account.gid).and_then(|()| setuid(account.uid)).is_err() {
                        std::process::exit(1);
                    }
                    listen(port, parent, ready)
                }
            }
        }
        drop(ready);
        let mut told = Vec::new();
        waiting.read_to_end(&mut told).unwrap();
        assert_eq!(told.len(), load.children.len(), "not all of the load could listen");
        load
    }

    /// The lowest port.
    pub fn first(&self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(&self) -> u16 {
        self.first + (self.count() - 1)
    }

    /// The last of the free ports behind them.
    pub fn last_spare(&self) -> u16 {
        self.last() + self.spare
    }

    /// Their processes.
    pub fn pids(&self) -> impl Iterator<Item = i32> {
        self.children.iter().map(|child| child.as_raw())
    }

    /// How many there are.
    pub fn count(&self) -> u16 {
        u16::try_from(self.children.len()).unwrap()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &self.children {
            let _ = kill(*child, Signal::SIGKILL);
        }
        for child in &self.children {
            let _ = waitpid(*child, None);
        }
    }
}

/// The first of so many ports in a row that can all be bound.
fn free_row(count: u16) -> u16 {
    let mut first = LOWEST;
    while u32::from(first) + u32::from(count) <= u32::from(HIGHEST) {
        match (first..first + count).rev().find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err()) {
            None => return first,
            Some(taken) => first = taken + 1,
        }
    }
    panic!("there are no {count} free ports in a row between {LOWEST} and {HIGHEST}");
}

/// What a child does for the rest of its life.
fn listen(port: u16, parent: Pid, ready: OwnedFd) -> ! {
    // The parent may be gone before the kernel was asked.
    if set_pdeathsig(Signal::SIGKILL).is_err() || getppid() != parent {
        std::process::exit(1);
    }
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else { std::process::exit(1) };
    let _ = nix::unistd::write(&ready, b".");
    drop(ready);
    answer(&listener)
}

/// The server that berth is told to start: listens at once, says so in its log, answers.
pub fn serve(port: u16) -> ! {
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else { std::process::exit(1) };
    println!("listening on {port}");
    answer(&listener)
}

fn answer(listener: &TcpListener) -> ! {
    loop {
        let Ok((mut stream, _)) = listener.accept() else { continue };
        let mut request = [0; 1024];
        let count = stream.read(&mut request).unwrap_or(0);
        let body = if request[..count].starts_with(b"POST") { DISCOVERED } else { "ok" };
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }
}
