//! The daemon: one for a host, it looks and acts, and answers at a unix socket whoever the kernel says is there.
//!
//! It must never touch an instance by ending, reloading or being killed, nor start what nobody wished up, nor reach past `link`.

mod answer;
mod console;
mod events;
#[cfg(test)]
mod fake;
mod gate;
mod hub;
mod install;
mod life;
mod login;
mod logs;
mod metrics;
mod notify;
mod openapi;
mod patient;
mod picture;
mod rate;
mod reload;
mod routes;
mod serve;
mod socket;
mod spent;
mod stream;
mod table;
mod tcp;
mod trail;
mod who;

pub use install::{Installing, install};
pub use life::{Serving, run};
