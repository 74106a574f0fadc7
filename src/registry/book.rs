//! What the registry holds, as it is read: who has which port, and whose it was until lately.
//!
//! Pure. It must never hold two for one port, or one instance twice.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use siphasher::sip::SipHasher24;

use crate::domain::{InstanceId, Obstacle, Shown, Uid};

/// That an instance has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Whose the port is.
    pub id: InstanceId,
    /// The account that the instance ran as when it was given: another account of that name is somebody else.
    pub uid: Uid,
    /// By which strategy it was given.
    pub strategy: Shown,
    /// What the strategy wished.
    pub wish: Option<u32>,
    /// Why it was not given its wish, in words.
    pub why: Option<Shown>,
    /// By whom.
    pub by: Shown,
    /// When.
    pub at: Timestamp,
}

impl Holding {
    /// That a port is kept from everybody. No instance can be called so: a reservation stands where an older berth sees somebody who has it,
    /// and gives it to nobody either.
    pub(super) fn reservation(port: u16, uid: Uid, by: Shown, at: Timestamp) -> Self {
        let (id, strategy) = (InstanceId::unmanaged("reserved", port), Shown::from("reserved"));
        Self { id, uid, strategy, wish: None, why: None, by, at }
    }

    /// Whether it is that.
    pub fn is_reservation(&self) -> bool {
        self.id.is_unmanaged()
    }
}

/// That a port was taken from an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// Whose it was.
    pub id: InstanceId,
    /// When it was.
    pub at: Timestamp,
}

/// Everything that the registry holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Rises by one with each change.
    pub generation: u64,
    assigned: BTreeMap<u16, Holding>,
    released: BTreeMap<u16, Released>,
    ports: HashMap<InstanceId, u16>,
}

/// Why something cannot be put into the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clash(pub String);

impl Book {
    /// The port of an instance.
    pub fn port_of(&self, id: &InstanceId) -> Option<u16> {
        self.ports.get(id).copied()
    }

    /// The assignments, by port.
    pub fn assigned(&self) -> impl ExactSizeIterator<Item = (u16, &Holding)> {
        self.assigned.iter().map(|(port, holding)| (*port, holding))
    }

    /// Who has a port.
    pub fn holding(&self, port: u16) -> Option<&Holding> {
        self.assigned.get(&port)
    }

    /// The released ports, whether they are kept or not any more.
    pub fn released(&self) -> impl ExactSizeIterator<Item = (u16, &Released)> {
        self.released.iter().map(|(port, released)| (*port, released))
    }

    /// What the book puts in the way of others at a point in time: assignments, and ports that were released less than `quarantine` ago. A
    /// release that lies ahead, the clock having been set back since, is as of now.
    pub fn obstacles(&self, now: Timestamp, quarantine: Duration) -> impl Iterator<Item = (u16, Obstacle)> {
        let what = |holding: &Holding| {
            if holding.is_reservation() { Obstacle::Reserved } else { Obstacle::Assigned(holding.id.clone()) }
        };
        let assigned = self.assigned.iter().map(move |(port, holding)| (*port, what(holding)));
        let kept = self.released.iter().filter_map(move |(port, released)| {
            let until = SignedDuration::try_from(quarantine).ok().and_then(|length| released.at.min(now).checked_add(length).ok())?;
            (until > now).then(|| (*port, Obstacle::Quarantined { of: released.id.clone(), until }))
        });
        assigned.chain(kept)
    }

    /// Gives a port, which is in quarantine no more then.
    pub(super) fn assign(&mut self, port: u16, holding: Holding) -> Result<(), Clash> {
        if let Some(other) = self.assigned.get(&port) {
            return Err(Clash(format!("{port} is {}'s and {}'s", other.id, holding.id)));
        }
        if let Some(other) = self.ports.insert(holding.id.clone(), port) {
            return Err(Clash(format!("{} has {other} and {port}", holding.id)));
        }
        self.released.remove(&port);
        self.assigned.insert(port, holding);
        Ok(())
    }

    /// Takes an instance's port away and keeps it from the others; which it was.
    pub(super) fn release(&mut self, id: &InstanceId, at: Timestamp) -> Option<u16> {
        let port = self.ports.remove(id)?;
        let holding = self.assigned.remove(&port)?;
        self.released.insert(port, Released { id: holding.id, at });
        Some(port)
    }

    /// Puts a release down as it was.
    pub(super) fn keep(&mut self, port: u16, released: Released) -> Result<(), Clash> {
        match self.assigned.get(&port) {
            Some(holding) => Err(Clash(format!("{port} is {}'s and released", holding.id))),
            None => {
                self.released.insert(port, released);
                Ok(())
            }
        }
    }

