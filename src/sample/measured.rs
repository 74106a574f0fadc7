//! What a look costs, beside a load that was started by hand; never run by itself.
//!
//! `BERTH_RANGE=12000-12999 cargo test --release --lib sample::measured -- --ignored --nocapture`

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use super::*;

/// A process that listens somewhere, and says where.
const STRANGER: &str = "import socket,time; s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); time.sleep(60)";

/// CPU of this thread.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(u64::try_from(time.tv_sec()).unwrap()) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap())
    };
    of(usage.user_time()) + of(usage.system_time())
}

/// Prints wall time and CPU time of one call.
fn measure(what: &str, count: u32, mut call: impl FnMut()) {
    let (started, used) = (Instant::now(), cpu());
    (0..count).for_each(|_| call());
    println!("{what:44} {:>10.1?} wall {:>10.1?} cpu", started.elapsed() / count, (cpu() - used) / count);
}

fn resident() -> u64 {
    find_process(i32::try_from(std::process::id()).unwrap()).unwrap().memory_bytes
}

#[test]
#[ignore = "measures; needs a load beside it"]
fn a_look_beside_a_load() {
    raise_nofile();
    let range = std::env::var("BERTH_RANGE").ok().and_then(|text| PortRange::parse(&text)).unwrap();
    let before = resident();
    measure("a first look at everything", 5, || {
        let mut sampler = Sampler::new(range).unwrap();
        sampler.ports(&Watched::default());
        sampler.processes(&Watched::default());
        drop(sampler.sample());
    });
    if std::env::var_os("BERTH_FIRST_ONLY").is_some() {
        return;
    }
    let mut sampler = Sampler::new(range).unwrap();
    let mut watched = Watched::default();
    measure("first ports(), every holder unknown", 1, || {
        sampler.ports(&watched);
    });
    let sample = sampler.sample();
    let listeners = sample.listeners.as_ref().known().unwrap();
    let held = listeners.iter().filter(|listener| matches!(&listener.holders, Reading::Known(holders) if !holders.is_empty())).count();
    watched.roots = sample.processes.values().map(|process| process.key).collect();
    println!("{} listeners, {held} with holders, {} roots", listeners.len(), watched.roots.len());
    measure("first processes()", 1, || sampler.processes(&watched));
    measure("ports(), nothing changed", 1000, || {
        sampler.ports(&watched);
    });
    measure("processes(), nothing changed", 100, || sampler.processes(&watched));
    measure("  of it: the kept processes", 100, || drop(sampler.kept.refresh(&sampler.proc)));
    measure("  of it: the host", 100, || sampler.host.refresh());
    measure("  of it: whether a process came", 90, || drop(sampler.table.refresh(&mut sampler.proc)));
    measure("sample()", 100, || drop(sampler.sample()));
    let mut found_in = Vec::new();
    for _ in 0..10 {
        let mut child = Command::new("python3").args(["-c", STRANGER]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        watched.ports = HashSet::from([line.trim().parse().unwrap()]);
        let used = cpu();
        assert!(sampler.ports(&watched));
        found_in.push(cpu() - used);
        child.kill().unwrap();
        child.wait().unwrap();
        sampler.ports(&watched);
    }
    println!("{:44} {found_in:.1?}", "a stranger comes, CPU");
    println!("memory: {} KiB more than before", (resident() - before) / 1024);
    println!("seconds of 10 ports, 1 processes, 1 sample, CPU:");
    for _ in 0..12 {
        let start = cpu();
        for _ in 0..10 {
            sampler.ports(&watched);
        }
        let ports = cpu();
        sampler.processes(&watched);
        let processes = cpu();
        drop(sampler.sample());
        println!("{:?} ports, {:?} processes, {:?} sample", ports - start, processes - ports, cpu() - processes);
    }
}
