//! The log of an instance on another host: no open file comes by ssh, so its last lines do, and then those that are written; they are kept
//! in a file in memory, which is read like any other log.
//!
//! It must never keep more than so much, nor outlive whoever reads it.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Method;
use rustix::fs::{MemfdFlags, memfd_create};
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::http::{begin, refusal, silent, strange};
use super::way::Way;
use crate::domain::{InstanceId, Shown};
use crate::error::{Error, Kind, Result};
use crate::logs::Opener;

/// How many of the last lines are asked for; the daemon gives no more.
const LAST: usize = 1000;

/// How long the first lines may take.
const FIRST: Duration = Duration::from_secs(12);

/// Who says nothing for so long hangs: signs of life come more often.
const SILENCE: Duration = Duration::from_secs(40);

/// Between two tries, longer each time.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_AT_MOST: Duration = Duration::from_secs(30);

/// The file in memory is begun anew above this.
const MOST: u64 = 64 * 1024 * 1024;

/// How large one event may be.
const LARGEST: usize = 16 * 1024 * 1024;

/// By so many lines it is found again where it was left.
const MARK: usize = 5;

/// A log that is carried here.
pub(super) struct Carried {
    way: Way,
    id: InstanceId,
    spool: Mutex<Option<Arc<Spool>>>,
}

/// Those that are read by somebody.
pub(super) type Shared = HashMap<InstanceId, Weak<Carried>>;

/// What came of it.
struct Spool {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    file: File,
    /// The last lines that were put down.
    last: VecDeque<String>,
    /// Something was told, or why nothing is.
    told: bool,
    why: Option<io::Error>,
}

/// An event of the daemon's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lines {
    lines: Vec<Line>,
    /// There are further ones already.
    more: bool,
    passed: u64,
    notice: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    text: String,
    mark: bool,
}

impl Lines {
    /// These, and those that came after them.
    fn and(&mut self, later: Self) {
        self.lines.extend(later.lines);
        (self.more, self.notice) = (later.more, later.notice);
        self.passed += later.passed.min(u64::from(u32::MAX));
    }
}

impl Carried {
    /// Nothing is asked for yet.
    pub fn new(way: Way, id: InstanceId) -> Self {
        Self { way, id, spool: Mutex::default() }
    }

    /// That of an instance among those that are kept by whoever reads them: of one log one is enough, however many do.
    pub(super) fn shared(all: &Mutex<Shared>, way: &Way, id: &InstanceId) -> Arc<Self> {
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, one| one.strong_count() > 0);
        if let Some(known) = all.get(id).and_then(Weak::upgrade) {
            return known;
        }
        let new = Arc::new(Self::new(way.clone(), id.clone()));
        all.insert(id.clone(), Arc::downgrade(&new));
        new
    }

    fn begin(&self) -> io::Result<Arc<Spool>> {
        let state = State { file: memory()?, last: VecDeque::new(), told: false, why: None };
        let spool = Arc::new(Spool { state: Mutex::new(state), changed: Condvar::new() });
        let (way, id, own) = (self.way.clone(), self.id.clone(), Arc::downgrade(&spool));
        let run = move || {
            crate::failpoint::pass("berth-carried");
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(go_on(&way, &id, &own));
            }
        };
        std::thread::Builder::new().name("berth-carried".to_owned()).stack_size(512 * 1024).spawn(run)?;
        Ok(spool)
    }
}

impl Opener for Carried {
    fn open(&self) -> io::Result<File> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        let spool = match &mut *spool {
            Some(spool) => spool,
            none => none.insert(self.begin()?),
        };
        let waiting = spool.changed.wait_timeout_while(spool.lock(), FIRST, |state| !state.told && state.why.is_none());
        let (state, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        match &state.why {
            Some(why) if state.last.is_empty() => Err(io::Error::new(why.kind(), why.to_string())),
            None if !state.told => Err(io::ErrorKind::TimedOut.into()),
            // Opened anew: whoever reads has a place of its own in it, and does not write.
            _ => File::open(format!("/proc/self/fd/{}", state.file.as_raw_fd())),
        }
    }
}

fn memory() -> io::Result<File> {
    Ok(File::from(memfd_create("berth-carried", MemfdFlags::CLOEXEC)?))
}

/// Reads along for as long as somebody reads what comes of it.
async fn go_on(way: &Way, id: &InstanceId, spool: &Weak<Spool>) {
    let mut pause = AGAIN;
    while spool.strong_count() > 0 {
        match read(way, id, spool, &mut pause).await {
            Ok(()) => return,
            Err(error) => {
                let Some(spool) = spool.upgrade() else { return };
                spool.failed(&error);
                // That another one is closed is nothing that has to be asked of that host.
                if error.kind() == Kind::Busy {
                    pause = AGAIN;
                }
            }
        }
        // A reader that goes is not to be waited for long.
        let until = tokio::time::Instant::now() + pause;
        while spool.strong_count() > 0 && tokio::time::Instant::now() < until {
            sleep(Duration::from_millis(200)).await;
        }
        pause = (pause * 2).min(AGAIN_AT_MOST);
    }
}

