//! berth
pub mod domain;
pub mod error;
pub mod judge;
pub mod link;
pub mod present;
pub mod tui;
