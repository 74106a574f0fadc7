//! `berth demo`: a fleet in a temporary directory that starts by itself and leaves nothing behind.
//!
//! It must never touch anything but its own tree and its own processes: those that carry its token.

mod ports;
pub mod reaper;
pub mod server;
pub mod stranger;
mod tree;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::domain::{InstanceId, Order, Target, Verb};
use crate::error::{Context, Error, Result};
use crate::link::Door;

use self::ports::Block;
use self::reaper::Tree;
use self::tree::{MARK, OWNERS, Plan};

/// The place of the stranger's port in the block.
const STRANGER: u16 = 8;

/// Who has to be late, so that the one who shares the port has it first.
const LATE: (&str, Duration) = ("dave", Duration::from_millis(300));

/// How long the end may take.
const END_TAKES: Duration = Duration::from_secs(6);

/// A demo: its tree, its ports, and the process that clears up after it. It ends when this is dropped.
#[derive(Debug)]
pub struct Demo {
    config: PathBuf,
    program: PathBuf,
    token: String,
    block: Block,
    tree: Tree,
    reaper: Child,
    /// The end of the pipe whose closing the reaper waits for. The kernel closes it when this process is killed.
    line: Option<ChildStdin>,
    stranger: Option<Child>,
    ending: Arc<AtomicBool>,
}

/// Makes a demo's tree. Nothing of the fleet runs yet.
///
/// # Errors
/// When there are no free ports, or nothing can be written to the temporary directory.
pub fn prepare() -> Result<Demo> {
    let program = std::env::current_exe().while_doing(|| "cannot tell where this program is".to_owned())?;
    prepare_with(&program)
}

/// As [`prepare`], with the program that is to be run as server, stranger and reaper.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with(program: &Path) -> Result<Demo> {
    let block = Block::choose()?;
    let token = token()?;
    let (mut reaper, line, tree) = start_reaper(program, &token)?;
    let plan = Plan { base: &tree.path, program, block: &block, token: &token };
    match tree::write(&plan) {
        Ok(config) => Ok(Demo {
            config,
            program: program.to_owned(),
            token,
            block,
            tree,
            reaper,
            line: Some(line),
            stranger: None,
            ending: Arc::default(),
        }),
        Err(error) => {
            drop(line);
            let _ = reaper.wait();
            Err(error)
        }
    }
}

impl Demo {
    /// The path of the demo's configuration: what `--config` is given.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Starts the fleet in the background: the stranger, and every owner's instance through the door.
    ///
    /// # Errors
    /// When a process or a thread cannot be made.
    pub fn start(&mut self, door: &Arc<dyn Door>) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("demo-stranger").arg(format!("--port={}", self.block.first + STRANGER));
        command.env_clear().env(MARK, &self.token).current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.stranger = Some(command.spawn().while_doing(|| "cannot start the demo's stranger".to_owned())?);
        for (owner, _) in OWNERS {
            let id = InstanceId::of_owner(owner).while_doing(|| format!("cannot call an instance {owner}"))?;
            let (door, ending) = (Arc::clone(door), Arc::clone(&self.ending));
            let start = move || {
                if id.owner() == LATE.0 {
                    thread::sleep(LATE.1);
                }
                if !ending.load(Ordering::Acquire) {
                    let order = Order {
                        verb: Verb::Start,
                        id,
                        target: Target::Whatever,
                        reason: Some("the demo begins".to_owned()),
                        timeout: None,
                    };
                    // What came of it stands in the snapshots.
                    drop(door.carry_out(order, &mut |_| ()));
                }
            };
            let builder = thread::Builder::new().name(format!("demo {owner}"));
            builder.spawn(start).while_doing(|| "cannot start the demo's fleet".to_owned())?;
        }
        Ok(())
    }

    /// Ends the fleet and removes the tree.
    ///
    /// # Errors
    /// When something is left after six seconds.
    pub fn finish(mut self) -> Result<()> {
        self.end()
    }

    /// Prints the configuration's path, waits until it is asked to end (SIGTERM, SIGINT, SIGHUP), and ends the demo.
    ///
    /// # Errors
    /// When the path cannot be printed, or something is left.
    pub fn wait_headless(mut self) -> Result<()> {
        let config = self.config.clone();
        // A thread of its own: the caller may live in a runtime, and one does not start in another.
        let waiting = thread::spawn(move || wait_for_the_end(&config)).join();
        let ended = self.end();
        waiting.map_err(|_| Error::failed("waiting for the demo's end failed"))??;
        ended
    }

    fn end(&mut self) -> Result<()> {
        let Some(line) = self.line.take() else { return Ok(()) };
        self.ending.store(true, Ordering::Release);
        drop(line);
        let until = Instant::now() + END_TAKES;
        let done = loop {
            match self.reaper.try_wait() {
                Ok(Some(status)) if status.success() => break true,
                // It was killed: then its work is done here.
                Ok(Some(_)) | Err(_) => break reaper::reap(&self.tree, OsStr::new(&self.token), END_TAKES),
                Ok(None) if Instant::now() >= until => break false,
                Ok(None) => thread::sleep(Duration::from_millis(20)),
            }
        };
        if let Some(stranger) = &mut self.stranger {
            // It has been ended; only its exit status is left.
            let _ = stranger.try_wait();
        }
        if done {
            return Ok(());
        }
        Err(Error::failed(format!("the demo in {} has not ended within {} s", self.tree.path.display(), END_TAKES.as_secs()))
            .hint("its reaper goes on for a minute; what is left then has to be ended by hand"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Whoever wants to know calls `finish`.
        drop(self.end());
    }
}

fn wait_for_the_end(config: &Path) -> Result<()> {
    let doing = || "cannot wait for signals".to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().while_doing(doing)?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).while_doing(doing)?;
        let mut interrupt = signal(SignalKind::interrupt()).while_doing(doing)?;
        let mut hang_up = signal(SignalKind::hangup()).while_doing(doing)?;
        // Only now: whoever has read the path may ask for the end.
        let mut text = config.as_os_str().as_bytes().to_vec();
        text.push(b'\n');
        let mut output = io::stdout();
        output.write_all(&text).and_then(|()| output.flush()).while_doing(|| "cannot print the configuration's path".to_owned())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hang_up.recv() => {}
        }
        Ok(())
    })
}

