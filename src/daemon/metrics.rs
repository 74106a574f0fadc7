//! `GET /metrics`: OpenMetrics text, by Prometheus' conventions for names and units.
//!
//! It must never have a label whose values a user can make without end: instances beyond a bound are counted and not named.

mod notified;

use std::collections::HashMap;
use std::fmt::Write;

use super::hub::Hub;
use crate::domain::{InstanceId, Level, Row, Snapshot, State};

/// The content's type, as openmetrics.io has it.
pub const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// That of the older format of Prometheus, for those who ask for no other.
pub const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How many instances are named.
const MOST: usize = 5000;

/// The states, each of which is always told: one that nobody is in is 0.
const STATES: [State; 8] =
    [State::Stopped, State::Starting, State::Running, State::Degraded, State::Stopping, State::Crashed, State::CrashLoop, State::Unknown];

/// What the daemon itself is and costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own {
    /// Who is connected.
    pub connections: usize,
    /// How old the newest picture is, seconds.
    pub age: f64,
    /// CPU time since its start, seconds.
    pub cpu: f64,
    /// Its resident memory, bytes.
    pub memory: u64,
}

impl Own {
    /// This daemon, now.
    pub fn of(hub: &Hub) -> Self {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        Self {
            connections: hub.gate.count(),
            age: hub.age().as_secs_f64(),
            cpu: used.tv_sec as f64 + used.tv_nsec as f64 / 1e9,
            memory: pages * procfs::page_size(),
        }
    }
}

/// What is measured of one instance; `None` where it is not known.
type Measured = fn(&Row) -> Option<f64>;

/// Of each instance: the name, its unit if it has one, what it is.
const EACH: [(&str, &str, &str, Measured); 8] = [
    ("berth_instance_up", "", "Whether a process of it is there.", |row| {
        (row.state != State::Unknown).then(|| f64::from(u8::from(row.state.is_up())))
    }),
    ("berth_instance_cpu_ratio", "ratio", "CPU use over its process tree, of one core.", |row| {
        row.cpu_percent.known().map(|percent| (f64::from(percent) * 100.0).round() / 10_000.0)
    }),
    ("berth_instance_memory_bytes", "bytes", "Resident memory over its process tree.", |row| {
        row.memory_bytes.known().map(|bytes| bytes as f64)
    }),
    ("berth_instance_open_files", "", "Open descriptors over its process tree.", |row| row.open_files.known().map(|count| count as f64)),
    ("berth_instance_restarts", "", "How often it was started again, as its supervisor counts.", |row| {
        row.restarted().known().map(f64::from)
    }),
    ("berth_instance_healthy", "", "Whether it answered well when it was last asked.", |row| {
        use crate::domain::HealthState::{Degraded, Guarded, Healthy, Slow, Starting, Unhealthy, Unknown};
        match row.health.state {
            Healthy | Guarded | Slow => Some(1.0),
            Degraded | Unhealthy => Some(0.0),
            Starting | Unknown => None,
        }
    }),
    ("berth_instance_latency_seconds", "seconds", "How long its last answer took.", |row| {
        row.health.latency_ms.map(|time| f64::from(time) / 1000.0)
    }),
    ("berth_instance_start_time_seconds", "seconds", "When its process was started.", |row| {
        row.started_at.map(|at| at.as_millisecond() as f64 / 1000.0)
    }),
];

/// All of it, of what somebody sees.
pub fn text(snapshot: &Snapshot, own: &Own, spent: &HashMap<InstanceId, f64>) -> String {
    let mut text = String::with_capacity(4096 + snapshot.rows.len() * 700);
    let rows: Vec<&Row> = snapshot.rows.iter().filter(|row| !row.id.is_unmanaged()).map(|row| &**row).collect();
    family(&mut text, "berth_instances", "", "Instances by state.");
    for state in STATES {
        line(&mut text, "berth_instances", &format!("state=\"{}\"", state.word()), snapshot.totals.in_state(state) as f64);
    }
    family(&mut text, "berth_findings", "", "Findings by level.");
    for level in [Level::Error, Level::Warning, Level::Note] {
        let count = snapshot.totals.findings.get(&level).copied().unwrap_or(0);
        line(&mut text, "berth_findings", &format!("level=\"{}\"", level.word()), count as f64);
    }
    let of_all = [
        ("berth_port_conflicts", "", "Ports that more than one claim.", snapshot.totals.conflicts as f64),
        ("berth_ports_in_use", "", "Ports of the range that are configured or listened on.", snapshot.totals.ports_in_use as f64),
        ("berth_instances_unnamed", "", "Instances beyond those that have lines of their own.", rows.len().saturating_sub(MOST) as f64),
        ("berth_daemon_connections", "", "Who is connected to the daemon.", own.connections as f64),
        ("berth_daemon_picture_age_seconds", "seconds", "How old the daemon's newest picture is.", own.age),
        ("berth_daemon_memory_bytes", "bytes", "The daemon's resident memory.", own.memory as f64),
    ];
    for (name, unit, help, value) in of_all {
        family(&mut text, name, unit, help);
        line(&mut text, name, "", value);
    }
    let name = "berth_daemon_cpu_seconds";
    head(&mut text, name, "counter", "seconds", "The daemon's CPU time.");
    line(&mut text, &format!("{name}_total"), "", own.cpu);
    let name = "berth_instance_cpu_seconds";
    head(&mut text, name, "counter", "seconds", "CPU time over its process tree, as far as the daemon saw it.");
    for row in rows.iter().take(MOST) {
        if let Some(seconds) = spent.get(&row.id) {
            line(&mut text, &format!("{name}_total"), &labels(row), *seconds);
        }
    }
    for (name, unit, help, measured) in EACH {
        family(&mut text, name, unit, help);
        for row in rows.iter().take(MOST) {
            if let Some(value) = measured(row) {
                line(&mut text, name, &labels(row), value);
            }
        }
    }
    notified::families(&mut text, snapshot.notified.as_deref().unwrap_or_default());
    text.push_str("# EOF\n");
    text
}

