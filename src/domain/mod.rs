//! Plain facts that every other module speaks in: ids, readings, instances, samples, findings, snapshots, orders.
//!
//! It must never do I/O, read a clock, await, or import anything of this project but `error`.

mod address;
mod caller;
mod capability;
mod declared;
mod finding;
mod id;
mod limits;
mod log;
mod order;
mod reading;
mod sample;
mod shown;
mod snapshot;
mod storage;
pub mod words;

pub use address::{Endpoint, PortRange};
pub use caller::{Caller, Role};
pub use capability::{Capabilities, Verb};
pub use declared::{Claim, ConfigFault, Declared, ExitStatus, LastExit, Launch, Roster, SupervisorKind};
pub use finding::{Code, Finding, Level, Remedy};
pub use id::{Gid, InstanceId, NameFault, ProcessKey, Uid};
pub use limits::{InForce, Limits, Restart};
pub use log::{LogColor, LogLevel, LogLine, LogLineKind, LogSpan, LogStyle, LogView};
pub use order::{Order, Outcome, Stage, Target, Underway};
pub use reading::Reading;
pub use sample::{Accounts, Holder, HostReading, Listener, Moment, Process, Sample};
pub(crate) use shown::harmless;
pub use shown::{Raw, Shown};
pub use snapshot::{Health, HealthState, Row, Snapshot, State, Totals, Wish};
pub use storage::{DiskUse, FileSystem, Storage};
