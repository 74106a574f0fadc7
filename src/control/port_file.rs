//! Keeping the file true that tells a user's own scripts the port.
//!
//! It must never keep anything else from being done: the file is for others, and berth believes its registry.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::act::Control;
use super::add::identity;
use super::assign::PATIENCE;
use crate::domain::{Declared, Plot, Shown, Spot};
use crate::hand::{Answer, Job, Note, Taking};
use crate::provision::{LONGEST_PORT_FILE, port_file, port_text, untrue};
use crate::supervisor::process::identity_of;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It says the port.
    True,
    /// It said something else, and says the port now; in words.
    Mended(Shown),
    /// It does not say it, and why not.
    Untrue(Shown),
    /// There is none, and none can be made: that harms nobody.
    None(Shown),
}

impl Kept {
    /// What whoever gave the instance its port has to know.
    pub(super) fn told(self) -> Option<Shown> {
        match self {
            Self::True => None,
            Self::Mended(words) | Self::Untrue(words) | Self::None(words) => Some(words),
        }
    }

    /// What whoever gave it another port has to know: that the file said the one before is no news.
    pub(super) fn told_as_changed(self) -> Option<Shown> {
        if matches!(self, Self::Mended(_)) { None } else { self.told() }
    }

    /// What whoever only started it has to know.
    pub(super) fn told_on_start(self) -> Option<Shown> {
        match self {
            Self::True | Self::None(_) => None,
            Self::Mended(words) | Self::Untrue(words) => Some(words),
        }
    }
}

impl Control {
    /// Has an instance's file say this port, by the user's own hand where it does not.
    pub(super) fn keep_port(&self, declared: &Declared, port: u16) -> Kept {
        let Some(path) = port_file(&declared.id, &declared.pid_file) else { return Kept::True };
        let (spot, who) = (spot(declared, &path), identity_of(declared));
        let said = match self.reader.open(&who, &spot.root, &spot.beneath).and_then(text_of) {
            Ok(text) => match untrue(&text, port) {
                None => return Kept::True,
                Some(said) => Some(said),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // A link, a directory, somebody else's file.
            Err(_) => Some(Shown::from("something else")),
        };
        let shown = Shown::new(&path.to_string_lossy());
        let account = declared.account.as_ref().map_or_else(|| format!("uid {}", declared.uid), ToString::to_string);
        let note = Job::Note(Note { place: (&spot).into(), text: port_text(port) });
        let why = match self.zygote.ask(&who, note, PATIENCE) {
            Ok(Answer::Refused { errno, .. }) => io::Error::from_raw_os_error(errno).to_string(),
            Ok(_) => {
                let mended = |said| Kept::Mended(Shown::new(&format!("{shown} said {said} and says {port} now, written as {account}")));
                return said.map_or(Kept::True, mended);
            }
            Err(error) => error.chain(),
        };
        match said {
            Some(said) => {
                Kept::Untrue(Shown::new(&format!("{shown} says {said} and not {port}, and cannot be written as {account}: {why}")))
            }
            None => Kept::None(Shown::new(&format!("{shown} cannot be written as {account}: {why}"))),
        }
    }

    /// Takes the file of an instance away that is going. One that stays says a port that nobody has, and harms nobody.
    pub(super) fn drop_port(&self, plot: &Plot) {
        let Some(spot) = port_spot(plot) else { return };
        let taking = Taking::Purge { trees: Vec::new(), logs: Vec::new(), files: vec![(&spot).into()], emptied: Vec::new() };
        drop(self.zygote.ask(&identity(plot), Job::Take(taking), PATIENCE));
    }
}

/// Where it is to be by the layout.
pub(super) fn port_spot(plot: &Plot) -> Option<Spot> {
    let path = port_file(&plot.id, &plot.pid_file.path())?;
    let beneath = path.strip_prefix(&plot.pid_file.root).ok()?.to_owned();
    Some(Spot { root: plot.pid_file.root.clone(), beneath })
}

fn spot(declared: &Declared, path: &Path) -> Spot {
    let parts = |root: &Path| Some(Spot { root: root.to_owned(), beneath: path.strip_prefix(root).ok()?.to_owned() });
    parts(&declared.config_root)
        .or_else(|| parts(Path::new("/")))
        .unwrap_or_else(|| Spot { root: PathBuf::from("/"), beneath: path.into() })
}

fn text_of(file: std::fs::File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(LONGEST_PORT_FILE).read_to_end(&mut text)?;
    Ok(text)
}
