//! What servers announce on the network, in words and as JSON: for `berth discover`, `berth show`, the detail and the tab of the host.
//!
//! It must never pass an announcement off as a proof: it is told whose it is by its address and port, and anybody can announce those.

use serde_json::{Map, Value, json};

use super::command::Program;
use super::json::{SCHEMA, finding};
use super::paint::{Tone, paint};
use super::table::{self, Style};
use super::units;
use crate::domain::{Announced, Announcement, Code, Finding, InstanceId, Shown, Snapshot, words};

/// Whether an announcement belongs into a part of the list.
type IsIn = fn(&Announcement) -> bool;

/// `berth discover`: whose each is first, what is wrong last.
pub fn text(snapshot: &Snapshot, patience: std::time::Duration, style: Style, program: &Program) -> String {
    let all = snapshot.announced.as_deref().unwrap_or_default();
    if all.is_empty() {
        return format!("no service was announced within {}\n", units::took(patience));
    }
    let mut text = String::new();
    let parts: [(&str, IsIn); 3] = [
        ("instances of this host", |one| one.of.is_some()),
        ("on this host, but no instance", |one| one.of.is_none() && one.is_here),
        ("on other hosts", |one| one.of.is_none() && !one.is_here),
    ];
    for (title, is_in) in parts {
        let mut those = all.iter().filter(|one| is_in(one)).peekable();
        if those.peek().is_some() {
            text.push_str(&format!("{}{}\n", if text.is_empty() { "" } else { "\n" }, paint(title, Tone::Dim, style.color)));
        }
        for one in those {
            let service = &one.service;
            text.push_str(&format!("  {}  {}\n", paint(&name(service), Tone::Strong, style.color), service.kind));
            let fact = |label: &str, fact: String| format!("    {}  {fact}\n", paint(&format!("{label:<8}"), Tone::Dim, style.color));
            text.extend(one.of.as_ref().map(|id| fact("instance", id.to_string())));
            text.push_str(&fact("at", place(service)));
            text.extend(says(service).map(|says| fact("says", says)));
        }
    }
    let findings: Vec<Finding> = shared(snapshot).cloned().collect();
    if !findings.is_empty() {
        text.push('\n');
        text.push_str(&table::findings(&findings, snapshot, style, program));
    }
    text
}

/// `berth discover --json`.
pub fn json(snapshot: &Snapshot, notices: &[Shown]) -> Value {
    json!({
        "schema": SCHEMA,
        "services": snapshot.announced.iter().flat_map(|all| all.iter()).map(one_json).collect::<Vec<_>>(),
        "findings": shared(snapshot).map(finding).collect::<Vec<_>>(),
        "notices": notices.iter().map(Shown::as_str).collect::<Vec<_>>(),
    })
}

/// As it stands in `show`: null where nobody listened.
pub fn json_of(id: &InstanceId, snapshot: &Snapshot) -> Value {
    if snapshot.announced.is_none() {
        return Value::Null;
    }
    snapshot.announced_of(id).map(one_json).collect()
}

fn one_json(one: &Announcement) -> Value {
    let service = &one.service;
    // A key that stands twice counts the first time, RFC 6763 section 6.4.
    let mut said = Map::new();
    for (key, value) in &service.texts {
        said.entry(key.as_str()).or_insert_with(|| value.as_ref().map(Shown::as_str).into());
    }
    json!({
        "name": service.name.as_str(),
        "type": service.kind.as_str(),
        "host": service.host.as_str(),
        "addresses": service.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "port": service.port,
        "txt": said,
        "txt_left_out": service.says_more,
        "here": one.is_here,
        "instance": one.of.as_ref().map(ToString::to_string),
    })
}

/// What is announced of an instance, a line each: "MCP Memory Service (_mcp-memory._tcp.local.) at 10.0.0.5, port 8101".
pub fn facts(id: &InstanceId, snapshot: &Snapshot) -> Vec<String> {
    snapshot.announced_of(id).map(|one| sentence(&one.service)).collect()
}

/// What is announced and is no instance's, a line each, with what it says of itself.
pub fn others(snapshot: &Snapshot) -> impl Iterator<Item = (&Announcement, String)> {
    let others = snapshot.announced.iter().flat_map(|all| all.iter()).filter(|one| one.of.is_none());
    others.map(|one| {
        let says = says(&one.service).map(|says| format!(": {says}")).unwrap_or_default();
        (one, format!("{}{says}", sentence(&one.service)))
    })
}

fn sentence(service: &Announced) -> String {
    format!("{} ({}) at {}", name(service), service.kind, place(service))
}

fn name(service: &Announced) -> String {
    if service.name.is_empty() { "(no name)".to_owned() } else { service.name.to_string() }
}

/// "10.0.0.5 and ::1, port 8101 (host.local.)".
fn place(service: &Announced) -> String {
    let addresses: Vec<String> = service.addresses.iter().map(ToString::to_string).collect();
    if addresses.is_empty() {
        return format!("{}, port {}", service.host, service.port);
    }
    format!("{}, port {} ({})", words::list(&addresses), service.port, service.host)
}

