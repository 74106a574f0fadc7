//! key-missing: an environment file lacks, or leaves at its placeholder, a key that its example names.
//!
//! It must never tell a value, a placeholder's neither: names are all that it is given.

use super::rule::{Facts, Rule};
use crate::domain::{Code, EnvFile, Finding, Remedy, Shown, words};

/// The rule.
pub(super) struct KeyMissing;

impl Rule for KeyMissing {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let Some(evidence) = subject.declared.env_file.as_ref().and_then(evidence) else { continue };
            found.push(Finding {
                code: Code::KeyMissing,
                instances: vec![subject.declared.id.clone()],
                port: None,
                processes: Vec::new(),
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::EditConfig],
            });
        }
    }
}

/// "/opt/sdp/.env.amy lacks A and B, which /opt/sdp/.env.example names, and leaves C at its placeholder".
fn evidence(file: &EnvFile) -> Option<String> {
    let example = file.example.as_ref()?;
    let list = |names: &[Shown]| words::list(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let path = Shown::from_bytes(file.path.as_os_str().as_encoded_bytes());
    let missing = (!file.missing.is_empty()).then(|| format!("lacks {}, which {example} names", list(&file.missing)));
    let its = if file.untouched.len() == 1 { "its placeholder" } else { "their placeholders" };
    let untouched = (!file.untouched.is_empty()).then(|| format!("leaves {} at {its}", list(&file.untouched)));
    match (missing, untouched) {
        (None, None) => None,
        (Some(what), None) | (None, Some(what)) => Some(format!("{path} {what}")),
        (Some(missing), Some(untouched)) => Some(format!("{path} {missing}, and {untouched}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::State;
    use crate::judge::testing::{Host, findings, row, state};

    #[test]
    fn the_keys_are_named() {
        let cases: [(&[&str], &[&str], Option<&str>); 5] = [
            (&[], &[], None),
            (&["A"], &[], Some("/opt/sdp/.env.amy lacks A, which /opt/sdp/.env.example names")),
            (&["A", "B"], &[], Some("/opt/sdp/.env.amy lacks A and B, which /opt/sdp/.env.example names")),
            (&[], &["C"], Some("/opt/sdp/.env.amy leaves C at its placeholder")),
            (
                &["A"],
                &["C", "D"],
                Some("/opt/sdp/.env.amy lacks A, which /opt/sdp/.env.example names, and leaves C and D at their placeholders"),
            ),
        ];
        for (missing, untouched, expected) in cases {
            let mut host = Host::new();
            host.declare("amy", 900, "127.0.0.1:3456").declare("ben", 900, "127.0.0.1:3457").keep("amy", 100, Some("127.0.0.1:3456"));
            host.redeclare("amy", |declared| {
                let shown = |names: &[&str]| names.iter().map(|name| Shown::new(name)).collect();
                declared.env_file = Some(EnvFile {
                    path: "/opt/sdp/.env.amy".into(),
                    example: Some("/opt/sdp/.env.example".into()),
                    missing: shown(missing),
                    untouched: shown(untouched),
                    ..EnvFile::default()
                });
            });
            let snapshot = host.judge();
            let told = findings(&snapshot, Code::KeyMissing);
            assert_eq!(told, expected.map(|text| ("amy".to_owned(), text.to_owned())).into_iter().collect::<Vec<_>>());
            assert_eq!(state(&snapshot, "amy"), State::Running);
            assert!(!row(&snapshot, "ben").findings.contains(&Code::KeyMissing));
        }
    }
}
