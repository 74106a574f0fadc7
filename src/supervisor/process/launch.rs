//! Starting an instance: its record first, then a keeper from the zygote, then the keeper's word that the server exists.
//!
//! It must never start what it could not record, and never put the specification where others can read it.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, socketpair};

use crate::domain::{Caller, Declared, ExitStatus, ProcessKey};
use crate::error::{Context, Error, Kind, Result};
use crate::failpoint::cut;
use crate::hand::{GroupOrder, is_alive, keeper_environment};
use crate::supervisor::systemd::transient::{self, Asked};
use crate::supervisor::{Started, Stopped};

use super::record::{Event, boot_id};
use super::spec::{Spec, Word};
use super::stop::{end_group, end_keeper};
use super::{ProcessSupervisor, environment, identity_of};

/// How long a keeper may take until its server exists. The user's directory may lie on a slow file system.
const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    line: OwnedFd,
    keeper: ProcessKey,
    main: ProcessKey,
    exit: Option<ExitStatus>,
}

/// Starts the server and returns when it exists.
pub fn start(supervisor: &ProcessSupervisor, declared: &Declared, by: &Caller, again: bool) -> Result<Box<dyn Started>> {
    let launch = declared
        .launch
        .as_ref()
        .ok_or_else(|| Error::failed("not started. Its configuration cannot be read").hint("berth check    says what is wrong with it"))?;
    // Before the record: what cannot be started was not begun.
    let variables = environment::variables(&supervisor.reader, declared)?;
    // A record that is there and cannot be read may name a server that runs.
    let old = supervisor.records.read(&declared.id, &supervisor.boot);
    let old = old.while_doing(|| "not started. What runs of it could not be found".to_owned())?.unwrap_or_default();
    // One that waits for its next try would start a second server beside this one.
    if let Some(keeper) = old.keeper.filter(|key| is_alive(*key)) {
        end_keeper(supervisor, &identity_of(declared), keeper, launch.stop_timeout);
        if is_alive(keeper) {
            return Err(Error::failed(format!("not started. Its keeper, pid {}, waits for its next try and does not end", keeper.pid))
                .hint(format!("berth stop {}    ends it in any case", declared.id)));
        }
    }
    let first = Event::Asked {
        boot: boot_id(),
        by: by.name.as_str().to_owned(),
        at: Timestamp::now(),
        restarts: if again || old.is_adopted_and_ended() { old.restarts.saturating_add(1) } else { 0 },
        before: old.before(),
        settings: Some((*declared.settings).clone()),
        before_over_memory: old.last_exit().and_then(|exit| exit.over_memory),
        uid: Some(declared.uid.0),
    };
    let record = supervisor.records.begin(&declared.id, &first)?;
    cut("start-written");
    let spec = specification(&Spec::of(declared, launch, supervisor.open_files).with(variables))?;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
        .while_doing(|| "cannot make a line to the keeper".to_owned())?;
    let title = declared.id.to_string();
    let group = GroupOrder::new(declared.id.file_stem(), declared.limits).after(old.keeper.filter(|key| !is_alive(*key)));
    let (who, descriptors) = (identity_of(declared), [spec.as_fd(), record.as_fd(), theirs.as_fd()]);
    let order = transient::Order {
        stem: &declared.id.file_stem(),
        title: &title,
        environment: keeper_environment(&who, &group)?,
        limits: declared.limits,
        stop_timeout: launch.stop_timeout,
    };
    match transient::start(&order, descriptors) {
        // Whether it was heard the keeper says by itself.
        Asked::Yes | Asked::Lost(_) => {}
        Asked::No(_) => supervisor.zygote.keep(&who, &title, group, descriptors)?,
    }
    drop(theirs);
    cut("start-forked");
    match hear(&ours, PATIENCE)? {
        Some(Word::Started { keeper, main }) => {
            cut("start-heard");
            Ok(Box::new(Running { line: ours, keeper: key(keeper), main: key(main), exit: None }))
        }
        Some(Word::Failed { what, why, keeper }) => {
            end_group(supervisor, declared, keeper.map(key), false, &mut Stopped::default());
            Err(Error::failed(format!("not started. {what} failed")).because(why).hint(hint_for(&what, declared)))
        }
        Some(Word::Exited { .. }) | None => {
            Err(Error::failed("not started. Its keeper ended without a word").hint("is the user at its limit of processes?"))
        }
    }
}

fn hint_for(what: &str, declared: &Declared) -> String {
    if what.starts_with("opening the log") {
        format!(
            "the log must be a plain file that {} may write, with one name",
            declared.account.as_ref().map_or("the account", |name| name.as_str())
        )
    } else if what.starts_with("starting") {
        "look at `command` and `directory` of the template: berth config".to_owned()
    } else {
        format!("berth show {}", declared.id)
    }
}

fn key((pid, start_time): (i32, u64)) -> ProcessKey {
    ProcessKey { pid, start_time }
}

/// The specification in a file that has no name, memfd_create(2): the environment in it may hold secrets.
fn specification(spec: &Spec) -> Result<File> {
    let doing = || "cannot hand over the specification".to_owned();
    let descriptor = rustix::fs::memfd_create("berth-spec", rustix::fs::MemfdFlags::CLOEXEC).while_doing(doing)?;
    let mut file = File::from(descriptor);
    let bytes = serde_json::to_vec(spec).while_doing(doing)?;
    file.write_all(&bytes).while_doing(doing)?;
    file.seek(SeekFrom::Start(0)).while_doing(doing)?;
    Ok(file)
}

/// The keeper's next word; `None` when it has hung up.
fn hear(line: &OwnedFd, patience: Duration) -> Result<Option<Word>> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(line.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => {
                return Err(Error::new(Kind::Timeout, format!("the keeper did not answer within {} s", patience.as_secs()))
                    .hint("does the file system of the user's directory answer?"));
            }
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(Error::failed("cannot wait for the keeper").because(error)),
            Ok(_) => return Ok(next_word(line)),
        }
    }
}

fn next_word(line: &OwnedFd) -> Option<Word> {
    let mut bytes = vec![0; 16 * 1024];
    let length = recv(line.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT).ok()?;
    serde_json::from_slice(&bytes[..length]).ok()
}

impl Started for Running {
    fn main(&self) -> ProcessKey {
        self.main
    }

    fn root(&self) -> ProcessKey {
        self.keeper
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        if self.exit.is_none()
            && let Some(Word::Exited { code, signal }) = next_word(&self.line)
        {
            self.exit = Some(match (code, signal) {
                (Some(code), _) => ExitStatus::Code(code),
                (None, Some(signal)) => ExitStatus::Signal(signal),
                (None, None) => ExitStatus::Unknown,
            });
        }
        self.exit
    }
}
