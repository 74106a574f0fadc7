//! Which ports the kernel gives to outgoing connections, and which of them it was told to leave alone (ip-sysctl.rst).
//!
//! It must never be read every tick: somebody sets these by hand.

use crate::domain::PortRange;

/// The ephemeral ports, and those that are reserved among all ports. `None` and nothing where the kernel does not tell.
pub fn kernel_ports() -> (Option<PortRange>, Vec<PortRange>) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
    (ephemeral(&read("ip_local_port_range")), kept_free(&read("ip_local_reserved_ports")))
}

/// `32768\t60999`.
fn ephemeral(text: &str) -> Option<PortRange> {
    let mut words = text.split_ascii_whitespace();
    let range = PortRange { first: words.next()?.parse().ok()?, last: words.next()?.parse().ok()? };
    (range.first <= range.last).then_some(range)
}

/// `8080-9080,10000`, or an empty line.
fn kept_free(text: &str) -> Vec<PortRange> {
    text.trim().split(',').filter_map(PortRange::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_words() {
        assert_eq!(ephemeral("32768\t60999\n"), Some(PortRange { first: 32_768, last: 60_999 }));
        for wrong in ["", "1", "a b", "60999 32768", "1 70000"] {
            assert_eq!(ephemeral(wrong), None, "{wrong}");
        }
        assert_eq!(kept_free("\n"), []);
        assert_eq!(kept_free("8080-9080,10000\n"), [PortRange { first: 8080, last: 9080 }, PortRange { first: 10_000, last: 10_000 }]);
    }

    #[test]
    fn this_kernel_tells() {
        let (ephemeral, _) = kernel_ports();
        assert!(ephemeral.is_some_and(|range| range.count() > 1));
    }
}
