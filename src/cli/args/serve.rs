//! The words of `berth serve`.
//!
//! It must never do anything: it reads words and refuses what is none.

use clap::Args;

/// `berth serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Write, enable and start a systemd unit that serves, instead of serving
    #[arg(long)]
    pub install: bool,
    /// Only print the unit
    #[arg(long, requires = "install")]
    pub dry_run: bool,
}
