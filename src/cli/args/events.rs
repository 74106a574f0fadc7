//! The words of `berth events`.
//!
//! It must never do anything: it reads words and refuses what is none.

use clap::Args;
use jiff::Timestamp;

use super::{id, since};
use crate::domain::InstanceId;

/// `berth events`.
#[derive(Debug, Args)]
pub struct Events {
    /// Go on with what happens (with --json, one event a line)
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last; 50, with --since all
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<usize>,
    /// From this moment on: 10m, 2h, 03:00, 2026-11-21, "2026-11-21 03:00", RFC 3339
    #[arg(long, value_name = "TIME", value_parser = since::parse_now)]
    pub since: Option<Timestamp>,
    /// About this owner's instances only
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// About this instance only
    #[arg(long, value_name = "ID", value_parser = id)]
    pub id: Option<InstanceId>,
}
