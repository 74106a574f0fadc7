//! /proc/net/tcp and /proc/net/tcp6 (proc_net_tcp(5)): the listening sockets where sock_diag is refused.
//!
//! The kernel tells the listening ones first (tcp_get_idx in net/ipv4/tcp_ipv4.c), so nothing of a hundred thousand connections
//! is read. It must never take over a line that is cut short, and never hold more than a piece of the file.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::netlink::RawListener;
use crate::domain::Endpoint;

/// Far longer than any line that the kernel writes (150 bytes, tcp6 180).
const LONGEST_LINE: usize = 4096;

/// TCP_LISTEN as it is written.
const LISTEN: &[u8] = b"0A";

/// Reads the listening sockets of one of the two files into `listeners`.
///
/// # Errors
/// When the file cannot be read, or is not what proc_net_tcp(5) describes.
pub(super) fn read(mut file: impl Read, listeners: &mut Vec<RawListener>) -> io::Result<()> {
    let mut buffer = [0; 2 * LONGEST_LINE];
    let mut filled = 0;
    let mut is_header = true;
    loop {
        let read = match file.read(&mut buffer[filled..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut begin = 0;
        while let Some(end) = buffer[begin..filled].iter().position(|byte| *byte == b'\n').map(|at| begin + at) {
            let line = &buffer[begin..end];
            begin = end + 1;
            if std::mem::take(&mut is_header) {
                if !line.trim_ascii_start().starts_with(b"sl ") {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                continue;
            }
            match listener(line) {
                Line::Listener(raw) => listeners.push(raw),
                Line::Other => return Ok(()),
                Line::Nonsense => {}
            }
        }
        buffer.copy_within(begin..filled, 0);
        filled -= begin;
        if filled > LONGEST_LINE {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

enum Line {
    Listener(RawListener),
    /// A socket in another state: no listening one comes after it.
    Other,
    Nonsense,
}

/// `   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 12345 1 ...`
fn listener(line: &[u8]) -> Line {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (local, state) = (words.nth(1), words.nth(1));
    // tx:rx, tr:when and retransmits stand between the state and the uid, the timeout between that and the inode.
    let (uid, inode) = (words.nth(3), words.nth(1));
    let (Some(local), Some(state), Some(uid), Some(inode)) = (local, state, uid, inode) else { return Line::Nonsense };
    if state != LISTEN {
        return if state.len() == 2 { Line::Other } else { Line::Nonsense };
    }
    match (endpoint(local), decimal(uid), decimal(inode)) {
        // The inode stands in for the kernel's cookie, which is not told here: no two living sockets have the same.
        (Some(endpoint), Some(uid), Some(inode)) => Line::Listener(RawListener { cookie: u64::from(inode), endpoint, uid, inode }),
        _ => Line::Nonsense,
    }
}

/// `0100007F:1F90`: the address in words of four bytes, each as this machine's number; the port as a number.
fn endpoint(text: &[u8]) -> Option<Endpoint> {
    let (address, port) = std::str::from_utf8(text).ok()?.split_once(':')?;
    let word = |at: usize| -> Option<[u8; 4]> {
        let digits = address.get(8 * at..8 * at + 8).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (at, part) in octets.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    let port = u16::from_str_radix(port, 16).ok().filter(|_| port.len() == 4)?;
    Some(Endpoint::new(address, port))
}

fn decimal(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whether an IPv6 wildcard leaves IPv4 alone is not told here. But where something listens on the port in IPv4 beside it, it
/// must: else they could not both.
pub(super) fn infer_v6only(listeners: &mut [RawListener]) {
    let mut in_v4: Vec<u16> =
        listeners.iter().filter(|raw| raw.endpoint.address.to_canonical().is_ipv4()).map(|raw| raw.endpoint.port).collect();
    in_v4.sort_unstable();
    for raw in listeners.iter_mut().filter(|raw| raw.endpoint.address == IpAddr::V6(Ipv6Addr::UNSPECIFIED)) {
        raw.endpoint.v6only = in_v4.binary_search(&raw.endpoint.port).is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn rest(uid: &str, inode: &str) -> String {
        format!("00000000:00000000 00:00000000 00000000  {uid}        0 {inode} 1 0000000000000000 100 0 0 10 0\n")
    }

    fn told(text: &str) -> Vec<(String, u32, u32)> {
        let mut listeners = Vec::new();
        read(text.as_bytes(), &mut listeners).unwrap();
        listeners.iter().map(|raw| (raw.endpoint.to_string(), raw.uid, raw.inode)).collect()
    }

    /// An address as the kernel of this machine writes it.
    fn written(address: IpAddr) -> String {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        octets.chunks_exact(4).map(|word| format!("{:08X}", u32::from_ne_bytes(word.try_into().unwrap()))).collect()
    }

    #[test]
    fn lines_of_both_families() {
        for (address, shown) in [
            ("127.0.0.1", "127.0.0.1:8080"),
            ("0.0.0.0", "0.0.0.0:8080"),
            ("::1", "[::1]:8080"),
            ("::", "*:8080"),
            ("2001:db8::5", "[2001:db8::5]:8080"),
        ] {
            let address = written(address.parse().unwrap());
            let text = format!("{HEADER}   0: {address}:1F90 00000000:0000 0A {}", rest("1001", "12345"));
            assert_eq!(told(&text), [(shown.to_owned(), 1001, 12_345)]);
        }
        // What the manual page's example says on a little-endian machine.
        if cfg!(target_endian = "little") {
            assert_eq!(endpoint(b"0100007F:0277"), Some(Endpoint::new(IpAddr::from([127, 0, 0, 1]), 631)));
        }
    }

    #[test]
    fn the_first_that_does_not_listen_is_the_end() {
        let line = |state: &str, inode: &str| format!("   0: 0100007F:1F90 00000000:0000 {state} {}", rest("0", inode));
        let text = format!("{HEADER}{}{}{}", line("0A", "1"), line("01", "2"), line("0A", "3"));
        assert_eq!(told(&text).len(), 1);
    }

    #[test]
    fn what_is_hostile_or_cut_short_is_passed_over() {
        let whole = format!("   0: 0100007F:1F90 00000000:0000 0A {}", rest("0", "1"));
        for wrong in [
            "",
            "\n\n\n",
            "   0:\n",
            "   0: 0100007F:1F90 00000000:0000 0A\n",
            "   0: +100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 7 1\n",
            "   0: 0100007F:11F90 00000000:0000 0A 0:0 0:0 0 0 0 7 1\n",
            "   0: 0100007F1F90 00000000:0000 0A 0:0 0:0 0 0 0 7 1\n",
            "   0: 01:1F90 00000000:0000 0A 0:0 0:0 0 0 0 7 1\n",
            "   0: \u{e9}\u{e9}\u{e9}\u{e9}:1F90 00000000:0000 0A 0:0 0:0 0 0 0 7 1\n",
            "   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 -1 0 7 1\n",
            "   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 99999999999 1\n",
        ] {
            assert_eq!(told(&format!("{HEADER}{wrong}{whole}")).len(), 1, "{wrong:?}");
        }
        // The end is missing: the inode could be another one.
        assert_eq!(told(&format!("{HEADER}{}", &whole[..whole.len() - 1])), []);
        assert_eq!(told(""), []);
        assert!(read(b"something else\n".as_slice(), &mut Vec::new()).is_err());
        assert!(read([HEADER.as_bytes(), &[b'x'; 100_000]].concat().as_slice(), &mut Vec::new()).is_err());
    }

    /// Gives a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn pieces_of_any_size_are_the_same_file() {
        let lines: String =
            (1..200).map(|inode| format!("   0: 0100007F:1F90 00000000:0000 0A {}", rest("0", &inode.to_string()))).collect();
        let text = format!("{HEADER}{lines}");
        for size in [1, 7, 149, 150, 151, 4096, 100_000] {
            let mut listeners = Vec::new();
            read(Drip(text.as_bytes(), size), &mut listeners).unwrap();
            assert_eq!(listeners.iter().map(|raw| raw.inode).collect::<Vec<_>>(), (1..200).collect::<Vec<_>>(), "{size}");
        }
    }

    #[test]
    fn a_wildcard_beside_ipv4_is_v6only() {
        let raw =
            |address: &str, port| RawListener { cookie: 0, endpoint: Endpoint::new(address.parse().unwrap(), port), uid: 0, inode: 0 };
        let mut listeners =
            [raw("::", 80), raw("127.0.0.1", 80), raw("::", 81), raw("::1", 80), raw("::", 82), raw("::ffff:127.0.0.1", 82)];
        infer_v6only(&mut listeners);
        assert_eq!(listeners.map(|raw| raw.endpoint.v6only), [true, false, false, false, true, false]);
    }

    #[test]
    fn this_kernel_writes_as_it_is_read() {
        for (file, address) in [("/proc/net/tcp", "127.0.0.1:0"), ("/proc/net/tcp6", "[::1]:0")] {
            let Ok(listener) = std::net::TcpListener::bind(address) else { continue };
            let inode = u32::try_from(rustix::fs::fstat(&listener).unwrap().st_ino).unwrap();
            let mut listeners = Vec::new();
            read(std::fs::File::open(file).unwrap(), &mut listeners).unwrap();
            let found = listeners.iter().find(|raw| raw.inode == inode).unwrap();
            let local = listener.local_addr().unwrap();
            assert_eq!((found.endpoint, found.uid), (Endpoint::new(local.ip(), local.port()), nix::unistd::geteuid().as_raw()));
        }
    }
}
