//! Those who are to be told: each `[[notify]]` has a thread and a short queue of its own, so that none waits for another.
//!
//! It must never tell an event twice of its own accord, wait without end, or be silent about having told nobody.

mod account;
mod hook;
mod storm;
mod tls;
mod web;

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Line;
use crate::config::{Notice, check_place};
use crate::domain::{Event, EventKind, Level, Shown, Uid};
use crate::present::events::record;
use crate::present::json::SCHEMA;
use account::Account;
use storm::{Storm, WITHIN};

pub use account::Accounts;

/// How many events may wait to be told.
const WAITING: usize = 64;

/// Somebody who is to be told.
pub struct Target {
    wants: Vec<String>,
    sender: SyncSender<Event>,
    passed: Arc<AtomicU32>,
}

impl Target {
    /// Hands an event on, if it is wanted; one for which there is no room is told of as one of many.
    pub fn offer(&self, event: &Event) {
        if is_wanted(&self.wants, event) && self.sender.try_send(event.clone()).is_err() {
            self.passed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn is_wanted(wants: &[String], event: &Event) -> bool {
    // That somebody could not be told is nothing to tell: it would be told of again.
    if matches!(event.kind, EventKind::Untold | EventKind::Action) {
        return false;
    }
    wants.iter().any(|word| match word.as_str() {
        "all" => true,
        "errors" => event.level == Level::Error,
        word if word == event.kind.word() => true,
        word => event.kind == EventKind::Found && event.finding.as_ref().is_some_and(|code| code.as_str() == word),
    })
}

/// Begins a thread for each.
///
/// # Errors
/// When no thread can be had.
pub fn start(all: &[Notice], host: &Shown, line: &Line, accounts: &Arc<Accounts>) -> io::Result<Vec<Target>> {
    let names: Vec<String> = all.iter().map(name).collect();
    let mut targets = Vec::new();
    for (notice, account) in all.iter().zip(Account::for_all(accounts, &names)) {
        let (sender, receiver) = sync_channel(WAITING);
        let passed = Arc::new(AtomicU32::new(0));
        let (wants, missed) = (notice.events.clone(), Arc::clone(&passed));
        let teller = Teller { notice: notice.clone(), host: host.clone(), line: line.clone(), account, failed: false };
        std::thread::Builder::new().name("berth-notify".to_owned()).stack_size(512 * 1024).spawn(move || {
            crate::failpoint::pass("berth-notify");
            teller.run(&receiver, &missed);
        })?;
        targets.push(Target { wants, sender, passed });
    }
    Ok(targets)
}

struct Teller {
    notice: Notice,
    host: Shown,
    line: Line,
    account: Account,
    /// The last one was not told.
    failed: bool,
}

impl Teller {
    fn run(mut self, receiver: &Receiver<Event>, missed: &AtomicU32) {
        let mut storm = Storm::default();
        loop {
            let event = match receiver.recv_timeout(WITHIN / 10) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let now = Instant::now();
            storm.add(missed.swap(0, Ordering::Relaxed), now);
            if let Some(more) = storm.over(now) {
                self.tell(&many(&self.host, more), more);
            }
            if let Some(event) = event
                && storm.admit(now)
            {
                self.tell(&one(&self.host, &event), 0);
            }
        }
    }

    /// Tells a document, in which so many events are a number.
    fn tell(&mut self, document: &Value, numbered: u32) {
        let text = document.to_string();
        let mut faults = Vec::new();
        if !self.notice.command.is_empty() {
            faults.extend(hook::run(&self.notice.command, &text).err());
        }
        if let Some(address) = &self.notice.url {
            faults.extend(web::post(address, self.notice.ca.as_deref(), &text).err());
        }
        let fault = faults.join("; ");
        self.account.ended(Timestamp::now(), (!faults.is_empty()).then_some(fault.as_str()), u64::from(numbered));
        // Said once, until it goes well again.
        if !faults.is_empty() && !self.failed {
            let event = Event::of_host(Timestamp::now(), EventKind::Untold, Level::Warning, &fault);
            self.line.put(event);
        }
        self.failed = !faults.is_empty();
    }
}

/// Who it is: the program, and the address without its path.
fn name(notice: &Notice) -> String {
    let program = notice.command.first().map(|program| Shown::new(program).to_string());
    program.into_iter().chain(notice.url.as_ref().map(web::name)).collect::<Vec<_>>().join(", ")
}

/// What is told of an event.
fn one(host: &Shown, event: &Event) -> Value {
    let whom = event.id.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
    let sentence = format!("{whom}{}", event.sentence);
    json!({ "schema": SCHEMA, "host": host.as_str(), "sentence": sentence, "more": 0, "event": record::json(event) })
}

/// What is told of those that were not told one by one.
fn many(host: &Shown, more: u32) -> Value {
    let sentence = format!("and {more} more events");
    json!({ "schema": SCHEMA, "host": host.as_str(), "sentence": sentence, "more": more, "event": null })
}

/// Nobody but root and this account may be able to change what is run or trusted; else the reason.
fn check(file: &Path, why: &str) -> Result<(), String> {
    let own = Uid(nix::unistd::geteuid().as_raw());
    let real = file.canonicalize().map_err(|error| error.to_string())?;
    let facts = real.metadata().map_err(|error| error.to_string())?;
    if facts.mode() & 0o022 != 0 || (facts.uid() != 0 && facts.uid() != own.0) {
        return Err("others may write it".to_owned());
    }
    for place in [file, &real].into_iter().filter_map(Path::parent) {
        check_place(place, own, why).map_err(|error| error.chain())?;
    }
    Ok(())
}

/// How long one attempt to tell somebody may take.
const DEADLINE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, level: Level, finding: Option<&str>) -> Event {
        Event { finding: finding.map(Shown::from), ..Event::of_host(Timestamp::UNIX_EPOCH, kind, level, "x") }
    }

    #[test]
    fn who_is_told_what() {
        let wants = |words: &[&str], event: &Event| is_wanted(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), event);
        let crashed = event(EventKind::Crashed, Level::Error, None);
        let taken = event(EventKind::Found, Level::Error, Some("port-taken"));
        let over = event(EventKind::Over, Level::Note, Some("port-taken"));
        assert!(wants(&["errors"], &crashed) && wants(&["errors"], &taken) && !wants(&["errors"], &over));
        assert!(wants(&["crashed"], &crashed) && !wants(&["crashed"], &taken));
        assert!(wants(&["port-taken"], &taken) && !wants(&["port-taken"], &over) && wants(&["over"], &over));
        assert!(wants(&["all"], &over) && !wants(&["all"], &event(EventKind::Untold, Level::Warning, None)));
    }
}
