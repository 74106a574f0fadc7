//! A whole configuration from a merged tree: every section, the templates' inheritance, and what must fit together.
//!
//! It must never add a default: those are the lowest layer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::apply::{Section, discover, unknown_key, wrong_value};
use super::describe::Origins;
use super::eventful::{self, Events, Notice};
use super::hosts;
use super::item::{Fault, Item, Table, Value};
use super::keys::{self, KeyLine};
use super::nearest::advice;
use super::schema::{Access, Console, Daemon, Discover, Docker, Findings, Firewall, Layout, Ports, Sampling, Strategy, Template};
use super::{Config, DEFAULT_TEMPLATE};
use crate::domain::{NamedHost, PortRange, Shown};

/// The tables of a configuration.
const TABLES: [&str; 15] = [
    "ports", "layout", "template", "discover", "access", "firewall", "findings", "daemon", "docker", "events", "notify", "host",
    "sampling", "console", "keys",
];

/// Everything that a tree says, each part for itself.
pub(super) struct Parts {
    ports: Ports,
    layout: Layout,
    templates: BTreeMap<String, Template>,
    discover: Vec<Discover>,
    access: Access,
    firewall: Firewall,
    findings: Findings,
    daemon: Daemon,
    docker: Docker,
    events: Events,
    notify: Vec<Notice>,
    hosts: Vec<NamedHost>,
    sampling: Sampling,
    console: Console,
    keys: Vec<KeyLine>,
}

/// Reads every part of a tree, complete or not.
pub(super) fn parts(table: &Table) -> Result<Parts, Fault> {
    let mut parts = blank();
    for (key, item) in &table.entries {
        if !TABLES.contains(&key.as_str()) {
            return Err(lost(key, item));
        }
        if key == "discover" {
            parts.discover = entries(item, key)?.iter().map(discover).collect::<Result<_, _>>()?;
            continue;
        }
        if key == "notify" {
            parts.notify = eventful::notices(item, entries(item, key)?)?;
            continue;
        }
        if key == "host" {
            parts.hosts = hosts::hosts(item, entries(item, key)?)?;
            continue;
        }
        let section = item.table().map_err(|wrong| wrong_value(&wrong, key, ""))?;
        let title = format!("[{key}]");
        match key.as_str() {
            "ports" => parts.ports.apply(section, &title)?,
            "layout" => parts.layout.apply(section, &title)?,
            "access" => parts.access.apply(section, &title)?,
            "firewall" => parts.firewall.apply(section, &title)?,
            "findings" => parts.findings.apply(section, &title)?,
            "daemon" => parts.daemon.apply(section, &title)?,
            "docker" => parts.docker.apply(section, &title)?,
            "events" => parts.events.apply(section, &title)?,
            "sampling" => parts.sampling.apply(section, &title)?,
            "console" => parts.console.apply(section, &title)?,
            "keys" => parts.keys = keys::lines(section)?,
            _ => {
                for (name, item) in &section.entries {
                    parts.templates.insert(name.clone(), template(name, item)?);
                }
            }
        }
    }
    Ok(parts)
}

/// A key outside every table: often its table's header was forgotten.
fn lost(key: &str, item: &Item) -> Fault {
    let sections: [(&str, &[&str]); 11] = [
        ("[ports]", Ports::KEYS),
        ("[layout]", Layout::KEYS),
        ("[template.default]", Template::KEYS),
        ("[access]", Access::KEYS),
        ("[firewall]", Firewall::KEYS),
        ("[findings]", Findings::KEYS),
        ("[daemon]", Daemon::KEYS),
        ("[docker]", Docker::KEYS),
        ("[events]", Events::KEYS),
        ("[sampling]", Sampling::KEYS),
        ("[console]", Console::KEYS),
    ];
    // What is a table is none of a table's keys, whatever it is called.
    let is_value = !matches!(item.value, Value::Table(_));
    match sections.iter().find(|(_, keys)| is_value && keys.contains(&key)) {
        Some((table, _)) => {
            Fault { place: item.key_place.clone(), message: format!("\"{key}\" stands outside every table; it belongs in {table}") }
        }
        None => unknown_key(key, item, "", &TABLES),
    }
}

