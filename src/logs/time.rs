//! When a log line says it was written.
//!
//! It must never guess: what is no date with a time of day is none. A time without a zone is the host's, one without a year is the last
//! such day; of a line that says nothing, the line before it speaks.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::level::upto;

/// How far into a line its time may begin, in bytes: after a level, a bracket, a logger's name.
const REACH: usize = 48;

/// How far into a line of fields its time is looked for.
const FIELDS_REACH: usize = 4096;

/// What a line's time is measured against, and the time of the line before.
#[derive(Clone, Debug)]
pub(super) struct Times {
    zone: TimeZone,
    now: Timestamp,
    last: Option<Timestamp>,
}

impl Times {
    /// As the host's clock and zone have it.
    pub fn of_host() -> Self {
        Self::new(TimeZone::system(), Timestamp::now())
    }

    /// In this zone, at this moment.
    pub fn new(zone: TimeZone, now: Timestamp) -> Self {
        Self { zone, now, last: None }
    }

    /// The clock went on: for times without a year.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// The time of the next line, or of the line before it.
    pub fn next(&mut self, line: &str) -> Option<Timestamp> {
        if let Some(at) = self.own(line) {
            self.last = Some(at);
        }
        self.last
    }

    /// What the next line is to inherit.
    pub fn set_last(&mut self, last: Option<Timestamp>) {
        self.last = last;
    }

