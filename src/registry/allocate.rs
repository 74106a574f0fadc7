//! Giving ports: chosen by a strategy, asked of the kernel, and written down, in one transaction.
//!
//! It must never give a port that anybody has, whether he was given it or took it, and never move who has one without being told to.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::book::{Book, Holding};
use super::ground::{Ground, Limits};
use super::store::{Sheet, Store};
use super::strategy::{Chosen, Order, Strategy, Who, choose};
use crate::domain::{Endpoint, InstanceId, Obstacle, Shown, Uid};
use crate::error::{Error, Kind, Result};

/// How long another writer is waited for: each of them takes some hundredths of a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// By what a port is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A strategy: the next one when its own cannot be had.
    Strategy(Strategy),
    /// Somebody who named it: this one or none.
    Name(u16),
}

/// Who wants a port.
#[derive(Clone, Debug)]
pub struct Want {
    /// The instance.
    pub id: InstanceId,
    /// The account that it runs as.
    pub uid: Uid,
    /// The address that it listens on.
    pub host: IpAddr,
    /// The port that its configuration says.
    pub configured: Option<u16>,
    /// The ports that it listens on itself: the kernel calls them in use, and they are in nobody's way but the others'.
    pub listening: Vec<u16>,
    /// By what it is chosen.
    pub by: By,
    /// The port that it has already is given up for another one.
    pub anew: bool,
    /// The port that it has already is kept only if the kernel would give it now, or it listens on it.
    pub usable: bool,
}

/// What everybody is given by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What is never given.
    pub limits: Limits,
    /// For how long a released port is given to nobody else.
    pub quarantine: Duration,
    /// What the configurations say, of whomever: ports that are not to be given to others, and what is left if the registry is lost.
    pub configured: Vec<(InstanceId, Uid, u16)>,
    /// On whose behalf, for the record.
    pub on_behalf: Shown,
    /// Now.
    pub now: Timestamp,
}

/// What came of a want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The port; `None` when none could be had.
    pub port: Option<u16>,
    /// It had this one already.
    pub kept: bool,
    /// What was wished for it.
    pub wish: Option<u32>,
    /// Why it was not given that.
    pub why: Option<Obstacle>,
    /// The port that was taken from it.
    pub released: Option<u16>,
}

/// What allocating asks the kernel: whether a server could bind there now.
pub type Probe<'a> = &'a mut dyn FnMut(&Endpoint) -> std::io::Result<()>;

/// The registry.
#[derive(Clone, Debug)]
pub struct Registry {
    store: Store,
    /// The state that says whose each port of the host is, where that is another one and this account may not read it.
    elsewhere: Option<PathBuf>,
}

impl Registry {
    /// The registry in a state directory. Opens nothing.
    pub fn below(state: &Path) -> Self {
        Self::patient(state, PATIENCE)
    }

    /// The same, waiting for other writers for as long as this.
    pub fn patient(state: &Path, patience: Duration) -> Self {
        Self { store: Store::below(state, patience), elsewhere: None }
    }

    /// The same beside the host's own, which this account may not read: ports may be anybody's then, and none is given.
    pub fn beside(self, hosts: Option<PathBuf>) -> Self {
        Self { elsewhere: hosts, ..self }
    }

    /// Whether it is the one that says whose each port is.
    ///
    /// # Errors
    /// `Kind::NotPermitted` where that is root's.
    pub fn require_own(&self) -> Result<()> {
        let Some(hosts) = &self.elsewhere else { return Ok(()) };
        let why = format!("whose each port of this host is stands in {}, which this account may not read", hosts.display());
        Err(Error::new(Kind::NotPermitted, why).hint("the same with sudo"))
    }

    /// What it is kept in.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// What it holds, and a sentence where that comes from its copy. Makes no file.
    ///
    /// # Errors
    /// When it may not or cannot be read.
    pub fn read(&self) -> Result<(Book, Option<Shown>)> {
        self.store.read()
    }

    /// Gives each a port, all of them in one transaction; what each was given, in their order, and what went wrong beside it.
    ///
    /// # Errors
    /// When it cannot be written or the kernel cannot be asked: nobody was given anything then.
    pub fn allocate(&self, wants: &[Want], rules: &Rules, probe: Probe<'_>) -> Result<(Vec<Given>, Vec<Shown>)> {
        self.allocate_then(wants, rules, probe, |_| Ok(()))
    }

