//! `berth add OWNER[/NAME]`: a new instance with a port, directories and a configuration of its own.
//!
//! It must never guess whom: who is named is added.

use serde_json::{Value, json};

use super::add_from;
use super::args::{Add, Global};
use super::door::Desk;
use super::errors::{Stop, unless_closed};
use super::output::Out;
use super::results;
use crate::domain::{Added, InstanceId, Shown};
use crate::error::{Error, Kind};
use crate::link::Adding;
use crate::present::command::Program;

/// Runs the command. `open` is called when the words are known to make sense.
pub fn run(words: &Add, global: &Global, open: impl FnOnce() -> Result<Box<dyn Desk>, Stop>, out: &mut Out) -> Result<u8, Stop> {
    if global.read_only && !words.dry_run {
        return Err(Error::new(Kind::NotPermitted, "nothing was added: --read-only was given").into());
    }
    let Some(id) = &words.id else { return add_from::run(words, global, open, out) };
    let adding = Adding {
        id: id.clone(),
        template: words.template.clone(),
        run_as: words.run_as.clone(),
        supervisor: words.supervisor.map(Into::into),
        start: !words.no_start,
        dry_run: words.dry_run,
        reason: words.reason.clone(),
    };
    let added = open()?.add(&adding);
    if global.json {
        unless_closed(out.json(&document(id, words.dry_run, &added, out.program())))?;
    } else {
        let mut text = results::text(id, &added.outcome, out.style(), out.program());
        // What did not happen goes where errors go.
        if added.outcome.is_done() {
            text.push_str(&about(&added, words.dry_run));
            unless_closed(out.text(&text))?;
        } else {
            unless_closed(results::tell_failure(&text))?;
        }
    }
    Ok(added.outcome.exit_code)
}

/// Each thing that would be done, and where clients reach it.
fn about(added: &Added, dry_run: bool) -> String {
    let steps = added.steps.iter().filter(|_| dry_run).map(|step| format!("  {step}\n"));
    let url = added.url.iter().map(|url| format!("  {url}\n"));
    steps.chain(url).collect()
}

/// The document of one.
pub(super) fn document(id: &InstanceId, dry_run: bool, added: &Added, program: &Program) -> Value {
    let mut document = results::one(id, dry_run, &added.outcome, program);
    let text = |text: &Option<Shown>| text.as_ref().map(|text| text.as_str().to_owned());
    document["port"] = json!(added.port);
    document["url"] = json!(added.url);
    document["account"] = json!(text(&added.account));
    document["config"] = json!(text(&added.config));
    document["steps"] = json!(added.steps.iter().map(|step| step.as_str()).collect::<Vec<_>>());
    document
}
