//! The zygote: one small process of one thread, forked before anything else exists, from which every hand and keeper is forked.
//!
//! It must never act on a user's world itself, and never start a thread: what is forked from it must be able to become anybody.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Pid, fork, setsid};

use crate::domain::Uid;
use crate::error::{Context, Error, Kind, Result};

use super::cgroup;
use super::job::{Answer, Job, Request};
use super::make::make;
use super::message::{pair, receive, send};
use super::note::note;
use super::roots_tree::replace_as_whoever_may;
use super::signal::{open_verified, process_facts, send as send_signal};
use super::take::take;
use super::tree::end_tree;
use super::{GroupOrder, IDENTITY, Identity, become_user};

/// How many groups of other instances are looked at when one is ended: a thousand stops must not look at a thousand each.
const SWEPT: usize = 16;

/// The engine's end of the line to the zygote. The zygote ends when it is dropped; keepers stay.
#[derive(Debug)]
pub struct Zygote {
    line: OwnedFd,
}

impl Zygote {
    /// Forks the zygote. Must be called first thing in `main`.
    ///
    /// # Safety
    /// The process must have exactly one thread: only then may the child go on to allocate and run code (fork(2), "async-signal-safe").
    ///
    /// # Errors
    /// When the kernel gives no socket or process.
    pub unsafe fn start() -> Result<Self> {
        let (ours, theirs) = pair().while_doing(|| "cannot make the line to the zygote".to_owned())?;
        // SAFETY: the caller vouches for a single thread.
        match unsafe { fork() }.while_doing(|| "cannot fork the zygote".to_owned())? {
            ForkResult::Parent { .. } => Ok(Self { line: ours }),
            ForkResult::Child => {
                drop(ours);
                close_all_but(theirs.as_raw_fd());
                serve(&theirs);
            }
        }
    }

    /// Has a hand do a job as `who` and waits for its answer.
    ///
    /// # Errors
    /// Of kind `Timeout` when the hand does not answer in time (its user may have stopped it); it is ended then.
    pub fn ask(&self, who: &Identity, job: Job, deadline: Duration) -> Result<Answer> {
        self.begin(who, job, deadline)?.answer()
    }

    /// Has a hand begin with a job, and does not wait for its answer: of many, each mostly waits for the disk.
    ///
    /// # Errors
    /// When the zygote is gone.
    pub fn begin(&self, who: &Identity, job: Job, deadline: Duration) -> Result<Asked> {
        let (ours, theirs) = pair().while_doing(|| "cannot make a line to a hand".to_owned())?;
        self.request(who, job, deadline, &[theirs.as_fd()])?;
        Ok(Asked { line: ours, uid: who.uid(), begun: Instant::now(), deadline })
    }

    /// Forks a keeper with the three descriptors it needs: the specification, the record, the line to the engine.
    ///
    /// # Errors
    /// When the zygote is gone.
    pub fn keep(&self, who: &Identity, title: &str, group: GroupOrder, descriptors: [BorrowedFd<'_>; 3]) -> Result<()> {
        self.request(who, Job::Keep { title: title.to_owned(), group }, Duration::ZERO, &descriptors)
    }

    fn request(&self, who: &Identity, job: Job, deadline: Duration, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        let request = Request { who: who.clone(), job, deadline_ms };
        let bytes = serde_json::to_vec(&request).while_doing(|| "cannot write a job".to_owned())?;
        send(&self.line, &bytes, descriptors).while_doing(|| "the zygote does not answer".to_owned())
    }
}

/// A hand that was asked and has not answered yet.
#[derive(Debug)]
pub struct Asked {
    line: OwnedFd,
    uid: Uid,
    begun: Instant,
    deadline: Duration,
}

impl Asked {
    /// Waits for the answer.
    ///
    /// # Errors
    /// As [`Zygote::ask`].
    pub fn answer(self) -> Result<Answer> {
        wait_readable(&self.line, self.begun, self.deadline)?;
        let (bytes, _) = receive(&self.line).while_doing(|| "cannot hear the hand".to_owned())?;
        if bytes.is_empty() {
            return Err(Error::failed(format!("the hand for uid {} ended without an answer", self.uid)));
        }
        serde_json::from_slice(&bytes).while_doing(|| "the hand's answer cannot be read".to_owned())
    }
}

/// Waits until the other side has said something or hung up.
fn wait_readable(descriptor: &OwnedFd, begun: Instant, deadline: Duration) -> Result<()> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let until = begun + deadline;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if left.is_zero() => {
                return Err(Error::new(Kind::Timeout, format!("the hand did not answer within {} s", deadline.as_secs())));
            }
            Ok(0) | Err(nix::errno::Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(Error::failed("cannot wait for the hand").because(error)),
        }
    }
}

