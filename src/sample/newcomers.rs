//! A filter for the kernel that leaves out the listening sockets which are known, so that ten times a second it only tells of others.
//!
//! To tell a socket costs the kernel several times what it costs to pass over it, and nine of ten dumps tell what is known already.
//! Pure. It must never leave out another address, another port or another family than those of a known socket.

use std::net::IpAddr;

use netlink_packet_core::NetlinkBuffer;

use super::netlink::RawListener;

/// The head of an attribute, and the kind of that which is a filter, `INET_DIAG_REQ_BYTECODE`.
const ATTRIBUTE: usize = 4;
const BYTECODE: u16 = 1;

/// `struct inet_diag_bc_op` of linux/inet_diag.h is a code, how far to go on when it holds, and how far when not.
const OPERATION: usize = 4;
const JUMP: u8 = 1;
const PORT_NOT_BELOW: u8 = 2;
const PORT_NOT_ABOVE: u8 = 3;
const ADDRESS: u8 = 7;

/// A port's condition: the operation, and one more whose last field is the port.
const PORT_CONDITION: usize = 2 * OPERATION;

/// `struct inet_diag_hostcond` without the address: family, length of the prefix, port.
const HOST_CONDITION: usize = 8;

/// Every socket is compared with each run until one has it, and the kernel checks the filter each time anew in the square of its length:
/// with more runs a plain dump is as cheap. The longest are left out, the others told again.
const MOST_RUNS: usize = 24;

/// Ports in a row at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    address: IpAddr,
    first: u16,
    last: u16,
}

/// A request with the filter added.
pub(super) fn filtered(request: &[u8], known: &[RawListener], is_v6: bool) -> Vec<u8> {
    let mut request = request.to_vec();
    let code = filter(known, is_v6);
    if !code.is_empty() {
        request.extend(u16::try_from(ATTRIBUTE + code.len()).unwrap_or(0).to_ne_bytes());
        request.extend(BYTECODE.to_ne_bytes());
        request.extend(code);
        let total = u32::try_from(request.len()).unwrap_or(0);
        NetlinkBuffer::new(&mut request).set_length(total);
    }
    request
}

/// The filter that lets through what is at none of the places of these sockets. Only those of one family are looked at.
fn filter(known: &[RawListener], is_v6: bool) -> Vec<u8> {
    let mut runs = runs(known.iter().filter(|raw| raw.endpoint.address.is_ipv6() == is_v6));
    runs.sort_unstable_by_key(|run| std::cmp::Reverse((run.last - run.first, run.first)));
    runs.truncate(MOST_RUNS);
    let total: usize = runs.iter().map(length).sum();
    let mut code = Vec::with_capacity(total);
    for run in &runs {
        let end = code.len() + length(run);
        // Where a condition does not hold, the next run is asked; after the last one is the end, and that lets it through.
        let next = |code: &Vec<u8>| end - code.len();
        for (condition, port) in [(PORT_NOT_BELOW, run.first), (PORT_NOT_ABOVE, run.last)] {
            let no = next(&code);
            operation(&mut code, condition, PORT_CONDITION, no);
            operation(&mut code, 0, 0, usize::from(port));
        }
        let no = next(&code);
        let (family, address) = match run.address {
            IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
            IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
        };
        operation(&mut code, ADDRESS, OPERATION + HOST_CONDITION + address.len(), no);
        let prefix = u8::try_from(address.len() * 8).unwrap_or(u8::MAX);
        code.extend([u8::try_from(family).unwrap_or(0), prefix, 0, 0]);
        code.extend((-1_i32).to_ne_bytes()); // any port
        code.extend(address);
        // It is known: to go beyond the end is to leave it out.
        let beyond = total - code.len() + OPERATION;
        operation(&mut code, JUMP, OPERATION, beyond);
    }
    code
}

fn length(run: &Run) -> usize {
    let address = if run.address.is_ipv6() { 16 } else { 4 };
    2 * PORT_CONDITION + OPERATION + HOST_CONDITION + address + OPERATION
}

