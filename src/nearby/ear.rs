//! The process that hears: what strangers send is taken apart in it, and in no other.
//!
//! It must never hear with anybody's rights, nor take more memory than it is given: where it fails, nothing was heard and nobody else fails.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};

use super::hear::{Heard, MOST_TYPES, hear};
use super::told;

/// The word by which berth calls itself for it.
pub const WORD: &str = "mdns-ear";

/// The account of nobody, which no file belongs to.
const NOBODY: u32 = 65_534;

/// All the memory that it may map; most of that are stacks and the program.
const MOST_MEMORY: u64 = 512 << 20;

/// The most that it may say, bytes.
const MOST_SAID: usize = 4 << 20;

/// How much longer than it was told to it may take.
const GRACE: Duration = Duration::from_secs(10);

/// Hears and says what: `berth mdns-ear MILLISECONDS TYPE...`.
pub fn run(arguments: &[OsString]) -> u8 {
    let words: Option<Vec<&str>> = arguments.iter().skip(2).map(|word| word.to_str()).collect();
    let Some((patience, kinds)) = words.as_deref().and_then(<[&str]>::split_first) else { return 2 };
    let Ok(patience) = patience.parse().map(Duration::from_millis) else { return 2 };
    if give_up_rights().is_err() {
        return 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let line = told::written(&hear(&kinds, patience));
    u8::from(io::stdout().write_all(line.as_bytes()).is_err())
}

/// Leaves this process with nobody's rights, little memory, and an end when its parent's comes.
fn give_up_rights() -> nix::Result<()> {
    // What the console has blocked for itself is inherited through exec.
    SigSet::empty().thread_set_mask()?;
    setrlimit(Resource::RLIMIT_AS, MOST_MEMORY, MOST_MEMORY)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // A daemon is spared when memory is short, proc_pid_oom_score_adj(5); this is to go before anybody else.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    if geteuid().is_root() {
        let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
    }
    prctl::set_no_new_privs()?;
    // Asked for last: a change of the account takes it back, prctl(2).
    prctl::set_pdeathsig(Signal::SIGKILL)
}

/// Has such a process hear for so long.
///
/// # Errors
/// When it cannot be started, or does not say anything that is understood in time.
pub fn listen(kinds: &[String], patience: Duration) -> io::Result<Heard> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("berth").arg(WORD).arg(patience.as_millis().to_string()).args(kinds.iter().take(MOST_TYPES));
    command.env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn()?;
    let said = said(&mut child, patience + GRACE);
    // It has said all, or nothing for too long: what it is still at is of no use.
    child.kill()?;
    child.wait()?;
    told::read(&said?).ok_or_else(|| io::Error::other("what hears them ended"))
}

/// What it says until it ends.
fn said(child: &mut Child, patience: Duration) -> io::Result<Vec<u8>> {
    let begun = Instant::now();
    let Some(mut output) = child.stdout.take() else { return Ok(Vec::new()) };
    let (mut said, mut piece) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let left = patience.checked_sub(begun.elapsed()).ok_or(io::ErrorKind::TimedOut)?;
        let mut waiting = [PollFd::new(std::os::fd::AsFd::as_fd(&output), PollFlags::POLLIN)];
        match poll(&mut waiting, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match output.read(&mut piece)? {
            0 => return Ok(said),
            read if said.len() + read > MOST_SAID => return Err(io::ErrorKind::FileTooLarge.into()),
            read => said.extend_from_slice(&piece[..read]),
        }
    }
}
