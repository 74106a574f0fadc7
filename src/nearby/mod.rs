//! Hears what servers announce on the network by multicast DNS.
//!
//! An edge, and a slow one, on a thread of its own without any of root's rights. It must never ask the network anything unless the
//! administrator configured it or somebody asked for it, take more than so much of what anybody may send, or be waited for by whoever judges.

mod board;
mod gathered;
mod hear;
mod runner;

pub use board::Board;
pub use runner::{once, start};
