//! Who acts on an instance: one at a time, whichever process and whichever user.
//!
//! The lock is on the instance's configuration, which everybody who may act on it can open. Whoever is root has one of berth's own before it,
//! which no user can keep from root. It must never be held on a file that is not in its place any more: whoever comes next locks the one
//! that is.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use super::act::Control;
use crate::domain::{Caller, Declared, InstanceId, Shown, Verb};
use crate::error::{Context, Error, Kind, Result};
use crate::supervisor::process::{Held, InstanceLock, Untaken, identity_of};

/// What is held while somebody acts on an instance.
pub(super) struct Locks {
    _own: Option<InstanceLock>,
    _configuration: Option<InstanceLock>,
    /// Nobody else acts on it meanwhile.
    pub is_alone: bool,
}

/// Below `locks`, the ones of who acts. Who changes what an instance is has one by name already, and takes this one behind it.
const ACTING: &str = "acting";

impl Control {
    /// The locks on the instance: on its configuration, and for root, or where that cannot be opened, on a file of berth's own. `done` is what
    /// the caller is told not to have done where somebody else has one of them.
    ///
    /// A user who holds the lock on the own file, or replaces it for ever, must not keep an administrator from ending the instance; nor must
    /// a full disk.
    pub(super) fn lock(&self, caller: &Caller, declared: &Declared, verb: Verb, done: &str) -> Result<Locks> {
        let is_ended = matches!(verb, Verb::Stop | Verb::Signal(_)) && caller.uid.is_root();
        let hint = || format!("berth show {}    when that one is done", declared.id);
        let busy = |held: Held| Error::new(Kind::Busy, format!("not {done}. {} is acting on it", held.words)).hint(hint());
        let own = || match self.own_lock_file(ACTING, &declared.id).map(InstanceLock::take) {
            Ok(Ok(lock)) => Ok(Some(lock)),
            Ok(Err(held)) => Err(busy(held)),
            Err(_) if is_ended => Ok(None),
            Err(error) => Err(error),
        };
        let locks = |own, configuration, is_alone| Locks { _own: own, _configuration: configuration, is_alone };
        let before = if caller.uid.is_root() { own()? } else { None };
        match self.lock_configuration(declared) {
            Ok(lock) => Ok(locks(before, Some(lock), true)),
            Err(Untaken::Held(_) | Untaken::Replaced) if is_ended => Ok(locks(before, None, false)),
            // Of root without one of its own nobody knows who else acts.
            Err(Untaken::Closed(())) if caller.uid.is_root() => {
                let is_alone = before.is_some();
                Ok(locks(before, None, is_alone))
            }
            Err(Untaken::Closed(())) => Ok(locks(own()?, None, true)),
            Err(Untaken::Held(held)) => Err(busy(held)),
            Err(Untaken::Replaced) => Err(replaced(declared, done).hint(hint())),
        }
    }

    /// The lock on the file that has been put in the place of the configuration, for who has the one on what it was before.
    pub(super) fn lock_what_was_written(&self, declared: &Declared, done: &str) -> Result<Option<InstanceLock>> {
        match self.lock_configuration(declared) {
            Ok(lock) => Ok(Some(lock)),
            Err(Untaken::Closed(())) => Ok(None),
            Err(Untaken::Held(held)) => Err(Error::new(Kind::Busy, format!("not {done}. {} is acting on it", held.words))),
            Err(Untaken::Replaced) => Err(replaced(declared, done)),
        }
    }

    /// What declares a bare service may be a template that many are made from: it is none to be locked.
    fn lock_configuration(&self, declared: &Declared) -> std::result::Result<InstanceLock, Untaken<()>> {
        let beneath = declared.config.strip_prefix(&declared.config_root).unwrap_or(&declared.config);
        let is_bare = declared.unit.as_ref().is_some_and(|unit| unit.is_bare);
        let open = || {
            if is_bare { Err(()) } else { self.reader.open(&identity_of(declared), &declared.config_root, beneath).map_err(drop) }
        };
        InstanceLock::take_in_place(open)
    }

    /// The lock on an instance that may not be there yet, or not any more: on a file of berth's own.
    pub(super) fn lock_by_name(&self, id: &InstanceId, not: &str) -> Result<InstanceLock> {
        let file = self.own_lock_file("", id).map_err(|error| Error::failed(format!("{not}. {}", error.chain())))?;
        InstanceLock::take(file).map_err(|held| {
            Error::new(Kind::Busy, format!("{not}. {} is acting on it", held.words)).hint("try again when that one is done")
        })
    }

    fn own_lock_file(&self, below: &str, id: &InstanceId) -> Result<File> {
        let directory = self.state.join("locks").join(below);
        let doing = || format!("cannot lock {id}");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).while_doing(doing)?;
        let path = directory.join(id.file_stem());
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).while_doing(doing)
    }
}

fn replaced(declared: &Declared, done: &str) -> Error {
    let file = Shown::new(&declared.config.to_string_lossy());
    Error::new(Kind::Busy, format!("not {done}. {file} is replaced again and again"))
}
