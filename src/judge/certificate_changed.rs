//! certificate-changed: an instance shows another certificate than the one that it is known by.
//!
//! It must never be said of what another process than the instance's own showed, nor say that the new one is wrong: who renews one has it changed.

use super::rows::probed;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Remedy, Shown, words};

/// The rule.
pub(super) struct CertificateChanged;

impl Rule for CertificateChanged {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let id = &subject.declared.id;
            let told = probed(facts.input.probes, id, &subject.main);
            let Some(shown) = told.and_then(|probed| probed.certificate.as_deref()) else { continue };
            let Some(pin) = shown.instead_of() else { continue };
            let day = |at: jiff::Timestamp| at.to_zoned(facts.input.zone.clone()).strftime("%Y-%m-%d").to_string();
            let until = shown.ends.map(|ends| format!(", which holds until {},", day(ends))).unwrap_or_default();
            let evidence = format!(
                "{} shows the certificate {}{until} at {}; it was known by {} since {}, so it is sent no key",
                words::instance(id),
                shown.print.short(),
                shown.port,
                pin.print.short(),
                facts.clock(pin.since),
            );
            found.push(Finding {
                code: Code::CertificateChanged,
                instances: vec![id.clone()],
                port: Some(shown.port),
                processes: subject.main.known().into_iter().collect(),
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::Trust],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Certificate, Fingerprint, Health, Level, Pin, Probed};
    use crate::judge::testing::{Host, findings, id, key};

    fn host(known: Option<u8>, of: i32) -> Host {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8443").keep("alice", 100, Some("127.0.0.1:8443"));
        let since = "2026-11-01T00:00:00Z".parse().unwrap();
        let pin = known.map(|byte| Pin { print: Fingerprint::new([byte; 32]), since });
        let ends = "2027-11-01T00:00:00Z".parse().ok();
        let certificate = Some(Arc::new(Certificate { port: 8443, print: Fingerprint::new([1; 32]), ends, pin }));
        let probed = Probed {
            of: key(of),
            health: Health::UNKNOWN,
            why: None,
            course: Default::default(),
            server: None,
            metrics: None,
            certificate,
        };
        host.probes.insert(id("alice"), Arc::new(probed));
        host
    }

    #[test]
    fn another_one_is_told_and_can_be_accepted() {
        let snapshot = host(Some(2), 101).judge();
        let [(who, evidence)] = &findings(&snapshot, Code::CertificateChanged)[..] else { panic!("{:?}", snapshot.findings) };
        assert_eq!(who, "alice");
        assert!(evidence.starts_with("alice's instance shows the certificate 01:01:01:01:01:01:01:01…, which holds until"), "{evidence}");
        assert!(evidence.contains("it was known by 02:02:"), "{evidence}");
        let finding = snapshot.findings.iter().find(|finding| finding.code == Code::CertificateChanged).unwrap();
        assert_eq!((finding.level(), finding.port, &*finding.remedies), (Level::Warning, Some(8443), &[Remedy::Trust][..]));
    }

    #[test]
    fn the_same_one_and_what_another_process_showed_are_none() {
        for (known, of) in [(Some(1), 101), (None, 101), (Some(2), 999)] {
            assert_eq!(findings(&host(known, of).judge(), Code::CertificateChanged), [], "{known:?} {of}");
        }
    }
}
