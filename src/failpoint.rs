//! Places at which a test has one of berth's threads fail: a panic in any of them has to give the terminal back and be told, or be done
//! without (THREATS F4); steps at which it has berth killed; and another boot.
//!
//! It must never do anything in a build for use: without debug assertions there is nothing here.

/// The environment variable that names the place.
pub const VARIABLE: &str = "BERTH_FAILPOINT";

/// Every place, by the name of its thread or of what is done off the loop.
pub const PLACES: [&str; 45] = [
    "accounts",
    "batch",
    "berth-attach",
    "berth-carried",
    "berth-chronicle",
    "berth-connect",
    "berth-docker",
    "berth-engine",
    "berth-events",
    "berth-first",
    "berth-half",
    "berth-joined",
    "berth-journal",
    "berth-mdns",
    "berth-notify",
    "berth-order",
    "berth-pm2",
    "berth-probe",
    "berth-reader",
    "berth-registry",
    "berth-restore",
    "berth-sockets",
    "berth-storage",
    "berth-systemd",
    "berth-trail",
    "berth-unit",
    "berth-user-units",
    "clients",
    "daemon-work",
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
    "why",
];

/// Passes one of them; panics where the environment says so.
#[inline]
pub fn pass(place: &str) {
    #[cfg(debug_assertions)]
    assert!(std::env::var_os(VARIABLE).is_none_or(|wanted| wanted != place), "the failpoint {place} was passed");
    let _ = place;
}

/// The environment variable that names the place at which berth is killed.
pub const CUT: &str = "BERTH_CUT";

/// Passes a step of something that has to be whole or to be gone on with; kills this process, as kill -9 would, where the environment says so.
#[inline]
pub fn cut(place: &str) {
    #[cfg(debug_assertions)]
    if std::env::var_os(CUT).is_some_and(|wanted| wanted == place) {
        // It cannot fail, and nothing of this process goes on after it.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    }
    let _ = place;
}

/// The environment variable that names the boot instead of the kernel.
pub const BOOT: &str = "BERTH_BOOT";

/// The boot that the environment names: a test cannot have the machine begin anew.
#[inline]
pub fn boot() -> Option<String> {
    #[cfg(debug_assertions)]
    return std::env::var(BOOT).ok();
    #[cfg(not(debug_assertions))]
    None
}
