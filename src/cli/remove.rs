//! `berth remove ID`: an instance goes, and its port is nobody's for a while.
//!
//! It must never act on what was not confirmed: what was seen when it was asked is what goes.

use std::io::{self, BufReader, IsTerminal};

use super::args::{Global, Remove};
use super::ask;
use super::door::Desk;
use super::errors::Stop;
use super::output::Out;
use super::results;
use crate::domain::{InstanceId, Row, Target};
use crate::error::{Error, Kind};
use crate::link::Removing;

/// Runs the command. `open` is called when the words are known to make sense.
pub fn run(words: &Remove, global: &Global, open: impl FnOnce() -> Result<Box<dyn Desk>, Stop>, out: &mut Out) -> Result<u8, Stop> {
    if global.read_only && !words.dry_run {
        return Err(Error::new(Kind::NotPermitted, "nothing was removed: --read-only was given").into());
    }
    let asks = !words.yes && !words.dry_run;
    if asks && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let error = Error::new(Kind::Usage, "nothing was removed: there is no terminal to ask on").hint("add --yes when it is meant");
        return Err(error.into());
    }
    let desk = open()?;
    let mut target = Target::Whatever;
    if asks {
        let snapshot = desk.glance()?;
        let row = snapshot.row(&words.id).map(AsRef::as_ref);
        target = row.map_or(Target::Whatever, seen);
        let question = question(&words.id, row, words.purge);
        if !ask::confirm(&question, &mut BufReader::new(io::stdin()), &mut io::stderr())? {
            return Err(Error::failed("nothing was removed: the answer was not yes").into());
        }
    }
    let removing = Removing { id: words.id.clone(), purge: words.purge, target, dry_run: words.dry_run, reason: words.reason.clone() };
    let outcome = desk.remove(&removing);
    results::tell_one(&words.id, words.dry_run, &outcome, global.json, out)?;
    Ok(outcome.exit_code)
}

/// What runs when it is asked.
fn seen(row: &Row) -> Target {
    row.main.known().map_or(Target::Nothing, Target::Exactly)
}

/// "Remove alice (pid 2211, port 8101)? It is stopped and its workspace, logs and configuration are deleted for good. [y/N] "
fn question(id: &InstanceId, row: Option<&Row>, purge: bool) -> String {
    let pid = row.and_then(|row| row.main.known()).map(|key| key.to_string());
    let port = row.and_then(|row| row.port).map(|port| format!("port {port}"));
    let what: Vec<String> = pid.into_iter().chain(port).collect();
    let what = if what.is_empty() { String::new() } else { format!(" ({})", what.join(", ")) };
    let files = if purge { "its workspace, logs and configuration are deleted for good" } else { "its files are kept" };
    format!("Remove {id}{what}? It is stopped, its port is given to nobody else for a while, and {files}. [y/N] ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::fleet;

    #[test]
    fn the_question_says_who_and_what_becomes_of_the_files() {
        let snapshot = fleet::fleet();
        let id = InstanceId::parse("alice").unwrap();
        let row = snapshot.row(&id).unwrap();
        let asked = question(&id, Some(row), true);
        let (pid, port) = (row.main.known().unwrap(), row.port.unwrap());
        assert!(asked.starts_with(&format!("Remove alice ({pid}, port {port})? ")) && asked.contains("deleted for good"), "{asked}");
        assert_eq!(seen(row), Target::Exactly(pid));
        let asked = question(&id, None, false);
        assert!(asked.starts_with("Remove alice? It is stopped") && asked.ends_with("its files are kept. [y/N] "), "{asked}");
    }
}
