//! Who is to run what is added.
//!
//! It must never name whom nothing is made for.

use clap::ValueEnum;

use crate::domain::SupervisorKind;

/// It.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunBy {
    /// berth's keeper
    Process,
    /// a unit of systemd, made from a hardened template and enabled
    Systemd,
}

impl From<RunBy> for SupervisorKind {
    fn from(by: RunBy) -> Self {
        match by {
            RunBy::Process => Self::Process,
            RunBy::Systemd => Self::Systemd,
        }
    }
}
