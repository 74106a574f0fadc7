//! Attacks and faults with real victims: other accounts' processes, root's files, mounts that hang. The table of all of them is
//! `tests/it/threats.rs`.
//!
//! A test here must never ask berth whether it did harm: /proc and the files are the witnesses.

mod accounts_gone;
mod api;
mod canary;
mod endings;
mod files;
mod hands;
pub mod host;
mod locks;
mod loopback;
mod names;
mod pid_files;
mod places;
mod recycled;
mod sequences;
mod socket;
mod state;
mod swapped;
mod text;
mod verbs;
mod viewers;
mod worlds;

#[path = "../../support/race.rs"]
mod race;