/// Starts the reaper, which makes the tree's directory and says where it is.
fn start_reaper(program: &Path, token: &str) -> Result<(Child, ChildStdin, Tree)> {
    let doing = || "cannot start the demo's reaper".to_owned();
    let mut command = Command::new(program);
    command.arg("demo-reaper").arg("--parent").arg(temporary()).arg("--token").arg(token);
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // SAFETY: setsid(2) is safe between fork and exec, signal-safety(7), and touches no memory.
    unsafe { command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from)) };
    let mut child = command.spawn().while_doing(doing)?;
    let (Some(line), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err(Error::failed(doing())) };
    let mut answer = Vec::new();
    BufReader::new(output.take(64 * 1024)).read_until(b'\n', &mut answer).while_doing(doing)?;
    if answer.pop() != Some(b'\n') {
        return Err(Error::failed(doing()).because("it ended without a word"));
    }
    if let Some(reason) = answer.strip_prefix(b"!") {
        return Err(Error::failed("a demo cannot be made")
            .because(String::from_utf8_lossy(reason))
            .hint("set TMPDIR to a directory of yours"));
    }
    let tree = Tree::of(PathBuf::from(OsString::from_vec(answer))).while_doing(|| "cannot find the demo's directory".to_owned())?;
    Ok((child, line, tree))
}

/// Where the tree is made: TMPDIR, where that can stand in a configuration as it is.
fn temporary() -> PathBuf {
    let wished = std::env::temp_dir();
    let plain = fs::canonicalize(wished).ok().filter(|path| path.to_str().is_some_and(tree::is_plain));
    plain.unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// Something that no other process's environment holds.
fn token() -> Result<String> {
    let mut bytes = [0; 16];
    let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.while_doing(|| "cannot read /dev/urandom".to_owned())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The value of an option of a hidden subcommand: `--name VALUE` or `--name=VALUE`.
fn option<'a>(arguments: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == name {
            return words.next().map(OsString::as_os_str);
        }
        if let Some(value) = word.as_bytes().strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) {
            return Some(OsStr::from_bytes(value));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_read_either_way() {
        let words: Vec<OsString> = ["--port", "1", "--config=/a b"].map(OsString::from).to_vec();
        assert_eq!(option(&words, "--port"), Some(OsStr::new("1")));
        assert_eq!(option(&words, "--config"), Some(OsStr::new("/a b")));
        assert_eq!(option(&words, "--con"), None);
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(token().unwrap(), token().unwrap());
        assert_eq!(token().unwrap().len(), 32);
    }

    #[test]
    fn a_reaper_that_does_not_come_up_makes_no_demo() {
        assert!(prepare_with(Path::new("/bin/false")).is_err());
        assert!(prepare_with(Path::new("/nonexistent")).is_err());
    }
}
