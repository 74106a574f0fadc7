//! Places at which a test has one of berth's threads fail: a panic in any of them has to give the terminal back and be told, or be done
//! without (THREATS F4).
//!
//! It must never do anything in a build for use: without debug assertions there is nothing here.

/// The environment variable that names the place.
pub const VARIABLE: &str = "BERTH_FAILPOINT";

/// Every place, by the name of its thread or of what is done off the loop.
pub const PLACES: [&str; 25] = [
    "accounts",
    "batch",
    "berth-engine",
    "berth-first",
    "berth-half",
    "berth-order",
    "berth-reader",
    "berth-registry",
    "berth-storage",
    "clients",
    "demo",
    "file",
    "foresee",
    "keys",
    "log",
    "log-close",
    "log-open",
    "log-page",
    "log-tail",
    "log-task",
    "pager",
    "preferences",
    "terminal",
    "trail",
    "watchdog",
];

/// Passes one of them; panics where the environment says so.
#[inline]
pub fn pass(place: &str) {
    #[cfg(debug_assertions)]
    assert!(std::env::var_os(VARIABLE).is_none_or(|wanted| wanted != place), "the failpoint {place} was passed");
    let _ = place;
}
