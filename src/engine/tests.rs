//! The clock against a real tree and nobody who runs anything. It must never rest on how long something takes.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Engine, Eye, Underways};
use crate::config::{Config, Sampling};
use crate::domain::{Caller, Capabilities, Claim, Declared, InstanceId, ProcessKey, Roster, Snapshot, SupervisorKind};
use crate::error::{Error, Result};
use crate::hand::Reader;
use crate::supervisor::{Started, Stopped, Supervisor};

/// Somebody who runs nothing.
struct Nobody;

impl Supervisor for Nobody {
    fn kind(&self) -> SupervisorKind {
        SupervisorKind::Process
    }

    fn claims(&self, roster: &Roster) -> Vec<Claim> {
        roster.instances.iter().map(|declared| Claim::nothing(declared.id.clone(), false)).collect()
    }

    fn forget(&self, _id: &InstanceId) {}

    fn capabilities(&self, _declared: &Declared) -> Capabilities {
        Capabilities::default()
    }

    fn start(&self, _declared: &Declared, _by: &Caller, _again: bool) -> Result<Box<dyn Started>> {
        Err(Error::failed("nobody starts anything"))
    }

    fn stop(&self, _declared: &Declared, _extra: &[ProcessKey], _by: &Caller, _grace: Duration) -> Result<Stopped> {
        Ok(Stopped::default())
    }
}

fn put(root: &Path, user: &str, port: u16) {
    let directory = root.join("users").join(user);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.json"), format!("{{\"port\": {port}, \"host\": \"{}\"}}", Ipv4Addr::LOCALHOST)).unwrap();
}

#[test]
fn a_changed_configuration_wakes_the_clock() {
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), "abe", 8101);
    let (file, base, own) = (tree.path().join("berth.toml"), tree.path().display(), nix::unistd::geteuid());
    let text = format!("[template.default]\nrun_as = \"{own}\"\n[[discover]]\nconfig = \"{base}/users/*/config.json\"\n");
    std::fs::write(&file, text).unwrap();
    let config = Arc::new(Config::load(Some(&file)).unwrap());
    let range = config.ports.range;
    let eye = Eye::new(config, Reader::start().unwrap(), Arc::new(Nobody)).unwrap();
    // Nothing is ever looked at because it is time: what is seen was told by the kernel.
    let never = Duration::from_secs(3_600);
    let sampling = Sampling { ports: never, processes: never, discover: never };
    let first = Arc::new(Snapshot::nothing_yet(range, crate::sample::now()));
    let engine = Engine::start(eye, sampling, Underways::default(), first).unwrap();
    let until = |wanted: &[(&str, u16)]| {
        let begun = Instant::now();
        loop {
            let snapshot = engine.snapshots.borrow().clone();
            let rows = snapshot.rows.iter().filter(|row| row.declared.is_some());
            let seen: Vec<(String, u16)> = rows.map(|row| (row.id.to_string(), row.port.unwrap_or(0))).collect();
            if seen.iter().map(|(id, port)| (id.as_str(), *port)).eq(wanted.iter().copied()) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{seen:?} instead of {wanted:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    until(&[("abe", 8101)]);
    for round in 0..5 {
        put(tree.path(), "abe", 8200 + round);
        until(&[("abe", 8200 + round)]);
    }
    put(tree.path(), "zoe", 8103);
    until(&[("abe", 8204), ("zoe", 8103)]);
    std::fs::remove_dir_all(tree.path().join("users/abe")).unwrap();
    until(&[("zoe", 8103)]);
}
