//! From a tree of values to the types of `schema`: one `set` a table, each knowing its keys.
//!
//! It must never leave a value unread: a key that nobody reads is a mistake that nobody is told.

use std::net::SocketAddr;
use std::time::Duration;

use super::item::{Fault, Item, Table};
use super::nearest::advice;
use super::placeholders::NAMES;
use super::read::{Reading, Wrong};
use super::schema::{Access, Console, Daemon, Discover, Docker, Findings, Firewall, Layout, Ports, Sampling, Source, Strategy};
use super::{Pattern, units};
use crate::domain::{Code, Level, Network, Shown, Verb, service_type};

/// A table with known keys.
pub(super) trait Section {
    /// Its keys, in the order in which they are suggested.
    const KEYS: &'static [&'static str];

    /// Reads one key's value. Called with the keys of `KEYS` only.
    fn set(&mut self, key: &str, item: &Item) -> Reading<()>;

    /// Takes over what a table says. `title` is the table's name as its header is written.
    fn apply(&mut self, table: &Table, title: &str) -> Result<(), Fault> {
        for (key, item) in &table.entries {
            if !Self::KEYS.contains(&key.as_str()) {
                return Err(unknown_key(key, item, title, Self::KEYS));
            }
            self.set(key, item).map_err(|wrong| wrong_value(&wrong, key, title))?;
        }
        Ok(())
    }
}

/// `unknown key "rnage" in [ports]; did you mean "range"?`
pub(super) fn unknown_key(key: &str, item: &Item, title: &str, keys: &[&str]) -> Fault {
    let table = if title.is_empty() { String::new() } else { format!(" in {title}") };
    let message = format!("unknown key \"{}\"{table}{}", Shown::new(key), advice(key, keys.iter().copied()));
    Fault { place: item.key_place.clone(), message }
}

/// `wrong value "9-8" for range in [ports]: its first port is above its last`
pub(super) fn wrong_value(wrong: &Wrong, key: &str, title: &str) -> Fault {
    let value = if wrong.value.is_empty() { String::new() } else { format!(" {}", wrong.value) };
    // Advice brings its own semicolon.
    let joint = if wrong.reason.starts_with(';') { "" } else { ": " };
    let table = if title.is_empty() { String::new() } else { format!(" in {title}") };
    Fault { place: wrong.place.clone(), message: format!("wrong value{value} for {}{table}{joint}{}", Shown::new(key), wrong.reason) }
}

impl Section for Ports {
    const KEYS: &'static [&'static str] = &["range", "strategy", "modulus", "block", "reserved", "quarantine"];

    fn set(&mut self, key: &str, item: &Item) -> Reading<()> {
        match key {
            "range" => self.range = item.read(units::port_range)?,
            "strategy" => self.strategy = item.one_of(&Strategy::NAMED)?,
            "modulus" => self.modulus = item.number(1, 65_535)?,
            "block" => self.block = item.number(1, 65_535)?,
            "quarantine" => self.quarantine = item.read_unless_off(units::duration)?.unwrap_or_default(),
            _ => self.reserved = item.list()?.iter().map(Item::port_range).collect::<Reading<_>>()?,
        }
        Ok(())
    }
}

impl Section for Layout {
    const KEYS: &'static [&'static str] = &["base", "config", "workspace", "log", "pid", "state"];

    fn set(&mut self, key: &str, item: &Item) -> Reading<()> {
        // A line may use the placeholders that are filled before it.
        match key {
            "base" => self.base = item.filled_path(5)?,
            "config" => self.config = item.filled_path(6)?,
            "workspace" => self.workspace = item.filled_path(7)?,
            "log" => self.log = item.filled_path(NAMES.len())?,
            "pid" => self.pid = item.filled_path(NAMES.len())?,
            _ => self.state = Some(item.path()?),
        }
        Ok(())
    }
}

impl Section for Access {
    const KEYS: &'static [&'static str] = &["admins", "viewers", "owners_may"];

    fn set(&mut self, key: &str, item: &Item) -> Reading<()> {
        match key {
            "admins" => self.admins = accounts(item)?,
            "viewers" => self.viewers = accounts(item)?,
            _ => {
                let verbs: Vec<_> = Verb::ALL.into_iter().filter(|verb| verb.is_owners()).map(|verb| (verb.word(), verb)).collect();
                self.owners_may = item.list()?.iter().map(|word| word.one_of(&verbs)).collect::<Reading<_>>()?;
            }
        }
        Ok(())
    }
}

fn accounts(item: &Item) -> Reading<Vec<String>> {
    for account in item.list()? {
        let name = account.word()?;
        let plain = name.strip_prefix('%').unwrap_or(name);
        if plain.is_empty() || plain.contains([':', '/', '%']) || plain.contains(char::is_whitespace) {
            return Err(account.wrong("must be an account, a %group, or * for everybody"));
        }
    }
    item.words()
}

impl Section for Firewall {
    const KEYS: &'static [&'static str] = &["allow", "addresses"];

    fn set(&mut self, key: &str, item: &Item) -> Reading<()> {
        match key {
            "allow" => {
                self.allow = accounts(item)?;
                let everybody = item.list()?.iter().find(|account| account.word().is_ok_and(|name| name.trim_start_matches('%') == "*"));
                everybody
                    .map_or(Ok(()), |account| Err(account.wrong("must be an account or a %group: for everybody there need be no rule")))?;
            }
            _ => self.addresses = item.list()?.iter().map(|address| address.read(other_hosts)).collect::<Reading<_>>()?,
        }
        Ok(())
    }
}

