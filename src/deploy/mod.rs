//! Files of other systems, made from what berth knows: one writer a file, each a pure function from facts to a text.
//!
//! It must never decide who may what, look anything up, or put a text from outside into a file that its reader could obey.
//!
//! # How another writer is added
//!
//! 1. What it is made from is plain facts: those of `Snapshot`, or a type of its own in `domain` (as `Fence` is for `nftables`) that
//!    `link` fills, where accounts and other things of the host have to be looked up.
//! 2. Its file here is named like the system and has one function from these facts to the text. Names from outside go through a function of
//!    its own that lets only harmless characters by; what decides in that system (uids, ports, paths) is written from typed values. The
//!    same facts give the same text to the byte, so that what has not changed is seen not to have changed.
//! 3. `cli::args::deploy` names it, `cli::deploy` prints it or puts it in place with [`put`].
//! 4. Its tests: a snapshot of the text, a table of hostile names, and under `tests/real` the system's own reader on what was written.

mod fence;
mod nftables;
mod own_unit;
mod place;
mod unit;

pub use fence::fence;
pub use nftables::nftables;
pub use own_unit::{OWN_UNIT, own_unit};
pub use place::put;
pub use unit::{MARK, Run, own_part, template};
