//! Whose a connection over loopback is: the account that made the socket at its other end.
//!
//! It must never take what the kernel says of a socket that nobody has open any more for somebody's: it says 0 there, which is root's.

use std::net::SocketAddr;

use super::netlink::Netlink;
use crate::domain::Uid;

/// `TCP_ESTABLISHED`, tcp_states.h of the kernel.
const ESTABLISHED: u8 = 1;

/// Whose socket is connected from `theirs` to `ours`; `None` where that is not to be known: it has been closed already, it is in another
/// network, or the kernel does not tell.
pub fn connected(theirs: SocketAddr, ours: SocketAddr) -> Option<Uid> {
    let socket = Netlink::open().ok()?.between(theirs, ours).ok()??;
    let is_it = socket.state == ESTABLISHED && socket.inode != 0 && socket.remote == Some(ours) && socket.endpoint.port == theirs.port();
    is_it.then_some(Uid(socket.uid))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn who_is_connected_is_known_and_who_has_gone_is_nobody() {
        let own = Some(Uid(nix::unistd::geteuid().as_raw()));
        for address in [Ipv4Addr::LOCALHOST.into(), std::net::IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let Ok(listener) = TcpListener::bind((address, 0)) else { continue };
            let ours = listener.local_addr().unwrap();
            let stream = TcpStream::connect(ours).unwrap();
            let (accepted, theirs) = listener.accept().unwrap();
            assert_eq!(connected(theirs, ours), own);
            assert_eq!(connected(ours, theirs), own, "the other way round it is the accepted one");
            assert_eq!(connected(SocketAddr::new(theirs.ip(), 1), ours), None);
            // What listens there is not connected.
            assert_eq!(connected(ours, SocketAddr::new(theirs.ip(), 1)), None);
            // Half closed, and closed: the kernel's word for the owner of such a one is root.
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(connected(theirs, ours), None);
            drop(stream);
            assert_eq!(connected(theirs, ours), None);
            drop(accepted);
        }
    }
}
