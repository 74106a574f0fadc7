//! `berth logs`: the last lines of one or several logs, and what comes after them with `-f`.
//!
//! It must never print a log's bytes: only lines that were made harmless.

use serde_json::json;

use super::args::{Global, Logs};
use super::door::Desk;
use super::errors::Stop;
use super::follow;
use super::output::Out;
use super::show::nearest;
use crate::domain::{InstanceId, LogLevel, LogLine, LogLineKind};
use crate::present::fit::width;
use crate::present::json::SCHEMA;
use crate::present::paint::{Tone, paint};

/// Runs the command.
pub fn run(words: &Logs, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let mut ids: Vec<InstanceId> = Vec::new();
    for id in &words.ids {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    if words.follow {
        return follow::run(&ids, words.lines, desk, out);
    }
    let prefixes = Prefixes::new(&ids);
    let mut documents = Vec::new();
    for id in &ids {
        let lines = desk.last_lines(id, words.lines).map_err(|error| nearest(error, id, desk))?;
        if global.json {
            documents.extend(lines.iter().map(|line| document(id, line)));
        } else {
            let color = out.style().color;
            out.text(&lines.iter().map(|line| text(prefixes.of(id), line, color)).collect::<String>())?;
        }
    }
    if global.json {
        out.json(&json!({ "schema": SCHEMA, "lines": documents }))?;
    }
    Ok(0)
}

/// What stands before each line when there are several logs.
pub struct Prefixes(Vec<(InstanceId, String)>);

impl Prefixes {
    /// For these instances: nothing when it is one, else the names in one column.
    pub fn new(ids: &[InstanceId]) -> Self {
        let widest = ids.iter().map(|id| width(&id.to_string())).max().unwrap_or(0);
        let prefix = |id: &InstanceId| if ids.len() < 2 { String::new() } else { format!("{:<widest$} | ", id.to_string()) };
        Self(ids.iter().map(|id| (id.clone(), prefix(id))).collect())
    }

    /// Of one of them.
    pub fn of(&self, id: &InstanceId) -> &str {
        self.0.iter().find(|(other, _)| other == id).map_or("", |(_, prefix)| prefix)
    }
}

/// One line as it is printed.
pub fn text(prefix: &str, line: &LogLine, color: bool) -> String {
    let tone = match (line.kind, line.level) {
        (LogLineKind::Mark, _) => Tone::Dim,
        (_, Some(LogLevel::Error)) => Tone::Bad,
        (_, Some(LogLevel::Warn)) => Tone::Warn,
        _ => Tone::Plain,
    };
    let body = match line.kind {
        LogLineKind::Text => line.text.as_str().to_owned(),
        LogLineKind::Mark => format!("-- {} --", line.text),
    };
    format!("{prefix}{}\n", paint(&body, tone, color))
}

fn document(id: &InstanceId, line: &LogLine) -> serde_json::Value {
    let level = line.level.map(|level| match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    });
    let mark = line.kind == LogLineKind::Mark;
    json!({ "id": id.to_string(), "level": level, "mark": mark, "text": line.text.as_str() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    fn ran(ids: &[&str], options: &str) -> String {
        let (mut out, text) = written();
        let words = Logs { ids: ids.iter().map(|id| fleet::id(id)).collect(), follow: false, lines: 2 };
        assert_eq!(run(&words, &global(options), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 0);
        text()
    }

    #[test]
    fn one_log_has_no_prefix_and_several_have() {
        insta::assert_snapshot!(ran(&["alice", "alice"], ""), @r"
        line 2 of alice
        line 3 of alice
        ");
        insta::assert_snapshot!(ran(&["alice", "bob/tools"], ""), @r"
        alice     | line 2 of alice
        alice     | line 3 of alice
        bob/tools | line 2 of bob/tools
        bob/tools | line 3 of bob/tools
        ");
    }

    #[test]
    fn whoever_mistypes_is_told_who_is_near() {
        for follow in [false, true] {
            let words = Logs { ids: vec![fleet::id("alcie")], follow, lines: 2 };
            match run(&words, &global(""), &FakeDesk::new(fleet::fleet()), &mut written().0) {
                Err(Stop::Error(error)) => assert_eq!((error.exit_code(), error.way_out()), (4, Some("is alice meant?"))),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_document_holds_all_lines() {
        let document: serde_json::Value = serde_json::from_str(&ran(&["alice", "dave"], "--json")).unwrap();
        assert_eq!(document["lines"].as_array().map(Vec::len), Some(4));
        assert_eq!(document["lines"][3]["text"], "line 3 of dave");
    }

    #[test]
    fn a_mark_is_told_apart_and_levels_have_colours() {
        let line = |kind, level| LogLine { kind, ..LogLine::text(1, level, "rotated".into()) };
        assert_eq!(text("", &line(LogLineKind::Mark, None), false), "-- rotated --\n");
        assert!(text("", &line(LogLineKind::Text, Some(LogLevel::Error)), true).starts_with("\u{1b}[31m"));
    }
}
