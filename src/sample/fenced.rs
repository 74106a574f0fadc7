//! Which ports berth's own rules in the packet filter keep strangers from: the set of them as the kernel holds it (nf_tables).
//!
//! It must never have the kernel load its packet filter by asking, nor be asked on a tick.

use std::collections::BTreeSet;
use std::io;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

/// nftables' subsystem, and its messages: nf_tables.h.
const NEW_ELEMENTS: u16 = (10 << 8) | 12;
const GET_ELEMENTS: u16 = (10 << 8) | 13;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The family `inet`.
const INET: u8 = 1;

/// The lengths of a message's own header, and of that with nfnetlink's.
const HEADER: usize = 16;
const HEADERS: usize = 20;

/// The most messages that are read: each has tens of ports.
const MOST: usize = 4096;

/// The ports; none where there are no such rules, or they may not be seen.
pub fn fenced_ports() -> BTreeSet<u16> {
    if !nix::unistd::geteuid().is_root() || !is_there() {
        return BTreeSet::new();
    }
    ask().unwrap_or_default()
}

/// Whether the kernel has its packet filter: a module that is not loaded holds no rules.
fn is_there() -> bool {
    let loaded = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    if loaded.lines().any(|line| line.starts_with("nf_tables ")) || loaded.is_empty() {
        return true;
    }
    let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default();
    std::fs::read_to_string(format!("/lib/modules/{release}/modules.builtin")).is_ok_and(|text| text.contains("/nf_tables.ko"))
}

fn ask() -> io::Result<BTreeSet<u16>> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(1, 0))?;
    socket.send(&request(), 0)?;
    let mut ports = BTreeSet::new();
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..MOST {
        let length = socket.recv(&mut &mut buffer[..], 0)?;
        if !take(buffer.get(..length).unwrap_or_default(), &mut ports)? {
            return Ok(ports);
        }
    }
    Err(io::Error::other("more than the kernel could hold"))
}

/// All elements of the set `ports` in the table `inet berth`.
fn request() -> Vec<u8> {
    let mut message = Vec::with_capacity(64);
    message.extend(0_u32.to_ne_bytes());
    message.extend(GET_ELEMENTS.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    message.extend([0; 8]);
    message.extend([INET, 0, 0, 0]);
    for (kind, name) in [(1_u16, "berth\0"), (2, "ports\0")] {
        message.extend((4 + 6_u16).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(name.as_bytes());
        message.extend([0; 2]);
    }
    let length = u32::try_from(message.len()).unwrap_or_default();
    message[..4].copy_from_slice(&length.to_ne_bytes());
    message
}

/// Takes over what came in one go. False when that was the end.
fn take(mut bytes: &[u8], ports: &mut BTreeSet<u16>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (number(bytes, 0), half(bytes, 4)) {
        let length = usize::try_from(length).unwrap_or(0);
        let Some(message) = bytes.get(..length).filter(|_| length >= HEADER) else { break };
        match kind {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => {
                let code = number(message, HEADER).map_or(0, u32::cast_signed);
                return if code == 0 { Ok(false) } else { Err(io::Error::from_raw_os_error(-code)) };
            }
            NEW_ELEMENTS => elements(message.get(HEADERS..).unwrap_or_default(), ports),
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}

/// The port of each element: list, element, key and value lie in each other.
fn elements(message: &[u8], ports: &mut BTreeSet<u16>) {
    let of = |bytes, wanted: u16| attributes(bytes).filter(move |(kind, _)| *kind == wanted).map(|(_, value)| value);
    for value in of(message, 3).flat_map(|list| of(list, 1)).flat_map(|element| of(element, 1)).flat_map(|key| of(key, 1)) {
        if let Some([high, low]) = value.get(..2) {
            ports.insert(u16::from_be_bytes([*high, *low]));
        }
    }
}

/// A message's attributes: kind and value, netlink(7).
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(half(bytes, 0)?);
        let kind = half(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(HEADER + payload.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn the_ports_of_a_set_are_read() {
        let element = |port: u16| attribute(1 | 0x8000, &attribute(1 | 0x8000, &attribute(1, &port.to_be_bytes())));
        let list = attribute(3 | 0x8000, &[element(8081), element(9000)].concat());
        let payload = [vec![INET, 0, 0, 0], attribute(1, b"berth\0"), attribute(2, b"ports\0"), list].concat();
        let mut ports = BTreeSet::new();
        assert!(take(&message(NEW_ELEMENTS, &payload), &mut ports).unwrap());
        assert_eq!(ports, [8081, 9000].into());
        assert!(!take(&message(NLMSG_DONE, &[0; 4]), &mut ports).unwrap());
        let none = take(&message(NLMSG_ERROR, &(-2_i32).to_ne_bytes()), &mut ports).unwrap_err();
        assert_eq!(none.raw_os_error(), Some(libc::ENOENT));
    }

    #[test]
    fn no_bytes_make_it_fail() {
        let whole = message(NEW_ELEMENTS, &[vec![INET, 0, 0, 0], attribute(3, &attribute(1, &attribute(1, &attribute(1, &[1]))))].concat());
        for cut in 0..whole.len() {
            let mut ports = BTreeSet::new();
            drop(take(&whole[..cut], &mut ports));
            assert!(ports.is_empty());
        }
        assert_eq!(attributes(&[0, 0, 0, 0, 1, 1]).count(), 0);
    }
}
