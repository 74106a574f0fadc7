//! How facts are named inside a sentence: an instance, a process, a point in time. One wording for evidence, outcomes and screens.
//!
//! It must never hold a whole sentence: those belong to who says them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{InstanceId, Shown};

/// "alice's instance", "bob's instance tools", "eve's listener :8090".
pub fn instance(id: &InstanceId) -> String {
    let owner = possessive(id.owner());
    if id.is_unmanaged() {
        format!("{owner} listener {}", id.name())
    } else if id.to_string() == id.owner() {
        format!("{owner} instance")
    } else {
        format!("{owner} instance {}", id.name())
    }
}

/// "alice's", "charles's".
pub fn possessive(name: &str) -> String {
    format!("{name}'s")
}

/// "pid 4711 (python3, bob)".
pub fn process(pid: i32, name: &Shown, account: &str) -> String {
    format!("pid {pid} ({name}, {account})")
}

/// "a", "a and b", "a, b and c"; after the fourth only how many more there are.
pub fn list(items: &[String]) -> String {
    const MOST: usize = 4;
    match items {
        [] => String::new(),
        [one] => one.clone(),
        many if many.len() <= MOST => {
            let (last, first) = many.split_last().unwrap_or((&many[0], &[]));
            format!("{} and {last}", first.join(", "))
        }
        many => format!("{} and {} more", many[..MOST - 1].join(", "), many.len() - (MOST - 1)),
    }
}

/// Bytes in a sentence: "812 KiB", "1.2 GiB".
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What rounds to 1024 of one is 1 of the next.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value >= 99.95 || unit == 0 { format!("{value:.0} {}", UNITS[unit]) } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Bytes a second in a sentence: "96 KiB/s", "12 B/s".
pub fn rate(bytes_a_second: f64) -> String {
    let bytes = bytes_a_second.abs();
    if bytes < 1024.0 { format!("{bytes:.0} B/s") } else { format!("{}/s", size(bytes as u64)) }
}

/// How long something lasts, in one unit: "less than a minute", "45 min", "3 h", "12 days".
pub fn span(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    match (minutes, minutes / 60, minutes / 60 / 24) {
        (0, ..) => "less than a minute".to_owned(),
        (minutes, 0, _) => format!("{minutes} min"),
        (_, hours, 0..=1) => format!("{hours} h"),
        (.., days) => format!("{days} days"),
    }
}

/// A point in time as people say it: "03:12:04" on the same local day as `now`, "12 Nov 03:12" before that, "12 Nov 2025" in another year.
pub fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let format = if at.date() == now.date() {
        "%H:%M:%S"
    } else if at.year() == now.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y"
    };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_named_by_its_owner() {
        let cases = [("alice", "alice's instance"), ("bob/tools", "bob's instance tools"), ("eve/:8090", "eve's listener :8090")];
        for (id, expected) in cases {
            assert_eq!(InstanceId::parse(id).map(|id| instance(&id)), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn a_list_reads_like_a_sentence_and_stays_short() {
        let cases = [
            ("", ""),
            ("a", "a"),
            ("a b", "a and b"),
            ("a b c", "a, b and c"),
            ("a b c d", "a, b, c and d"),
            ("a b c d e", "a, b, c and 2 more"),
        ];
        for (items, expected) in cases {
            let items: Vec<String> = items.split_whitespace().map(str::to_owned).collect();
            assert_eq!(list(&items), expected);
        }
    }

    #[test]
    fn sizes_rates_and_spans_have_one_unit() {
        let sizes = [(0, "0 KiB"), (96 << 10, "96 KiB"), ((1 << 20) - 1, "1.0 MiB"), (1_288_490_189, "1.2 GiB"), (300 << 30, "300 GiB")];
        for (bytes, expected) in sizes {
            assert_eq!(size(bytes), expected);
        }
        assert_eq!([12.0, 122_880.0, -122_880.0].map(rate), ["12 B/s", "120 KiB/s", "120 KiB/s"]);
        let spans = [(59, "less than a minute"), (45 * 60, "45 min"), (11_000, "3 h"), (47 * 3600, "47 h"), (12 * 86_400, "12 days")];
        for (seconds, expected) in spans {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_time_is_told_as_far_as_it_is_needed() {
        let now: Timestamp = "2026-11-21T03:12:04Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let cases =
            [("2026-11-21T03:11:58Z", "04:11:58"), ("2026-11-20T22:59:59Z", "20 Nov 23:59"), ("2025-11-01T00:00:00Z", "1 Nov 2025")];
        for (at, expected) in cases {
            assert_eq!(clock(at.parse().unwrap(), now, &zone), expected);
        }
    }
}
