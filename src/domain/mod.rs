//! Plain facts that every other module speaks in: ids, readings, instances, samples, findings, snapshots, orders.
//!
//! It must never do I/O, read a clock, await, or import anything of this project but `error`.

mod address;
mod allotment;
mod caller;
mod capability;
pub mod cgroup;
mod declared;
mod deed;
mod env_file;
mod finding;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod host;
mod id;
mod limits;
mod log;
mod order;
mod overlap;
mod pace;
mod pid_file;
mod plan;
mod plot;
mod proposal;
mod reading;
mod sample;
mod settings;
mod shown;
mod signal;
mod snapshot;
mod storage;
pub mod words;

pub use address::{Endpoint, PortRange};
pub use allotment::{Allotment, Allotments, Quarantine, straying};
pub use caller::{Caller, Role};
pub use capability::{Asked, Capabilities, Verb};
pub use declared::{Again, Claim, ConfigFault, Declared, EnvFile, ExitStatus, LastExit, Launch, Roster, SupervisorKind, Variables};
pub use deed::{Deed, DeedResult, Trail};
pub use env_file::{Assignment, EnvFault, read_env, value_of};
pub use finding::{Code, Finding, Level, Remedy};
pub use host::{Averages, HostReading, OwnCost, Pressure, Pressures};
pub use id::{Gid, InstanceId, NameFault, ProcessKey, Uid};
pub use limits::{InForce, Limits, Restart};
pub use log::{LogColor, LogLevel, LogLine, LogLineKind, LogSpan, LogStyle, LogView};
pub use order::{Order, Outcome, Stage, Target, Underway};
pub use overlap::{Bound, CommonName, Meeting};
pub use pace::Pace;
pub use pid_file::{Named, PidFile, PidFiles};
pub use plan::{Formula, PortPlan, uncovered};
pub use plot::{Added, Form, Plot, Spot};
pub use proposal::{Obstacle, Proposal, Proposed};
pub use reading::Reading;
pub use sample::{Accounts, Holder, Listener, Moment, Process, Processes, Sample};
pub use settings::{Part, Program, ReadBy, Salt, Settings, is_secret};
pub(crate) use shown::harmless;
pub use shown::{Raw, Shown};
pub use signal::Signal;
pub use snapshot::{CpuBaseline, Health, HealthState, Row, Snapshot, State, Totals, Wish};
pub use storage::{DiskUse, FileSystem, OpenDatabase, Storage};
