//! The host: its course over the last hour, what goes to the terminal, how far the tab is scrolled.
//!
//! It must never measure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::course::Course;

/// Over how many of the last seconds the bytes to the terminal are averaged.
const SENT_OVER: usize = 10;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// CPU in use, percent of all cores.
    pub cpu: Course,
    /// Memory in use, bytes.
    pub memory: Course,
    /// Which host's this is, where several are shown as one.
    pub of: Option<Arc<str>>,
    /// The first line that is seen.
    pub top: usize,
    /// How many bytes went to the terminal until when, on the boot clock; oldest first.
    pub sent: VecDeque<(Duration, u64)>,
}

impl Host {
    /// So many bytes went to the terminal until now.
    pub fn note_sent(&mut self, now: Duration, total: u64) {
        self.sent.push_back((now, total));
        while self.sent.len() > SENT_OVER + 1 {
            self.sent.pop_front();
        }
    }

    /// Bytes a second to the terminal over the last seconds; `None` until there were two.
    pub fn sent_a_second(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.sent.front()?, self.sent.back()?);
        let seconds = to.saturating_sub(*from).as_secs_f64();
        #[allow(clippy::cast_precision_loss)]
        (seconds > 0.0).then(|| after.saturating_sub(*before) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_averaged_over_the_last_seconds() {
        let mut host = Host::default();
        assert_eq!(host.sent_a_second(), None);
        for second in 0..30 {
            host.note_sent(Duration::from_secs(second), if second < 20 { 0 } else { (second - 19) * 500 });
        }
        assert_eq!(host.sent.len(), SENT_OVER + 1);
        assert_eq!(host.sent_a_second(), Some(500.0));
    }
}
