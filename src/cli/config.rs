//! `berth config`: the configuration that holds, and where each value came from.
//!
//! It must never print a value as it is not in force.

use serde_json::{Value, json};

use super::args::Global;
use super::door::Setting;
use super::errors::Stop;
use super::output::Out;
use crate::domain::Shown;
use crate::present::json::SCHEMA;
use crate::present::paint::{Tone, paint};

/// Runs the command.
pub fn run(settings: &[Setting], global: &Global, out: &mut Out) -> Result<u8, Stop> {
    if global.json {
        out.json(&document(settings))?;
    } else {
        let color = out.style().color;
        out.text(&text(settings, color))?;
    }
    Ok(0)
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
