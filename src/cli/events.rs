//! `berth events`: what happened and what was done, and with `-f` what comes after.
//!
//! It must never tell an event twice, nor make a file by looking.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::args::{Events, Global};
use super::door::Desk;
use super::errors::Stop;
use super::output::{Out, aside};
use crate::domain::{Event, EventQuery};
use crate::present::events::fresh::{Fresh, WINDOW};
use crate::present::events::record;

/// How many are shown where nobody says how many.
const USUAL: usize = 50;

/// How many are shown at most.
const MOST: usize = 1_000_000;

/// How often it is looked whether there are new ones.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often another host's daemon is asked for new ones.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Runs the command.
pub fn run(words: &Events, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let usual = if words.since.is_some() { MOST } else { USUAL };
    let last = words.lines.unwrap_or(usual).min(MOST);
    let query = EventQuery { last, since: words.since, user: words.user.clone(), id: words.id.clone() };
    // Another host's daemon decides what is shown.
    if desk.hosts().is_empty() && !desk.door().caller().uid.is_root() {
        aside("what others did is not shown: only root may read root's events; the daemon shows them at /v1/events");
    }
    if words.follow {
        return follow(&query, global, desk, out);
    }
    let events = desk.events(&query)?;
    if global.json {
        out.json(&record::document(&events))?;
    } else {
        lines(&events, out)?;
    }
    Ok(0)
}

fn lines(events: &[Event], out: &mut Out) -> Result<(), Stop> {
    let zone = TimeZone::system();
    for event in events {
        let line = record::line(event, &zone, out.style().ascii);
        out.text(&format!("{line}\n"))?;
    }
    Ok(())
}

/// Goes on until interrupted, or nobody reads any more.
fn follow(query: &EventQuery, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let window = EventQuery { last: query.last.max(WINDOW), ..query.clone() };
    let mut fresh = Fresh::default();
    let mut seen = None;
    let mut read = Instant::now();
    loop {
        let stamp = desk.events_stamp();
        // Who has no stamp to tell is asked now and then.
        if stamp.is_none() && read.elapsed() > ASK_EVERY {
            seen = seen.map(|(known, _)| (known, true));
        }
        // Two writes may bear one time: what was read at a change is read once more after it.
        if seen.is_none_or(|(known, again)| known != stamp || again) {
            let again = seen.is_none_or(|(known, _)| known != stamp);
            let events = fresh.of(&desk.events(&window)?, query.last);
            read = Instant::now();
            if global.json {
                for event in &events {
                    out.json(&record::json(event))?;
                }
            } else {
                lines(&events, out)?;
            }
            out.flush()?;
            seen = Some((stamp, again));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
