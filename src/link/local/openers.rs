//! Logs that are opened here and read elsewhere: a console that is attached is handed the open file and reads it itself.
//!
//! It must never open one for somebody who may not read it, nor anything beside a log but what it was rotated to.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Local;
use super::logs::opener_of;
use crate::domain::{Declared, InstanceId, Uid};
use crate::error::Result;
use crate::logs::Opener;

/// Who has not asked for so long reads it no more: what writes it down meanwhile is let go.
const UNUSED: Duration = Duration::from_secs(30);

/// How many are kept.
const MOST: usize = 256;

/// They, by who reads and what: some have a process that writes for them, which is not to be begun anew each time.
#[derive(Default)]
pub(super) struct Openers(Mutex<HashMap<(Uid, InstanceId), Kept>>);

struct Kept {
    of: Arc<Declared>,
    opener: Arc<dyn Opener>,
    used: Instant,
}

impl Local {
    /// Opens an instance's log for this caller, or with a suffix what it was rotated to.
    ///
    /// # Errors
    /// When the caller may not read it; inside, what open(2) says.
    pub(super) fn opened(&self, id: &InstanceId, suffix: Option<&str>) -> Result<io::Result<File>> {
        let (declared, _) = self.readable(id)?;
        let opener = self.opener(id, declared);
        Ok(match suffix {
            None => opener.open(),
            Some(suffix) if is_plain(suffix) => opener.beside(suffix),
            Some(_) => Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn opener(&self, id: &InstanceId, declared: Arc<Declared>) -> Arc<dyn Opener> {
        let (key, now) = ((self.caller.uid, id.clone()), Instant::now());
        let lock = || self.openers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lock().get_mut(&key).filter(|kept| kept.of == declared) {
            kept.used = now;
            return Arc::clone(&kept.opener);
        }
        let opener = opener_of(&self.reader, &*self.supervisor, &declared);
        let mut all = lock();
        // Two who came at once read one and the same: the first one's.
        if let Some(kept) = all.get_mut(&key).filter(|kept| kept.of == declared) {
            kept.used = now;
            return Arc::clone(&kept.opener);
        }
        if all.len() < MOST {
            let old = all.insert(key, Kept { of: declared, opener: Arc::clone(&opener), used: now });
            drop(all);
            // Not while it is locked: a process that writes for it is waited for.
            drop(old);
        }
        opener
    }

    /// Lets those go that nobody reads any more.
    pub(super) fn sweep_openers(&self) {
        let mut all = self.openers.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unused: Vec<Kept> = all.extract_if(|_, kept| kept.used.elapsed() >= UNUSED).map(|(_, kept)| kept).collect();
        drop(all);
        // Not while it is locked: others open theirs meanwhile.
        drop(unused);
    }
}

/// A suffix as rotation gives them: no way to another directory.
fn is_plain(suffix: &str) -> bool {
    suffix.len() <= 64
        && suffix.starts_with(['.', '-'])
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_log_is_rotated_to_lies_beside_it() {
        assert!([".1", ".2.gz", "-20261122", ".old"].into_iter().all(is_plain));
        assert!(!["", "1", "/../x", "./../../etc/shadow", ".a/b", ".\0"].into_iter().any(is_plain));
    }
}