    /// The same, and then something else, before it is written for good: where that fails nobody was given anything.
    ///
    /// # Errors
    /// As [`Registry::allocate`], and what it fails with.
    pub fn allocate_then(
        &self,
        wants: &[Want],
        rules: &Rules,
        probe: Probe<'_>,
        then: impl FnOnce(&[Given]) -> Result<()>,
    ) -> Result<(Vec<Given>, Vec<Shown>)> {
        self.store.write(&rules.known(), |sheet| {
            rules.forget(sheet)?;
            let mut ground = rules.ground(sheet.book());
            let given: Result<Vec<Given>> = wants.iter().map(|want| give(want, rules, sheet, &mut ground, probe)).collect();
            let given = given?;
            then(&given)?;
            Ok(given)
        })
    }

    /// What would be given, and a sentence where that was read from the copy. Writes nothing.
    ///
    /// # Errors
    /// When the registry cannot be read or the kernel cannot be asked.
    pub fn would_give(&self, want: &Want, rules: &Rules, probe: Probe<'_>) -> Result<(Given, Option<Shown>)> {
        self.require_own()?;
        let (book, notice) = self.read()?;
        Ok((find(want, &book, &mut rules.ground(&book), probe)?, notice))
    }

    /// What would be given to all of them. Writes nothing.
    ///
    /// # Errors
    /// As [`Registry::would_give`].
    pub fn would_give_all(&self, wants: &[Want], rules: &Rules, probe: Probe<'_>) -> Result<Vec<Given>> {
        self.require_own()?;
        let (book, _) = self.read()?;
        let mut ground = rules.ground(&book);
        let mut all = Vec::with_capacity(wants.len());
        for want in wants {
            let given = find(want, &book, &mut ground, &mut *probe)?;
            if let Some(port) = given.port.filter(|_| !given.kept) {
                ground.close(port, Obstacle::Assigned(want.id.clone()));
            }
            all.push(given);
        }
        Ok(all)
    }

    /// Whether there is room on the disk for a change and what is recorded with it.
    ///
    /// # Errors
    /// When there is not: it is time to refuse.
    pub fn require_room(&self) -> Result<()> {
        self.require_own()?;
        self.store.require_room()
    }

    /// Takes ports back that nobody was told of: they are kept from nobody.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn withdraw(&self, ids: &[InstanceId], rules: &Rules) -> Result<()> {
        let all = self.store.write(&rules.known(), |sheet| {
            for id in ids {
                if let Some(port) = sheet.release(id, rules.now)? {
                    sheet.forget(port)?;
                }
            }
            Ok(())
        });
        all.map(drop)
    }

    /// Takes an instance's port away; which it was. Nobody else is given it as long as it is in quarantine.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn release(&self, id: &InstanceId, rules: &Rules) -> Result<(Option<u16>, Vec<Shown>)> {
        self.store.write(&rules.known(), |sheet| sheet.release(id, rules.now))
    }

    /// The same of one that goes for good: a port that only its configuration said is kept from the others, too, unless it is somebody's.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn retire(&self, id: &InstanceId, uid: Uid, configured: Option<u16>, rules: &Rules) -> Result<(Option<u16>, Vec<Shown>)> {
        self.store.write(&rules.known(), |sheet| {
            let is_anothers = |port: u16| rules.configured.iter().any(|(other, _, theirs)| *theirs == port && other != id);
            let is_own = |port: &u16| sheet.book().holding(*port).is_none() && !is_anothers(*port);
            let own = configured.filter(|port| sheet.book().port_of(id).is_none() && is_own(port));
            if let Some(port) = own {
                sheet.assign(port, rules.holding(id, uid))?;
            }
            sheet.release(id, rules.now)
        })
    }
}

impl Rules {
    /// What the configurations say, as it is written down where nothing better is known.
    pub(super) fn known(&self) -> Vec<(u16, Holding)> {
        let holding = |id: &InstanceId, uid: Uid| Holding { by: Shown::new("its configuration"), ..self.holding(id, uid) };
        self.configured.iter().map(|(id, uid, port)| (*port, holding(id, *uid))).collect()
    }

    /// That an instance has the port that it had without the registry.
    pub(super) fn holding(&self, id: &InstanceId, uid: Uid) -> Holding {
        let strategy = Shown::new(Strategy::Static.name());
        Holding { id: id.clone(), uid, strategy, wish: None, why: None, by: self.on_behalf.clone(), at: self.now }
    }

    /// Releases whose time is over are forgotten.
    fn forget(&self, sheet: &mut Sheet<'_>) -> Result<()> {
        let kept: BTreeSet<u16> = sheet.book().obstacles(self.now, self.quarantine).map(|(port, _)| port).collect();
        let over: Vec<u16> = sheet.book().released().map(|(port, _)| port).filter(|port| !kept.contains(port)).collect();
        over.into_iter().try_for_each(|port| sheet.forget(port))
    }

