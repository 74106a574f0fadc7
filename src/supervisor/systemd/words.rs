//! What came of asking systemd for something, in words. Pure.
//!
//! It must never say that nothing was done where that is not known.

use crate::domain::Declared;
use crate::error::{Error, Kind};

use super::job::What;

/// Names of errors by which polkit and the bus refuse, org.freedesktop.systemd1(5).
const NOT_PERMITTED: [&str; 3] = [
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
    "org.freedesktop.DBus.Error.AuthFailed",
];

fn verb(what: What) -> (&'static str, &'static str) {
    match what {
        What::Start => ("start", "started"),
        What::Stop => ("stop", "stopped"),
        What::Restart => ("restart", "restarted"),
    }
}

/// systemd would not.
pub fn refused(what: What, declared: &Declared, name: &str, words: &str) -> Error {
    let (verb, done) = verb(what);
    let words = crate::domain::Shown::new(words);
    if NOT_PERMITTED.contains(&name) {
        let told = format!("not {done}. systemd does not let this account do it: {words}");
        return Error::new(Kind::NotPermitted, told).hint(format!("sudo berth {verb} {}", declared.id));
    }
    Error::failed(format!("not {done}. systemd says: {words}")).hint(status(declared))
}

/// Nobody was there to be asked.
pub fn unasked(what: What, declared: &Declared, why: &str) -> Error {
    Error::new(Kind::Timeout, format!("not {}. systemd cannot be asked: {why}", verb(what).1)).hint(status(declared))
}

/// It was asked, and what came of it is not known.
pub fn unknown(what: What, declared: &Declared, why: &str) -> Error {
    let (verb, done) = verb(what);
    let told = format!("perhaps not {done}. systemd was asked once to {verb} it, and what came of it is not known: {why}");
    Error::new(Kind::Timeout, told).hint(format!("berth show {}    says what it does now", declared.id))
}

/// The job ended in another way than by being done. `None` where its unit failed, of which the unit says more.
pub fn undone(what: What, declared: &Declared, result: &str) -> Option<Error> {
    let done = verb(what).1;
    let told = match result {
        "done" | "failed" | "timeout" => return None,
        "canceled" => return Some(Error::new(Kind::Busy, format!("not {done}. Somebody else's order took the place of this one"))),
        "dependency" => "a unit that it needs did not start".to_owned(),
        "skipped" => "its conditions are not met, so systemd passed it over".to_owned(),
        "lost" => "systemd was lost while it was asked, and has done nothing of the kind; it was not asked again".to_owned(),
        other => format!("systemd says: {}", crate::domain::Shown::new(other)),
    };
    Some(Error::failed(format!("not {done}. {told}")).hint(status(declared)))
}

/// Where more is said.
fn status(declared: &Declared) -> String {
    let unit = declared.unit.as_ref().map_or_else(|| declared.id.to_string(), |unit| unit.name.to_string());
    match declared.unit.as_ref().is_some_and(|unit| unit.is_users) {
        true => format!("systemctl --user status '{unit}'    as uid {}", declared.uid),
        false => format!("systemctl status '{unit}'"),
    }
}
