//! Whom to ask, and where: only where the instance's own process listens, as its own account. Pure.
//!
//! It must never name a place where somebody else may be listening: what is said there is not health.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::domain::{ProcessKey, Row};

/// Where an instance is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its main process.
    pub of: ProcessKey,
    /// The address, literally.
    pub at: SocketAddr,
}

/// Where to ask; `None` where nothing of it is sure to listen.
pub fn of(row: &Row) -> Option<Target> {
    let of = row.main.known()?;
    if row.declared.is_none() || !row.state.is_up() {
        return None;
    }
    let is_own = |pid: i32| {
        row.publisher.is_some_and(|publisher| publisher.pid == pid)
            || row.processes.iter().any(|process| process.key.pid == pid && process.uid == row.uid)
    };
    let own = || row.listening.iter().filter(|(_, pid)| pid.is_some_and(is_own)).map(|(endpoint, _)| endpoint);
    // The assigned port first; else the lowest one, so that it is the same one each time. IPv4 before IPv6, as clients do on loopback.
    let order = |address: IpAddr, port: u16| (Some(port) != row.port, port, address.is_ipv6(), !address.is_loopback(), address);
    let place = own().min_by_key(|endpoint| order(endpoint.address, endpoint.port))?;
    Some(Target { of, at: SocketAddr::new(reachable(place.address), place.port) })
}

/// Nobody connects to "everywhere": on this host that is the loopback of the same family.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Endpoint, Reading, State, Uid};
    use crate::fixture;

    /// Alice's row, listening at these places.
    fn row(places: &[(&str, Option<i32>)]) -> Row {
        let mut row = (**fixture::fleet().row(&fixture::id("alice")).unwrap()).clone();
        let place = |(text, pid): &(&str, Option<i32>)| {
            let at: SocketAddr = text.parse().unwrap();
            (Endpoint { address: at.ip(), port: at.port(), ..row.listening[0].0 }, *pid)
        };
        row.listening = places.iter().map(place).collect();
        row
    }

    fn at(row: &Row) -> Option<String> {
        of(row).map(|target| target.at.to_string())
    }

    #[test]
    fn only_its_own_process_is_asked() {
        let pid = row(&[]).main.known().unwrap().pid;
        let own = Some(pid);
        type Case<'a> = (&'a str, &'a [(&'a str, Option<i32>)], Option<&'a str>);
        let cases: [Case<'_>; 8] = [
            ("nothing listens", &[], None),
            ("it listens", &[("127.0.0.1:8101", own)], Some("127.0.0.1:8101")),
            ("everywhere", &[("0.0.0.0:8101", own)], Some("127.0.0.1:8101")),
            ("everywhere, IPv6", &[("[::]:8101", own)], Some("[::1]:8101")),
            ("both", &[("[::]:8101", own), ("0.0.0.0:8101", own)], Some("127.0.0.1:8101")),
            ("another address", &[("127.0.0.2:8101", own)], Some("127.0.0.2:8101")),
            ("who holds it may not be seen", &[("127.0.0.1:8101", None)], None),
            ("its port before others", &[("127.0.0.1:80", own), ("127.0.0.1:8101", own)], Some("127.0.0.1:8101")),
        ];
        for (name, places, expected) in cases {
            assert_eq!(at(&row(places)).as_deref(), expected, "{name}");
        }
        assert_eq!(at(&row(&[("127.0.0.1:8101", Some(pid + 1))])), None, "a process that is not in its tree");
    }

    #[test]
    fn another_accounts_process_is_not_asked_nor_what_does_not_run() {
        let mut row = row(&[]);
        row.listening = fixture::fleet().row(&row.id).unwrap().listening.clone();
        assert!(of(&row).is_some());
        let mut other = row.clone();
        other.processes = row.processes.iter().map(|one| Arc::new(crate::domain::Process { uid: Uid(0), ..(**one).clone() })).collect();
        assert_eq!(of(&other), None);
        row.state = State::Stopped;
        assert_eq!(of(&row), None);
        row.state = State::Running;
        row.main = Reading::Denied;
        assert_eq!(of(&row), None);
    }
}