/// The zygote's whole life. It outlives the engine by as long as a hand may take: one that its user stopped would stay for ever.
fn serve(line: &OwnedFd) -> ! {
    detach();
    let mut hands: Vec<(Pid, Instant)> = Vec::new();
    let mut has_engine = true;
    loop {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            match status.pid() {
                Some(pid) => hands.retain(|(hand, _)| *hand != pid),
                None => break,
            }
        }
        if !has_engine && hands.is_empty() {
            std::process::exit(0)
        }
        // A hand whose user stopped it never ends by itself. It is an unreaped child, so its pid is still its own.
        for (hand, until) in &hands {
            if Instant::now() >= *until {
                let _ = nix::sys::signal::kill(*hand, Signal::SIGKILL);
            }
        }
        if !has_engine {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        let patience = if hands.is_empty() { None } else { Some(Duration::from_millis(200)) };
        if !has_message(line, patience) {
            continue;
        }
        match receive(line) {
            Ok((bytes, descriptors)) if !bytes.is_empty() => {
                if let Ok(request) = serde_json::from_slice::<Request>(&bytes) {
                    let deadline = Duration::from_millis(request.deadline_ms) + Duration::from_millis(500);
                    let stays = matches!(request.job, Job::Keep { .. });
                    if let Some(pid) = fork_hand(line, &request, descriptors)
                        && !stays
                    {
                        hands.push((pid, Instant::now() + deadline));
                    }
                }
            }
            _ => has_engine = false,
        }
    }
}

/// Leaves the terminal behind: a session of its own, no standard streams, deaf to what a terminal sends.
fn detach() {
    let _ = setsid();
    for one in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGTERM, Signal::SIGTSTP] {
        // SAFETY: SIG_IGN runs no code.
        let _ = unsafe { signal(one, SigHandler::SigIgn) };
    }
    let _ = nix::sys::prctl::set_name(c"berth-zygote");
    null_streams();
}

/// Lets go of what a service manager or a daemon before this one has handed over: a socket that the zygote held would seem to be listened on
/// after the daemon's death.
fn close_all_but(line: i32) {
    let Ok(line) = u32::try_from(line) else { return };
    for (first, last) in [(3, line.saturating_sub(1)), (line + 1, u32::MAX)] {
        if first <= last {
            // SAFETY: close_range(2) in a child that never returns to whoever had these descriptors.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}

/// Points the standard streams at /dev/null.
pub(super) fn null_streams() {
    if let Ok(null) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null") {
        for stream in 0..3 {
            // SAFETY: dup2 onto the standard descriptors of a process that owns them; nothing else in it uses them.
            unsafe { libc::dup2(null.as_raw_fd(), stream) };
        }
    }
}

fn has_message(line: &OwnedFd, patience: Option<Duration>) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let timeout = patience.map_or(PollTimeout::NONE, |time| PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX));
    poll(&mut [PollFd::new(line.as_fd(), PollFlags::POLLIN)], timeout).is_ok_and(|count| count > 0)
}

fn fork_hand(line: &OwnedFd, request: &Request, descriptors: Vec<OwnedFd>) -> Option<Pid> {
    // SAFETY: the zygote has one thread for all its life.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child }) => Some(child),
        Ok(ForkResult::Child) => {
            // SAFETY: this process never uses the zygote's line again; closing it keeps the hand from holding the zygote up.
            unsafe { libc::close(line.as_raw_fd()) };
            match &request.job {
                Job::Keep { title, group } => exec_keeper(title, group, &request.who, &descriptors),
                job => do_job(&request.who, job, descriptors),
            }
        }
        Err(_) => None,
    }
}

/// A hand: becomes the user, does one thing, answers, ends.
fn do_job(who: &Identity, job: &Job, mut descriptors: Vec<OwnedFd>) -> ! {
    let Some(answer_line) = descriptors.drain(..).next() else { std::process::exit(1) };
    let answer = match job {
        Job::EndGroup { name, with_keeper } => end_group(name, with_keeper.then(|| who.uid())),
        // These become the user on their way.
        Job::Make(making) => match make(who, making) {
            Ok(()) => Answer::Done,
            Err((error, path)) => refused(&error, &path.to_string_lossy()),
        },
        Job::Replace(change) => match replace_as_whoever_may(who, change) {
            Ok(()) => Answer::Done,
            Err(error) => refused(&error, "changing the file"),
        },
        Job::Take(taking) => match take(who, taking) {
            Ok(called) => called.map_or(Answer::Done, |name| Answer::Called(name.to_string_lossy().into_owned())),
            Err((error, path)) => refused(&error, &path.to_string_lossy()),
        },
        _ => match become_user(who) {
            Ok(()) => carry_out(who, job),
            Err(error) => refused(&error, "becoming the user"),
        },
    };
    if let Ok(bytes) = serde_json::to_vec(&answer) {
        drop(send(&answer_line, &bytes, &[]));
    }
    // SAFETY: it ends this process and does nothing else. What is registered for an orderly end is the zygote's, and takes its time
    // in each of thousands of hands.
    unsafe { libc::_exit(0) }
}

