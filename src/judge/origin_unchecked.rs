//! origin-unchecked: an instance's server takes requests of a page of another host's, so that a browser on this host can be led to it.
//!
//! It must never be said where the server was not asked for just that: only on demand is it.

use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Remedy, Shown, words};

/// The rule.
pub(super) struct OriginUnchecked;

impl Rule for OriginUnchecked {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let audits = &facts.input.postures.audits;
        if audits.is_empty() {
            return;
        }
        for subject in facts.subjects() {
            let Some(audit) = audits.get(&subject.declared.id).filter(|audit| audit.takes_foreign_origin == Some(true)) else { continue };
            let metadata = audit.metadata.as_ref().map(|what| format!("; metadata-missing: {what}")).unwrap_or_default();
            let who = words::instance(&subject.declared.id);
            let evidence = format!("{who} answers a request whose Origin is a page of another host's, and should refuse it{metadata}");
            found.push(Finding {
                code: Code::OriginUnchecked,
                instances: vec![subject.declared.id.clone()],
                port: subject.port,
                processes: subject.main.known().into_iter().collect(),
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::CheckOrigin],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;
    use crate::domain::Audit;
    use crate::judge::testing::{Host, findings, id};

    #[test]
    fn who_was_asked_is_told_and_metadata_is_told_either_way() {
        let judged = |audit: Option<Audit>| {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
            host.postures.audits = Arc::new(audit.map(|audit| (id("alice"), Arc::new(audit))).into_iter().collect::<HashMap<_, _>>());
            let snapshot = host.judge();
            let notice = snapshot.notices.iter().map(ToString::to_string).find(|notice| notice.contains("metadata-missing"));
            (findings(&snapshot, Code::OriginUnchecked).into_iter().map(|(_, text)| text).next(), notice)
        };
        assert_eq!(judged(None), (None, None));
        assert_eq!(judged(Some(Audit::default())), (None, None));
        assert_eq!(judged(Some(Audit { takes_foreign_origin: Some(false), metadata: None })), (None, None));
        let metadata = Some("it names none".into());
        let text = "alice's instance answers a request whose Origin is a page of another host's, and should refuse it";
        let found = judged(Some(Audit { takes_foreign_origin: Some(true), metadata: metadata.clone() }));
        assert_eq!(found, (Some(format!("{text}; metadata-missing: it names none")), None));
        let noticed = judged(Some(Audit { takes_foreign_origin: Some(false), metadata }));
        assert_eq!(noticed, (None, Some("alice: metadata-missing: it names none".to_owned())));
    }
}
