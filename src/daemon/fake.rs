//! An engine without a host, for the tests of what is told: whoever has the uid sees all, viewers every row.
//!
//! It must never act.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::domain::{Added, Caller, Event, EventQuery, Finding, InstanceId, Order, Outcome, Role, Row, Shown, Snapshot, Trail, Uid, Verb};
use crate::error::{Error, Result};
use crate::link::{Adding, Alone, Door, Shared, Tail};

/// It.
#[derive(Default)]
pub struct Plain {
    /// Whether whoever asks is an admin by now.
    pub is_admin: AtomicBool,
}

impl Shared for Plain {
    fn caller(&self, uid: Uid) -> Caller {
        let role = if self.is_admin.load(Ordering::SeqCst) { Role::Admin } else { Role::Viewer };
        Caller { uid, name: Shown::from("somebody"), login: None, role, read_only: true }
    }
    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>> {
        Err(Error::failed("none"))
    }
    fn seen_by(&self, _: &Caller, snapshot: &Arc<Snapshot>) -> Arc<Snapshot> {
        let mut seen = (**snapshot).clone();
        seen.rows.iter_mut().for_each(|row| {
            let row = Arc::make_mut(row);
            (row.why, row.declared) = (None, None);
        });
        Arc::new(seen)
    }
    fn findings(&self, _: &Caller, snapshot: &Snapshot) -> Vec<Finding> {
        snapshot.findings.clone()
    }
    fn sees_all_of(&self, caller: &Caller, uid: Uid) -> bool {
        caller.uid == uid
    }
    fn carry_out(&self, _: &Caller, _: Order) -> Outcome {
        Outcome { exit_code: 1, sentence: Shown::from("no"), hints: vec![], log_lines: vec![] }
    }
    fn record_refused(&self, _: &Caller, _: &str, _: &InstanceId, _: Option<String>, _: &Outcome) {}
    fn head(&self, _: &Caller, snapshot: &Snapshot) -> Snapshot {
        Snapshot { rows: Vec::new(), ..snapshot.clone() }
    }
    fn acting(&self, caller: &Caller) -> Caller {
        caller.clone()
    }
    fn owners_may(&self) -> Vec<Verb> {
        Vec::new()
    }
    fn unable(&self, _: &Row) -> Vec<(Verb, Shown)> {
        Vec::new()
    }
    fn why_not(&self, _: &Caller, _: Verb, _: &Row) -> Option<Shown> {
        Some(Shown::from("no"))
    }
    fn submit(&self, _: &Caller, _: Order, ended: Box<dyn FnOnce() + Send>) {
        ended();
    }
    fn door(&self, _: &Caller) -> Arc<dyn Door> {
        panic!("nobody goes in")
    }
    fn about(&self) -> u64 {
        0
    }
    fn add(&self, _: &Caller, _: &[Adding], _: &mut dyn FnMut(&Shown)) -> Vec<Added> {
        Vec::new()
    }
    fn trail(&self, _: &Caller, _: usize) -> Result<Trail> {
        Ok(Trail::default())
    }
    fn open_log(&self, _: &Caller, _: &InstanceId, _: Option<&str>) -> Result<io::Result<File>> {
        Err(Error::failed("none"))
    }
    fn go_on(&self) -> Result<()> {
        Ok(())
    }
    fn sweep(&self) {}
    fn events(&self, _: &Caller, _: &EventQuery) -> Result<Vec<Event>> {
        Err(Error::failed("none"))
    }
    fn events_version(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
    fn tail(&self, _: &Caller, _: &InstanceId) -> Result<Arc<dyn Tail>> {
        Err(Error::failed("none"))
    }
    fn alone(&self) -> Result<Alone> {
        Err(Error::failed("none"))
    }
}
