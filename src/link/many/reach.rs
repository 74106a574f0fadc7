//! Connects to several hosts at once, and asks a person one after the other what their ssh has to know.
//!
//! It must never have one host wait for another, nor ask anything once it has returned.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::error::{Context, Error, Result};
use crate::link::remote::Remote;

/// How long a console waits for the others once one host is there: those that take longer come into its picture later.
const OTHERS: Duration = Duration::from_secs(3);

/// How often it is looked whether that is over.
const LOOK: Duration = Duration::from_millis(50);

/// That a host is connected to, for as long as this is kept.
struct Connecting(Arc<Remote>);

impl Drop for Connecting {
    fn drop(&mut self) {
        self.0.connects(false);
    }
}

/// What came of one, by its place.
type Ended = (usize, Result<()>);

/// Connects to all. A command waits for each of them, within what connecting may take; a console, which `stays_open`, no longer for the rest
/// once it has something to show. Those that want a password, or to know whether a key is the host's, are asked about it by their own ssh
/// where somebody is there: `may_ask`.
///
/// # Errors
/// When none is reached, why the first is not.
pub fn reach(hosts: &[Arc<Remote>], may_ask: bool, stays_open: bool) -> Result<()> {
    if let [only] = hosts {
        return only.reach(may_ask);
    }
    let ended = begin(hosts)?;
    let begun = Instant::now();
    let mut failed: Vec<(usize, Error)> = Vec::new();
    let (mut asks, mut reached, mut all_ended) = (Vec::new(), 0, false);
    while !all_ended {
        match ended.recv_timeout(LOOK) {
            Ok((_, Ok(()))) => reached += 1,
            Ok((place, Err(_))) if may_ask && hosts.get(place).is_some_and(|host| host.wants_somebody()) => asks.push(place),
            Ok((place, Err(error))) => failed.push((place, error)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => all_ended = true,
        }
        let is_enough = stays_open && reached + asks.len() > 0 && begun.elapsed() > OTHERS;
        if !all_ended && !is_enough {
            continue;
        }
        // One after the other: there is one terminal.
        for place in asks.drain(..) {
            let Some(host) = hosts.get(place) else { continue };
            match host.reach(true) {
                Ok(()) => reached += 1,
                Err(error) => failed.push((place, error)),
            }
        }
        if reached > 0 && stays_open {
            return Ok(());
        }
    }
    if reached > 0 {
        return Ok(());
    }
    let first = failed.into_iter().min_by_key(|(place, _)| *place);
    Err(first.map_or_else(|| Error::failed("no host is reached"), |(_, error)| error))
}

/// Begins with all; each tells when it has ended.
fn begin(hosts: &[Arc<Remote>]) -> Result<Receiver<Ended>> {
    let (tell, ended) = channel();
    for (place, host) in hosts.iter().enumerate() {
        host.connects(true);
        let (connecting, tell) = (Connecting(Arc::clone(host)), tell.clone());
        let run = move || {
            crate::failpoint::pass("berth-connect");
            let reached = connecting.0.reach(false);
            drop(connecting);
            // Who does not wait any more sees it in the picture.
            let _ = tell.send((place, reached));
        };
        let thread = std::thread::Builder::new().name("berth-connect".to_owned()).stack_size(512 * 1024);
        thread.spawn(run).while_doing(|| "cannot connect to other hosts".to_owned())?;
    }
    Ok(ended)
}
