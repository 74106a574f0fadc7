//! Who acts on an instance: one at a time, whichever process and whichever user.
//!
//! The lock is on the instance's configuration, which everybody who may act on it can open. It must never be held on a file that
//! is not in its place any more: whoever comes next locks the one that is.

use std::fs::OpenOptions;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use super::act::Control;
use crate::domain::{Caller, Declared, InstanceId, Shown, Verb};
use crate::error::{Context, Error, Kind, Result};
use crate::supervisor::process::{Held, InstanceLock, Untaken, identity_of};

impl Control {
    /// The lock on the instance: on its configuration, or where that cannot be opened on a file of berth's own. `done` is what the caller is
    /// told not to have done where somebody else has it.
    pub(super) fn lock(&self, caller: &Caller, declared: &Declared, verb: Verb, done: &str) -> Result<Option<InstanceLock>> {
        let beneath = declared.config.strip_prefix(&declared.config_root).unwrap_or(&declared.config);
        // Its configuration may be a template that many are made from; whoever acts on a service is root or refused.
        let is_service = declared.unit.is_some();
        let open = || match self.reader.open(&identity_of(declared), &declared.config_root, beneath) {
            Ok(file) if !is_service => Ok(file),
            _ => self.own_lock_file(&declared.id),
        };
        // A user who holds the lock on the own file, or replaces it for ever, must not keep an administrator from ending the instance.
        let is_ended = matches!(verb, Verb::Stop | Verb::Signal(_)) && caller.uid.is_root();
        let hint = format!("berth show {}    when that one is done", declared.id);
        match InstanceLock::take_in_place(open) {
            Ok(lock) => Ok(Some(lock)),
            Err(Untaken::Held(Held { uid: Some(uid), .. })) if is_ended && !uid.is_root() => Ok(None),
            Err(Untaken::Held(held)) => Err(Error::new(Kind::Busy, format!("not {done}. {} is acting on it", held.words)).hint(hint)),
            Err(Untaken::Replaced) if is_ended => Ok(None),
            Err(Untaken::Replaced) => {
                let file = Shown::new(&declared.config.to_string_lossy());
                Err(Error::new(Kind::Busy, format!("not {done}. {file} is replaced again and again")).hint(hint))
            }
            Err(Untaken::Closed(error)) => Err(error),
        }
    }

    /// The lock on an instance that may not be there yet, or not any more: on a file of berth's own.
    pub(super) fn lock_by_name(&self, id: &InstanceId, not: &str) -> Result<InstanceLock> {
        let file = self.own_lock_file(id).map_err(|error| Error::failed(format!("{not}. {}", error.chain())))?;
        InstanceLock::take(file).map_err(|held| {
            Error::new(Kind::Busy, format!("{not}. {} is acting on it", held.words)).hint("try again when that one is done")
        })
    }

    fn own_lock_file(&self, id: &InstanceId) -> Result<std::fs::File> {
        let directory = self.state.join("locks");
        let doing = || format!("cannot lock {id}");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).while_doing(doing)?;
        let path = directory.join(id.file_stem());
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).while_doing(doing)
    }
}
