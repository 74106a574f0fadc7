//! A stand-in for PM2's daemon: its two sockets with its protocol (AMP), about real processes of its own. Nothing happens to its apps.
//!
//! It must never say what a real one does not.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::host::SELF;

/// Is it for the rest of its life, with so many apps on ports in a row.
pub fn run(home: &Path, first: u16, count: u16) -> ! {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).unwrap();
    nix::sys::prctl::set_name(c"PM2 v6.0.14: Go").unwrap();
    let start = |port: u16| (port, Command::new(SELF).args(["--serve", &port.to_string()]).stdin(Stdio::null()).spawn().unwrap().id());
    let apps: Arc<Vec<(u16, u32)>> = Arc::new((first..first + count).map(start).collect());
    let bus = UnixListener::bind(home.join("pub.sock")).unwrap();
    thread::spawn(move || {
        // Nothing is told; whoever listens is held.
        let held: Vec<UnixStream> = bus.incoming().map_while(Result::ok).collect();
        drop(held);
    });
    let questions = UnixListener::bind(home.join("rpc.sock")).unwrap();
    for stream in questions.incoming().map_while(Result::ok) {
        let apps = Arc::clone(&apps);
        thread::spawn(move || drop(answer(stream, &apps)));
    }
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn answer(mut stream: UnixStream, apps: &[(u16, u32)]) -> std::io::Result<()> {
    loop {
        let mut meta = [0];
        stream.read_exact(&mut meta)?;
        let mut parts = Vec::new();
        for _ in 0..meta[0] & 0xf {
            let mut length = [0; 4];
            stream.read_exact(&mut length)?;
            let mut part = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut part)?;
            parts.push(part);
        }
        let question: Value = serde_json::from_slice(parts[0].strip_prefix(b"j:").unwrap_or_default()).unwrap_or_default();
        let told = if question["method"] == "getMonitorData" { apps.iter().map(app).collect() } else { json!("pong") };
        let body = format!("j:{}", json!({ "args": [told] }));
        let mut message = vec![0x12];
        for part in [body.as_bytes(), &parts[1]] {
            message.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            message.extend(part);
        }
        stream.write_all(&message)?;
    }
}

fn app(&(port, pid): &(u16, u32)) -> Value {
    json!({
        "pid": pid, "name": format!("mcp-user-{port}"), "pm_id": port,
        "pm2_env": {
            "status": "online", "exec_mode": "fork_mode", "restart_time": 0, "created_at": 1_767_225_600_000_u64, "pm_uptime": 1_767_225_600_000_u64,
            "autorestart": true, "pm_exec_path": SELF, "pm_cwd": "/", "exec_interpreter": "none", "args": ["--serve", port.to_string()],
            "env": { "PORT": port.to_string() },
        },
    })
}
