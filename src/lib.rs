//! berth
pub mod cli;
pub mod config;
pub mod control;
pub mod demo;
pub mod discover;
pub mod domain;
pub mod engine;
pub mod error;
pub mod hand;
pub mod judge;
pub mod link;
pub mod logs;
pub mod present;
pub mod sample;
pub mod supervisor;
pub mod tui;
