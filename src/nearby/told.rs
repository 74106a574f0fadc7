//! What the process that hears says to the one that asked for it: a line of JSON.
//!
//! It must never be believed by its reader: whoever sent the packets may have written it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::gathered::{Gathered, Resolved};
use super::hear::Heard;
use crate::domain::{Announced, Shown};

/// The most addresses that a host is taken to have.
const MOST_OWN: usize = 4096;

/// The most sentences.
const MOST_NOTICES: usize = 4;

/// The longest of them, characters.
const LONGEST: usize = 400;

#[derive(Serialize, Deserialize)]
struct Told {
    is_flood: bool,
    own: Vec<IpAddr>,
    notices: Vec<String>,
    services: Vec<Service>,
}

#[derive(Serialize, Deserialize)]
struct Service {
    name: String,
    kind: String,
    host: String,
    addresses: Vec<IpAddr>,
    port: u16,
    texts: Vec<(String, Option<String>)>,
    says_more: bool,
}

/// The line.
pub fn written(heard: &Heard) -> String {
    let text = |shown: &Shown| shown.as_str().to_owned();
    let service = |one: &Announced| Service {
        name: text(&one.name),
        kind: text(&one.kind),
        host: text(&one.host),
        addresses: one.addresses.clone(),
        port: one.port,
        texts: one.texts.iter().map(|(key, value)| (text(key), value.as_ref().map(text))).collect(),
        says_more: one.says_more,
    };
    let told = Told {
        is_flood: heard.is_flood,
        own: heard.told.own.clone(),
        notices: heard.told.notices.iter().map(text).collect(),
        services: heard.told.services.iter().flatten().map(|one| service(one)).collect(),
    };
    serde_json::to_string(&told).unwrap_or_default()
}

/// What a line says, made as harmless and as short as if it came from the network itself; `None` where it is none.
pub fn read(line: &[u8]) -> Option<Heard> {
    let mut told: Told = serde_json::from_slice(line).ok()?;
    let mut gathered = Gathered::default();
    for one in &told.services {
        let resolved = Resolved { kind: &one.kind, full_name: &one.name, host: &one.host, port: one.port };
        let texts = one.texts.iter().map(|(key, value)| (key.as_str(), value.as_ref().map(String::as_bytes)));
        if let Some(kept) = gathered.add(resolved, one.addresses.iter().copied(), texts) {
            kept.says_more |= one.says_more;
        }
    }
    told.own.truncate(MOST_OWN);
    told.own.sort_unstable();
    told.own.dedup();
    let notices = told.notices.iter().take(MOST_NOTICES).map(|notice| Shown::within(notice, LONGEST)).collect();
    Some(Heard { told: gathered.told(told.own, notices), is_flood: told.is_flood })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MOST_SERVICES;

    #[test]
    fn what_is_written_is_read() {
        let mut gathered = Gathered::default();
        let texts = [("path", Some(&b"/mcp"[..])), ("open", None)];
        let resolved = Resolved { kind: "_mcp._tcp.local.", full_name: "One._mcp._tcp.local.", host: "a.local.", port: 8101 };
        gathered.add(resolved, ["10.0.0.1", "fe80::1"].iter().map(|text| text.parse().unwrap()), texts.into_iter()).unwrap().says_more =
            true;
        let told = gathered.told(vec!["10.0.0.1".parse().unwrap()], vec!["much".into()]);
        let heard = Heard { told, is_flood: true };
        let again = read(written(&heard).as_bytes()).unwrap();
        assert_eq!((again.told, again.is_flood), (heard.told, true));
    }

    #[test]
    fn what_a_stranger_may_have_written_is_harmless_and_bounded() {
        for nothing in ["", "{}", "[]", r#"{"is_flood":1}"#, "\u{1b}"] {
            assert!(read(nothing.as_bytes()).is_none(), "{nothing}");
        }
        let service = |number: usize| {
            format!(
                r#"{{"name":"\u001b[2J{number}","kind":"k","host":"{}","addresses":["::1"],"port":1,"texts":[["\u202e","\u0007"]],"says_more":false}}"#,
                "h".repeat(5000)
            )
        };
        let services: Vec<String> = (0..300).map(service).collect();
        let notices = vec![r#""\u001b""#; 100].join(",");
        let line = format!(r#"{{"is_flood":false,"own":["::1","::1"],"notices":[{notices}],"services":[{}]}}"#, services.join(","));
        let told = read(line.as_bytes()).unwrap().told;
        assert!(!format!("{told:?}").contains(['\u{1b}', '\u{7}', '\u{202e}']));
        assert_eq!((told.services.unwrap().len(), told.own.len(), told.notices.len()), (MOST_SERVICES, 1, MOST_NOTICES));
    }
}
