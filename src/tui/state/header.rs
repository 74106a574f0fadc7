//! The first line: who, where, how it stands, what time it is; and what the banner below it says.
//!
//! It must never compute a finding: it picks the worst of those there are.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::{Level, Moment, Shown, Snapshot, Standing, words};
use crate::present::advice::{self, Banner};

/// Its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The time, as the loop told it last.
    pub now: Moment,
    /// Changes are locked.
    pub locked: bool,
    /// The picture is held.
    pub held: bool,
    /// Whose engine is shown, where the door says so.
    pub standing: Option<Standing>,
    /// The line below, while something is wrong in the picture that is shown.
    pub banner: Option<Banner>,
}

/// The worst thing; when nothing is wrong, what could not be read.
pub fn banner(snapshot: &Snapshot) -> Option<Banner> {
    // An empty table says these itself.
    let notice = || {
        snapshot.notices.first().filter(|_| !snapshot.rows.is_empty()).map(|notice| Banner {
            level: Level::Note,
            sentence: notice.clone(),
            finding: None,
            crashed: None,
        })
    };
    advice::banner(snapshot).or_else(notice)
}

/// That the daemon has gone, since when, and what that means: worse than anything in a picture that is old.
pub fn gone(standing: Option<&Standing>, now: Moment, zone: &TimeZone) -> Option<Banner> {
    let Some(Standing::Lost { since, why }) = standing else { return None };
    let at = words::clock(since.wall, now.wall, zone);
    let sentence = Shown::new(&format!("the daemon is gone since {at}: {why}. The picture is of then; it attaches again by itself"));
    Some(Banner { level: Level::Error, sentence, finding: None, crashed: None })
}

/// Of several hosts those that do not answer, since when and why.
pub fn apart(snapshot: &Snapshot, now: Moment, zone: &TimeZone) -> Option<Banner> {
    let mut silent = snapshot.hosts.iter().filter_map(|part| match &part.standing {
        Standing::Lost { since, why } => Some((part, since, why)),
        _ => None,
    });
    let (part, since, why) = silent.next()?;
    let at = words::clock(since.wall, now.wall, zone);
    let (name, others) = (&part.name, silent.count());
    let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    let then = if part.picture.sequence > 0 { "its rows are of then" } else { "it has not told anything yet" };
    let sentence = Shown::new(&format!("{name} is not reached since {at}{more}: {why}; {then}, and it is tried again"));
    Some(Banner { level: Level::Error, sentence, finding: None, crashed: None })
}

/// A picture older than this is said to be old: the engine publishes every second.
const OLD: Duration = Duration::from_secs(4);

impl Header {
    /// How old the picture is, when that is worth a word.
    pub fn lag(&self, snapshot: &Snapshot) -> Option<Duration> {
        let age = self.now.boot.saturating_sub(snapshot.taken.boot);
        (age >= OLD).then_some(age)
    }
}
