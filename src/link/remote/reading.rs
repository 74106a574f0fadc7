//! Reads along with the daemon on a thread of its own, for as long as the console is open: connects, puts the picture together, and
//! connects again when it was cut off.
//!
//! It must never end because the daemon did, nor show an old picture as a new one.

use std::sync::Weak;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Method;
use tokio::time::{sleep, timeout};

use super::http::{begin, hello, silent, strange};
use super::way::Way;
use super::{Remote, Untaken, compatible};
use crate::error::{Context, Error, Result};
use crate::link::wire::{Change, STREAM};

/// The engine tells every second; who says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(20);

/// Between two tries to connect; to another host longer each time, up to half a minute.
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_AT_MOST: Duration = Duration::from_secs(30);

/// How often it is looked whether a host is connected to for the first time.
const LOOK: Duration = Duration::from_millis(20);

/// How large one picture may be; of another host's no more is kept than a part of it.
const LARGEST: usize = 256 * 1024 * 1024;
const LARGEST_FAR: usize = 128 * 1024 * 1024;

/// Between two things that another host tells: one that never stops telling is heard so often.
const FAR_EVERY: Duration = Duration::from_millis(50);

/// Begins to.
pub(super) fn start(remote: Weak<Remote>) -> Result<()> {
    let run = move || {
        crate::failpoint::pass("berth-attach");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(go_on(&remote));
        }
    };
    let thread = std::thread::Builder::new().name("berth-attach".to_owned()).stack_size(1024 * 1024);
    thread.spawn(run).while_doing(|| "cannot read along with the daemon".to_owned()).map(drop)
}

async fn go_on(remote: &Weak<Remote>) {
    let mut pause = AGAIN;
    while remote.upgrade().is_some_and(|remote| remote.is_connecting()) {
        sleep(LOOK).await;
    }
    loop {
        let Some(way) = remote.upgrade().map(|remote| remote.way.clone()) else { return };
        let mut has_answered = false;
        match read(remote, &way, &mut pause, &mut has_answered).await {
            Ok(()) => return,
            Err(error) => {
                let Some(remote) = remote.upgrade() else { return };
                remote.lost(&error);
            }
        }
        sleep(pause).await;
        if way.is_far() {
            pause = (pause * 2).min(AGAIN_AT_MOST);
            if let Err(error) = way.renew(has_answered)
                && let Some(remote) = remote.upgrade()
            {
                remote.lost(&error);
            }
        }
    }
}

/// Reads along until it is cut off; `Ok` when nobody looks any more.
async fn read(remote: &Weak<Remote>, way: &Way, pause: &mut Duration, has_answered: &mut bool) -> Result<()> {
    let greeted = compatible(hello(way).await?, way)?;
    *has_answered = true;
    match remote.upgrade() {
        Some(remote) => remote.greeted(greeted),
        None => return Ok(()),
    }
    let mut response = begin(way, Method::GET, STREAM, String::new()).await?;
    if !response.status().is_success() {
        return Err(strange());
    }
    let largest = if way.is_far() { LARGEST_FAR } else { LARGEST };
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let frame = timeout(SILENCE, response.frame()).await.map_err(|_| silent())?;
        let Some(frame) = frame else { return Err(Error::failed("the daemon has ended")) };
        let frame = frame.map_err(|error| Error::failed("the daemon has hung up").because(error))?;
        let Some(data) = frame.data_ref() else { continue };
        // Only what is new is looked through for an end.
        let mut from = pending.len().saturating_sub(1);
        if pending.len() + data.len() > largest {
            return Err(strange());
        }
        pending.extend_from_slice(data);
        while let Some(end) = pending.get(from..).and_then(|new| new.windows(2).position(|end| end == b"\n\n")) {
            let event: Vec<u8> = pending.drain(..from + end + 2).collect();
            from = 0;
            let Some(change) = change_of(&event, |text| way.read(text))? else { continue };
            let Some(remote) = remote.upgrade() else { return Ok(()) };
            match remote.take(change) {
                // Where it told something it was there: what was waited for is over.
                Ok(()) => *pause = AGAIN,
                // The whole is told anew: that is how each connection begins.
                Err(Untaken::Gap) => return Err(Error::failed("a change was missed")),
                Err(Untaken::TooMuch(why)) => {
                    *pause = AGAIN_AT_MOST;
                    return Err(Error::failed(why));
                }
            }
            if way.is_far() {
                drop(remote);
                sleep(FAR_EVERY).await;
            }
        }
        if remote.strong_count() == 0 {
            return Ok(());
        }
    }
}

/// What an event says; `None` where it is a sign of life.
pub(super) fn change_of(event: &[u8], read: impl FnOnce(&[u8]) -> serde_json::Result<Change>) -> Result<Option<Change>> {
    let data = event.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"data: "));
    data.map(|data| read(data).map_err(|error| strange().because(error))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change_of(event: &[u8]) -> Result<Option<Change>> {
        super::change_of(event, |text| serde_json::from_slice(text))
    }

    #[test]
    fn events_are_changes_or_signs_of_life() {
        assert!(change_of(b": still here\n\n").unwrap().is_none());
        let change = change_of(b"event: changes\nid: 3\ndata: {\"from\":2,\"sequence\":3,\"rows\":[]}\n\n").unwrap().unwrap();
        assert_eq!((change.from, change.sequence), (Some(2), 3));
        assert!(change_of(b"data: {\"from\":\"x\"}\n\n").is_err());
    }
}
