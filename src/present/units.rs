//! Numbers with their units, in widths that stand still.
//!
//! It must never round a value into another unit's width: 999.96 M is 0.98 G, not 1000.0 M.

use std::time::Duration;

/// The widest text of [`bytes`].
pub const BYTES_WIDTH: usize = 7;

/// The widest text of [`uptime`] below a thousand years.
pub const UPTIME_WIDTH: usize = 8;

/// The usual width of [`percent`]: 99 cores and more make it wider.
pub const PERCENT_WIDTH: usize = 6;

/// Bytes in binary units: "812 K", "83.1 M", "411.0 M", "1.24 G", "12.4 G".
pub fn bytes(count: u64) -> String {
    const K: f64 = 1024.0;
    let count = count as f64;
    let (k, m, g) = (count / K, count / K / K, count / K / K / K);
    if k < 999.5 {
        format!("{k:.0} K")
    } else if m < 999.95 {
        format!("{m:.1} M")
    } else if g < 9.995 {
        format!("{g:.2} G")
    } else if g < 999.95 {
        format!("{g:.1} G")
    } else {
        format!("{:.1} T", g / K)
    }
}

/// Bytes a second, in the units of [`bytes`]: "640 B/s", "2 K/s", "83.1 M/s".
pub fn rate(bytes_a_second: f64) -> String {
    let count = bytes_a_second.abs();
    if count < 999.5 { format!("{count:.0} B/s") } else { format!("{}/s", bytes(count as u64)) }
}

/// Bytes as people configure them: "512 MiB", "1.5 GiB", "100 B".
pub fn binary(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(value.fract() > 0.049 && value.fract() < 0.951);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// How long something has run: "2 s", "12 min", "2 h 11", "4 d 02 h", "31 d".
pub fn uptime(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if seconds < 60 {
        format!("{seconds} s")
    } else if minutes < 60 {
        format!("{minutes} min")
    } else if hours < 24 {
        format!("{hours} h {:02}", minutes % 60)
    } else if days < 10 {
        format!("{days} d {:02} h", hours % 24)
    } else {
        format!("{days} d")
    }
}

/// How long an action took: "0.3 s", "1.2 s", "75 s".
pub fn took(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 59.95 { format!("{seconds:.1} s") } else { uptime(duration) }
}

/// Percent with one decimal: "0.4", "12.4", "1600.0".
pub fn percent(value: f32) -> String {
    // Below 0.05 a minus sign could be left over.
    format!("{:.1}", value.max(0.0))
}

/// A latency: "3 ms", "812 ms", "1.9 s".
pub fn latency(milliseconds: u32) -> String {
    if milliseconds < 1000 { format!("{milliseconds} ms") } else { format!("{:.1} s", f64::from(milliseconds) / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_it_was_configured() {
        for (count, expected) in [(100, "100 B"), (64 << 20, "64 MiB"), (3 << 29, "1.5 GiB"), (1 << 50, "1024 TiB")] {
            assert_eq!(binary(count), expected);
        }
    }
    use proptest::prelude::*;

    #[test]
    fn bytes_have_the_unit_that_keeps_them_short() {
        const M: f64 = 1024.0 * 1024.0;
        let cases = [
            (0.0, "0 K"),
            (0.5 * M, "512 K"),
            (83.1 * M, "83.1 M"),
            (411.0 * M, "411.0 M"),
            (999.94 * M, "999.9 M"),
            (999.96 * M, "0.98 G"),
            (1.24 * 1024.0 * M, "1.24 G"),
            (9.996 * 1024.0 * M, "10.0 G"),
            (512.0 * 1024.0 * M, "512.0 G"),
            (2048.0 * 1024.0 * M, "2.0 T"),
        ];
        for (count, expected) in cases {
            assert_eq!(bytes(count as u64), expected, "{count}");
        }
    }

    #[test]
    fn rates_have_the_units_of_sizes() {
        assert_eq!([0.0, 640.2, 2048.0, -122_880.0, 5e6].map(rate), ["0 B/s", "640 B/s", "2 K/s", "120 K/s", "4.8 M/s"]);
    }

    #[test]
    fn uptimes_tell_two_units_at_most() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (2 * 3600 + 11 * 60, "2 h 11"),
            (9 * 3600 + 5 * 60, "9 h 05"),
            (86_399, "23 h 59"),
            (4 * 86_400 + 2 * 3600, "4 d 02 h"),
            (31 * 86_400 + 3600, "31 d"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(uptime(Duration::from_secs(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn percents_and_latencies_and_what_an_action_took() {
        assert_eq!([0.0, 0.04, 12.44, 100.0, 1600.0, -0.01].map(percent), ["0.0", "0.0", "12.4", "100.0", "1600.0", "0.0"]);
        assert_eq!([0, 3, 812, 1900, 12_000].map(latency), ["0 ms", "3 ms", "812 ms", "1.9 s", "12.0 s"]);
        assert_eq!([300, 1234, 75_000].map(|ms| took(Duration::from_millis(ms))), ["0.3 s", "1.2 s", "1 min"]);
    }

    proptest! {
        #[test]
        fn bytes_and_uptimes_never_outgrow_their_width(count in 0u64..(1 << 49), seconds in 0u64..86_400 * 365_000) {
            prop_assert!(bytes(count).len() <= BYTES_WIDTH);
            prop_assert!(uptime(Duration::from_secs(seconds)).len() <= UPTIME_WIDTH);
        }
    }
}
