//! What a look costs, beside a load that was started by hand; never run by itself.
//!
//! `BERTH_RANGE=12000-12999 cargo test --release --lib sample::measured -- --ignored --nocapture`

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use super::*;

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
    measure("a listener comes and goes", 20, || {
        let listener = std::net::TcpListener::bind(("127.0.0.1", range.last)).or_else(|_| std::net::TcpListener::bind("127.0.0.1:0"));
        let port = listener.as_ref().unwrap().local_addr().unwrap().port();
        watched.ports = HashSet::from([port]);
        assert!(sampler.ports(&watched));
        drop(listener);
        assert!(sampler.ports(&watched));
    });
    println!("memory: {} KiB more than before", (resident() - before) / 1024);
    println!("one second of both (10 ports, 1 processes, 1 sample), ten times:");
    measure("a second", 10, || {
        for _ in 0..10 {
            sampler.ports(&watched);
        }
        sampler.processes(&watched);
        drop(sampler.sample());
    });
}