/// Every process of this host may give itself any of the host's own addresses: those say nothing of who it is.
fn other_hosts(text: &str) -> Result<Network, String> {
    let network = Network::parse(text)?;
    // Everything is what opens a port to every other host, and is meant so.
    if network.has_loopback() && network.prefix > 0 {
        return Err("is of this host itself: which of its users may connect, allow says".to_owned());
    }
    Ok(network)
}

impl Section for Findings {
    const KEYS: &'static [&'static str] = &["accept"];

    /// Two servers on one port cannot be wanted; what is too open, and what is a warning or less, can.
    fn set(&mut self, _key: &str, item: &Item) -> Reading<()> {
        let may_be = |code: &Code| code.is_posture() || code.level() != Level::Error;
        let codes: Vec<_> = Code::ALL.into_iter().filter(may_be).map(|code| (code.word(), code)).collect();
        self.accept = item.list()?.iter().map(|word| word.one_of(&codes)).collect::<Reading<_>>()?;
        Ok(())
    }
}

impl Section for Daemon {
    const KEYS: &'static [&'static str] = &["socket", "http", "restore"];

    fn set(&mut self, key: &str, item: &Item) -> Reading<()> {
        match key {
            "socket" => self.socket = item.path()?,
            "restore" => self.restore = item.one_of(&[("wished", true), ("off", false)])?,
            _ => self.http = item.read_unless_off(loopback)?,
        }
        Ok(())
    }
}

/// The HTTP listener has no login: other hosts must not reach it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "must be \"off\" or a loopback address with a port, such as \"127.0.0.1:7070\"")?;
    if !address.ip().is_loopback() {
        return Err("must be a loopback address: whoever reaches it may read".to_owned());
    }
    if address.port() == 0 {
        return Err("port 0 is no port: the kernel would choose one".to_owned());
    }
    Ok(address)
}

impl Section for Docker {
    const KEYS: &'static [&'static str] = &["sockets"];

    fn set(&mut self, _key: &str, item: &Item) -> Reading<()> {
        self.sockets = item.list()?.iter().map(Item::path).collect::<Reading<_>>()?;
        Ok(())
    }
}

impl Section for Sampling {
    const KEYS: &'static [&'static str] = &["ports", "processes", "discover", "probes"];

    fn set(&mut self, key: &str, item: &Item) -> Reading<()> {
        if key == "probes" {
            self.probes = if item.is_off() { None } else { Some(item.duration(Duration::from_secs(1))?) };
            return Ok(());
        }
        // Oftener than a hundred times a second is a busy loop, not a look.
        let duration = item.duration(Duration::from_millis(10))?;
        match key {
            "ports" => self.ports = duration,
            "processes" => self.processes = duration,
            _ => self.discover = duration,
        }
        Ok(())
    }
}

impl Section for Console {
    const KEYS: &'static [&'static str] = &["theme"];

    fn set(&mut self, _key: &str, item: &Item) -> Reading<()> {
        self.theme = Some(item.word()?.to_owned());
        Ok(())
    }
}

/// The keys of a `[[discover]]` entry that say what is looked at: exactly one of them is given.
const SOURCES: [&str; 6] = ["config", "env", "systemd", "docker", "pm2", "mdns"];

/// Reads one `[[discover]]` entry.
pub(super) fn discover(item: &Item) -> Result<Discover, Fault> {
    const TITLE: &str = "[[discover]]";
    const KEYS: [&str; 8] = ["config", "env", "systemd", "docker", "pm2", "mdns", "port_key", "template"];
    let told = |key: &str, wrong: Wrong| wrong_value(&wrong, key, TITLE);
    let table = item.table().map_err(|wrong| told("discover", wrong))?;
    if let Some((key, value)) = table.entries.iter().find(|(key, _)| !KEYS.contains(&key.as_str())) {
        return Err(unknown_key(key, value, TITLE, &KEYS));
    }
    let mut sources = table.entries.iter().filter(|(key, _)| SOURCES.contains(&key.as_str()));
    let Some((kind, value)) = sources.next() else {
        let message = format!("{TITLE} says nothing to look at; one of {} is needed", SOURCES.join(", "));
        return Err(Fault { place: item.place.clone(), message });
    };
    if let Some((second, value)) = sources.next() {
        let message = format!("{TITLE} has both {kind} and {second}; give each an entry of its own");
        return Err(Fault { place: value.key_place.clone(), message });
    }
    let word = || value.word().map(str::to_owned).map_err(|wrong| told(kind, wrong));
    let pattern = || value.read(Pattern::parse).map_err(|wrong| told(kind, wrong));
    let port_key = table.get("port_key");
    let source = match kind.as_str() {
        "config" => Source::Config(pattern()?),
        "env" => {
            let key = port_key.map(|key| key.read(variable).map_err(|wrong| told("port_key", wrong))).transpose()?;
            Source::Env { pattern: pattern()?, port_key: key }
        }
        "systemd" => Source::Systemd(word()?),
        "docker" => Source::Docker(word()?),
        "pm2" => Source::Pm2(word()?),
        _ => Source::Mdns(value.read(service_type).map_err(|wrong| told(kind, wrong))?),
    };
    if let (Some(key), false) = (port_key, matches!(source, Source::Env { .. })) {
        return Err(Fault { place: key.key_place.clone(), message: format!("port_key in {TITLE} goes with env, not with {kind}") });
    }
    let template = match table.get("template") {
        Some(name) => name.word().map_err(|wrong| told("template", wrong))?.to_owned(),
        None => "default".to_owned(),
    };
    Ok(Discover { source, template })
}

/// Reads a variable's name, environ(7).
pub(super) fn variable(name: &str) -> Result<String, String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) || !name.chars().all(plain) {
        return Err("must be a variable's name: letters, digits and underscores".to_owned());
    }
    Ok(name.to_owned())
}
