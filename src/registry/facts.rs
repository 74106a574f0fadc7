//! The registry for those who only look: its book as plain facts, and what tells that it has changed without reading it.
//!
//! It must never make a file, mend one, or take what cannot be read for nothing.

use std::io;
use std::time::Duration;

use jiff::Timestamp;

use super::allocate::Registry;
use super::book::Book;
use crate::domain::{Allotment, Allotments, Obstacle, Quarantine, Reservation, Shown};
use crate::error::Result;

/// One state of the database: another one has another. The clock of a file system is too coarse to tell two changes apart; SQLite counts
/// them (sqlite.org/fileformat.html, the file change counter).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) changed: (i64, i64),
    pub(super) counter: [u8; 4],
}

impl Registry {
    /// What the database is like now; `None` where there is none.
    ///
    /// # Errors
    /// When it may not or cannot be opened.
    pub fn stamp(&self) -> io::Result<Option<Stamp>> {
        self.store().stamp()
    }

    /// Who has which port, and a sentence where that comes from the copy. A released port is kept for so long from its release on.
    ///
    /// # Errors
    /// When it may not or cannot be read.
    pub fn facts(&self, now: Timestamp, quarantine: Duration) -> Result<(Allotments, Option<Shown>)> {
        let (book, notice) = self.read()?;
        Ok((facts(&book, now, quarantine), notice))
    }
}

fn facts(book: &Book, now: Timestamp, quarantine: Duration) -> Allotments {
    let mut all = Allotments::default();
    for (port, holding) in book.assigned() {
        if holding.is_reservation() {
            all.reserve(port, Reservation { by: holding.by.clone(), at: holding.at });
            continue;
        }
        let (id, strategy, by) = (holding.id.clone(), holding.strategy.clone(), holding.by.clone());
        all.assign(port, Allotment { id, uid: holding.uid, strategy, by, at: holding.at });
    }
    for (port, why) in book.obstacles(now, quarantine) {
        if let Obstacle::Quarantined { of, until } = why {
            all.keep(port, Quarantine { of, until });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::book::holding;
    use super::*;

    #[test]
    fn the_book_in_plain_facts() {
        let released: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut book = Book::default();
        book.assign(8080, holding("amy")).unwrap();
        book.assign(8081, holding("bob")).unwrap();
        book.release(&holding("bob").id, released);
        let all = facts(&book, released, Duration::from_secs(60));
        let allotment = all.of(8080).unwrap();
        assert_eq!((allotment.id.to_string().as_str(), allotment.by.as_str(), allotment.at), ("amy", "root", holding("amy").at));
        let kept = all.quarantine(8081, released).unwrap();
        assert_eq!((kept.of.to_string().as_str(), kept.until), ("bob", "2026-11-21T12:01:00Z".parse().unwrap()));
        assert_eq!(all.port_of(&holding("bob").id), None);
        // The clock was set back: kept from now on, and not longer.
        let earlier: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        let kept = facts(&book, earlier, Duration::from_secs(60));
        assert_eq!(kept.quarantine(8081, earlier).map(|kept| kept.until), Some("2026-11-20T00:01:00Z".parse().unwrap()));
    }

    #[test]
    fn every_change_has_a_stamp_of_its_own() {
        let tree = tempfile::tempdir().unwrap();
        let registry = Registry::below(tree.path());
        let mut stamps = vec![registry.stamp().unwrap()];
        assert_eq!(stamps, [None]);
        for port in 8080..8084 {
            registry.store().write(&[], |sheet| sheet.assign(port, holding(&format!("u{port}")))).unwrap();
            stamps.push(registry.stamp().unwrap());
            assert_eq!(registry.stamp().unwrap(), *stamps.last().unwrap(), "looking changes nothing");
        }
        for (at, stamp) in stamps.iter().enumerate() {
            assert!(!stamps[..at].contains(stamp), "{stamps:?}");
        }
    }
}