fn entries<'item>(item: &'item Item, key: &str) -> Result<&'item [Item], Fault> {
    match &item.value {
        Value::List(items) => Ok(items),
        _ => Err(Fault { place: item.key_place.clone(), message: format!("{key} is a list: write [[{key}]]") }),
    }
}

fn template(name: &str, item: &Item) -> Result<Template, Fault> {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if name.is_empty() || !name.chars().all(plain) {
        let message = format!("\"{}\" is no name for a template: letters, digits, dashes and underscores", Shown::new(name));
        return Err(Fault { place: item.key_place.clone(), message });
    }
    let Value::Table(table) = &item.value else {
        let message = format!("\"{name}\" in [template] must be a table: write [template.NAME] before its keys");
        return Err(Fault { place: item.key_place.clone(), message });
    };
    let mut template = Template::blank();
    template.apply(table, &format!("[template.{name}]"))?;
    Ok(template)
}

/// The configuration of a merged tree.
pub(super) fn config(mut merged: Table, files: Vec<PathBuf>) -> Result<Config, Fault> {
    inherit(&mut merged);
    let parts = parts(&merged)?;
    check_templates(&merged, &parts)?;
    let Parts {
        ports,
        layout,
        templates,
        discover,
        access,
        firewall,
        findings,
        daemon,
        docker,
        events,
        notify,
        hosts,
        sampling,
        console,
        keys,
    } = parts;
    Ok(Config {
        ports,
        layout,
        templates,
        discover,
        access,
        firewall,
        findings,
        daemon,
        docker,
        events,
        notify,
        hosts,
        sampling,
        console,
        keys,
        files,
        origins: Origins::of(&merged),
    })
}

/// What another template does not say is as in `[template.default]`.
fn inherit(merged: &mut Table) {
    let Some(templates) = merged.table_mut("template") else { return };
    let Some(default) = templates.table(DEFAULT_TEMPLATE).cloned() else { return };
    for (name, item) in &mut templates.entries {
        if let (false, Value::Table(own)) = (name == DEFAULT_TEMPLATE, &mut item.value) {
            let mut whole = default.clone();
            whole.patch(own);
            *own = whole;
        }
    }
}

/// An entry's template must be there.
fn check_templates(merged: &Table, parts: &Parts) -> Result<(), Fault> {
    let Some(Value::List(items)) = merged.get("discover").map(|item| &item.value) else { return Ok(()) };
    for item in items {
        let Value::Table(table) = &item.value else { continue };
        let Some(Item { value: Value::Text(name), place, .. }) = table.get("template") else { continue };
        if !parts.templates.contains_key(name) {
            let advice = advice(name, parts.templates.keys().map(String::as_str));
            return Err(Fault { place: place.clone(), message: format!("there is no [template.{}]{advice}", Shown::new(name)) });
        }
    }
    Ok(())
}

/// Before anything is read; the lowest layer says every key that is not optional, which a test holds.
fn blank() -> Parts {
    let range = PortRange { first: 1, last: 1 };
    let text = String::new;
    Parts {
        ports: Ports { range, reserved: Vec::new(), strategy: Strategy::Registry, modulus: 1, block: 1, quarantine: Duration::ZERO },
        layout: Layout { base: text(), config: text(), workspace: text(), log: text(), pid: text(), state: None },
        templates: BTreeMap::new(),
        discover: Vec::new(),
        access: Access { admins: Vec::new(), viewers: Vec::new(), owners_may: Vec::new() },
        firewall: Firewall::default(),
        findings: Findings::default(),
        daemon: Daemon { socket: PathBuf::new(), http: None, restore: true },
        docker: Docker::default(),
        events: Events::default(),
        notify: Vec::new(),
        hosts: Vec::new(),
        sampling: Sampling { ports: Duration::ZERO, processes: Duration::ZERO, discover: Duration::ZERO, probes: None },
        console: Console::default(),
        keys: Vec::new(),
    }
}
