//! A stretch of time as it is typed: an age, a time of day, a date with one, or two of them.
//!
//! It must never guess: what is none of these is told as such.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::domain::Shown;
use crate::tui::state::log::Range;

/// What a text means at this moment and in this zone.
///
/// # Errors
/// What can be typed.
pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Range, Shown> {
    let wrong = || Shown::from("that is no time: 10m, 03:00, 03:00-03:10, 2026-11-20 22:00");
    let (since, until) = ends(text.trim(), now, zone).ok_or_else(wrong)?;
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err(Shown::from("it ends before it begins"));
    }
    let told = |at: Timestamp| clock(at, now, zone);
    let words = match (since, until) {
        (Some(since), Some(until)) => format!("{} to {}", told(since), told(until)),
        (Some(since), None) => format!("since {}", told(since)),
        (None, Some(until)) => format!("before {}", told(until)),
        (None, None) => return Err(wrong()),
    };
    Ok(Range { since, until, previous: false, words })
}

/// A moment as a title tells it: the time of day, and the day when it is another one.
pub fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let day = if at.date() == now.date() { "" } else { "%-d %b " };
    let time = if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    at.strftime(&format!("{day}{time}")).to_string()
}

type Ends = (Option<Timestamp>, Option<Timestamp>);

fn ends(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Ends> {
    if let Some(since) = point(text, now, zone) {
        return Some((Some(since), None));
    }
    // Dates have hyphens of their own: each one is tried.
    text.match_indices('-').find_map(|(at, _)| {
        let (left, right) = (text.get(..at)?.trim(), text.get(at + 1..)?.trim());
        let since = if left.is_empty() { None } else { Some(point(left, now, zone)?) };
        let mut until = if right.is_empty() { None } else { Some(point(right, now, zone)?) };
        // `23:50-00:10` is over midnight, `2026-11-20 22:00-22:30` of one day.
        if let (Some(since), Some(time)) = (since, time(right)) {
            let day = since.to_zoned(zone.clone()).date();
            let same = moment(day.to_datetime(time), zone)?;
            until = if same > since { Some(same) } else { moment(day.tomorrow().ok()?.to_datetime(time), zone) };
        }
        (since.is_some() || until.is_some()).then_some((since, until))
    })
}

/// One moment: `10m`, `03:00`, `2026-11-20`, `2026-11-20 22:00`.
fn point(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(age) = age(text) {
        return now.checked_sub(age).ok();
    }
    if let Some(time) = time(text) {
        // The last such time of day.
        let today = now.to_zoned(zone.clone()).date();
        let at = moment(today.to_datetime(time), zone)?;
        return if at <= now { Some(at) } else { moment(today.yesterday().ok()?.to_datetime(time), zone) };
    }
    let (day, rest) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    if day.len() != 10 {
        return None;
    }
    moment(day.parse::<Date>().ok()?.to_datetime(time(rest.trim())?), zone)
}

/// `90s`, `10m`, `2h`, `1d`.
fn age(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.trim().parse().ok().filter(|count| (1..=100_000).contains(count))?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some(SignedDuration::from_secs(count * seconds))
}

/// `03:00` and `03:00:30`.
fn time(text: &str) -> Option<Time> {
    let mut parts = text.split(':').map(|part| if part.len() <= 2 { part.parse::<i8>().ok() } else { None });
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() { None } else { Time::new(hour, minute, second, 0).ok() }
}

fn moment(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(at).ok().filter(|at| at.checked_add(1.second()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_typed_is_understood() {
        let now: Timestamp = "2026-11-21T03:12:04Z".parse().unwrap();
        let table = [
            ("10m", "since 03:02:04", Some("2026-11-21T03:02:04Z"), None),
            ("90s", "since 03:10:34", Some("2026-11-21T03:10:34Z"), None),
            ("1d", "since 20 Nov 03:12:04", Some("2026-11-20T03:12:04Z"), None),
            ("03:00", "since 03:00", Some("2026-11-21T03:00:00Z"), None),
            ("22:00", "since 20 Nov 22:00", Some("2026-11-20T22:00:00Z"), None),
            ("03:00-03:10", "03:00 to 03:10", Some("2026-11-21T03:00:00Z"), Some("2026-11-21T03:10:00Z")),
            ("23:50 - 00:10:30", "20 Nov 23:50 to 00:10:30", Some("2026-11-20T23:50:00Z"), Some("2026-11-21T00:10:30Z")),
            ("10m-5m", "03:02:04 to 03:07:04", Some("2026-11-21T03:02:04Z"), Some("2026-11-21T03:07:04Z")),
            ("-03:00", "before 03:00", None, Some("2026-11-21T03:00:00Z")),
            ("2026-11-20 22:00", "since 20 Nov 22:00", Some("2026-11-20T22:00:00Z"), None),
            ("2026-11-20", "since 20 Nov 00:00", Some("2026-11-20T00:00:00Z"), None),
            ("2026-11-19 22:00-22:30", "19 Nov 22:00 to 19 Nov 22:30", Some("2026-11-19T22:00:00Z"), Some("2026-11-19T22:30:00Z")),
        ];
        for (text, words, since, until) in table {
            let range = parse(text, now, &TimeZone::UTC).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!(range.words, words, "{text}");
            let told = |at: Option<Timestamp>| at.map(|at| at.to_string());
            assert_eq!((told(range.since).as_deref(), told(range.until).as_deref()), (since, until), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        let now: Timestamp = "2026-11-21T03:12:04Z".parse().unwrap();
        for text in ["", "-", "x", "10", "m", "25:00", "03:00:00:00", "03:70", "2026-13-01", "10y", "-5m-", "03", "0m"] {
            assert!(parse(text, now, &TimeZone::UTC).is_err(), "{text:?}");
        }
        assert_eq!(parse("5m-10m", now, &TimeZone::UTC).unwrap_err().as_str(), "it ends before it begins");
    }
}
