//! Starting many at once: the whole command against what the slowest of them took by themselves.
//!
//! It must never count an instance that did not come up.

use std::time::Instant;

use serde_json::Value;

use crate::hosts::owner;
use crate::measure::command;

/// What a start of many took.
pub struct Starting {
    /// The whole command, milliseconds.
    pub wall: f64,
    /// What nine of ten were faster than, by their own word, milliseconds.
    pub slowest_tenth: f64,
    /// Each port with its server's pid.
    pub servers: Vec<(u16, i32)>,
}

/// Starts the instances of these ports.
pub fn start(berth: &str, config: &str, environment: &[(&str, &str)], ports: &[u16]) -> Starting {
    let ids: Vec<String> = ports.iter().map(|port| owner(*port)).collect();
    let mut words = vec!["--config", config, "--json", "start"];
    words.extend(ids.iter().map(String::as_str));
    let begin = Instant::now();
    let output = command(berth, &words, environment).output().unwrap();
    let wall = begin.elapsed().as_secs_f64() * 1000.0;
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut own: Vec<f64> =
        document["results"].as_array().unwrap().iter().filter_map(|result| seconds(result["sentence"].as_str()?)).collect();
    assert_eq!(own.len(), ports.len(), "not every start said how long it took: {document}");
    own.sort_by(f64::total_cmp);
    let slowest_tenth = own[own.len() * 9 / 10] * 1000.0;

    let output = command(berth, &["--config", config, "ls", "--json"], environment).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let pid = |port: u16| {
        let row = document["instances"].as_array()?.iter().find(|row| row["port"].as_u64() == Some(port.into()))?;
        i32::try_from(row["pid"].as_i64()?).ok()
    };
    let servers = ports.iter().map(|port| (*port, pid(*port).unwrap_or_else(|| panic!("{port} does not run")))).collect();
    Starting { wall, slowest_tenth, servers }
}

/// "running: pid 2195 listens on 127.0.0.1:8081 after 0.1 s".
fn seconds(sentence: &str) -> Option<f64> {
    sentence.rsplit_once(" after ")?.1.split_whitespace().next()?.parse().ok()
}

/// Stops what was started; what died already counts as done.
pub fn stop(berth: &str, config: &str, environment: &[(&str, &str)], ports: &[u16]) {
    let ids: Vec<String> = ports.iter().map(|port| owner(*port)).collect();
    let mut words = vec!["--config", config, "stop"];
    words.extend(ids.iter().map(String::as_str));
    let output = command(berth, &words, environment).output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