    /// What is in the way of whom.
    pub(super) fn ground(&self, book: &Book) -> Ground {
        let mut ground = Ground::new(self.limits.clone());
        for (port, why) in book.obstacles(self.now, self.quarantine) {
            ground.close(port, why);
        }
        for (id, _, port) in &self.configured {
            // Who has a port by the registry is at that one, whatever stands in a file of his.
            if book.port_of(id).is_none() {
                ground.close(*port, Obstacle::Configured(id.clone()));
            }
        }
        ground
    }
}

/// What a want comes to.
fn find(want: &Want, book: &Book, ground: &mut Ground, probe: Probe<'_>) -> Result<Given> {
    let present = book.port_of(&want.id);
    let named = matches!(want.by, By::Name(_));
    let mut anew = want.anew;
    if let (Some(port), false) = (present, anew) {
        let usable = !want.usable || want.listening.contains(&port) || in_the_way(port, want.host, named, &mut *probe)?.is_none();
        if usable && !matches!(want.by, By::Name(name) if name != port) {
            return Ok(Given { port: Some(port), kept: true, wish: None, why: None, released: None });
        }
        anew = !usable;
    }
    let order = match want.by {
        By::Name(port) => Order { wish: Some(u32::from(port)), then: Vec::new(), blocks: None },
        // Who gives its port up does not wish for it.
        By::Strategy(Strategy::Registry) if anew => Strategy::Registry.order(&Who { id: &want.id, uid: want.uid, present: None }, ground),
        By::Strategy(strategy) => strategy.order(&Who { id: &want.id, uid: want.uid, present: present.or(want.configured) }, ground),
    };
    let given_up = present.filter(|_| anew);
    let Chosen { port, wish, why } = choose(&order, &want.id, ground, |port| {
        if given_up == Some(port) {
            return Ok(Some(if want.anew { Obstacle::Assigned(want.id.clone()) } else { Obstacle::InUse }));
        }
        if want.listening.contains(&port) { Ok(None) } else { in_the_way(port, want.host, named, &mut *probe) }
    })?;
    Ok(Given { port, kept: false, wish, why, released: present.filter(|_| port.is_some()) })
}

/// Gives what a want comes to.
fn give(want: &Want, rules: &Rules, sheet: &mut Sheet<'_>, ground: &mut Ground, probe: Probe<'_>) -> Result<Given> {
    let given = find(want, sheet.book(), ground, probe)?;
    let (Some(port), false) = (given.port, given.kept) else { return Ok(given) };
    if let Some(old) = sheet.release(&want.id, rules.now)? {
        ground.close(old, Obstacle::Quarantined { of: want.id.clone(), until: rules.now });
    }
    ground.close(port, Obstacle::Assigned(want.id.clone()));
    let strategy = match want.by {
        By::Strategy(strategy) => strategy.name(),
        By::Name(_) => Strategy::Static.name(),
    };
    let words = given.why.as_ref().map(|why| Shown::new(&format!("{} {why}", given.wish.unwrap_or_default())));
    let (by, at, strategy) = (rules.on_behalf.clone(), rules.now, Shown::new(strategy));
    sheet.assign(port, Holding { id: want.id.clone(), uid: want.uid, strategy, wish: given.wish, why: words, by, at })?;
    Ok(given)
}

/// Asks the kernel for a port, everywhere where somebody could be in its way.
fn in_the_way(port: u16, host: IpAddr, named: bool, probe: Probe<'_>) -> Result<Option<Obstacle>> {
    for endpoint in places(host, port, named) {
        match probe(&endpoint) {
            Ok(()) => {}
            Err(error) => match error.raw_os_error() {
                Some(libc::EADDRINUSE) => return Ok(Some(Obstacle::InUse)),
                Some(libc::EACCES | libc::EPERM) => return Ok(Some(Obstacle::Forbidden)),
                // An address that this host does not have, or has not now, is in nobody's hands.
                Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT) => {}
                _ => {
                    let asked = Error::failed(format!("cannot ask the kernel for {endpoint}"));
                    return Err(asked.because(error));
                }
            },
        }
    }
    Ok(None)
}

/// Where to bind. What is chosen for somebody is to be nobody's at any address, or a client that says `localhost` reaches another one's
/// server: a wildcard can be bound only where nobody of its family listens. What was named may be another service's on another address of the
/// host, but not on one that a name stands for, nor where the instance itself is to listen.
fn places(host: IpAddr, port: u16, named: bool) -> Vec<Endpoint> {
    let at = |address: IpAddr| Endpoint { address, port, v6only: address.is_ipv6() };
    let (any, any_six) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    // A server that binds `::` without more ado wants IPv4, too.
    let own = Endpoint { address: host, port, v6only: false };
    let mut places = vec![own];
    let others = if named { [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] } else { [any, any_six] };
    places.extend(others.into_iter().filter(|other| *other != host).map(at));
    places
}

#[cfg(test)]
mod tests;
