//! `berth check --sarif`: the findings as a SARIF 2.1.0 log, for what collects those of many tools.
//!
//! It must never give one finding two fingerprints: what varies while it stands (pids, times, evidence) is not in them.

use std::collections::BTreeSet;
use std::hash::Hasher;

use serde_json::{Value, json};
use siphasher::sip128::{Hasher128, SipHasher24};

use super::command::Program;
use super::meaning::{because, holds_when};
use super::{advice, json};
use crate::domain::{Code, Finding, Level, Snapshot};

/// The schema of the log, by its own name.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The log.
pub fn sarif(snapshot: &Snapshot, program: &Program) -> Value {
    // Of two codes with one word one rule is told: its level is that of the graver one, each result has its own.
    let mut words = BTreeSet::new();
    let codes: Vec<Code> = Code::ALL.into_iter().filter(|code| words.insert(code.word())).collect();
    let index = |code: Code| codes.iter().position(|known| known.word() == code.word());
    let results: Vec<Value> = snapshot.findings.iter().map(|finding| result(finding, index(finding.code), snapshot, program)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "berth",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "automationDetails": { "id": format!("berth check/{}", snapshot.host) },
            "invocations": [{ "executionSuccessful": true, "endTimeUtc": json::timestamp(snapshot.taken.wall) }],
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.word(),
        "shortDescription": { "text": sentence(holds_when(code)) },
        "fullDescription": { "text": sentence(because(code)) },
        "defaultConfiguration": { "level": level(code.level()) },
        "properties": { "tags": [if code.is_posture() { "security" } else { "reliability" }] },
    })
}

fn result(finding: &Finding, rule: Option<usize>, snapshot: &Snapshot, program: &Program) -> Value {
    let mends: Vec<String> = advice::advice(finding, snapshot, program)
        .into_iter()
        .filter(|advice| advice.label == "mend it")
        .map(|advice| advice.text)
        .collect();
    let mut text = sentence(finding.evidence.as_str());
    for mend in &mends {
        // On a screen a command and what it does stand apart.
        let mend = mend.split_once("    ").map_or_else(|| mend.clone(), |(line, does)| format!("{line} ({does})"));
        text.push_str(&format!(" To mend it: {mend}."));
    }
    let logical: Vec<Value> = finding
        .instances
        .iter()
        .map(|id| json!({ "name": id.to_string(), "fullyQualifiedName": format!("{}/{id}", snapshot.host), "kind": "resource" }))
        .collect();
    let mut location = json!({});
    if !logical.is_empty() {
        location["logicalLocations"] = logical.into();
    }
    if let Some(place) = place(finding, snapshot) {
        location["physicalLocation"] = place;
    }
    let locations: Vec<Value> = location.as_object().filter(|object| !object.is_empty()).map(|_| location.clone()).into_iter().collect();
    json!({
        "ruleId": finding.code.word(),
        "ruleIndex": rule,
        "level": level(finding.level()),
        "message": { "text": text },
        "locations": locations,
        "partialFingerprints": { "berthFinding/v1": fingerprint(finding, snapshot) },
        "properties": { "port": finding.port, "since": json::timestamp(finding.since) },
    })
}

/// The file that is to be changed, and where in it, as far as that is known.
fn place(finding: &Finding, snapshot: &Snapshot) -> Option<Value> {
    let row = snapshot.row(advice::subject(finding, snapshot)?)?;
    let file = advice::file(finding, row).filter(|file| file.as_str().starts_with('/'))?;
    let mut place = json!({ "artifactLocation": { "uri": uri(file.as_str()) } });
    let fault = row.declared.as_ref().and_then(|declared| declared.fault.as_ref()).filter(|_| finding.code == Code::ConfigInvalid);
    if let Some(line) = fault.and_then(|fault| fault.line) {
        place["region"] = json!({ "startLine": line });
        if let Some(column) = fault.and_then(|fault| fault.column) {
            place["region"]["startColumn"] = column.into();
        }
    }
    Some(place)
}

/// A path as a URI, RFC 8089: what is not plain is written in percent.
fn uri(path: &str) -> String {
    let mut text = String::from("file://");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The same for the same finding of the same host, whenever it is told.
fn fingerprint(finding: &Finding, snapshot: &Snapshot) -> String {
    let mut hasher = SipHasher24::new();
    let ids = finding.instances.iter().map(ToString::to_string);
    let parts = [snapshot.host.to_string(), finding.code.word().to_owned(), format!("{:?}", finding.port)];
    for part in parts.into_iter().chain(ids) {
        hasher.write(part.as_bytes());
        hasher.write_u8(0);
    }
    format!("{:032x}", hasher.finish128().as_u128())
}

fn level(level: Level) -> &'static str {
    level.word()
}

/// With a capital and an end, as the readers of such logs show it.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::fleet;

    /// The properties that SARIF 2.1.0 requires, and what consumers demand beside them.
    fn check(log: &Value) {
        assert_eq!(log["version"], "2.1.0");
        assert!(log["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
        let runs = log["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 1);
        let driver = &runs[0]["tool"]["driver"];
        assert_eq!(driver["name"], "berth");
        let rules = driver["rules"].as_array().unwrap();
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), rules.len(), "each rule once");
        for rule in rules {
            assert!(rule["shortDescription"]["text"].as_str().unwrap().ends_with('.'), "{rule:#}");
            assert!(["error", "warning", "note"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
        }
        assert_eq!(runs[0]["invocations"][0]["executionSuccessful"], true);
        for result in runs[0]["results"].as_array().unwrap() {
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            for location in result["locations"].as_array().unwrap() {
                let place = &location["physicalLocation"];
                assert!(place.is_null() || place["artifactLocation"]["uri"].as_str().unwrap().starts_with("file:///"), "{place:#}");
                assert!(place["region"].is_null() || place["region"]["startLine"].as_u64().unwrap() >= 1);
            }
            let print = result["partialFingerprints"]["berthFinding/v1"].as_str().unwrap();
            assert!(print.len() == 32 && print.chars().all(|one| one.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn the_log_has_the_shape_of_sarif() {
        let mut snapshot = fleet::fleet();
        let log = sarif(&snapshot, &Program::default());
        check(&log);
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), snapshot.findings.len());
        let hank = &results[1]["locations"][0];
        assert_eq!(hank["physicalLocation"]["region"], json!({ "startLine": 3, "startColumn": 7 }));
        assert_eq!(hank["logicalLocations"][0]["name"], "hank");
        assert!(results[0]["message"]["text"].as_str().unwrap().contains("To mend it: berth assign carol --port 8110"), "{log:#}");
        snapshot.findings.clear();
        check(&sarif(&snapshot, &Program::default()));
    }

    #[test]
    fn a_fingerprint_stays_while_the_finding_does() {
        let mut snapshot = fleet::fleet();
        let prints = |snapshot: &Snapshot| -> Vec<String> {
            let log = sarif(snapshot, &Program::default());
            let all = log["runs"][0]["results"].as_array().unwrap().clone();
            all.iter().map(|result| result["partialFingerprints"]["berthFinding/v1"].to_string()).collect()
        };
        let before = prints(&snapshot);
        assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len());
        for finding in &mut snapshot.findings {
            finding.processes.clear();
            finding.since = jiff::Timestamp::UNIX_EPOCH;
            finding.evidence = "held by another pid now".into();
        }
        assert_eq!(prints(&snapshot), before);
    }

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("/opt/mcp server/ü.json"), "file:///opt/mcp%20server/%C3%BC.json");
    }
}
