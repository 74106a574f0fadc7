//! Asks servers whether they are well and which they are: an exchange over HTTP with a deadline, and what its answer means.
//!
//! An edge, on a thread of its own without any of root's rights. It must never believe an answer that the instance's own process did not
//! give, call a tool, follow a redirect, unpack anything, or leave a session behind in a server.

mod ask;
mod board;
mod calendar;
mod exchange;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod identity;
mod introduce;
mod ledger;
mod line;
mod metrics;
mod opinion;
mod origin;
mod privileges;
mod record;
mod runner;
mod sockets;
mod survey;
mod target;
mod tls;
mod wire;

pub use board::Board;
pub use runner::{KeyOf, Prober, World};
