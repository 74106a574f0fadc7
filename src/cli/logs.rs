//! `berth logs`: the last lines of one or several logs, and what comes after them with `-f`.
//!
//! It must never print a log's bytes: only lines that were made harmless.

use serde_json::{Value, json};

use super::args::{Global, Logs};
use super::door::Desk;
use super::errors::Stop;
use super::follow;
use super::merge::Merge;
use super::output::Out;
use super::show::nearest;
use crate::domain::{InstanceId, LogLevel, LogLine, LogLineKind};
use crate::link::LogQuery;
use crate::present::fit::width;
use crate::present::json::{SCHEMA, timestamp};
use crate::present::paint::{paint_line, paint_name};

/// How many lines are shown when neither a number nor a moment was named.
pub const USUAL: usize = 50;

/// Runs the command.
pub fn run(words: &Logs, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let mut ids: Vec<InstanceId> = Vec::new();
    for id in &words.ids {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    if words.follow {
        return follow::run(&ids, words, global.json, desk, out);
    }
    let last = words.lines.or(if words.since.is_some() { None } else { Some(USUAL) });
    let query = LogQuery { last, since: words.since, previous: words.previous, started: None, grep: words.grep.clone() };
    let mut logs = Vec::new();
    for id in &ids {
        logs.push(desk.log(id, &query).map_err(|error| nearest(error, id, desk))?);
    }
    let mut sheet = Sheet::new(&ids, global.json);
    sheet.begin(out)?;
    for line in Merge::new(logs) {
        let (log, line) = line?;
        sheet.line(log, &line, out)?;
    }
    sheet.end(out)?;
    Ok(0)
}

/// Lines of several logs as they are written: as text, or as a document.
pub struct Sheet {
    /// Each log's name, and what stands before its lines.
    logs: Vec<(String, String)>,
    json: bool,
    any: bool,
}

impl Sheet {
    /// For these instances: nothing before the lines when it is one, else the names in one column.
    pub fn new(ids: &[InstanceId], json: bool) -> Self {
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
        let prefix = |name: &str| if names.len() < 2 { String::new() } else { format!("{name:<widest$} | ") };
        Self { logs: names.iter().map(|name| (name.clone(), prefix(name))).collect(), json, any: false }
    }

    /// What stands before a log's lines.
    pub fn prefix(&self, log: usize) -> &str {
        self.logs.get(log).map_or("", |(_, prefix)| prefix)
    }

    /// Begins a document.
    pub fn begin(&mut self, out: &mut Out) -> Result<(), Stop> {
        self.any = false;
        if self.json {
            out.text(&format!("{{\"schema\":{SCHEMA},\"lines\":["))?;
        }
        Ok(())
    }

    /// Writes a line at once: a document of a whole log is not put together first.
    pub fn line(&mut self, log: usize, line: &LogLine, out: &mut Out) -> Result<(), Stop> {
        if self.json {
            let name = self.logs.get(log).map_or("", |(name, _)| name);
            let comma = if self.any { "," } else { "" };
            out.text(&format!("{comma}{}", document(name, line)))?;
        } else {
            let color = out.style().color;
            let prefix = paint_name(self.prefix(log), log, color);
            out.text(&format!("{prefix}{}\n", paint_line(line, color)))?;
        }
        self.any = true;
        Ok(())
    }

    /// Ends the document.
    pub fn end(&mut self, out: &mut Out) -> Result<(), Stop> {
        if self.json {
            out.text("]}\n")?;
        }
        Ok(())
    }
}

fn document(name: &str, line: &LogLine) -> Value {
    let level = line.level.map(|level| match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    });
    let mark = line.kind == LogLineKind::Mark;
    json!({ "id": name, "at": line.at.map(timestamp), "level": level, "mark": mark, "text": line.text.as_str() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use clap::Parser;

    use crate::cli::args::{Arguments, Command};
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    pub(in crate::cli) fn words(text: &str) -> Logs {
        let words = ["berth", "logs"].into_iter().chain(text.split_whitespace());
        match Arguments::try_parse_from(words).unwrap().command {
            Some(Command::Logs(logs)) => logs,
            other => panic!("{other:?}"),
        }
    }

    fn ran(ids: &[&str], options: &str) -> String {
        let (mut out, text) = written();
        let words = words(&format!("{} -n 2", ids.join(" ")));
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
            let words = words(if follow { "alcie -f" } else { "alcie" });
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
    fn only_what_matches_is_shown() {
        let (mut out, text) = written();
        let words = words("alice --grep LINE.[13]");
        assert_eq!(run(&words, &global(""), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 0);
        assert_eq!(text(), "");
        let words = super::tests::words("alice --grep line.[13]");
        assert_eq!(run(&words, &global(""), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 0);
        assert_eq!(text(), "line 1 of alice\nline 3 of alice\n");
    }
}
