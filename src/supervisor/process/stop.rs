//! Ending an instance: its keeper is told to, and what the keeper cannot end, or never had, the user's hand does.
//!
//! It must never report an end that it did not see: what is left is named.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::{Caller, Declared, ProcessKey};
use crate::error::{Error, Kind, Result};
use crate::failpoint::cut;
use crate::hand::{Answer, Identity, Job, descendants, group_name, is_alive, state_of};
use crate::supervisor::Stopped;

use super::record::{Event, Record};
use super::spec::millis;
use super::{ProcessSupervisor, identity_of};

/// What the keeper is given beyond the grace: SIGKILL's time, and some for a busy host.
const BEYOND: Duration = Duration::from_secs(4);

/// How long the kernel may take to end a keeper that was killed.
const KILLED: Duration = Duration::from_secs(1);

/// Ends the tree.
pub fn stop(supervisor: &ProcessSupervisor, declared: &Declared, extra: &[ProcessKey], by: &Caller, grace: Duration) -> Result<Stopped> {
    // Recorded first, so that the end is never taken for a crash. A full disk must not keep anybody from stopping: the error is dropped.
    drop(supervisor.records.add(&declared.id, &Event::StopAsked { by: by.name.as_str().to_owned(), at: Timestamp::now() }));
    cut("stop-written");
    let (record, unread) = match supervisor.records.read(&declared.id, &supervisor.boot) {
        Ok(record) => (record.unwrap_or_default(), None),
        Err(error) => (Record::default(), Some(error)),
    };
    let keeper = record.keeper.filter(|key| is_alive(*key));
    let mut tree: Vec<ProcessKey> = extra.to_vec();
    if let Some(keeper) = keeper {
        tree.extend(descendants(&[keeper.pid]).iter().map(|facts| facts.key));
    }
    tree.extend(record.main.filter(|key| is_alive(*key)));
    // Nothing was found and not everything was looked at: that is no end.
    if let Some(error) = unread.filter(|_| tree.is_empty()) {
        return Err(Error::failed("not stopped. What runs of it could not be found").because(error));
    }
    let mut stopped = Stopped::default();
    let who = identity_of(declared);
    if let Some(keeper) = keeper {
        end_keeper(supervisor, &who, keeper, grace);
        cut("stop-ended");
        stopped.killed = supervisor.records.read(&declared.id, &supervisor.boot).unwrap_or_default().is_some_and(|record| record.killed);
    }
    // What the keeper left (it was killed, stopped, or hangs), and what never was its.
    let mut left: Vec<ProcessKey> = tree.iter().copied().filter(|key| is_alive(*key)).collect();
    left.extend(keeper.filter(|key| is_alive(*key)));
    // A user may kill or stop the own hand. That must not keep what is left in the group alive: the error is told when that is through.
    let failed = if left.is_empty() { None } else { end_by_hand(supervisor, &who, &left, grace).err() };
    end_group(supervisor, declared, record.keeper, true, &mut stopped);
    // A keeper may hang in a dead mount of its user's, and cannot be killed there: it is not passed over.
    if let Some(keeper) = keeper {
        wait_for_end(keeper, KILLED);
    }
    stopped.survivors.extend(tree.iter().chain(&keeper).filter_map(|key| Some((key.pid, state_of(*key)?))));
    stopped.survivors.sort_unstable();
    stopped.survivors.dedup();
    match failed {
        Some(error) if !stopped.survivors.is_empty() => Err(error.hint(left_over(&stopped.survivors))),
        _ => Ok(stopped),
    }
}

/// Has the user's hand end what is left.
fn end_by_hand(supervisor: &ProcessSupervisor, who: &Identity, left: &[ProcessKey], grace: Duration) -> Result<()> {
    let roots = left.iter().map(|key| (*key).into()).collect();
    match supervisor.zygote.ask(who, Job::EndTree { roots, grace_ms: millis(grace) }, grace + BEYOND + BEYOND)? {
        Answer::Done | Answer::Called(_) | Answer::Survivors(_) => Ok(()),
        Answer::Refused { errno, doing } => {
            let cause = std::io::Error::from_raw_os_error(errno);
            Err(Error::new(kind_of(errno), format!("not stopped. {doing} was refused")).because(cause))
        }
    }
}

/// What is still there, for whoever has to end it in another way.
fn left_over(survivors: &[(i32, char)]) -> String {
    let left: Vec<String> = survivors.iter().map(|(pid, state)| format!("pid {pid} in state {state}")).collect();
    format!("still there: {}", left.join(", "))
}

/// Ends whatever is still in the group of the instance's last keeper, the keeper itself where that is wanted, and takes the group away.
pub fn end_group(
    supervisor: &ProcessSupervisor,
    declared: &Declared,
    keeper: Option<ProcessKey>,
    with_keeper: bool,
    stopped: &mut Stopped,
) {
    let Some(keeper) = keeper.filter(|_| nix::unistd::geteuid().is_root()) else { return };
    let name = group_name(&declared.id.file_stem(), keeper);
    if let Ok(Answer::Survivors(left)) = supervisor.zygote.ask(&identity_of(declared), Job::EndGroup { name, with_keeper }, BEYOND) {
        stopped.survivors.extend(left);
    }
}

/// Tells a keeper to end with its tree, and waits for that.
pub fn end_keeper(supervisor: &ProcessSupervisor, who: &Identity, keeper: ProcessKey, grace: Duration) {
    let value = i32::try_from(millis(grace).max(1)).unwrap_or(i32::MAX);
    let told = supervisor.zygote.ask(who, Job::Signal { key: keeper.into(), signal: libc::SIGTERM, value }, Duration::from_secs(5));
    if matches!(told, Ok(Answer::Done)) {
        wait_for_end(keeper, grace + BEYOND);
    }
}

fn kind_of(errno: i32) -> Kind {
    if matches!(errno, libc::EPERM | libc::EACCES) { Kind::NotPermitted } else { Kind::Failed }
}

/// Waits until a process is gone. Its pidfd becomes readable then, pidfd_open(2); without one it is looked at.
fn wait_for_end(key: ProcessKey, patience: Duration) {
    let until = Instant::now() + patience;
    while Instant::now() < until && is_alive(key) {
        std::thread::sleep(Duration::from_millis(10));
    }
}
