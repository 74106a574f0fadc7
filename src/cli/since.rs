//! A moment as people say it: `10m`, `03:00`, `2026-11-21 03:00`.
//!
//! It must never guess a day that has not come: a time of day is the last such time.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

/// The moment that is meant now, in the host's zone.
///
/// # Errors
/// Which words are understood, when these are not.
pub fn parse_now(text: &str) -> Result<Timestamp, String> {
    parse(text, &Zoned::now())
}

/// The moment that is meant.
fn parse(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let text = text.trim();
    let moment = ago(text, now).or_else(|| text.parse().ok()).or_else(|| local(text, now));
    moment.ok_or_else(|| "a moment is given as 10m, 2h, 3d, 03:00, 2026-11-21, \"2026-11-21 03:00\" or 2026-11-21T03:00:00Z".to_owned())
}

/// `90s`, `10m`, `2h`, `3d`: so long ago.
fn ago(text: &str, now: &Zoned) -> Option<Timestamp> {
    let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let duration = SignedDuration::from_secs(number.parse::<i64>().ok()?.checked_mul(seconds)?);
    now.timestamp().checked_sub(duration).ok()
}

/// In the host's zone.
fn local(text: &str, now: &Zoned) -> Option<Timestamp> {
    let zone = now.time_zone();
    let at = |moment: DateTime| zone.to_timestamp(moment).ok();
    if let Some(time) = time(text) {
        let today = at(now.date().to_datetime(time))?;
        // At 02:00, 23:00 was yesterday.
        return if today <= now.timestamp() { Some(today) } else { at(now.date().checked_sub(1.day()).ok()?.to_datetime(time)) };
    }
    if let Ok(date) = text.parse::<Date>() {
        // A date with a time after it is parsed as a date, too.
        let rest = text.get(10..).unwrap_or_default();
        return match rest.strip_prefix([' ', 'T']) {
            Some(rest) => at(date.to_datetime(time(rest)?)),
            None if rest.is_empty() => at(date.to_datetime(Time::midnight())),
            None => None,
        };
    }
    None
}

/// `03:00`, `03:00:30`, `03:00:30.5`.
fn time(text: &str) -> Option<Time> {
    if text.as_bytes().get(2) != Some(&b':') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let now: Zoned = "2026-11-21T03:30:00+01:00[+01:00]".parse().unwrap();
        parse(text, &now).ok().map(|at| at.to_string())
    }

    #[test]
    fn a_moment_has_many_names() {
        let table = [
            ("90s", "2026-11-21T02:28:30Z"),
            ("10m", "2026-11-21T02:20:00Z"),
            ("2h", "2026-11-21T00:30:00Z"),
            ("3d", "2026-11-18T02:30:00Z"),
            ("1w", "2026-11-14T02:30:00Z"),
            ("03:00", "2026-11-21T02:00:00Z"),
            ("03:00:30", "2026-11-21T02:00:30Z"),
            // Not yet today.
            ("23:00", "2026-11-20T22:00:00Z"),
            ("2026-11-21", "2026-11-20T23:00:00Z"),
            ("2026-11-21 03:00", "2026-11-21T02:00:00Z"),
            ("2026-11-21 03:00:15", "2026-11-21T02:00:15Z"),
            ("2026-11-21T03:00", "2026-11-21T02:00:00Z"),
            ("2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z"),
            ("2026-11-21T03:00:00.5+02:00", "2026-11-21T01:00:00.5Z"),
            ("2026-11-21 03:00:00Z", "2026-11-21T03:00:00Z"),
        ];
        for (text, at) in table {
            assert_eq!(parsed(text).as_deref(), Some(at), "{text}");
        }
    }

    /// `TZ=Europe/Berlin` names a file of the system; an offset needs none.
    #[test]
    fn a_named_zone_of_the_system_is_known() {
        if !std::path::Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
            return;
        }
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap().to_zoned(zone.clone()).offset().seconds();
        assert_eq!((at("2026-11-21T02:00:00Z"), at("2026-07-01T02:00:00Z")), (3600, 7200));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "10",
            "m",
            "10x",
            "yesterday",
            "25:00",
            "3:00",
            "2026-13-01",
            "2026-11-21 25:00",
            "2026-11-21x",
            "99999999999999999999d",
            "9999999999999999w",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