async fn read(way: &Way, id: &InstanceId, spool: &Weak<Spool>, pause: &mut Duration) -> Result<()> {
    let _turn = way.log_turn()?;
    // Names are made of what a path may have.
    let uri = format!("/v1/instances/{}%2F{}/logs?follow=1&lines={LAST}", id.owner(), id.name());
    let mut response = begin(way, Method::GET, &uri, String::new()).await?;
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    *pause = AGAIN;
    let (mut pending, mut is_first, mut silence): (Vec<u8>, bool, Duration) = (Vec::new(), true, Duration::ZERO);
    let mut before = Lines::default();
    loop {
        const LOOK: Duration = Duration::from_secs(1);
        let frame = match timeout(LOOK, response.frame()).await {
            Ok(frame) => frame,
            Err(_) if spool.strong_count() == 0 => return Ok(()),
            Err(_) => {
                silence += LOOK;
                if silence > SILENCE {
                    return Err(silent());
                }
                continue;
            }
        };
        silence = Duration::ZERO;
        let Some(frame) = frame else { return Err(Error::failed("the daemon has hung up")) };
        let frame = frame.map_err(|error| silent().because(error))?;
        let Some(data) = frame.data_ref() else { continue };
        let mut from = pending.len().saturating_sub(1);
        if pending.len() + data.len() > LARGEST {
            return Err(strange());
        }
        pending.extend_from_slice(data);
        while let Some(end) = pending.get(from..).and_then(|new| new.windows(2).position(|end| end == b"\n\n")) {
            let event: Vec<u8> = pending.drain(..from + end + 2).collect();
            from = 0;
            let Some(data) = event.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"data: ")) else { continue };
            let lines: Lines = serde_json::from_slice(data).map_err(|error| strange().because(error))?;
            let Some(spool) = spool.upgrade() else { return Ok(()) };
            // What there was before is put down as a whole: whoever reads the last lines of half of it reads the wrong ones.
            let gathers = is_first && lines.more && before.lines.len() < LAST;
            before.and(lines);
            if !gathers {
                spool.put(std::mem::take(&mut before), std::mem::take(&mut is_first));
            }
        }
    }
}

/// Where new lines begin that were asked for anew: behind the last ones that are known.
fn new_from(last: &VecDeque<String>, lines: &[Line]) -> usize {
    let ends = |at: &usize| {
        let before = lines.iter().take(*at).rev().map(|line| line.text.as_str());
        *at >= last.len() && before.take(last.len()).eq(last.iter().rev().map(String::as_str))
    };
    if last.is_empty() { 0 } else { (1..=lines.len()).rev().find(ends).unwrap_or(0) }
}

impl Spool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, told: Lines, is_first: bool) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.told = true;
        let lines: Vec<Line> = told.lines.into_iter().filter(|line| !line.mark).collect();
        state.why = told.notice.filter(|_| lines.is_empty()).map(|notice| {
            let kind = if notice.starts_with("there is no log yet") { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
            io::Error::new(kind, Shown::new(&notice).to_string())
        });
        let from = if is_first { new_from(&state.last, &lines) } else { 0 };
        let mut text = String::new();
        if told.passed > 0 {
            text.push_str(&format!("({} lines came too fast to be carried here)\n", told.passed));
        }
        for line in lines.into_iter().skip(from) {
            text.push_str(&line.text);
            text.push('\n');
            state.last.push_back(line.text);
            if state.last.len() > MARK {
                state.last.pop_front();
            }
        }
        if state.file.metadata().is_ok_and(|facts| facts.len() > MOST)
            && let Ok(anew) = memory()
        {
            state.file = anew;
        }
        // A memory that is full is told by what is missing.
        let _ = state.file.write_all(text.as_bytes());
        drop(guard);
        self.changed.notify_all();
    }

    fn failed(&self, error: &Error) {
        let kind = match error.kind() {
            Kind::NotPermitted => io::ErrorKind::PermissionDenied,
            Kind::Timeout => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        self.lock().why = Some(io::Error::new(kind, error.chain()));
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(all: &[&str]) -> Vec<Line> {
        all.iter().map(|text| Line { text: (*text).to_owned(), mark: false }).collect()
    }

    #[test]
    fn what_is_known_is_not_put_down_twice() {
        let last: VecDeque<String> = ["b", "c"].map(str::to_owned).into();
        for (all, from) in
            [(vec!["a", "b", "c", "d"], 3), (vec!["b", "c"], 2), (vec!["x", "c"], 0), (vec![], 0), (vec!["b", "c", "b", "c", "e"], 4)]
        {
            assert_eq!(new_from(&last, &lines(&all)), from, "{all:?}");
        }
    }

    #[test]
    fn one_log_is_carried_once_for_as_long_as_somebody_reads_it() {
        let all = Mutex::default();
        let way = Way { to: super::super::way::To::Socket("/nowhere".into()), label: None };
        let of = |name| Carried::shared(&all, &way, &crate::fixture::id(name));
        let (one, again, other) = (of("amy"), of("amy"), of("ben"));
        assert!(Arc::ptr_eq(&one, &again) && !Arc::ptr_eq(&one, &other));
        drop((one, again));
        drop(of("ben"));
        assert_eq!(all.lock().unwrap().keys().map(ToString::to_string).collect::<Vec<_>>(), ["ben"]);
    }

    #[test]
    fn lines_become_a_file() {
        let spool = Spool {
            state: Mutex::new(State { file: memory().unwrap(), last: VecDeque::new(), told: false, why: None }),
            changed: Condvar::new(),
        };
        spool.put(Lines { notice: Some("there is no log yet at /x".to_owned()), ..Lines::default() }, true);
        assert_eq!(spool.lock().why.as_ref().map(io::Error::kind), Some(io::ErrorKind::NotFound));
        spool.put(Lines { lines: lines(&["one", "two"]), ..Lines::default() }, false);
        spool.put(Lines { lines: lines(&["two", "three"]), passed: 7, ..Lines::default() }, false);
        let path = format!("/proc/self/fd/{}", spool.lock().file.as_raw_fd());
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\n(7 lines came too fast to be carried here)\ntwo\nthree\n");
        assert!(spool.lock().why.is_none());
    }
}
