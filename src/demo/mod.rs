//! `berth demo`: a fleet that needs nothing but this program, and of which nothing remains.
//!
//! It must never touch anything outside its own temporary directory, nor end a process that does not bear its mark.
//!
//! # Who starts whom, and who cleans up
//!
//! ```text
//! berth demo            the console (or nothing on the screen with --headless); holds the write end of a pipe
//!  |- berth demo-reaper a session of its own, deaf to the terminal; waits for the end of that pipe
//!  |- berth demo-stranger
//!  `- (zygote) -> keepers -> berth demo-server ...
//! ```
//!
//! However the console ends, by `q`, by an error or by SIGKILL, the kernel closes its end of the pipe and the reaper wakes up: it
//! ends what bears the demo's mark, removes the directory, and looks again until nothing appears any more. The mark is a random
//! token in the environment, which the template gives to every server and which servers hand on to their children; keepers have
//! it not, and end when their server does. The end of any other process, keeper, server or zygote, changes nothing in this.
//! Only the end of the reaper itself, by SIGKILL, leaves the cleaning to the console, which does it on its way out as well.

pub mod cast;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod mark;
pub mod ports;
pub mod reaper;
pub mod server;
pub mod stage;
pub mod stranger;
pub mod tree;
