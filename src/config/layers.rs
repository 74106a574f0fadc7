//! The layers: berth's own defaults, /etc, the user's file, `--config`, each a partial patch over the one before.
//!
//! It must never go on with half a configuration: one fault in any layer ends it, also where a later layer would hide it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::item::{Fault, Place, Table, parse};
use super::trust;
use super::{Config, build};
use crate::domain::{Shown, Uid};
use crate::error::{Error, Kind, Result};

/// berth's own defaults, as a documented file.
pub(super) const DEFAULTS: &str = include_str!("berth.toml");

/// The files of the layers, lowest first.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// May be missing.
    pub default: Vec<PathBuf>,
    /// Was named, so must be there.
    pub explicit: Option<PathBuf>,
}

impl Files {
    /// Those of this process.
    pub fn of_process(explicit: Option<&Path>) -> Self {
        let mut default = vec![PathBuf::from("/etc/berth/berth.toml")];
        default.extend(beneath_home("XDG_CONFIG_HOME", ".config", |name| env::var_os(name)).map(|folder| folder.join("berth/berth.toml")));
        let explicit = explicit.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        Self { default, explicit }
    }
}

/// A directory of the XDG base directory specification: the variable, when it is absolute, else below the home directory.
pub(super) fn beneath_home(name: &str, fallback: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(name).or_else(|| absolute("HOME").map(|home| home.join(fallback)))
}

/// Reads and merges.
pub(super) fn load(files: &Files, caller: Uid) -> Result<Config> {
    let mut merged = defaults()?;
    let mut read = Vec::new();
    let named = files.default.iter().map(|path| (path, false)).chain(files.explicit.iter().map(|path| (path, true)));
    for (path, must) in named {
        // The same file named twice is one layer.
        if read.contains(path) {
            continue;
        }
        match trust::read(path, caller)? {
            Some(bytes) => {
                merged.patch(&layer(path, &bytes).map_err(told)?);
                read.push(path.clone());
            }
            None if must => {
                let message = format!("there is no configuration {}", Shown::new(&path.to_string_lossy()));
                return Err(Error::new(Kind::Usage, message));
            }
            None => {}
        }
    }
    build::config(merged, read).map_err(told)
}

pub(super) fn defaults() -> Result<Table> {
    parse(DEFAULTS, None).map_err(told)
}

/// One file as a table, checked whole: what a later layer would replace must be right too.
pub(super) fn layer(path: &Path, bytes: &[u8]) -> Result<Table, Fault> {
    let file: Arc<Path> = path.into();
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let place = Place { file: Some(file.clone()), line: number(before.matches('\n').count() + 1), column: number(column) };
        Fault { place, message: "this is not UTF-8".to_owned() }
    })?;
    let table = parse(text.strip_prefix('\u{feff}').unwrap_or(text), Some(&file))?;
    build::parts(&table)?;
    Ok(table)
}

fn told(fault: Fault) -> Error {
    Error::new(Kind::Usage, format!("{}: {}", fault.place, fault.message))
}
