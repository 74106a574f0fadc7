//! How soon a frame may follow the one before: what was asked for, and slower on a link that takes long, or while nobody looks.
//!
//! It must never delay what a key changed: that is drawn at once.

use std::time::Duration;

use tokio::time::Instant;

/// Frames a second, unless `--fps` says otherwise.
pub const USUAL: u8 = 10;

/// The most that may be asked for.
pub const MOST: u8 = 60;

/// How many frames may come before their time: what happens alone, a death or a foreign listener, is seen at once.
const EARLY: u32 = 3;

/// However slow the link is, data is shown this often.
const SLOWEST: Duration = Duration::from_secs(2);

/// While the window has not the focus, data is shown this often: it may still be seen beside another one.
const AWAY: Duration = Duration::from_secs(5);

/// The pace of frames.
#[derive(Debug)]
pub struct Pace {
    least: Duration,
    /// How long the last frames took to leave, smoothed.
    leaving: Duration,
    sent: Option<Instant>,
    /// When the next one would be due if none came early.
    even: Instant,
}

impl Pace {
    /// So many frames a second at most.
    pub fn new(frames: u8, now: Instant) -> Self {
        let frames = frames.clamp(1, MOST);
        Self { least: Duration::from_secs(1) / u32::from(frames), leaving: Duration::ZERO, sent: None, even: now }
    }

    /// When the next frame with new data may be drawn.
    pub fn due(&self, away: bool) -> Instant {
        if away {
            return self.even;
        }
        self.even.checked_sub(self.interval(away) * EARLY).unwrap_or(self.even)
    }

    /// One was drawn.
    pub fn drawn(&mut self, now: Instant, away: bool) {
        // However many are drawn because of keys: data waits no longer than it would have.
        let interval = self.interval(away);
        self.even = (self.even.max(now) + interval).min(now + interval * (EARLY + 1));
    }

    /// How long after a frame the next one with new data comes in the long run.
    fn interval(&self, away: bool) -> Duration {
        // A link that is busy with frames half of its time still takes keys.
        let slow = (self.leaving * 2).min(SLOWEST);
        self.least.max(slow).max(if away { AWAY } else { Duration::ZERO })
    }

    /// A frame begins to leave.
    pub fn sent(&mut self, at: Instant) {
        self.sent = Some(at);
    }

    /// Nothing is on its way any more.
    pub fn drained(&mut self, at: Instant) {
        if let Some(sent) = self.sent.take() {
            self.leaving = (self.leaving + at.saturating_duration_since(sent)) / 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_link_slows_down_and_a_fast_one_does_not() {
        let (mut pace, begin) = (Pace::new(USUAL, Instant::now()), Instant::now());
        assert_eq!(pace.interval(false), Duration::from_millis(100));
        let frame = |pace: &mut Pace, milliseconds| {
            pace.sent(begin);
            pace.drained(begin + Duration::from_millis(milliseconds));
        };
        frame(&mut pace, 1);
        assert_eq!(pace.interval(false), Duration::from_millis(100));
        for _ in 0..10 {
            frame(&mut pace, 400);
        }
        assert!(pace.interval(false) > Duration::from_millis(700), "{:?}", pace.interval(false));
        for _ in 0..20 {
            frame(&mut pace, 60_000);
        }
        assert_eq!(pace.interval(false), SLOWEST);
        for _ in 0..40 {
            frame(&mut pace, 0);
        }
        assert_eq!(pace.interval(false), Duration::from_millis(100));
    }

    #[test]
    fn nobody_looking_and_few_frames_asked_for_are_heeded() {
        assert_eq!(Pace::new(USUAL, Instant::now()).interval(true), AWAY);
        assert_eq!(Pace::new(1, Instant::now()).interval(false), Duration::from_secs(1));
        assert_eq!(Pace::new(0, Instant::now()).interval(false), Duration::from_secs(1), "none would be no console");
    }

    #[test]
    fn a_few_frames_come_at_once_and_many_one_each_tenth_of_a_second() {
        let begun = Instant::now();
        let (mut pace, mut now, mut at) = (Pace::new(USUAL, begun), begun, Vec::new());
        for _ in 0..8 {
            now = now.max(pace.due(false));
            pace.drawn(now, false);
            at.push((now - begun).as_millis());
        }
        assert_eq!(at, [0, 0, 0, 0, 100, 200, 300, 400]);
        // Keys draw at once and do not keep data away for longer.
        for _ in 0..100 {
            pace.drawn(now, false);
        }
        assert_eq!(pace.due(false), now + Duration::from_millis(100));
    }
}
