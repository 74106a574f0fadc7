//! The host: how far it is scrolled.
//!
//! It must never measure.

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Host {}
