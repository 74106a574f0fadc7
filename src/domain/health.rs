//! How an instance answers: what its probes told, and which server it says it is.
//!
//! It must never hold a text of a server's that is not `Shown`, nor a time that was not taken.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Certificate, InstanceId, Metrics, ProcessKey, Shown};

/// How an instance answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HealthState {
    /// It was not asked.
    Unknown,
    /// It is not up yet.
    Starting,
    /// It answered.
    Healthy,
    /// It answered late.
    Slow,
    /// It says of itself that something is wrong.
    Degraded,
    /// It did not answer.
    Unhealthy,
    /// It is alive and wants credentials.
    Guarded,
}

impl HealthState {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Slow => "slow",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Guarded => "guarded",
        }
    }
}

/// The last answer of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What it was.
    pub state: HealthState,
    /// How long it took, milliseconds.
    pub latency_ms: Option<u32>,
    /// When it was asked.
    pub checked_at: Option<Timestamp>,
}

impl Health {
    /// Nothing is known.
    pub const UNKNOWN: Health = Health { state: HealthState::Unknown, latency_ms: None, checked_at: None };
}

/// How an instance may be asked, as its template says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probing {
    /// The path of the health check; `None` where there is none.
    pub path: Option<String>,
    /// The variables in which a key may be found, the likeliest first.
    pub key_names: Vec<String>,
    /// The series of its `/metrics` that are shown beside those that are known.
    pub metrics: Vec<String>,
}

/// How many answers are remembered: some minutes' worth.
pub const COURSE: usize = 30;

/// The times of the last answers, oldest first, in milliseconds. A question without an answer is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// A ring; `LOST` where nobody answered.
    times: [u16; COURSE],
    next: u8,
    count: u8,
}

/// Stands for a question without an answer.
const LOST: u16 = u16::MAX;

impl Default for Course {
    fn default() -> Self {
        Self { times: [LOST; COURSE], next: 0, count: 0 }
    }
}

impl Course {
    /// Adds an answer's time, milliseconds; `None` where there was no answer. The oldest goes.
    pub fn add(&mut self, time: Option<u32>) {
        let time = time.map_or(LOST, |time| u16::try_from(time).unwrap_or(LOST).min(LOST - 1));
        if let Some(place) = self.times.get_mut(usize::from(self.next)) {
            *place = time;
        }
        self.next = u8::try_from((usize::from(self.next) + 1) % COURSE).unwrap_or(0);
        self.count = self.count.saturating_add(1).min(u8::try_from(COURSE).unwrap_or(u8::MAX));
    }

    /// The times, oldest first; `None` where nobody answered.
    pub fn iter(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        let (next, count) = (usize::from(self.next), usize::from(self.count));
        (0..count).map(move |index| {
            let time = self.times[(next + COURSE - count + index) % COURSE];
            (time != LOST).then(|| u32::from(time))
        })
    }

    /// The time that so many percent of the answers did not exceed; `None` without an answer.
    pub fn percentile(&self, percent: usize) -> Option<u32> {
        let mut room = [0; COURSE];
        let mut count = 0;
        for (place, time) in room.iter_mut().zip(self.iter().flatten()) {
            *place = time;
            count += 1;
        }
        let known = &mut room[..count];
        known.sort_unstable();
        // The nearest rank: of one answer every percentile is that answer.
        known.get((count * percent).div_ceil(100).saturating_sub(1)).copied()
    }
}

/// The way in which a server speaks MCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// Streamable HTTP.
    Http,
    /// HTTP with server-sent events, the older one.
    Sse,
}

impl Transport {
    /// The word in JSON and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
        }
    }
}

/// Which kind of the protocol a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Era {
    /// It begins with `initialize`: all revisions up to 2025-11-25.
    Legacy,
    /// It answers `server/discover`: from 2026-07-28 on.
    Modern,
}

impl Era {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
        }
    }
}

/// Which server it is, by its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The way it speaks.
    pub transport: Transport,
    /// The path that it speaks at.
    #[serde(deserialize_with = "super::carried::fixed")]
    pub path: super::carried::Fixed,
    /// Which kind of the protocol; `None` where it does not tell without a session, or without credentials.
    pub era: Option<Era>,
    /// Its name.
    pub name: Option<Shown>,
    /// Its version.
    pub version: Option<Shown>,
    /// The revision of the protocol.
    pub protocol: Option<Shown>,
    /// What it can do, in a word each.
    pub capabilities: Vec<Shown>,
    /// Whether it keeps sessions; `None` where that does not show.
    pub sessions: Option<bool>,
    /// It answers nobody who has no credentials.
    pub wants_key: bool,
}

/// What probing an instance told so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// The process that answered: what another one said is nothing.
    pub of: ProcessKey,
    /// The verdict.
    pub health: Health,
    /// Why, in words, where it is not healthy.
    pub why: Option<Shown>,
    /// The last answers' times.
    pub course: Course,
    /// Which server it is; `None` until it was asked.
    pub server: Option<Arc<Server>>,
    /// What it counts of itself; `None` where it does not.
    pub metrics: Option<Arc<Metrics>>,
    /// The certificate that it showed; `None` where it speaks without TLS, as far as is known.
    pub certificate: Option<Arc<Certificate>>,
}

/// What is known of each.
pub type Probes = HashMap<InstanceId, Arc<Probed>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_keeps_the_last_answers_in_their_order() {
        let mut course = Course::default();
        assert_eq!((course.iter().count(), course.percentile(50)), (0, None));
        course.add(None);
        course.add(Some(7));
        course.add(Some(1_000_000));
        assert_eq!(course.iter().collect::<Vec<_>>(), [None, Some(7), Some(65_534)]);
        (0..100).for_each(|time| course.add(Some(time)));
        assert_eq!(course.iter().flatten().collect::<Vec<_>>(), (70..100).collect::<Vec<_>>());
    }

    #[test]
    fn percentiles_are_answers_that_were_there() {
        let of = |times: &[u32]| {
            let mut course = Course::default();
            times.iter().for_each(|time| course.add(Some(*time)));
            [50, 95, 99].map(|percent| course.percentile(percent).unwrap())
        };
        assert_eq!(of(&[3]), [3, 3, 3]);
        assert_eq!(of(&[9, 1]), [1, 9, 9]);
        assert_eq!(of(&(1..=20).collect::<Vec<_>>()), [10, 19, 20]);
    }
}
