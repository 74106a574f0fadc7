//! What came of asking an engine for something, in words. Pure.
//!
//! It must never say that nothing was done where that is not known.

use super::api::What;
use crate::domain::{Declared, Shown};
use crate::error::{Error, Kind};

fn verb(what: What) -> (&'static str, &'static str) {
    match what {
        What::Start => ("start", "started"),
        What::Stop(_) => ("stop", "stopped"),
        What::Restart(_) => ("restart", "restarted"),
    }
}

/// The engine would not.
pub fn refused(what: What, declared: &Declared, status: u16, words: &str) -> Error {
    let (engine, words) = (declared.supervisor.word(), Shown::new(words));
    let told = format!("not {}. {engine} says: {words}", verb(what).1);
    // 409 is a conflict with what is being done to it already, the Engine API's reference.
    let kind = if status == 409 { Kind::Busy } else { Kind::Failed };
    Error::new(kind, told).hint(look(declared))
}

/// Nobody was there to be asked.
pub fn unasked(what: What, declared: &Declared, why: &str) -> Error {
    let told = format!("not {}. {} cannot be asked: {}", verb(what).1, declared.supervisor.word(), Shown::new(why));
    Error::new(Kind::Timeout, told).hint(look(declared))
}

/// It was asked, its answer was lost, and nothing was done.
pub fn undone(what: What, declared: &Declared) -> Error {
    let (engine, done) = (declared.supervisor.word(), verb(what).1);
    let told = format!("not {done}. {engine} was lost while it was asked, and has done nothing of the kind; it was not asked again");
    Error::failed(told).hint(look(declared))
}

/// It was asked, and what came of it is not known.
pub fn unknown(what: What, declared: &Declared, why: &str) -> Error {
    let (verb, done) = verb(what);
    let (engine, why) = (declared.supervisor.word(), Shown::new(why));
    let told = format!("perhaps not {done}. {engine} was asked once to {verb} it, and what came of it is not known: {why}");
    Error::new(Kind::Timeout, told).hint(format!("berth show {}    says what it does now", declared.id))
}

/// Where more is said.
fn look(declared: &Declared) -> String {
    let name = declared.unit.as_ref().map_or_else(|| declared.id.to_string(), |unit| unit.name.to_string());
    format!("{} inspect '{name}'", declared.supervisor.word())
}
