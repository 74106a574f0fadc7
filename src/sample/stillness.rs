//! Whether a TCP socket may have come since the last look, by the kernel's own counters: to read them costs a thirtieth of a dump, and on
//! most hosts nothing happens in most tenths of a second.
//!
//! It must never take silence for stillness: what cannot be read has moved.

use std::os::fd::OwnedFd;

use super::proc::Proc;

/// Long enough for the three lines; /proc/net/snmp has about 1.5 KiB of short numbers.
const LONGEST: usize = 4096;

/// The counters of this network namespace, and what they said.
///
/// /proc/net/sockstat and sockstat6 tell how many sockets are hashed, listening ones among them (`sock_prot_inuse_add` in `__inet_hash` and
/// `inet_unhash`). That alone would miss a listener that comes while a connection goes. A connection does not come or go without a segment,
/// and the `Tcp:` line of /proc/net/snmp counts those: while both stand still, at most one listener took another one's place.
pub(super) struct Stillness {
    files: Option<[Counter; 3]>,
}

/// One file and what is of interest in it.
struct Counter {
    file: Option<OwnedFd>,
    pick: fn(&[u8]) -> Option<&[u8]>,
    last: Vec<u8>,
}

impl Stillness {
    /// Opens the counters; nothing is known to stand still before they were read twice.
    pub(super) fn open(proc: &Proc) -> Self {
        let counter = |name, pick| Counter { file: proc.open_global(name).ok(), pick, last: Vec::new() };
        let files = [
            counter("net/sockstat", |text| in_use(text, b"TCP: inuse ")),
            // Without IPv6 it is not there, and neither are its sockets.
            counter("net/sockstat6", |text| in_use(text, b"TCP6: inuse ")),
            counter("net/snmp", |text| text.split(|byte| *byte == b'\n').rfind(|line| line.starts_with(b"Tcp: "))),
        ];
        let [v4, _, segments] = &files;
        let is_usable = v4.file.is_some() && segments.file.is_some();
        Self { files: is_usable.then_some(files) }
    }

    /// Whether something may have moved since this was asked last. To be asked before what it is asked for: what happens in between has
    /// moved the next time.
    pub(super) fn has_moved(&mut self) -> bool {
        let Some(files) = &mut self.files else { return true };
        let mut buffer = [0; LONGEST];
        // All of them, so that each has said something at the same time.
        files.iter_mut().fold(false, |moved, counter| counter.has_moved(&mut buffer) | moved)
    }
}

impl Counter {
    fn has_moved(&mut self, buffer: &mut [u8; LONGEST]) -> bool {
        let Some(file) = &self.file else { return false };
        let text = rustix::io::pread(file, &mut *buffer, 0).ok().and_then(|length| buffer.get(..length));
        let Some(said) = text.and_then(self.pick) else {
            self.last.clear();
            return true;
        };
        let moved = said != self.last;
        if moved {
            self.last.clear();
            self.last.extend_from_slice(said);
        }
        moved
    }
}

/// The number behind a label at the start of a line.
fn in_use<'text>(text: &'text [u8], label: &[u8]) -> Option<&'text [u8]> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(label))?;
    line.split(|byte| *byte == b' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn host(sockstat: &str, snmp: &str) -> (tempfile::TempDir, Proc) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("net")).unwrap();
        std::fs::write(root.path().join("net/sockstat"), sockstat).unwrap();
        std::fs::write(root.path().join("net/snmp"), snmp).unwrap();
        let proc = Proc::open_at(root.path()).unwrap();
        (root, proc)
    }

    const SOCKSTAT: &str = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 7 mem 1\nUDP: inuse 1 mem 0\n";
    const SNMP: &str = "Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm InSegs\nTcp: 1 100\nUdp: InDatagrams\nUdp: 5\n";

    #[test]
    fn only_sockets_and_segments_count() {
        let (root, proc) = host(SOCKSTAT, SNMP);
        let mut stillness = Stillness::open(&proc);
        assert!(stillness.has_moved(), "the first time nothing is known");
        assert!(!stillness.has_moved());
        let write = |name: &str, text: String| std::fs::write(root.path().join(name), text).unwrap();
        let cases = [
            ("net/sockstat", SOCKSTAT.replace("mem 1", "mem 2").replace("used 9", "used 8"), false),
            ("net/sockstat", SOCKSTAT.replace("TCP: inuse 5", "TCP: inuse 6"), true),
            ("net/snmp", SNMP.replace("Udp: 5", "Udp: 6"), false),
            ("net/snmp", SNMP.replace("Tcp: 1 100", "Tcp: 1 101"), true),
            ("net/snmp", "Ip: 1\n".to_owned(), true),
        ];
        for (name, text, moved) in cases {
            write(name, text.clone());
            assert_eq!(stillness.has_moved(), moved, "{name}: {text}");
        }
        assert!(stillness.has_moved(), "what says nothing has moved");
    }

    #[test]
    fn where_there_are_no_counters_everything_has_moved() {
        let nothing = tempfile::tempdir().unwrap();
        let mut stillness = Stillness::open(&Proc::open_at(nothing.path()).unwrap());
        assert!(stillness.has_moved() && stillness.has_moved());
    }

    #[test]
    fn a_listener_that_comes_moves_the_counters() {
        let mut stillness = Stillness::open(&Proc::open_at(Path::new("/proc")).unwrap());
        // More than once: another test's listener may go in the same moment, which nobody could tell by the counters.
        let is_seen = |stillness: &mut Stillness| {
            stillness.has_moved();
            let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            stillness.has_moved()
        };
        assert!(crate::patience::until_so(|| is_seen(&mut stillness)));
    }
}
