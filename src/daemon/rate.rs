//! How often may be asked: each account so much a second, with some in hand.
//!
//! It must never let one account keep the engine's cores busy with questions, nor remember accounts that do not ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::domain::Uid;

/// What an account is given each second: a console that reads twenty logs along asks a hundred times.
const SECOND: f64 = 150.0;

/// What it may have in hand.
const MOST: f64 = 600.0;

/// How many accounts are remembered before those are forgotten that have it all in hand again.
const ACCOUNTS: usize = 256;

/// What each account has left.
#[derive(Debug, Default)]
pub struct Rate(Mutex<HashMap<Uid, Left>>);

#[derive(Clone, Copy, Debug)]
struct Left {
    count: f64,
    at: Instant,
}

impl Left {
    fn by(self, now: Instant) -> f64 {
        (self.count + now.saturating_duration_since(self.at).as_secs_f64() * SECOND).min(MOST)
    }
}

/// What a question costs: the whole picture is made for whoever asks, an order stands in the trail.
pub fn cost(path: &str) -> f64 {
    match path {
        "/v1/snapshot" | "/v1/stream" | "/metrics" => 10.0,
        // What is done, or may be, is written down each time.
        "/v1/console/call" => 5.0,
        _ if ["/start", "/stop", "/restart"].iter().any(|verb| path.ends_with(verb)) => 10.0,
        _ => 1.0,
    }
}

impl Rate {
    /// Whether an account may ask this now; if so it is counted.
    pub fn allows(&self, uid: Uid, cost: f64, now: Instant) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ACCOUNTS {
            all.retain(|_, left| left.by(now) < MOST);
        }
        let left = all.get(&uid).map_or(MOST, |left| left.by(now));
        let is_allowed = left >= cost;
        all.insert(uid, Left { count: if is_allowed { left - cost } else { left }, at: now });
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn who_asks_without_end_is_let_ask_so_often_and_others_as_before() {
        let (rate, begun) = (Rate::default(), Instant::now());
        let asked = |uid, path, at| (0..10_000).filter(|_| rate.allows(Uid(uid), cost(path), at)).count();
        assert_eq!(asked(1001, "/v1/me", begun), 600);
        assert_eq!(asked(1002, "/v1/snapshot", begun), 60, "the whole picture costs more");
        assert_eq!(asked(1001, "/v1/me", begun + Duration::from_secs(1)), 150);
        assert_eq!(asked(1001, "/v1/me", begun + Duration::from_secs(60)), 600, "no more is in hand after a minute");
    }

    #[test]
    fn who_does_not_ask_is_forgotten() {
        let (rate, begun) = (Rate::default(), Instant::now());
        (0..5_000).for_each(|uid| assert!(rate.allows(Uid(uid), 1.0, begun + Duration::from_secs(u64::from(uid)))));
        assert!(rate.0.lock().unwrap().len() <= ACCOUNTS);
    }
}
