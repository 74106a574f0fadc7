//! A stand-in for Docker: the Engine API over a real socket, about real processes. Nothing happens to its containers.
//!
//! It must never say what a real one does not.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

/// Where the host's engine listens.
const SOCKET: &str = "/run/docker.sock";

/// A container with the host's network.
pub struct Container {
    /// The port that its environment names.
    pub port: u16,
    /// Its process.
    pub pid: u32,
}

/// It; gone with this.
pub struct Engine;

impl Container {
    fn id(&self) -> String {
        format!("{:064x}", self.port)
    }

    fn name(&self) -> String {
        format!("/mcp-user-{}", self.port)
    }

    fn listed(&self) -> Value {
        json!({ "Id": self.id(), "Names": [self.name()], "Labels": {}, "State": "running", "Status": "Up" })
    }

    fn inspected(&self) -> Value {
        json!({
            "Id": self.id(), "Name": self.name(), "Path": "kinds", "Args": ["--serve", self.port.to_string()], "RestartCount": 0,
            "State": { "Status": "running", "Running": true, "Pid": self.pid, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z" },
            "HostConfig": { "NetworkMode": "host", "RestartPolicy": { "Name": "always" }, "Memory": 536_870_912 },
            "Config": { "Env": [format!("PORT={}", self.port)], "Labels": {} },
            "NetworkSettings": { "Ports": {} },
        })
    }
}

impl Engine {
    /// Serves these from now on.
    pub fn serve(containers: Vec<Container>) -> Self {
        let _ = fs::remove_file(SOCKET);
        let (listener, containers) = (UnixListener::bind(SOCKET).unwrap(), Arc::new(containers));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let containers = Arc::clone(&containers);
                thread::spawn(move || drop(answer(stream, &containers)));
            }
        });
        Self
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = fs::remove_file(SOCKET);
    }
}

/// Answers the one question of a connection.
fn answer(stream: UnixStream, containers: &[Container]) -> std::io::Result<()> {
    let (mut reader, mut stream) = (BufReader::new(stream.try_clone()?), stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::from(" ");
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let path = first.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    if path.ends_with("/events") {
        // Nothing happens, for as long as somebody listens.
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        return std::io::copy(&mut reader, &mut std::io::sink()).map(drop);
    }
    let of = |container: &&Container| path.contains(&container.id());
    let body = match () {
        () if path.ends_with("/_ping") => "OK".to_owned(),
        () if path.ends_with("/containers/json") => Value::from_iter(containers.iter().map(Container::listed)).to_string(),
        () => containers.iter().find(of).map(|container| container.inspected().to_string()).unwrap_or_default(),
    };
    let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes())
}