/// The same in the older format: a counter's family bears its suffix there, and there is no unit and no end.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut counter = "";
    for line in text.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        if let Some(name) = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_suffix(" counter")) {
            counter = name;
            let _ = writeln!(plain, "# TYPE {name}_total counter");
        } else if let Some((name, help)) =
            line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).filter(|(name, _)| *name == counter)
        {
            let _ = writeln!(plain, "# HELP {name}_total {help}");
        } else {
            let _ = writeln!(plain, "{line}");
        }
    }
    plain
}

/// Whether the older format is asked for, by the header Accept.
pub fn wants_plain(accept: Option<&str>) -> bool {
    accept.is_some_and(|accept| accept.contains("text/plain") && !accept.contains("application/openmetrics-text"))
}

/// Names of instances hold nothing that a label's value would have to escape.
fn labels(row: &Row) -> String {
    format!("instance=\"{}\",owner=\"{}\"", row.id, row.id.owner())
}

fn family(text: &mut String, name: &str, unit: &str, help: &str) {
    head(text, name, "gauge", unit, help);
}

fn head(text: &mut String, name: &str, kind: &str, unit: &str, help: &str) {
    // A String takes everything.
    let _ = writeln!(text, "# TYPE {name} {kind}");
    if !unit.is_empty() {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
    let _ = writeln!(text, "# HELP {name} {help}");
}

fn line(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = if labels.is_empty() { writeln!(text, "{name} {value}") } else { writeln!(text, "{name}{{{labels}}} {value}") };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::fleet;

    #[test]
    fn every_line_is_a_head_or_a_number() {
        let one = crate::domain::Notified { told: 3, dropped: 5, ..crate::domain::Notified::nothing_yet("http://a\"\\:1") };
        let fleet = Snapshot { notified: Some([one].into()), ..fleet::fleet() };
        let own = Own { connections: 2, age: 0.5, cpu: 1.25, memory: 4096 };
        let text = text(&fleet, &own, &super::super::spent::Spent::default().by_now(&fleet));
        assert!(text.contains("berth_instance_cpu_seconds_total{instance=\"alice\",owner=\"alice\"} "), "{text}");
        assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
        let mut family = String::new();
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(rest) = line.strip_prefix("# ") {
                let name = rest.split(' ').nth(1).unwrap();
                if rest.starts_with("TYPE") {
                    family = name.to_owned();
                }
                assert_eq!(name, family, "{line}");
                continue;
            }
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            let name = name.split('{').next().unwrap();
            assert!(name == family || name == format!("{family}_total"), "{line}: lines of a family stand together");
        }
        assert!(text.contains("berth_instance_up{instance=\"alice\",owner=\"alice\"} 1\n"), "{text}");
        assert!(text.contains("berth_instance_memory_bytes{instance=\"alice\",owner=\"alice\"} 87"), "{text}");
        assert!(text.contains("berth_instances{state=\"crash-loop\"} 0\n") && text.contains("berth_daemon_cpu_seconds_total 1.25\n"));
        assert!(text.contains("berth_notify_told_total{number=\"0\",to=\"http://a\\\"\\\\:1\"} 3\n"), "{text}");
        assert!(!text.contains("/:"), "who belongs to nobody is no instance");
    }

    #[test]
    fn the_older_format_names_counters_whole() {
        let text = "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds Time.\na_seconds_total 1\n# TYPE b gauge\n# HELP b B.\nb 2\n# EOF\n";
        let expected =
            "# TYPE a_seconds_total counter\n# HELP a_seconds_total Time.\na_seconds_total 1\n# TYPE b gauge\n# HELP b B.\nb 2\n";
        assert_eq!(plain(text), expected);
        let asked = [None, Some("*/*"), Some("text/plain"), Some("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")];
        assert_eq!(asked.map(wants_plain), [false, false, true, false]);
    }
}
