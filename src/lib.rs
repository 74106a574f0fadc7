//! berth: one console for every user's MCP server on a shared host.
//!
//! # The way of the data
//!
//! ```text
//! read path:   discover -> sample -> judge -> snapshot -> present (console | command line | HTTP)
//! write path:  order -> authorise -> lock -> record -> act (through a supervisor) -> record
//! ```
//!
//! What decides is pure: `judge`, `control::authorise`, the console's `update`, `present`. What touches the world is an edge:
//! `sample`, `supervisor`, `discover`, `nearby`, `logs`, `hand`. `tests/tidy` holds the allowed import directions.
//!
//! | module | its one job | what it must never do |
//! |---|---|---|
//! | [`domain`] | plain facts: ids, readings, samples, findings, snapshots, orders | I/O, a clock, async |
//! | [`error`] | kind, cause chain, way out, exit code | print |
//! | [`failpoint`] | where a test has a thread panic | do anything in a build for use |
//! | [`config`] | schema, layers, precise errors | read what others may write |
//! | [`hand`] | zygote, hands and the reader: acting and opening as the user | let root write or signal in a user's tree |
//! | [`sample`] | netlink and /proc to a `Sample` | interpret |
//! | [`discover`] | configuration trees to a `Roster` | let one broken file hide another instance |
//! | [`supervisor`] | who runs instances; `process` with its keeper | believe a PID file |
//! | [`judge`] | roster, claims, sample, previous picture to a `Snapshot`; one rule a file | look anything up |
//! | [`logs`] | the tail of a log, rotation, levels | read a file whole |
//! | [`probe`] | asks servers whether they are well and which they are | believe a stranger's answer, call a tool, leave a session |
//! | [`nearby`] | what servers announce by mDNS, where that is asked for; a slow thread of its own, and a process without rights | ask the network anything unasked, or be waited for |
//! | [`storage`] | what logs and workspaces take, how full file systems are; a slow thread of its own | be waited for |
//! | [`registry`] | who has which port, durably; the strategies that choose one; by which certificate each is known | bind a port to keep it, or be silently empty |
//! | [`provision`] | what is to change in a user's files, worked out before | open a file |
//! | [`deploy`] | other systems' files, made from what berth knows | decide who may what, or write where others may |
//! | [`control`] | authorise, lock, record, act | act on what it could not record (but to stop) |
//! | [`chronicle`] | compares pictures beside the engine and keeps what happened; tells the journal and those who are to know | hold the engine up, act, lose anything silently |
//! | [`engine`] | the clock: when to look; publishes snapshots | act |
//! | [`link`] | the one door for presenters: watch, submit, tail | present |
//! | [`present`] | columns, units, wording, JSON | hold state |
//! | [`tui`] | the console: state, update, view, terminal | reach past `link` |
//! | [`cli`] | one file a subcommand | reach past `link` |
//! | [`daemon`] | unix socket, peers by the kernel's word, HTTP, its own life | believe who somebody says to be, touch an instance by ending |
//! | `fuzz` | doors for fuzzers and the replay of their corpora; not in the program | be needed by it |
//! | `patience` | how long tests wait for a busy machine; not in the program | be needed by it |
//! | [`demo`] | a fleet of real MCP servers that leaves nothing behind | touch anything it did not make |

pub mod chronicle;
pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod demo;
pub mod deploy;
pub mod discover;
pub mod domain;
pub mod engine;
pub mod error;
pub mod failpoint;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod hand;
pub mod judge;
pub mod link;
pub mod logs;
pub mod nearby;
#[cfg(test)]
mod patience;
pub mod present;
pub mod probe;
pub mod provision;
pub mod registry;
pub mod sample;
pub mod storage;
pub mod supervisor;
pub mod tui;

/// The fixture fleet, for the tests of modules that may not import `present`, which holds it.
#[cfg(test)]
pub(crate) use present::fleet as fixture;
