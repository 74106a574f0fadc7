//! `berth trust ID`: the certificate that the instance shows now is the one that it is known by from now on.
//!
//! It must never accept one that it did not look at just now, nor another one than was named.

use super::args::{Global, Trust};
use super::door::Desk;
use super::errors::Stop;
use super::output::Out;
use super::results;
use super::show::no_such;
use crate::domain::{Fingerprint, Order, Target, Verb};
use crate::error::{Error, Kind};

/// Runs the command. `open` is called when the words are known to make sense.
pub fn run(words: &Trust, global: &Global, open: impl FnOnce() -> Result<Box<dyn Desk>, Stop>, out: &mut Out) -> Result<u8, Stop> {
    if global.read_only {
        return Err(Error::new(Kind::NotPermitted, "nothing was accepted: --read-only was given").into());
    }
    let desk = open()?;
    let snapshot = desk.look_closely(&words.id)?;
    let row = snapshot.row(&words.id).ok_or_else(|| no_such(&words.id, &snapshot))?;
    let shown = row.probed.as_ref().and_then(|probed| probed.certificate.as_deref());
    let print = shown.map(|shown| shown.print).or(words.certificate).unwrap_or(Fingerprint::ANY);
    if let Some(wanted) = words.certificate.filter(|wanted| *wanted != print) {
        let sentence = format!("{}: not accepted. It shows {print}, not {wanted}", words.id);
        return Err(Error::new(Kind::Failed, sentence).into());
    }
    let (id, reason) = (words.id.clone(), words.reason.clone());
    let order = Order { verb: Verb::Trust(print), id, target: Target::Whatever, reason, timeout: None };
    let outcome = desk.door().carry_out(order, &mut |_| ());
    results::tell_one(&words.id, false, &outcome, global.json, out)?;
    Ok(outcome.exit_code)
}
