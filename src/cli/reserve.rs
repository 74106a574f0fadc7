//! `berth ports --reserve PORT` and `--unreserve PORT`: a port that nobody is given until it is given back.
//!
//! It must never touch more than the one port that was named.

use serde_json::json;

use super::args::{Global, Ports};
use super::door::Desk;
use super::errors::{Stop, unless_closed};
use super::output::Out;
use super::results::{hints, tell_failure};
use crate::domain::Task;
use crate::error::{Error, Kind};
use crate::present::json::SCHEMA;

/// Runs the command.
pub fn run((port, keep): (u16, bool), words: &Ports, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    if global.read_only && !words.dry_run {
        return Err(Error::new(Kind::NotPermitted, "nothing was changed: --read-only was given").into());
    }
    let task = if keep { Task::Reserve(port) } else { Task::Unreserve(port) };
    let door = desk.door();
    let outcome = if words.dry_run { door.foresee_task(&task) } else { door.carry_out_task(&task, words.reason.clone(), &mut |_| ()) };
    let hints = hints(&outcome, out.program());
    if global.json {
        let (done, exit_code, sentence) = (outcome.is_done(), outcome.exit_code, outcome.sentence.as_str());
        unless_closed(out.json(&json!({
            "schema": SCHEMA, "port": port, "dry_run": words.dry_run, "done": done, "exit_code": exit_code, "sentence": sentence, "hints": hints,
        })))?;
        return Ok(outcome.exit_code);
    }
    let mut text = format!("{port}: {}{}\n", outcome.sentence, if outcome.is_done() { "" } else { "." });
    hints.iter().for_each(|hint| text.push_str(&format!("  {hint}\n")));
    // What did not happen goes where errors go.
    unless_closed(if outcome.is_done() { out.text(&text) } else { tell_failure(&text) })?;
    Ok(outcome.exit_code)
}

#[cfg(test)]
mod tests {
    use crate::cli::args::{Arguments, Command};
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    use super::*;
    use clap::Parser;

    fn ports(line: &str) -> Ports {
        match Arguments::try_parse_from(["berth", "ports"].into_iter().chain(line.split(' '))).unwrap().command {
            Some(Command::Ports(ports)) => ports,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_port_is_reserved_or_given_back() {
        let ran = |line: &str, options: &str| {
            let (words, (mut out, text)) = (ports(line), written());
            let result = run(words.reserving().unwrap(), &words, &global(options), &FakeDesk::new(fleet::fleet()), &mut out);
            (result.is_ok(), text())
        };
        assert_eq!(ran("--reserve 8103", ""), (true, "8103: did Reserve\n".to_owned()));
        assert_eq!(ran("--unreserve 8103 --dry-run", "--read-only"), (true, "8103: would Give back\n".to_owned()));
        assert!(ran("--reserve 8103", "--json").1.starts_with(r#"{"schema":1,"port":8103,"dry_run":false,"done":true,"exit_code":0"#));
        assert!(!ran("--reserve 8103", "--read-only").0);
        for line in ["--reserve 0", "--reserve 1 --unreserve 2", "--reserve 1 --free", "--free --dry-run"] {
            assert!(Arguments::try_parse_from(["berth", "ports"].into_iter().chain(line.split(' '))).is_err(), "{line}");
        }
    }
}
