//! Adding many instances: one transaction gives all of them their ports, then each one's files are made.
//!
//! One that cannot be made takes nothing from the others, and its port is taken back. It must never start any: whoever asked does, so many
//! at a time as he likes.

use std::collections::{HashMap, VecDeque};

use super::act::{Control, done, outcome_of, unrecorded};
use super::add::{Add, answered, may_change, port_of, refused, there_already, why, with_port};
use super::assign::{Giving, rules};
use crate::domain::{Added, Caller, Declared, InstanceId, Row, Shown, Snapshot};
use crate::error::{Kind, Result};
use crate::failpoint::cut;
use crate::hand::{Answer, Asked};
use crate::registry::{Book, Given, Want};
use crate::sample::try_bind;
use crate::supervisor::process::InstanceLock;

/// How many hands make files at the same time: each mostly waits for the disk, and the disk writes what comes together at once.
const AT_A_TIME: usize = 32;

/// Told of each that has come to its end: which it is, and what came of it.
pub type Ended<'a> = &'a mut dyn FnMut(usize, &Added);

/// One of them that has a port now.
struct New<'a> {
    at: usize,
    ask: &'a Add,
    want: Want,
}

impl Control {
    /// Adds them and says what came of each, in their order.
    pub fn add_many(&self, caller: &Caller, asks: &[Add], giving: &Giving<'_>, ended: Ended<'_>) -> Vec<Added> {
        let snapshot = self.eyes.look();
        let mut all: Vec<Added> = asks.iter().map(blank).collect();
        let mut new = Vec::new();
        let book = giving.registry.read().map(|(book, _)| book);
        // Of thousands, each is looked up among thousands.
        let rows: HashMap<&InstanceId, &Row> = snapshot.rows.iter().map(|row| (&row.id, &**row)).collect();
        for (at, ask) in asks.iter().enumerate() {
            let wanted = match &book {
                Ok(book) => what_of(caller, ask, book, rows.get(&ask.plot.id).copied()),
                Err(error) => Err(refused("not added", error)),
            };
            match wanted {
                Ok(Found::Nothing(want)) => new.push(New { at, ask, want }),
                // Nothing is done for it: neither a look nor a record of its own.
                Ok(Found::Whole(row, declared)) => {
                    self.tell(&mut all[at], &ask.plot, declared.port, Some((row, declared)));
                    all[at].outcome = done(format!("is there already{}", with_port(declared.port)));
                    ended(at, &all[at]);
                }
                // What is there in part goes the way of one.
                Ok(Found::Part) => {
                    all[at] = self.add(caller, &Add { start: false, ..ask.clone() }, giving, &mut |_| ());
                    ended(at, &all[at]);
                }
                Err(error) => {
                    all[at].outcome = outcome_of(&error);
                    ended(at, &all[at]);
                }
            }
        }
        let is_dry = asks.first().is_some_and(|ask| ask.dry_run);
        let made = if is_dry {
            self.would_make_all(caller, &new, giving, &snapshot, &mut all)
        } else {
            self.make_all(caller, &new, giving, &snapshot, &mut all, ended)
        };
        match made {
            Ok(()) if is_dry => new.iter().for_each(|one| ended(one.at, &all[one.at])),
            Ok(()) => {}
            Err(error) => {
                for one in &new {
                    all[one.at].outcome = outcome_of(&error);
                    ended(one.at, &all[one.at]);
                }
            }
        }
        all
    }

