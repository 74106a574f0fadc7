//! What people use today, on the same load in the same run.
//!
//! It must never stand in the way of the run: what is not installed is named and left out.

use std::path::Path;
use std::time::Instant;

use crate::load::Load;
use crate::measure::command;

/// Full-screen programs: name, program, arguments, the word that its first frame has. Each at a second, but btop at its own two.
pub const SCREENS: [(&str, &str, &[&str], &str); 4] = [
    // A tenth of a second is htop's unit.
    ("htop", "htop", &["-d", "10"], "PID"),
    ("bottom", "btm", &["-r", "1000"], "PID"),
    ("top", "top", &["-d", "1"], "PID"),
    ("btop", "btop", &[], "Pid:"),
];

/// Whole processes.
pub const COMMANDS: [(&str, &str, &[&str]); 3] = [
    ("ss -tlnp", "ss", &["-tlnp"]),
    ("lsof -nP -iTCP -sTCP:LISTEN", "lsof", &["-nP", "-iTCP", "-sTCP:LISTEN"]),
    ("netstat -tlnp", "netstat", &["-tlnp"]),
];

/// Whether a program is installed.
pub fn is_there(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The names of what is not installed.
pub fn missing() -> Vec<&'static str> {
    let screens = SCREENS.iter().map(|(name, program, ..)| (*name, *program));
    let commands = COMMANDS.iter().map(|(_, program, _)| (*program, *program));
    screens.chain(commands).filter(|(_, program)| !is_there(program)).map(|(name, _)| name).collect()
}

/// The guide's monitor_ports.sh, over the first ports of the load: milliseconds a port. `None` where its tools are missing.
pub fn monitor_script(directory: &Path, load: &Load, ports: u16) -> Option<f64> {
    if !["bash", "netstat", "lsof"].iter().all(|program| is_there(program)) {
        return None;
    }
    let ports = ports.min(load.count());
    let script = directory.join("monitor_ports.sh");
    std::fs::write(&script, MONITOR_PORTS).unwrap();
    let (first, last) = (load.first().to_string(), (load.first() + ports - 1).to_string());
    let begin = Instant::now();
    let output = command("bash", &[script.to_str().unwrap()], &[("BASE_PORT", &first), ("MAX_PORT", &last)]).output().unwrap();
    let milliseconds = begin.elapsed().as_secs_f64() * 1000.0 / f64::from(ports);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.matches("IN USE").count(), usize::from(ports), "the script does not see the load:\n{text}");
    Some(milliseconds)
}

/// As the guide has it, but for the two numbers at its head.
const MONITOR_PORTS: &str = r#"#!/bin/bash
# monitor_ports.sh
echo "Checking MCP server ports in use (${BASE_PORT}-${MAX_PORT}):"
for PORT in $(seq ${BASE_PORT} ${MAX_PORT}); do
  if netstat -tuln | grep ":${PORT} " > /dev/null; then
    PROCESS=$(lsof -i :${PORT} | grep LISTEN | awk '{print $2}')
    USER=$(ps -o user= -p ${PROCESS})
    echo "Port ${PORT}: IN USE by user ${USER} (PID: ${PROCESS})"
  else
    echo "Port ${PORT}: AVAILABLE"
  fi
done
"#;
