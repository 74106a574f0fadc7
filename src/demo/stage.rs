//! Setting the demo's stage and striking it: reaper first, then directory, ports, stranger; the fleet is the caller's to start.
//!
//! It must never leave anything standing: whatever fails half way, dropping it clears everything away.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::{User, geteuid};

use super::cast::{self, RANGE, STRANGER};
use super::mark::{Mark, VARIABLE};
use super::ports::{self, Claimed};
use super::reaper::{self, Leash};
use super::tree::{self, Plan};
use crate::domain::PortRange;
use crate::error::{Context, Error, Kind, Result};

/// A demo that is set up. The servers are started through the same door as any others, with [`Stage::config`].
#[derive(Debug)]
pub struct Stage {
    config: PathBuf,
    directory: PathBuf,
    mark: Mark,
    stranger: Option<Child>,
    leash: Leash,
    claimed: Claimed,
    struck: bool,
}

impl Stage {
    /// Sets everything up but the fleet.
    ///
    /// # Errors
    /// When there are no ports, no room or no processes to be had. Nothing is left then.
    pub fn set() -> Result<Self> {
        let claimed = ports::claim(RANGE)?;
        let program = program()?;
        let mark = Mark::new().while_doing(|| "cannot make the demo's mark".to_owned())?;
        let directory = tree::place(&mark);
        let leash = Leash::start(&program, &mark, &directory)?;
        let config = directory.join("berth.toml");
        let mut stage = Self { config, directory, mark, stranger: None, leash, claimed, struck: false };
        stage.furnish(program)?;
        Ok(stage)
    }

    fn furnish(&mut self, program: PathBuf) -> Result<()> {
        let what = || format!("cannot write the demo's files below {}", self.directory.display());
        tree::make(&self.directory).while_doing(what)?;
        let stranger = Command::new(&program)
            .args(["demo-stranger", "--port", &(self.claimed.range.first + STRANGER).to_string()])
            .env(VARIABLE, self.mark.value())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .while_doing(|| "cannot start the demo's stranger".to_owned())?;
        self.stranger = Some(stranger);
        let plan =
            Plan { directory: self.directory.clone(), range: self.claimed.range, program, account: account(), mark: self.mark.clone() };
        self.config = tree::write(&plan).while_doing(what)?;
        Ok(())
    }

    /// The path of the configuration.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The demo's ports.
    pub fn range(&self) -> PortRange {
        self.claimed.range
    }

    /// The owners to start: the rows side by side, those of one row one after the other.
    pub fn starts(&self) -> Vec<Vec<&'static str>> {
        cast::rows_of_starts()
    }

    /// Clears everything away and waits until it is gone.
    ///
    /// # Errors
    /// When something is still there, with the command that shows it.
    pub fn strike(&mut self) -> Result<()> {
        if self.struck {
            return Ok(());
        }
        self.struck = true;
        // If somebody killed the reaper, its work is done from here.
        let gone = self.leash.let_go() || reaper::clear_away(&self.mark, &self.directory);
        if let Some(mut stranger) = self.stranger.take() {
            let _ = stranger.wait();
        }
        if gone {
            return Ok(());
        }
        let directory = self.directory.display();
        Err(Error::failed(format!("the demo is over, but not all of it is gone: {directory}"))
            .hint(format!("ls -la {directory}; grep -lz {VARIABLE}={} /proc/[0-9]*/environ", self.mark.value())))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.strike();
    }
}

/// This program, to be executed again. After an upgrade under a running demo its name leads nowhere; the kernel still knows the file.
fn program() -> Result<PathBuf> {
    let path = std::env::current_exe().while_doing(|| "cannot find this program".to_owned())?;
    if !path.exists() {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    if tree::is_plain(&path) {
        return Ok(path);
    }
    Err(Error::new(Kind::Usage, "the demo cannot be run from a path with braces or stars in it")
        .hint("copy berth to another place and run it there"))
}

/// Who the servers run as: whoever started the demo, root included.
fn account() -> String {
    let uid = geteuid();
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}
