//! The words of `berth deploy`.
//!
//! It must never do anything: it reads words and refuses what is none.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `berth deploy`.
#[derive(Debug, Args)]
pub struct Deploy {
    /// For what: nftables, so that only its owner may connect to an instance's port ([firewall] names others)
    #[arg(value_enum, value_name = "SYSTEM")]
    pub system: System,
    /// Write it into this directory instead; what is there under its name is replaced
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A system that something is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    // No doc comments: they would make the help a page long.
    Nftables,
}
