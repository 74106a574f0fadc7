//! Acting and opening inside a user's tree, as that user (DESIGN invariant 2).
//!
//! It must never let root write, follow a link or send a signal in a user's world: the hand, a child that has become the user, does.
//! A lost race then costs only the user who ran it.

mod access;
mod acting;
mod ahead;
mod cgroup;
mod errand;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod identity;
mod inherited;
mod job;
mod make;
mod message;
mod mounts;
mod note;
mod reader;
mod replace;
mod rests;
mod roots_tree;
mod scout;
mod signal;
mod spool;
mod take;
mod tree;
mod watching;
mod way;
mod zygote;

pub use acting::act_as;
pub use cgroup::{Group, GroupOrder, IDENTITY, UnitKeeper, group_name, keeper_environment, sweep_groups};
pub use errand::FileFacts;
pub use identity::{Identity, become_user};
pub use inherited::pass_nothing_on;
pub use job::{Answer, Job};
pub use make::{Below, LONGEST as LONGEST_MADE, Making};
pub use note::Note;
pub use reader::{Foreseen, LookedAhead, Reader, SeenAhead};
pub use replace::{Replacement, beside, content_digest};
pub use signal::{is_alive, open_verified, process_facts, send, state_of};
pub use spool::Spool;
pub use take::Taking;
pub use tree::{Ending, descendants, end_tree};
pub use watching::Way;
pub use zygote::{Asked, Zygote};
