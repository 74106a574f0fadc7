//! `pm2 jlist`, for a daemon whose answers are not understood: run as its account, bounded in time and in what it may say.
//!
//! It must never run where no daemon does, nor be what looking usually takes: it starts Node, which costs a quarter of a second of a core.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::app::Told;
use super::fault::Fault;
use super::message::Few;
use crate::hand::Identity;

/// How long it may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much it may say.
const MOST: u64 = 8 * 1024 * 1024;

/// How long between two of them for one daemon.
pub const EVERY: Duration = Duration::from_secs(30);

/// Where programs are, beside that of the daemon's own Node.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where one is run.
#[derive(Clone, Debug)]
pub struct Call {
    /// The account.
    pub who: Identity,
    /// Its PM2_HOME.
    pub home: PathBuf,
    /// The directory of the daemon's own Node.
    pub beside: Option<PathBuf>,
}

impl Call {
    /// What it says. The daemon was seen to run.
    ///
    /// # Errors
    /// When there is no such program, it does not end in time, or says nothing that is understood.
    pub fn run(&self) -> Result<Vec<Told>, Fault> {
        let path = self.beside.iter().map(|beside| beside.display().to_string()).chain([PATH.to_owned()]).collect::<Vec<_>>().join(":");
        let program = path.split(':').map(|folder| Path::new(folder).join("pm2")).find(|program| program.is_file());
        let program =
            program.ok_or_else(|| Fault::lost("its answer is not understood, and there is no program pm2 that could be asked"))?;
        let mut command = Command::new(program);
        // Without a daemon it would start one; so it only pretends to be one itself, and ends.
        command.args(["jlist", "--silent", "--no-daemon"]).current_dir("/").env_clear();
        command.env("PATH", path).env("PM2_HOME", &self.home).env("HOME", &self.home).env("LC_ALL", "C.UTF-8");
        if !self.who.is_self() && nix::unistd::geteuid().is_root() {
            // The standard library lets go of root's groups with root's uid.
            command.uid(self.who.uid().0).gid(self.who.gid().0);
        }
        let output = within(command.process_group(0))?;
        list(&output).ok_or_else(|| Fault::lost("what its program says is not understood either"))
    }
}

/// What a program writes before it ends, or before it is ended.
fn within(command: &mut Command) -> io::Result<Vec<u8>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let begun = Instant::now();
    let written = child.stdout.take();
    let (tell, told) = std::sync::mpsc::channel();
    let read = move || {
        crate::failpoint::pass("berth-pm2");
        let mut output = Vec::new();
        let result = written.map_or(Ok(0), |written| written.take(MOST + 1).read_to_end(&mut output));
        // Whoever waited may have given up.
        let _ = tell.send(result.map(|_| output));
    };
    let reading = std::thread::Builder::new().name("berth-jlist".to_owned()).stack_size(128 * 1024).spawn(read);
    let output = reading.and_then(|_| told.recv_timeout(DEADLINE).map_err(|_| io::Error::from(io::ErrorKind::TimedOut)));
    // It has written all, or too much, or nothing for too long: what it is still at is of no use.
    while child.try_wait()?.is_none() {
        if output.as_ref().map_or(true, Result::is_err) || begun.elapsed() > DEADLINE {
            child.kill()?;
            child.wait()?;
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = output??;
    if output.len() as u64 > MOST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(output) }
}

/// The list in what it says: PM2 puts greetings, warnings and what modules say before it.
fn list(output: &[u8]) -> Option<Vec<Told>> {
    let begins = |index: &usize| output[*index] == b'[' && (*index == 0 || output[*index - 1] == b'\n');
    let list = |index: usize| {
        let mut values = serde_json::Deserializer::from_slice(&output[index..]).into_iter::<Few<Told>>();
        values.next()?.ok().map(|few| few.0)
    };
    // A line such as `[PM2] Spawning` is no list, and the list comes last.
    (0..output.len()).filter(begins).take(1000).filter_map(list).last()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::{Gid, Uid};

    fn said(text: &str) -> Option<usize> {
        list(text.as_bytes()).map(|told| told.len())
    }

    #[test]
    fn the_list_is_found_among_what_else_is_said() {
        let one = r#"[{"pid":1,"name":"[mcp]","pm_id":0,"pm2_env":{"status":"online"}}]"#;
        assert_eq!(said(one), Some(1));
        assert_eq!(said("[]"), Some(0));
        assert_eq!(said(&format!("\n>>>> In-memory PM2 is out-of-date, do:\n[PM2] Spawning PM2 daemon\n{one}\n")), Some(1));
        assert_eq!(said(&format!("[\n{one}")), Some(1));
        for nothing in ["", "[PM2] [WARN]\n", "{}", "[1,2]", &one[..30]] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
    }

    fn call(folder: &Path, script: &str) -> Call {
        let program = folder.join("pm2");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (uid, gid) = (Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()));
        Call { who: Identity::of(uid, gid, None), home: folder.to_owned(), beside: Some(folder.to_owned()) }
    }

    #[test]
    fn the_program_beside_the_daemons_own_node_is_asked_for_its_home() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"echo "[PM2] $1"; echo "[{\"pm_id\":0,\"name\":\"$PM2_HOME\"}]""#;
        assert_eq!(call(folder.path(), script).run().map(|told| told.len()), Ok(1));
        assert!(matches!(call(folder.path(), "echo no").run(), Err(Fault::Lost(_))));
        assert!(matches!(call(folder.path(), "yes 2>/dev/null").run(), Err(Fault::Lost(_))), "it has no end");
    }
}
