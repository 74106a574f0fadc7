//! How many are connected to a port, and which ports are listened on, for those who ask once.
//!
//! It must never be asked every tick: for the first the kernel walks all connections.

use std::collections::HashSet;
use std::io;

use super::netlink::{DumpError, Netlink};
use crate::domain::Endpoint;

/// `TCP_ESTABLISHED`, tcp_states.h of the kernel.
const ESTABLISHED: u8 = 1;

/// How many connections to these addresses there are now.
///
/// # Errors
/// When the kernel does not tell.
pub fn clients(endpoints: &[Endpoint]) -> io::Result<u64> {
    let mut ports: Vec<u16> = endpoints.iter().map(|endpoint| endpoint.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let mut netlink = Netlink::open().map_err(reason)?;
    let mut count = 0;
    for port in ports {
        let sockets = netlink.on_port(port).map_err(reason)?;
        let ours =
            sockets.iter().filter(|raw| raw.state == ESTABLISHED && endpoints.iter().any(|endpoint| raw.endpoint.overlaps(endpoint)));
        count += ours.count() as u64;
    }
    Ok(count)
}

/// All ports that somebody listens on, on any address.
///
/// # Errors
/// When the kernel does not tell.
pub fn listening_ports() -> io::Result<HashSet<u16>> {
    let mut listeners = Vec::new();
    Netlink::open().and_then(|mut netlink| netlink.dump(&mut listeners)).map_err(reason)?;
    Ok(listeners.into_iter().map(|raw| raw.endpoint.port).collect())
}

fn reason(error: DumpError) -> io::Error {
    match error {
        DumpError::Refused(error) | DumpError::Disturbed(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn who_is_connected_is_counted_and_who_has_gone_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let endpoint = Endpoint { address: at.ip(), port: at.port(), v6only: false };
        assert_eq!(clients(&[endpoint]).unwrap(), 0);
        let streams: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(at).unwrap()).collect();
        assert_eq!(clients(&[endpoint]).unwrap(), 3);
        drop(streams);
        let waiting = std::time::Instant::now();
        // Not accepted: reset at once, counted until the kernel has done that.
        drop(listener);
        while clients(&[endpoint]).unwrap() > 0 {
            assert!(waiting.elapsed().as_secs() < 10);
        }
    }
}
