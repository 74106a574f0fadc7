//! Attacks and faults with real victims: other accounts' processes, root's files, mounts that hang. The table of all of them is
//! `tests/it/threats.rs`.
//!
//! A test here must never ask berth whether it did harm: /proc and the files are the witnesses.

mod canary;
mod host;
mod pid_files;

#[path = "../../support/race.rs"]
mod race;
