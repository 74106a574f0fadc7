//! Ports that are kept from everybody by whoever administers the host, beside those that the configuration names.
//!
//! It must never keep a port from somebody who has it.

use super::allocate::{Registry, Rules};
use super::book::{Book, Holding};
use crate::domain::{InstanceId, Obstacle, Shown, Uid};
use crate::error::{Error, Kind, Result};

impl Registry {
    /// Keeps a port from everybody; whether it was not yet, and what went wrong beside it.
    ///
    /// # Errors
    /// When it is somebody's or never given anyway, or it cannot be written.
    pub fn reserve(&self, port: u16, uid: Uid, rules: &Rules) -> Result<(bool, Vec<Shown>)> {
        self.store().write(&rules.known(), |sheet| {
            if is_reserved(sheet.book(), port) {
                return Ok(false);
            }
            if let Some(why) = why_not(port, sheet.book(), rules) {
                return Err(why);
            }
            sheet.assign(port, Holding::reservation(port, uid, rules.on_behalf.clone(), rules.now))?;
            Ok(true)
        })
    }

    /// Lets it be given again; whether it was reserved.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn unreserve(&self, port: u16, rules: &Rules) -> Result<(bool, Vec<Shown>)> {
        self.store().write(&rules.known(), |sheet| {
            if !is_reserved(sheet.book(), port) {
                return Ok(false);
            }
            sheet.release(&InstanceId::unmanaged("reserved", port), rules.now)?;
            // It was nobody's, so that no client is set up for it: it is kept from nobody.
            sheet.forget(port)?;
            Ok(true)
        })
    }

    /// Whether a port is reserved here. `Err` where it is not and cannot be. Writes nothing.
    ///
    /// # Errors
    /// As [`Registry::reserve`].
    pub fn would_reserve(&self, port: u16, rules: &Rules) -> Result<bool> {
        self.require_own()?;
        let (book, _) = self.read()?;
        if is_reserved(&book, port) {
            return Ok(true);
        }
        why_not(port, &book, rules).map_or(Ok(false), Err)
    }

    /// Whether a port is reserved here.
    ///
    /// # Errors
    /// When the registry cannot be read.
    pub fn is_reserved(&self, port: u16) -> Result<bool> {
        self.read().map(|(book, _)| is_reserved(&book, port))
    }
}

fn is_reserved(book: &Book, port: u16) -> bool {
    book.holding(port).is_some_and(Holding::is_reservation)
}

/// Why it cannot be reserved.
fn why_not(port: u16, book: &Book, rules: &Rules) -> Option<Error> {
    let owned = || book.obstacles(rules.now, rules.quarantine).find(|(of, _)| *of == port).map(|(_, why)| why);
    let said = || rules.configured.iter().find(|(.., of)| *of == port).map(|(id, ..)| Obstacle::Configured(id.clone()));
    let never = rules.limits.obstacle(port).filter(|why| matches!(why, Obstacle::Outside(_) | Obstacle::Reserved));
    let why = match never {
        Some(Obstacle::Reserved) => {
            return Some(Error::new(Kind::Busy, format!("{port} is reserved by the configuration ([ports] reserved)")));
        }
        Some(outside) => outside,
        None => owned().or_else(said)?,
    };
    Some(Error::new(Kind::Busy, format!("{port} {why}")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::super::{By, Limits, Strategy, Want};
    use super::*;
    use crate::domain::PortRange;

    fn rules(now: &str) -> Rules {
        let range = PortRange::parse("8080-8082").unwrap();
        let limits = Limits { range, reserved: vec![PortRange::parse("8082").unwrap()], ephemeral: None, kept_free: Vec::new() };
        let now: Timestamp = now.parse().unwrap();
        Rules { limits, quarantine: Duration::from_secs(3600), configured: Vec::new(), on_behalf: "root".into(), now }
    }

    fn want(name: &str, by: By) -> Want {
        let id = InstanceId::parse(name).unwrap();
        Want { id, uid: Uid(1), host: [127, 0, 0, 1].into(), configured: None, listening: vec![], by, anew: false, usable: false }
    }

    #[test]
    fn what_is_reserved_is_given_to_nobody_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::below(folder.path());
        let rules = rules("2026-11-21T12:00:00Z");
        let auto = By::Strategy(Strategy::Registry);
        assert!(!registry.would_reserve(8080, &rules).unwrap() && registry.stamp().unwrap().is_none(), "it was only asked");
        assert!(registry.reserve(8080, Uid::ROOT, &rules).unwrap().0 && !registry.reserve(8080, Uid::ROOT, &rules).unwrap().0);
        let (given, _) = registry.allocate(&[want("amy", auto), want("ben", auto)], &rules, &mut |_| Ok(())).unwrap();
        assert_eq!((given[0].port, given[1].port), (Some(8081), None));
        let (named, _) = registry.allocate(&[want("ben", By::Name(8080))], &rules, &mut |_| Ok(())).unwrap();
        assert_eq!(named[0].why, Some(Obstacle::Reserved));
        let told = registry.adopt_then(&InstanceId::parse("ben").unwrap(), Uid(1), 8080, &rules, || Ok(())).unwrap_err();
        assert_eq!(told.to_string(), "8080 is reserved");
        let (facts, _) = registry.facts(rules.now, rules.quarantine).unwrap();
        assert_eq!((facts.of(8080), facts.reservation(8080).map(|one| one.by.as_str())), (None, Some("root")));
        assert!(registry.unreserve(8080, &rules).unwrap().0 && !registry.unreserve(8080, &rules).unwrap().0);
        let (given, _) = registry.allocate(&[want("ben", auto)], &rules, &mut |_| Ok(())).unwrap();
        assert_eq!(given[0].port, Some(8080), "nobody has to wait for it");
    }

    #[test]
    fn what_somebody_has_or_nobody_gets_anyway_is_not_reserved() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::below(folder.path());
        let mut rules = rules("2026-11-21T12:00:00Z");
        registry.allocate(&[want("amy", By::Name(8080))], &rules, &mut |_| Ok(())).unwrap();
        rules.configured = vec![(InstanceId::parse("ben").unwrap(), Uid(2), 8081)];
        let cases = [
            (8080, "8080 is amy's"),
            (8081, "8081 stands in ben's configuration"),
            (8082, "8082 is reserved by the configuration ([ports] reserved)"),
            (9000, "9000 is outside the range 8080-8082"),
        ];
        for (port, why) in cases {
            assert_eq!(registry.reserve(port, Uid::ROOT, &rules).unwrap_err().to_string(), why);
            assert_eq!(registry.would_reserve(port, &rules).unwrap_err().to_string(), why);
        }
        registry.release(&InstanceId::parse("amy").unwrap(), &rules).unwrap();
        assert!(
            registry.reserve(8080, Uid::ROOT, &rules).unwrap_err().to_string().starts_with("8080 was amy's and is given to nobody until ")
        );
        // When its time is over it is nobody's.
        let later = Rules { now: "2026-11-21T14:00:00Z".parse().unwrap(), ..rules };
        assert!(registry.reserve(8080, Uid::ROOT, &later).unwrap().0);
    }
}
