//! The words of `berth discover`.
//!
//! It must never do anything.

use std::time::Duration;

use clap::Args;

use super::duration;
use crate::domain::service_type;

/// `berth discover`.
#[derive(Debug, Args)]
pub struct Discover {
    /// Only services of these types: `_mcp._tcp`; without one `_mcp-memory._tcp`, `_mcp._tcp` and those that are configured
    #[arg(value_name = "TYPE", value_parser = kind)]
    pub kinds: Vec<String>,
    /// How long to listen: 500ms, 3s
    #[arg(long = "for", value_name = "TIME", default_value = "3s", value_parser = patience)]
    pub patience: Duration,
}

/// The longest that is listened.
const LONGEST: Duration = Duration::from_secs(60);

fn kind(text: &str) -> Result<String, String> {
    service_type(text).map_err(|wrong| format!("it {wrong}"))
}

fn patience(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time > LONGEST { Err("a minute at the most".to_owned()) } else { Ok(time) }
}