    /// Forgets a release.
    pub(super) fn forget(&mut self, port: u16) {
        self.released.remove(&port);
    }

    /// A sum over everything, so that a value that was changed on the disk is noticed. Not a secret's, and not against anybody who may write
    /// the file.
    pub(super) fn digest(&self) -> i64 {
        let mut hasher = SipHasher24::new();
        let mut add = |text: &str| {
            hasher.write_usize(text.len());
            hasher.write(text.as_bytes());
        };
        add(&self.generation.to_string());
        for (port, holding) in &self.assigned {
            let wish = holding.wish.map(|wish| wish.to_string()).unwrap_or_default();
            let why = holding.why.as_ref().map_or("-", Shown::as_str);
            for text in [&port.to_string(), &holding.id.to_string(), &holding.uid.to_string(), &wish, &holding.at.to_string()] {
                add(text);
            }
            for text in [holding.strategy.as_str(), why, holding.by.as_str()] {
                add(text);
            }
        }
        add("released");
        for (port, released) in &self.released {
            for text in [port.to_string(), released.id.to_string(), released.at.to_string()] {
                add(&text);
            }
        }
        hasher.finish().cast_signed()
    }
}

#[cfg(test)]
pub(super) fn holding(id: &str) -> Holding {
    Holding {
        id: InstanceId::parse(id).unwrap(),
        uid: Uid(1001),
        strategy: Shown::new("registry"),
        wish: None,
        why: None,
        by: Shown::new("root"),
        at: "2026-11-21T12:00:00Z".parse().unwrap(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(book: &Book, now: &str) -> Vec<String> {
        let now: Timestamp = now.parse().unwrap();
        let hour = Duration::from_secs(3600);
        book.obstacles(now, hour).map(|(port, why)| format!("{port} {} {}", why.word(), why.instance().unwrap())).collect()
    }

    #[test]
    fn one_port_an_instance_and_one_instance_a_port() {
        let mut book = Book::default();
        book.assign(8080, holding("amy")).unwrap();
        assert_eq!(book.assign(8080, holding("bob")), Err(Clash("8080 is amy's and bob's".into())));
        assert_eq!(book.assign(8081, holding("amy")), Err(Clash("amy has 8080 and 8081".into())));
    }

    #[test]
    fn a_released_port_is_kept_for_its_time() {
        let mut book = Book::default();
        book.assign(8080, holding("amy")).unwrap();
        book.assign(8081, holding("bob")).unwrap();
        assert_eq!(book.release(&holding("amy").id, "2026-11-21T12:00:00Z".parse().unwrap()), Some(8080));
        assert_eq!(book.release(&holding("amy").id, "2026-11-21T12:00:00Z".parse().unwrap()), None);
        assert_eq!(told(&book, "2026-11-21T12:59:59Z"), ["8081 assigned bob", "8080 quarantined amy"]);
        assert_eq!(told(&book, "2026-11-21T13:00:00Z"), ["8081 assigned bob"]);
        // The clock was set back: kept all the same, and not for longer than its time.
        assert_eq!(told(&book, "2025-11-21T12:00:00Z"), ["8081 assigned bob", "8080 quarantined amy"]);
        book.assign(8080, holding("amy")).unwrap();
        assert_eq!((book.released().count(), book.port_of(&holding("amy").id)), (0, Some(8080)));
        assert!(book.keep(8080, Released { id: holding("bob").id, at: Timestamp::UNIX_EPOCH }).is_err());
    }

    #[test]
    fn the_digest_tells_every_value() {
        let mut books = vec![Book::default(), Book { generation: 1, ..Book::default() }];
        let with = |change: &dyn Fn(&mut Holding)| {
            let mut one = holding("amy");
            change(&mut one);
            let mut book = Book::default();
            book.assign(8080, one).unwrap();
            book
        };
        books.push(with(&|_| ()));
        books.push(with(&|one| one.id = holding("bob").id));
        books.push(with(&|one| one.uid = Uid(1002)));
        books.push(with(&|one| one.strategy = Shown::new("uid")));
        books.push(with(&|one| one.wish = Some(8080)));
        books.push(with(&|one| one.why = Some(Shown::new("is bob's"))));
        books.push(with(&|one| one.by = Shown::new("bob")));
        books.push(with(&|one| one.at = Timestamp::UNIX_EPOCH));
        let mut released = with(&|_| ());
        released.release(&holding("amy").id, Timestamp::UNIX_EPOCH);
        books.push(released);
        let mut digests: Vec<i64> = books.iter().map(Book::digest).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), books.len());
    }
}
