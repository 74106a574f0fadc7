//! The words of `berth ports`.
//!
//! It must never do anything.

use clap::Args;

use super::{range, strategy};
use crate::config::Strategy;
use crate::domain::PortRange;

/// `berth ports`.
#[derive(Debug, Default, Args)]
pub struct Ports {
    /// Only those that nobody has, one a line
    #[arg(long)]
    pub free: bool,
    /// These ports instead of the managed range
    #[arg(long, value_name = "A-B", value_parser = range)]
    pub range: Option<PortRange>,
    /// Show instead what this strategy would give to every known instance, before anybody is moved
    #[arg(long, value_name = "STRATEGY", conflicts_with_all = ["free", "range"], value_parser = strategy())]
    pub plan: Option<Strategy>,
    /// Keep this port from everybody, until it is given back
    #[arg(long, value_name = "PORT", conflicts_with_all = ["free", "range", "plan"], value_parser = clap::value_parser!(u16).range(1..))]
    pub reserve: Option<u16>,
    /// Let a reserved port be given to anybody again
    #[arg(long, value_name = "PORT", conflicts_with_all = ["free", "range", "plan", "reserve"], value_parser = clap::value_parser!(u16).range(1..))]
    pub unreserve: Option<u16>,
    /// Only say what would be done
    #[arg(long, conflicts_with_all = ["free", "range", "plan"])]
    pub dry_run: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["free", "range", "plan"])]
    pub reason: Option<String>,
}

impl Ports {
    /// The port that is to be reserved (true) or given back.
    pub fn reserving(&self) -> Option<(u16, bool)> {
        self.reserve.map(|port| (port, true)).or(self.unreserve.map(|port| (port, false)))
    }
}
