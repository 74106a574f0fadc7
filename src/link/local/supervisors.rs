//! The supervisors of this host, with what the configuration has each of them look for.
//!
//! It must never decide what a pattern means: that is each supervisor's.

use std::path::Path;
use std::sync::Arc;

use crate::config::{Config, Origin, Source};
use crate::hand::{Reader, Zygote};
use crate::supervisor::Supervisor;
use crate::supervisor::registry::{Containers, Parts, supervisors};

/// All of them.
pub(super) fn of(config: &Config, state: &Path, zygote: &Arc<Zygote>, reader: &Arc<Reader>, open_files: u64) -> Arc<dyn Supervisor> {
    let units = config.discover.iter().filter_map(|discover| match &discover.source {
        Source::Systemd(pattern) => Some(pattern.clone()),
        _ => None,
    });
    let units: Vec<String> = units.collect();
    let names = config.discover.iter().filter_map(|discover| match &discover.source {
        Source::Docker(pattern) => Some(pattern.clone()),
        _ => None,
    });
    let containers = Containers {
        names: names.collect(),
        sockets: config.docker.sockets.clone(),
        are_asked_for: is_asked_for(config, "docker") || !config.docker.sockets.is_empty(),
    };
    let apps = config.discover.iter().filter_map(|discover| match &discover.source {
        Source::Pm2(pattern) => Some(pattern.clone()),
        _ => None,
    });
    supervisors(&Parts {
        containers,
        state: state.to_owned(),
        zygote: Arc::clone(zygote),
        reader: Arc::clone(reader),
        open_files,
        units_are_asked_for: is_asked_for(config, "systemd"),
        units,
        apps: apps.collect(),
    })
}

/// Whether a file names such a source: what is only looked for by default need not be there.
fn is_asked_for(config: &Config, source: &str) -> bool {
    let origin = |index: usize| config.origins.of_key(&format!("discover[{index}].{source}"));
    (0..config.discover.len()).any(|index| matches!(origin(index), Some(Origin::File(place)) if place.file.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_by_default_was_not_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("berth.toml");
        std::fs::write(&file, "[ports]\nrange = \"9000-9010\"\n").unwrap();
        assert!(!is_asked_for(&Config::load(Some(&file)).unwrap(), "systemd"));
        std::fs::write(&file, "[[discover]]\nconfig = \"/x/*/y\"\n[[discover]]\nsystemd = \"mcp@*.service\"\n").unwrap();
        let config = Config::load(Some(&file)).unwrap();
        assert!(is_asked_for(&config, "systemd") && !is_asked_for(&config, "docker"));
    }
}
