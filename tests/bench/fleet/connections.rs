//! Established sockets that are nobody's business: what a busy host has beside its instances.
//!
//! It must never outlive who started it: a process that holds them ends when its standard input does.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Sockets of one process: two for each connection, and few enough for a usual limit of descriptors.
const IN_ONE_PROCESS: u32 = 16_000;

/// The connected processes.
pub struct Connections {
    children: Vec<Child>,
    sockets: u32,
}

impl Connections {
    /// Connects so many sockets over loopback and comes back when all of them are established.
    pub fn start(sockets: u32) -> Self {
        let mut connections = Self { children: Vec::new(), sockets: 0 };
        while connections.sockets < sockets {
            let count = IN_ONE_PROCESS.min(sockets - connections.sockets);
            let words = ["--connect".to_owned(), connections.children.len().to_string(), (count / 2).to_string()];
            let program = std::env::current_exe().unwrap();
            connections.children.push(Command::new(program).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
            connections.sockets += count;
        }
        for child in &mut connections.children {
            let mut told = [0];
            let told = child.stdout.as_mut().unwrap().read_exact(&mut told);
            assert!(told.is_ok(), "not all sockets could be connected");
        }
        connections
    }

    /// How many sockets are established.
    pub fn sockets(&self) -> u32 {
        self.sockets
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a child does for the rest of its life. Each has a loopback address of its own, so that their local ports do not run out.
pub fn connect(index: u8, count: u32) {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    }
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::new(127, 77, 0, index + 1), 0))).unwrap();
    let to = listener.local_addr().unwrap();
    let held: Vec<_> = (0..count).map(|_| (TcpStream::connect(to).unwrap(), listener.accept().unwrap())).collect();
    // Only established sockets are wanted.
    drop(listener);
    std::io::stdout().write_all(b".").unwrap();
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
    drop(held);
}
