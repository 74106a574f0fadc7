//! What servers announce on the network by multicast DNS (RFC 6762 and 6763), as it was heard, and whose each announcement is.
//!
//! Whoever is on the link may announce anything: it is a claim, never a proof, and nothing is decided by it but what is told.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Declared, InstanceId, Shown};

/// What is announced of memory services, and of MCP servers in general.
pub const SERVICE_TYPES: [&str; 2] = ["_mcp-memory._tcp.local.", "_mcp._tcp.local."];

/// The most services that are kept of one hearing.
pub const MOST_SERVICES: usize = 256;

/// The longest name of a type, RFC 6763 section 7 and `local.` with what joins them.
const LONGEST_TYPE: usize = 64;

/// One service, as it was announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Its name, without the type.
    pub name: Shown,
    /// Its type: `_mcp-memory._tcp.local.`.
    pub kind: Shown,
    /// The host that it says to be on.
    pub host: Shown,
    /// That host's addresses, ordered.
    pub addresses: Vec<IpAddr>,
    /// Its port.
    pub port: u16,
    /// What else it says of itself, in its order: keys, most with a value.
    pub texts: Vec<(Shown, Option<Shown>)>,
    /// It says more than is kept.
    pub says_more: bool,
}

impl Announced {
    /// Under which name and type it is looked for: neither heeds capitals, RFC 6762 section 16.
    pub fn known_as(&self) -> (String, String) {
        (self.kind.as_str().to_lowercase(), self.name.as_str().to_lowercase())
    }
}

/// What was heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcements {
    /// The services, ordered by type, name, host and port; `None` where nobody listened.
    pub services: Option<Vec<Arc<Announced>>>,
    /// The addresses of this host at that time, ordered.
    pub own: Vec<IpAddr>,
    /// What is to be known of it, in sentences.
    pub notices: Vec<Shown>,
}

/// An announcement, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// What was announced.
    pub service: Arc<Announced>,
    /// It names an address of this host.
    pub is_here: bool,
    /// The instance that has this port here.
    pub of: Option<InstanceId>,
}

/// Reads a type: `_mcp._tcp`, `_mcp._tcp.local` or `_mcp._tcp.local.`; the last is what comes of it.
///
/// # Errors
/// What is wrong, to be read after the text.
pub fn service_type(text: &str) -> Result<String, String> {
    let wrong = || format!("must be a service type, such as \"{}\"", SERVICE_TYPES[0]);
    let plain = text.strip_suffix('.').unwrap_or(text);
    let plain = plain.strip_suffix(".local").unwrap_or(plain);
    let (name, protocol) = plain.split_once('.').ok_or_else(wrong)?;
    let name = name.strip_prefix('_').ok_or_else(wrong)?;
    let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if name.is_empty() || text.len() > LONGEST_TYPE || !is_plain(name) || !matches!(protocol, "_tcp" | "_udp") {
        return Err(wrong());
    }
    Ok(format!("_{name}.{protocol}.local."))
}

/// The name and type that an instance is set to announce, as far as its settings tell: the memory service's variables do.
///
/// Where only a hash is kept of what was set, nothing is told.
pub fn announces(declared: &Declared) -> Option<(String, String)> {
    // What is set; `Some(None)` where that is not known.
    let value = |name: &str| {
        let in_template = declared.launch.as_ref().and_then(|launch| launch.environment.get(name)).map(Some);
        in_template.or_else(|| declared.settings.parts.iter().find_map(|part| part.value(name)))
    };
    let (enabled, name, kind) = (value("MCP_MDNS_ENABLED"), value("MCP_MDNS_SERVICE_NAME"), value("MCP_MDNS_SERVICE_TYPE"));
    // It announces itself unless it is told not to; but one that is told nothing of it may be any server.
    if enabled.or(name).is_none() || enabled.is_some_and(|word| !word.is_some_and(|word| word.eq_ignore_ascii_case("true"))) {
        return None;
    }
    let (name, kind) = (name.unwrap_or(Some("MCP Memory Service"))?, kind.unwrap_or(Some(SERVICE_TYPES[0]))?);
    (!name.is_empty() && !kind.is_empty()).then(|| (kind.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_written_in_full_or_without_its_end() {
        for text in ["_mcp._tcp", "_mcp._tcp.", "_mcp._tcp.local", "_mcp._tcp.local."] {
            assert_eq!(service_type(text), Ok("_mcp._tcp.local.".to_owned()));
        }
        let long = format!("_{}._tcp", "x".repeat(70));
        for text in ["", ".", "mcp._tcp", "_mcp", "_._tcp", "_mcp._sctp", "_a.b._tcp", "_m cp._tcp", "_ü._tcp", "_mcp._tcp.example.", &long]
        {
            assert!(service_type(text).is_err(), "{text}");
        }
    }
}
