//! What is fuzzed: each target takes bytes as a stranger could have written them, and holds what is made of them against what must be
//! true of it. `tests/fuzz` feeds it with what libFuzzer thinks of, `cargo test` with all that was worth keeping.
//!
//! It must never be part of the program: it is there for tests and fuzzers only.

use crate::{config, demo, discover, domain, hand, logs, probe, sample, storage, supervisor, tui};

/// Takes bytes, and panics where something that must be true is not.
pub type Target = fn(&[u8]);

/// Every target by the name of its program and its corpus.
pub const TARGETS: [(&str, Target); 12] = [
    ("config", configuration),
    ("console", tui::fuzz::console),
    ("env_file", domain::fuzz::env_file),
    ("keys", tui::fuzz::keys),
    ("log_lines", logs::fuzz::log_lines),
    ("metrics", probe::fuzz::metrics),
    ("netlink", sample::fuzz::netlink),
    ("pid_file", domain::fuzz::pid_file),
    ("proc_files", proc_files),
    ("query", tui::fuzz::query),
    ("sanitiser", domain::fuzz::sanitiser),
    ("server_config", server_config),
];

/// A configuration file, its keys included; and what the console keeps of its own.
fn configuration(data: &[u8]) {
    config::fuzz::config(data).iter().for_each(tui::fuzz::keymap);
    tui::fuzz::preferences(data);
}

/// What /proc says of a process, of sockets and of mounts.
fn proc_files(data: &[u8]) {
    // Who looks and who signals have to mean the same process.
    if let (Some(seen), Some(acted_on)) = (sample::fuzz::proc_files(data), hand::fuzz::process_files(data)) {
        assert_eq!(seen, acted_on);
    }
    sample::fuzz::proc_net(data);
    demo::fuzz::environ(data);
    hand::fuzz::mountinfo(data);
    storage::fuzz::mountinfo(data);
}

/// What is declared: the guide's `config.json`; and what keepers and hands write, which is JSON too.
fn server_config(data: &[u8]) {
    discover::fuzz::server_config(data);
    supervisor::process::fuzz::record(data);
    supervisor::process::fuzz::word(data);
    hand::fuzz::answer(data);
}

/// Runs a target by its name.
///
/// # Panics
/// Where something is found, and for a name that is none.
pub fn run(name: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    assert!(found.is_some(), "there is no target {name}");
    found.iter().for_each(|(_, target)| target(data));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn every_target_has_a_program_and_a_corpus() {
        let programs: Vec<String> = TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect();
        assert_eq!(names(&folder().join("targets")), programs);
        assert_eq!(names(&folder().join("corpus")), TARGETS.map(|(name, _)| name));
        let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"\n")), "{name}");
            let program = fs::read_to_string(folder().join(format!("targets/{name}.rs"))).unwrap();
            assert!(program.contains(&format!("berth::fuzz::run(\"{name}\", data)")), "{name}");
        }
    }

    /// As one test a target, so that a finding names its own.
    macro_rules! replay {
        ($($name:ident)*) => {
            $(#[test]
            fn $name() {
                let corpus = folder().join("corpus").join(stringify!($name));
                let files = names(&corpus);
                assert!(!files.is_empty());
                for file in files {
                    let data = fs::read(corpus.join(&file)).unwrap();
                    let outcome = std::panic::catch_unwind(|| run(stringify!($name), &data));
                    assert!(outcome.is_ok(), "{}/{file}", stringify!($name));
                }
            })*
            const REPLAYED: &[&str] = &[$(stringify!($name)),*];
        };
    }

    replay! { config console env_file keys log_lines metrics netlink pid_file proc_files query sanitiser server_config }

    #[test]
    fn every_corpus_is_replayed() {
        assert_eq!(REPLAYED, TARGETS.map(|(name, _)| name));
    }
}
