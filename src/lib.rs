//! berth
pub mod domain;
pub mod error;
pub mod link;
pub mod tui;
