//! What an instance has written, for `berth show`, its document and the console's detail.
//!
//! It must never add up what was not counted: a part that is missing is named.

use std::time::Duration;

use serde_json::{Value, json};

use super::{HIDDEN, Look, units};
use crate::domain::{Declared, DiskUse, FileSystem, Reading, Row, Snapshot, words};

/// Growth below this is none, bytes a second.
const SOME: f64 = 1.0;

/// Times beyond this are not worth telling in words.
const FAR: Duration = Duration::from_secs(60 * 86_400);

/// The facts in words, each with its label; none where nothing was counted.
pub fn facts(row: &Row, snapshot: &Snapshot, look: Look) -> Vec<(&'static str, String)> {
    let Some(told) = &row.disk else { return Vec::new() };
    let mut facts = vec![("disk", taken(told, row.declared.as_deref(), look))];
    facts.extend(on(told, snapshot.own(&row.id)).map(|file_system| ("file system", room(file_system))));
    facts
}

/// "14.2 M: log 4.1 M (limit 10.0 M, 3 rotated), workspace 10.1 M; grows by 2 K/s".
fn taken(told: &DiskUse, declared: Option<&Declared>, look: Look) -> String {
    let size = |reading: Reading<u64>| match reading {
        Reading::Known(bytes) => units::bytes(bytes),
        Reading::Denied => format!("{HIDDEN} (may not be seen)"),
        Reading::Gone => "none".to_owned(),
        Reading::Unasked => look.not_yet().to_owned(),
    };
    let mut about = Vec::new();
    about.extend(declared.and_then(|declared| declared.log_max).map(|most| format!("limit {}", units::bytes(most))));
    about.extend((told.rotated > 0).then(|| format!("{} rotated", told.rotated)));
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    let parts = format!("log {}{about}, workspace {}", size(told.log_bytes), size(told.workspace_bytes));
    let sum = match told.bytes() {
        (Reading::Known(bytes), true) => format!("{}: ", units::bytes(bytes)),
        _ => String::new(),
    };
    let growth = match told.growth {
        Some(rate) if rate >= SOME => format!("; grows by {}", units::rate(rate)),
        Some(rate) if rate <= -SOME => format!("; shrinks by {}", units::rate(rate)),
        _ => String::new(),
    };
    format!("{sum}{parts}{growth}")
}

/// "/var (ext4): 94 % full, 1.20 G left, full in 3 h".
fn room(file_system: &FileSystem) -> String {
    let left = file_system
        .lasts()
        .filter(|left| *left < FAR)
        .map(|left| format!(", full in {} at this rate", words::span(left)))
        .unwrap_or_default();
    let percent = file_system.percent();
    format!("{} ({}): {percent} % full, {} left{left}", file_system.mounted_on, file_system.kind, units::bytes(file_system.free))
}

/// The file systems that it writes on.
fn on<'a>(told: &'a DiskUse, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a FileSystem> {
    snapshot.file_systems.iter().filter(|file_system| told.devices.contains(&file_system.device))
}

/// `"disk"` of `berth show ID --json`; null where nothing was counted.
pub fn json(row: &Row, snapshot: &Snapshot) -> Value {
    let Some(told) = &row.disk else { return Value::Null };
    let declared = row.declared.as_deref();
    let unknown: serde_json::Map<String, Value> = [
        ("log_bytes", told.log_bytes.why_unknown()),
        ("log_file_bytes", told.log_file_bytes.why_unknown()),
        ("workspace_bytes", told.workspace_bytes.why_unknown()),
    ]
    .into_iter()
    .filter_map(|(key, why)| Some((key.to_owned(), Value::from(why?))))
    .collect();
    json!({
        "log_bytes": told.log_bytes.known(),
        "log_file_bytes": told.log_file_bytes.known(),
        "log_max_bytes": declared.and_then(|declared| declared.log_max),
        "log_keep": declared.map(|declared| declared.log_keep),
        "rotated": told.rotated,
        "workspace_bytes": told.workspace_bytes.known(),
        "growth_bytes_per_second": told.growth.map(whole),
        "counted_at": super::json::timestamp(told.counted_at),
        "file_systems": on(told, snapshot.own(&row.id)).map(file_system).collect::<Vec<_>>(),
        "unknown": unknown,
    })
}

fn file_system(file_system: &FileSystem) -> Value {
    json!({
        "mounted_on": file_system.mounted_on.as_str(),
        "type": file_system.kind.as_str(),
        "total_bytes": file_system.total,
        "used_bytes": file_system.taken,
        "free_bytes": file_system.free,
        "filling_bytes_per_second": file_system.filling.map(whole),
        "full_in_seconds": file_system.lasts().map(|left| left.as_secs()),
    })
}

/// A rate without its fractions: nobody needs them, and they change all the time.
fn whole(rate: f64) -> i64 {
    rate.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::fleet;

    fn told(name: &str) -> Vec<(&'static str, String)> {
        let snapshot = fleet::fleet();
        facts(snapshot.row(&fleet::id(name)).unwrap(), &snapshot, Look { ascii: false, now: fleet::now() })
    }

    #[test]
    fn what_is_counted_is_told_and_what_is_not_is_named() {
        assert_eq!(
            told("alice"),
            [
                ("disk", "14.2 M: log 4.1 M (2 rotated), workspace 10.1 M; grows by 2 K/s".to_owned()),
                ("file system", "/srv (ext4): 62 % full, 7.60 G left, full in 44 days at this rate".to_owned())
            ]
        );
        assert_eq!(told("gina")[0].1, "log 1.50 G, workspace …");
        assert_eq!(told("frank"), [("disk", "log ? (may not be seen), workspace ? (may not be seen)".to_owned())]);
        assert!(told("carol").is_empty());
    }

    #[test]
    fn the_document_says_why_a_number_is_missing() {
        let snapshot = fleet::fleet();
        let of = |name: &str| json(snapshot.row(&fleet::id(name)).unwrap(), &snapshot);
        assert_eq!(
            of("alice").to_string(),
            r#"{"log_bytes":4299162,"log_file_bytes":4299162,"log_max_bytes":null,"log_keep":0,"rotated":2,"workspace_bytes":10590618,"growth_bytes_per_second":2048,"counted_at":"2026-11-21T03:12:04.120Z","file_systems":[{"mounted_on":"/srv","type":"ext4","total_bytes":21474836480,"used_bytes":13314000000,"free_bytes":8160437862,"filling_bytes_per_second":2146,"full_in_seconds":3802627}],"unknown":{}}"#
        );
        assert_eq!(of("frank")["unknown"].to_string(), r#"{"log_bytes":"denied","log_file_bytes":"denied","workspace_bytes":"denied"}"#);
        assert_eq!(of("carol"), Value::Null);
    }
}
