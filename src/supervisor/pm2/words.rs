//! What came of asking PM2 for something, in words. Pure.
//!
//! It must never say that nothing was done where that is not known.

use super::act::What;
use crate::domain::{Declared, Shown};
use crate::error::{Error, Kind};

fn verb(what: What) -> (&'static str, &'static str) {
    match what {
        What::Start => ("start", "started"),
        What::Stop => ("stop", "stopped"),
        What::Restart => ("restart", "restarted"),
    }
}

/// PM2 would not.
pub fn refused(what: What, declared: &Declared, words: &str) -> Error {
    Error::failed(format!("not {}. PM2 says: {}", verb(what).1, Shown::new(words))).hint(logs(declared))
}

/// Nobody was there to be asked.
pub fn unasked(what: What, declared: &Declared, why: &str) -> Error {
    let told = format!("not {}. PM2 cannot be asked: {}", verb(what).1, Shown::new(why));
    Error::new(Kind::Timeout, told).hint(format!("berth show {}    says what is known of it", declared.id))
}

/// The answer was lost, and nothing was done.
pub fn lost(what: What, declared: &Declared, why: &str) -> Error {
    let told = format!(
        "not {}. PM2 was lost while it was asked ({}), and has done nothing of the kind; it was not asked again",
        verb(what).1,
        Shown::new(why)
    );
    Error::new(Kind::Failed, told).hint(logs(declared))
}

/// It was asked, and what came of it is not known.
pub fn unknown(what: What, declared: &Declared, why: &str) -> Error {
    let (verb, done) = verb(what);
    let why = Shown::new(why);
    let told = format!("perhaps not {done}. PM2 was asked once to {verb} it, and what came of it is not known: {why}");
    Error::new(Kind::Timeout, told).hint(format!("berth show {}    says what it does now", declared.id))
}

fn logs(declared: &Declared) -> String {
    format!("berth logs {}", declared.id)
}
