//! How long a test races against somebody who changes things under berth: a moment on a developer's machine, half a minute where
//! everything must hold.
//!
//! It must never decide what a race proves.

use std::time::Duration;

/// What a race lasts where everything must hold: `CI` is set, or `BERTH_TEST_REQUIRE` is `all`.
const LONG: u64 = 30;

/// And elsewhere.
const SHORT: u64 = 2;

/// How long a race lasts. `BERTH_TEST_RACE` says so in seconds.
pub fn length() -> Duration {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let must_hold = !matches!(variable("CI").as_str(), "" | "0" | "false") || variable("BERTH_TEST_REQUIRE") == "all";
    let given = variable("BERTH_TEST_RACE").parse().ok();
    Duration::from_secs(given.unwrap_or(if must_hold { LONG } else { SHORT }))
}
