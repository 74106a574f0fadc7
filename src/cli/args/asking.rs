//! The words of those who ask for a port: `berth port`, `berth client`.
//!
//! It must never do anything: it reads words and refuses what is none.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::id;
use crate::domain::InstanceId;

/// `berth port`.
#[derive(Debug, Args)]
pub struct Port {
    /// The instance; without it, your own
    #[arg(value_parser = id)]
    pub id: Option<InstanceId>,
}

/// `berth client`.
#[derive(Debug, Args)]
pub struct Client {
    /// The instance: OWNER or OWNER/NAME; without it, your own
    #[arg(value_parser = id)]
    pub id: Option<InstanceId>,
    /// The client
    #[arg(long = "for", value_name = "CLIENT", value_enum)]
    pub client: Whose,
    /// Only say what this configuration of the client's (-: standard input) does wrong: a second server, another port, no type
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

/// `berth check`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Check {
    /// Print a SARIF 2.1.0 log, for what collects the findings of many tools
    #[arg(long, conflicts_with = "json")]
    pub sarif: bool,
    /// Also ask every server once whether it lets in a page of another host's (a foreign Origin)
    #[arg(long)]
    pub origin: bool,
}

/// A client that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    // No doc comments: they would make the help a page long.
    ClaudeCode,
    ClaudeDesktop,
    #[value(name = "vscode")]
    VsCode,
    Cursor,
    Codex,
}
