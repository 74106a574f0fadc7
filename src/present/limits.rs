//! The limits in force in words and in JSON: how much, how near, what came of it.
//!
//! It must never tell a configured limit as one that is in force.

use serde_json::{Value, json};

use super::units;
use crate::domain::{InForce, Limits, Row};

/// A line for each limit that holds, as what it limits and the words about it. Nothing where nothing was read.
pub fn lines(row: &Row) -> Vec<(&'static str, String)> {
    let Some(limits) = &row.limits else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(most) = limits.memory_max {
        // Of the number that stands everywhere else. What the kernel charges to the group, without pages that others have too and with
        // what it keeps of files, is in the document.
        let killed = match limits.oom_kills {
            None | Some(0) => String::new(),
            Some(1) => "; 1 process was killed for it".to_owned(),
            Some(count) => format!("; {count} processes were killed for it"),
        };
        lines.push(("memory", format!("{}{}{killed}", units::binary(most), used(row.memory_bytes.known().or(limits.memory_now), most))));
    }
    if let Some(most) = limits.cpu_max {
        let waited = limits.throttled.filter(|time| !time.is_zero());
        let waited = waited.map(|time| format!(", throttled for {}", units::took(time))).unwrap_or_default();
        lines.push(("cpu", format!("{} % of a core{}{waited}", percent(most), used(cpu(row), most))));
    }
    if let Some(most) = limits.tasks_max {
        lines.push(("tasks", format!("{most}{}", used(limits.tasks_now, most))));
    }
    if lines.is_empty() {
        let configured = row.declared.as_ref().is_some_and(|declared| declared.limits != Limits::default());
        let why = if configured { "" } else { ": none is configured" };
        lines.push(("", format!("no limit of memory, CPU or tasks is in force{why}")));
    }
    if let Some(most) = limits.open_files_max {
        lines.push(("files", format!("{most} in each process{}", used(open_files(row), most))));
    }
    if let Some(most) = limits.resident_max {
        lines.push(("ulimit -m", format!("{} has no effect on Linux", most / 1024)));
    }
    lines
}

/// ", 83 % used".
fn used(now: Option<u64>, most: u64) -> String {
    now.and_then(|now| share(now, most)).map(|share| format!(", {share} % used")).unwrap_or_default()
}

fn share(now: u64, most: u64) -> Option<u64> {
    now.saturating_mul(100).checked_div(most)
}

/// Hundredths of a percent, without decimals that say nothing.
fn percent(hundredths: u64) -> String {
    if hundredths.is_multiple_of(100) { (hundredths / 100).to_string() } else { format!("{:.1}", hundredths as f64 / 100.0) }
}

/// Hundredths of a percent of one core.
fn cpu(row: &Row) -> Option<u64> {
    row.cpu_percent.known().filter(|percent| percent.is_finite() && *percent >= 0.0).map(|percent| (percent * 100.0).round() as u64)
}

/// Of the main process: the limit is each process's own.
fn open_files(row: &Row) -> Option<u64> {
    let main = row.main.known()?;
    row.processes.iter().find(|process| process.key == main)?.open_files.known()
}

/// `"limits"` of `berth show --json`.
pub fn json(row: &Row) -> Value {
    let configured = row.declared.as_ref().map(|declared| {
        let limits = declared.limits;
        json!({ "memory_max": limits.memory_max, "cpu_max_percent": limits.cpu_max, "tasks_max": limits.tasks_max })
    });
    json!({ "configured": configured, "in_force": row.limits.as_deref().map(|limits| in_force(row, limits)) })
}

fn in_force(row: &Row, limits: &InForce) -> Value {
    let near = |now: Option<u64>, most: Option<u64>| now.zip(most).and_then(|(now, most)| share(now, most));
    json!({
        "group": limits.group.as_ref().map(|group| group.as_str()),
        "memory": limits.memory_max.map(|most| json!({
            "max": most, "now": limits.memory_now, "percent": near(limits.memory_now, Some(most)), "oom_kills": limits.oom_kills,
        })),
        "cpu": limits.cpu_max.map(|most| json!({
            "max_percent": most as f64 / 100.0, "percent": near(cpu(row), Some(most)), "throttled_seconds": limits.throttled.map(|time| time.as_secs_f64()),
        })),
        "tasks": limits.tasks_max.map(|most| json!({
            "max": most, "now": limits.tasks_now, "percent": near(limits.tasks_now, Some(most)),
        })),
        "open_files": { "max": limits.open_files_max, "now": open_files(row), "percent": near(open_files(row), limits.open_files_max) },
        "ulimit_m_without_effect": limits.resident_max,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::present::fleet;

    fn with(limits: InForce) -> Row {
        let mut row = (**fleet::fleet().row(&fleet::id("alice")).unwrap()).clone();
        row.limits = Some(Arc::new(limits));
        row
    }

    fn full() -> Row {
        with(InForce {
            memory_max: Some(512 << 20),
            memory_now: Some(128 << 20),
            oom_kills: Some(2),
            cpu_max: Some(2000),
            throttled: Some(Duration::from_millis(12_300)),
            tasks_max: Some(50),
            tasks_now: Some(11),
            open_files_max: Some(1024),
            resident_max: Some(10 << 20),
            ..InForce::default()
        })
    }

    #[test]
    fn every_limit_has_its_line() {
        let told: Vec<String> = lines(&full()).into_iter().map(|(label, text)| format!("{label}: {text}")).collect();
        assert_eq!(
            told,
            [
                "memory: 512 MiB, 16 % used; 2 processes were killed for it",
                "cpu: 20 % of a core, 62 % used, throttled for 12.3 s",
                "tasks: 50, 22 % used",
                "files: 1024 in each process, 2 % used",
                "ulimit -m: 10240 has no effect on Linux",
            ]
        );
    }

    #[test]
    fn that_nothing_is_limited_is_told_and_what_was_not_read_is_not() {
        assert_eq!(lines(&with(InForce::default())), [("", "no limit of memory, CPU or tasks is in force: none is configured".to_owned())]);
        assert!(lines(&Row { limits: None, ..full() }).is_empty());
    }

    #[test]
    fn the_document_has_numbers() {
        let document = json(&full());
        assert_eq!(document["in_force"]["memory"]["percent"], 25);
        assert_eq!(document["in_force"]["cpu"]["max_percent"], 20.0);
        assert_eq!(document["in_force"]["open_files"]["now"], 27);
        assert!(json(&Row { limits: None, ..full() })["in_force"].is_null());
    }
}