    /// The line's own time.
    pub fn own(&self, line: &str) -> Option<Timestamp> {
        let line = line.trim_start();
        let bytes = line.as_bytes();
        if bytes.first() == Some(&b'{') {
            return self.in_json(line);
        }
        let reach = bytes.len().min(REACH);
        let mut previous = b' ';
        for (index, byte) in bytes.iter().take(reach).enumerate() {
            let rest = &bytes[index..];
            let begins = !previous.is_ascii_alphanumeric();
            let found = match byte {
                b'0'..=b'9' if !previous.is_ascii_digit() && !matches!(previous, b'.' | b':' | b'-') => {
                    self.iso(rest).or_else(|| self.common(rest)).or_else(|| if index <= 1 { epoch_word(rest) } else { None })
                }
                b'A'..=b'Z' if begins => self.syslog(rest).or_else(|| self.klog(rest)),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
            previous = *byte;
        }
        self.in_logfmt(line)
    }

    /// `2026-11-21T03:12:04.120Z`, `2026-11-21 03:12:04,120 +01:00`, `2026/11/21 03:12:04`.
    fn iso(&self, bytes: &[u8]) -> Option<Timestamp> {
        let (year, rest) = digits(bytes, 4)?;
        let (separator, rest) = rest.split_first()?;
        if !matches!(separator, b'-' | b'/') {
            return None;
        }
        let (month, rest) = digits(rest, 2)?;
        let (day, rest) = digits(rest.strip_prefix(&[*separator])?, 2)?;
        let ([b'T' | b't' | b' ' | b'_', rest @ ..] | [b',', b' ', rest @ ..]) = rest else { return None };
        self.with_clock(date(year, month, day)?, rest)
    }

    /// `21/Nov/2026:03:12:04 +0000`, as web servers have it.
    fn common(&self, bytes: &[u8]) -> Option<Timestamp> {
        let (day, rest) = digits(bytes, 2)?;
        let (month, rest) = month(rest.strip_prefix(b"/")?)?;
        let (year, rest) = digits(rest.strip_prefix(b"/")?, 4)?;
        self.with_clock(date(year, month, day)?, rest.strip_prefix(b":")?)
    }

    /// `Nov 21 03:12:04`, and with the year after it, ctime(3).
    fn syslog(&self, bytes: &[u8]) -> Option<Timestamp> {
        let (month, rest) = month(bytes)?;
        let rest = rest.strip_prefix(b" ")?;
        let (day, rest) = match rest {
            [b' ', rest @ ..] => digits(rest, 1)?,
            [_, b' ', ..] => digits(rest, 1)?,
            _ => digits(rest, 2)?,
        };
        let clock = rest.strip_prefix(b" ")?;
        let after = clock.get(8..).unwrap_or_default();
        match after.strip_prefix(b" ").and_then(|rest| digits(rest, 4)) {
            Some((year, _)) => self.with_clock(date(year, month, day)?, clock.get(..8)?),
            None => self.last_such_day(month, day, clock),
        }
    }

    /// `I1121 03:12:04.123456`, klog.
    fn klog(&self, bytes: &[u8]) -> Option<Timestamp> {
        let (b'I' | b'W' | b'E' | b'F', rest) = bytes.split_first()? else { return None };
        let (month, rest) = digits(rest, 2)?;
        let (day, rest) = digits(rest, 2)?;
        self.last_such_day(month, day, rest.strip_prefix(b" ")?)
    }

    /// A day without a year is not in the future, but for clocks that differ a little.
    fn last_such_day(&self, month: u32, day: u32, clock: &[u8]) -> Option<Timestamp> {
        let year = u32::try_from(self.zone.to_datetime(self.now).year()).ok()?;
        let latest = self.now.checked_add(24.hours()).ok()?;
        [year, year - 1].into_iter().find_map(|year| self.with_clock(date(year, month, day)?, clock).filter(|at| *at <= latest))
    }

    /// A date with the time of day and, if there is one, the zone that follow it.
    fn with_clock(&self, date: Date, bytes: &[u8]) -> Option<Timestamp> {
        let (hour, rest) = digits(bytes, 2)?;
        let (minute, rest) = digits(rest.strip_prefix(b":")?, 2)?;
        let (second, rest) = match rest.strip_prefix(b":") {
            Some(rest) => digits(rest, 2)?,
            None => (0, rest),
        };
        let (nanosecond, rest) = match rest {
            [b'.' | b',', rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit) => fraction(rest),
            _ => (0, rest),
        };
        let small = |number: u32| i8::try_from(number).ok();
        // A leap second is the one before it: nobody else knows it.
        let time = jiff::civil::Time::new(small(hour)?, small(minute)?, small(second.min(59))?, i32::try_from(nanosecond).ok()?).ok()?;
        let moment = DateTime::from_parts(date, time);
        match offset(rest) {
            Some(offset) => offset.to_timestamp(moment).ok(),
            None => self.zone.to_timestamp(moment).ok(),
        }
    }

    fn in_json(&self, object: &str) -> Option<Timestamp> {
        let object = upto(object, FIELDS_REACH);
        ["\"time\"", "\"timestamp\"", "\"ts\"", "\"@timestamp\"", "\"t\"", "\"datetime\"", "\"asctime\"", "\"date\""].iter().find_map(
            |key| {
                let (_, after) = object.split_once(key)?;
                let value = after.trim_start().strip_prefix(':')?.trim_start();
                match value.strip_prefix('"') {
                    Some(text) => self.value(text.split('"').next()?),
                    None => epoch(value.as_bytes()).map(|(at, _)| at),
                }
            },
        )
    }

    fn in_logfmt(&self, line: &str) -> Option<Timestamp> {
        let line = upto(line, 256);
        if !line.contains('=') {
            return None;
        }
        ["time=", "ts=", "timestamp=", "t="].iter().find_map(|key| {
            let begins = |index: usize| index == 0 || line.as_bytes().get(index - 1) == Some(&b' ');
            let index = line.match_indices(key).map(|(index, _)| index).find(|index| begins(*index))?;
            let value = line.get(index + key.len()..)?;
            match value.strip_prefix('"') {
                Some(text) => self.value(text.split('"').next()?),
                None => self.value(value.split(' ').next()?),
            }
        })
    }

    /// A field's value.
    fn value(&self, text: &str) -> Option<Timestamp> {
        self.iso(text.as_bytes()).or_else(|| epoch_word(text.as_bytes())).or_else(|| self.syslog(text.as_bytes()))
    }
}

/// So many digits, and what follows them, which is no digit.
fn digits(bytes: &[u8], count: usize) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_at_checked(count)?;
    if !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((word.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')), rest))
}

fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn month(bytes: &[u8]) -> Option<(u32, &[u8])> {
    const MONTHS: [&[u8]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    (1..).zip(MONTHS).find_map(|(number, name)| bytes.strip_prefix(name).map(|rest| (number, rest)))
}

/// Up to nine digits of a second's fraction in nanoseconds; more are read over.
fn fraction(bytes: &[u8]) -> (u32, &[u8]) {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (word, rest) = bytes.split_at(length);
    let nanoseconds = (0..9).fold(0, |number, index| number * 10 + word.get(index).map_or(0, |digit| u32::from(digit - b'0')));
    (nanoseconds, rest)
}

/// `Z`, `+01:00`, `+0100`, `+01`, with a space before the sign or not.
fn offset(bytes: &[u8]) -> Option<Offset> {
    let bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    let (sign, rest) = match bytes.split_first()? {
        (b'Z' | b'z', rest) if !rest.first().is_some_and(u8::is_ascii_alphanumeric) => return Some(Offset::UTC),
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return bytes.starts_with(b"UTC").then_some(Offset::UTC),
    };
    let (hours, rest) = digits(rest, 2)?;
    let minutes = digits(rest.strip_prefix(b":").unwrap_or(rest), 2).map_or(0, |(minutes, _)| minutes);
    Offset::from_seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?).ok()
}

/// Seconds since the epoch with or without a fraction, or milli-, micro- or nanoseconds: which, the number's length tells.
fn epoch(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (word, rest) = bytes.split_at(length);
    // From 2001 on a second has ten digits; what is shorter is a port, a pid or a count.
    let per_second = match length {
        10 => 1,
        13 => 1_000,
        16 => 1_000_000,
        19 => 1_000_000_000,
        _ => return None,
    };
    let number: i128 = std::str::from_utf8(word).ok()?.parse().ok()?;
    let (part, rest) = match rest {
        [b'.', after @ ..] => fraction(after),
        _ => (0, rest),
    };
    let at = Timestamp::from_nanosecond(number * (1_000_000_000 / per_second) + i128::from(part) / per_second).ok()?;
    Some((at, rest))
}

/// The same as a word of its own.
fn epoch_word(bytes: &[u8]) -> Option<Timestamp> {
    let (at, rest) = epoch(bytes)?;
    (!rest.first().is_some_and(u8::is_ascii_alphanumeric)).then_some(at)
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
