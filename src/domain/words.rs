//! How facts are named inside a sentence: an instance, a process, a point in time. One wording for evidence, outcomes and screens.
//!
//! It must never hold a whole sentence: those belong to who says them.

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