fn operation(code: &mut Vec<u8>, what: u8, yes: usize, no: usize) {
    code.extend([what, u8::try_from(yes).unwrap_or(u8::MAX)]);
    code.extend(u16::try_from(no).unwrap_or(u16::MAX).to_ne_bytes());
}

fn runs<'a>(known: impl Iterator<Item = &'a RawListener>) -> Vec<Run> {
    let mut places: Vec<(IpAddr, u16)> = known.map(|raw| (raw.endpoint.address, raw.endpoint.port)).collect();
    places.sort_unstable();
    let mut runs: Vec<Run> = Vec::new();
    for (address, port) in places {
        match runs.last_mut() {
            Some(run) if run.address == address && (run.last == port || run.last.checked_add(1) == Some(port)) => run.last = port,
            _ => runs.push(Run { address, first: port, last: port }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Endpoint;

    fn at(text: &str) -> RawListener {
        let (address, port) = text.rsplit_once(' ').unwrap();
        RawListener { cookie: 1, endpoint: Endpoint::new(address.parse().unwrap(), port.parse().unwrap()), uid: 0, inode: 1 }
    }

    #[test]
    fn ports_in_a_row_are_one_run() {
        let known: Vec<RawListener> =
            ["127.0.0.1 81", "127.0.0.1 80", "127.0.0.1 82", "127.0.0.1 82", "127.0.0.1 84", "0.0.0.0 83", "127.0.0.2 65535"]
                .map(at)
                .into();
        let found: Vec<String> = runs(known.iter()).iter().map(|run| format!("{} {}-{}", run.address, run.first, run.last)).collect();
        assert_eq!(found, ["0.0.0.0 83-83", "127.0.0.1 80-82", "127.0.0.1 84-84", "127.0.0.2 65535-65535"]);
    }

    /// What the kernel does with a filter, inet_diag_bc_run in net/ipv4/inet_diag.c.
    fn lets_through(code: &[u8], address: IpAddr, port: u16) -> bool {
        let mut at = 0;
        while at < code.len() {
            let number = |from: usize| u16::from_ne_bytes(code[from..from + 2].try_into().unwrap());
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            let holds = match code[at] {
                JUMP => false,
                PORT_NOT_BELOW => port >= number(at + 6),
                PORT_NOT_ABOVE => port <= number(at + 6),
                ADDRESS => {
                    let wanted = octets(address);
                    code[at + 12..].starts_with(&wanted) && usize::from(code[at + 5]) == wanted.len() * 8
                }
                other => panic!("{other}"),
            };
            at += if holds { usize::from(code[at + 1]) } else { usize::from(number(at + 2)) };
        }
        at == code.len()
    }

    #[test]
    fn only_known_places_are_left_out() {
        let known: Vec<RawListener> = ["127.0.0.1 80", "127.0.0.1 81", "0.0.0.0 90", "::1 80", ":: 90", "127.0.0.2 81"].map(at).into();
        for (place, through) in [
            ("127.0.0.1 80", false),
            ("127.0.0.1 81", false),
            ("127.0.0.1 79", true),
            ("127.0.0.1 82", true),
            ("127.0.0.2 80", true),
            ("127.0.0.2 81", false),
            ("0.0.0.0 90", false),
            ("0.0.0.0 80", true),
            ("::1 80", false),
            ("::1 90", true),
            (":: 90", false),
            (":: 80", true),
        ] {
            let endpoint = at(place).endpoint;
            let code = filter(&known, endpoint.address.is_ipv6());
            assert_eq!(lets_through(&code, endpoint.address, endpoint.port), through, "{place}");
        }
        assert!(filter(&[], false).is_empty());
    }

    #[test]
    fn of_too_many_runs_the_longest_are_left_out() {
        let known: Vec<RawListener> =
            (0..100).flat_map(|run| (0..=run % 30).map(move |port| at(&format!("127.0.0.1 {}", 1000 + run * 40 + port)))).collect();
        let code = filter(&known, false);
        assert_eq!(code.len(), MOST_RUNS * 36);
        let through = known.iter().filter(|raw| lets_through(&code, raw.endpoint.address, raw.endpoint.port)).count();
        assert!(through > 0 && through < known.len() * 3 / 5, "{through} of {}", known.len());
    }
}
