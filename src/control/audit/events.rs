//! What happened beside the actions, in the same file: written in one transaction, read by time.
//!
//! It must never tell as an event of its own what an action was to bring about.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Audit, Stamp, standing};
use crate::domain::{Event, EventKind, EventQuery, InstanceId, Level, Shown, Stands, Uid};
use crate::error::{Context, Kind, Result};

/// What an action changed may show so long after its end, and its end may be recorded so long after that shows.
const SHOWS_LATE: SignedDuration = SignedDuration::from_secs(10);

/// An action without an end is believed to be under way for so long.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(1);

/// How many of an instance's newest actions are looked at for what they brought about.
const ACTIONS: u32 = 100;

impl Audit {
    /// Keeps events, but for the changes that an action was to bring about, and with them what stands from now on or not any more; those that
    /// were kept, with their numbers.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn keep_events(&self, events: &[Event], standing: &[(Stands, bool)]) -> Result<Vec<Event>> {
        self.store.write("cannot write the events to", |transaction| {
            let mut kept = Vec::new();
            for event in events {
                if is_wanted(transaction, event)? {
                    kept.push(Event { number: insert(transaction, event)?, ..event.clone() });
                }
            }
            for (stands, is_so) in standing {
                standing::note(transaction, stands, *is_so)?;
            }
            Ok(kept)
        })
    }

    /// The newest events that are asked for, oldest first; actions are not among them.
    ///
    /// # Errors
    /// When they may not or cannot be read.
    pub fn events(&self, query: &EventQuery) -> Result<Vec<Event>> {
        let Some(connection) = self.store.reading()? else { return Ok(Vec::new()) };
        let doing = || self.store.reading_what();
        if !has_events(&connection).while_doing(doing)? {
            return Ok(Vec::new());
        }
        let mut statement = connection
            .prepare(
                "SELECT id, at, kind, level, instance, uid, finding, sentence, brief FROM events
                 WHERE at >= ?1 AND (?2 IS NULL OR instance = ?2)
                 AND (?3 IS NULL OR instance = ?3 OR substr(instance, 1, length(?3) + 1) = ?3 || '/')
                 ORDER BY id DESC LIMIT ?4",
            )
            .while_doing(doing)?;
        let since = query.since.map_or(i64::MIN, Timestamp::as_microsecond);
        let count = i64::try_from(query.last).unwrap_or(i64::MAX);
        let id = query.id.as_ref().map(ToString::to_string);
        let rows = statement.query_map(params![since, id, query.user, count], read).while_doing(doing)?;
        let mut events = Vec::new();
        for row in rows {
            // What a later berth wrote of a kind that this one does not know is left out.
            events.extend(row.while_doing(doing)?);
        }
        events.reverse();
        Ok(events)
    }

    /// Keeps a value under a name; the one before it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remember(&self, name: &str, value: &str) -> Result<Option<String>> {
        self.store.write("cannot write to", |transaction| {
            let before = transaction.query_row("SELECT value FROM kept WHERE name = ?1", [name], |row| row.get(0)).optional()?;
            transaction.execute("INSERT OR REPLACE INTO kept (name, value) VALUES (?1, ?2)", [name, value])?;
            Ok(before)
        })
    }

    /// Which state the file is in; `None` where there is none.
    pub fn stamp(&self) -> Option<Stamp> {
        self.store.stamp()
    }
}

/// Adds one; its number.
pub(super) fn insert(connection: &Connection, event: &Event) -> rusqlite::Result<i64> {
    connection.execute(
        "INSERT INTO events (at, kind, level, instance, uid, finding, sentence, brief) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            event.at.as_microsecond(),
            event.kind.word(),
            event.level.word(),
            event.id.as_ref().map(ToString::to_string),
            event.uid.map(|uid| uid.0),
            event.finding.as_ref().map(Shown::as_str),
            event.sentence.as_str(),
            event.brief.as_ref().map(Shown::as_str),
        ],
    )?;
    Ok(connection.last_insert_rowid())
}

/// Whether it is no mere consequence of an action: that one is told already.
fn is_wanted(connection: &Connection, event: &Event) -> rusqlite::Result<bool> {
    let Some(id) = event.id.as_ref().filter(|_| matches!(event.kind, EventKind::State | EventKind::Restarted)) else { return Ok(true) };
    let before = |span: SignedDuration| seconds(event.at.checked_sub(span).unwrap_or(Timestamp::MIN));
    let after = seconds(event.at.checked_add(SHOWS_LATE).unwrap_or(Timestamp::MAX));
    // What was refused changed nothing: whoever may only ask must not keep what happens from being told.
    let refused = Kind::NotPermitted.exit_code();
    let asked = "SELECT 1 FROM (SELECT asked_at, ended_at, exit_code FROM actions WHERE instance = ?1 ORDER BY id DESC LIMIT ?5)
                 WHERE substr(asked_at, 1, 19) <= ?2 AND exit_code IS NOT ?6
                 AND ((ended_at IS NULL AND substr(asked_at, 1, 19) >= ?3) OR substr(ended_at, 1, 19) >= ?4) LIMIT 1";
    let given = params![id.to_string(), after, before(UNDER_WAY), before(SHOWS_LATE), ACTIONS, refused];
    let found = connection.prepare_cached(asked)?.query_row(given, |_| Ok(())).optional()?;
    Ok(found.is_none())
}

/// To the second, as the actions' times begin.
pub(super) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// An older berth's file has none.
fn has_events(connection: &Connection) -> rusqlite::Result<bool> {
    let found = connection.query_row("SELECT 1 FROM sqlite_master WHERE name = 'events'", [], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Event>> {
    let (at, kind, level): (i64, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let (instance, uid): (Option<String>, Option<u32>) = (row.get(4)?, row.get(5)?);
    let text = |column| row.get::<_, Option<String>>(column).map(|text| text.map(|text| Shown::new(&text)));
    let levels = [Level::Error, Level::Warning, Level::Note];
    let (Ok(at), Some(kind)) = (Timestamp::from_microsecond(at), EventKind::of_word(&kind)) else { return Ok(None) };
    Ok(Some(Event {
        number: row.get(0)?,
        at,
        kind,
        level: levels.into_iter().find(|known| known.word() == level).unwrap_or(Level::Note),
        id: instance.and_then(|id| InstanceId::parse(&id).ok()),
        uid: uid.map(Uid),
        finding: text(6)?,
        sentence: text(7)?.unwrap_or_default(),
        brief: text(8)?,
        deed: None,
    }))
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
