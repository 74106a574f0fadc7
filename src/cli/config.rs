//! `berth config`: the configuration that holds, and where each value came from.
//!
//! It must never print a value as it is not in force.

use std::path::Path;

use serde_json::{Value, json};

use super::args::{Config, ConfigCommand, Global, Init};
use super::door::{Setting, Wiring};
use super::errors::Stop;
use super::output::Out;
use crate::config::init;
use crate::domain::Shown;
use crate::error::{Error, Kind};
use crate::present::json::SCHEMA;
use crate::present::paint::{Tone, paint};

/// Runs the command.
pub fn run(words: &Config, global: &Global, wiring: &dyn Wiring, out: &mut Out) -> Result<u8, Stop> {
    if let Some(ConfigCommand::Init(init)) = &words.command {
        return begin(init, global, out);
    }
    let mut settings = wiring.settings(global.config.as_deref())?;
    settings.retain(|setting| !words.keys || setting.key.starts_with(KEYS));
    if global.json {
        out.json(&document(&settings))?;
    } else if words.keys {
        out.text(&keys(&settings, init::path(global.config.as_deref()).ok().as_deref()))?;
    } else {
        // Those that are as they always are would hide the rest.
        let told = settings.iter().filter(|setting| !setting.key.starts_with(KEYS) || setting.origin != "default").cloned();
        let color = out.style().color;
        out.text(&text(&told.collect::<Vec<_>>(), color))?;
    }
    Ok(0)
}

/// What the names of keys begin with.
const KEYS: &str = "keys.";

/// `berth config init`.
fn begin(init: &Init, global: &Global, out: &mut Out) -> Result<u8, Stop> {
    let found = init::survey(Path::new("/"));
    let text = init::text(&found);
    if init.stdout {
        out.text(&text)?;
        return Ok(0);
    }
    let path = init::path(global.config.as_deref())?;
    if global.read_only {
        return Err(Error::new(Kind::NotPermitted, "not written: berth was started with --read-only").into());
    }
    init::write(&path, &text)?;
    let path = Shown::new(&path.to_string_lossy());
    if global.json {
        out.json(
            &json!({ "schema": SCHEMA, "config": path.as_str(), "discover": found.iter().map(|tree| &tree.pattern).collect::<Vec<_>>() }),
        )?;
    } else {
        let list = out.program().line(["ls"]);
        out.text(&format!("{path} is written; look at it, then: {list}\n"))?;
        for tree in &found {
            out.text(&format!("  it finds {} ({})\n", tree.pattern, tree.count))?;
        }
    }
    Ok(0)
}

/// The keys as a configuration says them, one table a place.
fn keys(settings: &[Setting], file: Option<&Path>) -> String {
    let file = file.map_or_else(|| "the configuration".to_owned(), |file| Shown::new(&file.to_string_lossy()).to_string());
    let mut text = format!(
        "# The console's keys. Copy a line with the [keys.PLACE] above it into {}\n# and change it there; [] takes a key away. The next console has it.\n",
        file.replace('\n', " ")
    );
    let mut last = "";
    let mut lines: Vec<(&str, &str, &Setting)> = Vec::new();
    for setting in settings {
        if let Some((place, action)) = setting.key.strip_prefix(KEYS).and_then(|key| key.split_once('.')) {
            lines.push((place, action, setting));
        }
    }
    // A place's lines stand together, the places in the order in which they come first.
    let order: Vec<&str> = lines.iter().map(|(place, _, _)| *place).collect();
    lines.sort_by_key(|(place, _, _)| order.iter().position(|known| known == place));
    for (place, action, setting) in lines {
        if place != last {
            text.push_str(&format!("\n[keys.{place}]\n"));
            last = place;
        }
        let line = format!("{action} = {}", setting.value);
        let told = if setting.origin == "default" { line } else { format!("{line:<32}  # {}", setting.origin) };
        text.push_str(&Shown::new(&told).as_str().replace('\n', " "));
        text.push('\n');
    }
    text
}

/// "ports.range = "8080-9080"    # default": keys and origins in columns.
fn text(settings: &[Setting], color: bool) -> String {
    let shown = |text: &str| Shown::new(text).as_str().to_owned();
    let lines: Vec<(String, String)> =
        settings.iter().map(|setting| (format!("{} = {}", shown(&setting.key), shown(&setting.value)), shown(&setting.origin))).collect();
    // A long command must not push every origin to the right of the screen.
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
    let line = |(line, origin): &(String, String)| format!("{line:<width$}  {}\n", paint(&format!("# {origin}"), Tone::Dim, color));
    lines.iter().map(line).collect()
}

fn document(settings: &[Setting]) -> Value {
    let setting = |setting: &Setting| json!({ "key": setting.key, "value": setting.value, "origin": setting.origin });
    json!({ "schema": SCHEMA, "settings": settings.iter().map(setting).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_into_which_file_they_go() {
        let setting = |key: &str, value: &str| Setting { key: key.into(), value: value.into(), origin: "default".into() };
        let settings = [setting("keys.log.follow", "\"f\""), setting("keys.help.close", "\"q\"")];
        insta::assert_snapshot!(keys(&settings, Some(Path::new("/srv/berth.toml"))), @r#"
        # The console's keys. Copy a line with the [keys.PLACE] above it into /srv/berth.toml
        # and change it there; [] takes a key away. The next console has it.

        [keys.log]
        follow = "f"

        [keys.help]
        close = "q"
        "#);
    }

    #[test]
    fn keys_values_and_where_they_came_from() {
        let setting = |key: &str, value: &str, origin: &str| Setting { key: key.into(), value: value.into(), origin: origin.into() };
        let settings =
            [setting("ports.range", "\"8080-9080\"", "default"), setting("layout.base", "\"/opt/mcp\u{1b}\"", "/etc/berth/berth.toml:4")];
        insta::assert_snapshot!(text(&settings, false), @r#"
        ports.range = "8080-9080"  # default
        layout.base = "/opt/mcp␛"  # /etc/berth/berth.toml:4
        "#);
        assert_eq!(
            document(&settings[..1]).to_string(),
            r#"{"schema":1,"settings":[{"key":"ports.range","value":"\"8080-9080\"","origin":"default"}]}"#
        );
    }
}
