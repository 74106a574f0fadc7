//! The only way to change anything: authorise, record, act, record the result.
//!
//! It must never act on what it could not record (but to stop), nor without the lock on the instance.

mod act;
mod add;
mod add_many;
mod adopt;
mod adopted;
mod assign;
mod audit;
mod authorise;
mod auto;
mod boot_mark;
mod checkup;
mod ears;
mod events;
mod eyes;
mod journal;
mod left;
mod lock;
mod port;
mod port_file;
mod recorded;
mod refused;
mod remove;
mod reserve;
mod restore;
mod settle;
mod sight;
mod start;
mod together;
mod trust;

pub use act::Control;
pub use add::Add;
pub use add_many::Ended;
pub use adopt::Adopt;
pub use adopted::Ended as AdoptedEnded;
pub use assign::{Assign, Giving};
pub use audit::Stamp;
pub use authorise::{Policy, role_of, why_not};
pub use boot_mark::{BootMark, Marked, Waits};
pub use events::event_for;
pub use eyes::Look;
pub use journal::Journal;
pub use recorded::Deed;
pub use remove::Remove;
pub use reserve::Reserve;
pub use restore::{Due, Unasked};
pub use sight::{findings_for, head_seen_by, seen_by, sees_all_of, told_to_others};
