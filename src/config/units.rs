//! Durations, sizes, shares and port ranges as people write them.
//!
//! It must never round or guess a unit: what is not understood is refused with an example.

use std::time::Duration;

use crate::domain::PortRange;

/// Reads `60s`, `500ms`, `2m` or `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const EXAMPLE: &str = "must be a number and a unit, such as \"60s\", \"500ms\" or \"2m\"";
    let (digits, unit) = split(text).ok_or(EXAMPLE)?;
    let number: u64 = digits.parse().map_err(|_| "is too long".to_owned())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(EXAMPLE.to_owned()),
    };
    match number.checked_mul(milliseconds) {
        Some(0) => Err("must be longer than nothing".to_owned()),
        // A year is more than any of these waits can mean.
        Some(total) if total <= 366 * 24 * 3_600_000 => Ok(Duration::from_millis(total)),
        _ => Err("is longer than a year".to_owned()),
    }
}

/// Reads `512M`: bytes, or multiples of 1024 with K, M, G or T, as systemd and docker read them.
pub(super) fn size(text: &str) -> Result<u64, String> {
    const EXAMPLE: &str = "must be a size, such as \"512M\" or \"2G\", or \"off\"";
    let (digits, unit) = split(text).ok_or(EXAMPLE)?;
    let number: u64 = digits.parse().map_err(|_| "is too large".to_owned())?;
    let factor: u64 = match unit {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return Err(EXAMPLE.to_owned()),
    };
    match number.checked_mul(factor) {
        Some(0) => Err("must be more than nothing; \"off\" sets no limit".to_owned()),
        Some(bytes) if i64::try_from(bytes).is_ok() => Ok(bytes),
        _ => Err("is too large".to_owned()),
    }
}

/// Reads `50%`; more than 100 is more than one core.
pub(super) fn percent(text: &str) -> Result<u32, String> {
    const EXAMPLE: &str = "must be a share of one core, such as \"50%\" or \"200%\", or \"off\"";
    let (digits, unit) = split(text).ok_or(EXAMPLE)?;
    if unit != "%" {
        return Err(EXAMPLE.to_owned());
    }
    match digits.parse::<u32>() {
        Ok(0) => Err("must be more than nothing; \"off\" sets no limit".to_owned()),
        Ok(percent) if percent <= 1_000_000 => Ok(percent),
        _ => Err("is too large".to_owned()),
    }
}

/// Reads `8080-9080` or a single port.
pub(super) fn port_range(text: &str) -> Result<PortRange, String> {
    const EXAMPLE: &str = "must be a range of ports, such as \"8080-9080\"";
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = PortRange {
        first: port(first.trim()).map_err(|why| why.unwrap_or(EXAMPLE))?,
        last: port(last.trim()).map_err(|why| why.unwrap_or(EXAMPLE))?,
    };
    if range.first > range.last {
        return Err("its first port is above its last".to_owned());
    }
    Ok(range)
}

fn port(digits: &str) -> Result<u16, Option<&'static str>> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(None);
    }
    match digits.parse() {
        Ok(0) => Err(Some("port 0 is no port: the kernel would choose one")),
        Ok(port) => Ok(port),
        Err(_) => Err(Some("ports end at 65535")),
    }
}

/// The digits and what follows them.
fn split(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_refused() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "60", "s", "-1s", "1.5s", "1 s", "0s", "0ms", "1d", "99999999999999999999s", "18446744073709551615h", "400000m0"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_and_refused() {
        assert_eq!(size("512M"), Ok(512 << 20));
        assert_eq!(size("1024"), Ok(1024));
        for wrong in ["", "M", "0M", "512MB", "512m", "-1G", "99999999999T"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_are_read_and_refused() {
        assert_eq!(percent("50%"), Ok(50));
        assert_eq!(percent("250%"), Ok(250));
        for wrong in ["50", "%", "0%", "-5%", "5.5%", "99999999999%"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_say_what_is_wrong_with_them() {
        assert_eq!(port_range("8080-9080"), Ok(PortRange { first: 8080, last: 9080 }));
        assert_eq!(port_range("8443"), Ok(PortRange { first: 8443, last: 8443 }));
        let reason = |text| port_range(text).unwrap_err();
        assert!(reason("9080-8080").contains("above"));
        assert!(reason("0-10").contains("port 0"));
        assert!(reason("1-70000").contains("65535"));
        for wrong in ["", "-", "a-b", "80-", "+1-2", "1-2-3"] {
            assert!(reason(wrong).contains("such as"), "{wrong}");
        }
    }
}
