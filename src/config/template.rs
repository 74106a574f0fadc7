//! `[template.NAME]`: reading one, and what it is before anything is read.
//!
//! It must never show an environment's values in an error: they may be secrets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::apply::{Section, variable};
use super::item::{Item, Place, Table, Value};
use super::placeholders::{self, NAMES};
use super::read::{Reading, Wrong};
use super::schema::{Restart, Supervisor, Template};
use super::units;
use crate::domain::Shown;
pub use crate::domain::is_secret;

impl Template {
    /// Before anything is read. Only what no file needs to say is meant as it stands here.
    pub(super) fn blank() -> Self {
        Self {
            supervisor: Supervisor::Process,
            command: Vec::new(),
            directory: String::new(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            moves: false,
            https: None,
            environment: BTreeMap::new(),
            health: None,
            probe_key_env: Vec::new(),
            metrics: Vec::new(),
            env_file: None,
            run_as: None,
            start_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(10),
            memory_max: None,
            cpu_max: None,
            tasks_max: None,
            log_max: None,
            log_keep: 0,
            restart: Restart::No,
        }
    }
}

impl Section for Template {
    const KEYS: &'static [&'static str] = &[
        "supervisor",
        "command",
        "directory",
        "host",
        "port",
        "scheme",
        "environment",
        "health",
        "probe_key_env",
        "metrics",
        "env_file",
        "run_as",
        "start_timeout",
        "stop_timeout",
        "memory_max",
        "cpu_max",
        "tasks_max",
        "log_max",
        "log_keep",
        "restart",
    ];

    fn set(&mut self, key: &str, item: &Item) -> Reading<()> {
        match key {
            "supervisor" => {
                self.supervisor = item.one_of(&[
                    ("process", Supervisor::Process),
                    ("systemd", Supervisor::Systemd),
                    ("docker", Supervisor::Docker),
                    ("pm2", Supervisor::Pm2),
                ])?;
            }
            "command" => self.command = command(item)?,
            "directory" => self.directory = item.filled_path(NAMES.len())?,
            "host" => self.host = item.read(|text| text.parse().map_err(|_| "must be an IP address".to_owned()))?,
            "port" => self.moves = item.one_of(&[("auto", true), ("fixed", false)])?,
            "scheme" => self.https = item.one_of(&[("auto", None), ("http", Some(false)), ("https", Some(true))])?,
            "environment" => {
                let hidden = |wrong| Wrong { value: String::new(), ..wrong };
                self.environment = environment(item.table().map_err(hidden)?)?;
            }
            "health" => self.health = item.read_unless_off(url_path)?,
            "probe_key_env" => self.probe_key_env = item.list()?.iter().map(|name| name.read(variable)).collect::<Reading<_>>()?,
            "metrics" => {
                let names = item.list()?;
                if names.len() > MOST_METRICS {
                    return Err(item.wrong(format!("must not name more than {MOST_METRICS} series")));
                }
                self.metrics = names.iter().map(|name| name.read(series)).collect::<Reading<_>>()?;
            }
            "env_file" => {
                item.word()?;
                self.env_file = Some(item.filled(NAMES.len())?);
            }
            "run_as" => self.run_as = Some(item.read(account)?),
            "start_timeout" => self.start_timeout = item.duration(Duration::ZERO)?,
            "stop_timeout" => self.stop_timeout = item.duration(Duration::ZERO)?,
            "memory_max" => self.memory_max = item.read_unless_off(units::size)?,
            "cpu_max" => self.cpu_max = item.read_unless_off(units::percent)?,
            "tasks_max" if item.is_off() => self.tasks_max = None,
            "tasks_max" => self.tasks_max = Some(item.number(1, 4_194_304)?),
            "log_max" => self.log_max = item.read_unless_off(units::size)?,
            "log_keep" => self.log_keep = item.number(0, 1000)?,
            _ => self.restart = item.one_of(&[("no", Restart::No), ("on-failure", Restart::OnFailure), ("always", Restart::Always)])?,
        }
        Ok(())
    }
}

fn command(item: &Item) -> Reading<Vec<String>> {
    let words: Vec<String> = item.list()?.iter().map(|word| word.filled(NAMES.len())).collect::<Reading<_>>()?;
    match words.first() {
        None => Err(item.wrong("must name a program")),
        Some(program) if program.is_empty() => Err(item.wrong("must name a program first")),
        Some(_) => Ok(words),
    }
}

fn environment(table: &Table) -> Reading<BTreeMap<String, String>> {
    let entry = |(name, item): &(String, Item)| {
        // The value stays untold, and so does what stands in its braces.
        let wrong =
            |place: &Place, why: &str| Wrong { place: place.clone(), value: String::new(), reason: format!("{} {why}", Shown::new(name)) };
        variable(name).map_err(|why| wrong(&item.key_place, &why))?;
        let Value::Text(text) = &item.value else { return Err(wrong(&item.place, "must be a text in quotes")) };
        if text.contains('\0') {
            return Err(wrong(&item.place, "must not hold a NUL character"));
        }
        placeholders::check(text, NAMES.len()).map_err(|why| {
            let why =
                if is_secret(name) { "has a placeholder that is not known; write {{ for a brace".to_owned() } else { format!("has {why}") };
            wrong(&item.place, &why)
        })?;
        Ok((name.clone(), text.clone()))
    };
    table.entries.iter().map(entry).collect()
}

/// How many series of a server's own are shown.
const MOST_METRICS: usize = 12;

/// A series' name in Prometheus' text format.
fn series(name: &str) -> Result<String, String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
    if name.is_empty() || name.len() > 100 || name.starts_with(|first: char| first.is_ascii_digit()) || !name.chars().all(plain) {
        return Err("must be a series' name, such as \"process_resident_memory_bytes\"".to_owned());
    }
    Ok(name.to_owned())
}

fn url_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') && text.chars().all(|character| character.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err("must be a path, such as \"/health\", or \"off\"".to_owned())
}

fn account(name: &str) -> Result<String, String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '@' | '-' | '$');
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        return Err("must be an account's name".to_owned());
    }
    Ok(name.to_owned())
}
