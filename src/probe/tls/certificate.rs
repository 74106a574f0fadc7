//! Until when a certificate holds, read from its DER (RFC 5280, section 4.1). Pure.
//!
//! It must never read anything else of it, nor believe a length: it is whatever a server sends.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of its validity; `None` for what is no certificate.
pub fn ends(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = part(der, SEQUENCE)?;
    let (signed, _) = part(certificate, SEQUENCE)?;
    // version? serial signature issuer validity
    let mut rest = part(signed, VERSION).map_or(signed, |(_, rest)| rest);
    for _ in 0..3 {
        (_, _, rest) = any(rest)?;
    }
    let (validity, _) = part(rest, SEQUENCE)?;
    let (_, _, after) = any(validity)?;
    let (kind, text, _) = any(after)?;
    time(kind, std::str::from_utf8(text).ok()?)
}

/// The next value: its tag, its content, and what follows. Tags of several bytes are none of a certificate's.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The next value, if it is of this kind.
fn part(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    any(der).filter(|(tag, ..)| *tag == kind).map(|(_, content, rest)| (content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(kind: u8, text: &str) -> Option<Timestamp> {
    let whole = match kind {
        // Fifty years either way, section 4.1.2.5.1.
        UTC_TIME if text.len() == 13 => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME if text.len() == 15 => text.to_owned(),
        _ => return None,
    };
    let digits = whole.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let date = DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let mut der = vec![tag];
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => der.push(short),
            Ok(long) => der.extend([0x81, long]),
            Err(_) => der.extend([0x82, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 0xff).unwrap()]),
        }
        der.extend(content);
        der
    }

    fn certificate(with_version: bool, kind: u8, end: &str) -> Vec<u8> {
        let mut signed = if with_version { value(VERSION, &value(2, &[2])) } else { Vec::new() };
        signed.extend(value(2, &[1; 20]));
        signed.extend(value(SEQUENCE, &[5; 200]));
        signed.extend(value(SEQUENCE, &[5; 300]));
        let validity = [value(UTC_TIME, b"200101000000Z"), value(kind, end.as_bytes())].concat();
        signed.extend(value(SEQUENCE, &validity));
        value(SEQUENCE, &value(SEQUENCE, &signed))
    }

    #[test]
    fn the_end_is_found() {
        let of = |with_version, kind, end| ends(&certificate(with_version, kind, end)).map(|at| at.to_string());
        assert_eq!(of(true, UTC_TIME, "261122094128Z").as_deref(), Some("2026-11-22T09:41:28Z"));
        assert_eq!(of(false, UTC_TIME, "991231235959Z").as_deref(), Some("1999-12-31T23:59:59Z"));
        assert_eq!(of(true, GENERALIZED_TIME, "20500101000000Z").as_deref(), Some("2050-01-01T00:00:00Z"));
        for (kind, wrong) in [(UTC_TIME, "261322094128Z"), (UTC_TIME, "2611220941Z"), (2, "261122094128Z"), (UTC_TIME, "26112209412éZ")] {
            assert_eq!(of(true, kind, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn whatever_is_cut_off_is_no_certificate() {
        let whole = certificate(true, UTC_TIME, "261122094128Z");
        for length in 0..whole.len() {
            assert_eq!(ends(&whole[..length]), None, "{length}");
        }
        for index in 0..whole.len() {
            let mut other = whole.clone();
            other[index] ^= 0xff;
            let _ = ends(&other);
        }
        assert_eq!(ends(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
