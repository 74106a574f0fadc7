//! Why a port that nobody listens on cannot be had, in a sentence.
//!
//! It must never refuse a start for what passes by itself, nor for what it cannot name: the kernel decides that, when the server binds.

use std::io;

use crate::domain::{Declared, Endpoint, Uid, words};
use crate::sample::{Occupant, Occupation, occupants, try_bind};

/// What keeps an instance from binding its port and stays: somebody's socket. `None` when it can bind, or where that is not known.
pub(super) fn obstacle(declared: &Declared) -> Option<String> {
    let endpoint = endpoint(declared)?;
    if !is_in_use(try_bind(&endpoint)) {
        return None;
    }
    let found = occupants(&endpoint).ok()?;
    let staying: Vec<&Occupant> = found.iter().filter(|one| !matches!(one.how, Occupation::Closing(_))).collect();
    (!staying.is_empty()).then(|| sentence(&endpoint, &staying))
}

/// What may have kept an instance that ended from binding its port: also what would pass, and what nobody can name.
pub(super) fn explanation(declared: &Declared) -> Option<String> {
    let endpoint = endpoint(declared)?;
    let found = occupants(&endpoint).ok()?;
    (!found.is_empty() || is_in_use(try_bind(&endpoint))).then(|| sentence(&endpoint, &found.iter().collect::<Vec<_>>()))
}

fn endpoint(declared: &Declared) -> Option<Endpoint> {
    Some(Endpoint::new(declared.host?, declared.port?))
}

fn is_in_use(bound: io::Result<()>) -> bool {
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn sentence(endpoint: &Endpoint, occupants: &[&Occupant]) -> String {
    let port = endpoint.port;
    let Some(first) = occupants.first() else {
        return format!("{port} is in use, and the kernel does not say by whom: before Linux 6.8 it tells no socket that is only bound");
    };
    let who = || {
        first.process.as_ref().map_or_else(
            || format!("a process of {} that may not be seen", account(first.uid)),
            |process| words::process(process.key.pid, &process.name, &account(process.uid)),
        )
    };
    match first.how {
        Occupation::Listening => format!("{port} is held by {}", who()),
        Occupation::Bound => format!("{port} is bound, but not listened on, by {}", who()),
        Occupation::Connected(remote) => format!("{port} is the local port of an outgoing connection of {} to {remote}", who()),
        Occupation::Closing(Some(remote)) => format!(
            "{port} is kept by the kernel for up to a minute after a connection with {remote} (TIME_WAIT): only a server that sets \
             SO_REUSEADDR can have it before"
        ),
        Occupation::Closing(None) => format!("{port} is kept by the kernel until it has closed a socket that nobody has open any more"),
    }
}

fn account(uid: Uid) -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid.0)).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use super::*;

    #[test]
    fn each_has_its_sentence() {
        let endpoint = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);
        let remote = SocketAddr::from(([10, 0, 0, 1], 443));
        let nobody = Uid(4_000_000_001);
        let cases = [
            (Occupation::Listening, "8081 is held by a process of uid 4000000001 that may not be seen"),
            (Occupation::Bound, "8081 is bound, but not listened on, by a process of uid 4000000001 that may not be seen"),
            (
                Occupation::Connected(remote),
                "8081 is the local port of an outgoing connection of a process of uid 4000000001 that may not be seen to 10.0.0.1:443",
            ),
            (
                Occupation::Closing(Some(remote)),
                "8081 is kept by the kernel for up to a minute after a connection with 10.0.0.1:443 (TIME_WAIT): only a server that sets \
                 SO_REUSEADDR can have it before",
            ),
            (Occupation::Closing(None), "8081 is kept by the kernel until it has closed a socket that nobody has open any more"),
        ];
        for (how, expected) in cases {
            assert_eq!(sentence(&endpoint, &[&Occupant { how, endpoint, uid: nobody, process: None }]), expected);
        }
        assert!(sentence(&endpoint, &[]).starts_with("8081 is in use, and the kernel does not say by whom"));
    }
}
