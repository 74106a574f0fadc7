//! `berth serve --install`: the daemon's own unit is written, read and enabled.
//!
//! It must never take the place of a unit that berth did not make.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::deploy::{MARK, OWN_UNIT, own_unit, put};
use crate::domain::Shown;
use crate::error::{Context, Error, Kind, Result};

/// Where an administrator's units lie, systemd.unit(5).
const UNITS: &str = "/etc/systemd/system";

/// What is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installing {
    /// `--config`, which the unit names too.
    pub config: Option<PathBuf>,
    /// Only say what would be written.
    pub dry_run: bool,
}

/// Installs it, and says what was done; with `dry_run` the unit's text.
///
/// # Errors
/// When the caller is not root, there is a unit of that name that berth did not make, or systemd refuses it.
pub fn install(installing: &Installing) -> Result<String> {
    let program = std::env::current_exe().while_doing(|| "cannot tell which program this is".to_owned())?;
    let config = installing.config.as_deref().map(std::path::absolute).transpose();
    let text = own_unit(&program, config.while_doing(|| "cannot tell where the configuration is".to_owned())?.as_deref())?;
    if installing.dry_run {
        return Ok(text);
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(Error::new(Kind::NotPermitted, "not installed. Only root may").hint("sudo berth serve --install"));
    }
    let place = Path::new(UNITS).join(OWN_UNIT);
    match std::fs::read_to_string(&place) {
        Ok(there) if !there.starts_with(MARK) => {
            let told = format!("not installed. {} is there and berth did not make it", place.display());
            return Err(Error::failed(told).hint("move it away"));
        }
        _ => {}
    }
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(Error::failed("not installed. systemd does not run here").hint("berth serve    under whatever starts services here"));
    }
    let written = put(Path::new(UNITS), OWN_UNIT, &text)?;
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", "--now", OWN_UNIT])?;
    // One that ran already runs the program and the unit that are here now.
    systemctl(&["restart", OWN_UNIT])?;
    Ok(format!("{} is written, enabled and started\n", written.display()))
}

fn systemctl(words: &[&str]) -> Result<()> {
    let doing = || format!("systemctl {} failed", words.join(" "));
    let output = Command::new("systemctl").args(words).output().while_doing(doing)?;
    if output.status.success() {
        return Ok(());
    }
    let why = Shown::from_bytes(output.stderr.trim_ascii());
    Err(Error::failed(doing()).because(why.as_str()).hint("systemctl status berth"))
}