/// "api_version=10.0 https=False path"; `None` where it says nothing.
fn says(service: &Announced) -> Option<String> {
    let one = |(key, value): &(Shown, Option<Shown>)| match value {
        Some(value) => format!("{key}={value}"),
        None => key.to_string(),
    };
    let mut said: Vec<String> = service.texts.iter().map(one).collect();
    said.extend(service.says_more.then(|| "and more".to_owned()));
    (!said.is_empty()).then(|| said.join(" "))
}

fn shared(snapshot: &Snapshot) -> impl Iterator<Item = &Finding> {
    snapshot.findings.iter().filter(|finding| finding.code == Code::MdnsNameShared)
}

/// What helps where two announce one name.
pub(super) fn rename(id: &InstanceId, program: &Program) -> String {
    let restart = program.about("restart", id);
    format!("have each announce a name of its own, a memory service by MCP_MDNS_SERVICE_NAME in its environment, then {restart}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::present::fleet;

    const FIRST: &str = r#"{"name":"One","type":"_mcp._tcp.local.","host":"x.local.","addresses":["10.0.0.1"],"port":8101,"txt":{"path":"/mcp","open":null},"txt_left_out":true,"here":true,"instance":"alice"}"#;

    const PLAIN: Style = Style { ascii: true, color: false };

    fn heard() -> Snapshot {
        let mut snapshot = fleet::fleet();
        let one = |name: &str, address: &str, port: u16, of: Option<&str>, is_here| {
            let (kind, host) = ("_mcp._tcp.local.".into(), "x.local.".into());
            let texts = vec![("path".into(), Some("/mcp".into())), ("path".into(), None), ("open".into(), None)];
            let addresses = vec![address.parse().unwrap()];
            let service = Arc::new(Announced { name: name.into(), kind, host, addresses, port, texts, says_more: true });
            Announcement { service, is_here, of: of.map(fleet::id) }
        };
        snapshot.announced = Some(Arc::from([
            one("One", "10.0.0.1", 8101, Some("alice"), true),
            one("", "10.0.0.1", 9999, None, true),
            one("Two", "10.0.0.9", 8101, None, false),
        ]));
        let finding = Finding {
            code: Code::MdnsNameShared,
            instances: vec![fleet::id("alice")],
            port: None,
            evidence: "they do".into(),
            remedies: vec![crate::domain::Remedy::RenameService],
            ..snapshot.findings[0].clone()
        };
        snapshot.findings.push(finding);
        snapshot
    }

    #[test]
    fn everything_in_words() {
        insta::assert_snapshot!(text(&heard(), Duration::from_secs(3), PLAIN, &Program::default()), @r"
        instances of this host
          One  _mcp._tcp.local.
            instance  alice
            at        10.0.0.1, port 8101 (x.local.)
            says      path=/mcp path open and more

        on this host, but no instance
          (no name)  _mcp._tcp.local.
            at        10.0.0.1, port 9999 (x.local.)
            says      path=/mcp path open and more

        on other hosts
          Two  _mcp._tcp.local.
            at        10.0.0.9, port 8101 (x.local.)
            says      path=/mcp path open and more

        ! mdns-name-shared  they do
          mend it:    have each announce a name of its own, a memory service by MCP_MDNS_SERVICE_NAME in its environment, then berth restart alice
          see it:     berth show alice
        ");
        let mut nobody = heard();
        for announced in [None, Some(Arc::from([]))] {
            nobody.announced = announced;
            assert_eq!(text(&nobody, Duration::from_secs(3), PLAIN, &Program::default()), "no service was announced within 3.0 s\n");
        }
    }

    #[test]
    fn one_document() {
        let document = json(&heard(), &["much".into()]);
        assert_eq!(document["services"][0].to_string(), FIRST);
        assert_eq!((document["services"].as_array().unwrap().len(), &document["findings"][0]["code"]), (3, &"mdns-name-shared".into()));
        assert_eq!((&document["schema"], &document["notices"][0]), (&1.into(), &"much".into()));
        assert_eq!(json_of(&fleet::id("bob/tools"), &heard()), json!([]));
        assert_eq!(json_of(&fleet::id("alice"), &fleet::fleet()), Value::Null);
    }

    #[test]
    fn a_line_each_elsewhere() {
        assert_eq!(facts(&fleet::id("alice"), &heard()), ["One (_mcp._tcp.local.) at 10.0.0.1, port 8101 (x.local.)"]);
        let snapshot = heard();
        let others: Vec<String> = others(&snapshot).map(|(_, text)| text).collect();
        let says = "path=/mcp path open and more";
        let expected = ["(no name) (_mcp._tcp.local.) at 10.0.0.1, port 9999", "Two (_mcp._tcp.local.) at 10.0.0.9, port 8101"];
        assert_eq!(others, expected.map(|text| format!("{text} (x.local.): {says}")));
    }
}
