//! Who has which port: durable, one transaction at a time; and the strategies that choose one.
//!
//! What decides is pure: `ground` knows what is in the way of a port, `strategy` what an instance is meant to have, `plan` what all would
//! get; `book` is what is held, `facts` the same for those who look. `store` keeps it on the disk, `allocate` gives, `adopt` lets have what
//! is had; `pins` keeps by which certificates instances are known. It must never be silently empty, and never keep a port by binding it.

mod adopt;
mod allocate;
mod book;
mod facts;
mod ground;
mod pins;
mod plan;
mod ports;
mod reserve;
mod store;
mod strategy;

pub use allocate::{By, Given, Probe, Registry, Rules, Want};
pub use book::{Book, Holding, Released};
pub use facts::Stamp;
pub use ground::Limits;
pub use pins::Pins;
pub use plan::{Claim, Known, propose};
pub use strategy::Strategy;
