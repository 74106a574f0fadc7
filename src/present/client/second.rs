//! What a client's own configuration does to an instance: which of its entries would start a second server, or go astray.
//!
//! It must never repeat a value that may be a secret: entries are told by name.

use serde_json::Value;

use super::{Access, Client};
use crate::domain::{Row, Shown};

/// What is wrong with one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The entry's name.
    pub entry: Shown,
    /// What it does, and what is meant instead.
    pub what: String,
}

/// Everything that is wrong with the entries of a client's file, as far as they are about this instance.
///
/// # Errors
/// When the text is not what that client reads, with the parser's reason.
pub fn doubts(client: Client, text: &str, access: &Access, row: &Row) -> Result<Vec<Doubt>, String> {
    let document: Value = if client.reads_json() {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())?
    };
    let outer = match client {
        Client::VsCode => "servers",
        Client::Codex => "mcp_servers",
        _ => "mcpServers",
    };
    let Some(entries) = document.get(outer).and_then(Value::as_object) else {
        return Err(format!("it has no \"{outer}\", which {} reads", client.program()));
    };
    let mut all: Vec<Doubt> = Vec::new();
    let mut told = |name: &str, what: String| all.push(Doubt { entry: Shown::new(name), what });
    for (name, entry) in entries {
        of_entry(client, name, entry, access, row).into_iter().for_each(|what| told(name, what));
    }
    let going: Vec<&String> = entries.iter().filter(|(_, entry)| goes_there(entry, access, row)).map(|(name, _)| name).collect();
    let first = going.iter().find(|name| **name == &access.name).or(going.first()).copied();
    if let Some(first) = first {
        let what = |name: &str| format!("goes to {} a second time, as {} does; one of them is enough", row.id, Shown::new(name));
        going.iter().filter(|name| **name != first).for_each(|name| told(name, what(first)));
    } else if !entries.contains_key(&access.name) && all.is_empty() {
        let what = format!("has no entry: none of the file's goes to {}; berth client {} prints one", access.url, row.id);
        all.push(Doubt { entry: Shown::new(&access.name), what });
    }
    Ok(all)
}

/// Whether an entry goes to the instance, by whichever name of its address: as a URL, or in the words of a command that goes there.
fn goes_there(entry: &Value, access: &Access, row: &Row) -> bool {
    let own = host_of(&access.url);
    let is_there = |url: &str| {
        let host = host_of(url);
        row.port.is_some() && port_of(url) == row.port && (host == own || host.is_some_and(is_loopback) && own.is_some_and(is_loopback))
    };
    let url = entry.get("url").and_then(Value::as_str);
    url.into_iter().any(is_there) || words(entry).iter().any(|word| is_there(word))
}

fn host_of(url: &str) -> Option<&str> {
    let authority = url.split("://").nth(1)?.split(['/', '?']).next()?;
    authority.rsplit_once(':').map(|(host, _)| host)
}

/// `localhost` and `127.0.0.1` are one server's for a client; another address of the loopback may be another one's.
fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

fn of_entry(client: Client, name: &str, entry: &Value, access: &Access, row: &Row) -> Vec<String> {
    let words = words(entry);
    let url = entry.get("url").and_then(Value::as_str);
    let mut found = Vec::new();
    if let Some(part) = starts_it(&words, access, row) {
        found.push(format!("starts a second server of {} (its command has {}); {} goes to the one that runs", row.id, part, access.url));
    }
    let is_about = name == access.name || url.is_some_and(|url| port_of(url).is_some() && port_of(url) == row.port);
    if !is_about {
        return found;
    }
    if name == access.name && url.is_some_and(|url| port_of(url) != row.port) {
        found.push(format!("goes to another port than {}'s; it should be {}", row.id, access.url));
    }
    if url.is_some() && entry.get("type").is_none() && matches!(client, Client::ClaudeCode | Client::ClaudeCodeFile | Client::VsCode) {
        found.push(format!(
            "has a url and no \"type\": {} silently drops it; add \"type\": \"{}\"",
            client.program(),
            access.transport.word()
        ));
    }
    if has_literal_key(entry) {
        found.push("holds a key as it is; a reference to a variable would keep it out of the file".to_owned());
    }
    found
}

/// The command with its arguments, and those cut at blanks and quotes: a shell's line is one argument.
fn words(entry: &Value) -> Vec<String> {
    let Some(command) = entry.get("command").and_then(Value::as_str) else { return Vec::new() };
    let arguments = entry.get("args").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let cut = |text: &str| text.split([' ', '\t', '\n', '"', '\'', '(', ')', ';', '&', '|', '=']).map(str::to_owned).collect::<Vec<_>>();
    std::iter::once(command).chain(arguments).flat_map(cut).filter(|word| !word.is_empty()).collect()
}

/// The part of a command that only the instance's own server has: its environment file, its configuration, or its program.
fn starts_it(words: &[String], access: &Access, row: &Row) -> Option<Shown> {
    // What goes to the URL is no server, whatever else it says.
    if words.is_empty() || words.contains(&access.url) {
        return None;
    }
    let declared = row.declared.as_ref()?;
    let environment = declared.env_file.as_ref().and_then(|file| file.path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let own = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        let is_env = environment.as_deref() == Some(name);
        let is_config = declared.config.to_str() == Some(word);
        is_env || is_config
    };
    if let Some(word) = words.iter().find(|word| own(word)) {
        return Some(Shown::new(word));
    }
    // A program alone is everybody's; with the port it is this one's.
    let port = row.port?.to_string();
    let program = |word: &String| {
        let scripts = declared.launch.as_ref().map(|launch| launch.command.as_slice()).unwrap_or_default();
        scripts.iter().any(|script| script.contains('/') && last(script) == last(word))
    };
    (words.contains(&port) && words.iter().any(program)).then(|| Shown::new(&port))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn port_of(url: &str) -> Option<u16> {
    let authority = url.split("://").nth(1)?.split(['/', '?']).next()?;
    authority.rsplit(':').next()?.parse().ok()
}

/// Whether it carries credentials as they are.
fn has_literal_key(entry: &Value) -> bool {
    let headers = ["headers", "http_headers"].into_iter().filter_map(|name| entry.get(name)?.as_object()).flatten();
    let literal = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty() && !text.contains("${") && !text.contains('<'));
    headers.filter(|(name, _)| crate::domain::is_secret(name)).any(|(_, value)| literal(value)) || entry.get("bearer_token").is_some()
}
