//! The words of `berth trust`.
//!
//! It must never do anything: it reads words and refuses what is none.

use clap::Args;

use super::id;
use crate::domain::{Fingerprint, InstanceId};

/// `berth trust`.
#[derive(Debug, Args)]
pub struct Trust {
    /// The instance: OWNER or OWNER/NAME
    #[arg(value_parser = id)]
    pub id: InstanceId,
    /// Only this one: the SHA-256 that `openssl x509 -noout -fingerprint -sha256` prints, with or without colons
    #[arg(long, value_name = "SHA256", value_parser = fingerprint)]
    pub certificate: Option<Fingerprint>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    Fingerprint::parse(&text.replace(':', "")).ok_or_else(|| "a SHA-256 has 64 digits of 0-9 and a-f".to_owned())
}
