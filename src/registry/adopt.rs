//! A port that an instance is on already becomes its own, wherever it lies.
//!
//! It must never make one its own that is kept from others, whyever.

use super::allocate::{Registry, Rules};
use super::book::Book;
use crate::domain::Shown;
use crate::domain::{InstanceId, Obstacle, Uid};
use crate::error::{Error, Kind, Result};

impl Registry {
    /// Whether an instance could have the port that it is on.
    ///
    /// # Errors
    /// When it is another one's, or the registry cannot be read.
    pub fn would_adopt(&self, id: &InstanceId, port: u16, rules: &Rules) -> Result<()> {
        self.require_own()?;
        adoptable(&self.read()?.0, id, port, rules).map(drop)
    }

    /// Has an instance have the port that it is on, wherever that lies, and then something else, before it is written for good; the port that
    /// it had before.
    ///
    /// # Errors
    /// When that is another one's, as [`Registry::allocate`], and what `then` fails with.
    pub fn adopt_then(
        &self,
        id: &InstanceId,
        uid: Uid,
        port: u16,
        rules: &Rules,
        then: impl FnOnce() -> Result<()>,
    ) -> Result<(Option<u16>, Vec<Shown>)> {
        self.store().write(&rules.known(), |sheet| {
            let before = match adoptable(sheet.book(), id, port, rules)? {
                Some(port) => Some(port),
                None => {
                    let before = sheet.release(id, rules.now)?;
                    sheet.assign(port, rules.holding(id, uid))?;
                    before
                }
            };
            then()?;
            Ok(before)
        })
    }
}

/// Whether an instance has a port already, or could have it wherever that lies: one that is kept from others, whyever, is not had by listening
/// on it.
fn adoptable(book: &Book, id: &InstanceId, port: u16, rules: &Rules) -> Result<Option<u16>> {
    match book.holding(port).map(|holding| &holding.id) {
        Some(holder) if holder == id => return Ok(Some(port)),
        Some(holder) if holder.is_unmanaged() => {
            let hint = format!("berth ports --unreserve {port}    lets it be given again");
            return Err(Error::new(Kind::Busy, format!("{port} is reserved")).hint(hint));
        }
        Some(holder) => {
            return Err(Error::new(Kind::Busy, format!("{port} is {holder}'s")).hint("berth ports    says whose each is"));
        }
        None => {}
    }
    let ground = rules.ground(book);
    // Of two whose files say the same port it is his who is on it.
    let is_its_too = rules.configured.iter().any(|(own, _, configured)| own == id && *configured == port);
    let mut of_others = ground.of_others(port, id).filter(|why| !(is_its_too && matches!(why, Obstacle::Configured(_))));
    // Where it lies is no obstacle: an adopted deployment may have a range of its own.
    let reserved = ground.obstacle(port, id).filter(|why| *why == Obstacle::Reserved);
    let why = reserved.or_else(|| of_others.next().cloned());
    match why {
        Some(why) => Err(Error::new(Kind::Busy, format!("{port} {why}")).hint("berth ports    says whose each is")),
        None => Ok(None),
    }
}
