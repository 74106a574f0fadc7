//! The kernel's facts of one moment: listening sockets, the processes that hold them, the trees of instances, the host.
//!
//! CPU, memory and ports come from /proc and netlink, never from a supervisor's command line. It must never interpret what
//! it reads, and never act on a process: it only looks.
#![allow(dead_code)]

mod accounts;
mod clock;
mod hidden;
mod host;
mod limits;
mod netlink;
mod proc;
mod process;
mod stat;
mod table;
mod tree;

pub use clock::now;
pub use limits::raise_nofile;
