//! What came of orders: a line each, what helps below it, the document, the exit code.
//!
//! It must never call something done that was not.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::errors::{Stop, unless_closed};
use super::output::Out;
use crate::domain::{InstanceId, Outcome, Verb};
use crate::present::command::Program;
use crate::present::json::SCHEMA;
use crate::present::paint::{Tone, paint};
use crate::present::table::Style;

/// "carol: not started. 8107 is held by ...", then the last lines of the log, then what helps.
pub fn text(id: &InstanceId, outcome: &Outcome, style: Style, program: &Program) -> String {
    let sentence = outcome.sentence.as_str();
    // Without colours a failure is told by its words; the colour is beside them.
    let name = paint(&id.to_string(), if outcome.is_done() { Tone::Good } else { Tone::Bad }, style.color);
    let mut text = format!("{name}: {sentence}{}\n", if sentence.ends_with('.') || outcome.is_done() { "" } else { "." });
    for line in &outcome.log_lines {
        text.push_str(&paint(&format!("  | {line}"), Tone::Dim, style.color));
        text.push('\n');
    }
    for hint in &outcome.hints {
        text.push_str(&format!("  {}\n", program.hint(hint.as_str())));
    }
    text
}

/// Writes a failure to standard error.
///
/// # Errors
/// Never: where standard error is closed, the exit code is all that can be said.
pub fn tell_failure(text: &str) -> io::Result<()> {
    let _ = io::stderr().lock().write_all(text.as_bytes());
    Ok(())
}

/// What came of one deed, as text or as a document.
///
/// # Errors
/// When it cannot be written; that nobody reads it is none.
pub fn tell_one(id: &InstanceId, dry_run: bool, outcome: &Outcome, as_json: bool, out: &mut Out) -> Result<(), Stop> {
    if as_json {
        return unless_closed(out.json(&one(id, dry_run, outcome, out.program())));
    }
    let text = text(id, outcome, out.style(), out.program());
    // What did not happen goes where errors go.
    unless_closed(if outcome.is_done() { out.text(&text) } else { tell_failure(&text) })
}

/// The document of one deed.
pub fn one(id: &InstanceId, dry_run: bool, outcome: &Outcome, program: &Program) -> Value {
    json!({
        "schema": SCHEMA,
        "id": id.to_string(),
        "dry_run": dry_run,
        "done": outcome.is_done(),
        "exit_code": outcome.exit_code,
        "sentence": outcome.sentence.as_str(),
        "hints": hints(outcome, program),
    })
}

/// The document of an action.
pub fn document(verb: Verb, results: &[(InstanceId, Outcome)], program: &Program) -> Value {
    let result = |(id, outcome): &(InstanceId, Outcome)| {
        json!({
            "id": id.to_string(),
            "verb": verb.word(),
            "done": outcome.is_done(),
            "exit_code": outcome.exit_code,
            "sentence": outcome.sentence.as_str(),
            "hints": hints(outcome, program),
        })
    };
    json!({ "schema": SCHEMA, "results": results.iter().map(result).collect::<Vec<_>>() })
}

/// What helps, each command as this berth was called.
pub fn hints(outcome: &Outcome, program: &Program) -> Vec<String> {
    outcome.hints.iter().map(|hint| program.hint(hint.as_str())).collect()
}

/// 0 when all are done, else the code of the first that is not, in the order in which they were asked for.
pub fn exit_code(results: &[(InstanceId, Outcome)]) -> u8 {
    results.iter().map(|(_, outcome)| outcome.exit_code).find(|code| *code != 0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { ascii: false, color: false };

    fn results() -> Vec<(InstanceId, Outcome)> {
        let id = |text: &str| InstanceId::parse(text).unwrap();
        let outcome = |exit_code, sentence: &str, hints: &[&str], lines: &[&str]| Outcome {
            exit_code,
            sentence: sentence.into(),
            hints: hints.iter().map(|text| (*text).into()).collect(),
            log_lines: lines.iter().map(|text| (*text).into()).collect(),
        };
        vec![
            (id("alice"), outcome(0, "started after 0.4 s, pid 2211, 127.0.0.1:8101", &[], &[])),
            (
                id("carol"),
                outcome(5, "not started. 8107 is held by pid 4711 (python3, bob)", &["berth ports --free    lists free ports"], &[]),
            ),
            (id("frank"), outcome(1, "not started. It exited with code 3", &["berth logs frank"], &["ERROR database is locked"])),
        ]
    }

    #[test]
    fn each_ones_result() {
        let all: String = results().iter().map(|(id, outcome)| text(id, outcome, PLAIN, &Program::default())).collect();
        insta::assert_snapshot!(all, @r"
        alice: started after 0.4 s, pid 2211, 127.0.0.1:8101
        carol: not started. 8107 is held by pid 4711 (python3, bob).
          berth ports --free    lists free ports
        frank: not started. It exited with code 3.
          | ERROR database is locked
          berth logs frank
        ");
    }

    #[test]
    fn the_document() {
        let document = document(Verb::Start, &results()[1..2], &Program::default());
        assert_eq!(
            document.to_string(),
            r#"{"schema":1,"results":[{"id":"carol","verb":"start","done":false,"exit_code":5,"sentence":"not started. 8107 is held by pid 4711 (python3, bob)","hints":["berth ports --free    lists free ports"]}]}"#
        );
    }

    #[test]
    fn the_first_that_failed_decides() {
        let results = results();
        assert_eq!((exit_code(&results), exit_code(&results[2..]), exit_code(&results[..1]), exit_code(&[])), (5, 1, 0, 0));
    }
}
