//! The same door for a daemon: each of many is answered as its own caller, who acts with this process's rights and in its own name.
//!
//! It must never take somebody's word for who is asking: the uid is the kernel's.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Local;
use super::caller::caller_of;
use crate::control::{findings_for, head_seen_by, seen_by, sees_all_of};
use crate::domain::{Added, Caller, Event, EventQuery, Finding, InstanceId, Order, Outcome, Role, Row, Shown, Snapshot, Trail, Uid, Verb};
use crate::error::{Context, Error, Kind, Result};
use crate::link::{Adding, Alone, Door, Shared, Tail};

/// How long what was looked up about an account is believed: who was put into a group is in it soon. The daemon's connections believe it as
/// long once more.
const BELIEVED: Duration = Duration::from_secs(5);

/// How many accounts are remembered.
const MOST: usize = 1024;

/// How many lines of a log are kept for one who follows it from outside.
const KEPT_LINES: usize = 1000;

/// What was looked up, and when.
#[derive(Default)]
pub(super) struct Roles(Mutex<HashMap<Uid, (Instant, Caller)>>);

impl Shared for Local {
    fn caller(&self, uid: Uid) -> Caller {
        let lock = || self.roles.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, caller)) = lock().get(&uid)
            && at.elapsed() < BELIEVED
        {
            return caller.clone();
        }
        // Not while it is locked: a directory service may take its time, and others are asked about meanwhile.
        let caller = Caller { read_only: self.caller.read_only, ..caller_of(uid, &self.config) };
        let mut all = lock();
        if all.len() >= MOST {
            all.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        }
        if all.len() < MOST {
            all.insert(uid, (Instant::now(), caller.clone()));
        }
        caller
    }

    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>> {
        self.is_daemon();
        self.start_engine()
    }

    fn seen_by(&self, caller: &Caller, snapshot: &Arc<Snapshot>) -> Arc<Snapshot> {
        seen_by(caller, snapshot)
    }

    fn findings(&self, caller: &Caller, snapshot: &Snapshot) -> Vec<Finding> {
        findings_for(caller, snapshot)
    }

    fn sees_all_of(&self, caller: &Caller, uid: Uid) -> bool {
        sees_all_of(caller, uid)
    }

    fn carry_out(&self, caller: &Caller, order: Order) -> Outcome {
        let acting = self.acting(caller);
        let mut outcome = self.carried_out(&acting, &order, &mut |_| ());
        if outcome.exit_code == Kind::NotPermitted.exit_code() {
            self.control.record_refusal(caller, &order, &outcome);
        }
        let snapshot = self.newest();
        let is_shown = snapshot.row(&order.id).is_some_and(|row| self.control.why_not(&acting, Verb::Logs, row).is_none());
        if !is_shown {
            outcome.log_lines.clear();
        }
        outcome
    }

    fn record_refused(&self, caller: &Caller, verb: &str, id: &InstanceId, reason: Option<String>, outcome: &Outcome) {
        self.control.record_refused(caller, verb, id, reason, outcome);
    }

    fn events(&self, caller: &Caller, query: &EventQuery) -> Result<Vec<Event>> {
        self.events_for(caller, query)
    }

    fn events_version(&self) -> watch::Receiver<u64> {
        self.version_of_events()
    }

    fn head(&self, caller: &Caller, snapshot: &Snapshot) -> Snapshot {
        head_seen_by(caller, snapshot)
    }

    fn acting(&self, caller: &Caller) -> Caller {
        Self::acting(self, caller)
    }

    fn owners_may(&self) -> Vec<Verb> {
        self.config.access.owners_may.clone()
    }

    fn unable(&self, row: &Row) -> Vec<(Verb, Shown)> {
        let Some(declared) = &row.declared else { return Vec::new() };
        let able = self.supervisor.capabilities(declared);
        able.unable.into_iter().map(|(verb, why)| (verb, Shown::from(why))).collect()
    }

    fn why_not(&self, caller: &Caller, verb: Verb, row: &Row) -> Option<Shown> {
        self.control.why_not(&self.acting(caller), verb, row)
    }

    fn submit(&self, caller: &Caller, order: Order, ended: Box<dyn FnOnce() + Send>) {
        let (door, caller, refused) = (self.behind(caller), caller.clone(), order.clone());
        let control = Arc::clone(&self.control);
        door.begin(order, None, move |outcome| {
            if outcome.exit_code == Kind::NotPermitted.exit_code() {
                control.record_refusal(&caller, &refused, outcome);
            }
            ended();
        });
    }

    fn door(&self, caller: &Caller) -> Arc<dyn Door> {
        Arc::new(self.behind(caller))
    }

    fn about(&self) -> u64 {
        self.config.about()
    }

    fn add(&self, caller: &Caller, all: &[Adding], progress: &mut dyn FnMut(&Shown)) -> Vec<Added> {
        let door = self.behind(caller);
        match all {
            [one] => vec![door.add(one, progress)],
            many => door.add_many(many, &mut |_, _| ()),
        }
    }

    fn trail(&self, caller: &Caller, count: usize) -> Result<Trail> {
        if caller.role == Role::Admin {
            return Door::trail(self, count);
        }
        let mut trail =
            Trail { missing: Some(Shown::from("of what others did the reasons are not shown: only admins see them")), ..Trail::default() };
        for event in self.events_for(caller, &EventQuery { last: count, since: None, user: None, id: None })? {
            match event.deed {
                Some(deed) => trail.deeds.push(*deed),
                None => trail.events.push(event),
            }
        }
        Ok(trail)
    }

    fn open_log(&self, caller: &Caller, id: &InstanceId, suffix: Option<&str>) -> Result<io::Result<File>> {
        self.behind(caller).opened(id, suffix)
    }

    fn go_on(&self) -> Result<()> {
        self.begin_to_see_to_it()
    }

    fn sweep(&self) {
        self.sweep_openers();
    }

    fn tail(&self, caller: &Caller, id: &InstanceId) -> Result<Arc<dyn Tail>> {
        self.tail_for(&self.acting(caller), id, KEPT_LINES)
    }

    fn alone(&self) -> Result<Alone> {
        let doing = || "cannot lock the daemon's place".to_owned();
        let directory = self.state.join("locks");
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).while_doing(doing)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(directory.join("daemon"));
        Alone::take(file.while_doing(doing)?)
            .map_err(|held| Error::new(Kind::Busy, format!("not served. {} is the daemon of this host", held.words)))
    }
}

impl Local {
    /// As whom somebody's order is carried out: an admin's with this process's rights and in the admin's own name;
    /// anybody else's as that one's own.
    fn acting(&self, caller: &Caller) -> Caller {
        if caller.role != Role::Admin || caller.uid == self.caller.uid {
            return caller.clone();
        }
        Caller { uid: self.caller.uid, login: Some(caller.uid), ..caller.clone() }
    }

    /// This engine as that caller's.
    fn behind(&self, caller: &Caller) -> Self {
        Self { caller: self.acting(caller), parts: Arc::clone(&self.parts) }
    }
}
