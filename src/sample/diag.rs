//! The messages of sock_diag(7) for TCP: requests as bytes, responses as facts.
//!
//! Pure. It must never trust a length that a message says of itself.

use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload, NlasIterator, Parseable,
};
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, INET_DIAG_SKV6ONLY, IPPROTO_TCP, TCP_LISTEN};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use netlink_packet_sock_diag::message::SockDiagMessage;

use super::netlink::RawListener;
use crate::domain::Endpoint;

/// The fixed part of a response, `struct inet_diag_msg`; attributes follow.
const HEADER: usize = 72;

/// `INET_DIAG_CGROUP_ID`, since Linux 5.8; comes unasked.
const CGROUP_ID: u16 = 21;

/// `INET_DIAG_REQ_BYTECODE`: a filter that the kernel applies.
const BYTECODE: u16 = 1;

/// The root group's number: what is in it is in none.
const ROOT_GROUP: u64 = 1;

/// Every state there is, and `TCP_BOUND_INACTIVE` (13, since Linux 6.8): bound, and neither listening nor connected. A kernel
/// that does not know a state passes over it.
const EVERY_STATE: u32 = (1 << 14) - 2;

/// A socket of any state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawSocket {
    /// As in tcp_states.h of the kernel.
    pub(super) state: u8,
    /// Its own end.
    pub(super) endpoint: Endpoint,
    /// The other end; `None` when there is none.
    pub(super) remote: Option<SocketAddr>,
    /// Whose it is; 0 for what has no owner any more.
    pub(super) uid: u32,
    /// The inode; 0 for what no process has open any more.
    pub(super) inode: u32,
}

/// A request for the listening TCP sockets of a family. No extension is asked for: that a socket is V6ONLY comes unasked with
/// each listening one (inet_diag_msg_attrs_fill in inet_diag.c), and its number does not fit in the mask of extensions.
pub(super) fn listening(family: u8) -> Vec<u8> {
    request(family, 1 << TCP_LISTEN)
}

/// A request for the TCP sockets of a family with this local port, in whatever state.
pub(super) fn on_port(family: u8, port: u16) -> Vec<u8> {
    // Two conditions of two operations each (struct inet_diag_bc_op: code, how far to go on when it holds and when not): the
    // port is not below it, and not above it. The operand of a condition is the `no` of the operation behind it. To go beyond
    // the end is to refuse the socket.
    const NOT_BELOW: u8 = 2;
    const NOT_ABOVE: u8 = 3;
    let mut code = Vec::new();
    for (condition, beyond_the_end) in [(NOT_BELOW, 20_u16), (NOT_ABOVE, 12)] {
        code.extend([condition, 8]);
        code.extend(beyond_the_end.to_ne_bytes());
        code.extend([0, 0]);
        code.extend(port.to_ne_bytes());
    }
    let mut bytes = request(family, EVERY_STATE);
    let length = u16::try_from(4 + code.len()).unwrap_or(0);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(BYTECODE.to_ne_bytes());
    bytes.extend(code);
    let total = u32::try_from(bytes.len()).unwrap_or(0);
    NetlinkBuffer::new(&mut bytes).set_length(total);
    bytes
}

/// A request for the one socket with this local and that remote end. The kernel looks it up and walks no table.
pub(super) fn between(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let id = if local.is_ipv4() { SocketId::new_v4() } else { SocketId::new_v6() };
    let socket_id = SocketId {
        source_address: local.ip(),
        source_port: local.port(),
        destination_address: remote.ip(),
        destination_port: remote.port(),
        // INET_DIAG_NOCOOKIE: whichever socket it is.
        cookie: [0xff; 8],
        ..id
    };
    // One answer or an error, and then the word that this was all.
    serialized(NLM_F_REQUEST | NLM_F_ACK, EVERY_STATE, socket_id)
}

fn request(family: u8, states: u32) -> Vec<u8> {
    let socket_id = if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() };
    serialized(NLM_F_REQUEST | NLM_F_DUMP, states, socket_id)
}

fn serialized(flags: u16, states: u32, socket_id: SocketId) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    let inet = InetRequest {
        family: if socket_id.source_address.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::from_bits_retain(states),
        socket_id,
    };
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(SockDiagMessage::InetRequest(inet)));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// One response. Borrows all the way: this is read a thousand times a tick, and ten ticks a second.
pub(super) fn read_listener(payload: &[u8]) -> Option<RawListener> {
    let header = InetResponseHeader::parse(payload).ok().filter(|header| header.state == TCP_LISTEN)?;
    Some(RawListener {
        cookie: u64::from_ne_bytes(header.socket_id.cookie),
        endpoint: endpoint(&header, payload),
        uid: header.uid,
        inode: header.inode,
    })
}

/// The cookie of a listening socket and the number of its control group, unless it is in the root group.
pub(super) fn read_group(payload: &[u8]) -> Option<(u64, u64)> {
    let header = InetResponseHeader::parse(payload).ok().filter(|header| header.state == TCP_LISTEN)?;
    let value = attribute(payload, CGROUP_ID, |value| value.try_into().ok().map(u64::from_ne_bytes)).flatten();
    value.filter(|group| *group > ROOT_GROUP).map(|group| (u64::from_ne_bytes(header.socket_id.cookie), group))
}

/// A socket of any state.
pub(super) fn read_socket(payload: &[u8]) -> Option<RawSocket> {
    let header = InetResponseHeader::parse(payload).ok()?;
    let SocketId { destination_address, destination_port, .. } = header.socket_id;
    Some(RawSocket {
        state: header.state,
        endpoint: endpoint(&header, payload),
        remote: (destination_port != 0).then(|| SocketAddr::new(destination_address.to_canonical(), destination_port)),
        uid: header.uid,
        inode: header.inode,
    })
}

fn endpoint(header: &InetResponseHeader, payload: &[u8]) -> Endpoint {
    let address = header.socket_id.source_address;
    let says_v6only = || attribute(payload, INET_DIAG_SKV6ONLY, |value| value.first().is_some_and(|&value| value != 0)) == Some(true);
    Endpoint { address, port: header.socket_id.source_port, v6only: matches!(address, IpAddr::V6(_)) && says_v6only() }
}

/// What an attribute says, where there is one of this kind.
fn attribute<T>(payload: &[u8], kind: u16, read: impl Fn(&[u8]) -> T) -> Option<T> {
    NlasIterator::new(payload.get(HEADER..)?)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == kind)
        .map(|attribute| read(attribute.value()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_part_of_the_request_and_counted() {
        for family in [AF_INET, AF_INET6] {
            let (plain, filtered) = (listening(family), on_port(family, 8081));
            assert_eq!(filtered.len(), plain.len() + 4 + 16);
            for bytes in [plain, filtered] {
                assert_eq!(u32::from_ne_bytes(bytes[..4].try_into().unwrap()) as usize, bytes.len());
            }
        }
    }

    #[test]
    fn what_is_cut_short_is_nothing() {
        for length in [0, 1, 71, 72, 75] {
            let payload = vec![0; length];
            assert!(read_listener(&payload).is_none() && read_group(&payload).is_none());
        }
        assert!(read_socket(&[2; 40]).is_none());
    }
}
