//! How an instance is spoken to: at which place, and whether by TLS.
//!
//! It must never lead anywhere but to the place that was verified to be the instance's own.

use std::net::SocketAddr;

use super::failure::Failure;
use super::target::Target;
use super::tls::{Presented, Secure};
use crate::domain::Row;

/// The way to one server.
#[derive(Clone, Debug)]
pub struct Line {
    /// The address, literally.
    pub at: SocketAddr,
    /// With what is kept of TLS; `None` without TLS.
    pub secure: Option<Secure>,
}

/// Says whether whom is asked is still the process that was verified; asked when the connection stands.
pub type Still<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// Says whether who showed this certificate, or none, may be given the instance's key.
pub type Trusts<'a> = &'a (dyn Fn(Option<&Presented>) -> bool + Send + Sync);

/// Whom to ask, and how sure it has to be.
#[derive(Clone, Copy)]
pub struct Whom<'a> {
    /// The way.
    pub line: &'a Line,
    /// Asked before anything is sent.
    pub still: Still<'a>,
    /// Asked before a key is sent.
    pub trusts: Trusts<'a>,
}

impl Line {
    /// The way without TLS.
    pub fn plain(at: SocketAddr) -> Self {
        Self { at, secure: None }
    }

    /// As its configuration has it.
    pub fn of(target: Target, row: &Row) -> Self {
        let line = Self::plain(target.at);
        if row.declared.as_ref().is_some_and(|declared| declared.https) { line.other_way().unwrap_or(line) } else { line }
    }

    /// The same with TLS instead of without, and the other way round.
    pub fn other_way(&self) -> Option<Self> {
        let secure = match self.secure {
            None => Some(Secure::new()?),
            Some(_) => None,
        };
        Some(Self { at: self.at, secure })
    }

    /// The same without what was kept of TLS: the next handshake shows the certificate that the server has by now.
    pub fn afresh(&self) -> Self {
        let secure = self.secure.as_ref().map(|secure| Secure::new().unwrap_or_else(|| secure.clone()));
        Self { at: self.at, secure }
    }

    /// The way to try where this one brought that: a server that speaks TLS sends an alert to who does not, or hangs up.
    pub fn instead(&self, failure: Failure) -> Option<Self> {
        let is_wrong_way = match self.secure {
            None => matches!(failure, Failure::Tls | Failure::Closed),
            Some(_) => failure == Failure::NotTls,
        };
        if is_wrong_way { self.other_way() } else { None }
    }
}
