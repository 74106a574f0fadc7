//! The clock: when to discover, sample and judge; publishes snapshots.
//!
//! It must never act, and never present. One thread; everything slow that it asks has a deadline of its own.

mod clock;
mod endings;
mod eye;
mod lookout;
mod memory;
mod pid_files;
mod plan;
mod posture;
mod probing;
#[cfg(test)]
mod tests;

pub use clock::{Engine, Underways};
pub use eye::{Eye, host_name};
pub use lookout::{Lookout, Recorded};
pub use memory::share as share_memory;
pub use posture::Audits;
pub use probing::Probing;
