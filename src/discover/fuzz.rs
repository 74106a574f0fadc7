//! Fuzzing door: the guide's `config.json`, and an environment file as a declaration.
//!
//! It must never touch a file: the text is given.

use super::{env, server_config};
use crate::domain::read_env;

/// A `config.json`: a port is one that stands in the file, a workspace is absolute, a fault lies in the file.
pub fn server_config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (config, fault) = server_config::read(&text);
    if let Some(port) = config.port {
        assert!(port > 0 && text.contains(&port.to_string()), "{port}");
    }
    assert!(config.port.is_some() || fault.is_some(), "no port and nothing wrong with that");
    assert!(config.workspace.is_none_or(|path| path.starts_with('/')));
    let lines = u32::try_from(text.matches('\n').count() + 1).unwrap_or(u32::MAX);
    if let Some(fault) = fault {
        assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "{fault:?} of {lines} lines");
    }
    let (assignments, _) = read_env(data);
    for key in [None, Some("PORT"), Some("SDP_HTTP_PORT")] {
        let (server, fault) = env::server(&assignments, key);
        assert!(server.port != Some(0) && server.port.is_some() == fault.is_none());
    }
}
