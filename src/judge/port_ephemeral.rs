//! port-ephemeral: the range overlaps the ports that the kernel gives to outgoing connections, and they are not reserved
//! there: any program's connection can have an instance's port just when it starts.
//!
//! It must never be said when the kernel's ports are not known.

use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, PortRange, Shown, uncovered, words};

/// The rule.
pub(super) struct PortEphemeral;

impl Rule for PortEphemeral {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let (range, plan) = (facts.input.range, facts.input.ports);
        let Some(ephemeral) = plan.ephemeral else { return };
        let (first, last) = (range.first.max(ephemeral.first), range.last.min(ephemeral.last));
        if first > last {
            return;
        }
        // What berth never gives to anybody needs no protection.
        let covered: Vec<PortRange> = plan.kept_free.iter().chain(&plan.reserved).copied().collect();
        let open: Vec<String> = uncovered(PortRange { first, last }, &covered).into_iter().map(shown).collect();
        if open.is_empty() {
            return;
        }
        // Writing the list replaces it: what stands in it already is to stay.
        let all: Vec<String> = plan.kept_free.iter().copied().chain([PortRange { first, last }]).map(shown).collect();
        let evidence = format!(
            "{} of the range {range} are the kernel's to give to outgoing connections ({ephemeral}); sysctl -w \
             net.ipv4.ip_local_reserved_ports={} keeps them free",
            words::list(&open),
            all.join(",")
        );
        found.push(Finding {
            code: Code::PortEphemeral,
            instances: Vec::new(),
            port: None,
            processes: Vec::new(),
            since: facts.now(),
            evidence: Shown::new(&evidence),
            remedies: Vec::new(),
        });
    }
}

/// As sysctl takes it: a single port is no range.
fn shown(range: PortRange) -> String {
    if range.first == range.last { range.first.to_string() } else { range.to_string() }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, PortRange};
    use crate::judge::testing::{Host, findings};

    /// The ephemeral ports, those kept free, those reserved here, and the evidence.
    type Case = (Option<&'static str>, &'static [&'static str], &'static [&'static str], Option<&'static str>);

    #[test]
    fn cases() {
        // The range is 8080-9080.
        let cases: [Case; 9] = [
            (Some("32768-60999"), &[], &[], None),
            (None, &[], &[], None),
            (Some("9081-65535"), &[], &[], None),
            (
                Some("1024-65535"),
                &[],
                &[],
                Some(
                    "8080-9080 of the range 8080-9080 are the kernel's to give to outgoing connections (1024-65535); sysctl -w \
                     net.ipv4.ip_local_reserved_ports=8080-9080 keeps them free",
                ),
            ),
            (
                Some("9000-65535"),
                &["5000", "9000-9049"],
                &[],
                Some(
                    "9050-9080 of the range 8080-9080 are the kernel's to give to outgoing connections (9000-65535); sysctl -w \
                     net.ipv4.ip_local_reserved_ports=5000,9000-9049,9000-9080 keeps them free",
                ),
            ),
            (Some("1024-65535"), &["8080-9080"], &[], None),
            (Some("1024-65535"), &["8000-8500", "8501-10000"], &[], None),
            (Some("9000-65535"), &[], &["9000-9080"], None),
            (
                Some("9080-65535"),
                &[],
                &[],
                Some(
                    "9080 of the range 8080-9080 are the kernel's to give to outgoing connections (9080-65535); sysctl -w \
                     net.ipv4.ip_local_reserved_ports=9080 keeps them free",
                ),
            ),
        ];
        for (ephemeral, kept_free, reserved, expected) in cases {
            let ranges = |texts: &[&str]| texts.iter().map(|text| PortRange::parse(text).unwrap()).collect::<Vec<_>>();
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081");
            host.ports.ephemeral = ephemeral.and_then(PortRange::parse);
            (host.ports.kept_free, host.ports.reserved) = (ranges(kept_free), ranges(reserved));
            let found: Vec<(String, String)> = findings(&host.judge(), Code::PortEphemeral);
            let expected: Vec<(String, String)> = expected.into_iter().map(|text| (String::new(), text.to_owned())).collect();
            assert_eq!(found, expected, "{ephemeral:?} {kept_free:?}");
        }
    }
}
