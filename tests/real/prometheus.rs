//! A real Prometheus that scrapes the daemon, over a forwarder from TCP to its socket; and promtool's opinion of what it is given.
//!
//! It must never leave a Prometheus behind: it is ended by its pid.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::api::{ask, get, until};
use crate::parts;
use crate::threats::host::{Host, RESTS};

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Forwards every connection to the socket, for as long as the test lives; the port.
fn forwarder(socket: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(outer), Ok(inner)) = (stream, UnixStream::connect(&socket)) else { continue };
            let (mut from, mut to) = (outer.try_clone().unwrap(), inner.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
            let (mut from, mut to) = (inner, outer);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks over TCP; nothing where nobody answers yet.
fn http(port: u16, path: &str, accept: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// The value that a query gives.
fn queried(port: u16, query: &str) -> Option<f64> {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let document: Value = serde_json::from_str(&http(port, &format!("/api/v1/query?query={encoded}"), "*/*")?).ok()?;
    document["data"]["result"][0]["value"][1].as_str()?.parse().ok()
}

fn prometheus(directory: &Path, target: u16) -> (Ended, u16) {
    let config = directory.join("prometheus.yml");
    let text = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: berth\n    static_configs:\n      - targets: ['127.0.0.1:{target}']\n"
    );
    fs::write(&config, text).unwrap();
    let port = free_port();
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", config.display())).arg(format!("--storage.tsdb.path={}", directory.join("data").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    (Ended(command.spawn().unwrap()), port)
}

#[test]
fn prometheus_scrapes_the_daemon_and_promtool_is_content() {
    if parts::root().is_none() || parts::prometheus().is_none() {
        return;
    }
    let host = Host::new(&[RESTS]);
    let (owner, socket) = (&host.owners[0].name, host.beside("run").join("berth.sock"));
    let text = fs::read_to_string(&host.berth.config).unwrap();
    fs::write(&host.berth.config, format!("{text}\n[daemon]\nsocket = \"{}\"\n", socket.display())).unwrap();
    let _daemon = Ended(host.berth.meanwhile(&["serve"]));
    until("the daemon answers", || UnixStream::connect(&socket).is_ok());
    until("it has looked", || get(&socket, "/health")["status"] == "ok");
    assert_eq!(ask(&socket, "POST", &format!("/v1/instances/{owner}/start"), "").status, 200);
    until("its memory is known", || get(&socket, &format!("/v1/instances/{owner}"))["instance"]["memory_bytes"].is_u64());

    let port = forwarder(socket);
    let plain = http(port, "/metrics", "text/plain").unwrap();
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(plain.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.trim().is_empty(), "{said}\n{plain}");

    let directory = tempfile::tempdir().unwrap();
    let (_prometheus, asked) = prometheus(directory.path(), port);
    until("Prometheus has scraped it", || queried(asked, "up{job=\"berth\"}") == Some(1.0));
    let of = |name: &str| queried(asked, &format!("{name}{{exported_instance=\"{owner}\"}}"));
    until("a query returns its memory", || of("berth_instance_memory_bytes").is_some_and(|bytes| bytes > 100_000.0));
    until("and its CPU time", || of("berth_instance_cpu_seconds_total").is_some_and(|seconds| seconds >= 0.0));
    assert_eq!(of("berth_instance_up"), Some(1.0));
}