    fn would_make_all(&self, caller: &Caller, new: &[New<'_>], giving: &Giving<'_>, snapshot: &Snapshot, all: &mut [Added]) -> Result<()> {
        let wants: Vec<Want> = new.iter().map(|one| one.want.clone()).collect();
        let given = giving.registry.would_give_all(&wants, &rules(giving, caller, snapshot), &mut try_bind)?;
        for (one, given) in new.iter().zip(&given) {
            self.conclude_one(one, given, &mut all[one.at], "would have", |_| Ok(()));
        }
        Ok(())
    }

    /// Everything before the first file is made is done for all of them or for none.
    fn make_all(
        &self,
        caller: &Caller,
        new: &[New<'_>],
        giving: &Giving<'_>,
        snapshot: &Snapshot,
        all: &mut [Added],
        ended: Ended<'_>,
    ) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        giving.registry.require_room()?;
        let ids: Vec<(InstanceId, Option<String>)> = new.iter().map(|one| (one.want.id.clone(), one.ask.reason.clone())).collect();
        let entries = self.audit.intend_all(caller, "add", &ids).map_err(|error| unrecorded("not added", error))?;
        cut("many-recorded");
        let (wants, rules): (Vec<Want>, _) = (new.iter().map(|one| one.want.clone()).collect(), rules(giving, caller, snapshot));
        let allocated = giving.registry.allocate(&wants, &rules, &mut try_bind).inspect_err(|error| {
            let outcome = outcome_of(error);
            // The reason is told; that it could not be recorded must not hide it.
            drop(self.audit.conclude_all(&entries.iter().map(|entry| (*entry, &outcome)).collect::<Vec<_>>()));
        });
        let (given, notices) = allocated?;
        cut("many-given");
        let mut failed = Vec::new();
        let (mut waiting, mut under_way) = (new.iter().zip(&given), VecDeque::new());
        loop {
            while under_way.len() < AT_A_TIME
                && let Some((one, given)) = waiting.next()
            {
                under_way.push_back((one, given, self.begin_one(one, given)));
            }
            let Some((one, given, begun)) = under_way.pop_front() else { break };
            let mut is_anothers = false;
            self.conclude_one(one, given, &mut all[one.at], "has", |_| {
                let (_held, asked) = begun.inspect_err(|error| is_anothers = error.kind() == Kind::Busy)?;
                let answer = asked.answer()?;
                is_anothers = matches!(answer, Answer::Refused { errno: libc::EEXIST, .. });
                answered(&one.ask.plot, answer)
            });
            let added = &mut all[one.at];
            // Another add of the same found the port in the registry, made the file with it, and told it.
            if !added.outcome.is_done() && given.port.is_some() && !given.kept && !is_anothers {
                failed.push(one.want.id.clone());
            }
            ended(one.at, added);
            cut("many-made");
        }
        // Nobody was ever told of them: they need not be kept from anybody.
        if !failed.is_empty() {
            giving.registry.withdraw(&failed, &rules)?;
        }
        if let Some(one) = new.first() {
            all[one.at].outcome.hints.extend(notices);
        }
        let ended: Vec<_> = entries.iter().zip(new).map(|(entry, one)| (*entry, &all[one.at].outcome)).collect();
        // The deeds are done; that their results could not be recorded must not hide them.
        drop(self.audit.conclude_all(&ended));
        // Whoever starts them now takes what was seen last for recent, and that was before there was any of them.
        drop(self.eyes.look());
        Ok(())
    }

    /// Has the hand of one begin with its files, under its lock.
    fn begin_one(&self, one: &New<'_>, given: &Given) -> Result<(InstanceLock, Asked)> {
        let port = port_of(given, &one.want)?;
        let held = self.lock_by_name(&one.want.id, "not added")?;
        let (_, asked) = self.begin_to_make(&one.ask.plot, port)?;
        Ok((held, asked))
    }

    fn conclude_one(&self, one: &New<'_>, given: &Given, added: &mut Added, has: &str, make: impl FnOnce(u16) -> Result<()>) {
        let made = port_of(given, &one.want).and_then(|port| make(port).map(|()| port));
        match made {
            Ok(port) => {
                self.tell(added, &one.ask.plot, Some(port), None);
                added.outcome = done(format!("{has} port {port}{}", why(given)));
                added.steps = vec![Shown::new(&format!("port {port}")), Shown::new(&format!("file {}", one.ask.plot.shown_config()))];
            }
            Err(error) => added.outcome = outcome_of(&error),
        }
    }
}

fn blank(ask: &Add) -> Added {
    let (account, config) = (ask.plot.account.clone(), Some(ask.plot.shown_config()));
    Added { outcome: done(String::new()), port: None, url: None, account, config, steps: Vec::new() }
}

/// What is there of one that is to be added.
enum Found<'a> {
    /// Nothing, and it wants this.
    Nothing(Want),
    /// Its file and its port in the registry, which say the same.
    Whole(&'a Row, &'a Declared),
    /// One of the two.
    Part,
}

fn what_of<'a>(caller: &Caller, ask: &Add, book: &Book, row: Option<&'a Row>) -> Result<Found<'a>> {
    may_change(caller, Some(&ask.plot), ask.dry_run, "added")?;
    let there = there_already(row, &ask.plot)?;
    Ok(match (Control::want(ask, book, there)?, there) {
        (Some(want), None) => Found::Nothing(want),
        (None, Some((row, declared))) => Found::Whole(row, declared),
        _ => Found::Part,
    })
}