fn carry_out(who: &Identity, job: &Job) -> Answer {
    match job {
        Job::Signal { key, signal, value } => match open_verified((*key).into(), Some(who.uid())) {
            Ok(descriptor) => match send_signal(&descriptor, *signal, *value) {
                Ok(()) => Answer::Done,
                Err(error) => refused(&error, "signalling"),
            },
            Err(error) => refused(&error, "verifying the process"),
        },
        Job::EndTree { roots, grace_ms } => {
            let roots: Vec<_> = roots.iter().map(|key| (*key).into()).collect();
            let ending = end_tree(None, &roots, Duration::from_millis(*grace_ms), || {});
            if ending.survivors.is_empty() { Answer::Done } else { Answer::Survivors(ending.survivors) }
        }
        Job::Note(what) => match note(who, what) {
            Ok(()) => Answer::Done,
            Err(error) => refused(&error, "writing the file"),
        },
        Job::Keep { .. } | Job::EndGroup { .. } | Job::Replace(_) | Job::Make(_) | Job::Take(_) => {
            refused(&io::Error::from_raw_os_error(libc::EINVAL), "keeping")
        }
    }
}

/// `keepers` is the account whose keeper is killed too.
fn end_group(name: &str, keepers: Option<Uid>) -> Answer {
    // What comes out of a message becomes one directory's name and never a path.
    if name.contains('/') || name.starts_with('.') {
        return refused(&io::Error::from_raw_os_error(libc::EINVAL), "ending the group");
    }
    let keeper = keepers.and_then(|uid| open_verified(cgroup::keeper_of(name)?, Some(uid)).ok());
    if let Some(keeper) = keeper {
        drop(send_signal(&keeper, libc::SIGKILL, 0));
    }
    let left = cgroup::end_group(name);
    cgroup::sweep_groups(SWEPT);
    if left.is_empty() { Answer::Done } else { Answer::Survivors(left.into_iter().map(|pid| (pid, state(pid))).collect()) }
}

fn state(pid: i32) -> char {
    process_facts(pid).map_or('?', |facts| facts.state)
}

fn refused(error: &io::Error, doing: &str) -> Answer {
    Answer::Refused { errno: error.raw_os_error().unwrap_or(libc::EIO), doing: doing.to_owned() }
}

/// Turns this child into a keeper: the specification on descriptor 3, the record on 4, the line to the engine on 5, its group's files after.
///
/// It is executed before it becomes the user, so that nothing of the zygote's memory is left in it and no moment exists in
/// which the user could trace it: leaving uid 0 makes it undumpable, and it never executes anything again.
fn exec_keeper(title: &str, group: &GroupOrder, who: &Identity, descriptors: &[OwnedFd]) -> ! {
    use std::os::unix::process::CommandExt;
    let _ = setsid();
    // The key outlives the execution: that changes neither pid nor start time.
    let made = process_facts(std::process::id().cast_signed()).map(|facts| cgroup::make(group, facts.key)).unwrap_or_default();
    // First out of the way of the low numbers, then into place: the given numbers may overlap the wanted ones.
    let files = made.files.iter().map(AsFd::as_fd);
    let high: Vec<OwnedFd> = descriptors
        .iter()
        .map(AsFd::as_fd)
        .chain(files)
        .filter_map(|descriptor| nix::fcntl::fcntl(descriptor, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(64)).ok())
        // SAFETY: fcntl has just made this descriptor.
        .map(|raw| unsafe { OwnedFd::from_raw_fd(raw) })
        .collect();
    for (wanted, descriptor) in (3..).zip(&high) {
        // SAFETY: dup2 onto numbers that this process, about to execute, uses for nothing else.
        unsafe { libc::dup2(descriptor.as_raw_fd(), wanted) };
    }
    let (Ok(identity), Ok(group)) = (serde_json::to_string(who), serde_json::to_string(&made.handed)) else { std::process::exit(1) };
    let error = std::process::Command::new("/proc/self/exe")
        .arg0("berth")
        .arg("keeper")
        .arg(title)
        .env_clear()
        .env(IDENTITY, identity)
        .env(cgroup::VARIABLE, group)
        .current_dir("/")
        .exec();
    drop(error);
    std::process::exit(1)
}
