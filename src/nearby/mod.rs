//! Hears what servers announce on the network by multicast DNS.
//!
//! An edge, and a slow one: a thread of its own has a process without anybody's rights hear. It must never ask the network anything unless the
//! administrator configured it or somebody asked for it, take more than so much of what anybody may send, or be waited for by whoever judges.

mod board;
mod ear;
mod gathered;
mod hear;
mod hearings;
mod runner;
mod told;

pub use board::Board;
pub use ear::{WORD, run};
pub use runner::{once, start};
